"""HTTP at its edges, over raw sockets to the running services: whatever is odd gets 400 and the connection is closed,
so that nothing behind it is ever read as a second request. (The whole table is in tests/http.)"""

import json
import re
import socket
import time
from urllib.parse import urlsplit

import pytest
import requests

SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: h\r\n\r\n"


def talk(url, sent, seconds=5):
    """Everything that the service answers until it closes or falls silent; and whether it closed."""
    target = urlsplit(url)
    sent = sent.replace(b"{host}", target.netloc.encode())
    with socket.create_connection((target.hostname, target.port), timeout=seconds) as connection:
        connection.sendall(sent)
        connection.settimeout(1)
        answer = b""
        try:
            while piece := connection.recv(65536):
                answer += piece
        except TimeoutError:
            return answer, False
        except ConnectionResetError:
            pass
        return answer, True


def statuses(answer):
    return [int(code) for code in re.findall(rb"HTTP/1\.[01] (\d{3}) ", answer)]


@pytest.fixture(params=["auth-service", "introspection-service"])
def public(request, provider):
    return provider.url if request.param == "auth-service" else provider.introspection_url


ODD = {
    "two-hosts": b"GET / HTTP/1.1\r\nHost: {host}\r\nHost: other\r\n\r\n",
    "no-host": b"GET / HTTP/1.1\r\n\r\n",
    "two-authorizations": b"GET / HTTP/1.1\r\nHost: {host}\r\nAuthorization: OAuth a=\"1\"\r\nAuthorization: x\r\n\r\n",
    "two-lengths": b"POST /oauth/initiate HTTP/1.1\r\nHost: {host}\r\nContent-Length: 0\r\nContent-Length: 5\r\n\r\n",
    "signed-length": b"POST /oauth/initiate HTTP/1.1\r\nHost: {host}\r\nContent-Length: +0\r\n\r\n",
    "both-framings": b"POST /oauth/initiate HTTP/1.1\r\nHost: {host}\r\nContent-Length: 5\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "unknown-coding": b"POST /oauth/initiate HTTP/1.1\r\nHost: {host}\r\nTransfer-Encoding: xchunked\r\n\r\n",
    "coding-before-chunked": b"POST /oauth/initiate HTTP/1.1\r\nHost: {host}\r\n"
    b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "body-on-head": b"HEAD / HTTP/1.1\r\nHost: {host}\r\nContent-Length: 3\r\n\r\nabc",
    "absolute-form-of-another": b"GET http://other.example/ HTTP/1.1\r\nHost: {host}\r\n\r\n",
    "control-character-in-the-target": b"GET /\x01 HTTP/1.1\r\nHost: {host}\r\n\r\n",
    "nul-in-a-header": b"GET / HTTP/1.1\r\nHost: {host}\r\nX: a\0b\r\n\r\n",
    "folded-header": b"GET / HTTP/1.1\r\nHost: {host}\r\nX: a\r\n b\r\n\r\n",
    "lf-alone": b"GET / HTTP/1.1\nHost: {host}\n\n",
    "two-spaces": b"GET  / HTTP/1.1\r\nHost: {host}\r\n\r\n",
    "chunk-size-of-c": b"POST /oauth/initiate HTTP/1.1\r\nHost: {host}\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"0x1\r\na\r\n0\r\n\r\n",
    "lf-alone-behind-a-chunk": b"POST /oauth/initiate HTTP/1.1\r\nHost: {host}\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"1\r\na\n0\r\n\r\n",
    "body-far-beyond-the-limit": b"POST /oauth/initiate HTTP/1.1\r\nHost: {host}\r\nContent-Length: 99999999\r\n\r\n",
    "too-many-headers": b"GET / HTTP/1.1\r\nHost: {host}\r\n" + b"X-A: 0123456789\r\n" * 1200 + b"\r\n",
}


@pytest.mark.parametrize("name", ODD)
def test_refuses_and_closes(public, name):
    answer, closed = talk(public, ODD[name] + SMUGGLED)
    assert closed, answer
    codes = statuses(answer)
    assert len(codes) == 1 and codes[0] in (400, 413, 431, 501), answer
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"Content-Type: application/problem+json" in head, answer
    assert name == "body-on-head" or json.loads(body)["status"] == codes[0], answer


def test_does_not_take_the_body_of_an_unknown_method_for_a_request(public):
    answer, closed = talk(public, b"BREW / HTTP/1.1\r\nHost: {host}\r\nContent-Length: 36\r\n\r\n" + SMUGGLED)
    assert closed and len(statuses(answer)) == 1, answer
    assert statuses(answer)[0] in (400, 501)


def test_answers_head_without_a_body(public):
    answer, _ = talk(public, b"HEAD /nowhere HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n")
    assert statuses(answer) == [404]
    assert answer.endswith(b"\r\n\r\n"), answer


def test_keeps_a_connection_for_a_second_request(public):
    one = b"GET /nowhere HTTP/1.1\r\nHost: {host}\r\n\r\n"
    last = one.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
    answer, closed = talk(public, one + last)
    assert closed and statuses(answer) == [404, 404], answer


def test_refuses_a_body_beyond_the_limit(provider):
    response = requests.post(provider.url + "/oauth/initiate", data={"a": "x" * 70_000}, timeout=10)
    assert response.status_code == 413


def test_refuses_headers_beyond_the_limit(public):
    answer, _ = talk(public, b"GET / HTTP/1.1\r\nHost: {host}\r\nX-Long: " + b"x" * 20_000 + b"\r\n\r\n")
    assert statuses(answer)[0] in (400, 413, 431), answer[:200]


@pytest.mark.parametrize(
    "path, method, allow",
    [
        ("/oauth/initiate", "GET", "POST"),
        ("/oauth/token", "DELETE", "POST"),
        ("/oauth/authorize", "PUT", "GET, HEAD, POST"),
        ("/login", "PATCH", "GET, HEAD, POST"),
    ],
)
def test_names_the_methods_that_a_path_allows(provider, path, method, allow):
    response = requests.request(method, provider.url + path, timeout=10)
    assert response.status_code == 405
    named = {name.strip() for name in response.headers["Allow"].split(",")}
    assert named - {"HEAD"} == {name.strip() for name in allow.split(",")} - {"HEAD"}


def test_names_the_methods_of_introspection(provider):
    response = requests.get(provider.introspection_url + "/v1/introspect", timeout=10)
    assert (response.status_code, response.headers["Allow"]) == (405, "POST")


def test_a_slow_client_does_not_hold_up_others(public):
    target = urlsplit(public)
    slow = [socket.create_connection((target.hostname, target.port)) for _ in range(50)]
    try:
        for connection in slow:
            connection.sendall(b"GET / HTTP/1.1\r\nHo")
        begin = time.monotonic()
        assert requests.get(public + "/nowhere", timeout=5).status_code == 404
        assert time.monotonic() - begin < 1
    finally:
        for connection in slow:
            connection.close()
