"""Credentials of another provider: `client import` and `token import`, and a request signed with what was issued there."""

import getpass
import json
import os
import resource
import sqlite3
import subprocess
import time
from pathlib import Path

import pytest
from authlib.common.security import generate_token
from cryptography.hazmat.primitives.asymmetric import rsa

from harness.provider import API, PASSWORD, ROOT, Provider, clean_environment, public_pem
from harness.signer import Signer

RELEASE = Path(os.environ.get("COUNTERSIGN_RELEASE_BIN", ROOT / "build/bin"))
DONE, REFUSED, USAGE = 0, 1, 2
BY_ME = f"cli:{getpass.getuser()}"


def lines(*records):
    return "".join((record if isinstance(record, str) else json.dumps(record)) + "\n" for record in records)


def run(provider, what, *records, options=(), code=DONE):
    """The counts that were printed, and what was said."""
    done = provider.command(what, "import", *options, "--format", "json", stdin=lines(*records))
    assert done.code == code, done
    return json.loads(done.out), done.err


def counts(**numbers):
    return {"imported": 0, "skipped": 0, "refused": 0, "users_created": 0, "dry_run": False, **numbers}


def authlib_client(**more):
    """Identifiers and secrets as Authlib's users make them."""
    return {"client_id": generate_token(48), "client_secret": generate_token(48), "scope": "photos:read photos:write", **more}


def authlib_token(client, username="kim", **more):
    return {"oauth_token": generate_token(42), "oauth_token_secret": generate_token(48), "client_id": client["client_id"],
            "username": username, **more}


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """A provider of our own, not started."""
    return Provider(tmp_path_factory.mktemp("shop"))


@pytest.fixture(scope="module")
def printer(shop):
    client = authlib_client()
    run(shop, "client", client)
    return client


def signer_of(client, token):
    return Signer(client["client_id"], client["client_secret"], token["oauth_token"], token["oauth_token_secret"])


def ask(provider, key, signer):
    return provider.introspect(key, signer.sign("GET", API + "/photos")).json()


# ---- what was issued elsewhere goes on working


def test_a_request_signed_with_credentials_of_authlib_verifies(provider, key):
    client = authlib_client(name="Printer", default_callback="https://printer.example/ready")
    token = authlib_token(client, scope="photos:read", created_at=1500000000)
    assert run(provider, "client", client)[0] == counts(imported=1)
    assert run(provider, "token", token)[0] == counts(imported=1, users_created=1)
    answer = ask(provider, key, signer_of(client, token))
    assert answer["active"] and answer["client_id"] == client["client_id"], answer
    assert (answer["username"], answer["scope"], answer["iat"]) == ("kim", "photos:read", 1500000000)
    assert "exp" not in answer


def test_a_running_service_that_refused_the_token_before_takes_it_then(provider, key):
    client = authlib_client()
    token = authlib_token(client)
    assert not ask(provider, key, signer_of(client, token))["active"]
    run(provider, "client", client)
    run(provider, "token", token)
    deadline = time.monotonic() + 40  # OAUTH1_CACHE_TTL and then some
    while not ask(provider, key, signer_of(client, token))["active"]:
        assert time.monotonic() < deadline
        time.sleep(0.2)


def test_an_rsa_client_verifies(provider, key):
    private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    client = {"client_id": generate_token(24), "rsa_public_key": public_pem(private), "scope": "photos:read", "two_legged": True}
    assert run(provider, "client", client)[0] == counts(imported=1)
    assert run(provider, "client", client)[0] == counts(skipped=1)
    assert ask(provider, key, Signer(client["client_id"], rsa_key=private, signature_method="RSA-SHA1"))["active"]


def test_text_of_255_bytes_is_kept(provider, key):
    client = authlib_client(client_id="ä" * 127 + "c", client_secret="&=%" * 85)
    token = {**authlib_token(client), "oauth_token": "é" * 127 + "t", "oauth_token_secret": ""}
    run(provider, "client", client)
    run(provider, "token", token)
    assert ask(provider, key, signer_of(client, token))["active"]


def test_a_token_ends_when_the_line_says_so(shop, printer):
    expires = int(time.time()) + 1000
    token = authlib_token(printer, username="ends", created_at=1500000000, expires_at=expires)
    run(shop, "token", token)
    (listed,) = shop.expect("token", "list", "--sub", "ends")
    assert (listed["created_at"], listed["expires_at"]) == (1500000000, expires)


def test_a_client_keeps_all_that_the_line_says(shop):
    client = {"client_id": "full", "client_secret": "s", "name": "Full", "website": "https://a.example/",
              "description": "d", "logo": "https://a.example/l.png", "owner": "7", "callbacks": ["https://a.example/cb/*"],
              "default_callback": "http://b.example/", "signature_methods": ["HMAC-SHA1"], "scope": "a b",
              "default_scope": "a", "two_legged": True, "verified": True, "trusted": True, "body_hash_required": True,
              "http_callbacks": True, "contact": "ops@a.example"}
    run(shop, "client", client)
    shown = shop.expect("client", "get", "full")
    del client["client_secret"]
    assert {name: shown.get(name) for name in client} == client


def test_a_scope_left_out_is_the_clients_default(shop):
    client = authlib_client(scope="a b c", default_scope="a b")
    run(shop, "client", client)
    run(shop, "token", authlib_token(client, username="dora"))
    assert shop.expect("token", "list", "--sub", "dora")[0]["scope"] == "a b"


# ---- users


def test_users_are_found_or_made(shop, printer):
    first = authlib_token(printer, username="lee", sub="site-1")
    assert run(shop, "token", first, authlib_token(printer, username="lee"), authlib_token(printer, username=None, sub="site-1"),
               authlib_token(printer, username=None, sub="site-2"),
               authlib_token(printer, username="lee"))[0] == counts(imported=5, users_created=3)
    users = {user["sub"]: (user["username"], user["source"]) for user in shop.expect("user", "list")}
    assert users["site-1"] == ("lee", "site") and users["site-2"] == ("site-2", "site")
    (local,) = [sub for sub, user in users.items() if user == ("lee", "here")]
    assert local.startswith("local-")


def test_a_sub_of_another_provider_never_meets_an_account_made_here(shop, printer):
    run(shop, "token", authlib_token(printer, username="ann"))
    (ann,) = [user for user in shop.expect("user", "list") if user["username"] == "ann"]
    number = ann["sub"].removeprefix("local-")
    with sqlite3.connect(shop.database) as database:  # as an earlier version numbered it
        database.execute("UPDATE users SET subject = ? WHERE subject = ?", (number, ann["sub"]))
    counted, said = run(shop, "token", authlib_token(printer, username=None, sub=number),
                        authlib_token(printer, username="ann", sub=number),
                        authlib_token(printer, username="eve", sub="local-4711"), code=REFUSED)
    assert counted == counts(refused=3)
    assert f"line 1: sub {number} is that of ann, an account made here" in said
    assert f"line 2: sub {number} is that of ann, an account made here" in said
    assert "line 3: there is no account with sub local-4711, and no site may use it" in said
    assert shop.command("user", "set-local-subject", "ann").code == DONE
    assert run(shop, "token", authlib_token(printer, username="eve", sub=number),
               authlib_token(printer, username="ann", sub=ann["sub"]))[0] == counts(imported=2, users_created=1)
    (now,) = [user for user in shop.expect("user", "list") if user["username"] == "ann"]
    assert now == {**ann, "sub": ann["sub"]}


def test_a_user_of_another_name_is_not_mistaken(shop, printer):
    run(shop, "token", authlib_token(printer, username="max", sub="10"))
    counted, said = run(shop, "token", authlib_token(printer, username="moritz", sub="10"),
                        authlib_token(printer, username="max", sub="11"), code=REFUSED)
    assert counted == counts(refused=1, imported=1, users_created=1)
    assert "line 1: the user with sub 10 is called max here" in said
    assert [user["sub"] for user in shop.expect("user", "list") if user["username"] == "max"] == ["10", "11"]


def test_a_user_is_deleted_by_name_or_by_sub(shop, printer):
    run(shop, "token", authlib_token(printer, username="gone", sub="site-gone"), authlib_token(printer, username="gone"))
    assert shop.command("user", "delete").code == USAGE
    assert shop.command("user", "delete", "gone", "--sub", "site-gone").code == USAGE
    assert shop.command("user", "delete", "gone").code == DONE
    assert [user["sub"] for user in shop.expect("user", "list") if user["username"] == "gone"] == ["site-gone"]
    assert shop.command("user", "set-password", "gone", "--password-file", os.devnull).code != DONE
    assert shop.command("user", "delete", "--sub", "site-gone").code == DONE
    assert shop.command("user", "delete", "--sub", "site-gone").code == REFUSED


def test_a_user_who_was_made_has_no_password(shop, printer):
    run(shop, "token", authlib_token(printer, username="mute"))
    password = shop.directory / "password"
    password.write_text(f"{PASSWORD}\n")
    assert shop.command("user", "set-password", "mute", "--password-file", password).code == DONE


# ---- again, and on trial


def test_a_run_can_be_repeated(shop):
    client = authlib_client()
    tokens = [authlib_token(client, username=f"again{i}") for i in range(3)]
    run(shop, "client", client)
    assert run(shop, "token", *tokens[:2])[0] == counts(imported=2, users_created=2)
    assert run(shop, "token", *tokens)[0] == counts(imported=1, skipped=2, users_created=1)
    assert run(shop, "client", client)[0] == counts(skipped=1)


def test_what_was_revoked_is_not_brought_back(shop):
    client = authlib_client()
    token = authlib_token(client)
    run(shop, "client", client)
    run(shop, "token", token)
    shop.expect("token", "list", "--client", client["client_id"])
    assert shop.command("token", "revoke", "--client", client["client_id"]).code == DONE
    assert run(shop, "token", token)[0] == counts(skipped=1)
    assert shop.expect("token", "list", "--client", client["client_id"])[0]["revoked_at"]


def test_a_dry_run_judges_and_changes_nothing(shop):
    client = authlib_client()
    assert run(shop, "client", client, options=["--dry-run"])[0] == counts(imported=1, dry_run=True)
    assert shop.command("client", "get", client["client_id"]).code == REFUSED
    run(shop, "client", client)
    token = authlib_token(client, username="dry")
    counted, said = run(shop, "token", token, token, "{}", options=["--dry-run"], code=REFUSED)
    assert counted == counts(imported=1, skipped=1, refused=1, users_created=1, dry_run=True)
    assert "line 3: oauth_token" in said
    assert shop.expect("token", "list", "--client", client["client_id"]) == []
    assert "dry" not in [user["username"] for user in shop.expect("user", "list")]


def test_more_lines_than_a_batch_holds(shop):
    client = authlib_client()
    run(shop, "client", client)
    tokens = [authlib_token(client, username=f"user{i % 7}") for i in range(1203)]
    records = tokens[:600] + ["", "no JSON"] + tokens[600:]
    counted, said = run(shop, "token", *records, code=REFUSED)
    assert counted == counts(imported=1203, refused=1, users_created=7)
    assert said.startswith("token import: line 602: ")


def test_a_file_may_be_named(shop):
    path = shop.directory / "clients.ndjson"
    path.write_text(lines(authlib_client()).rstrip("\n"))  # a last line without its end counts
    assert shop.expect("client", "import", path) == counts(imported=1)
    missing = shop.command("client", "import", "nowhere.ndjson")
    assert missing.code == USAGE and "No such file" in missing.err


def test_each_import_is_in_the_audit_log(shop):
    client = authlib_client()
    run(shop, "client", client)
    run(shop, "token", authlib_token(client, username="audited"))
    jti = shop.expect("token", "list", "--sub", "audited")[0]["jti"]
    with sqlite3.connect(shop.database) as database:
        rows = database.execute("SELECT who, what, subject FROM audit").fetchall()
    assert (BY_ME, "client.import", client["client_id"]) in rows and (BY_ME, "token.import", jti) in rows


# ---- lines that are refused, each by its number, and the rest imported


@pytest.mark.parametrize(
    "line, why",
    [
        ("{", "JSON"),
        ("[]", "must be an object"),
        ('{"client_id": "a", "client_id": "a", "client_secret": "s"}', "client_id"),
        ({"client_secret": "s"}, "client_id"),
        ({"client_id": "", "client_secret": "s"}, "1 to 255 bytes"),
        ({"client_id": "i" * 256, "client_secret": "s"}, "1 to 255 bytes"),
        ({"client_id": "a\nb", "client_secret": "s"}, "without control characters"),
        ({"client_id": "a\x1b[2J", "client_secret": "s"}, "without control characters"),
        ({"client_id": "a\x85", "client_secret": "s"}, "without control characters"),
        ({"client_id": "a"}, "client_secret or rsa_public_key is needed"),
        ({"client_id": "a", "client_secret": ""}, "client_secret must have 1 to 512 bytes"),
        ({"client_id": "a", "client_secret": "s" * 513}, "client_secret must have 1 to 512 bytes"),
        ({"client_id": "a", "client_secret": 7}, "client_secret must be a string"),
        ({"client_id": "a", "client_secret": "s", "secret": "x"}, "unknown member"),
        ({"client_id": "a", "rsa_public_key": "PEM"}, "rsa_public_key"),
        ({"client_id": "a", "client_secret": "s", "callbacks": ["javascript:x"]}, "callback javascript:x: "),
        ({"client_id": "a", "client_secret": "s", "callbacks": ["https://a.example/"] * 65}, "64 items"),
        ({"client_id": "a", "client_secret": "s", "default_callback": "http://a.example/"}, "must be https"),
        ({"client_id": "a", "client_secret": "s", "signature_methods": ["HMAC-MD5"]}, "no such signature method"),
        ({"client_id": "a", "client_secret": "s", "scope": 'a"b'}, "a scope is"),
        ({"client_id": "a", "client_secret": "s", "default_scope": "b"}, "among what --scope allows"),
        ({"client_id": "a", "client_secret": "s", "description": "d" * 66000}, "longer than"),
        ({"client_id": "a", "client_secret": "s", "contact": "c" * 3000}, "contact: it has 3000 bytes, and 1024 are the most"),
        ({"client_id": "a", "client_secret": "s", "scope": "s" * 8193}, "scope: it has 8193 bytes, and 8192 are the most"),
    ],
)
def test_a_bad_client_is_named_by_its_line(shop, line, why):
    good = authlib_client()
    counted, said = run(shop, "client", good, line, code=REFUSED)
    assert counted == counts(imported=1, refused=1)
    assert said.startswith("client import: line 2: ") and why in said, said


def test_a_line_of_400_mb_is_refused_and_takes_no_memory(shop):
    """The release, in 160 MB of addresses: what reads the line whole cannot."""
    good = [json.dumps(authlib_client()).encode() + b"\n" for _ in range(2)]
    done = subprocess.Popen(
        [RELEASE / "auth-service", "client", "import", "--format", "json"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, cwd=shop.directory, env=clean_environment(shop.variables),
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (160 << 20, 160 << 20)))
    piece = b"x" * (1 << 20)
    try:
        done.stdin.writelines([good[0], *(piece for _ in range(400)), b"\n", good[1]])
        done.stdin.close()
    except BrokenPipeError:
        pass
    said, out = done.stderr.read().decode(), done.stdout.read()
    assert done.wait(20) == REFUSED and json.loads(out) == counts(imported=2, refused=1), (said, out)
    assert said.startswith("client import: line 2: it is longer than 65536 bytes; write one JSON object a line"), said


def test_a_line_of_the_longest_length_is_taken(shop):
    text = json.dumps(authlib_client())
    line = text[:-1] + " " * (65536 - len(text)) + "}"
    assert run(shop, "client", line)[0] == counts(imported=1)
    assert "longer than" in run(shop, "client", " " + line, code=REFUSED)[1]


def test_another_clients_identifier_is_refused(shop, printer):
    counted, said = run(shop, "client", {**printer, "client_secret": "another"}, code=REFUSED)
    assert counted == counts(refused=1) and "exists already, with another secret" in said
    assert printer["client_secret"] not in said


TOKEN = {"oauth_token": "t", "oauth_token_secret": "s", "username": "u"}


@pytest.mark.parametrize(
    "changed, why",
    [
        ({"oauth_token": None}, "oauth_token"),
        ({"oauth_token": ""}, "oauth_token must have 1 to 255 bytes"),
        ({"oauth_token": "t" * 256}, "oauth_token must have 1 to 255 bytes"),
        ({"oauth_token": "t\n"}, "without control characters"),
        ({"username": "u\r\nX-Admin: 1"}, "without control characters"),
        ({"sub": "\x7f"}, "without control characters"),
        ({"client_id": "nobody\x1b[2J"}, "without control characters"),
        ({"oauth_token_secret": "s" * 513}, "oauth_token_secret may have 512 bytes"),
        ({"oauth_token_secret": None}, "oauth_token_secret"),
        ({"username": None}, "sub or username is needed"),
        ({"username": ""}, "1 to 255 bytes"),
        ({"sub": "s" * 256}, "1 to 255 bytes"),
        ({"client_id": "nobody"}, "there is no client nobody: import the clients first"),
        ({"scope": "photos:delete"}, "scope is more than client"),
        ({"scope": 'a"b'}, "scope is printable ASCII"),
        ({"scope": "photos:read " * 700}, "scope: it has 8400 bytes, and 8192 are the most"),
        ({"created_at": 4000000000}, "created_at must be a time in the past"),
        ({"created_at": -1}, "created_at"),
        ({"expires_at": 1500000000}, "expires_at must be a time to come"),
        ({"created_at": "2020"}, "created_at must be"),
    ],
)
def test_a_bad_token_is_named_by_its_line(shop, printer, changed, why):
    good = authlib_token(printer)
    record = {"client_id": printer["client_id"], **TOKEN, **changed}
    counted, said = run(shop, "token", good, record, code=REFUSED)
    assert (counted["imported"], counted["refused"]) == (1, 1)
    assert said.startswith("token import: line 2: ") and why in said, said


@pytest.mark.parametrize("changed", [{"oauth_token_secret": "another"}, {"username": "another"}])
def test_another_token_of_the_same_text_is_refused(shop, printer, changed):
    token = authlib_token(printer)
    run(shop, "token", token)
    counted, said = run(shop, "token", {**token, **changed}, code=REFUSED)
    assert counted == counts(refused=1) and "exists already" in said
    assert token["oauth_token"] not in said and token["oauth_token_secret"] not in said


def test_a_disabled_client_gets_no_tokens(shop):
    client = authlib_client()
    run(shop, "client", client)
    assert shop.command("client", "disable", client["client_id"]).code == DONE
    counted, said = run(shop, "token", authlib_token(client, username="late"), code=REFUSED)
    assert counted == counts(refused=1) and "is disabled" in said
    assert "late" not in [user["username"] for user in shop.expect("user", "list")]
