"""Traefik and Envoy, which Debian does not have and nobody here ran: their files against schemas that others wrote and
against what their documentation says of each trap; and requests of the form that their sources say they send."""

import copy
import re
import socket
from pathlib import Path

import pytest
import yaml
from harness import schemas
from harness.provider import Provider
from harness.signer import Request, body_hash
from wire import HOST, ORIGIN, SECONDS, head, read_reply

HERE = Path(__file__).resolve().parent
CONFIGURATIONS = HERE.parents[1] / "docker/gateways"
IDENTITY = {"X-OAuth-" + name for name in
            ("Client-Id", "Subject", "Username", "Scope", "Token-Id", "Legs", "Body-Hash")}
TOKEN_CHARACTERS = "-_.!#$%&'*+^`|~"  # what a header's name may hold beside letters and digits
LIMIT = 65536


def load(name):
    return yaml.safe_load((CONFIGURATIONS / name).read_text())


# ---- traefik.yml, traefik-static.yml


@pytest.fixture
def traefik():
    return load("traefik.yml")["http"]


def middleware_manifests(middlewares):
    """As Kubernetes would hold them: Traefik publishes a schema of that."""
    return [{"apiVersion": "traefik.io/v1alpha1", "kind": "Middleware", "metadata": {"name": name}, "spec": spec}
            for name, spec in middlewares.items()]


def test_traefiks_schema_finds_no_fault_in_the_middlewares(traefik):
    spoiled = copy.deepcopy(traefik["middlewares"])
    spoiled["countersign"]["forwardAuth"]["maxBodySize"] = "64k"
    spoiled["countersign-asks"]["headers"]["customRequestHeader"] = {}
    faults = schemas.faults(HERE.parent / "kubernetes/schemas", {
        "file": middleware_manifests(traefik["middlewares"]), "spoiled": middleware_manifests(spoiled)})
    assert faults["file"] == []
    told = "\n".join(faults["spoiled"])
    assert "customRequestHeader" in told and "maxBodySize must be integer" in told


def test_traefik_passes_nothing_on_that_the_service_did_not_name(traefik):
    [(name, asks)] = [row for row in traefik["routers"].items() if "parentRefs" not in row[1]]
    assert "service" not in asks and asks["middlewares"] == ["countersign-asks", "countersign"]
    [child] = [row for row in traefik["routers"].values() if "service" in row]
    assert child["parentRefs"] == [name] and child.keys().isdisjoint({"tls", "entryPoints", "observability"})
    [pattern] = re.findall(r"^HeaderRegexp\(`X-OAuth-Client-Id`, `(.+)`\)$", child["rule"])
    assert_names_somebody(lambda value: re.search(pattern, value))


def test_traefik_asks_about_our_origin_and_takes_nothing_of_the_clients(traefik):
    asks, check, asked = (traefik["middlewares"][name] for name in ("countersign-asks", "countersign", "countersign-asked"))
    assert asks["headers"]["customRequestHeaders"] == {
        "Host": HOST, "X-OAuth-Required-Scope": "photos:read", "X-Forwarded-Content-Length": "0"}
    auth = check["forwardAuth"]
    assert auth["address"].endswith("/verify") and auth["trustForwardHeader"] is False
    assert set(auth["authRequestHeaders"]) == {
        "Authorization", "Content-Type", "X-OAuth-Required-Scope", "X-Forwarded-Content-Length"}
    # the length above would be a lie without this
    assert (auth["forwardBody"], auth["maxBodySize"]) == (True, LIMIT) and auth["maxResponseBodySize"] <= LIMIT
    assert asked["headers"]["customRequestHeaders"] == {
        "Authorization": "", "X-Forwarded-Host": HOST, "X-Forwarded-Port": "", "X-Forwarded-Content-Length": ""}


def test_traefik_takes_a_clients_identity_away_whatever_the_spelling(traefik):
    auth = traefik["middlewares"]["countersign"]["forwardAuth"]
    assert set(auth["authResponseHeaders"]) == IDENTITY
    pattern = auth["authResponseHeadersRegex"]
    for name in [*IDENTITY, "X-OAuth-Required-Scope", "X-Original-URL", "X-Original-Method"]:
        for spelling in spellings(name):
            assert re.search(pattern, spelling), spelling
    for name in ("X-Forwarded-For", "X-Forwarded-Proto", "X-Request-Id", "Authorization", "X-Photo-OAuth"):
        assert not re.search(pattern, name), name


def test_traefiks_entry_point_leaves_paths_alone_and_drops_names_that_are_read_as_others():
    [entry] = load("traefik-static.yml")["entryPoints"].values()
    assert entry["http"] == {"aliasHeadersStrategy": "delete", "sanitizePath": False, "encodeQuerySemicolons": True}
    assert "forwardedHeaders" not in entry


# ---- envoy.yaml


@pytest.fixture
def manager():
    [listener] = load("envoy.yaml")["static_resources"]["listeners"]
    return listener["filter_chains"][0]["filters"][0]["typed_config"]


@pytest.fixture
def filters(manager):
    """By the last part of their names, in the order of the file."""
    return {row["name"].rpartition(".")[2]: row["typed_config"] for row in manager["http_filters"]}


def test_envoys_schema_finds_no_fault():
    spoiled = load("envoy.yaml")
    manager = spoiled["static_resources"]["listeners"][0]["filter_chains"][0]["filters"][0]["typed_config"]
    check = manager["http_filters"][1]["typed_config"]
    manager["path_with_escaped_slashes_action"] = "KEEP"
    check["failure_mode_allowed"] = False
    check["with_request_body"]["max_request_bytes"] = 0
    del manager["http_filters"][0]["typed_config"]["mutations"]["request_mutations"][0]["remove_on_match"]["key_matcher"]
    manager["http_filters"][2]["typed_config"]["rules"]["policies"]["known"]["principals"] = []
    faults = schemas.faults(HERE / "schemas", {"file": load("envoy.yaml"), "spoiled": spoiled})
    assert faults["file"] == []
    told = "\n".join(faults["spoiled"])
    for what in ("has no KEEP", "failure_mode_allowed: is unknown", "max_request_bytes: is too small",
                 "key_matcher is missing", "principals: has too few items"):
        assert what in told, what
    assert len(faults["spoiled"]) == 5


def test_envoy_leaves_the_path_alone(manager):
    assert manager["normalize_path"] is False and manager["merge_slashes"] is False
    assert manager["path_with_escaped_slashes_action"] == "KEEP_UNCHANGED"
    [virtual_host] = manager["route_config"]["virtual_hosts"]
    assert virtual_host["domains"] == [HOST] and virtual_host["request_headers_to_remove"] == ["authorization"]
    assert "typed_per_filter_config" not in str(manager["route_config"])


def test_envoy_takes_a_clients_identity_away_before_it_asks(manager, filters):
    assert list(filters) == ["header_mutation", "ext_authz", "rbac", "router"]
    assert manager["common_http_protocol_options"] == {"headers_with_underscores_action": "DROP_HEADER"}
    assert manager["use_remote_address"] is True
    remove, *sets = filters["header_mutation"]["mutations"]["request_mutations"]
    pattern = remove["remove_on_match"]["key_matcher"]["safe_regex"]["regex"]
    forged = [*IDENTITY, "X-OAuth-Required-Scope", "X-Original-URL", "X-Forwarded-For", "X-Forwarded-Uri", "X-Forwarded-Host"]
    for spelling in (spelling.lower() for name in forged for spelling in spellings(name)):
        assert re.fullmatch(pattern, spelling), spelling
    for name in ("x-request-id", "authorization", "x-envoy-internal", "x-photo-oauth", "content-type"):
        assert not re.fullmatch(pattern, name), name
    assert {row["append"]["append_action"] for row in sets} == {"OVERWRITE_IF_EXISTS_OR_ADD"}
    assert {row["append"]["header"]["key"]: row["append"]["header"]["value"] for row in sets} == {
        "x-forwarded-for": "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%", "x-forwarded-proto": "https", "x-forwarded-host": HOST,
        "x-forwarded-content-length": "%REQ(CONTENT-LENGTH)%"}


def test_envoy_asks_and_fails_closed(filters):
    check = filters["ext_authz"]
    assert check["failure_mode_allow"] is False and check["status_on_error"] == {"code": "ServiceUnavailable"}
    assert check["with_request_body"] == {"max_request_bytes": LIMIT, "allow_partial_message": True}
    assert check["encode_raw_headers"] is True
    assert check["allowed_headers"] == {"patterns": [
        {"exact": name} for name in ("content-type", "x-forwarded-for", "x-forwarded-content-length")]}
    service = check["http_service"]
    assert service["path_prefix"] == "/verify/ext-authz" and float(service["server_uri"]["timeout"][:-1]) > 0.25
    assert "retry_policy" not in service
    added = {row["key"]: row["value"] for row in service["authorization_request"]["headers_to_add"]}
    assert added == {"x-forwarded-proto": "https", "x-oauth-required-scope": "photos:read"}
    [upstream] = service["authorization_response"]["allowed_upstream_headers"]["patterns"]
    assert all(name.lower().startswith(upstream["prefix"]) for name in IDENTITY)
    assert {"exact": "www-authenticate"} in service["authorization_response"]["allowed_client_headers"]["patterns"]


def test_envoy_passes_nothing_on_that_the_service_did_not_name(filters):
    rules = filters["rbac"]["rules"]
    [policy] = rules["policies"].values()
    [principal] = policy["principals"]
    assert rules["action"] == "ALLOW" and principal["header"]["name"] == "x-oauth-client-id"
    pattern = principal["header"]["string_match"]["safe_regex"]["regex"]
    assert_names_somebody(lambda value: re.fullmatch(pattern, value))


# ---- what both have to do


def spellings(name):
    """As written, and as Go's servers write them; with another character for the hyphens, and for the first alone."""
    for character in TOKEN_CHARACTERS:
        other = name.replace("-", character)
        yield from (other, other.capitalize(), name.replace("-", character, 1))


def assert_names_somebody(matches):
    assert all(matches(value) for value in ("demo", "0CHuuukoqSKFqcHprk5IkjJ1", "a%3Ab", "a.b_c~d-e"))
    assert not any(matches(value) for value in ("", " ", "a,b", "a, b", "a b", "a\tb", "{http.reverse_proxy}"))


# ---- what they ask


def framed(headers, body):
    return [*headers, ("Content-Length", str(len(body)))], body


def in_chunks(headers, body):
    """How Go sends a body whose length it was not told; none at all for an empty one."""
    if not body:
        return headers, body
    return [*headers, ("Transfer-Encoding", "chunked")], f"{len(body):x}\r\n".encode() + body + b"\r\n0\r\n\r\n"


def as_traefik(request, path, body):
    """GET with X-Forwarded-* of its own, the headers that authRequestHeaders lists, and the body (forwardBody)."""
    return "GET", "/verify", *framed([
        ("Host", "introspection-service:8082"), ("User-Agent", ""), ("X-Forwarded-For", "203.0.113.9"),
        ("X-Forwarded-Host", HOST), ("X-Forwarded-Method", request.method), ("X-Forwarded-Port", "443"),
        ("X-Forwarded-Proto", "https"), ("X-Forwarded-Uri", path), ("X-Forwarded-Content-Length", "0"),
        ("Accept-Encoding", "gzip")], body)


def as_older_traefik(request, path, body):
    """Which did not hand the body's length on; and by a configuration that does not say whether there is a body."""
    method, target, headers, _ = as_traefik(request, path, b"")
    return method, target, *in_chunks([row for row in headers if not row[0].endswith("Content-Length")], body)


def as_envoy(request, path, body):
    """The client's method and path behind the prefix, its Host, and the beginning of the body (with_request_body). Envoy
    adds its own address to X-Forwarded-For, and says that a body is whole if it sends all that it has so far."""
    headers = [("Host", HOST), ("X-Forwarded-Proto", "https"), ("X-Forwarded-For", "203.0.113.9,127.0.0.1"),
               ("X-Forwarded-Content-Length", str(len(request.body)) if request.body is not None else "-")]
    if body:
        headers.append(("X-Envoy-Auth-Partial-Body", "true" if len(body) > LIMIT else "false"))
    return request.method, "/verify/ext-authz" + path, *framed(headers, body[:LIMIT])


WAYS = (as_traefik, as_older_traefik, as_envoy)


def exchange(provider, method, target, headers, content):
    with socket.create_connection(("127.0.0.1", provider.introspection.port), SECONDS) as connection:
        connection.sendall(head(method, target, headers) + content)
        return read_reply(connection, method)


@pytest.fixture(params=WAYS, ids=lambda way: way.__name__)
def ask(request, provider):
    def asked(signed, path, body=None, more=()):
        method, target, headers, content = request.param(signed, path, (signed.body or b"") if body is None else body)
        headers += [("X-OAuth-Required-Scope", "photos:read"), *signed.headers.items(), *more]
        return exchange(provider, method, target, headers, content)

    asked.way = request.param
    return asked


@pytest.mark.parametrize("path", ["/photos?size=o", "//photos/./%2F%7e;p=1?a=1,2&b", "/photos?", "/p?a=1%3Bb&c=%20+d"])
def test_a_good_request_is_a_200_with_all_seven_headers_and_good_once(ask, token, client, path):
    request = token.sign("GET", ORIGIN + path)
    answer = ask(request, path)
    assert answer.status == 200, answer
    assert {name for name, _ in answer.headers if name.lower().startswith("x-oauth-")} == IDENTITY
    assert answer.all("X-OAuth-Client-Id") == [client.client_id]
    replayed = ask(request, path)
    assert replayed.status == 401 and 'oauth_problem="nonce_used"' in replayed.all("WWW-Authenticate")[0]


def test_a_semicolon_that_traefik_encodes_in_the_query_means_the_same(ask, token):
    """encodeQuerySemicolons; without it `;` becomes `&`, and another request was signed."""
    assert ask(token.sign("GET", ORIGIN + "/photos?a=1;b"), "/photos?a=1%3Bb").status == 200
    assert ask(token.sign("GET", ORIGIN + "/photos?a=1;b"), "/photos?a=1&b").status == 401


@pytest.mark.parametrize("signed, spelled_anew", [
    ("/%7ejane/%41", "/~jane/A"), ("/photos%2f1", "/photos%2F1"), ("/photos/{id}", "/photos/%7Bid%7D"), ("/a|b", "/a%7Cb"),
    ("/caf\u00e9", "/caf%C3%A9"), ("//photos", "/photos"), ("/a/../photos", "/photos")])
def test_a_path_that_traefik_spells_anew_is_not_let_in(ask, token, signed, spelled_anew):
    assert ask(token.sign("GET", ORIGIN + signed), spelled_anew).status == 401


def test_a_bad_request_is_a_401_with_one_challenge(ask, token):
    answer = ask(token.sign("GET", ORIGIN + "/photos", oauth_signature="x"), "/photos")
    assert answer.status == 401 and len(answer.all("WWW-Authenticate")) == 1


def test_without_the_scope_it_is_a_403(ask, other_scope):
    assert ask(other_scope.sign("GET", ORIGIN + "/photos"), "/photos").status == 403


def test_two_authorization_headers_are_refused_also_where_a_gateway_made_one_of_them(ask, token):
    good, bad = (token.sign("GET", ORIGIN + "/photos", **more) for more in ({}, {"oauth_signature": "x"}))
    assert ask(bad, "/photos", more=[("Authorization", good.authorization)]).status == 401
    for first, second in ((good, bad), (bad, good), (good, good)):  # encode_raw_headers: false
        joined = copy.copy(good)
        joined.headers = {"Authorization": f"{first.authorization},{second.authorization}"}
        assert ask(joined, "/photos").status == 401


def test_a_form_is_verified_with_its_body_and_refused_without(ask, token):
    good, changed, bare = (token.sign("POST", ORIGIN + "/photos", body="title=x") for _ in range(3))
    assert ask(good, "/photos").status == 200
    assert ask(changed, "/photos", body=b"title=y").status == 401
    missing = ask(bare, "/photos", body=b"")
    problem = "signature_invalid" if ask.way is as_traefik else "parameter_absent"  # whose body is always all there is
    assert missing.status == 401 and problem in missing.all("WWW-Authenticate")[0]


@pytest.mark.parametrize("method", ["GET", "DELETE", "POST"])
def test_an_empty_body_that_is_called_a_form_is_let_in_where_its_length_is_said(ask, token, method):
    """As Signet and npm's oauth send each GET and DELETE."""
    answer = ask(token.sign(method, ORIGIN + "/photos", body=""), "/photos")
    if ask.way is as_older_traefik:
        assert answer.status == 401 and "parameter_absent" in answer.all("WWW-Authenticate")[0]
    else:
        assert answer.status == 200, answer


def hash_signed(token, body):
    return token.sign("POST", ORIGIN + "/photos", body=body, content_type="application/json",
                      oauth_body_hash=body_hash(body, token.signature_method))


@pytest.mark.parametrize("body", [b'{"a":1}', bytes(range(256)) * 250], ids=["json", "binary"])
def test_a_body_hash_is_verified_with_the_body(ask, token, body):
    assert ask(hash_signed(token, body), "/photos").all("X-OAuth-Body-Hash") == ["verified"]
    assert ask(hash_signed(token, body), "/photos", body=body[:-1] + b"\0").status == 401


@pytest.mark.parametrize("size", [LIMIT, LIMIT + 1, 200_000])
def test_of_a_longer_body_envoy_sends_the_beginning_which_counts_for_nothing(provider, token, size):
    """At exactly its limit Envoy calls the beginning whole."""
    def asked(request, known):
        method, target, headers, content = as_envoy(request, "/photos", request.body[:known])
        return exchange(provider, method, target, [*headers, *request.headers.items()], content)

    form = token.sign("POST", ORIGIN + "/photos", body="title=" + "x" * (size - 6))
    answer = asked(form, size)
    assert answer.status == 401 and "parameter_absent" in answer.all("WWW-Authenticate")[0]
    upload = hash_signed(token, b"x" * size)
    answer = asked(upload, LIMIT)
    assert answer.status == 200 and answer.all("X-OAuth-Body-Hash") == ["unchecked"]


def test_a_client_is_counted_by_its_own_address(tmp_path_factory):
    """Of X-Forwarded-For the last that is no trusted proxy: Envoy's own address, which it adds, is passed over."""
    provider = Provider(tmp_path_factory.mktemp("counted"), OAUTH1_ORIGINS=ORIGIN, OAUTH1_TRUSTED_PROXIES="127.0.0.1",
                        OAUTH1_RATE_LIMIT_ADDRESS="3")
    provider.start()
    try:
        def asked(way, address):
            method, target, headers, content = way(Request("GET", ORIGIN + "/photos"), "/photos", b"")
            headers = [(name, value.replace("203.0.113.9", address)) for name, value in headers]
            return exchange(provider, method, target, headers, content).status

        for way, address in ((as_traefik, "203.0.113.1"), (as_envoy, "203.0.113.2")):
            assert [asked(way, address) for _ in range(4)] == [401, 401, 401, 429]
            assert asked(way, "203.0.113.3") == 401
    finally:
        provider.stop()
