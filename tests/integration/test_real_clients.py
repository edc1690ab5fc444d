"""Clients that others wrote go through the three legs, and a resource server verifies their request."""

import json
import os
import shutil
import subprocess
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from authlib.integrations.requests_client import OAuth1Session as AuthlibSession
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from requests_oauthlib import OAuth1Session

from harness.owner import Owner
from harness.provider import ROOT
from harness.resource_server import ResourceServer

CALLBACK = "http://127.0.0.1/ready"
HERE = Path(__file__).resolve().parent
BUILD = ROOT / "build"


def private_pem(key, form=PrivateFormat.TraditionalOpenSSL):
    return key.private_bytes(Encoding.PEM, form, NoEncryption()).decode()


@pytest.fixture(scope="session")
def api(provider):
    with ResourceServer(provider) as server:
        yield server


def owner_grants(provider, authorization_url):
    """The redirect that the owner's browser is sent on, with the verifier."""
    token = parse_qs(urlsplit(authorization_url).query)["oauth_token"][0]
    return Owner(provider).grant(token).headers["Location"]


def assert_janes(response, client):
    assert response.status_code == 200, response.text
    answer = response.json()
    assert answer["active"] and answer["username"] == "jane" and answer["client_id"] == client.client_id


def endpoints(provider):
    return provider.url + "/oauth/initiate", provider.url + "/oauth/authorize", provider.url + "/oauth/token"


HMAC = ["HMAC-SHA1", "HMAC-SHA256", "HMAC-SHA512"]
RSA = ["RSA-SHA1", "RSA-SHA256", "RSA-SHA512"]


@pytest.mark.parametrize("place", ["AUTH_HEADER", "BODY", "QUERY"])
@pytest.mark.parametrize("method", HMAC + RSA + ["PLAINTEXT"])
def test_requests_oauthlib(provider, api, client, rsa_client, method, place):
    used = rsa_client if method in RSA else client
    options = {"rsa_key": private_pem(used.rsa_key)} if method in RSA else {"client_secret": used.client_secret}
    session = OAuth1Session(
        used.client_id, callback_uri=CALLBACK, signature_method=method, signature_type=place, **options
    )
    initiate, authorize, exchange = endpoints(provider)
    session.fetch_request_token(initiate)
    session.parse_authorization_response(owner_grants(provider, session.authorization_url(authorize)))
    session.fetch_access_token(exchange)
    if place == "BODY":
        response = session.post(api.origin + "/photos", data={"title": "Blätter & Bäume", "n": ["2", "1"]})
    else:
        response = session.get(api.origin + "/photos?size=o&q=a+b&q=%C3%A9&empty=")
    assert_janes(response, used)


# In body and query Authlib's client (1.2.0) sends each protocol parameter twice, which RFC 5849 section 3.1
# forbids and we refuse (test_refusals): it cannot be used there.
@pytest.mark.parametrize("method", ["HMAC-SHA1", "RSA-SHA1", "PLAINTEXT"])
def test_authlib(provider, api, client, rsa_client, method):
    used = rsa_client if method in RSA else client
    options = {"rsa_key": private_pem(used.rsa_key)} if method in RSA else {"client_secret": used.client_secret}
    session = AuthlibSession(
        used.client_id, redirect_uri=CALLBACK, signature_method=method, **options
    )
    initiate, authorize, exchange = endpoints(provider)
    session.fetch_request_token(initiate)
    session.parse_authorization_response(owner_grants(provider, session.create_authorization_url(authorize)))
    session.fetch_access_token(exchange)
    assert_janes(session.post(api.origin + "/photos", data={"title": "x y", "n": "1"}), used)
    assert_janes(session.get(api.origin + "/photos?size=o&q=a%20b"), used)


# ---- clients in other languages: a program that signs one request at a time, asked over its standard input


class Program:
    """Prints, for each question (a JSON line), what to send: method, url, authorization, content_type, body."""

    def __init__(self, command):
        self.command = command

    def send(self, **question):
        done = subprocess.run(
            self.command, input=json.dumps(question) + "\n", capture_output=True, text=True, timeout=30, check=True
        )
        answer = json.loads(done.stdout)
        headers = {"Authorization": answer["authorization"]} if answer.get("authorization") else {}
        if answer.get("body") is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        return requests.request(answer["method"], answer["url"], headers=headers, data=answer.get("body"), timeout=20)


@pytest.fixture(scope="session")
def liboauth(tmp_path_factory):
    program = tmp_path_factory.mktemp("liboauth") / "client"
    flags = subprocess.run(
        ["pkg-config", "--cflags", "--libs", "oauth", "libcjson"], capture_output=True, text=True, check=True
    ).stdout.split()
    subprocess.run(["cc", "-O1", "-o", program, HERE / "clients/liboauth/client.c", *flags], check=True)
    return Program([program])


@pytest.fixture(scope="session")
def node(tmp_path_factory, worker_id="0"):
    folder = BUILD / f"node-client-{os.environ.get('PYTEST_XDIST_WORKER', 'single')}"
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("package.json", "package-lock.json", "client.js"):
        shutil.copy(HERE / "clients/node" / name, folder / name)
    subprocess.run(["npm", "ci", "--no-audit", "--no-fund", "--loglevel=error"], cwd=folder, check=True, timeout=120)
    return Program(["node", folder / "client.js"])


def three_legs(program, provider, api, client, method, place, **more):
    initiate, authorize, exchange = endpoints(provider)
    common = {"client_id": client.client_id, "client_secret": client.client_secret, "signature_method": method,
              "place": place, **more}

    def credentials(**question):
        response = program.send(http_method="POST", **common, **question)
        assert response.status_code == 200, response.text
        return {name: values[0] for name, values in parse_qs(response.text).items()}

    temporary = credentials(url=initiate, parameters={"oauth_callback": CALLBACK})
    location = owner_grants(provider, f"{authorize}?oauth_token={temporary['oauth_token']}")
    verifier = parse_qs(urlsplit(location).query)["oauth_verifier"][0]
    token = credentials(url=exchange, token=temporary["oauth_token"], token_secret=temporary["oauth_token_secret"],
                        parameters={"oauth_verifier": verifier})
    response = program.send(
        http_method="GET" if place != "body" else "POST", url=api.origin + "/photos", token=token["oauth_token"],
        token_secret=token["oauth_token_secret"], parameters={"size": "o", "q": "a b"}, **common,
    )
    assert_janes(response, client)


@pytest.mark.parametrize("place", ["header", "query", "body"])
@pytest.mark.parametrize("method", ["HMAC-SHA1", "PLAINTEXT"])
def test_liboauth(liboauth, provider, api, client, method, place):
    three_legs(liboauth, provider, api, client, method, place)


@pytest.mark.parametrize("place", ["header", "query"])
def test_liboauth_rsa_sha1(liboauth, provider, api, rsa_client, place):
    three_legs(liboauth, provider, api, rsa_client, "RSA-SHA1", place,
               rsa_key=private_pem(rsa_client.rsa_key, PrivateFormat.PKCS8))  # Debian's build reads no other


@pytest.mark.parametrize("place", ["header", "query", "body"])
@pytest.mark.parametrize("method", ["HMAC-SHA1", "HMAC-SHA256", "PLAINTEXT"])
def test_node_oauth_1_0a(node, provider, api, client, method, place):
    three_legs(node, provider, api, client, method, place)


@pytest.mark.parametrize("method", ["RSA-SHA1", "RSA-SHA256"])
def test_node_oauth_1_0a_rsa(node, provider, api, rsa_client, method):
    three_legs(node, provider, api, rsa_client, method, "header", rsa_key=private_pem(rsa_client.rsa_key))
