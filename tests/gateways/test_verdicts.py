"""What each gateway lets in, what it refuses, and what the API and the client then see."""

import pytest
from harness.signer import FORM, Request, Signer, body_hash
from wire import ORIGIN, exchange, head, send_signed

IDENTITY = ("Client-Id", "Subject", "Username", "Scope", "Token-Id", "Legs", "Body-Hash")


def refused(reply, status, problem=None):
    assert reply.status == status and not reply.from_api, reply
    assert not [name for name, _ in reply.headers if name.lower().startswith("x-oauth")]
    if status == 401:
        [challenge] = reply.all("WWW-Authenticate")
        assert challenge.startswith("OAuth realm=")
        assert problem is None or f'oauth_problem="{problem}"' in challenge, challenge
    return reply


@pytest.fixture
def arrived(upstream):
    """How many requests reached the API since the test began."""
    begin = len(upstream.seen)
    return lambda: len(upstream.seen) - begin


def test_lets_a_good_request_in_and_says_whose_it_is(gateway, upstream, client, token, arrived):
    reply = send_signed(gateway.port, token.sign("GET", ORIGIN + "/photos?size=original&a=%20"))
    assert (reply.status, reply.body, arrived()) == (200, b"api", 1)
    seen = upstream.last()
    assert (seen.method, seen.target) == ("GET", "/photos?size=original&a=%20")
    assert seen.one("X-OAuth-Client-Id") == client.client_id
    assert (seen.one("X-OAuth-Subject"), seen.one("X-OAuth-Username")) == ("local-1", "jane")
    assert seen.one("X-OAuth-Scope") == "photos%3Aread" and seen.one("X-OAuth-Token-Id").startswith("tok_")
    assert (seen.one("X-OAuth-Legs"), seen.one("X-OAuth-Body-Hash")) == ("3", "-")
    assert seen.one("Host") == "api.example.com" and not seen.all("Authorization")


@pytest.mark.parametrize("method", ["HEAD", "PUT", "DELETE", "PATCH", "OPTIONS", "PROPFIND"])
def test_the_method_is_the_clients(gateway, upstream, token, method):
    assert send_signed(gateway.port, token.sign(method, ORIGIN + "/photos")).status == 200
    assert upstream.last().method == method
    wrong = token.sign(method, ORIGIN + "/photos")
    wrong.method = "GET"
    refused(send_signed(gateway.port, wrong), 401, "signature_invalid")


def test_a_two_legged_request_has_no_user(gateway, upstream, two_legged):
    assert send_signed(gateway.port, two_legged.sign("GET", ORIGIN + "/photos")).status == 200
    seen = upstream.last()
    values = [seen.one("X-OAuth-" + name) for name in IDENTITY]
    assert values == [two_legged.client_id, "-", "-", "photos%3Aread", "-", "2", "-"]


def test_without_the_scope_it_is_a_403(gateway, other_scope, arrived):
    refused(send_signed(gateway.port, other_scope.sign("GET", ORIGIN + "/photos")), 403)
    assert arrived() == 0


def test_every_fault_of_the_client_is_a_401(gateway, client, token, arrived):
    url = ORIGIN + "/photos"
    faults = [
        (Request("GET", url), None),
        (Request("GET", url, {"Authorization": "Bearer x"}), None),
        (Request("GET", url, {"Authorization": "OAuth x"}), "parameter_rejected"),
        (token.sign("GET", url, oauth_signature="x"), "signature_invalid"),
        (token.sign("GET", url, oauth_consumer_key="nobody"), "consumer_key_unknown"),
        (token.sign("GET", url, oauth_timestamp="1"), "timestamp_refused"),
        (Signer(client.client_id, client.client_secret, "unknown", "x").sign("GET", url), "token_rejected"),
        (token.sign("GET", "https://other.example/photos"), "signature_invalid"),
    ]
    for request, problem in faults:
        request.url = url
        refused(send_signed(gateway.port, request), 401, problem)
    assert arrived() == 0


def test_a_request_is_good_once(gateway, token, arrived):
    request = token.sign("GET", ORIGIN + "/photos")
    assert send_signed(gateway.port, request).status == 200
    for _ in range(3):
        refused(send_signed(gateway.port, request), 401, "nonce_used")
    assert arrived() == 1


def test_parameters_in_the_query_are_as_good(gateway, upstream, token):
    signer = Signer(**{**token.__dict__, "place": "query"})
    assert send_signed(gateway.port, signer.sign("GET", ORIGIN + "/photos?a=1")).status == 200
    assert upstream.last().target.startswith("/photos?a=1&oauth_consumer_key=")


def test_two_authorization_headers_are_never_let_in(gateway, token, arrived):
    good, bad = (token.sign("GET", ORIGIN + "/photos", **more) for more in ({}, {"oauth_signature": "x"}))
    for pair in ((bad, good), (bad, bad)):
        headers = [("Authorization", request.authorization) for request in pair]
        reply = exchange(gateway.port, head("GET", "/photos", headers))
        assert reply.status in (400, 401), reply
    assert arrived() == 0


@pytest.mark.parametrize("name, value", [
    ("Authorization", b"OAuth a\x01b"), ("Content-Type", b"text/\x01"), ("X-A", b"a\x01b"), ("Authorization", b"OAuth " + b"a" * 7_000),
    ("Authorization", b"OAuth \x7f")])
def test_a_control_byte_is_never_let_in_and_never_a_500(gateway, token, arrived, name, value):
    request = Request("GET", ORIGIN + "/photos") if name == "Authorization" else token.sign("GET", ORIGIN + "/photos")
    raw = head("GET", "/photos", request.headers.items()).removesuffix(b"\r\n") + name.encode() + b": " + value + b"\r\n\r\n"
    reply = exchange(gateway.port, raw)
    assert reply.status in (200, 400, 401), reply
    assert name == "X-A" or (reply.status != 200 and arrived() == 0)


def test_more_headers_than_the_check_takes_are_a_401(gateway, arrived):
    """nginx takes four of 8 KB; Caddy and HAProxy as many."""
    headers = [("Authorization", "OAuth " + "a" * 7_900), ("Content-Type", "text/" + "b" * 7_900),
               ("X-More", "c" * 7_000)]
    refused(exchange(gateway.port, head("GET", "/photos?" + "d" * 6_000, headers)), 401, "parameter_rejected")
    assert arrived() == 0


# ---- bodies


@pytest.mark.parametrize("size", [1, 1000, 60_000])
def test_a_form_is_verified_where_the_gateway_hands_it_over_and_refused_elsewhere(gateway, upstream, token, size):
    request = token.sign("POST", ORIGIN + "/photos", body="title=" + "x" * size)
    reply = send_signed(gateway.port, request)
    if gateway.can_forward_body:
        assert reply.status == 200 and upstream.last().body == request.body
        changed = token.sign("POST", ORIGIN + "/photos", body="title=" + "x" * size)
        changed.body = b"title=" + b"y" * size
        refused(send_signed(gateway.port, changed), 401, "signature_invalid")
    else:
        refused(reply, 401, "parameter_absent")


def test_a_form_that_is_too_long_or_of_no_stated_length_is_refused(gateway, token, arrived):
    long = token.sign("POST", ORIGIN + "/photos", body="title=" + "x" * 200_000)
    reply = refused(send_signed(gateway.port, long), 401, "parameter_absent")
    assert (b"/v1/introspect" in reply.body) == gateway.shows_advice
    chunked = token.sign("POST", ORIGIN + "/photos", body="a=1")
    headers = [*chunked.headers.items(), ("Transfer-Encoding", "chunked")]
    refused(exchange(gateway.port, head("POST", "/photos", headers) + b"3\r\na=1\r\n0\r\n\r\n", "POST"), 401,
            "parameter_absent")
    assert arrived() == 0


def called_a_form(token, method):
    request = token.sign(method, ORIGIN + "/photos")
    request.headers["Content-Type"] = FORM
    return request


@pytest.mark.parametrize("method", ["GET", "DELETE", "POST", "PUT", "HEAD"])
def test_an_empty_body_that_is_called_a_form_is_known_to_be_empty(gateway, upstream, token, method):
    """As Signet, npm's oauth and with it passport-oauth1 send each GET and DELETE."""
    request = called_a_form(token, method)
    assert send_signed(gateway.port, request, ("Content-Length", "0")).status == 200
    assert (upstream.last().method, upstream.last().body) == (method, b"")
    reply = send_signed(gateway.port, called_a_form(token, method))
    assert reply.status == (200 if gateway.knows_no_length_as_no_body else 401)


CLAIMS = [(family + "-Content-Length", "0") for family in ("X-Original", "X-Forwarded")]
SMUGGLED = {
    "with_its_length": ("Content-Length: 3", "a=1"),
    "in_chunks": ("Transfer-Encoding: chunked", "3\r\na=1\r\n0\r\n\r\n"),
    "in_chunks_of_capitals": ("transfer-encoding: CHUNKED", "3\r\na=1\r\n0\r\n\r\n"),
    "in_chunks_behind_0": ("Content-Length: 0\r\nTransfer-Encoding: chunked", "3\r\na=1\r\n0\r\n\r\n"),
    "behind_two_lengths": ("Content-Length: 0\r\nContent-Length: 3", "a=1"),
    "behind_a_list_of_lengths": ("Content-Length: 0, 3", "a=1"),
    "behind_an_empty_length": ("Content-Length: ", "a=1"),
    "of_identity": ("Transfer-Encoding: identity\r\nContent-Length: 3", "a=1"),
}


@pytest.mark.parametrize("name", SMUGGLED)
@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("version", ["1.1", "1.0"])
def test_a_form_that_was_not_signed_is_never_taken_for_an_empty_one(gateway, token, upstream, method, version, name):
    """Whatever the client says about its length under the names that the gateway uses."""
    begin = len(upstream.seen)
    length, body = SMUGGLED[name]
    request = called_a_form(token, method)
    raw = head(method, "/photos", [*request.headers.items(), *CLAIMS]).decode().replace("HTTP/1.1", f"HTTP/{version}")
    reply = exchange(gateway.port, (raw.removesuffix("\r\n") + length + "\r\n\r\n" + body).encode(), method)
    assert not [seen for seen in upstream.seen[begin:] if seen.body], reply
    assert reply.status in (200, 400, 401, 411, 413, 501), reply


@pytest.mark.parametrize("length, body", [SMUGGLED["with_its_length"], SMUGGLED["in_chunks"]])
def test_a_client_cannot_say_the_length_itself(gateway, token, arrived, length, body):
    for claims in (CLAIMS, CLAIMS[:1], CLAIMS[1:], [*CLAIMS, *CLAIMS]):
        raw = head("POST", "/photos", [*called_a_form(token, "POST").headers.items(), *claims]).decode()
        reply = exchange(gateway.port, (raw.removesuffix("\r\n") + length + "\r\n\r\n" + body).encode(), "POST")
        assert reply.status == 401, reply
    assert arrived() == 0


def test_a_body_of_another_type_goes_on_and_its_hash_is_said_to_be_checked_or_not(gateway, upstream, token):
    body = b'{"title": "\xc3\xa9"}'

    def signed(hashed):
        request = token.sign("POST", ORIGIN + "/photos", body=body, content_type="application/json",
                             oauth_body_hash=body_hash(hashed, token.signature_method))
        return send_signed(gateway.port, request)

    assert signed(body).status == 200
    assert upstream.last().body == body
    assert upstream.last().one("X-OAuth-Body-Hash") == ("verified" if gateway.can_forward_body else "unchecked")
    if gateway.can_forward_body:
        refused(signed(b"other"), 401, "signature_invalid")


def test_a_long_upload_goes_through(gateway, upstream, token):
    body = bytes(range(256)) * 2000
    request = token.sign("PUT", ORIGIN + "/photos/1", body=body, content_type="image/jpeg")
    assert send_signed(gateway.port, request).status == 200
    assert upstream.last().body == body
    chunked = token.sign("PUT", ORIGIN + "/photos/1", body=body, content_type="image/jpeg")
    headers = [*chunked.headers.items(), ("Transfer-Encoding", "chunked")]
    raw = head("PUT", "/photos/1", headers) + f"{len(body):x}\r\n".encode() + body + b"\r\n0\r\n\r\n"
    assert exchange(gateway.port, raw, "PUT").status == 200
    assert upstream.last().body == body
