"""kill -9 and clean stops: no acknowledged token is lost, and no request is accepted twice across a restart."""

import json
import time

import pytest
import requests

from harness.flow import Flow, form, send
from harness.owner import Owner, until_answered
from harness.provider import PASSWORD, Provider

API = "http://api.example/photos"
SKEW, LEAD = 4, 2
GUARD_SECONDS = 10 + 1  # at the longest, where clients' clocks are right; and what this machine may add


@pytest.fixture
def fresh(tmp_path):
    """A provider of this test's own with a short window, so that the guard after a crash is short too."""
    provider = Provider(tmp_path / "provider", OAUTH1_TIMESTAMP_SKEW=SKEW, OAUTH1_TIMESTAMP_LEAD=LEAD).start()
    provider.create_user("jane", PASSWORD)
    yield provider
    for service in reversed(provider.services):
        service.stop()


@pytest.fixture
def key(fresh):
    return fresh.create_resource_server()


@pytest.fixture
def token(fresh):
    return Flow(fresh, fresh.create_client("--scope", "photos:read")).token()


def verdict(provider, key, request):
    """("active" or the problem's code, its status)."""
    answer = provider.introspect(key, request)
    if answer.status_code != 200:
        return "refused", answer.status_code
    answer = answer.json()
    return ("active", 200) if answer["active"] else (answer["problem"].get("code"), answer["problem"]["status"])


def crash(provider):
    """Both are killed and come back; for some seconds neither is ready."""
    provider.kill()
    for service in provider.services:
        service.launch()
    for service in provider.services:
        service.wait_until_alive()


def until_ready(service):
    begin = time.monotonic()
    while requests.get(f"{service.ops}/readyz", timeout=5).status_code != 200:
        assert time.monotonic() - begin < GUARD_SECONDS, requests.get(f"{service.ops}/readyz?verbose", timeout=5).text
        time.sleep(0.1)


def soon_active(provider, key, token):
    """Asks with a new request each time until one is good; how long that took."""
    begin = time.monotonic()
    while verdict(provider, key, token.sign("GET", API)) != ("active", 200):
        assert time.monotonic() - begin < GUARD_SECONDS, "the guard never ended"
        time.sleep(0.1)
    return time.monotonic() - begin


def test_tokens_survive_kill_9_and_replays_are_refused(fresh, key, token):
    ahead = token.sign("GET", API, oauth_timestamp=str(int(time.time()) + LEAD - 1))
    now = token.sign("GET", API)
    for request in (ahead, now):
        assert verdict(fresh, key, request) == ("active", 200)
    crash(fresh)
    until = time.monotonic() + max(SKEW + LEAD + 2, GUARD_SECONDS)
    back = None
    while time.monotonic() < until:
        for request in (ahead, now):
            word, status = verdict(fresh, key, request)
            assert word != "active", "a replay was accepted after kill -9"
            assert status in (401, 503), (word, status)
        if back is None and verdict(fresh, key, token.sign("GET", API)) == ("active", 200):
            back = time.monotonic()
        time.sleep(0.2)
    assert back is not None, "the token was lost, or the guard never ended"


def test_the_guard_after_kill_9_says_why_and_for_how_long(fresh, key, token):
    client = Flow(fresh, fresh.create_client())
    client.initiate()
    assert fresh.introspect(key, token.sign("GET", API)).json()["active"]
    assert "lost" not in requests.get(f"{fresh.auth.ops}/readyz?verbose", timeout=5).text
    crash(fresh)
    refused = send(client.initiate_request())
    body = form(refused)
    assert refused.status_code == 503 and body["error"] == "temporarily_unavailable"
    assert "no request can be told from one that was accepted before" in body["error_description"]
    assert f"for {refused.headers['Retry-After']} s" in body["error_description"]
    asked = fresh.introspect(key, token.sign("GET", API))
    assert asked.status_code == 503
    assert f"for {asked.headers['Retry-After']} s" in asked.json()["detail"], asked.text
    for service in fresh.services:
        shown = requests.get(f"{service.ops}/readyz?verbose", timeout=5)
        assert shown.status_code == 503 and "[-] the nonces from before a crash" in shown.text
        lines = [json.loads(line) for line in service.text().splitlines() if '"not serving yet"' in line]
        assert len(lines) == 1 and lines[0]["level"] == "warn" and "are lost" in lines[0]["why"]
    soon_active(fresh, key, token)
    until_ready(fresh.introspection)


def test_nonces_are_known_after_a_clean_restart(fresh, key, token):
    request = token.sign("GET", API)
    assert verdict(fresh, key, request) == ("active", 200)
    fresh.stop()
    for service in fresh.services:
        service.start()
    assert verdict(fresh, key, request) == ("nonce_used", 401)
    assert verdict(fresh, key, token.sign("GET", API)) == ("active", 200), "a clean restart needs no guard"


def test_kill_9_after_a_clean_restart_is_no_clean_stop(fresh, key, token):
    """The nonces kept at the clean stop are taken out at the start, so an old copy cannot stand for the lost ones."""
    fresh.stop()
    for service in fresh.services:
        service.start()
    request = token.sign("GET", API)
    assert verdict(fresh, key, request) == ("active", 200)
    crash(fresh)
    word, status = verdict(fresh, key, request)
    assert word != "active" and status in (401, 503)


def test_an_exchange_acknowledged_before_kill_9_holds(fresh, key):
    client = fresh.create_client()
    owner = Owner(fresh)
    flow = Flow(fresh, client, owner)
    flow.initiate()
    flow.grant()
    answer = until_answered(lambda: send(flow.exchange_request()))
    fresh.auth.kill()
    credentials = form(answer)
    fresh.auth.start()
    flow.client.token, flow.client.token_secret = credentials["oauth_token"], credentials["oauth_token_secret"]
    assert verdict(fresh, key, flow.client.sign("GET", API)) == ("active", 200)
    assert len(fresh.expect("token", "list", "--client", client.client_id)) == 1


def test_temporary_credentials_of_a_killed_process_are_gone_not_half_there(fresh):
    flow = Flow(fresh, fresh.create_client())
    flow.initiate()
    flow.grant()
    fresh.auth.kill()
    fresh.auth.start()
    begin = time.monotonic()
    while (answer := send(flow.exchange_request())).status_code == 503:
        assert time.monotonic() - begin < GUARD_SECONDS
        time.sleep(0.2)
    assert (answer.status_code, form(answer)["oauth_problem"]) == (401, "token_rejected")
