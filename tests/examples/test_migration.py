"""From Authlib's Django server to ours, as docs/moving-in/authlib.md says: a real server of Authlib's issues a token,
the command of docs/examples exports it, ours imports it, and the client never notices."""

import json
import shutil
import subprocess
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from authlib.integrations.requests_client import OAuth1Session as AuthlibSession
from requests_oauthlib import OAuth1Session

from harness.owner import Owner, Page
from harness.provider import clean_environment
from harness.resource_server import ResourceServer
from harness.signer import Signer

from services import DOCS, PYTHON

pytestmark = pytest.mark.xdist_group("migration")
HERE = Path(__file__).resolve().parent
API = "https://api.example"
PRINTERS_CALLBACK = "https://printer.example/ready"


@pytest.fixture(scope="module")
def authlib(tmp_path_factory):
    """What authlib_shop/project.py prints: the token, what Authlib did, and both exports."""
    folder = tmp_path_factory.mktemp("authlib") / "project"
    shutil.copytree(HERE / "authlib_shop", folder)
    commands = folder / "shop/management/commands"
    commands.mkdir(parents=True)
    for package in (commands.parent, commands):
        (package / "__init__.py").touch()
    shutil.copy(DOCS / "django/export_oauth1.py", commands)
    done = subprocess.run([PYTHON, folder / "project.py", folder / "shop.db", folder], capture_output=True, text=True,
                          timeout=60, env=clean_environment({"PYTHONDONTWRITEBYTECODE": "1"}))
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def moved(provider, authlib):
    """The counts of both imports."""
    def run(what):
        done = provider.command(what, "import", "--format", "json", stdin=authlib[f"{what}s"])
        assert done.code == 0, done
        return done.json()

    return run("client"), run("token")


def test_clients_and_tokens_move(moved):
    clients, tokens = moved
    assert (clients["imported"], clients["refused"]) == (2, 0)
    assert tokens["imported"] >= 1 and tokens["refused"] == 0
    assert tokens["users_created"] == 0  # jane is there already, and found by her name


def test_a_request_signed_with_the_old_credentials_verifies(provider, authlib, moved):
    key = provider.create_resource_server("--origin", API, name="moved")
    token = authlib["token"]
    signer = Signer("printer", "printer's secret", token["oauth_token"], token["oauth_token_secret"])
    answer = provider.introspect(key, signer.sign("GET", API + "/%7Ejane;p")).json()
    assert answer["active"] and answer["username"] == "jane" and answer["scope"] == "photos:read", answer


@pytest.mark.parametrize("session", [OAuth1Session, AuthlibSession], ids=["requests-oauthlib", "Authlib's client"])
def test_a_clients_own_library_goes_on_with_the_token_and_asks_for_another(provider, authlib, moved, session):
    """As it was set up for the old server, but for where it asks for tokens: the page has the proxy see to that."""
    token, identity = authlib["token"], ("printer", "printer's secret")
    with ResourceServer(provider) as api:
        held = session(*identity, token["oauth_token"], token["oauth_token_secret"])
        fresh = session(*identity, **{"redirect_uri" if session is AuthlibSession else "callback_uri": PRINTERS_CALLBACK})
        fresh.fetch_request_token(provider.url + "/oauth/initiate")
        sent_to = fresh.create_authorization_url(provider.url + "/oauth/authorize") if session is AuthlibSession else \
            fresh.authorization_url(provider.url + "/oauth/authorize")
        temporary = parse_qs(urlsplit(sent_to).query)["oauth_token"][0]
        fresh.parse_authorization_response(Owner(provider).grant(temporary).headers["Location"])
        fresh.fetch_access_token(provider.url + "/oauth/token")
        for holder in (held, fresh):
            answer = holder.get(api.origin + "/photos?size=o&q=a+b", timeout=20)
            assert answer.status_code == 200 and (answer.json()["client_id"], answer.json()["username"]) == ("printer", "jane"), answer.text


def test_djangos_users_log_in_with_the_passwords_that_they_had(provider, authlib):
    done = provider.command("user", "import", "--format", "json", stdin=authlib["users"])
    assert done.code == 0 and (done.json()["imported"], done.json()["skipped"]) == (1, 1), done  # dora; jane is there
    owner = Owner(provider, "dora", "granite otter lamp")
    page = Page(owner.get("/login"))
    for password, status in (("granite otter lamb", 403), ("granite otter lamp", 302)):
        answer = owner.submit(page, page.form_with("password"), username="dora", password=password)
        assert answer.status_code == status, answer.text


# ---- what the guide says of Authlib is so


@pytest.mark.parametrize(
    "what, is_so",
    [
        ("confirmed", "True"),
        ("another client exchanges", "good"),
        ("after an unsigned exchange", "invalid_token"),
        ("granted after that", "https://printer.example/ready"),
        ("forged", "invalid_signature"),
        ("its nonce, well signed", "invalid_nonce"),
        ("a year ahead", "good"),
        ("six minutes late", "invalid_request"),
        ("plain path", "good"),
        ("%7E", "invalid_signature"),
        (";p", "invalid_signature"),
        ("form", "good"),
        ("repeated field", "invalid_signature"),
        ("PUT form", "invalid_signature"),
        ("HMAC-SHA256", "unsupported_signature_method"),
        ("PLAINTEXT", "unsupported_signature_method"),
        ("two-legged", "missing_required_parameter"),
        ("parameter twice", "good"),
        ("challenge", None),
        ("Basic", 500),
        ("?a[]=1", ["good", 500]),
    ],
)
def test_authlib_does_what_the_guide_says(authlib, what, is_so):
    assert authlib["behaviour"][what] == is_so


def test_authlibs_denial_names_no_token(authlib):
    assert "error=access_denied" in authlib["behaviour"]["denied"] and "oauth_token" not in authlib["behaviour"]["denied"]
