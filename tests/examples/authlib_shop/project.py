"""An OAuth 1 server as Authlib's documentation builds it with Django: what people move from. Run as a program it goes
through the three legs, tries what the guide says of Authlib, prints both as JSON, and leaves its database to be exported:

    project.py DATABASE DIRECTORY
"""

import json
import os
import sys
import time
from io import StringIO
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

os.environ["AUTHLIB_INSECURE_TRANSPORT"] = "true"

import django
from django.conf import settings
from oauthlib.oauth1 import Client as Signer

BASE = "http://testserver"
CALLBACK = "https://printer.example/ready"


def configure(database):
    settings.configure(
        SECRET_KEY="test", ALLOWED_HOSTS=["*"], ROOT_URLCONF="shop.views", DEFAULT_AUTO_FIELD="django.db.models.AutoField",
        INSTALLED_APPS=["django.contrib.contenttypes", "django.contrib.auth", "shop"],
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": str(database)}},
    )
    django.setup()


class Browser:
    """Sends what oauthlib signs to Django itself."""

    def __init__(self, client_id, client_secret, **options):
        from django.test import Client

        self.http = Client(raise_request_exception=False)
        self.identity = client_id, client_secret
        self.options = options

    def send(self, method, target, body=None, content_type=None, tamper=lambda header: header, **options):
        signer = Signer(*self.identity, **{**self.options, **options})
        headers = {"Content-Type": content_type} if content_type else {}
        _, headers, body = signer.sign(BASE + target, method, body, headers)
        return self.http.generic(method, target, body or "", content_type or "application/octet-stream",
                                 HTTP_AUTHORIZATION=tamper(headers["Authorization"]))

    def initiate(self, **options):
        return self.send("POST", "/initiate", callback_uri=CALLBACK, **options)

    def exchange(self, temporary, verifier, **options):
        return self.send("POST", "/token", resource_owner_key=temporary["oauth_token"],
                         resource_owner_secret=temporary["oauth_token_secret"], verifier=verifier, **options)

    def authorize(self, temporary, decision="grant"):
        return self.http.post(f"/authorize?oauth_token={temporary['oauth_token']}", {"decision": decision})

    def granted(self):
        """A temporary credential and its verifier."""
        temporary = form(self.initiate())
        location = self.authorize(temporary)["Location"]
        return temporary, dict(parse_qsl(urlsplit(location).query))["oauth_verifier"]


def form(response):
    return dict(parse_qsl(response.content.decode()))


def error_of(response):
    if response.status_code == 200:
        return "good"
    try:
        return json.loads(response.content)["error"]
    except ValueError:
        return form(response).get("error", response.status_code)


def behaviour(browser, other, token):
    """What the guide says of Authlib, tried."""
    signed = {"resource_owner_key": token["oauth_token"], "resource_owner_secret": token["oauth_token_secret"]}
    urlencoded = "application/x-www-form-urlencoded"

    def api(target, method="GET", **options):
        return error_of(browser.send(method, target, **{**signed, **options}))

    said = {"confirmed": form(browser.initiate())["oauth_callback_confirmed"]}

    temporary, verifier = browser.granted()
    said["another client exchanges"] = error_of(other.exchange(temporary, verifier))

    temporary, verifier = browser.granted()
    browser.http.post("/token", {"oauth_consumer_key": browser.identity[0], "oauth_token": temporary["oauth_token"]})
    said["after an unsigned exchange"] = error_of(browser.exchange(temporary, verifier))

    temporary = form(browser.initiate())
    said["denied"] = browser.authorize(temporary, "deny")["Location"]
    said["granted after that"] = browser.authorize(temporary)["Location"].partition("?")[0]

    now = int(time.time())
    said["forged"] = api("/api", nonce="n1", timestamp=str(now), tamper=lambda h: h.replace('signature="', 'signature="x'))
    said["its nonce, well signed"] = api("/api", nonce="n1", timestamp=str(now))
    said["a year ahead"] = api("/api", timestamp=str(now + 31_536_000))
    said["six minutes late"] = api("/api", timestamp=str(now - 360))
    said["plain path"] = api("/api/jane")
    said["%7E"] = api("/api/%7Ejane")
    said[";p"] = api("/api/a;p")
    said["form"] = api("/api", "POST", body="a=1&b=2", content_type=urlencoded)
    said["repeated field"] = api("/api", "POST", body="a=1&a=2", content_type=urlencoded)
    said["PUT form"] = api("/api", "PUT", body="a=1", content_type=urlencoded)
    said["HMAC-SHA256"] = api("/api", signature_method="HMAC-SHA256")
    said["PLAINTEXT"] = api("/api", signature_method="PLAINTEXT")
    said["two-legged"] = error_of(browser.send("GET", "/api"))
    said["parameter twice"] = api("/api", tamper=lambda header: header.replace("OAuth ", 'OAuth oauth_nonce="x", '))
    refusal = browser.http.get("/api")
    said["challenge"] = refusal.headers.get("WWW-Authenticate")
    said["Basic"] = browser.http.get("/api", HTTP_AUTHORIZATION="Basic eDp5").status_code
    said["?a[]=1"] = api("/api?a%5B%5D=1"), browser.http.get("/api?a[]=1").status_code
    return said


def main(database, directory):
    sys.path.insert(0, directory)
    configure(database)
    from django.contrib.auth import get_user_model
    from django.core.management import call_command

    from shop.models import Client

    call_command("migrate", run_syncdb=True, verbosity=0)
    jane = get_user_model().objects.create_user("jane")
    get_user_model().objects.create_user("dora", "dora@a.example", "granite otter lamp")
    for name in ("printer", "other"):
        Client.objects.create(user=jane, client_id=name, client_secret=f"{name}'s secret", default_redirect_uri=CALLBACK)
    browser, other = Browser("printer", "printer's secret"), Browser("other", "other's secret")
    token = form(browser.exchange(*browser.granted()))
    out = {"token": token, "behaviour": behaviour(browser, other, token)}
    for what, model in (("clients", "shop.Client"), ("users", "auth.User"), ("tokens", "shop.TokenCredential")):
        exported = StringIO()
        call_command("export_oauth1", what, model=model, scope="photos:read", stdout=exported)
        out[what] = exported.getvalue()
    print(json.dumps(out))


if __name__ == "__main__":
    main(sys.argv[1], str(Path(sys.argv[2])))
