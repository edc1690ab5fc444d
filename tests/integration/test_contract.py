"""proto/*.openapi.yaml against the running services: every documented answer is provoked, and each is as documented.

(That every answer of the other tests is as documented is watched in conftest.py.)"""

import json
import shutil
import sqlite3
import subprocess
import time
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

import pytest
from harness import contract, pictures
from harness.admin_calls import DEEDS, ask_deed, ask_deeds
from harness.conversation import Conversation
from harness.flow import Flow, form, send
from harness.owner import Owner, Page
from harness.provider import API, PASSWORD, Provider, describe
from harness.signer import FORM, Signer
from harness.site import LOGIN_TOKEN, READ_TOKEN, VARIABLES, Site, challenge_of
from harness.stores import Redis

ORIGIN = "https://api.example"
ANY_METHOD = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
LIMIT = 5
LOGIN_LIMIT = 8
# pages for logged-in users: the path, a form that is taken, one that is not
VISITORS_PAGES = [
    ("/account/applications", {"deed": "revoke", "jti": "tok_none"}, {"deed": "none"}),
    ("/account/security", {"deed": "end", "session": "x"}, {"deed": "none"}),
]
VISITORS_FORMS = [*VISITORS_PAGES, ("/account/password", {"current": "", "password": "", "again": ""}, {})]


@dataclass
class Running:
    provider: Provider
    redis: Redis
    client: object
    token: Signer
    key: str
    plain_key: str
    delegated: object = None


def delegate(folder):
    """Another, where a site logs its users in."""
    redis = Redis(folder / "redis-delegated").start()
    provider = Provider(folder / "delegated", OAUTH1_REDIS_URL=redis.url, OAUTH1_TRUSTED_PROXIES="127.0.0.1",
                        OAUTH1_RATE_LIMIT_ADDRESS=10 * LIMIT, **VARIABLES)
    provider.auth.start()
    provider.services = (provider.auth,)
    return Running(provider, redis, provider.create_client("--scope", "photos:read"), None, None, None)


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    folder = tmp_path_factory.mktemp("contract")
    redis = Redis(folder / "redis").start()
    provider = Provider(folder / "provider", OAUTH1_REDIS_URL=redis.url, OAUTH1_ORIGINS=ORIGIN,
                        OAUTH1_TRUSTED_PROXIES="127.0.0.1", OAUTH1_RATE_LIMIT_ADDRESS=LIMIT,
                        OAUTH1_BRAND_LOGO=pictures.write_logo(folder / "logo.png"),
                        OAUTH1_RATE_LIMIT_LOGIN_PAIR=LOGIN_LIMIT, OAUTH1_REGISTRATION="open")
    for name in ("jane", "joe"):
        provider.create_user(name, PASSWORD)
    provider.start()
    client = provider.create_client("--scope", "photos:read")
    token = Flow(provider, client).token()
    running = Running(provider, redis, client, token, provider.create_resource_server("--origin", API, "--allow-explain"),
                  provider.create_resource_server(name="plain"))
    running.delegated = delegate(folder)
    yield running
    running.delegated.provider.stop()
    running.delegated.redis.stop()
    redis.stop()
    provider.stop()


def test_the_documents_are_sound():
    for document in contract.DOCUMENTS.values():
        assert document.content["openapi"].startswith("3.1.")
        for path, item in document.content["paths"].items():
            for method in contract.METHODS:
                for status, answer in item.get(method, {}).get("responses", {}).items():
                    assert answer["description"], (path, method, status)
                    for media in answer.get("content", {}).values():
                        contract.jsonschema.Draft202012Validator.check_schema(media["schema"])


@pytest.mark.parametrize(
    "status, headers, body, wrong",
    [
        (418, {}, b"", "418"),
        (200, {"Content-Type": "application/json", "Cache-Control": "no-store"}, b"{}", "X-Request-Id"),
        (200, {"Content-Type": "text/html", "Cache-Control": "no-store", "X-Request-Id": "0" * 32}, b"{}", "Content-Type"),
        (200, {"Content-Type": "application/json", "Cache-Control": "no-store", "X-Request-Id": "0" * 32},
         b'{"active": true}', "$"),
        (200, {"Content-Type": "application/json", "Cache-Control": "no-store", "X-Request-Id": "0" * 32},
         b'{"active": false, "problem": {"code": "x", "status": 401, "description": ""}}', "$"),
        (503, {"Content-Type": "application/problem+json", "Cache-Control": "no-store", "X-Request-Id": "0" * 32},
         b'{"type": "", "title": "", "status": 503, "request_id": "' + b"0" * 32 + b'"}', "Retry-After"),
        (404, {}, b"", "404"),
    ])
def test_an_answer_that_is_not_documented_is_noticed(status, headers, body, wrong):
    document = contract.Document("introspection")
    with pytest.raises(contract.Broken, match=wrong.replace("$", r"\$")):
        contract.judge(document, "POST", "/v1/introspect", status, list(headers.items()), body)
    assert document.seen == set()


# ---- introspection-service


def ask_introspection(it, document):
    def call(status, path, key=it.key, content=None, content_type="application/json", headers=()):
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        given = [("Content-Type", content_type), document.somebody(), *headers]
        document.ask(status, "POST", path, given + ([("Authorization", f"Bearer {key}")] if key else []), body)

    good = describe(it.token.sign("GET", API))
    wrong = describe(it.token.sign("GET", API + "/", oauth_signature="x"), explain=True)
    stale = describe(it.token.sign("GET", API, oauth_timestamp="1"), explain=True)
    absent = describe(it.token.sign("GET", API, oauth_nonce=None))
    for path, wrap in (("/v1/introspect", lambda one: one), ("/v1/introspect/batch", lambda one: {"requests": [one] * 3})):
        for described in (good, good, wrong, stale, absent):
            call(200, path, content=wrap(described))
        call(400, path, content={"x": 1})
        call(401, path, key=None, content=wrap(good))
        call(403, path, key=it.plain_key, content=wrap(wrong))
        call(413, path, content=b"x" * (4 * 1024 * 1024 + 1))
        call(415, path, content=wrap(good), content_type="text/plain")
        document.until_slowed_down(429, "POST", path, [("Authorization", "Bearer wrong")], b"{}")


def gateway_calls(it, method):
    """For each dialect: the path, and its headers for a freshly signed request."""
    request = it.token.sign(method, ORIGIN + "/photos")
    signed = list(request.headers.items())
    forwarded = [("X-Forwarded-Method", method), ("X-Forwarded-Proto", "https"), ("X-Forwarded-Host", "api.example"),
                 ("X-Forwarded-Uri", "/photos")]
    yield "/verify", forwarded + signed, 429
    yield "/verify/auth-request", [("X-Original-Method", method), ("X-Original-URL", ORIGIN + "/photos")] + signed, 403
    yield "/verify/ext-authz/photos", [("Host", "api.example"), ("X-Forwarded-Proto", "https")] + signed, 429


def ask_gateways(it, document):
    scope = [("X-OAuth-Required-Scope", "photos:write")]
    for method in ANY_METHOD:
        for index in range(3):
            path, headers, slow = list(gateway_calls(it, method))[index]
            document.ask(200, method, path, headers)
            document.ask(401, method, path, headers + [document.somebody()])  # a replay
            path, headers, slow = list(gateway_calls(it, method))[index]
            document.ask(403, method, path, headers + scope)
            document.until_slowed_down(slow, method, path, headers)


def ask_ops(document, status):
    for method in ("GET", "HEAD"):
        for path in ("/livez", "/startupz", "/metrics"):
            document.ask(200, method, path)
        document.ask(status, method, "/readyz?verbose")


def ask_introspection_without_stores(it, document):
    for method in ANY_METHOD:
        for path, headers, _ in gateway_calls(it, method):
            document.ask(503, method, path, headers)
    body = json.dumps(describe(it.token.sign("GET", API))).encode()
    headers = [("Authorization", f"Bearer {it.key}"), ("Content-Type", "application/json")]
    document.ask(503, "POST", "/v1/introspect", headers, body)
    document.ask(200, "POST", "/v1/introspect/batch", headers, b'{"requests": [' + body + b"]}")
    with sqlite3.connect(it.provider.database) as database:  # who is nobody cannot be told either
        database.execute("ALTER TABLE resource_servers RENAME TO hidden")
    document.ask(503, "POST", "/v1/introspect/batch", [("Authorization", "Bearer unknown")], b"{}")


# ---- auth-service


def cookies(owner):
    return "Cookie", "; ".join(f"{cookie.name}={cookie.value}" for cookie in owner.session.cookies)


def ask_oauth(it, document):
    flow = Flow(it.provider, it.client)
    flow.initiate()
    flow.grant()
    flow.exchange()
    for path, request in (("/oauth/initiate", flow.initiate_request), ("/oauth/token", flow.exchange_request)):
        document.ask(400, "POST", path, [document.somebody()])
        wrong = send(request(oauth_signature="x", oauth_callback="oob"))
        assert wrong.status_code == 401 and form(wrong)["oauth_problem"] == "signature_invalid"
        document.until_slowed_down(429, "POST", path)


def ask_pages(it, document):
    target = "/oauth/authorize?oauth_token="
    post = [("Content-Type", FORM)]
    flow, jane, joe = Flow(it.provider, it.client), Owner(it.provider), Owner(it.provider, "joe", PASSWORD)
    flow.initiate("oob")
    token = flow.temporary.token
    document.ask(302, "GET", target + token)
    document.ask(400, "GET", target + "unknown")
    page = jane.consent_page(token)
    fields = page.form_with("decision")["fields"]
    csrf = fields["csrf_token"]
    document.ask(200, "GET", target + token, [cookies(jane)])
    decision = {"oauth_token": token, "decision": "grant", "csrf_token": csrf, "scope": fields["scope"]}
    decide = "/oauth/authorize"
    document.ask(415, "POST", decide, [("Content-Type", "text/plain"), cookies(jane)], urlencode(decision).encode())
    document.ask(403, "POST", decide, post + [cookies(jane)], urlencode({**decision, "csrf_token": "x"}).encode())
    document.ask(400, "POST", decide, post + [cookies(jane)], urlencode({**decision, "decision": "x"}).encode())
    document.ask(200, "POST", decide, post + [cookies(jane)], urlencode(decision).encode())
    joe.consent_page(Flow_with(it).temporary.token)
    document.ask(403, "GET", target + token, [cookies(joe)])
    redirected = Flow_with(it)
    document.ask(302, "POST", decide, post + [cookies(jane)],
                 urlencode({**decision, "oauth_token": redirected.temporary.token}).encode())
    ask_login(it, document, post)
    document.ask(404, "GET", "/nowhere", [("Accept", "text/html")])
    ask_language(document, post)
    ask_account(document, jane, csrf)
    ask_developer(document, jane, csrf)
    for method in ("GET", "HEAD"):
        document.ask(200, method, "/")
        for path in ("/style.css", "/brand.css", "/logo.png", "/problems"):
            document.ask(200, method, path)
    document.ask(415, "POST", "/logout", [("Content-Type", "text/plain")], b"")
    document.ask(403, "POST", "/logout", post, b"")
    document.ask(400, "POST", "/logout", post, b"csrf_token=%zz")
    document.ask(302, "POST", "/logout", post + [cookies(jane)], urlencode({"csrf_token": csrf}).encode())


def ask_account(document, jane, csrf):
    post = [("Content-Type", FORM), cookies(jane)]
    for path, _, _ in VISITORS_PAGES:
        document.ask(302, "GET", path)
        document.ask(200, "GET", path, [cookies(jane)])
        document.ask(400, "GET", path + "?before=%zz", [cookies(jane)])
    for path, right, wrong in VISITORS_FORMS:
        form = urlencode({**right, "csrf_token": csrf}).encode()
        document.ask(415, "POST", path, [("Content-Type", "text/plain"), cookies(jane)], form)
        document.ask(403, "POST", path, post, urlencode({**right, "csrf_token": "x"}).encode())
        document.ask(400, "POST", path, post, urlencode({**wrong, "csrf_token": csrf}).encode())
        document.ask(302, "POST", path, post, form)


DEVELOPER = "/developer/applications"
DEVELOPER_GETS = (DEVELOPER, DEVELOPER + "/new", DEVELOPER + "/x", "/developer/try")
DEVELOPER_POSTS = DEVELOPER_GETS[1:]


def ask_developer(document, jane, csrf):
    post = [("Content-Type", FORM), cookies(jane)]
    right = {"csrf_token": csrf, "name": "Printer"}
    for path in DEVELOPER_GETS:
        document.ask(302, "GET", path)
        document.ask(404 if path.endswith("/x") else 200, "GET", path, [cookies(jane)])
    made = document.ask(200, "POST", DEVELOPER_POSTS[0], post, urlencode(right).encode())
    jane.session.headers["Accept-Language"] = "en"
    own = Page(jane.get(DEVELOPER)).response.text.split(f'href="{DEVELOPER}/')[1].split('"')[0]
    assert made.status == 200 and own != "new"
    document.ask(200, "GET", f"{DEVELOPER}/{own}", [cookies(jane)])
    for path in (DEVELOPER_POSTS[0], f"{DEVELOPER}/{own}"):
        document.ask(302, "POST", path, [("Content-Type", FORM)], b"")
        document.ask(403, "POST", path, post, b"csrf_token=x")
        document.ask(415, "POST", path, [("Content-Type", "text/plain"), cookies(jane)], b"")
        document.ask(400, "POST", path, post, urlencode({"csrf_token": csrf}).encode())
    document.ask(200, "POST", "/developer/try", post, urlencode({**right, "method": "GET"}).encode())
    document.ask(302, "POST", "/developer/try", [("Content-Type", FORM)], b"")
    document.ask(403, "POST", "/developer/try", post, b"csrf_token=x")
    document.ask(415, "POST", "/developer/try", [("Content-Type", "text/plain"), cookies(jane)], b"")
    do = {"csrf_token": csrf, "do": "rotate"}
    document.ask(200, "POST", f"{DEVELOPER}/{own}", post, urlencode(do).encode())
    document.ask(409, "POST", f"{DEVELOPER}/{own}", post, urlencode({**do, "do": "enable"}).encode())
    document.ask(404, "POST", DEVELOPER_POSTS[1], post, urlencode(do).encode())
    jane.session.post(f"{jane.provider.url}{DEVELOPER}/{own}", data={**do, "do": "logo"}, files={"logo": pictures.png(1, 1)})
    logo = jane.get(f"{DEVELOPER}/{own}").text.split('id="logo" src="')[1].split('"')[0]
    document.until_slowed_down(429, "POST", f"{DEVELOPER}/{own}", post, urlencode(do).encode(), limit=10)
    for method in ("GET", "HEAD"):
        document.ask(200, method, logo)
        document.ask(404, method, "/client-logo/1")


def ask_language(document, post):
    document.ask(302, "POST", "/language", post, b"language=de&return_to=%2Flogin")
    document.ask(400, "POST", "/language", post, b"language=tlh")
    document.ask(403, "POST", "/language", [*post, ("Origin", "https://evil.example")], b"language=de")
    document.ask(415, "POST", "/language", [("Content-Type", "text/plain")], b"language=de")


def ask_without_logo(folder):
    provider = Provider(folder)
    provider.auth.start()
    document = Conversation("auth", provider.url)
    for method in ("GET", "HEAD"):
        document.ask(404, method, "/logo.png")
    for path in DEVELOPER_GETS:
        document.ask(404, "GET", path)
    for path in DEVELOPER_POSTS:
        document.ask(404, "POST", path, [("Content-Type", FORM)], b"")
    provider.auth.stop()


def Flow_with(it):
    flow = Flow(it.provider, it.client)
    flow.initiate()
    return flow


def ask_login(it, document, post):
    for method in ("GET", "HEAD"):
        document.ask(200, method, "/login")
        document.ask(400, method, "/login?return_to=%zz")
    owner = Owner(it.provider)
    fields = Page(owner.get("/login")).form_with("password")["fields"]
    login = {**fields, "username": "jane", "password": PASSWORD}
    headers = post + [cookies(owner)]
    document.ask(415, "POST", "/login", [("Content-Type", "text/plain")], b"")
    document.ask(400, "POST", "/login", headers, b"username=jane")
    document.ask(403, "POST", "/login", headers, urlencode({**login, "password": "wrong"}).encode())
    document.ask(302, "POST", "/login", headers, urlencode(login).encode())
    nobody = urlencode({**login, "username": "nobody"}).encode()
    for _ in range(LOGIN_LIMIT):
        document.send_quietly("POST", "/login", headers, nobody)
    document.ask(429, "POST", "/login", headers, nobody)


def ask_auth_without_stores(it, document, flow, owner, login):
    post = [("Content-Type", FORM), cookies(owner)]
    for path, request in (("/oauth/initiate", flow.initiate_request()), ("/oauth/token", flow.exchange_request("v"))):
        document.ask(503, "POST", path, list(request.headers.items()))
    document.ask(503, "GET", "/oauth/authorize?oauth_token=x", [cookies(owner)])
    document.ask(503, "POST", "/oauth/authorize", post, b"oauth_token=x&decision=grant&csrf_token=x")
    document.ask(503, "POST", "/login", post, urlencode(login).encode())
    document.ask(503, "POST", "/logout", post, b"csrf_token=x")
    for path, _, _ in VISITORS_PAGES:
        document.ask(503, "GET", path, [cookies(owner)])
    for path, _, _ in VISITORS_FORMS:
        document.ask(503, "POST", path, post, b"csrf_token=x")
    for path in DEVELOPER_GETS:
        document.ask(503, "GET", path, [cookies(owner)])
    for path in DEVELOPER_POSTS:
        document.ask(503, "POST", path, post, b"csrf_token=x")
    for method in ("GET", "HEAD"):
        document.ask(503, method, "/", [cookies(owner)])


# ---- auth-service, where a site logs its users in


def begin_login(it, owner):
    flow = Flow_with(it)
    return flow, challenge_of(owner.get(f"/oauth/authorize?oauth_token={flow.temporary.token}"))


def ask_continue(it, document, site):
    oob, owner = Flow(it.provider, it.client), Owner(it.provider)
    oob.initiate("oob")
    challenge = challenge_of(owner.get(f"/oauth/authorize?oauth_token={oob.temporary.token}"))
    denied = site.reject(challenge).json()["redirect_to"].removeprefix(it.provider.url)
    document.ask(400, "GET", "/login/continue")
    document.ask(403, "GET", denied)
    document.ask(200, "GET", denied, [cookies(owner)])
    _, challenge = begin_login(it, owner)
    document.ask(302, "GET", site.accepted(challenge, "44").removeprefix(it.provider.url), [cookies(owner)])


def ask_admin(it, document):
    """`it` has OAUTH1_LOGIN_URL; the answers about stores come later."""
    bearer, json_type = ("Authorization", f"Bearer {LOGIN_TOKEN}"), ("Content-Type", "application/json")
    site, owner = Site(it.provider), Owner(it.provider)
    public = Conversation("auth", it.provider.url)
    flow, challenge = begin_login(it, owner)
    unknown, known = [f"/admin/v1/authorization-requests/{text}" for text in ("x" * 32, challenge)]
    document.ask(200, "GET", known, [bearer])
    for path, method, wrong in (("", "GET", None), ("/accept", "PUT", b"{}"), ("/reject", "PUT", b'{"a": 1}')):
        body = b'{"subject": "42"}' if path == "/accept" else b""
        document.ask(401, method, known + path)
        document.ask(404, method, unknown + path, [bearer, json_type], body)
        if wrong:
            document.ask(400, method, known + path, [bearer, json_type], wrong)
            document.ask(415, method, known + path, [bearer, ("Content-Type", "text/plain")], b"{}")
    document.ask(200, "PUT", known + "/accept", [bearer, json_type], b'{"subject": "42"}')
    with sqlite3.connect(it.provider.database) as database:
        database.execute("UPDATE users SET disabled = 1 WHERE subject = '42'")
    _, other = begin_login(it, owner)
    document.ask(403, "PUT", f"/admin/v1/authorization-requests/{other}/accept", [bearer, json_type], b'{"subject": "42"}')
    document.ask(200, "PUT", f"/admin/v1/authorization-requests/{other}/reject", [bearer])
    for path in ("/accept", "/reject"):
        document.ask(409, "PUT", known + path, [bearer, json_type], b'{"subject": "43"}' if path == "/accept" else b"")
    late, challenge = begin_login(it, owner)
    late_challenge = challenge_of(owner.get(f"/oauth/authorize?oauth_token={late.temporary.token}"))
    owner.get(site.reject(challenge).json()["redirect_to"])
    document.ask(409, "GET", f"/admin/v1/authorization-requests/{late_challenge}", [bearer])
    document.ask(204, "DELETE", "/admin/v1/users/42/sessions", [bearer])
    document.ask(404, "DELETE", "/admin/v1/users/43/sessions", [bearer])
    document.ask(401, "DELETE", "/admin/v1/users/42/sessions")
    reader = ("Authorization", f"Bearer {READ_TOKEN}")
    document.ask(403, "PUT", f"/admin/v1/authorization-requests/{other}/reject", [reader])
    document.ask(403, "DELETE", "/admin/v1/users/42/sessions", [reader])
    ask_continue(it, public, site)
    public.ask(302, "GET", "/login")
    public.ask(405, "POST", "/login")
    public.until_slowed_down(429, "GET", "/login", limit=10 * LIMIT)
    public.until_slowed_down(429, "GET", f"/oauth/authorize?oauth_token={flow.temporary.token}", limit=10 * LIMIT)


TABLES = ("clients", "tokens", "users", "resource_servers", "sealing_keys", "audit")


def ask_deeds_without_stores(it, document):
    with sqlite3.connect(it.provider.database) as database:
        for table in TABLES:
            database.execute(f"ALTER TABLE {table} RENAME TO gone_{table}")
    for method, path, body, _ in DEEDS:
        ask_deed(document, 503, method, path.format_map(defaultdict(lambda: "made")), body, match="*")


def ask_trusted(folder):
    provider = Provider(folder, OAUTH1_LOGIN_TRUSTED_HEADER="X-Remote-User", OAUTH1_TRUSTED_PROXIES="127.0.0.1",
                        OAUTH1_REGISTRATION="open")
    provider.auth.start()
    for path in ("/login", *(page for page, _, _ in VISITORS_PAGES), *DEVELOPER_GETS):
        Conversation("auth", provider.url).ask(403, "GET", path)
    provider.auth.stop()


def ask_admin_without_stores(it, document):
    it.redis.kill()
    bearer, json_type = ("Authorization", f"Bearer {LOGIN_TOKEN}"), ("Content-Type", "application/json")
    path = f"/admin/v1/authorization-requests/{'x' * 32}"
    document.ask(503, "GET", path, [bearer])
    document.ask(503, "PUT", path + "/accept", [bearer, json_type], b'{"subject": "42"}')
    document.ask(503, "PUT", path + "/reject", [bearer])
    document.ask(503, "DELETE", "/admin/v1/users/42/sessions", [bearer])
    public = Conversation("auth", it.provider.url)
    public.ask(503, "GET", "/login")
    public.ask(503, "GET", f"/login/continue?login_challenge={'x' * 32}&login_secret={'x' * 32}")


# ---- all of it


def missing(document):
    return sorted(document.documented() - document.seen, key=str)


def test_every_documented_answer_is_given(running, tmp_path):
    """One test, since what was seen is counted in this process."""
    provider = running.provider
    introspection = Conversation("introspection", provider.introspection_url)
    introspection_ops = Conversation("introspection", provider.introspection.ops)
    auth, auth_ops = Conversation("auth", provider.url), Conversation("auth", provider.auth.ops)
    ask_introspection(running, introspection)
    ask_gateways(running, introspection)
    introspection.ask_what_any_request_may_get("/v1/introspect", "/v1/introspect", "/verify")
    ask_oauth(running, auth)
    ask_pages(running, auth)
    ask_without_logo(tmp_path)
    admin = Conversation("auth", running.delegated.provider.admin_url)
    ask_admin(running.delegated, admin)
    ask_deeds(running.delegated.provider.admin_url, admin)
    ask_trusted(provider.directory / "trusted")
    auth.ask_what_any_request_may_get("/", "/oauth/token", "/oauth/token")
    ask_ops(auth_ops, 200)
    ask_ops(introspection_ops, 200)

    flow, owner = Flow_with(running), Owner(provider)
    owner.consent_page(flow.temporary.token)
    fresh = Owner(provider)
    login = {**Page(fresh.get("/login")).form_with("password")["fields"], "username": "joe", "password": PASSWORD}
    owner.session.cookies.update(fresh.session.cookies)
    running.redis.kill()
    ask_auth_without_stores(running, auth, flow, owner, login)
    ask_introspection_without_stores(running, introspection)
    ask_admin_without_stores(running.delegated, admin)
    ask_deeds_without_stores(running.delegated, admin)
    time.sleep(1.1)  # what /readyz found is kept for a second
    ask_ops(auth_ops, 503)
    ask_ops(introspection_ops, 503)
    assert {name: missing(document) for name, document in contract.DOCUMENTS.items()} == {"auth": [], "introspection": []}


# ---- for programs of others


def test_a_typed_client_of_somebody_elses_generator_works(tmp_path, provider, key, token):
    """openapi-typescript reads both documents; a client that TypeScript checked against them asks the service."""
    for name in ("package.json", "package-lock.json", "client.ts", "tsconfig.json"):
        shutil.copy(Path(__file__).parent / "clients/openapi" / name, tmp_path / name)

    def run(*command):
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=180)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    run("npm", "ci", "--no-audit", "--no-fund", "--loglevel=error")
    for name in ("introspection", "auth"):
        run("node_modules/.bin/openapi-typescript", contract.PROTO / f"{name}.openapi.yaml", "-o", f"{name}.d.ts")
    run("node_modules/.bin/tsc")
    described = json.dumps(describe(token.sign("GET", API + "/photos"), required_scope="photos:read"))
    answer = json.loads(run("node", "client.js", provider.introspection_url, key, described))
    assert answer["username"] == "jane" and answer["legs"] == 3
    assert answer["refused"] == "nonce_used"
    assert answer["batch"] == [False, False]
