"""A deed and its row of the audit log are one: where the row cannot be written, nothing was done. On SQLite and MariaDB, for
commands, for what users do on their pages and for the admin API."""

import json
import sqlite3
from contextlib import contextmanager
from functools import partial

import pytest
import requests
from cryptography.hazmat.primitives.asymmetric import rsa
from harness import pictures
from harness.owner import Owner, Page, until_answered
from harness.provider import PASSWORD, Client, public_pem
from harness.running import KINDS, Embedded, running_on
from harness.site import ADMIN_TOKEN

# What a deed may change. last_used_at moves by itself, and is of no deed.
TABLES = {
    **dict.fromkeys(("clients", "client_callbacks", "client_keys", "users", "changes"), "*"),
    "client_secrets": "id, client, HEX(sealed), expires_at", "client_logos": "number, client, HEX(png)",
    "resource_servers": "id, name, HEX(key_digest), origins, revoked_at", "sealing_keys": "id",
    "tokens": "id, jti, scopes, client, user, revoked_at",
}
STORE_DOWN = 3
FRESH = "granite otter lamp 7"
VARIABLES = {"OAUTH1_REGISTRATION": "approval", "OAUTH1_ADMIN_TOKEN": f"operator:{ADMIN_TOKEN}",
             **{f"OAUTH1_RATE_LIMIT_LOGIN_{name}": 100000 for name in ("ACCOUNT", "PAIR", "ADDRESS")}}


@pytest.fixture(scope="module", params=KINDS)
def running(request, tmp_path_factory):
    with running_on(request.param, tmp_path_factory.mktemp(request.param), users=("jane",), **VARIABLES) as made:
        yield made


@pytest.fixture(scope="module")
def provider(running):
    return running.provider


def execute(running, statement):
    if not isinstance(running, Embedded):
        running.sql(statement)
        return
    database = sqlite3.connect(running.provider.database, timeout=10)
    database.execute(statement)
    database.commit()
    database.close()


@contextmanager
def no_audit_log(running):
    execute(running, "ALTER TABLE audit RENAME TO audit_away")
    try:
        yield
    finally:
        execute(running, "ALTER TABLE audit_away RENAME TO audit")


def snapshot(running):
    return {table: running.sql(f"SELECT {columns} FROM {table}") for table, columns in TABLES.items()}


def rows(running):
    return running.sql("SELECT who, what, subject, client_id, user_sub FROM audit ORDER BY id")


def is_undone_without_its_row(running, do, is_down, is_done):
    """What `do` answers without an audit log means that nothing was done; with it the same is done, and has one row more."""
    before = snapshot(running)
    with no_audit_log(running):
        answer = do()
    assert is_down(answer), answer
    assert snapshot(running) == before
    known = len(rows(running))
    answer = do()
    assert is_done(answer), answer
    assert snapshot(running) != before, "it changes nothing at all, so that this test says nothing"
    (row,) = [row for row in rows(running)[known:] if not row[1].startswith("login.")]
    return row


# ---- commands


@pytest.fixture(scope="module")
def rsa_pem():
    return public_pem(rsa.generate_private_key(public_exponent=65537, key_size=2048))


def new_client(provider):
    return provider.create_client("--scope", "photos:read", "--scope", "photos:write").client_id


def sub_of(provider, name="jane"):
    return next(user["sub"] for user in provider.expect("user", "list") if user["username"] == name)


def new_token(provider, client):
    """Its jti."""
    answer = requests.post(f"{provider.admin_url}/admin/v1/tokens", json={"client_id": client, "sub": sub_of(provider)},
                           headers={"Authorization": f"Bearer {ADMIN_TOKEN}"}, timeout=10)
    assert answer.status_code == 201, answer.text
    return answer.json()["jti"]


def registered(provider):
    return Developer(provider).registered().client_id


# name of the command: (what it is done to, the words behind it, the row's "what")
COMMANDS = {
    "client create": (lambda p: None, lambda p, it: ("--name", "x", "--callback", "http://127.0.0.1/ready"), "client.create"),
    "client update": (new_client, lambda p, it: (it, "--name", "other"), "client.update"),
    "client disable": (new_client, lambda p, it: (it,), "client.disable"),
    "client delete": (new_client, lambda p, it: (it,), "client.delete"),
    "client rotate-secret": (new_client, lambda p, it: (it,), "client.rotate-secret"),
    "client approve": (registered, lambda p, it: (it,), "client.approve"),
    "client reject": (registered, lambda p, it: (it,), "client.reject"),
    "user create": (lambda p: None, lambda p, it: ("--username", "anew", "--password-file", p.write_file("pw", FRESH)),
                    "user.create"),
    "user set-password": (lambda p: user(p, "ann"), lambda p, it: (it, "--password-file", p.write_file("pw", FRESH)),
                          "user.set-password"),
    "user disable": (lambda p: user(p, "bob"), lambda p, it: (it,), "user.disable"),
    "user delete": (lambda p: user(p, "cleo"), lambda p, it: (it,), "user.delete"),
    "token revoke": (lambda p: new_token(p, new_client(p)), lambda p, it: (it,), "token.revoke"),
    "resource-server create": (lambda p: None, lambda p, it: ("--name", "anew"), "resource-server.create"),
    "resource-server rotate-key": (lambda p: server(p, "turn"), lambda p, it: (it,), "resource-server.rotate-key"),
    "resource-server revoke": (lambda p: server(p, "end"), lambda p, it: (it,), "resource-server.revoke"),
    "client import": (lambda p: None, lambda p, it: (p.write_file("clients", json.dumps(
        {"client_id": "moved", "client_secret": "s" * 30, "name": "Moved", "callbacks": ["https://a.example/"]})),),
        "client.import"),
    "user import": (lambda p: None, lambda p, it: (p.write_file("users", json.dumps({"username": "moved"})),), "user.import"),
    "token import": (new_client, lambda p, it: (p.write_file("tokens", json.dumps(
        {"client_id": it, "sub": sub_of(p), "oauth_token": f"t-{it}", "oauth_token_secret": "s" * 30})),), "token.import"),
}


def user(provider, name):
    provider.create_user(name, PASSWORD)
    return name


def server(provider, name):
    provider.create_resource_server(name=name)
    return name


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_is_undone_where_its_row_cannot_be_written(running, provider, name):
    prepare, words, what = COMMANDS[name]
    command = (*name.split(), *words(provider, prepare(provider)))
    row = is_undone_without_its_row(running, lambda: provider.command(*command), lambda it: it.code == STORE_DOWN and "audit"
                                    in it.err, lambda it: it.code == 0)
    assert row[0].startswith("cli:") and row[1] == what


def test_nothing_is_exported_that_is_not_written_down(running, provider):
    path = provider.directory / "secrets"
    new_client(provider)
    with no_audit_log(running):
        assert provider.command("client", "export", "--secrets", path).code == STORE_DOWN
    assert path.read_text() == ""


def test_a_token_that_is_revoked_by_its_jti_has_its_client_and_user_in_the_row(running, provider):
    client = new_client(provider)
    sub = sub_of(provider)
    for by in ("command", "api"):
        jti = new_token(provider, client)
        if by == "command":
            assert provider.command("token", "revoke", jti).code == 0
        else:
            admin(provider, "DELETE", f"tokens/{jti}", headers={"If-Match": "*"})
        assert rows(running)[-1][1:] == ["token.revoke", jti, client, sub]
    assert rows(running)[-2][1:] == ["token.issue", jti, client, sub]


# ---- the admin API


def admin(provider, method, path, headers=None, **options):
    return requests.request(method, f"{provider.admin_url}/admin/v1/{path}", timeout=10,
                            headers={"Authorization": f"Bearer {ADMIN_TOKEN}", **(headers or {})}, **options)


API = {
    "POST clients": (lambda p: None, {"json": {"name": "x", "callbacks": ["https://a.example/"]}}),
    "PATCH clients/{}": (new_client, {"json": {"name": "other"}}),
    "DELETE clients/{}": (new_client, {}),
    "POST clients/{}/disable": (new_client, {}),
    "POST clients/{}/rotate-secret": (new_client, {"json": {}}),
    "DELETE tokens/{}": (lambda p: new_token(p, new_client(p)), {}),
    "DELETE tokens?client_id={}": (lambda p: (client := new_client(p), new_token(p, client))[0], {}),
    "POST users": (lambda p: None, {"json": {"username": "by-api", "password": PASSWORD}}),
    "POST users/{}/disable": (lambda p: sub_of(p, user(p, "dan")), {}),
    "DELETE users/{}/sessions": (lambda p: sub_of(p), {}),
    "DELETE users/{}": (lambda p: sub_of(p, user(p, "eve")), {}),
    "POST resource-servers": (lambda p: None, {"json": {"name": "by-api"}}),
    "POST resource-servers/{}/rotate-key": (lambda p: server(p, "turn-by-api"), {"json": {}}),
    "DELETE resource-servers/{}": (lambda p: server(p, "end-by-api"), {}),
}


@pytest.mark.parametrize("call", API)
def test_a_call_of_the_admin_api_is_undone_where_its_row_cannot_be_written(running, provider, call):
    prepare, options = API[call]
    method, path = call.split(" ")
    do = partial(admin, provider, method, path.format(prepare(provider)), headers={"If-Match": "*"}, **options)
    row = is_undone_without_its_row(running, do, lambda it: it.status_code == 503, lambda it: it.ok)
    assert row[0] == "operator"


# ---- users' pages


class Developer(Owner):
    """jane, logged in, on her pages."""

    def __init__(self, provider, username="jane", password=PASSWORD):
        super().__init__(provider, username, password)
        page = Page(until_answered(lambda: self.follow_within(self.get("/account/security"))))
        form = page.form_with("password")
        page = Page(until_answered(lambda: self.follow_within(self.submit(page, form, username=username, password=password))))
        assert page.response.status_code == 200, page.response.text
        self.csrf = page.form_with("csrf_token")["fields"]["csrf_token"]
        self.page = page

    def post(self, path, **options):
        data = {"csrf_token": self.csrf, **options.pop("data")}
        return self.session.post(self.provider.url + path, data=data, timeout=20, allow_redirects=False, **options)

    def register(self):
        return self.post("/developer/applications/new", data={"name": "Mine", "callbacks": "http://127.0.0.1/ready"})

    def registered(self):
        page = Page(self.register())
        assert page.response.status_code == 200, page.response.text
        return Client(page.texts["client_id"], page.texts["client_secret"])


def register(jane):
    return jane.register, "client.register"


def on_client(deed, what, first=(), **options):
    """A deed on a client of hers, behind others that make it possible."""
    def prepare(jane):
        path = f"/developer/applications/{jane.registered().client_id}"
        for data in first:
            assert jane.post(path, data=data).ok
        data = {"do": deed, **options.get("data", {})}
        return lambda: jane.post(path, data=data, files=options.get("files")), what
    return prepare


def on_token(deed, what="token.revoke", **fields):
    def prepare(jane):
        client = jane.provider.expect("client", "create", "--name", "x", "--callback", "http://127.0.0.1/ready", "--scope",
                                      "photos:read", "--scope", "photos:write")["client_id"]
        jti = new_token(jane.provider, client)
        return lambda: jane.post("/account/applications", data={"deed": deed, "jti": jti, **fields}), what
    return prepare


def change_password(jane):
    """Sessions end also where it is not known whether the change was committed, so that each try has its own."""
    name = user(jane.provider, "zoe")
    sessions = [Developer(jane.provider, name)]
    data = {"current": PASSWORD, "password": FRESH, "again": FRESH}

    def change():
        session = sessions.pop() if sessions else Developer(jane.provider, name)
        return session.post("/account/password", data=data)

    return change, "user.set-password"


PICTURE = {"logo": ("a.png", pictures.logo(64), "image/png")}
PAGES = {
    "register": register,
    "edit": on_client("edit", "client.update", data={"name": "Other", "callbacks": "http://127.0.0.1/ready"}),
    "rotate": on_client("rotate", "client.rotate-secret"),
    "disable": on_client("disable", "client.disable"),
    "enable": on_client("enable", "client.enable", first=[{"do": "disable"}]),
    "delete": on_client("delete", "client.delete", data={"confirm": "yes"}),
    "token": on_client("token", "token.issue-own"),
    "logo": on_client("logo", "client.set-logo", files=PICTURE),
    "revoke": on_token("revoke"),
    "narrow": on_token("narrow", "token.narrow", ticked="photos:read"),
    "revoke all": on_token("revoke_all"),
    "password": change_password,
}


@pytest.fixture(autouse=True)
def clean(provider):
    """Ten clients of one's own are soon reached."""
    yield
    for client in provider.expect("client", "list"):
        provider.command("client", "delete", client["client_id"])


@pytest.mark.parametrize("name", PAGES)
def test_a_deed_on_a_page_is_undone_where_its_row_cannot_be_written(running, provider, name):
    do, what = PAGES[name](Developer(provider))
    row = is_undone_without_its_row(running, do, lambda it: it.status_code == 503, lambda it: it.ok)
    assert row[0].startswith("user:") and row[1] == what, row


def test_a_key_comes_and_goes_with_its_row(running, provider, rsa_pem):
    jane = Developer(provider)
    path = f"/developer/applications/{jane.registered().client_id}"
    add = partial(jane.post, path, data={"do": "add-key", "rsa_public_key": rsa_pem})
    assert is_undone_without_its_row(running, add, lambda it: it.status_code == 503, lambda it: it.ok)[1] == "client.rotate-key"
    (number,) = running.sql("SELECT id FROM client_keys")[-1]
    end = partial(jane.post, path, data={"do": "end-key", "key": number})
    assert is_undone_without_its_row(running, end, lambda it: it.status_code == 503, lambda it: it.ok)[1] == "client.end-key"


@pytest.mark.parametrize("deed, what", [("end", "user.end-session"), ("end_others", "user.end-other-sessions")])
def test_a_session_ends_with_its_row_alone(running, provider, deed, what):
    here, there = Developer(provider), Developer(provider)
    listed = Page(here.get("/account/security"))
    _own, newest, *_ = [form["fields"]["session"] for form in listed.forms if "session" in form["fields"]]
    end = partial(here.post, "/account/security", data={"deed": deed, "session": newest})
    with no_audit_log(running):
        assert end().status_code == 503
    assert there.get("/account/security").status_code == 200
    assert end().status_code == 302
    assert there.get("/account/security").status_code == 302
    sub = sub_of(provider)
    assert rows(running)[-1] == [f"user:{sub}", what, sub, "", sub]
