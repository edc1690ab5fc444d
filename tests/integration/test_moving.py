"""Accounts of another system with their passwords, imports that are cut and go on, and exports that are imports."""

import getpass
import json
import os
import sqlite3
import stat
import time

import pytest
from django.conf import settings

if not settings.configured:
    settings.configure()
from django.contrib.auth import hashers

from harness.moving import import_killed_half_way
from harness.owner import Owner, Page
from harness.provider import API, Provider
from harness.signer import Signer
from test_import import DONE, REFUSED, USAGE, authlib_client, authlib_token, counts, lines, run

PASSWORD = "granite otter lamp"
BCRYPT = "$2y$05$gFcRHGsrH9xsVZdgvmVKFu92U1gVVZA/0Z8Pqf.ywSAzsprTeny6."  # "correct horse é", by PHP's password_hash


def django_hash(password=PASSWORD, rounds=2000):
    return hashers.PBKDF2PasswordHasher().encode(password, "seasalt", rounds)


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    return Provider(tmp_path_factory.mktemp("shop"))


@pytest.fixture
def fresh(tmp_path):
    return Provider(tmp_path)


def users_of(provider):
    return {user["username"]: user for user in provider.expect("user", "list")}


def stored_hash(provider, username):
    with sqlite3.connect(provider.database) as database:
        return database.execute("SELECT password_hash FROM users WHERE username = ?", (username,)).fetchone()[0]


def tokens_in(path):
    with sqlite3.connect(path) as database:
        return database.execute("SELECT COUNT(*) FROM tokens").fetchone()[0]


# ---- user import


def test_accounts_come_with_what_the_line_says(shop):
    assert run(shop, "user", {"username": "jane", "email": "jane@example.com", "password_hash": django_hash(),
                              "created_at": 1500000000},
               {"username": "site's", "sub": "42"}, {"username": "off", "disabled": True})[0] == counts(imported=3)
    users = users_of(shop)
    assert (users["jane"]["email"], users["jane"]["created_at"], users["jane"]["source"]) == \
        ("jane@example.com", 1500000000, "here")
    assert (users["site's"]["sub"], users["site's"]["source"]) == ("42", "site")
    assert users["off"]["disabled"] and not users["jane"]["disabled"]
    with sqlite3.connect(shop.database) as database:
        assert (f"cli:{getpass.getuser()}", "user.import", "jane") in database.execute("SELECT who, what, subject FROM audit").fetchall()


def test_a_run_can_be_repeated_and_brings_passwords_that_changed_there_meanwhile(shop):
    first, second = django_hash("the first one"), django_hash("the second one")
    assert run(shop, "user", {"username": "rita", "password_hash": first})[0] == counts(imported=1)
    assert run(shop, "user", {"username": "rita", "password_hash": first})[0] == counts(skipped=1)
    assert run(shop, "user", {"username": "rita", "password_hash": second})[0] == counts(imported=1)
    assert stored_hash(shop, "rita") == second
    password = shop.directory / "ritas"
    password.write_text(PASSWORD)
    assert shop.command("user", "set-password", "rita", "--password-file", password).code == DONE
    assert run(shop, "user", {"username": "rita", "password_hash": first})[0] == counts(skipped=1)
    assert stored_hash(shop, "rita").startswith("$y$")  # what was set here stays


def test_a_token_finds_the_account_that_came_before(shop):
    client = authlib_client()
    run(shop, "client", client)
    run(shop, "user", {"username": "nora", "password_hash": django_hash()})
    assert run(shop, "token", authlib_token(client, username="nora"))[0] == counts(imported=1)
    assert [token["sub"] for token in shop.expect("token", "list", "--client", client["client_id"])] == \
        [users_of(shop)["nora"]["sub"]]


@pytest.mark.parametrize(
    "changed, why",
    [
        ({"username": None}, "username"),
        ({"username": ""}, "username must have 1 to 255 bytes"),
        ({"username": "u\n"}, "without control characters"),
        ({"username": "a@b.example"}, "username has an '@'"),
        ({"sub": ""}, "sub must have 1 to 255 bytes"),
        ({"sub": "LOCAL-7"}, "not begin as those of accounts made here"),
        ({"sub": "s7", "password_hash": BCRYPT}, "leave out password_hash, or sub"),
        ({"email": "e" * 255}, "email may have 254 bytes"),
        ({"created_at": 4000000000}, "created_at must be a time in the past"),
        ({"password_hash": "5f4dcc3b5aa765d61d8327deb882cf99"}, "password_hash: it is none of Django's"),
        ({"password_hash": django_hash(rounds=1).replace("$1$", "$2000001$")}, "PBKDF2 may have 2 000 000 rounds"),
        ({"password_hash": BCRYPT.replace("$05$", "$13$")}, "bcrypt's cost must be 4 to 12"),
        ({"password_hash": "argon2$argon2id$v=19$m=102400,t=2,p=8$c29tZXNhbHRzb21lc2FsdA$Ous7SpTL8afLkzkXbL5uLw"},
         "Argon2 may take 64 MB"),
        ({"is_staff": True}, "unknown member"),
    ],
)
def test_a_bad_user_is_named_by_its_line_and_the_reason_never_shows_the_hash(shop, changed, why):
    record = {"username": "bad", **changed}
    counted, said = run(shop, "user", record, code=REFUSED)
    assert counted == counts(refused=1)
    assert said.startswith("user import: line 1: ") and why in said, said
    assert not record.get("password_hash") or record["password_hash"] not in said


def test_names_that_differ_by_case_alone_and_other_peoples_subs_are_refused(shop):
    run(shop, "user", {"username": "Carl"}, {"username": "x", "sub": "77"})
    counted, said = run(shop, "user", {"username": "carl"}, {"username": "y", "sub": "77"},
                        {"username": "Carl", "sub": "local-4711"}, code=REFUSED)
    assert counted == counts(refused=3)
    assert "line 1: there is an account here already whose name differs" in said
    assert "line 2: the user with sub 77 is called x here" in said
    assert "line 3: there is an account Carl here already, with another sub" in said


# ---- at length


def test_what_was_refused_is_in_the_report(shop):
    report = shop.directory / "refused.ndjson"
    counted, said = run(shop, "user", "no JSON", {"username": "fine"}, {"username": ""}, options=["--report", report],
                        code=REFUSED)
    assert counted == counts(imported=1, refused=2) and said == ""
    assert [json.loads(line)["line"] for line in report.read_text().splitlines()] == [1, 3]
    assert "username must have" in json.loads(report.read_text().splitlines()[1])["why"]
    assert stat.S_IMODE(report.stat().st_mode) == 0o600
    assert shop.command("user", "import", "--report", shop.directory / "no/where", stdin="").code == USAGE


def test_a_run_begins_where_the_last_one_got_to(shop):
    records = [{"username": f"from{i}"} for i in range(5)]
    assert run(shop, "user", *records, options=["--from-line", "4"])[0] == counts(imported=2)
    assert "from2" not in users_of(shop) and "from3" in users_of(shop)
    for wrong in ("0", "-1", "x", ""):
        assert shop.command("user", "import", "--from-line", wrong, stdin="").code == USAGE


def test_an_import_that_was_killed_and_is_run_again_loses_nothing_and_writes_nothing_twice(fresh):
    """tests/long does the same with a million, on MariaDB too."""
    import_killed_half_way(fresh, 20000, lambda: tokens_in(fresh.database))


# ---- export


def export(provider, what, *options):
    done = provider.command(what, "export", *options)
    assert done.code == DONE, done
    return done


def test_without_secrets_an_export_shows_none(shop):
    client = authlib_client(name="Shown")
    token = authlib_token(client)
    run(shop, "client", client)
    run(shop, "token", token)
    run(shop, "user", {"username": "hashed", "password_hash": BCRYPT})
    said = "".join(export(shop, what).out for what in ("client", "user", "token"))
    assert client["client_id"] in said and "hashed" in said
    for secret in (client["client_secret"], token["oauth_token"], token["oauth_token_secret"], BCRYPT):
        assert secret not in said


def test_secrets_go_to_a_new_file_that_the_owner_alone_reads_and_the_audit_log_says_so(shop):
    path = shop.directory / "with secrets.ndjson"
    for wrong in ([], ["-"]):
        refused = shop.command("client", "export", "--secrets", *wrong)
        assert refused.code == USAGE and "name a FILE" in refused.err
    old = os.umask(0)
    try:
        export(shop, "client", "--secrets", path)
    finally:
        os.umask(old)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    again = shop.command("client", "export", "--secrets", path)
    assert again.code == USAGE and "it exists already" in again.err
    link = shop.directory / "link"
    link.symlink_to(shop.directory / "elsewhere")
    assert shop.command("client", "export", "--secrets", link).code == USAGE
    with sqlite3.connect(shop.database) as database:
        rows = database.execute("SELECT who, what, subject FROM audit WHERE what = 'client.export'").fetchall()
    assert rows == [(f"cli:{getpass.getuser()}", "client.export", str(path))]


@pytest.fixture
def moved(fresh, tmp_path_factory):
    """A provider with a client of each sort, and an empty one that took its exports over."""
    full = {"client_id": "full", "client_secret": "s&=%", "name": "Full ä", "website": "https://a.example/",
            "callbacks": ["https://a.example/cb/*", "https://b.example/x"], "default_callback": "https://b.example/x",
            "signature_methods": ["HMAC-SHA1", "HMAC-SHA256"], "scope": "a b", "default_scope": "a", "two_legged": True,
            "verified": True, "contact": "ops@a.example", "optional_scopes": True}
    bare = {"client_id": "bare", "client_secret": "b", "scope": "a", "default_scope": ""}
    off = {"client_id": "off", "client_secret": "o", "disabled": True}
    waits = {"client_id": "waits", "client_secret": "w", "approval": "pending"}
    run(fresh, "client", full, bare, off, waits)
    run(fresh, "user", {"username": "gap"}, {"username": "jane", "email": "J@x.example", "password_hash": BCRYPT},
        {"username": "site's", "sub": "42"}, {"username": "shut", "disabled": True})
    assert fresh.command("user", "delete", "gap").code == DONE  # so that numbers differ there
    tokens = [authlib_token(full, username="jane", scope="a"), authlib_token(full, username="site's", sub="42"),
              authlib_token(bare, username="jane", expires_at=int(time.time()) + 1000), authlib_token(full, username="dead")]
    run(fresh, "token", *tokens)
    assert fresh.command("token", "revoke", "--sub", "dead").code == DONE
    other = Provider(tmp_path_factory.mktemp("other"))
    for what, count in (("client", 4), ("user", 4), ("token", 3)):
        path = fresh.directory / f"{what}s.ndjson"
        export(fresh, what, "--secrets", path)
        done = other.command(what, "import", "--format", "json", path)
        assert json.loads(done.out) == counts(imported=count), done
    return fresh, other, tokens


def members(path):
    """Of each line, whose callbacks have no order."""
    found = [json.loads(line) for line in path.read_text().splitlines()]
    return sorted(({**line, "callbacks": sorted(line.get("callbacks", []))} for line in found), key=json.dumps)


def test_an_export_imported_elsewhere_says_the_same_there(moved):
    here, there, _tokens = moved
    for what in ("client", "user", "token"):
        path = there.directory / f"{what}s.ndjson"
        export(there, what, "--secrets", path)
        written = here.directory / f"{what}s.ndjson"
        assert members(path) == members(written) != []
        assert run(there, what, *written.read_text().splitlines())[0] == counts(skipped=len(members(written)))


def test_the_same_clients_go_on_where_an_export_was_imported(moved):
    here, there, tokens = moved
    there.start()
    try:
        key = there.create_resource_server("--origin", API, name="there")
        for client, secret, token, active in (("full", "s&=%", tokens[0], True), ("full", "s&=%", tokens[1], True),
                                              ("bare", "b", tokens[2], True), ("full", "s&=%", tokens[3], False)):
            signer = Signer(client, secret, token["oauth_token"], token["oauth_token_secret"])
            answer = there.introspect(key, signer.sign("GET", API + "/photos")).json()
            assert answer["active"] is active, answer
            if active:
                subs = {token["username"]: token["sub"] for token in here.expect("token", "list")}
                assert answer["sub"] == subs[token["username"]]
    finally:
        there.stop()


# ---- logging in


@pytest.mark.parametrize("password_hash, password", [(django_hash(), PASSWORD), (BCRYPT, "correct horse é")])
def test_who_was_imported_logs_in_with_the_old_password_which_is_then_hashed_as_ours_are(provider, password_hash, password):
    username = "moved" + password_hash[:6]
    assert run(provider, "user", {"username": username, "password_hash": password_hash})[0] == counts(imported=1)
    for _ in range(2):
        owner = Owner(provider, username, password)
        page = Page(owner.get("/login"))
        answer = owner.submit(page, page.form_with("password"), username=username, password=password)
        assert answer.status_code == 302, answer.text
        assert stored_hash(provider, username).startswith("$y$")
    page = Page(owner.get("/login"))
    assert owner.submit(page, page.form_with("password"), username=username, password="wrong").status_code == 403


def test_a_wrong_password_takes_one_time_for_each_kind_of_hash_and_for_nobody(fresh):
    """A 2 000-round hash takes 1 ms, one of 200 000 a hundred.

    The time is longer while the machine is busy, so the names are compared within one round of them all."""
    run(fresh, "user", {"username": "dear", "password_hash": django_hash(rounds=200000)},
        {"username": "cheap", "password_hash": django_hash()}, {"username": "bcrypt", "password_hash": BCRYPT},
        {"username": "phpass", "password_hash": "$P$BmI7QRQMP6quq1PSDgGWtV94hJiP1u0"}, {"username": "none"})
    names = ("dear", "cheap", "bcrypt", "phpass", "none", "nobody")
    fresh.auth.variables.update({f"OAUTH1_RATE_LIMIT_LOGIN_{what}": "1000" for what in ("ACCOUNT", "PAIR", "ADDRESS")})
    fresh.auth.start()
    rounds = []
    try:
        for _ in range(10):
            rounds.append({name: seconds_of_wrong(fresh, name) for name in names})
            if len(rounds) > 2 and max(rounds[-1].values()) < 1.4 * min(rounds[-1].values()):  # the first measures
                return
    finally:
        fresh.auth.stop()
    raise AssertionError(f"no round of ten in which all took the same time: {rounds}")


def seconds_of_wrong(provider, username):
    owner = Owner(provider, username, "wrong")
    page = Page(owner.get("/login"))
    begun = time.monotonic()
    assert owner.submit(page, page.form_with("password"), username=username, password="wrong").status_code == 403
    return time.monotonic() - begun
