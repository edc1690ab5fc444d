"""A stop while requests are only half there: strangers' are given up after two seconds, those of known callers are waited for.
Either way the process ends with 0, and the next one needs no guard."""

import json
import signal
import socket
import time
from urllib.parse import urlsplit

import pytest
import requests

from harness.provider import API, Provider, describe
from harness.signer import Signer

PATIENCE_SECONDS = 2  # with strangers; known callers have 10 for a request, as ever
BUSY_SECONDS = 4  # what a busy machine may cost: less than these 10 leave
JSON = "Content-Type: application/json"
FORM = "Content-Type: application/x-www-form-urlencoded"
HALVES = {
    "auth: a head": ("auth", b"GET /login HTTP/1.1\r\nHost: localhost\r\nX: "),
    "auth: a body": ("auth", f"POST /login HTTP/1.1\r\nHost: localhost\r\n{FORM}\r\nContent-Length: 9\r\n\r\nuser".encode()),
    "introspection: a head": ("introspection", b"POST /v1/introspect HTTP/1.1\r\nHost: localhost\r\n"),
}


@pytest.fixture
def started(tmp_path):
    made = Provider(tmp_path, OAUTH1_WORKERS="1")
    made.key = made.create_resource_server("--origin", API)
    client = made.create_client("--two-legged")
    made.signer = Signer(client.client_id, client.client_secret)
    yield made.start()
    made.stop()


def connect(service):
    target = urlsplit(service.url)
    return socket.create_connection((target.hostname, target.port), timeout=20)


def send_part(service, connection, part):
    """Returns once the service has read it: it has one loop, which answers who came later."""
    connection.sendall(part)
    assert requests.get(service.url + "/nowhere", timeout=20).status_code == 404


def has_closed(connection):
    try:
        return connection.recv(65536) == b""
    except ConnectionResetError:
        return True


def call_of(provider):
    """The head and the body of a call about a fresh request."""
    body = json.dumps(describe(provider.signer.sign("GET", API))).encode()
    head = (f"POST /v1/introspect HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {provider.key}\r\n{JSON}\r\n"
            f"Content-Length: {len(body)}\r\n\r\n").encode()
    return head, body


def is_active(connection):
    answer = b""
    while b"}" not in answer:
        piece = connection.recv(65536)
        assert piece, answer
        answer += piece
    return answer.startswith(b"HTTP/1.1 200 ") and b'"active":true' in answer


def assert_no_guard(provider, service):
    service.start()
    assert provider.introspect(provider.key, provider.signer.sign("GET", API)).json()["active"]
    last_life = service.text().rpartition('"stopped"')[2]
    assert "guard" not in last_life, last_life


@pytest.mark.parametrize("half", HALVES)
def test_a_stop_does_not_wait_for_strangers(started, half):
    name, part = HALVES[half]
    service = getattr(started, name)
    assert started.introspect(started.key, started.signer.sign("GET", API)).json()["active"]
    with connect(service) as connection:
        send_part(service, connection, part)
        begin = time.monotonic()
        service.process.send_signal(signal.SIGTERM)
        assert has_closed(connection)
        assert time.monotonic() - begin < PATIENCE_SECONDS + BUSY_SECONDS
    service.wait_for_end()
    assert_no_guard(started, service)


def test_a_stop_waits_for_known_callers(started):
    """One whose connection has carried a call, and one that is known by a head alone."""
    service = started.introspection
    with connect(service) as before, connect(service) as at_once:
        before.sendall(b"".join(call_of(started)))
        assert is_active(before)
        head, body = call_of(started)
        send_part(service, before, head[:20])
        other_head, other_body = call_of(started)
        send_part(service, at_once, other_head + other_body[:20])
        service.process.send_signal(signal.SIGTERM)
        time.sleep(PATIENCE_SECONDS + 1.5)
        before.sendall(head[20:] + body)
        at_once.sendall(other_body[20:])
        assert is_active(before) and is_active(at_once)
    service.wait_for_end()
    assert_no_guard(started, service)
