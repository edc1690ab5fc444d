"""docker compose up, one page, its next step; then a real client, and everything that must not get through."""

import json
import re

import pytest
import requests
from requests_oauthlib import OAuth1Session

from demo_client import demo_file, demo_variables
from harness.compose import command_on_page
from harness.flow import send
from harness.owner import Page
from harness.signer import Signer
from signed_load import other_letter


@pytest.fixture(scope="module")
def client(stack):
    """The demo client's own secrets, as its volume has them."""
    return demo_variables(stack, "client.env")


@pytest.fixture(scope="module")
def session(stack, jane, client):
    """requests-oauthlib, through the three legs."""
    session = OAuth1Session(client["CLIENT_ID"], client["CLIENT_SECRET"], callback_uri="oob")
    temporary = session.fetch_request_token(f"{stack.url}/oauth/initiate?scope=photos%3Aread")
    page = Page(jane.grant(temporary["oauth_token"]))
    session.fetch_access_token(f"{stack.url}/oauth/token", verifier=page.texts["verifier"].strip())
    return session


@pytest.fixture(scope="module")
def signer(session, client):
    held = session.auth.client
    return Signer(client["CLIENT_ID"], client["CLIENT_SECRET"], token=held.resource_owner_key,
                  token_secret=held.resource_owner_secret, signature_method="HMAC-SHA256")


def photos(stack):
    return f"{stack.url}/api/photos"


def test_the_first_page_tells_a_next_step_that_works(stack):
    page = requests.get(stack.url, timeout=20)
    assert page.status_code == 200 and page.headers["Content-Type"].startswith("text/html")
    assert photos(stack) in page.text, "the page names the URL on the port that is in use"
    done = stack.shell(command_on_page(page.text, "next"))
    for _ in range(4):  # a machine that has just built the images may be busy: the answer says to sign anew and try again
        if "try again" not in done.stdout:
            break
        done = stack.shell(command_on_page(page.text, "next"))
    assert json.loads(done.stdout)["asked_by"] == {"client": "demo", "user": "jane", "scope": "photos%3Aread"}, done


def test_the_first_page_shows_that_a_replay_is_refused_and_why(stack):
    page = requests.get(stack.url, timeout=20)
    done = stack.shell(command_on_page(page.text, "again"))
    first, _, second = done.stdout.partition("HTTP/1.1 401 ")
    assert "HTTP/1.1 200 " in first and 'oauth_problem="nonce_used"' in second, done


def test_the_pages_bear_the_demos_brand_and_say_what_is_asked_for(stack, jane, client):
    login = requests.get(f"{stack.url}/login", timeout=20)
    assert "Photo Garden" in login.text
    sources = re.findall(r'(?:href|src)="(/[^"]+(?:css|png)[^"]*)"', login.text)
    assert len(sources) >= 3, sources
    for source in sources:
        answer = requests.get(stack.url + source.replace("&amp;", "&"), timeout=20)
        assert answer.status_code == 200 and answer.content, source
    session = OAuth1Session(client["CLIENT_ID"], client["CLIENT_SECRET"], callback_uri="oob")
    temporary = session.fetch_request_token(f"{stack.url}/oauth/initiate?scope=photos%3Aread")
    assert "See your photos and albums" in jane.consent_page(temporary["oauth_token"]).response.text


def test_every_command_of_the_demo_client_works(stack):
    steps = stack.compose("run", "--rm", "-T", "--no-deps", "client", "steps").stdout
    assert "3. The client trades both for a token credential" in steps and "oauth_token_secret=" in steps
    assert stack.compose("run", "--rm", "-T", "--no-deps", "client", "sign", "GET", "/api/photos?size=o").stdout.startswith("curl ")
    assert "usage:" in stack.compose("run", "--rm", "-T", "--no-deps", "client", "help").stdout


def test_a_real_client_goes_through_the_three_legs_and_gets_data(stack, session):
    answer = session.get(photos(stack) + "?size=original&tag=a%20b", timeout=20)
    assert answer.status_code == 200, answer.text
    assert answer.json()["asked_by"]["user"] == "jane"


def test_a_replay_is_refused(stack, signer):
    request = signer.sign("GET", photos(stack))
    assert send(request).status_code == 200
    again = send(request)
    assert again.status_code == 401 and 'oauth_problem="nonce_used"' in again.headers["WWW-Authenticate"]


def test_an_unsigned_request_is_refused(stack):
    answer = requests.get(photos(stack), timeout=20)
    assert answer.status_code == 401 and answer.headers["WWW-Authenticate"].startswith("OAuth ")
    assert "photos" not in answer.text


@pytest.mark.parametrize("spoil", ["signature", "other_path", "other_method", "other_secret"])
def test_a_forged_request_is_refused(stack, signer, spoil):
    if spoil == "signature":
        request = signer.sign("GET", photos(stack), tamper=other_letter)
    elif spoil == "other_secret":
        forger = Signer(signer.client_id, "guessed", token=signer.token, token_secret=signer.token_secret)
        request = forger.sign("GET", photos(stack))
    else:
        request = signer.sign("GET", photos(stack))
        request.url += "?size=o" if spoil == "other_path" else ""
        request.method = "DELETE" if spoil == "other_method" else "GET"
    answer = send(request)
    assert answer.status_code == 401 and 'oauth_problem="signature_invalid"' in answer.headers["WWW-Authenticate"]


def test_a_client_cannot_say_who_it_is_or_which_url_is_checked(stack, signer):
    signed = signer.sign("GET", photos(stack))
    signed.headers |= {"X-OAuth-Username": "root", "X-OAuth-Client-Id": "other"}
    assert send(signed).json()["asked_by"] == {"client": "demo", "user": "jane", "scope": "photos%3Aread"}
    signed = signer.sign("GET", photos(stack))
    unsigned = requests.get(photos(stack) + "?all=1", timeout=20, headers={
        **signed.headers, "X-Original-URL": signed.url, "X-Original-Method": "GET", "X-Forwarded-Uri": "/api/photos",
        "Host": "evil.example"})
    assert unsigned.status_code == 401


@pytest.mark.parametrize("path", ["/_verify", "/verify/auth-request", "/verify"])
def test_the_check_itself_is_not_reachable_from_outside(stack, path, signer):
    signed = signer.sign("GET", photos(stack))
    answer = requests.get(stack.url + path, timeout=20,
                          headers={**signed.headers, "X-Original-URL": signed.url, "X-Original-Method": "GET"})
    assert answer.status_code == 404


def test_a_resource_server_can_ask_by_itself(stack, signer):
    key = demo_file(stack, "resource-server.key")
    request = signer.sign("GET", photos(stack))
    answer = requests.post(f"{stack.url}/v1/introspect", headers={"Authorization": f"Bearer {key}"}, timeout=20,
                           json={"method": "GET", "url": request.url, "authorization": request.authorization})
    assert answer.status_code == 200 and answer.json()["active"] is True, answer.text


def test_redis_keeps_everything_that_it_took(stack):
    """Nothing is evicted, and what was acknowledged is on the disk within a second."""
    ask = 'REDISCLI_AUTH="$(cat /run/secrets/redis/password)" redis-cli config get'
    told = stack.compose("exec", "-T", "redis", "sh", "-c", f"{ask} appendonly appendfsync maxmemory-policy").stdout.split()
    settings = dict(zip(told[::2], told[1::2]))
    assert (settings["appendonly"], settings["appendfsync"]) == ("yes", "everysec")
    assert settings["maxmemory-policy"] == "noeviction"


def test_a_second_up_changes_nothing(stack, signer):
    stack.up()
    assert "all there, none changed" in stack.log("secrets")
    assert send(signer.sign("GET", photos(stack))).status_code == 200, "the token is still good"
