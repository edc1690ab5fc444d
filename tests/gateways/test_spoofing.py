"""What a client says about itself under the names that gateways and the service use is never believed."""

import re

import pytest
import yaml
from harness.provider import ROOT
from harness.signer import Request
from wire import HOST, ORIGIN, exchange, head, send_signed

IDENTITY = ("Client-Id", "Subject", "Username", "Scope", "Token-Id", "Legs", "Body-Hash")
FORWARDED = ("Method", "Proto", "Host", "Uri", "For", "Port", "Prefix", "Server", "Content-Length")
ORIGINAL = ("Method", "URL", "URI", "Host", "Content-Length")
EVIL = "evil.example"


ALIASES = "_.!#$%&'*+^`|~"  # CGI, WSGI and PHP make an underscore of each, as of the hyphen
SPELLINGS = {
    "as_written": lambda name: name,
    "lower_case": lambda name: name.lower(),
    **{alias: lambda name, alias=alias: name.replace("-", alias) for alias in ALIASES},
    "first_hyphen": lambda name: name.replace("-", ".", 1),
    "last_hyphen": lambda name: "_".join(name.rsplit("-", 1)),
}


def forged(spelling="as_written"):
    names = ["X-OAuth-" + name for name in (*IDENTITY, "Required-Scope")]
    names += ["X-Forwarded-" + name for name in FORWARDED] + ["X-Original-" + name for name in ORIGINAL]
    names += ["X-Remote-User"]  # whom auth-service or the API may trust (OAUTH1_LOGIN_TRUSTED_HEADER)
    return [(SPELLINGS[spelling](name), EVIL) for name in names]


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_forged_headers_never_reach_the_api(gateway, upstream, client, token, spelling):
    assert send_signed(gateway.port, token.sign("GET", ORIGIN + "/photos"), *forged(spelling)).status == 200
    seen = upstream.last()
    assert [value for _, value in seen.headers if EVIL in value] == []
    assert [name for name in seen.names() if set(name) & set(ALIASES)] == []
    assert seen.one("X-OAuth-Client-Id") == client.client_id and seen.one("X-OAuth-Username") == "jane"
    assert len([name for name in seen.names() if name.startswith("x-oauth")]) == len(IDENTITY)
    assert not [name for name in seen.names() if name.startswith("x-original")]
    assert seen.all("X-Forwarded-For") == ["127.0.0.1"]
    assert (seen.all("X-Forwarded-Proto"), seen.all("X-Forwarded-Host")) == (["https"], [HOST])


@pytest.mark.parametrize("file, pattern", [
    ("docker/gateways/traefik.yml", r"authResponseHeadersRegex: (\S+)"),
    ("kubernetes/examples/traefik.yaml", r"authResponseHeadersRegex: (\S+)"),
    ("docker/gateways/envoy.yaml", r'remove_on_match: .*regex: "(.+?)"'),
])
def test_gateways_that_are_not_run_here_take_the_same_names_away(file, pattern):
    (taken,) = re.findall(pattern, (ROOT / file).read_text())
    for spelling in SPELLINGS:
        for name, _ in forged(spelling):
            if "forwarded" not in name.lower():  # Traefik writes these itself
                assert re.match(taken, name.lower()), name


@pytest.mark.parametrize("file, line", [
    ("docker/compose/nginx/proxy.conf", 'proxy_set_header X-Remote-User "";'),
    ("docker/compose/Caddyfile", "request_header -X-Remote*"),
    ("docker/compose/haproxy.cfg", "http-request del-header X-Remote- -m beg"),
])
def test_the_gateways_of_the_demo_take_the_trusted_header_away(file, line):
    assert line in [written.strip() for written in (ROOT / file).read_text().splitlines()]


def test_every_location_of_the_demos_nginx_that_passes_on_takes_the_trusted_header_away():
    """/login and /account too: these the header is for."""
    text = (ROOT / "docker/compose/nginx/default.conf.template").read_text()
    passing = [block for block in re.findall(r"\n    location [^{]+\{(.*?)\n    \}", text, re.S) if "proxy_pass " in block]
    assert len(passing) == text.count("proxy_pass ") >= 4
    assert all("include /etc/nginx/countersign/proxy.conf;" in block for block in passing)


def of_kubernetes(name, kind):
    documents = yaml.safe_load_all((ROOT / "kubernetes/examples" / name).read_text())
    return [document for document in documents if document["kind"] == kind]


def test_each_route_of_gateway_api_takes_the_trusted_header_away():
    routes = of_kubernetes("gateway-api.yaml", "HTTPRoute")
    assert {route["metadata"]["name"] for route in routes} == {"auth", "photos"}
    for rule in (rule for route in routes for rule in route["spec"]["rules"]):
        changes = [each["requestHeaderModifier"] for each in rule["filters"] if each["type"] == "RequestHeaderModifier"]
        assert "X-Remote-User" in [name for change in changes for name in change["remove"]]


def test_the_nginx_ingress_controller_is_told_to_take_the_trusted_header_away():
    (headers,) = [each for each in of_kubernetes("ingress-nginx.yaml", "ConfigMap") if "X-Remote-User" in each["data"]]
    assert headers["data"]["X-Remote-User"] == ""
    name = f"{headers['metadata']['namespace']}/{headers['metadata']['name']}"
    assert f'"proxy-set-headers":"{name}"' in (ROOT / "kubernetes/examples/ingress-nginx.yaml").read_text()


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_a_forged_identity_does_not_help_a_bad_request(gateway, upstream, token, spelling):
    begin = len(upstream.seen)
    for request in (Request("GET", ORIGIN + "/photos"), token.sign("GET", ORIGIN + "/photos", oauth_signature="x")):
        assert send_signed(gateway.port, request, *forged(spelling)).status == 401
    assert len(upstream.seen) == begin


@pytest.mark.parametrize("scope", ["photos:write", "-", ""])
def test_the_required_scope_is_the_configurations(gateway, token, other_scope, scope):
    more = ("X-OAuth-Required-Scope", scope)
    assert send_signed(gateway.port, token.sign("GET", ORIGIN + "/photos"), more).status == 200
    assert send_signed(gateway.port, other_scope.sign("GET", ORIGIN + "/photos"), more).status == 403


def test_a_request_signed_for_what_the_headers_say_is_refused(gateway, upstream, token):
    """One that was signed for another URL of ours, and another of the attacker's own."""
    begin = len(upstream.seen)
    for url in (f"{ORIGIN}/public", f"https://{EVIL}/photos", f"http://{HOST}/photos"):
        scheme, _, rest = url.partition("://")
        host, _, path = rest.partition("/")
        signed = token.sign("DELETE", url)
        claims = [("X-Original-URL", url), ("X-Original-Method", "DELETE"), ("X-Forwarded-Method", "DELETE"),
                  ("X-Forwarded-Proto", scheme), ("X-Forwarded-Host", host), ("X-Forwarded-Uri", "/" + path),
                  ("X-Rewrite-URL", "/" + path), ("X-HTTP-Method-Override", "DELETE"), ("Forwarded", f"host={host}")]
        raw = head("GET", "/photos", [*signed.headers.items(), *claims])
        assert exchange(gateway.port, raw).status == 401, url
    assert len(upstream.seen) == begin


@pytest.mark.parametrize("host", [EVIL, f"{EVIL}:443", f"{HOST}:8443", f"x.{HOST}", f"{HOST}.{EVIL}", f"{HOST}@{EVIL}", ""])
def test_a_request_signed_for_another_host_is_refused(gateway, upstream, token, host):
    begin = len(upstream.seen)
    signed = token.sign("GET", f"https://{host}/photos")
    reply = exchange(gateway.port, head("GET", "/photos", [("Host", host), *signed.headers.items()]))
    assert not reply.from_api and len(upstream.seen) == begin, reply


def test_a_host_that_is_not_ours_changes_nothing(gateway, upstream, token):
    """It is verified as our origin, or it is no site of the gateway's; and the API is told our name."""
    signed = token.sign("GET", ORIGIN + "/photos")
    reply = exchange(gateway.port, head("GET", "/photos", [("Host", EVIL), *signed.headers.items()]))
    if reply.from_api:
        assert upstream.last().one("Host") == HOST


@pytest.mark.parametrize("target_host, host", [(EVIL, HOST), (HOST, EVIL), (EVIL, EVIL), (HOST, HOST)])
def test_an_absolute_target_is_our_path_or_nothing(gateway, upstream, token, target_host, host):
    """Whatever both say, only a signature for our own origin gets to the API, and that gets the path alone."""
    for signed_host in (EVIL, HOST):
        begin = len(upstream.seen)
        signed = token.sign("GET", f"https://{signed_host}/photos?a=1")
        raw = head("GET", f"https://{target_host}/photos?a=1", [("Host", host), *signed.headers.items()])
        reply = exchange(gateway.port, raw)
        if len(upstream.seen) > begin:
            assert signed_host == HOST
            assert (upstream.last().target, upstream.last().one("Host")) == ("/photos?a=1", HOST)
        else:
            assert not reply.from_api
        if signed_host == target_host == host == HOST:
            assert reply.status == 200, reply


def test_headers_that_a_client_calls_hop_by_hop_are_there_all_the_same(gateway, upstream, token):
    """`Connection: X-OAuth-Client-Id` asks a proxy to drop that header on its way."""
    hop = ("Connection", "X-OAuth-Client-Id, X-OAuth-Scope, Authorization, X-Forwarded-Uri, X-Forwarded-Host, Host")
    begin = len(upstream.seen)
    reply = send_signed(gateway.port, token.sign("GET", ORIGIN + "/photos"), hop)
    if len(upstream.seen) > begin:
        assert reply.status == 200 and upstream.last().one("X-OAuth-Client-Id") == token.client_id
        assert upstream.last().one("X-OAuth-Scope") == "photos%3Aread"
    bad = token.sign("GET", ORIGIN + "/photos", oauth_signature="x")
    assert not send_signed(gateway.port, bad, hop).from_api


def test_the_location_that_asks_is_not_the_clients_to_call(gateway, upstream, token):
    begin = len(upstream.seen)
    for target in ("/.countersign", "/%2ecountersign", "//.countersign", "/verify", "/verify/auth-request"):
        assert send_signed(gateway.port, Request("GET", ORIGIN + target)).status in (401, 404)
    assert len(upstream.seen) == begin


def test_the_caddyfile_of_docker_compose_takes_away_the_same_headers():
    """The API behind it there is nginx, which would hide that one is forgotten."""
    ours, compose = ([line.strip() for line in (ROOT / name).read_text().splitlines() if line.strip().startswith("request_header")]
                     for name in ("docker/gateways/Caddyfile", "docker/compose/Caddyfile"))
    assert len(ours) > len(ALIASES) and compose == ours
