"""The three paths for gateways: each dialect, what is let in, and how everything else is refused."""

import http.client
import re
import secrets
import socket
import time
from dataclasses import dataclass
from urllib.parse import urlsplit

import pytest
from harness.flow import Flow
from harness.provider import PASSWORD, Provider
from harness.signer import FORM, Request, Signer, body_hash

ORIGIN = "https://api.example"
ORIGINS = f"{ORIGIN},https://both.example,http://both.example,https://port.example:8443"
IDENTITY = ("Client-Id", "Subject", "Username", "Scope", "Token-Id", "Legs", "Body-Hash")
DIALECTS = ("verify", "auth_request", "ext_authz")


@pytest.fixture(scope="module")
def gateway(tmp_path_factory):
    provider = Provider(tmp_path_factory.mktemp("gateway"), OAUTH1_ORIGINS=ORIGINS, OAUTH1_TRUSTED_PROXIES="127.0.0.1")
    provider.create_user("jane", PASSWORD)
    provider.create_user("Jürgen, the \"2nd\"", PASSWORD)
    provider.create_user("-", PASSWORD)
    provider.start()
    yield provider
    provider.stop()


@pytest.fixture(scope="module")
def client(gateway):
    return gateway.create_client("--scope", "photos:read", "--scope", "photos:write", "--scope", "a;b")


@pytest.fixture(scope="module")
def token(gateway, client):
    return Flow(gateway, client, signature_method="HMAC-SHA256").token(scope="photos:read a;b")


@pytest.fixture(scope="module")
def two_legged(gateway):
    made = gateway.create_client("--two-legged", name="Batch")
    return Signer(made.client_id, made.client_secret)


@dataclass
class Reply:
    status: int
    headers: list  # pairs
    body: bytes

    def all(self, name):
        return [value for n, value in self.headers if n.lower() == name.lower()]

    def one(self, name):
        [value] = self.all(name)
        return value


def call(provider, method, path, headers, body=None, source="127.0.0.1"):
    """One request exactly as given: headers may come twice, the path is not touched."""
    address = urlsplit(provider.introspection_url).netloc
    connection = http.client.HTTPConnection(address, timeout=10, source_address=(source, 0))
    connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
    for name, value in headers if any(n.lower() == "host" for n, _ in headers) else [("Host", "gw"), *headers]:
        connection.putheader(name, value.encode() if isinstance(value, str) else value)
    if body is not None:
        connection.putheader("Content-Length", str(len(body)))
    connection.endheaders(body)
    response = connection.getresponse()
    reply = Reply(response.status, response.getheaders(), response.read())
    connection.close()
    return reply


def described(dialect, request):
    """Method, path and headers by which a gateway of this dialect describes the request."""
    url = urlsplit(request.url)
    target = request.url.split(url.netloc, 1)[1] or "/"
    if dialect == "verify":
        return "GET", "/verify", [("X-Forwarded-Method", request.method), ("X-Forwarded-Proto", url.scheme),
                                  ("X-Forwarded-Host", url.netloc), ("X-Forwarded-Uri", target)]
    if dialect == "auth_request":
        return "GET", "/verify/auth-request", [("X-Original-Method", request.method), ("X-Original-URL", request.url)]
    return request.method, "/verify/ext-authz" + target, [("Host", url.netloc), ("X-Forwarded-Proto", url.scheme)]


def ask(provider, dialect, request, *more, body=None, method=None, source="127.0.0.1"):
    own_method, path, headers = described(dialect, request)
    headers += list(request.headers.items()) + list(more)
    return call(provider, method or own_method, path, headers, body, source)


def refused(reply, status, problem):
    """A refusal: never an identity, one challenge with a 401, and a text for the reader."""
    assert reply.status == status, (reply, reply.body)
    assert not [n for n, _ in reply.headers if n.lower().startswith("x-oauth")]
    assert reply.one("Content-Type") == "application/problem+json" and reply.one("Cache-Control") == "no-store"
    challenge = 'OAuth realm="127.0.0.1"' + (f', oauth_problem="{problem}"' if problem else "")
    assert reply.all("WWW-Authenticate") == ([challenge] if status == 401 else [])
    return reply


# ---- let in


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("target", ["/photos?size=o", "/", "//a/../b/./c", "/%2F%7e;p?a=1,2&a=%20", "/x?", "/{}|"])
def test_lets_a_good_request_in_and_says_whose_it_is(gateway, client, token, dialect, target):
    reply = ask(gateway, dialect, token.sign("GET", ORIGIN + target))
    assert reply.status == 200, reply.body
    assert reply.body == b"" and reply.one("Cache-Control") == "no-store"
    assert reply.one("X-OAuth-Client-Id") == client.client_id
    assert reply.one("X-OAuth-Subject") == "local-1" and reply.one("X-OAuth-Username") == "jane"
    assert reply.one("X-OAuth-Scope") == "photos%3Aread a%3Bb"
    assert reply.one("X-OAuth-Token-Id").startswith("tok_")
    assert reply.one("X-OAuth-Legs") == "3" and reply.one("X-OAuth-Body-Hash") == "-"


@pytest.mark.parametrize("dialect", DIALECTS)
def test_says_everything_also_where_there_is_nothing_to_say(gateway, two_legged, dialect):
    reply = ask(gateway, dialect, two_legged.sign("GET", ORIGIN + "/"))
    assert reply.status == 200
    assert [reply.one("X-OAuth-" + name) for name in IDENTITY] == [two_legged.client_id, "-", "-", "-", "-", "2", "-"]


@pytest.mark.parametrize("username, written", [("-", "%2D"), ("Jürgen, the \"2nd\"", "J%C3%BCrgen%2C%20the%20%222nd%22")])
def test_encodes_names(gateway, client, username, written):
    from harness.owner import Owner

    signer = Flow(gateway, client, Owner(gateway, username, PASSWORD)).token(scope="photos:read")
    assert ask(gateway, "verify", signer.sign("GET", ORIGIN)).one("X-OAuth-Username") == written


@pytest.mark.parametrize("dialect", ["verify", "auth_request"])
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"])
def test_is_asked_by_any_method(gateway, token, dialect, method):
    reply = ask(gateway, dialect, token.sign("PUT", ORIGIN + "/"), method=method)
    assert reply.status == 200 and len(reply.all("X-OAuth-Client-Id")) == 1
    wrong = ask(gateway, dialect, token.sign("PUT", ORIGIN + "/", oauth_signature="x"), method=method)
    assert wrong.status == 401 and len(wrong.all("WWW-Authenticate")) == 1
    assert (wrong.body == b"") == (method == "HEAD")


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"])
def test_envoys_own_method_is_the_one_that_was_signed(gateway, token, method):
    assert ask(gateway, "ext_authz", token.sign(method, ORIGIN + "/")).status == 200
    assert ask(gateway, "ext_authz", token.sign("LOCK", ORIGIN + "/"), method=method).status == 401


def test_a_method_of_the_clients_own_is_verified_by_the_headers(gateway, token):
    for dialect in ("verify", "auth_request"):
        assert ask(gateway, dialect, token.sign("PROPFIND", ORIGIN + "/")).status == 200


def test_a_method_that_the_transport_does_not_know_is_never_let_in(gateway, token):
    for dialect in DIALECTS:
        assert ask(gateway, dialect, token.sign("PROPFIND", ORIGIN + "/"), method="PROPFIND").status in (400, 501)


def test_a_connection_is_kept_after_a_head_call(gateway, token):
    method, path, headers = described("verify", token.sign("GET", ORIGIN + "/"))
    connection = http.client.HTTPConnection(urlsplit(gateway.introspection_url).netloc, timeout=10)
    for expected in (401, 401, 401):
        connection.request("HEAD", path, headers=dict(headers))
        response = connection.getresponse()
        assert (response.status, response.read()) == (expected, b"")
    connection.request("GET", "/verify", headers={})
    assert connection.getresponse().status == 401
    connection.close()


# ---- refused


@pytest.mark.parametrize("dialect", DIALECTS)
def test_every_fault_of_the_client_is_a_401_with_one_challenge(gateway, client, token, two_legged, dialect):
    plain = Signer(client.client_id, client.client_secret)
    other = Signer(token.client_id, token.client_secret, "unknown", "x")
    url = ORIGIN + "/photos"
    faults = [
        (Request("GET", url), ""),
        (token.sign("GET", url, oauth_signature="x"), "signature_invalid"),
        (token.sign("GET", url, oauth_consumer_key="nobody"), "consumer_key_unknown"),
        (other.sign("GET", url), "token_rejected"),
        (plain.sign("GET", url), "token_rejected"),
        (token.sign("GET", url, oauth_nonce=None), "parameter_absent"),
        (token.sign("GET", url, oauth_version="2.0"), "version_rejected"),
        (token.sign("GET", url, oauth_signature_method="X"), "signature_method_rejected"),
        (token.sign("GET", url, oauth_timestamp="1"), "timestamp_refused"),
        (token.sign("GET", url, oauth_timestamp="x"), "parameter_rejected"),
        (token.sign("GET", url + "?oauth_nonce=1"), "parameter_rejected"),
        (Request("GET", url, {"Authorization": "OAuth x"}), "parameter_rejected"),
        (Request("GET", url, {"Authorization": "Basic eDp5"}), ""),
        (Request("GET", url, {"Authorization": "Bearer x"}), ""),
        (token.sign("GET", "https://evil.example/"), "parameter_rejected"),
    ]
    for request, problem in faults:
        refused(ask(gateway, dialect, request), 401, problem)
    replayed = token.sign("GET", url)
    assert ask(gateway, dialect, replayed).status == 200
    refused(ask(gateway, dialect, replayed), 401, "nonce_used")


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_scope_that_falls_short_is_a_403(gateway, token, dialect):
    for scope, status in (("photos:read", 200), ("photos:read a;b", 200), ("photos:write", 403), ("photos:read x", 403)):
        reply = ask(gateway, dialect, token.sign("GET", ORIGIN), ("X-OAuth-Required-Scope", scope))
        assert reply.status == status, scope
        if status == 403:
            refused(reply, 403, None)
    reply = ask(gateway, dialect, token.sign("GET", ORIGIN), ("X-OAuth-Required-Scope", "photos:read"),
                ("X-OAuth-Required-Scope", "photos:read"))
    refused(reply, 401, "parameter_rejected")


@pytest.mark.parametrize("dialect", DIALECTS)
def test_options_are_never_read_from_the_query(gateway, token, dialect):
    method, path, headers = described(dialect, token.sign("GET", ORIGIN + "/"))
    request = token.sign("GET", ORIGIN + "/")
    method, path, headers = described(dialect, request)
    query = "?required_scope=photos:write&X-OAuth-Required-Scope=photos:write&url=https://evil.example/"
    reply = call(gateway, method, path + query, headers + list(request.headers.items()))
    # for Envoy the query is the request's own, and signed
    assert reply.status == (401 if dialect == "ext_authz" else 200)


@pytest.mark.parametrize("dialect", ["verify", "auth_request"])
def test_a_header_that_is_missing_empty_or_there_twice_is_refused(gateway, token, dialect):
    request = token.sign("GET", ORIGIN + "/")
    method, path, headers = described(dialect, request)
    signed = list(request.headers.items())
    for name, value in headers:
        others = [header for header in headers if header[0] != name]
        for spoilt in ([], [(name, "")], [(name, value), (name, value)], [(name, value), (name.lower(), "other")]):
            reply = refused(call(gateway, method, path, others + spoilt + signed), 401, "parameter_rejected")
            assert name in reply.body.decode()
        if name not in ("X-Forwarded-Uri", "X-Original-URL"):
            reply = refused(call(gateway, method, path, others + [(name, value + ",x")] + signed), 401,
                            "parameter_rejected")
            assert "comma" in reply.body.decode()
        else:
            for odd in (" x", "\tx"):
                refused(call(gateway, method, path, others + [(name, value + odd)] + signed), 401, "parameter_rejected")
    assert call(gateway, method, path, headers + signed).status == 200, "none of these spent the nonce"


def test_envoys_scheme_must_be_said_once(gateway, token):
    request = token.sign("GET", ORIGIN + "/")
    signed = list(request.headers.items())
    host = ("Host", "api.example")
    for protos in ([], [""], ["https", "https"], ["https,http"], ["ftp"]):
        headers = [host] + [("X-Forwarded-Proto", proto) for proto in protos]
        refused(call(gateway, "GET", "/verify/ext-authz/", headers + signed), 401, "parameter_rejected")
    assert call(gateway, "GET", "/verify/ext-authz/", [host, ("X-Forwarded-Proto", "https")] + signed).status == 200
    again = token.sign("GET", ORIGIN + "/")
    refused(call(gateway, "GET", "/verify/ext-authz", [host, ("X-Forwarded-Proto", "https"), *again.headers.items()]),
            401, "parameter_rejected")


@pytest.mark.parametrize("dialect", DIALECTS)
def test_headers_of_the_other_dialects_are_not_looked_at(gateway, token, dialect):
    """What a client can add to any request never chooses what is verified."""
    evil = Request("DELETE", "https://both.example/evil")
    spoofs = {name: value for other in DIALECTS if other != dialect for name, value in described(other, evil)[2]}
    spoofs |= {"X-Forwarded-Port": "8443", "Forwarded": "host=evil.example;proto=http", "X-Rewrite-URL": "/evil",
               "X-HTTP-Method-Override": "DELETE", "X-Original-URI": "/evil"}
    own = {name.lower() for name, _ in described(dialect, evil)[2]} | {"host"}
    more = [(name, value) for name, value in spoofs.items() if name.lower() not in own]
    assert ask(gateway, dialect, token.sign("GET", ORIGIN + "/"), *more).status == 200
    # and a request signed for what they say is not good for what the gateway says
    signed = token.sign("DELETE", "https://both.example/evil").headers["Authorization"]
    victim = Request("GET", ORIGIN + "/", {"Authorization": signed})
    refused(ask(gateway, dialect, victim, *more), 401, "signature_invalid")


# ---- origins


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize(
    "signed, host, proto",
    [
        ("https://api.example/", "api.example", "http"),  # TLS ends in front of the gateway
        ("https://api.example/", "API.example:443", "https"),
        ("https://port.example:8443/", "port.example:8443", "http"),
        ("https://both.example/", "both.example", "https"),
        ("http://both.example/", "both.example", "http"),
        ("http://both.example/", "both.example:80", "https"),
    ])
def test_the_origin_gives_the_scheme(gateway, token, dialect, signed, host, proto):
    seen = Request("GET", f"{proto}://{host}/", token.sign("GET", signed).headers)
    assert ask(gateway, dialect, seen).status == 200


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("host", ["evil.example", "api.example:8443", "port.example", "api.example.evil.example",
                                  "evil.example#api.example", "api.example@evil.example", "xapi.example", "[::1]"])
def test_only_origins_that_are_listed_are_served(gateway, token, dialect, host):
    seen = Request("GET", f"https://{host}/", token.sign("GET", f"https://{host}/").headers)
    reply = ask(gateway, dialect, seen)
    assert reply.status in (400, 401) and not reply.all("X-OAuth-Client-Id")
    if "#" not in host and "@" not in host:
        refused(reply, 401, "parameter_rejected")


def test_without_origins_and_proxies_nobody_is_answered(tmp_path, provider, token):
    """403, and the log says who asked and what to set."""
    for name, variables, named in (
            ("both", {}, "OAUTH1_ORIGINS, OAUTH1_TRUSTED_PROXIES"),
            ("origins", {"OAUTH1_TRUSTED_PROXIES": "127.0.0.1"}, "OAUTH1_ORIGINS"),
            ("proxies", {"OAUTH1_ORIGINS": ORIGIN}, "OAUTH1_TRUSTED_PROXIES"),
            ("others", {"OAUTH1_ORIGINS": ORIGIN, "OAUTH1_TRUSTED_PROXIES": "127.0.0.2,192.0.2.0/24,unix"},
             "OAUTH1_TRUSTED_PROXIES")):
        closed = Provider(tmp_path / name, **variables)
        closed.command("migrate", "up")
        closed.introspection.start()
        try:
            for dialect in DIALECTS:
                refused(ask(closed, dialect, token.sign("GET", ORIGIN + "/")), 403, None)
            [line, *_] = [line for line in closed.logs().splitlines() if "was not taken" in line]
            assert named in line and "127.0.0.1" in line
        finally:
            closed.introspection.stop()


def test_takes_calls_of_a_listed_proxy_alone_by_address_or_socket(tmp_path):
    path = tmp_path / "introspection.sock"
    served = Provider(tmp_path / "tcp", OAUTH1_ORIGINS=ORIGIN, OAUTH1_TRUSTED_PROXIES="127.0.0.0/30")
    client = served.create_client("--two-legged")
    signer = Signer(client.client_id, client.client_secret)
    served.introspection.start()
    try:
        for source, status in (("127.0.0.1", 200), ("127.0.0.3", 200), ("127.0.0.4", 403), ("127.1.0.1", 403)):
            assert ask(served, "verify", signer.sign("GET", ORIGIN + "/"), source=source).status == status
        spoofed = ask(served, "verify", signer.sign("GET", ORIGIN + "/"), ("X-Forwarded-For", "127.0.0.1"),
                      source="127.0.0.4")
        assert spoofed.status == 403
    finally:
        served.introspection.stop()
    for proxies, status in (("unix", 200), ("127.0.0.1", 403)):
        served.introspection.variables |= {"OAUTH1_LISTEN": f"unix:{path}", "OAUTH1_TRUSTED_PROXIES": proxies}
        served.introspection.start()
        try:
            method, target, headers = described("verify", signer.sign("GET", ORIGIN + "/"))
            request = signer.sign("GET", ORIGIN + "/")
            lines = [f"{method} {target} HTTP/1.0", "Host: gw"]
            lines += [f"{name}: {value}" for name, value in headers + list(request.headers.items())]
            with socket.socket(socket.AF_UNIX) as peer:
                peer.settimeout(10)
                peer.connect(str(path))
                peer.sendall("\r\n".join(lines + ["", ""]).encode())
                assert peer.recv(65536).split()[1] == str(status).encode()
        finally:
            served.introspection.stop()


# ---- bodies


def test_a_form_that_was_not_forwarded_is_never_valid(gateway, token):
    request = token.sign("POST", ORIGIN + "/", body="a=1")
    for dialect in DIALECTS:
        for body in (None, b""):
            reply = refused(ask(gateway, dialect, request, body=body), 401, "parameter_absent")
            assert "forward" in reply.body.decode() and "/v1/introspect" in reply.body.decode()
    without = Request("POST", ORIGIN + "/", token.sign("POST", ORIGIN + "/").headers | {"Content-Type": FORM})
    refused(ask(gateway, "verify", without), 401, "parameter_absent")


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_body_that_was_forwarded_is_used(gateway, token, dialect):
    request = token.sign("POST", ORIGIN + "/", body="c2=&a3=2+q")
    assert ask(gateway, dialect, request, body=request.body, method="POST").status == 200
    other = token.sign("POST", ORIGIN + "/", body="a=1")
    refused(ask(gateway, dialect, other, body=b"a=2", method="POST"), 401, "signature_invalid")
    in_body = Signer(**{**token.__dict__, "place": "body"}).sign("POST", ORIGIN + "/", body="a=1")
    assert ask(gateway, dialect, in_body, body=in_body.body, method="POST").status == 200


def test_a_forwarded_body_of_a_get_call(gateway, token):
    """Traefik asks by GET, and sends the body all the same."""
    request = token.sign("POST", ORIGIN + "/", body="a=1")
    assert ask(gateway, "verify", request, body=request.body, method="GET").status == 200


def test_a_part_of_a_body_is_none(gateway, token):
    partial = ("x-envoy-auth-partial-body", "true")
    request = token.sign("POST", ORIGIN + "/", body="a=1")
    refused(ask(gateway, "ext_authz", request, partial, body=b"a=1"), 401, "parameter_absent")
    whole = ("x-envoy-auth-partial-body", "false")
    assert ask(gateway, "ext_authz", request, whole, body=b"a=1").status == 200
    hashed = hash_signed(token, b'{"a": 1}')
    reply = ask(gateway, "ext_authz", hashed, partial, body=b'{"a"')
    assert reply.status == 200 and reply.one("X-OAuth-Body-Hash") == "unchecked"


def hash_signed(signer, body):
    return signer.sign("POST", ORIGIN + "/", body=body, content_type="application/json",
                       oauth_body_hash=body_hash(body, signer.signature_method))


@pytest.mark.parametrize("dialect", DIALECTS)
def test_says_whether_the_body_hash_was_checked(gateway, token, dialect):
    body = b'{"a": 1}'
    reply = ask(gateway, dialect, hash_signed(token, body), body=body, method="POST")
    assert (reply.status, reply.one("X-OAuth-Body-Hash")) == (200, "verified")
    reply = ask(gateway, dialect, hash_signed(token, body))
    assert (reply.status, reply.one("X-OAuth-Body-Hash")) == (200, "unchecked")
    refused(ask(gateway, dialect, hash_signed(token, body), body=b"{}", method="POST"), 401, "signature_invalid")


def test_a_client_marked_for_body_hashes_needs_a_forwarded_body(gateway):
    made = gateway.create_client("--two-legged", "--body-hash-required", name="hashing")
    signer = Signer(made.client_id, made.client_secret)
    refused(ask(gateway, "verify", hash_signed(signer, b"{}")), 401, "parameter_absent")
    assert ask(gateway, "verify", hash_signed(signer, b"{}"), body=b"{}").one("X-OAuth-Body-Hash") == "verified"


# ---- a head that the service cannot take

BAD_HEADS = {
    "a control byte": b"X-A: a\x01b\r\n",
    "a NUL": b"X-A: a\x00b\r\n",
    "LF alone": b"X-A: a\nX-B: b\r\n",
    "a header without a colon": b"X-A\r\n",
    "two Authorization headers": b"Authorization: OAuth a\r\nAuthorization: OAuth b\r\n",
    "21 KB": b"X-A: " + b"a" * 21_000 + b"\r\n",
    "21 KB in pieces": b"".join(b"X-%d: " % n + b"a" * 1000 + b"\r\n" for n in range(21)),
    "150 headers": b"X-A: a\r\n" * 150,
}


def send_raw(provider, path, head, source="127.0.0.1", method=b"GET"):
    """The reply to a head, and whether the connection was closed after it."""
    with socket.create_connection(("127.0.0.1", provider.introspection.port), 10, (source, 0)) as connection:
        connection.sendall(method + b" " + path.encode() + b" HTTP/1.1\r\nHost: api.example\r\n" + head + b"\r\n")
        response = http.client.HTTPResponse(connection)
        response.begin()
        reply = Reply(response.status, response.getheaders(), response.read())
        connection.settimeout(5)
        try:
            assert connection.recv(1) == b""
        except ConnectionResetError:
            pass
    return reply


@pytest.mark.parametrize("name", BAD_HEADS)
@pytest.mark.parametrize("path", ["/verify", "/verify/auth-request", "/verify/ext-authz/photos?a=1"])
def test_a_head_that_cannot_be_taken_is_the_clients_fault(gateway, path, name):
    """nginx hands the client's headers on, and makes a 500 of a 400 or 431."""
    reply = refused(send_raw(gateway, path, BAD_HEADS[name]), 401, "parameter_rejected")
    assert b'"detail":"' in reply.body


@pytest.mark.parametrize("path", ["/v1/introspect", "/", "/verifying", "/verify/auth-request/x"])
def test_such_a_head_is_malformed_anywhere_else(gateway, path):
    assert send_raw(gateway, path, BAD_HEADS["a control byte"]).status == 400
    assert send_raw(gateway, path, BAD_HEADS["21 KB"]).status == 431


def test_such_a_head_of_a_stranger_is_not_answered_as_a_gateways(tmp_path):
    strangers = Provider(tmp_path, OAUTH1_ORIGINS=ORIGIN, OAUTH1_TRUSTED_PROXIES="127.0.0.1", OAUTH1_RATE_LIMIT_ADDRESS="3")
    strangers.introspection.start()
    try:
        for _ in range(5):  # nobody's address is counted, since the head that names it was not read
            assert send_raw(strangers, "/verify", BAD_HEADS["21 KB"]).status == 401
        assert send_raw(strangers, "/verify", BAD_HEADS["21 KB"], source="127.0.0.2").status == 403
    finally:
        strangers.introspection.stop()


def test_no_head_is_taken_apart_whose_first_line_is_none(gateway):
    for first in (b"GET\x01", b"GET ", b"\x00"):
        assert send_raw(gateway, "/verify", b"X: y\x01\r\n", method=first).status in (400, 401)
    assert send_raw(gateway, "/verify" + "x" * 21_000, b"").status == 431


# ---- plain text, stores, quotas, metrics


def test_plaintext_needs_https_by_the_gateways_word_and_by_the_origin(tmp_path):
    """With an https origin alone listed, http is refused all the same: the secret travelled in clear."""
    strict = Provider(tmp_path, OAUTH1_DEV=None, OAUTH1_INSECURE_TRANSPORT=None, OAUTH1_PUBLIC_URL="https://auth.example",
                      OAUTH1_SECRETS_KEYS="k1:" + "QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUE=",
                      OAUTH1_ORIGINS="https://api.example,http://plain.example,https://both.example,http://both.example",
                      OAUTH1_TRUSTED_PROXIES="127.0.0.1")
    made = strict.create_client("--two-legged")
    plain = Signer(made.client_id, made.client_secret, signature_method="PLAINTEXT")
    hmac = Signer(made.client_id, made.client_secret)
    strict.introspection.start()
    try:
        for dialect in DIALECTS:
            for url in ("https://api.example/", "https://both.example/"):
                assert ask(strict, dialect, plain.sign("GET", url)).status == 200, (dialect, url)
            for url in ("http://api.example/", "http://plain.example/", "https://plain.example/", "http://both.example/"):
                reply = ask(strict, dialect, plain.sign("GET", url))
                assert reply.status == 401, (dialect, url)
                assert 'oauth_problem="transport_insecure"' in reply.one("WWW-Authenticate") and b"https" in reply.body
            # a signature that can be seen does no harm; it is made over the origin's scheme
            seen = Request("GET", "http://api.example/", hmac.sign("GET", "https://api.example/").headers)
            assert ask(strict, dialect, seen).status == 200, dialect
    finally:
        strict.introspection.stop()


def test_a_store_that_is_down_is_503_and_never_lets_in(tmp_path):
    """After kill -9 the memory store cannot know what it had seen."""
    broken = Provider(tmp_path, OAUTH1_ORIGINS=ORIGIN, OAUTH1_TRUSTED_PROXIES="127.0.0.1")
    made = broken.create_client("--two-legged")
    signer = Signer(made.client_id, made.client_secret)
    broken.introspection.start()
    try:
        assert ask(broken, "verify", signer.sign("GET", ORIGIN)).status == 200
        broken.introspection.kill()
        broken.introspection.launch()
        broken.introspection.wait_until_alive()
        for dialect in DIALECTS:
            reply = refused(ask(broken, dialect, signer.sign("GET", ORIGIN)), 503, None)
            assert 1 <= int(reply.one("Retry-After")) <= 61
    finally:
        broken.introspection.stop()


def test_too_many_refusals_of_one_address_slow_that_address_down(tmp_path):
    limited = Provider(tmp_path, OAUTH1_ORIGINS=ORIGIN, OAUTH1_TRUSTED_PROXIES="127.0.0.1,127.0.0.2",
                       OAUTH1_RATE_LIMIT_ADDRESS="3")
    made = limited.create_client("--two-legged")
    signer = Signer(made.client_id, made.client_secret)
    limited.introspection.start()
    try:
        def bad(dialect, address):
            request = signer.sign("GET", ORIGIN, oauth_signature="x")
            return ask(limited, dialect, request, ("X-Forwarded-For", f"203.0.113.9, {address}, 127.0.0.2"))

        for i in range(3):
            assert bad(DIALECTS[i], "198.51.100.1").status == 401
        for dialect, status in (("verify", 429), ("ext_authz", 429), ("auth_request", 403)):
            reply = refused(bad(dialect, "198.51.100.1"), status, None)
            assert 1 <= int(reply.one("Retry-After")) <= 60
        assert bad("verify", "198.51.100.2").status == 401, "another address is not meant"
        good = ask(limited, "verify", signer.sign("GET", ORIGIN), ("X-Forwarded-For", "198.51.100.1"))
        assert good.status == 200, "a good request is never refused for what others send from its address"
    finally:
        limited.introspection.stop()


def test_counts_verdicts_by_dialect(gateway, token):
    def counts():
        text = call_ops(gateway, "/metrics")
        found = re.findall(r'oauth1_verifications_total{dialect="(\w+)",result="(\w+)"} (\d+)', text)
        return {(dialect, result): int(number) for dialect, result, number in found}

    before = counts()
    for dialect in DIALECTS:
        request = token.sign("GET", ORIGIN)
        for _ in range(2):
            ask(gateway, dialect, request)
        ask(gateway, dialect, token.sign("GET", ORIGIN, oauth_signature="x"))
    after = counts()
    for dialect in DIALECTS:
        for result in ("active", "nonce_used", "signature_invalid"):
            assert after[dialect, result] == before[dialect, result] + 1


def call_ops(provider, path):
    import requests

    return requests.get(provider.introspection.ops + path, timeout=10).text


def test_no_other_path_is_served(gateway, token):
    request = token.sign("GET", ORIGIN)
    for path in ("/verify/", "/verify/x", "/verify/auth-request/", "/verify/auth-request/x", "/Verify", "/verify%2F",
                 "/verify/ext-authzx"):
        _, _, headers = described("verify", request)
        assert call(gateway, "GET", path, headers + list(request.headers.items())).status == 404


def test_shows_no_secret_in_answers_and_logs(gateway, token):
    marker = secrets.token_hex(8)
    reply = ask(gateway, "verify", token.sign("GET", f"{ORIGIN}/?m={marker}", oauth_signature=marker))
    time.sleep(0.1)
    assert marker.encode() not in reply.body
    for secret in (token.client_secret, token.token_secret, marker):
        assert secret not in gateway.introspection.text()
