"""Clients that others wrote, through the real gateways."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
import requests
import urllib3.connection
from harness.provider import ROOT
from requests_oauthlib import OAuth1
from wire import HOST, ORIGIN

HERE = Path(__file__).resolve().parent
JSON = "application/json"


@pytest.fixture(scope="session")
def node():
    folder = ROOT / "build" / f"gateway-node-client-{os.environ.get('PYTEST_XDIST_WORKER', 'single')}"
    folder.mkdir(parents=True, exist_ok=True)
    for path in (HERE / "clients/node").iterdir():
        shutil.copy(path, folder / path.name)
    subprocess.run(["npm", "ci", "--no-audit", "--no-fund", "--loglevel=error"], cwd=folder, check=True, timeout=120)

    def send(gateway, token, **question):
        question = {**{name: getattr(token, name) for name in
                       ("client_id", "client_secret", "token", "token_secret", "signature_method")},
                    "url": ORIGIN + "/photos?size=o", "port": gateway.port, **question}
        done = subprocess.run(["node", folder / "client.js"], input=json.dumps(question), capture_output=True, text=True,
                              timeout=60, check=True)
        answer = json.loads(done.stdout)
        assert "status" in answer, answer
        return answer["status"]

    return send


@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_npms_oauth_is_let_in_though_it_calls_every_request_a_form(gateway, upstream, token, node, method):
    assert node(gateway, token, method=method) == 200
    seen = upstream.last()
    assert (seen.method, seen.target, seen.body) == (method, "/photos?size=o", b"")
    assert seen.one("Content-Type") == "application/x-www-form-urlencoded" and seen.one("X-OAuth-Username") == "jane"


@pytest.mark.parametrize("method", ["POST", "PUT"])
def test_npms_oauth_sends_json_and_where_it_can_be_verified_forms(gateway, upstream, token, node, method):
    assert node(gateway, token, method=method, body='{"a": 1}', type=JSON) == 200
    assert upstream.last().body == b'{"a": 1}'
    begin = len(upstream.seen)
    status = node(gateway, token, method=method, body={"title": "a b"})
    assert (status, len(upstream.seen) - begin) == ((200, 1) if gateway.can_forward_body else (401, 0))


@pytest.fixture
def through(gateway, monkeypatch):
    """requests, whose connections to our host end at the gateway. Its address is all that is changed."""
    connect = urllib3.connection.connection.create_connection

    def to_gateway(address, *rest, **options):
        return connect(("127.0.0.1", gateway.port) if address == (HOST, 443) else address, *rest, **options)

    monkeypatch.setattr(urllib3.connection.connection, "create_connection", to_gateway)
    with requests.Session() as session:
        session.verify = str(gateway.certificate)
        session.trust_env = False
        yield session


def credentials(token, **more):
    return OAuth1(token.client_id, token.client_secret, token.token, token.token_secret,
                  signature_method=token.signature_method, **more)


@pytest.mark.parametrize("method", ["GET", "DELETE", "HEAD", "OPTIONS", "POST", "PUT"])
@pytest.mark.parametrize("place", ["auth_header", "query"])
def test_requests_oauthlib_is_let_in_with_no_body(through, upstream, token, method, place):
    reply = through.request(method, ORIGIN + "/photos?size=o", auth=credentials(token, signature_type=place))
    assert reply.status_code == 200, reply.text
    assert (upstream.last().method, upstream.last().body) == (method, b"")


def test_requests_oauthlib_with_an_empty_form_is_let_in(through, upstream, token):
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    assert through.post(ORIGIN + "/photos", headers=form, auth=credentials(token)).status_code == 200
    assert upstream.last().one("Content-Length") == "0"


def test_a_body_hash_of_oauthlibs_is_right_whatever_the_method(through, gateway, upstream, token):
    """It hashes by SHA-1, whatever the signature's digest is."""
    assert token.signature_method == "HMAC-SHA256"
    reply = through.post(ORIGIN + "/photos", data='{"a": 1}', headers={"Content-Type": JSON},
                         auth=credentials(token, force_include_body=True))
    assert reply.status_code == 200, reply.text
    assert upstream.last().one("X-OAuth-Body-Hash") == ("verified" if gateway.can_forward_body else "unchecked")


def test_requests_oauthlib_sends_forms_where_they_can_be_verified(through, gateway, upstream, token):
    begin = len(upstream.seen)
    reply = through.post(ORIGIN + "/photos", data={"title": "a b", "c": ""}, auth=credentials(token))
    assert (reply.status_code, len(upstream.seen) - begin) == ((200, 1) if gateway.can_forward_body else (401, 0))
