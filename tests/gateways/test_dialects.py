"""Traefik and Envoy, which Debian does not have and nobody here ran: what their files say of some traps, and requests of
the form that they are said to send. docs/gateways.md names what the files leave open."""

import socket
from pathlib import Path

import pytest
import yaml
from harness.signer import body_hash
from wire import ORIGIN, SECONDS, head, read_reply

CONFIGURATIONS = Path(__file__).resolve().parents[2] / "docker/gateways"
IDENTITY = {"X-OAuth-" + name for name in
            ("Client-Id", "Subject", "Username", "Scope", "Token-Id", "Legs", "Body-Hash")}


def load(name):
    return yaml.safe_load((CONFIGURATIONS / name).read_text())


def test_traefiks_file_avoids_these_traps():
    http = load("traefik.yml")["http"]
    asks, check, asked = (http["middlewares"][name] for name in http["routers"]["api"]["middlewares"])
    auth = check["forwardAuth"]
    assert auth["address"].endswith("/verify") and auth["trustForwardHeader"] is False and auth["forwardBody"] is True
    assert auth["maxBodySize"] == 65536 and "sanitizePath: false" in (CONFIGURATIONS / "traefik.yml").read_text()
    assert set(auth["authResponseHeaders"]) == IDENTITY
    assert set(auth["authRequestHeaders"]) == {"Authorization", "Content-Type", "X-OAuth-Required-Scope"}
    assert asks["headers"]["customRequestHeaders"] == {"X-OAuth-Required-Scope": "photos:read"}
    assert asked["headers"]["customRequestHeaders"]["Authorization"] == ""


def test_envoys_file_avoids_these_traps():
    [listener] = load("envoy.yaml")["static_resources"]["listeners"]
    manager = listener["filter_chains"][0]["filters"][0]["typed_config"]
    assert manager["normalize_path"] is False and manager["merge_slashes"] is False
    assert manager["path_with_escaped_slashes_action"] == "KEEP_UNCHANGED"
    check, router = (row["typed_config"] for row in manager["http_filters"])
    assert check["failure_mode_allow"] is False and router["@type"].endswith(".Router")
    assert check["with_request_body"] == {"max_request_bytes": 65536, "allow_partial_message": True}
    assert check["allowed_headers"] == {"patterns": [{"exact": "content-type"}]}
    service = check["http_service"]
    assert service["path_prefix"] == "/verify/ext-authz"
    added = {row["key"]: row["value"] for row in service["authorization_request"]["headers_to_add"]}
    assert added == {"x-forwarded-proto": "https", "x-oauth-required-scope": "photos:read"}
    assert service["authorization_response"]["allowed_upstream_headers"]["patterns"] == [{"prefix": "x-oauth-"}]
    assert "retry_policy" not in str(check)


# ---- what they ask


def as_traefik(request, path):
    """GET, with X-Forwarded-* of its own, the listed headers of the client, and the body (forwardBody)."""
    return "GET", "/verify", [
        ("Host", "introspection-service:8082"), ("X-Forwarded-Method", request.method), ("X-Forwarded-Proto", "https"),
        ("X-Forwarded-Host", "api.example.com"), ("X-Forwarded-Uri", path), ("X-Forwarded-For", "203.0.113.9"),
        ("X-Forwarded-Port", "443"), ("X-Forwarded-Server", "traefik")]


def as_envoy(request, path):
    """The client's method and path behind the prefix, its Host, and the body (with_request_body)."""
    return request.method, "/verify/ext-authz" + path, [
        ("Host", "api.example.com"), ("X-Forwarded-Proto", "https"), ("X-Envoy-Auth-Partial-Body", "false"),
        ("X-Envoy-Internal", "true")]


@pytest.fixture(params=[as_traefik, as_envoy], ids=lambda way: way.__name__)
def ask(request, provider):
    def asked(signed, path, body=None):
        method, target, headers = request.param(signed, path)
        content = (signed.body or b"") if body is None else body
        headers += [("X-OAuth-Required-Scope", "photos:read"), ("Content-Length", str(len(content)))]
        with socket.create_connection(("127.0.0.1", provider.introspection.port), SECONDS) as connection:
            connection.sendall(head(method, target, headers + list(signed.headers.items())) + content)
            return read_reply(connection, method)

    return asked


@pytest.mark.parametrize("path", ["/photos?size=o", "//photos/./%2F%7e;p=1?a=1,2&b"])
def test_a_good_request_is_a_200_with_all_seven_headers_and_good_once(ask, token, client, path):
    request = token.sign("GET", ORIGIN + path)
    answer = ask(request, path)
    assert answer.status == 200, answer
    assert {name for name, _ in answer.headers if name.lower().startswith("x-oauth-")} == IDENTITY
    assert answer.all("X-OAuth-Client-Id") == [client.client_id]
    replayed = ask(request, path)
    assert replayed.status == 401 and 'oauth_problem="nonce_used"' in replayed.all("WWW-Authenticate")[0]


def test_a_bad_request_is_a_401_with_one_challenge(ask, token):
    answer = ask(token.sign("GET", ORIGIN + "/photos", oauth_signature="x"), "/photos")
    assert answer.status == 401 and len(answer.all("WWW-Authenticate")) == 1


def test_without_the_scope_it_is_a_403(ask, other_scope):
    assert ask(other_scope.sign("GET", ORIGIN + "/photos"), "/photos").status == 403


def test_a_form_is_verified_with_its_body_and_refused_without(ask, token):
    good, changed, bare = (token.sign("POST", ORIGIN + "/photos", body="title=x") for _ in range(3))
    assert ask(good, "/photos").status == 200
    assert ask(changed, "/photos", body=b"title=y").status == 401
    missing = ask(bare, "/photos", body=b"")
    assert missing.status == 401 and "parameter_absent" in missing.all("WWW-Authenticate")[0]


def test_a_body_that_envoy_cut_off_was_not_handed_over(provider, token):
    request = token.sign("POST", ORIGIN + "/photos", body="title=x")
    method, target, headers = as_envoy(request, "/photos")
    headers = [row for row in headers if row[0] != "X-Envoy-Auth-Partial-Body"] + [("X-Envoy-Auth-Partial-Body", "true")]
    headers += [("Content-Length", str(len(request.body))), *request.headers.items()]
    with socket.create_connection(("127.0.0.1", provider.introspection.port), SECONDS) as connection:
        connection.sendall(head(method, target, headers) + request.body)
        answer = read_reply(connection, method)
    assert answer.status == 401 and "parameter_absent" in answer.all("WWW-Authenticate")[0]


def test_a_body_hash_is_verified_with_the_body(ask, token):
    body = b'{"a":1}'
    request = token.sign("POST", ORIGIN + "/photos", body=body, content_type="application/json",
                         oauth_body_hash=body_hash(body, token.signature_method))
    assert ask(request, "/photos").all("X-OAuth-Body-Hash") == ["verified"]
