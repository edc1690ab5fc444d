"""The durable store does not answer: 503 with Retry-After within 250 ms, and back as soon as it does."""

import sqlite3
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
import requests

from harness.flow import Flow, form, send
from harness.owner import Owner
from harness.provider import PASSWORD, Provider
from harness.running import running_on

API = "http://api.example/photos"
DEADLINE_MS = 250


@pytest.fixture
def fresh(tmp_path):
    provider = Provider(tmp_path / "provider", OAUTH1_CACHE_TTL=1).start()
    provider.create_user("jane", PASSWORD)
    yield provider
    for service in reversed(provider.services):
        service.stop()


@contextmanager
def locked(provider):
    """Another connection holds the write lock. (Readers go on: the file has a write-ahead log.)"""
    connection = sqlite3.connect(provider.database, isolation_level=None)
    connection.execute("BEGIN EXCLUSIVE")
    try:
        yield
    finally:
        connection.execute("ROLLBACK")
        connection.close()


def timed(call):
    begin = time.monotonic()
    response = call()
    return response, (time.monotonic() - begin) * 1000


def assert_unavailable(response, took_ms):
    assert response.status_code == 503, response.text
    assert int(response.headers["Retry-After"]) >= 1
    assert took_ms < DEADLINE_MS, f"{took_ms:.0f} ms"


def test_the_exchange_says_503_in_time_and_succeeds_later(fresh):
    flow = Flow(fresh, fresh.create_client())
    flow.initiate()
    flow.grant()
    with locked(fresh):
        response, took_ms = timed(lambda: send(flow.exchange_request()))
        assert_unavailable(response, took_ms)
        assert form(response)["error"] == "temporarily_unavailable"
    assert send(flow.exchange_request()).status_code == 200, "the temporary credential must have survived"


def test_no_request_waits_longer_while_many_ask(fresh):
    """A queue in front of a store that is down must not add up the waits."""
    client = fresh.create_client()
    owner = Owner(fresh)
    flows = [Flow(fresh, client, owner) for _ in range(8)]
    for flow in flows:
        flow.initiate()
        flow.grant()
    with locked(fresh), ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda flow: timed(lambda: send(flow.exchange_request())), flows))
    for response, took_ms in answers:
        assert response.status_code == 503
        assert took_ms < 2 * DEADLINE_MS, f"{took_ms:.0f} ms"  # eight at once on few cores, under sanitizers


def test_introspection_goes_on_from_its_cache(fresh):
    key = fresh.create_resource_server()
    token = Flow(fresh, fresh.create_client()).token()
    assert fresh.introspect(key, token.sign("GET", API)).json()["active"] is True
    with locked(fresh):
        answer, took_ms = timed(lambda: fresh.introspect(key, token.sign("GET", API)))
        assert took_ms < DEADLINE_MS
        if answer.status_code == 200 and answer.json()["active"]:
            return
        status = answer.status_code if answer.status_code != 200 else answer.json()["problem"]["status"]
        assert status == 503, answer.text


def test_readiness_tells_and_recovers(fresh):
    def ready():
        return requests.get(fresh.auth.ops + "/readyz", timeout=5).status_code

    assert ready() == 200
    with locked(fresh):
        assert requests.get(fresh.auth.ops + "/livez", timeout=5).status_code == 200
    begin = time.monotonic()
    while ready() != 200:
        assert time.monotonic() - begin < 3
        time.sleep(0.05)


def test_a_command_is_done_while_redis_is_away_and_says_that_the_services_were_not_told(tmp_path):
    """They find out by the database, within OAUTH1_CACHE_TTL."""
    with running_on("served", tmp_path, OAUTH1_CACHE_TTL=1, OAUTH1_TIMESTAMP_LEAD=1) as made:
        provider = made.provider
        key, client = provider.create_resource_server(), provider.create_client()
        token = Flow(provider, client).token()
        assert provider.introspect(key, token.sign("GET", API)).json()["active"]
        made.stores.redis.kill()
        done = provider.command("client", "disable", client.client_id)
        assert done.code == 0 and "it is done, but the running services were not told" in done.err, done
        assert "OAUTH1_CACHE_TTL" in done.err and provider.expect("client", "get", client.client_id)["disabled"]
        time.sleep(2)
        made.stores.redis.start()
        until = time.monotonic() + 30
        while (answer := provider.introspect(key, token.sign("GET", API))).status_code == 503:
            assert time.monotonic() < until, answer.text
            time.sleep(0.2)
        assert answer.json()["problem"]["description"] == "the client is disabled", answer.text
