"""The admin API's calls on what is stored: clients, tokens, users, resource servers (docs/admin-api.md)."""

import json
import sqlite3
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import quote

import pytest
import requests
from harness.flow import Flow
from harness.provider import PASSWORD, ROOT
from harness.running import KINDS, Embedded, running_on
from harness.site import ADMIN_TOKEN, LOGIN_TOKEN, READ_TOKEN

VARIABLES = {
    "OAUTH1_ADMIN_TOKEN": f"operator:{ADMIN_TOKEN},auditor:read:{READ_TOKEN}",
    "OAUTH1_LOGIN_TOKEN": f"shop:{LOGIN_TOKEN}",
}
ANY = {"If-Match": "*"}


@dataclass
class Admin:
    url: str
    token: str = ADMIN_TOKEN

    def call(self, method, path, expected, token=None, headers=None, **options):
        bearer = {"Authorization": f"Bearer {token or self.token}"}
        answer = requests.request(method, f"{self.url}/admin/v1/{path}", headers={**bearer, **(headers or {})}, timeout=20,
                                  **options)
        assert answer.status_code == expected, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer

    def refused(self, method, path, expected, words, **options):
        detail = self.call(method, path, expected, **options).json()["detail"]
        assert words in detail, detail


@pytest.fixture(scope="module", params=KINDS)
def running(request, tmp_path_factory):
    with running_on(request.param, tmp_path_factory.mktemp(request.param), **VARIABLES) as made:
        yield made


@pytest.fixture(scope="module")
def provider(running):
    return running.provider


@pytest.fixture(scope="module")
def admin(provider):
    return Admin(provider.admin_url)


def audit_of(running, subject):
    return running.sql(f"SELECT who, what FROM audit WHERE subject = '{subject}' ORDER BY id")


@pytest.mark.parametrize("port", ["public", "admin", "ops", "introspection", "introspection ops"])
def test_a_path_that_is_not_there_is_said_to_be_none(provider, port):
    auth, introspection = provider.auth, provider.introspection
    url = {"public": provider.url, "admin": provider.admin_url, "ops": auth.ops, "introspection": provider.introspection_url,
           "introspection ops": introspection.ops}[port]
    answer = requests.get(url + "/admin/v2/clients", timeout=20)
    assert answer.status_code == 404 and "no such path" in answer.json()["detail"], answer.text


# ---- clients


def new_client(admin, **members):
    return admin.call("POST", "clients", 201, json={"name": "Printer", **members}).json()


def test_a_client_is_made_shown_changed_and_deleted(running, provider, admin):
    made = admin.call("POST", "clients", 201, json={
        "client_id": "häuser/1", "name": "Häuser", "callbacks": ["https://a.example/cb/*"], "scope": "photos:read photos:write",
        "default_scope": "photos:read", "signature_methods": ["HMAC-SHA256"], "website": "https://a.example", "trusted": True})
    path = "clients/" + quote("häuser/1", safe="")
    assert made.headers["Location"] == f"/admin/v1/{path}"
    assert len(made.json()["client_secret"]) == 40
    shown = admin.call("GET", path, 200)
    assert shown.json() == {name: value for name, value in made.json().items() if name != "client_secret"}
    assert shown.json() == provider.expect("client", "get", "häuser/1")  # one shape
    assert shown.headers["ETag"] == made.headers["ETag"]
    assert shown.headers["ETag"] == f'"{shown.json()["version"]}"'
    changed = admin.call("PATCH", path, 200, headers={"If-Match": shown.headers["ETag"]},
                         json={"website": None, "trusted": False, "callbacks": ["https://b.example/"], "contact": "me"})
    assert changed.headers["ETag"] != shown.headers["ETag"]
    kept = {name: value for name, value in shown.json().items() if name not in ("website", "trusted", "callbacks")}
    assert changed.json() == {**kept, "trusted": False, "callbacks": ["https://b.example/"], "contact": "me", "version": 2}
    for method, options in (("PATCH", {"json": {"name": "x"}}), ("DELETE", {})):
        admin.refused(method, path, 428, "If-Match", **options)
        for stale in (shown.headers["ETag"], "W/" + changed.headers["ETag"], '"x"', ""):
            admin.refused(method, path, 412, "changed", headers={"If-Match": stale}, **options)
        for bare in ("2", '"1", 2', "W/2", '"'):
            admin.refused(method, path, 400, "double quotes", headers={"If-Match": bare}, **options)
    assert admin.call("GET", path, 200).json() == changed.json()
    admin.call("DELETE", path, 204, headers={"If-Match": f'"0", {changed.headers["ETag"]}'})
    admin.refused("GET", path, 404, "no such client")
    assert audit_of(running, "häuser/1") == [["operator", f"client.{deed}"] for deed in ("create", "update", "delete")]


def test_a_refused_change_leaves_no_trace(running, admin):
    made = new_client(admin)
    before = audit_of(running, made["client_id"])
    admin.call("PATCH", f"clients/{made['client_id']}", 412, headers={"If-Match": '"77"'}, json={"name": "Other"})
    admin.call("PATCH", f"clients/{made['client_id']}", 400, headers=ANY, json={"callbacks": ["no"]})
    admin.refused("POST", "clients", 409, "already", json={"name": "Twin", "client_id": made["client_id"]})
    assert admin.call("GET", f"clients/{made['client_id']}", 200).json()["name"] == "Printer"
    assert audit_of(running, made["client_id"]) == before


def too_long():
    """A client each with one text longer by a byte than proto/ says, and what is told: the same on either store."""
    documented = json.loads((ROOT / "proto/schemas/client-input.schema.json").read_text())["properties"]
    for name, member in documented.items():
        most = (member.get("items") or member).get("maxLength")
        text = ("https://a.example/" if name in ("website", "logo", "default_callback", "callbacks") else "").ljust((most or 0) + 1, "x")
        words = {"client_id": f"1 to {most} bytes", "client_secret": f"1 to {most} bytes"}.get(name, f"{name}: it has {len(text)} bytes, and {most} are the most")
        if most:
            yield {"name": "x", name: [text] if name == "callbacks" else text}, words


def test_every_text_of_a_client_has_a_documented_length():
    documented = json.loads((ROOT / "proto/schemas/client-input.schema.json").read_text())["properties"]
    free = [name for name, member in documented.items() if "string" in member["type"] and "maxLength" not in member]
    assert free == ["rsa_public_key"]  # as long as a key is


@pytest.mark.parametrize("members, words", [
    ({}, "name"),
    ({"name": ""}, "name"),
    ({"name": None}, "name"),
    ({"name": 7}, "name"),
    ({"name": "x", "nmae": "y"}, "nmae"),
    ({"name": "x", "trusted": "yes"}, "trusted"),
    ({"name": "x", "callbacks": "https://a.example/"}, "callbacks"),
    ({"name": "x", "callbacks": ["http://a.example/"]}, "callbacks http://a.example/"),
    ({"name": "x", "callbacks": ["oob"]}, "callbacks oob"),
    ({"name": "x", "callbacks": ["https://a.example/"] * 65}, "callbacks"),
    ({"name": "x", "default_callback": "no"}, "default_callback no"),
    ({"name": "x", "signature_methods": ["RSA-MD5"]}, "signature_methods RSA-MD5"),
    ({"name": "x", "signature_methods": ["RSA-SHA1"]}, "signature_methods RSA-SHA1"),
    ({"name": "x", "scope": "a,b"}, "scope a,b"),
    ({"name": "x", "scope": "a", "default_scope": "b"}, "default_scope b"),
    ({"name": "x", "website": "no"}, "website no"),
    ({"name": "x", "logo": "http://a.example/"}, "logo"),
    *too_long(),
    ({"name": "x", "client_id": ""}, "id"),
    ({"name": "x", "client_id": "a" * 256}, "id"),
    ({"name": "x", "client_secret": ""}, "client_secret"),
    ({"name": "x", "rsa_public_key": "no"}, "rsa_public_key"),
])
def test_a_wrong_member_of_a_client_is_named(admin, members, words):
    admin.refused("POST", "clients", 400, words, json=members)


@pytest.mark.parametrize("body, words", [
    (b'{"name": "x", "name": "y"}', "name"), (b"[]", "object"), (b"{", ""), (b'{"name": 1.5}', ""), (b"", "name")])
def test_a_body_that_is_no_client_is_refused(admin, body, words):
    admin.refused("POST", "clients", 400, words, data=body, headers={"Content-Type": "application/json"})
    admin.call("POST", "clients", 415 if body else 400, data=body, headers={"Content-Type": "text/plain"})


@pytest.mark.parametrize("members, words", [
    ({"client_id": "x"}, "client_id"), ({"client_secret": "x"}, "client_secret"), ({"name": ""}, "name"),
    ({"rsa_public_key": None}, "rsa_public_key"), ({"disabled": True}, "disabled"), ({"signature_methods": ["RSA-SHA1"]}, "RSA-SHA1")])
def test_a_wrong_member_of_a_change_is_named(admin, members, words):
    made = new_client(admin)
    admin.refused("PATCH", f"clients/{made['client_id']}", 400, words, headers=ANY, json=members)


def test_who_may_only_read_sees_no_secret_and_does_nothing(running, admin):
    made = new_client(admin)
    path, before = f"clients/{made['client_id']}", running.sql("SELECT COUNT(*) FROM audit")
    for shown in (path, path + "/secrets", path + "/keys", "clients"):
        text = admin.call("GET", shown, 200, token=READ_TOKEN).text
        assert made["client_secret"] not in text
        assert "client_secret" not in text
    for method, deed in (("POST", "clients"), ("PATCH", path), ("DELETE", path), *(("POST", f"{path}/{verb}") for verb in (
            "disable", "enable", "approve", "reject", "rotate-secret"))):
        admin.refused(method, deed, 403, "read", token=READ_TOKEN, headers=ANY)
        admin.refused(method, deed, 403, "OAUTH1_LOGIN_TOKEN", token=LOGIN_TOKEN, headers=ANY)
        admin.call(method, deed, 401, token="x" * 32, headers=ANY)
    admin.refused("GET", path, 403, "OAUTH1_LOGIN_TOKEN", token=LOGIN_TOKEN)
    assert running.sql("SELECT COUNT(*) FROM audit") == before


def test_a_rotated_secret_is_shown_once_and_the_former_one_stays_for_the_overlap(provider, admin):
    made = new_client(admin, callbacks=["http://127.0.0.1/ready"])
    path = f"clients/{made['client_id']}"
    rotated = admin.call("POST", path + "/rotate-secret", 200, json={"overlap": 3600}).json()
    assert rotated["client_secret"] != made["client_secret"]
    secrets = admin.call("GET", path + "/secrets", 200).json()["secrets"]
    assert [sorted(secret) for secret in secrets] == [["created_at"], ["created_at", "expires_at"]]
    assert secrets[1]["expires_at"] == rotated["former_secret_until"]
    assert "client_secret" not in admin.call("GET", path, 200).json()
    for secret in (made["client_secret"], rotated["client_secret"]):
        client = provider.create_client()
        client.client_id, client.client_secret = made["client_id"], secret
        Flow(provider, client).initiate()
    admin.refused("POST", path + "/rotate-secret", 409, "its former secret is good until", json={})
    assert len(admin.call("GET", path + "/secrets", 200).json()["secrets"]) == 2
    admin.call("POST", path + "/rotate-secret", 200, json={"end_former": True})
    secrets = admin.call("GET", path + "/secrets", 200).json()["secrets"]
    assert [secret.get("expires_at", 0) > time.time() for secret in secrets] == [False, True, False]
    given = admin.call("POST", path + "/rotate-secret", 200, json={"overlap": 0, "client_secret": "given"}).json()
    assert given == {"client_id": made["client_id"], "client_secret": "given"}
    for members, words in (({"overlap": -1}, "overlap"), ({"overlap": "1"}, "overlap"), ({"overlap": 366 * 86400 + 1}, "overlap"),
                           ({"client_secret": ""}, "client_secret"), ({"rsa_public_key": "x"}, "rsa_public_key"),
                           ({"client_secret": "x", "rsa_public_key": "x"}, "do not go together")):
        admin.refused("POST", path + "/rotate-secret", 400, words, json=members)
    admin.call("POST", "clients/nobody/rotate-secret", 404)


def test_no_secret_is_rotated_of_a_client_that_was_changed_since_it_was_seen(running, admin):
    made = new_client(admin, name="Printer")
    path = f"clients/{made['client_id']}"
    seen = {"If-Match": admin.call("GET", path, 200).headers["ETag"]}
    admin.call("PATCH", path, 200, headers=ANY, json={"name": "Bank"})
    admin.refused("POST", path + "/rotate-secret", 412, "changed since", headers=seen, json={})
    assert len(admin.call("GET", path + "/secrets", 200).json()["secrets"]) == 1
    assert [what for _, what in audit_of(running, made["client_id"])] == ["client.create", "client.update"]
    now = {"If-Match": admin.call("GET", path, 200).headers["ETag"]}
    admin.call("POST", path + "/rotate-secret", 200, headers=now, json={})


def test_a_key_rotates_as_a_secret_does(provider, admin, rsa_key):
    pem = provider.public_key_file(rsa_key).read_text()
    made = new_client(admin, rsa_public_key=pem)
    assert "client_secret" not in made
    assert made["signature_methods"] == ["RSA-SHA1", "RSA-SHA256", "RSA-SHA512"]
    path = f"clients/{made['client_id']}"
    admin.refused("POST", path + "/rotate-secret", 400, "rsa_public_key")
    assert "former_key_until" in admin.call("POST", path + "/rotate-secret", 200, json={"rsa_public_key": pem}).json()
    keys = admin.call("GET", path + "/keys", 200).json()["keys"]
    assert [key["rsa_public_key"].strip() for key in keys] == [pem.strip()] * 2
    admin.refused("POST", path + "/rotate-secret", 409, "its former key is good until", json={"rsa_public_key": pem})
    admin.call("POST", path + "/rotate-secret", 200, json={"rsa_public_key": pem, "end_former": True})


def test_nobody_rejects_a_client_for_whom_nobody_asked(running, admin):
    path = f"clients/{new_client(admin)['client_id']}"
    before = admin.call("GET", path, 200)
    for headers in ({}, {"If-Match": before.headers["ETag"]}):
        admin.refused("POST", path + "/reject", 409, "it has no owner", headers=headers)
    assert admin.call("GET", path, 200).json() == before.json()
    assert [what for _, what in audit_of(running, before.json()["client_id"])] == ["client.create"]
    assert admin.call("POST", path + "/approve", 200).json() == before.json()


def test_a_client_is_disabled_enabled_approved_and_rejected(running, admin):
    made = new_client(admin, owner="42")
    path = f"clients/{made['client_id']}"
    assert admin.call("POST", path + "/disable", 200).json()["disabled"]
    assert not admin.call("POST", path + "/enable", 200).json()["disabled"]
    assert admin.call("POST", path + "/reject", 200).json()["approval"] == "rejected"
    assert admin.call("POST", path + "/approve", 200).json()["approval"] == "approved"
    for verb in ("disable", "enable", "reject", "approve"):
        admin.refused("POST", f"clients/nobody/{verb}", 404, "no such client")
    admin.refused("POST", path + "/disable", 400, "no body", json={"x": 1})
    assert [what for _, what in audit_of(running, made["client_id"])] == [
        f"client.{deed}" for deed in ("create", "disable", "enable", "reject", "approve")]


@pytest.mark.parametrize("verb", ["disable", "enable", "reject", "approve"])
def test_nobody_judges_a_client_that_was_changed_since_it_was_seen(running, admin, verb):
    made = new_client(admin, name="Printer", owner="42")
    path = f"clients/{made['client_id']}"
    seen = {"If-Match": admin.call("GET", path, 200).headers["ETag"]}
    admin.call("PATCH", path, 200, headers=ANY, json={"name": "Bank"})
    admin.refused("POST", f"{path}/{verb}", 412, "changed since", headers=seen)
    assert [what for _, what in audit_of(running, made["client_id"])] == ["client.create", "client.update"]
    now = {"If-Match": admin.call("GET", path, 200).headers["ETag"]}
    admin.call("POST", f"{path}/{verb}", 200, headers=now)


def pages_of(admin, path, name):
    """The rows of each page."""
    pages, token = [], ""
    while True:
        page = admin.call("GET", f"{path}{token}", 200).json()
        pages.append(page[name])
        if "next_page_token" not in page:
            return pages
        token = f"&page_token={page['next_page_token']}"


def test_a_list_comes_in_pages_that_hold_each_client_once(admin):
    made = [new_client(admin, name=f"paged {i}")["client_id"] for i in range(5)]
    pages = pages_of(admin, "clients?filter=paged&page_size=2", "clients")
    assert [len(page) for page in pages] == [2, 2, 1]
    assert [client["client_id"] for page in pages for client in page] == made
    everybody = [client["client_id"] for page in pages_of(admin, "clients?page_size=3", "clients") for client in page]
    assert len(everybody) == len(set(everybody)) and set(made) <= set(everybody)
    assert pages_of(admin, "clients?filter=nobody%20has%20it", "clients") == [[]]
    assert pages_of(admin, "clients?filter=PAGED%204", "clients") == [[pages[2][0]]]
    assert pages_of(admin, "clients?approval=pending", "clients") == [[]]


@pytest.mark.parametrize("query, words", [
    ("page_size=0", "page_size"), ("page_size=501", "page_size"), ("page_size=x", "page_size"), ("page_token=x", "page_token"),
    ("page_token=1&page_token=2", "page_token"), ("sort=name", "sort"), ("approval=x", "approval")])
def test_a_wrong_parameter_of_a_list_is_named(admin, query, words):
    admin.refused("GET", f"clients?{query}", 400, words)


# ---- the audit log


def test_who_may_read_sees_who_did_what(provider, admin):
    made = new_client(admin, name="audited")["client_id"]
    admin.call("POST", f"clients/{made}/disable", 200)
    rows = admin.call("GET", f"audit?client={made}", 200, token=READ_TOKEN).json()["audit"]
    assert [(row["who"], row["what"], row["subject"]) for row in rows] == [
        ("operator", "client.create", made), ("operator", "client.disable", made)]
    assert rows == provider.expect("audit", "--client", made)  # one shape
    admin.refused("GET", "audit", 403, "OAUTH1_LOGIN_TOKEN", token=LOGIN_TOKEN)
    admin.call("GET", "audit", 401, token="x" * 32)


def test_the_audit_log_comes_in_pages_that_hold_each_row_once(provider, admin):
    made = new_client(admin)["client_id"]
    for _ in range(2):
        for verb in ("disable", "enable"):
            admin.call("POST", f"clients/{made}/{verb}", 200)
    pages = pages_of(admin, f"audit?client={made}&page_size=2", "audit")
    assert [len(page) for page in pages] == [2, 2, 1]
    assert [row for page in pages for row in page] == provider.expect("audit", "--client", made)


def test_the_audit_log_is_narrowed_to_a_user_an_actor_and_a_time(provider, admin):
    made = admin.call("POST", "users", 201, json={"username": "narrowed", "password": PASSWORD}).json()
    admin.call("POST", f"users/{made['sub']}/disable", 200)

    def rows(query):
        return admin.call("GET", f"audit?{query}", 200).json()["audit"]

    user = f"user={made['sub']}"
    assert [row["what"] for row in rows(user)] == ["user.create", "user.disable"]
    assert rows(f"{user}&actor=operator") == rows(user) == rows(f"{user}&since=1h&until=2999-01-01")
    for other in ("actor=auditor", "since=2999-01-01T00:00Z", "until=1h", "until=2026-01-01", "client=nobody"):
        assert rows(f"{user}&{other}") == []
    assert {row["who"] for row in rows("actor=operator")} == {"operator"}


def test_tokens_that_were_revoked_at_once_are_found_by_their_client_and_their_user(admin):
    client = new_client(admin, name="emptied")["client_id"]
    admin.call("DELETE", f"tokens?client_id={client}&sub=emptied", 200)
    for query in (f"client={client}", "user=emptied"):
        row = admin.call("GET", f"audit?{query}", 200).json()["audit"][-1]
        assert (row["what"], row["client_id"], row["sub"]) == ("token.revoke", client, "emptied")


@pytest.mark.parametrize("query, words", [
    ("since=yesterday", "since: it is no time"), ("until=", "until: it is no time"), ("client=", "client: it must not be empty"),
    ("user=", "user: it must not be empty"), ("actor=", "actor: it must not be empty"), ("page_size=0", "page_size"),
    ("filter=x", "filter")])
def test_a_wrong_parameter_of_the_audit_log_is_named(admin, query, words):
    admin.refused("GET", f"audit?{query}", 400, words)


# ---- tokens, users, resource servers


def new_things(admin, name):
    """A user, a resource server, and a token of a client: the path of each."""
    user = admin.call("POST", "users", 201, json={"username": name, "password": PASSWORD})
    server = admin.call("POST", "resource-servers", 201, json={"name": name, "origins": [f"https://{name}.example"]})
    client = new_client(admin, scope="a b")
    token = admin.call("POST", "tokens", 201, json={"client_id": client["client_id"], "sub": user.json()["sub"], "scope": "a"})
    return [made.headers["Location"].removeprefix("/admin/v1/") for made in (user, server, token)]


def test_nothing_goes_by_a_stale_etag_or_for_who_may_only_read(running, admin):
    paths = new_things(admin, "stale")
    before = running.sql("SELECT COUNT(*) FROM audit")
    for path in paths:
        etag = admin.call("GET", path, 200).headers["ETag"]
        admin.refused("DELETE", path, 428, "If-Match")
        for stale in ('"0"', "W/" + etag, ""):
            admin.refused("DELETE", path, 412, "changed", headers={"If-Match": stale})
        admin.refused("DELETE", path, 403, "read", token=READ_TOKEN, headers=ANY)
        admin.refused("DELETE", path, 403, "OAUTH1_LOGIN_TOKEN", token=LOGIN_TOKEN, headers=ANY)
        assert admin.call("GET", path, 200).headers["ETag"] == etag
    assert running.sql("SELECT COUNT(*) FROM audit") == before
    for path in reversed(paths):
        admin.call("DELETE", path, 204 if path.startswith("users") else 200,
                   headers={"If-Match": admin.call("GET", path, 200).headers["ETag"]})


def test_no_token_is_issued_that_its_client_or_its_user_may_not_have(running, admin):
    client = new_client(admin, scope="a b", owner="42")["client_id"]
    sub = admin.call("POST", "users", 201, json={"username": "parties", "password": PASSWORD}).json()["sub"]
    before = running.sql("SELECT COUNT(*) FROM tokens")

    def refused(words, **members):
        admin.refused("POST", "tokens", 400, words, json={"client_id": client, "sub": sub, **members})

    refused("scope is more", scope="a c")
    refused("sub: there is no such user", sub="nobody")
    for verb, back in (("disable", "enable"), ("reject", "approve")):
        admin.call("POST", f"clients/{client}/{verb}", 200)
        refused("client_id: the client is disabled, or works for its owner alone")
        admin.call("POST", f"clients/{client}/{back}", 200)
    admin.call("POST", f"users/{sub}/disable", 200)
    refused("sub: the user is disabled")
    admin.call("POST", f"users/{sub}/enable", 200)
    assert running.sql("SELECT COUNT(*) FROM tokens") == before
    admin.call("POST", "tokens", 201, json={"client_id": client, "sub": sub, "scope": "a"})


def test_a_token_that_its_user_narrowed_is_not_the_one_that_was_seen(running, admin):
    client = new_client(admin, scope="a b")["client_id"]
    sub = admin.call("POST", "users", 201, json={"username": "narrower", "password": PASSWORD}).json()["sub"]
    path = f"tokens/{admin.call('POST', 'tokens', 201, json={'client_id': client, 'sub': sub, 'scope': 'a b'}).json()['jti']}"
    seen = {"If-Match": admin.call("GET", path, 200).headers["ETag"]}
    running.sql(f"UPDATE tokens SET scopes = 'a' WHERE jti = '{path.partition('/')[2]}'")
    assert admin.call("GET", path, 200).json()["scope"] == "a"
    admin.refused("DELETE", path, 412, "changed", headers=seen)


def test_a_dry_run_counts_what_would_go_and_revokes_nothing(running, admin):
    _, _, token = new_things(admin, "dry")
    client = admin.call("GET", token, 200).json()["client_id"]
    asked = running.sql("SELECT COUNT(*) FROM audit")
    assert admin.call("DELETE", f"tokens?client_id={client}&dry_run=true", 200).json() == {"would_revoke": 1}
    assert running.sql("SELECT COUNT(*) FROM audit") == asked
    assert admin.call("DELETE", f"tokens?client_id={client}&dry_run=false", 200).json() == {"revoked": 1}
    assert admin.call("DELETE", f"tokens?client_id={client}", 200).json() == {"revoked": 0}


def test_a_key_is_shown_once_and_a_token_never(admin):
    made = admin.call("POST", "resource-servers", 201, json={"name": "once"}).json()
    assert made["key"].startswith("rs_")
    assert made["key"] not in admin.call("GET", "resource-servers/once", 200).text + admin.call("GET", "resource-servers", 200).text
    _, _, token = new_things(admin, "shown")
    assert not {"oauth_token", "oauth_token_secret", "token"} & set(admin.call("GET", token, 200).json())


def test_a_name_whose_owner_is_not_found_any_more_is_a_conflict(running, admin):
    """As where it was created or revoked at that moment: what is seen of the name then is the new row itself, or nothing."""
    admin.call("POST", "resource-servers", 201, json={"name": "brief"})
    admin.call("DELETE", "resource-servers/brief", 200, headers={"If-Match": "*"})
    running.sql("INSERT INTO resource_server_names (name, server) SELECT 'name brief', id FROM resource_servers WHERE name = 'brief'")
    admin.refused("POST", "resource-servers", 409, "GET resource-servers", json={"name": "brief"})
    running.sql("DELETE FROM resource_server_names WHERE name = 'name brief'")
    admin.call("POST", "resource-servers", 201, json={"name": "brief"})


@pytest.mark.parametrize("folder, members, words", [
    ("users", {"username": "x"}, "password"), ("users", {"username": "a@b", "password": PASSWORD}, "username"),
    ("users", {"username": "x", "password": PASSWORD, "sub": "7"}, "sub"), ("users", {"username": "x", "password": ""}, "password"),
    ("resource-servers", {}, "name"), ("resource-servers", {"name": "x", "origins": ["no"]}, "origins no"),
    ("resource-servers", {"name": "x", "key": "y"}, "key"), ("resource-servers", {"name": "x", "tls_sans": ["a b"]}, "tls_sans"),
    ("tokens", {"sub": "7"}, "client_id"), ("tokens", {"client_id": "nobody", "sub": "7"}, "client_id"),
    ("tokens", {"client_id": "nobody", "sub": "7", "scope": "a,b"}, "comma"),
    ("tokens", {"client_id": "nobody", "sub": "7", "lifetime": -1}, "lifetime")])
def test_a_wrong_member_of_what_is_made_is_named(admin, folder, members, words):
    admin.refused("POST", folder, 400, words, json=members)


# ---- between what was seen and what is done


@contextmanager
def change_on_its_way(running, statement):
    """Somebody else's transaction has written and is not committed; it commits while the caller's own waits."""
    if isinstance(running, Embedded):
        database = sqlite3.connect(running.provider.database, timeout=10, isolation_level=None, check_same_thread=False)
        database.execute("BEGIN IMMEDIATE")
        database.execute(statement)
        end = threading.Timer(0.1, lambda: (database.execute("COMMIT"), database.close()))
    else:
        sleep = "DO SLEEP(1)"
        end = threading.Thread(target=running.sql, args=(f"BEGIN; {statement}; {sleep}; COMMIT",))
    end.start()
    while not isinstance(running, Embedded) and not running.stores.database.sql(
            f"SELECT 1 FROM information_schema.processlist WHERE info = '{sleep}'", user="root"):
        pass
    yield
    end.join()


@pytest.mark.parametrize("folder", ["clients", "users", "tokens"])
def test_what_changes_while_it_is_deleted_stays(running, admin, folder):
    client = new_client(admin)["client_id"]
    user = admin.call("POST", "users", 201, json={"username": f"held-{folder}", "password": PASSWORD}).json()["sub"]
    jti = admin.call("POST", "tokens", 201, json={"client_id": client, "sub": user}).json()["jti"]
    name, change = {
        "clients": (client, f"UPDATE clients SET version = version + 1 WHERE client_id = '{client}'"),
        "users": (user, f"UPDATE users SET version = version + 1 WHERE subject = '{user}'"),
        "tokens": (jti, f"UPDATE tokens SET scopes = 'photos:other' WHERE jti = '{jti}'"),
    }[folder]
    seen = admin.call("GET", f"{folder}/{name}", 200).headers["ETag"]
    with change_on_its_way(running, change):
        admin.refused("DELETE", f"{folder}/{name}", 412, "changed", headers={"If-Match": seen})
    now = admin.call("GET", f"{folder}/{name}", 200).headers["ETag"]
    assert now != seen
    assert admin.call("DELETE", f"{folder}/{name}", 200 if folder == "tokens" else 204, headers={"If-Match": now})
