"""Each example of docs/examples, driven by clients that others wrote, and by requests that no library sends."""

import base64
import http.client
import json
import os
import select
import socket
import subprocess
import time

import pytest
import requests
from authlib.integrations.requests_client import OAuth1Session as AuthlibSession
from requests_oauthlib import OAuth1Session

from harness.provider import ROOT, clean_environment
from harness.signer import FORM, Signer, body_hash

from introspection_double import ACTIVE
from services import DOCS


def session_of(signer, kind=OAuth1Session, **options):
    names = {OAuth1Session: ("resource_owner_key", "resource_owner_secret"), AuthlibSession: ("token", "token_secret")}
    key, secret = names[kind]
    return kind(signer.client_id, client_secret=signer.client_secret, **{key: signer.token, secret: signer.token_secret},
                **options)


def send(service, request, **headers):
    """The request over a connection of its own, its target byte for byte as it was signed."""
    target = request.url.removeprefix(service.origin).encode()
    lines = {"Host": service.origin.removeprefix("http://"), **request.headers, **headers, "Connection": "close"}
    if request.body is not None:
        lines["Content-Length"] = len(request.body)
    head = b"%s %s HTTP/1.1\r\n" % (request.method.encode(), target)
    head += b"".join(f"{name}: {value}\r\n".encode() for name, value in lines.items())
    with socket.create_connection(("127.0.0.1", service.port), timeout=20) as connection:
        connection.sendall(head + b"\r\n" + (request.body or b""))
        response = http.client.HTTPResponse(connection, method=request.method)
        response.begin()
        response.content = response.read()
    return response


def assert_good(response, **expected):
    status = getattr(response, "status_code", None) or response.status
    assert status == 200, f"{status}: {response.content}"
    answer = json.loads(response.content)
    assert answer["user"] == "jane" and answer["scope"] == "photos:read"
    assert {name: answer[name] for name in expected} == expected


def assert_refused(response, status, problem):
    assert response.status == status, f"{response.status}: {response.content}"
    assert json.loads(response.content)["error"] == problem
    if status == 401:
        assert response.headers["WWW-Authenticate"].startswith("OAuth")


# ---- good requests


@pytest.mark.parametrize("kind", [OAuth1Session, AuthlibSession])
def test_clients_of_others_are_let_in(service, token, kind):
    session = session_of(token, kind)
    assert_good(session.get(service.origin + "/photos?size=o&q=a%20b&empty="), client_id=token.client_id)
    assert_good(session.post(service.origin + "/photos", data={"title": "Blätter & Bäume", "n": ["2", "1"]}),
                form={"title": ["Blätter & Bäume"], "n": ["2", "1"]})


@pytest.mark.parametrize("place", ["QUERY", "BODY"])
def test_parameters_may_stand_in_the_query_or_in_the_form(service, token, place):
    session = session_of(token, signature_type=place)
    assert_good(session.post(service.origin + "/photos", data={"title": "x y"}))


def test_nodes_oauth_1_0a_is_let_in(service, token):
    client = ROOT / "tests/integration/clients/node/client.js"
    question = {"client_id": token.client_id, "client_secret": token.client_secret, "token": token.token,
                "token_secret": token.token_secret, "signature_method": "HMAC-SHA1", "http_method": "GET",
                "url": service.origin + "/photos", "place": "header", "parameters": {"size": "o", "q": "a b"}}
    folder = node_client_folder(client)
    done = subprocess.run(["node", folder / "client.js"], input=json.dumps(question), capture_output=True, text=True,
                          timeout=30, check=True)
    signed = json.loads(done.stdout)
    assert_good(requests.get(signed["url"], headers={"Authorization": signed["authorization"]}, timeout=20))


def node_client_folder(client):
    folder = ROOT / "build" / f"node-client-{os.environ.get('PYTEST_XDIST_WORKER', 'single')}-examples"
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("package.json", "package-lock.json", "client.js"):
        (folder / name).write_bytes((client.parent / name).read_bytes())
    if not (folder / "node_modules/oauth-1.0a").is_dir():
        subprocess.run(["npm", "ci", "--no-audit", "--no-fund", "--loglevel=error"], cwd=folder, check=True, timeout=120)
    return folder


ODD = {
    "double slash": "//photos//x", "looks like a host": "//evil.example/x", "encoded slash": "/a%2Fb",
    "lower-case escape": "/%7ejane/%c3%a9", "parameters": "/a;p=1/b;q", "braces": "/{id}/x", "empty query": "/photos?",
    "utf-8": "/blätter", "utf-8 query": "/photos?q=%C3%A4", "dots": "/a/../b", "plus": "/a+b?c=d+e&c=%2B",
    "encoded percent": "/a%252Fb?x=%2525", "pipe": "/a|b", "equals": "/photos?=&a&b==c", "semicolon": "/photos?a=1;b=2",
}


@pytest.mark.parametrize("name", ODD)
def test_an_odd_target_is_described_byte_for_byte(service, token, name):
    request = token.sign("GET", service.origin + ODD[name])
    try:
        response = send(service, request)
    except http.client.RemoteDisconnected:
        assert name in service.may_refuse
        return
    if response.status == 400 and name in service.may_refuse:
        return
    assert_good(response)


@pytest.mark.parametrize("method", ["POST", "PUT"])
@pytest.mark.parametrize("content_type", [FORM, "Application/X-WWW-Form-Urlencoded ; charset=utf-8"])
def test_a_form_body_is_part_of_the_signature(service, token, method, content_type):
    body = "c2=&a3=2+q&a3=%C3%A9"
    signed = token.sign(method, service.origin + "/photos", body=body)
    signed.headers["Content-Type"] = content_type
    assert_good(send(service, signed))
    forged = token.sign(method, service.origin + "/photos", body=body)
    forged.headers["Content-Type"] = content_type
    forged.body += b"&admin=1"
    assert_refused(send(service, forged), 401, "signature_invalid")


@pytest.mark.parametrize("method", ["POST", "PUT", "GET"])
@pytest.mark.parametrize("has_length", [True, False], ids=["of length 0", "of no length"])
def test_an_empty_form_is_a_form(service, token, method, has_length):
    """Signet and npm's oauth call each GET one."""
    request = token.sign(method, service.origin + "/photos", body="")
    if not has_length:
        request.body = None
    assert_good(send(service, request))


def test_a_json_body_is_checked_against_its_hash(service, token):
    body = '{"title": "Blätter"}'.encode()
    signed = token.sign("POST", service.origin + "/photos", body=body, content_type="application/json",
                        oauth_body_hash=body_hash(body))
    assert_good(send(service, signed))
    forged = token.sign("POST", service.origin + "/photos", body=body, content_type="application/json",
                        oauth_body_hash=body_hash(body))
    forged.body = body.replace(b"Bl", b"bl")
    assert_refused(send(service, forged), 401, "signature_invalid")


def test_an_escaped_name_does_not_hide_a_body_hash(service, token):
    body = b"{}"
    request = token.sign("POST", service.origin + "/photos", body=body, content_type="application/json",
                         oauth_body_hash=body_hash(body))
    request.headers["Authorization"] = request.headers["Authorization"].replace("oauth_body_hash", "oauth%5Fbody%5fhash")
    request.body = b"[]"
    assert_refused(send(service, request), 401, "signature_invalid")


def test_a_json_body_without_a_hash_is_not_sent_on(service, token):
    request = token.sign("POST", service.origin + "/photos", body=b"{}", content_type="application/json")
    assert_good(send(service, request))


# ---- refusals


def test_an_unsigned_request_is_challenged(service):
    response = requests.get(service.origin + "/photos", timeout=20)
    assert response.status_code == 401 and response.headers["WWW-Authenticate"].startswith("OAuth realm=")


def test_a_forged_request_is_refused(service, token):
    request = token.sign("GET", service.origin + "/photos?of=jane")
    request.url = request.url.replace("jane", "joe")
    assert_refused(send(service, request), 401, "signature_invalid")


def test_a_replayed_request_is_refused(service, token):
    request = token.sign("GET", service.origin + "/photos")
    assert_good(send(service, request))
    assert_refused(send(service, request), 401, "nonce_used")


def test_a_token_without_the_scope_is_refused(service, token):
    assert_refused(send(service, token.sign("GET", service.origin + "/admin")), 403, "permission_denied")


def test_a_malformed_header_is_refused(service):
    request = Signer("x").sign("GET", service.origin + "/photos")
    request.headers["Authorization"] = 'OAuth oauth_consumer_key="x'
    assert_refused(send(service, request), 400, "parameter_rejected")


def test_a_request_without_a_token_is_let_in_only_where_that_is_meant(service, two_legged):
    signer = Signer(two_legged.client_id, two_legged.client_secret)
    assert_refused(send(service, signer.sign("GET", service.origin + "/photos")), 401, "token_rejected")
    response = send(service, signer.sign("GET", service.origin + "/batch"))
    assert response.status == 200 and json.loads(response.content)["user"] is None


def test_the_host_header_is_not_believed(service, token):
    evil = "http://evil.example"
    request = token.sign("GET", evil + "/photos")
    request.url = service.origin + "/photos"
    assert_refused(send(service, request, Host="evil.example"), 401, "signature_invalid")
    assert_good(send(service, token.sign("GET", service.origin + "/photos"), Host="evil.example"))


def test_a_body_beyond_what_the_service_takes_is_refused(service, token):
    request = token.sign("POST", service.origin + "/photos", body="a=" + "x" * 300_000)
    assert send(service, request).status == 413


def send_in_two_halves(service, request):
    """The second half once the reply to the first has been sent: whoever closes with bytes unread resets the connection,
    and what the client had not read of the reply is lost with it."""
    target = request.url.removeprefix(service.origin)
    lines = {"Host": service.origin.removeprefix("http://"), **request.headers, "Content-Length": len(request.body),
             "Connection": "close"}
    head = f"{request.method} {target} HTTP/1.1\r\n" + "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    half = len(request.body) // 2
    with socket.create_connection(("127.0.0.1", service.port), timeout=20) as connection:
        connection.sendall(head.encode() + b"\r\n" + request.body[:half])
        select.select([connection], [], [], 5)
        connection.sendall(request.body[half:])
        response = http.client.HTTPResponse(connection, method=request.method)
        response.begin()
        response.content = response.read()
        assert connection.recv(1) == b""
    return response


@pytest.mark.parametrize("size", [2_000, 200_000, 1_000_000])
def test_a_connection_that_is_to_be_closed_is_not_cut_while_a_body_comes_that_nobody_reads(service, token, size):
    if not service.reads_on:
        pytest.skip(f"{service.name}: its server resets such connections, whatever the example does")

    def signed(**more):
        return token.sign("POST", service.origin + "/photos", body=b"x" * size, content_type="image/png", **more)

    for _ in range(3):
        assert_good(send_in_two_halves(service, signed()))
        assert_refused(send_in_two_halves(service, signed(oauth_signature="x")), 401, "signature_invalid")


# ---- when the introspection service fails


def assert_unavailable(response):
    assert response.status == 503, f"{response.status}: {response.content}"
    assert int(response.headers["Retry-After"]) >= 1


def ask(service):
    return send(service, Signer("printer", "s").sign("GET", service.origin + "/photos"))


@pytest.mark.parametrize("mode", ["silent", "close"])
def test_an_answer_that_does_not_come_is_503_and_not_asked_for_again(doubled, mode):
    service, double = doubled
    double.reset()
    assert_good(ask(service))  # so that the next call goes over a connection that was used
    double.reset(mode)
    assert_unavailable(ask(service))
    time.sleep(0.2)
    assert len(double.calls) == 1


@pytest.mark.parametrize(
    "status, content",
    [(503, {"title": "down"}), (500, b"oops"), (401, {"title": "key"}), (400, {"title": "shape"}), (200, b"<html>"),
     (302, b""), (200, b'{"active": tru'), (204, b""), (200, b"[]"), (200, b"null"), (200, b'{"active": "true"}')],
)
def test_any_other_answer_is_no_permission(doubled, status, content):
    service, double = doubled
    double.reset(status=status, content=content)
    assert ask(service).status in (500, 503)
    assert len(double.calls) == 1


def test_active_must_be_true_itself(doubled):
    service, double = doubled
    problem = {"code": "signature_invalid", "status": 401, "www_authenticate": "OAuth"}
    for active in ("true", 1, None, [], {}, False):
        double.reset(content={**ACTIVE, "active": active, "problem": problem})
        assert ask(service).status in (401, 503)


def test_a_body_hash_that_was_not_checked_is_refused(doubled):
    service, double = doubled
    double.reset(content={**ACTIVE, "oauth1": {**ACTIVE["oauth1"], "body_hash": "unchecked"}})
    assert_refused(ask(service), 401, "signature_invalid")


def test_connections_are_kept(doubled):
    service, double = doubled
    double.reset()
    for _ in range(5):
        assert_good(ask(service))
    assert len(double.calls) == 5
    if service.keeps_connections:
        assert double.connections <= 1


def test_a_connection_closed_meanwhile_is_no_failure(doubled):
    service, double = doubled
    double.reset("hang up")
    for _ in range(3):
        assert_good(ask(service))
        time.sleep(0.1)  # until the end of the connection has arrived


def test_the_call_in_shell(provider, token, tmp_path):
    key = tmp_path / "photos.key"
    key.write_text(provider.create_resource_server("--origin", "https://api.example", name="shell"))
    form = tmp_path / "form"
    form.write_text("a=1&b=%C3%A4")

    def introspect(request, *more, url=provider.introspection_url, **variables):
        variables = variables or {"INTROSPECTION_KEY_FILE": key}
        environment = clean_environment({"INTROSPECTION_URL": url, "ORIGIN": "https://api.example", **variables})
        target = request.url.removeprefix("https://api.example")
        return subprocess.run([DOCS / "curl/introspect.sh", request.method, target, request.authorization, *more],
                              env=environment, capture_output=True, text=True, timeout=30)

    def signed(path="/a%2Fb?q='\"", body=None):
        return token.sign("GET" if body is None else "POST", "https://api.example" + path, body=body)

    done = introspect(signed(), "photos:read")
    assert done.returncode == 0 and json.loads(done.stdout)["username"] == "jane", done
    assert introspect(signed(body=form.read_text()), "photos:read", FORM, form).returncode == 0
    assert introspect(signed(body="a=2"), "photos:read", FORM, form).returncode == 1
    assert introspect(signed(), "photos:write").returncode == 1
    assert introspect(signed(), url="http://127.0.0.1:1").returncode == 2
    assert introspect(signed(), "photos:read", url=provider.introspection_url + "/").returncode == 0
    assert introspect(signed(), "photos:read", INTROSPECTION_KEY=key.read_text()).returncode == 0
    done = introspect(signed(), INTROSPECTION_KEY_FILE=tmp_path / "nowhere.key")
    assert done.returncode == 2 and "nowhere.key" in done.stderr and not done.stdout
    done = introspect(signed(), INTROSPECTION_KEYFILE=key)
    assert done.returncode == 64 and "INTROSPECTION_KEY_FILE" in done.stderr and not done.stdout


def test_what_is_asked_is_the_request_itself(doubled):
    service, double = doubled
    double.reset()
    request = Signer("printer", "s").sign("POST", service.origin + "/photos?a=%7e", body=b"x=1&y=%c3")
    assert_good(send(service, request))
    (call,) = double.calls
    assert base64.b64decode(call.pop("body_base64")) == request.body
    assert call == {"method": "POST", "url": service.origin + "/photos?a=%7e", "authorization": request.authorization,
                    "content_type": FORM, "required_scope": "photos:read"}


def test_the_services_url_may_have_a_path_and_end_in_a_slash(doubled):
    service, double = doubled
    double.reset()
    assert_good(ask(service))
    assert double.targets == ["/behind/a%2Fprefix/v1/introspect"]


def test_no_service_at_all_is_503(service, provider, token):
    assert_good(send(service, token.sign("GET", service.origin + "/photos")))
    provider.introspection.stop()
    try:
        assert_unavailable(send(service, token.sign("GET", service.origin + "/photos")))
    finally:
        provider.introspection.start()
    assert_good(send(service, token.sign("GET", service.origin + "/photos")))
