"""The commands: what they print, what they refuse, and how they end (0 done, 1 refused or not found, 2 usage,
3 a store is down)."""

import base64
import getpass
import hashlib
import json
import shlex
import sqlite3
import subprocess
import time

import pytest
import requests
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicNumbers
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from harness.fleet import SECRETS_KEYS
from harness.provider import API, BIN, PASSWORD, SANITIZER_WORDS, Provider, clean_environment
from harness.signer import FORM, Signer, authorization, base_string, decode_pairs

DONE, REFUSED, USAGE, STORE = 0, 1, 2, 3
BY_ME = f"cli:{getpass.getuser()}"


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """A provider of our own, not started: commands need no running service."""
    made = Provider(tmp_path_factory.mktemp("shop"))
    made.create_user("ann", PASSWORD)
    made.create_client("--id", "printer", "--scope", "photos:read", "--scope", "photos:write")
    assert made.command("resource-server", "create", "--name", "taken").code == DONE
    for name, text in (("empty", ""), ("long", "s" * 513), ("text", "no key\n")):
        (made.directory / name).write_text(text)
    return made


# ---- how they end, and what they say


@pytest.mark.parametrize(
    "code, said, words",
    [
        (DONE, "", "--help"),
        (DONE, "", "client create --help"),
        (USAGE, "", ""),
        (USAGE, 'did you mean "client create"', "client craete"),
        (USAGE, "--name NAME is needed", "client create"),
        (USAGE, "did you mean --callback", "client create --name x --calback y"),
        (USAGE, "--name needs a value", "client create --name"),
        (USAGE, "it must not be empty", "client create --name ''"),
        (USAGE, "given twice", "client create --name x --name y"),
        (USAGE, "--format must be", "client list --format xml"),
        (USAGE, "javascript", "client create --name x --callback javascript:alert(1)"),
        (USAGE, "fragment", "client create --name x --callback https://a.example/#x"),
        (USAGE, "must be https", "client create --name x --callback http://a.example/cb"),
        (DONE, "", "client create --name x --callback http://a.example/cb --http-callbacks"),
        (DONE, "", "client create --name x --callback app.example:/cb"),
        (USAGE, "leave it out", "client create --name x --callback oob"),
        (USAGE, "no such signature method", "client create --name x --signature-method HMAC-MD5"),
        (USAGE, "a scope is", "client create --name x --scope 'a\"b'"),
        (USAGE, "among what --scope allows", "client create --name x --scope a --default-scope b"),
        (USAGE, "https URL", "client create --name x --logo http://a.example/logo.png"),
        (USAGE, "http or https URL", "client create --name x --website example.com"),
        (USAGE, "No such file", "client create --name x --secret-file nowhere"),
        (USAGE, "it is empty", "client create --name x --secret-file empty"),
        (USAGE, "--rsa-public-key text", "client create --name x --rsa-public-key text"),
        (USAGE, "1 to 255 bytes", "client create --name x --id " + "i" * 256),
        (REFUSED, "client printer", "client create --name x --id printer"),
        (DONE, "", "client get printer"),
        (REFUSED, "client nobody", "client get nobody"),
        (USAGE, "needs ID", "client get"),
        (USAGE, "unexpected argument", "client get a b"),
        (REFUSED, "client nobody", "client update nobody --name x"),
        (USAGE, "opposite", "client update printer --trusted --no-trusted"),
        (USAGE, "a comma does not separate scopes: repeat", "client create --name x --scope photos:read,photos:write"),
        (USAGE, "a comma does not separate scopes", "client update printer --default-scope photos:read,photos:write"),
        (USAGE, "never sign", "client update printer --signature-method RSA-SHA256"),
        (USAGE, "no valid host", "client create --name x --callback https://*/x"),
        (USAGE, "no valid host", "client create --name x --callback 'https://a;sandbox/x'"),
        (USAGE, "no valid host", "client create --name x --default-callback https://*.example/x"),
        (USAGE, "as in https://app.example/cb/*", "client create --name x --callback 'https://a.example/cb*'"),
        (USAGE, "as in https://app.example/cb/*", "client update printer --callback 'https://a.example/*/cb'"),
        (DONE, "", "client create --name x --callback 'https://a.example/cb/*'"),
        (REFUSED, "client nobody", "client delete nobody"),
        (REFUSED, "client nobody", "client disable nobody"),
        (REFUSED, "client nobody", "client rotate-secret nobody"),
        (USAGE, "--overlap", "client rotate-secret printer --overlap soon"),
        (USAGE, "--password-file FILE is needed", "user create --username bob"),
        (USAGE, "fewer than 15 characters", "user create --username bob --password-file empty"),
        (USAGE, "a user name has no '@'", "user create --username bob@example.com --password-file text"),
        (USAGE, "--email: it is NAME@HOST", "user create --username bob --email bob --password-file text"),
        (USAGE, "--email: it is NAME@HOST", "user create --username bob --email 'a b@example.com' --password-file text"),
        (USAGE, "--email: it is NAME@HOST", "user create --username bob --email a@b@c --password-file text"),
        (REFUSED, "differs by upper and lower case", "user create --username ANN --password-file text"),
        (USAGE, "--contact: it has 3000 bytes, and 1024 are the most", f"client create --name x --contact {'c' * 3000}"),
        (USAGE, "--contact: it has 1025 bytes, and 1024 are the most", f"client update printer --contact {'é' * 512}x"),
        (USAGE, "--secret-file long: it has 513 bytes, and 512 are the most", "client create --name x --secret-file long"),
        (REFUSED, "user bob", "user disable bob"),
        (REFUSED, "user bob", "user enable bob"),
        (REFUSED, "user 42", "user disable --sub 42"),
        (USAGE, "name one user", "user disable"),
        (REFUSED, "user local-1: no account made here has this name; it is a user's sub: give it with --sub", "user disable local-1"),
        (REFUSED, "it is a user's sub: `user list` shows the name", "user set-password local-1 --password-file text"),
        (REFUSED, "user ann: no user has this sub; it is a user name: leave --sub out", "user disable --sub ann"),
        (USAGE, "name one user", "user enable ann --sub 42"),
        (REFUSED, "user ann", "user create --username ann --password-file text"),
        (REFUSED, "user bob", "user delete bob"),
        (REFUSED, "user bob", "user set-password bob --password-file text"),
        (DONE, "without --origin", "resource-server create --name open"),
        (USAGE, "--origin", "resource-server create --name x --origin https://a.example/path"),
        (USAGE, "--tls-san 'a b'", "resource-server create --name x --tls-san 'a b'"),
        (USAGE, "--tls-san ''", "resource-server create --name x --tls-san ''"),
        (USAGE, "write a DNS name", "resource-server create --name x --tls-san IP:192.0.2.1"),
        (USAGE, "write a DNS name", "resource-server create --name x --tls-san DNS:a/b"),
        (USAGE, "FOO:x': write a DNS name (DNS:", "resource-server create --name x --tls-san FOO:x"),
        (USAGE, "a URI (URI:", "resource-server create --name x --tls-san DN:a.internal"),
        (DONE, "", "resource-server create --name spiffe --tls-san spiffe://a.example/photos"),
        (DONE, "", "resource-server create --name urn --tls-san URI:urn:photos"),
        (USAGE, "given twice", "resource-server create --name x --tls-san a.internal --tls-san DNS:A.internal"),
        (REFUSED, "a live one of that name", "resource-server create --name taken"),
        (REFUSED, "resource-server revoke 'taken'", "resource-server create --name taken"),
        (USAGE, "--overlap must be a number of seconds", "resource-server rotate-key taken --overlap x"),
        (REFUSED, "resource server nobody: there is no such resource server", "resource-server rotate-key nobody"),
        (REFUSED, "resource server nobody: there is no such resource server; `resource-server list` shows", "resource-server revoke nobody"),
        (REFUSED, "client nobody: there is no such client; `client list` shows them", "client get nobody"),
        (REFUSED, "user nobody: there is no such user; `user list` shows them", "user delete nobody"),
        (REFUSED, "token tok_none: there is no such token; `token list` shows them", "token revoke tok_none"),
        (USAGE, "--callback foo: it must be an absolute URI", "client create --name x --callback foo"),
        (REFUSED, "client import: /etc cannot be read to its end: Is a directory", "client import /etc"),
        (DONE, "", "token list --client nobody"),
        (REFUSED, "token tok_none", "token revoke tok_none"),
        (REFUSED, "client nobody", "token revoke --client nobody"),
        (REFUSED, "user nobody", "token revoke --sub nobody"),
        (USAGE, "say which", "token revoke"),
        (DONE, "", "migrate status"),
        (DONE, "", "migrate up"),
        (USAGE, "needs METHOD URL", "sign GET"),
        (USAGE, "say who signs", "sign GET https://a.example/"),
        (USAGE, "larger than 16 MB", "sign GET https://a.example/ --client c --rsa-key /dev/zero"),
        (USAGE, "larger than 16 MB", "user create --username z --password-file /dev/zero"),
        (USAGE, "http:// or https://", "sign GET ftp://a.example/ --client c"),
        (USAGE, "no such signature method", "sign GET https://a.example/ --client c --signature-method MD5"),
        (USAGE, "--help lists them", "sign GET https://a.example/ --client c --break luck"),
        (USAGE, "nothing of that kind", "sign GET https://a.example/ --client c --break query"),
        (USAGE, "say who asks", "perform three-legged"),
        (USAGE, "it answers in JSON alone", "explain --format env"),
        (USAGE, "--password-file", "perform three-legged --client c --client-secret s --username u"),
        (USAGE, "--key", "perform three-legged --client c --client-secret s --introspect http://127.0.0.1:1"),
        (REFUSED, "Connection refused", "perform three-legged --client c --client-secret s --url http://127.0.0.1:1 --quiet"),
    ],
)
def test_exit_codes_and_messages(shop, code, said, words):
    outcome = shop.command(*shlex.split(words))
    assert outcome.code == code, outcome
    assert said in outcome.err, outcome
    assert code == DONE or outcome.out == "", outcome


def test_every_command_shows_its_options_and_an_example(shop):
    overview = shop.command("--help").out
    names = [line[2:28].strip() for line in overview.splitlines() if line.startswith("  ") and line[2] != " "]
    wanted = """serve migrate:up,status
        client:create,list,get,update,delete,rotate-secret,disable,enable user:create,list,set-password,delete
        token:list,revoke resource-server:create,list,rotate-key,revoke janitor config:check,print healthcheck sign explain
        perform:three-legged"""
    for noun, _, verbs in (group.partition(":") for group in wanted.split()):
        assert {f"{noun} {verb}".strip() for verb in verbs.split(",")} <= set(names)
    for name in names:
        shown = shop.command(*name.split(), "--help")
        assert shown.code == DONE and f"usage: auth-service {name}" in shown.out and "Example:" in shown.out, name


@pytest.mark.parametrize("binary", ["auth-service", "introspection-service"])
def test_help_of_a_command_lists_its_own_options_and_that_of_serve_the_configuration(shop, binary):
    listed = "--cache-ttl SECONDS, OAUTH1_CACHE_TTL"
    assert listed in shop.command("serve", "--help", binary=binary).out
    for words in (["config", "check"], ["healthcheck"], *([["client", "create"]] if binary == "auth-service" else [])):
        shown = shop.command(*words, "--help", binary=binary).out
        assert listed not in shown and f"`{binary} serve`" in shown and len(shown.splitlines()) < 60, shown


def test_help_promises_no_store_where_there_is_none_and_says_what_an_import_reads(shop):
    assert "a store is down" not in shop.command("sign", "--help").out
    assert "3 a store is down" in shop.command("client", "list", "--help").out
    for noun in ("client", "token"):
        assert "standard input is read" in shop.command(noun, "import", "--help").out


def test_the_configuration_in_development_names_the_file_of_the_sealing_key(shop):
    (row,) = (line for line in shop.command("config", "print").out.splitlines() if line.startswith("OAUTH1_SECRETS_KEYS "))
    assert f"{shop.database}.dev-key" in row, row
    (row,) = (line for line in shop.command("config", "print", OAUTH1_SECRETS_KEYS=SECRETS_KEYS).out.splitlines()
              if line.startswith("OAUTH1_SECRETS_KEYS "))
    assert "***" in row and "dev-key" not in row, row


def test_the_configuration_is_printed_in_each_format(shop):
    assert "OAUTH1_CACHE_TTL" in shop.command("config", "print").out
    assert shop.command("config", "print").out == shop.command("config", "print", "--format", "table").out
    assert json.loads(shop.command("config", "print", "--format", "json").out)["OAUTH1_CACHE_TTL"]["value"] == "30"
    assert "OAUTH1_CACHE_TTL=30\n" in shop.command("config", "print", "--format", "env").out
    assert "\n| `OAUTH1_CACHE_TTL` | `--cache-ttl SECONDS` | `30` |" in shop.command("config", "print", "--format", "markdown").out
    wrong = shop.command("config", "print", "--format", "xml")
    assert wrong.code == USAGE and "markdown" in wrong.err and wrong.out == ""


def test_columns_of_help_are_straight_where_an_option_may_be_repeated(shop):
    options = shop.command("client", "create", "--help").out.partition("Options:\n")[2].partition("\n\n")[0].splitlines()
    short = [row for row in options if len(row[2:].partition("  ")[0]) < 28]
    assert any("…" in row for row in short), options
    assert all(row[30] == " " and row[31] != " " for row in short), options


def test_explain_ends_as_its_help_says_after_a_line_that_is_no_json(shop):
    outcome = shop.command("explain", stdin=json.dumps(described()) + "\nthis is no JSON\n")
    good, bad = map(json.loads, outcome.out.splitlines())
    assert good["valid"] is True and bad["valid"] is False and bad["description"].startswith("line 2: "), bad
    assert outcome.code == DONE and "0 every line was read" in shop.command("explain", "--help").out


@pytest.mark.parametrize("words", ["client list", "user list", "token list", "resource-server list", "migrate status",
                                   "client create --name x"])
def test_a_store_that_cannot_be_opened(shop, words):
    outcome = shop.command(*words.split(), OAUTH1_DATABASE_URL="sqlite:/nonexistent/oauth1.db")
    assert outcome.code == STORE and "/nonexistent/oauth1.db" in outcome.err and outcome.out == ""


def test_a_database_that_another_process_keeps_locked_is_waited_for(shop):
    """A command waits longer than a service would, since nobody's request hangs on it."""
    lock = sqlite3.connect(shop.database, isolation_level=None)
    lock.execute("BEGIN IMMEDIATE")
    waiting = subprocess.Popen(
        [BIN / "auth-service", "client", "create", "--name", "late", "--format", "json"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=clean_environment(shop.variables),
    )
    with pytest.raises(subprocess.TimeoutExpired):
        waiting.wait(1)
    lock.execute("ROLLBACK")
    out, err = waiting.communicate(timeout=10)
    assert waiting.returncode == DONE and json.loads(out)["name"] == "late", err


# ---- clients


def test_a_client_is_shown_whole_and_its_secret_once(shop):
    made = shop.expect(
        *["client", "create", "--name", "Ünïcode", "--website", "https://a.example", "--description", 'says "hi"'],
        *["--logo", "https://a.example/l.png", "--owner", "1", "--default-callback", "https://a.example/default"],
        *["--contact", "Zoë <zoe@a.example>"],
        *["--callback", "https://a.example/cb", "--callback", "https://b.example/cb/*", "--scope", "a b", "--scope", "c"],
        *["--default-scope", "a", "--signature-method", "HMAC-SHA1,HMAC-SHA256", "--signature-method", "RSA-SHA1"],
        *["--two-legged", "--verified", "--trusted", "--body-hash-required"],
    )
    assert len(made["client_id"]) >= 20 and len(made["client_secret"]) >= 32
    assert made["name"] == "Ünïcode" and made["description"] == 'says "hi"' and made["contact"] == "Zoë <zoe@a.example>"
    assert sorted(made["callbacks"]) == ["https://a.example/cb", "https://b.example/cb/*"]
    assert made["signature_methods"] == ["HMAC-SHA1", "HMAC-SHA256", "RSA-SHA1"]
    assert made["scope"] == "a b c" and made["default_scope"] == "a"
    assert made["two_legged"] and made["verified"] and made["trusted"] and made["body_hash_required"]
    shown = shop.expect("client", "get", made["client_id"])
    assert "client_secret" not in shown
    assert {**shown, "callbacks": sorted(shown["callbacks"])} == {
        **{name: value for name, value in made.items() if name != "client_secret"},
        "callbacks": sorted(made["callbacks"]),
    }
    assert made["client_secret"] not in shop.command("client", "list", "--format", "json").out


def test_a_client_with_an_rsa_key_has_no_secret(shop, rsa_key):
    made = shop.expect("client", "create", "--name", "RSA", "--rsa-public-key", shop.public_key_file(rsa_key))
    assert "client_secret" not in made
    assert made["signature_methods"] == ["RSA-SHA1", "RSA-SHA256", "RSA-SHA512"]
    refused = shop.command("client", "rotate-secret", made["client_id"])
    assert refused.code == REFUSED and "--rsa-public-key" in refused.err
    rotated = shop.expect("client", "rotate-secret", made["client_id"], "--rsa-public-key", shop.public_key_file(rsa_key))
    assert rotated.keys() == {"client_id", "former_key_until"}


def weak_pem(rsa_key, exponent):
    """The key's modulus with an exponent of one byte, which is the last one of the DER."""
    numbers = RSAPublicNumbers(3, rsa_key.public_key().public_numbers().n)
    der = numbers.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    assert der[-3:] == b"\x02\x01\x03"
    body = base64.encodebytes(der[:-1] + bytes([exponent])).decode()
    return f"-----BEGIN PUBLIC KEY-----\n{body}-----END PUBLIC KEY-----\n"


@pytest.mark.parametrize("exponent", [1, 2, 3, 17])
def test_an_rsa_key_with_a_weak_exponent_is_refused_wherever_it_is_given(shop, rsa_key, tmp_path, exponent):
    weak = tmp_path / "weak.pem"
    weak.write_text(weak_pem(rsa_key, exponent))
    good = shop.expect("client", "create", "--name", "RSA", "--rsa-public-key", shop.public_key_file(rsa_key))
    for command in (["create", "--name", "x"], ["rotate-secret", good["client_id"]]):
        done = shop.command("client", *command, "--rsa-public-key", weak)
        assert done.code == USAGE and "must be odd, 65537 or more" in done.err, done
    line = json.dumps({"client_id": "weak", "rsa_public_key": weak.read_text()})
    done = shop.command("client", "import", "-", stdin=line)
    assert done.code == REFUSED and "must be odd, 65537 or more" in done.err, done
    assert shop.command("client", "get", "weak").code == REFUSED


def test_explain_does_not_take_a_signature_that_needs_no_private_key(shop, rsa_key):
    """With the exponent 1 the padded hash (RFC 8017 §9.2) is its own signature."""
    signer = Signer("c", rsa_key=rsa_key, signature_method="RSA-SHA256")
    fixed = {"oauth_nonce": "n", "oauth_timestamp": "1"}
    text = base_string("GET", API, signer.protocol_parameters(**fixed))
    hashed = bytes.fromhex("3031300d060960864801650304020105000420") + hashlib.sha256(text.encode()).digest()
    forged = base64.b64encode(b"\x00\x01" + b"\xff" * (256 - 3 - len(hashed)) + b"\x00" + hashed).decode()
    request = signer.sign("GET", API, oauth_signature=forged, **fixed)
    [answer] = explain(shop, json.dumps({"method": "GET", "url": API, "authorization": request.authorization,
                                         "rsa_public_key": weak_pem(rsa_key, 1)}).encode())
    assert answer["signature_base_string"] == text
    assert (answer["valid"], answer["problem"]) == (False, "signature_invalid")
    assert "must be odd, 65537 or more" in answer["hints"][0]


def test_a_given_secret_loses_one_newline_and_no_more(shop):
    for given, kept in (("s3cret", "s3cret"), ("s3cret\n", "s3cret"), ("s3cret\n\n", "s3cret\n"), (" a'b ", " a'b ")):
        made = shop.expect("client", "create", "--name", "x", "--secret-file", "-", stdin=given)
        assert made["client_secret"] == kept


def test_update_changes_what_is_given_and_leaves_the_rest(shop):
    made = shop.expect("client", "create", "--name", "Old", "--website", "https://a.example", "--scope", "a", "--trusted",
                       "--callback", "https://a.example/cb", "--contact", "old@a.example")
    changed = shop.expect("client", "update", made["client_id"], "--name", "New", "--verified")
    assert changed == {**{n: v for n, v in made.items() if n != "client_secret"}, "name": "New", "verified": True,
                       "version": made["version"] + 1}
    changed = shop.expect("client", "update", made["client_id"], "--website", "", "--callback", "", "--scope", "b",
                          "--no-trusted", "--contact", "new@a.example")
    assert changed["contact"] == "new@a.example"
    assert "website" not in changed and changed["callbacks"] == [] and changed["scope"] == "b" and not changed["trusted"]
    assert shop.expect("client", "get", made["client_id"]) == changed
    assert "contact" not in shop.expect("client", "update", made["client_id"], "--contact", "")


def test_a_secret_that_was_rotated_out_is_told_of_until_it_ends(shop, rsa_key):
    client = shop.create_client()
    assert "former_secret_until" not in shop.expect("client", "get", client.client_id)
    rotated = shop.expect("client", "rotate-secret", client.client_id, "--overlap", "3600")
    assert 3000 < rotated["former_secret_until"] - time.time() < 4200
    assert shop.expect("client", "get", client.client_id)["former_secret_until"] == rotated["former_secret_until"]
    assert "former_secret_until" not in shop.expect("client", "rotate-secret", client.client_id, "--overlap", "0")
    shop.expect("client", "rotate-secret", client.client_id)
    before = shop.expect("client", "get", client.client_id)
    refused = shop.command("client", "rotate-secret", client.client_id, "--overlap", "60")
    assert refused.code == REFUSED and "its former secret is good until 20" in refused.err and "--end-former" in refused.err, refused
    assert shop.expect("client", "get", client.client_id) == before
    rotated = shop.expect("client", "rotate-secret", client.client_id, "--overlap", "60", "--end-former")
    assert rotated["former_secret_until"] - time.time() < 61
    assert "former_secret_until" not in shop.expect("client", "rotate-secret", client.client_id, "--overlap", "0")
    assert "former_secret_until" not in shop.expect("client", "get", client.client_id)
    signs = shop.create_client(rsa_key=rsa_key, name="RSA")
    rotated = shop.expect("client", "rotate-secret", signs.client_id, "--rsa-public-key", shop.public_key_file(rsa_key))
    assert "client_secret" not in rotated and rotated["former_key_until"] > time.time() + 80000
    again = ("client", "rotate-secret", signs.client_id, "--rsa-public-key", shop.public_key_file(rsa_key))
    refused = shop.command(*again)
    assert refused.code == REFUSED and "its former key is good until 20" in refused.err, refused
    assert shop.command(*again, "--end-former").code == DONE


def test_disable_and_enable_show_in_get(shop):
    made = shop.expect("client", "create", "--name", "x")
    for verb, disabled in (("disable", True), ("disable", True), ("enable", False)):
        assert shop.command("client", verb, made["client_id"]).code == DONE
        assert shop.expect("client", "get", made["client_id"])["disabled"] is disabled
    assert shop.command("client", "delete", made["client_id"]).code == DONE
    assert shop.command("client", "get", made["client_id"]).code == REFUSED


@pytest.mark.parametrize("verb", ["approve", "reject"])
def test_nobody_judges_a_client_that_was_changed_since_it_was_seen(shop, verb):
    client = shop.expect("client", "create", "--name", "Printer", "--owner", "42")["client_id"]
    before = shop.expect("client", "get", client)
    shop.expect("client", "update", client, "--name", "Bank")
    refused = shop.command("client", verb, client, "--version", before["version"])
    assert refused.code == REFUSED and "changed since the version that you saw" in refused.err
    now = shop.expect("client", "get", client)
    assert now["version"] == before["version"] + 1
    shop.command("client", "approve" if verb == "reject" else "reject", client)
    now = shop.expect("client", "get", client)
    done = shop.command("client", verb, client, "--version", now["version"])
    assert done.code == DONE and f"its version is {now['version'] + 1} now" in done.err, done
    again = shop.command("client", verb, client)
    assert again.code == DONE and again.err == done.err  # nothing was to be done
    stale = shop.command("client", verb, client, "--version", now["version"])
    assert stale.code == REFUSED and "also by who approved or rejected it" in stale.err, stale
    for wrong in ("0", "x", "-1", ""):
        assert shop.command("client", verb, client, "--version", wrong).code == USAGE
    assert shop.command("client", verb, "nobody", "--version", 1).code == REFUSED


def test_what_nobody_has_approved_is_listed_until_it_is_approved_or_rejected(shop):
    def pending():
        return [client["client_id"] for client in shop.expect("client", "list", "--pending")]

    made = [shop.expect("client", "create", "--name", "x", "--owner", "42")["client_id"] for _ in range(2)]
    assert pending() == []
    with sqlite3.connect(shop.database) as database:  # as the pages of users do it
        database.executemany("UPDATE clients SET approval = 1 WHERE client_id = ?", [[client] for client in made])
    assert pending() == made
    for verb, client, approval in (("approve", made[0], "approved"), ("reject", made[1], "rejected")):
        shop.expect("client", "update", client, "--contact", "jane")  # which says nothing of it
        assert shop.expect("client", "get", client)["approval"] == "pending"
        assert shop.command("client", verb, client).code == DONE
        assert shop.expect("client", "get", client)["approval"] == approval
    assert pending() == []
    assert shop.command("client", "approve", "nobody").code == REFUSED
    rows = sqlite3.connect(shop.database).execute("SELECT who, what, subject FROM audit").fetchall()
    assert (BY_ME, "client.approve", made[0]) in rows and (BY_ME, "client.reject", made[1]) in rows


def test_identifiers_compare_byte_for_byte(shop):
    for name in ("Abc", "abc", "abc "):
        shop.expect("client", "create", "--name", "x", "--id", name)
        assert shop.expect("client", "get", name)["client_id"] == name
    assert shop.command("client", "get", "ABC").code == REFUSED


def test_env_format_is_safe_for_a_shell(shop):
    secret = "it's $(touch pwned) `x` \\ \"q\" ü"
    made = shop.command("client", "create", "--name", "a'; touch pwned; '", "--secret-file", "-", "--format", "env",
                        stdin=secret)
    assert made.code == DONE
    script = made.out + 'printf "%s\\n%s" "$CLIENT_SECRET" "$NAME"'
    shell = subprocess.run(["sh", "-eu", "-c", script], capture_output=True, text=True, cwd=shop.directory, check=True)
    assert shell.stdout == f"{secret}\na'; touch pwned; '" and not (shop.directory / "pwned").exists()


def test_what_people_read_cannot_command_their_terminal(shop):
    made = shop.expect("client", "create", "--name", "a\x1b]0;owned\x07b")
    assert "\x1b" not in shop.command("client", "get", made["client_id"]).out
    assert made["name"] == "a\x1b]0;owned\x07b"


def test_changes_are_in_the_audit_log(shop):
    made = shop.expect("client", "create", "--name", "x")
    shop.command("client", "delete", made["client_id"])
    rows = sqlite3.connect(shop.database).execute("SELECT who, what, subject FROM audit").fetchall()
    assert (BY_ME, "client.create", made["client_id"]) in rows and (BY_ME, "client.delete", made["client_id"]) in rows


def test_the_audit_log_names_the_person_behind_sudo(shop):
    shop.command("client", "create", "--id", "by-jo", "--name", "x", SUDO_USER="jo")
    assert [row["who"] for row in shop.expect("audit", "--client", "by-jo", "--actor", "cli:jo")] == ["cli:jo"]


def test_what_a_command_does_to_a_user_is_found_by_the_sub_and_bears_the_name(shop):
    made = shop.expect("user", "create", "--username", "looked-at", "--password-file", "-", stdin=PASSWORD)
    shop.command("user", "set-password", "looked-at", "--password-file", "-", stdin=PASSWORD)
    shop.command("user", "disable", "looked-at")
    shop.command("user", "delete", "--sub", made["sub"])
    rows = [(row["what"], row["subject"]) for row in shop.expect("audit", "--user", made["sub"])]
    assert rows == [("user.create", "looked-at"), ("user.set-password", "looked-at"), ("user.disable", "looked-at"),
                    ("user.delete", made["sub"])]
    assert [row["sub"] for row in shop.expect("audit", "--user", made["sub"])] == 4 * [made["sub"]]


def test_tokens_that_a_command_revoked_are_found_by_their_client_and_their_user(shop):
    client = shop.expect("client", "create", "--name", "x")["client_id"]
    sub = shop.expect("user", "create", "--username", "revoked", "--password-file", "-", stdin=PASSWORD)["sub"]
    assert shop.command("token", "revoke", "--client", client, "--sub", sub).code == 0
    for option, value in (("--client", client), ("--user", sub)):
        [row] = [row for row in shop.expect("audit", option, value) if row["what"] == "token.revoke"]
        assert (row["subject"], row["client_id"], row["sub"]) == (client, client, sub)


def test_the_janitor_takes_away_what_is_long_dead_and_nothing_else(shop):
    day_ms = 24 * 3600 * 1000
    now = int(time.time() * 1000)
    client = shop.create_client().client_id
    shop.expect("client", "rotate-secret", client)
    shop.expect("client", "rotate-secret", client, "--end-former")
    with sqlite3.connect(shop.database) as database:
        secrets = "SELECT count(*) FROM client_secrets JOIN clients ON clients.id = client WHERE client_id = ?"
        before = database.execute(secrets, (client,)).fetchone()[0]
        database.execute(
            "UPDATE client_secrets SET expires_at = ? WHERE id = (SELECT min(client_secrets.id) FROM client_secrets"
            " JOIN clients ON clients.id = client WHERE client_id = ?)", (now - 31 * day_ms, client))
        user = database.execute("SELECT id FROM users").fetchone()[0]
        row = database.execute("SELECT id FROM clients WHERE client_id = ?", (client,)).fetchone()[0]
        for name, expires, revoked in [
            ("lives", None, None), ("dead", None, now - 31 * day_ms), ("over", now - 31 * day_ms, None),
            ("revoked", None, now - 29 * day_ms), ("expired", now - 29 * day_ms, None),
        ]:
            database.execute(
                "INSERT INTO tokens (token_digest, oauth_token, sealed, jti, client, user, created_at, expires_at,"
                " revoked_at) VALUES (?, ?, x'', ?, ?, ?, 1, ?, ?)",
                (name.encode(), name, name, row, user, expires, revoked))
        database.execute("DELETE FROM changes")
        database.executemany(
            "INSERT INTO changes (kind, event, id, at) VALUES ('client', 'edited', ?, ?)",
            [(str(i), now - 2 * day_ms) for i in range(1203)] + [("kept", now)])  # three batches
    assert shop.expect("janitor") == {"tokens": 2, "secrets": 1, "changes": 1203, "nonce_sets": 0, "audit": 0}
    assert shop.expect("janitor") == {"tokens": 0, "secrets": 0, "changes": 0, "nonce_sets": 0, "audit": 0}
    with sqlite3.connect(shop.database) as database:
        assert database.execute(secrets, (client,)).fetchone()[0] == before - 1
        assert [r[0] for r in database.execute("SELECT id FROM changes")] == ["kept"]
        kept = {r[0] for r in database.execute("SELECT jti FROM tokens WHERE client = ?", (row,))}
        assert kept == {"lives", "revoked", "expired"}
    assert "TOKENS=0\n" in shop.command("janitor", "--format", "env").out


def test_a_client_that_could_never_sign_is_refused(shop, tmp_path):
    key = shop.public_key_file(rsa.generate_private_key(public_exponent=65537, key_size=2048))
    create = ("client", "create", "--name", "x", "--rsa-public-key", key)
    refused = shop.command(*create, "--signature-method", "HMAC-SHA1")
    assert refused.code == USAGE and "never sign" in refused.err, refused
    made = shop.expect(*create, "--signature-method", "HMAC-SHA1", "--signature-method", "RSA-SHA256")
    refused = shop.command("client", "update", made["client_id"], "--signature-method", "HMAC-SHA256")
    assert refused.code == USAGE and "never sign" in refused.err, refused
    line = {"client_id": "never", "rsa_public_key": key.read_text(), "signature_methods": ["HMAC-SHA1"]}
    refused = shop.command("client", "import", stdin=json.dumps(line) + "\n")
    assert refused.code == REFUSED and "never sign" in refused.err + refused.out, refused


def test_scopes_are_stored_in_one_spelling(shop):
    made = shop.expect("client", "create", "--name", "x", "--scope", " b  a ", "--scope", "a", "--default-scope", " ")
    assert made["scope"] == "b a" and made["default_scope"] == ""
    line = {"client_id": "commas", "client_secret": "s", "scope": "photos:read,photos:write"}
    refused = shop.command("client", "import", stdin=json.dumps(line) + "\n")
    assert refused.code == REFUSED and "a comma does not separate" in refused.err + refused.out, refused


def test_keys_of_resource_servers_are_unguessable_and_not_kept(shop):
    names = ["many 1", "many 2", "many 3"]
    keys = [shop.expect("resource-server", "create", "--name", name, "--origin", "https://A.example:443/")["key"]
            for name in names]
    assert len(set(keys)) == 3 and all(key.startswith("rs_") and len(key) >= 40 for key in keys)
    listed = [server for server in shop.expect("resource-server", "list") if server["name"] in names]
    assert [server["origins"] for server in listed] == [["https://a.example"]] * 3
    raw = b"".join(file.read_bytes() for file in shop.database.parent.glob("oauth1.db*"))
    assert not any(key.encode() in raw for key in keys)
    for name in names:
        assert "revoked 1 key\n" in shop.command("resource-server", "revoke", name).err
    assert all("revoked_at" in server for server in shop.expect("resource-server", "list") if server["name"] in names)


def test_quiet_says_only_what_was_asked_for(shop):
    shop.expect("client", "create", "--name", "x", "--id", "silent")
    for words in ("client disable silent", "client enable silent", "client delete silent", "migrate up"):
        outcome = shop.command(*words.split(), "--quiet")
        assert (outcome.code, outcome.out, outcome.err) == (DONE, "", ""), words


# ---- sign, against the signer that knows nothing of it


def fields_of(header):
    scheme, _, rest = header.strip().partition(" ")
    assert scheme == "OAuth"
    return [tuple(item.split("=", 1)) for item in rest.split(", ")]


@pytest.mark.parametrize("method", ["HMAC-SHA1", "HMAC-SHA256", "HMAC-SHA512", "RSA-SHA1", "RSA-SHA256", "RSA-SHA512", "PLAINTEXT"])
def test_signs_as_another_implementation_does(shop, rsa_key, method):
    key_file = shop.directory / "private.pem"
    key_file.write_bytes(rsa_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    url, body = "https://API.example:443/a/%7E/../b;p?size=a%20b&c2&c2=&%C3%BC=1", "z=1&a=2+q&a=1"
    outcome = shop.command(
        *["sign", "post", url, "--data", body, "--client", "cl/ü", "--client-secret", "s&s", "--token", "t", "--token-secret"],
        *["ts ", "--signature-method", method, "--nonce", "n", "--timestamp", "1790000000", "--param", "oauth_callback=oob"],
        *(["--rsa-key", key_file] if method.startswith("RSA") else []),
    )
    assert outcome.code == DONE, outcome
    own = Signer("cl/ü", "s&s", "t", "ts ", signature_method=method, rsa_key=rsa_key)
    expected = own.sign("post", url, body, FORM, oauth_nonce="n", oauth_timestamp="1790000000", oauth_callback="oob")
    assert outcome.out.startswith("Authorization: OAuth ")
    assert sorted(fields_of(outcome.out[len("Authorization: "):])) == sorted(fields_of(expected.authorization))


def test_the_described_request_has_the_base_string_and_explain_takes_it(shop):
    words = ["sign", "GET", "https://a.example/x?b=1", "--client", "c", "--client-secret", "s", "--format", "json"]
    described = shop.command(*words).json()
    header = fields_of(described["authorization"])
    pairs = [(n, v.strip('"')) for n, v in header if n != "oauth_signature"] + decode_pairs("b=1")
    assert described["client_base_string"] == base_string("GET", "https://a.example/x", pairs)
    assert "client_secret" not in described
    whole = shop.command(*words, "--with-secrets").out
    assert shop.command("explain", stdin=whole).json()["valid"] is True


@pytest.mark.parametrize(
    "body, kind",
    [("a=1&b=2", FORM), ("", FORM), ('{"a": "b=c"}', "application/json"), ("<a b='c'/>", "application/xml"),
     ("hello", "text/plain"), ("a = b", "text/plain"), ("status=Hello Ladies + Gentlemen", FORM),
     ("a=1\nb=2", "text/plain")],
)
def test_the_type_of_a_body_is_guessed(shop, body, kind):
    made = shop.command("sign", "POST", "https://a.example/", "--client", "c", "--data", body, "--format", "json").json()
    assert made["content_type"] == kind and made["body"] == body
    given = shop.command("sign", "POST", "https://a.example/", "--client", "c", "--data", body, "--format", "json",
                         "--content-type", "x/y").json()
    assert given["content_type"] == "x/y"


def test_what_failed_is_said_behind_what_was_printed(shop):
    """Also where both streams are one, in a log or a pager."""
    done = subprocess.run(
        [BIN / "auth-service", "perform", "three-legged", "--client", "c", "--client-secret", "s", "--url", "http://127.0.0.1:1"],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=clean_environment({}))
    lines = done.stdout.splitlines()
    assert done.returncode == REFUSED and len(lines) > 3, done.stdout
    assert lines[-1].startswith("perform three-legged: "), done.stdout


def test_the_curl_command_sends_what_was_signed(shop, tmp_path):
    url = "http://127.0.0.1:1/a/../b?x={1}&y=[2]"
    line = shop.command("sign", "PUT", url, "--client", "c", "--client-secret", "s", "--data", "@it's", "--body-hash",
                        "--format", "curl").out
    words = shlex.split(line)
    assert words[0] == "curl" and words[-1] == url and "--path-as-is" in words and "--globoff" in words
    assert words[words.index("--data-raw") + 1] == "@it's" and words[words.index("-X") + 1] == "PUT"
    assert any(word.startswith("Authorization: OAuth ") and "oauth_body_hash" in word for word in words)


# ---- explain


def explain(shop, text):
    done = subprocess.run([BIN / "auth-service", "explain"], input=text, capture_output=True, timeout=60,
                          env=clean_environment({}))
    assert done.returncode == DONE, done.stderr
    assert not any(word.encode() in done.stderr for word in SANITIZER_WORDS), done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def described(number=0, signer=Signer("c", "s", "t", "ts"), **members):
    request = signer.sign("GET", f"https://a.example/{number}")
    return {"method": "GET", "url": request.url, "authorization": request.authorization, "client_secret": "s",
            "token_secret": "ts", **members}


def test_explain_answers_each_line_in_order(shop):
    lines = [json.dumps(described(n)) for n in range(40)]
    lines[7], lines[9], lines[11], lines[13] = "", "not JSON", "[1]", '{"method": "GET"}'
    lines[15], lines[17] = json.dumps(described(15, client_secret="other")), '{"a": "' + "x" * (1 << 20) + '"}'
    answers = explain(shop, "\n".join(lines).encode())  # the last line without a newline
    assert len(answers) == 40
    for number, answer in enumerate(answers):
        if number in (7, 9, 11, 13, 17):
            assert answer["valid"] is False and answer["status"] == 400 and answer["description"], number
        else:
            assert answer["valid"] is (number != 15) and answer["base_string_uri"] == f"https://a.example/{number}"


def test_explain_of_nothing_is_nothing(shop):
    assert explain(shop, b"") == []


def test_explain_takes_bytes_that_are_no_text(shop):
    answers = explain(shop, b'\xff\xfe\n{"method":"GET\x00"}\n\x00\n')
    assert [answer["status"] for answer in answers] == [400, 400, 400]


def test_explain_answers_before_the_next_line_is_written(shop):
    with subprocess.Popen([BIN / "auth-service", "explain"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                          env=clean_environment({})) as process:
        for number in range(3):
            process.stdin.write(json.dumps(described(number)) + "\n")
            process.stdin.flush()
            assert json.loads(process.stdout.readline())["valid"] is True
        process.stdin.close()
        assert process.wait(10) == DONE


# ---- perform three-legged


@pytest.fixture(scope="module")
def demo(provider, tmp_path_factory):
    """Files for perform: a client as --format env prints it, and jane's password."""
    folder = tmp_path_factory.mktemp("demo")
    made = provider.command("client", "create", "--name", "Demo", "--scope", "photos:read", "--format", "env",
                            "--callback", "https://app.example/cb?x=1")
    (folder / "demo.env").write_text(made.out)
    (folder / "password").write_text(PASSWORD + "\n")
    (folder / "wrong").write_text("wrong\n")
    return folder


def perform(provider, demo, *words, **options):
    return provider.command("perform", "three-legged", "--env-file", demo / "demo.env", *words, **options)


@pytest.mark.parametrize("callback", ["oob", "https://app.example/cb?x=1"])
def test_three_legs_step_by_step(provider, demo, open_key, callback):
    outcome = perform(provider, demo, "--username", "jane", "--password-file", demo / "password", "--callback", callback,
                      "--introspect", provider.introspection_url, "--key", open_key, "--api-url", API + "/photos")
    assert outcome.code == DONE, outcome
    for shown in ("/oauth/initiate", "POST&http%3A%2F%2F127.0.0.1", "/oauth/authorize?oauth_token=", "verifier",
                  "/oauth/token", '"active":true', '"username":"jane"', "\noauth_token=", "\noauth_token_secret="):
        assert shown in outcome.out, shown


def test_three_legs_for_a_program_and_what_sign_makes_of_it(provider, demo, open_key, tmp_path):
    words = ("--username", "jane", "--password-file", demo / "password", "--scope", "photos:read")
    made = perform(provider, demo, *words, "--introspect", provider.introspection_url + "/v1/introspect", "--key", open_key,
                   "--format", "json").json()
    assert made["introspection"]["active"] is True and made["introspection"]["scope"] == "photos:read"
    env = tmp_path / "token.env"
    env.write_text(perform(provider, demo, *words, "--format", "env").out)
    request = provider.command("sign", "GET", API + "/x", "--env-file", env, "--format", "json").json()
    answer = requests.post(f"{provider.introspection_url}/v1/introspect", json=request, timeout=10,
                           headers={"Authorization": f"Bearer {open_key}"}).json()
    assert answer["active"] is True and answer["username"] == "jane"


def test_three_legs_with_an_rsa_key(provider, demo, rsa_client, tmp_path):
    key_file = tmp_path / "key.pem"
    key_file.write_bytes(rsa_client.rsa_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    made = provider.command("perform", "three-legged", "--client", rsa_client.client_id, "--rsa-key", key_file, "--username",
                            "jane", "--password-file", demo / "password", "--format", "json")
    assert made.code == DONE and made.json()["oauth_token_secret"]


def test_three_legs_with_a_person_who_types_the_code(provider, demo):
    from harness.owner import Owner, Page

    with subprocess.Popen(
        [BIN / "auth-service", "perform", "three-legged", "--env-file", demo / "demo.env", "--format", "json"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env=clean_environment(provider.variables),
    ) as process:
        page = process.stderr.readline().removeprefix("Open ").strip()
        assert page.startswith(provider.url + "/oauth/authorize?oauth_token=")
        granted = Owner(provider).grant(page.partition("oauth_token=")[2])
        out, err = process.communicate(Page(granted).texts["verifier"].strip() + "\n", timeout=20)
        assert process.returncode == DONE and json.loads(out)["oauth_token"], err


@pytest.mark.parametrize(
    "said, words",
    [
        ("the login was refused", ("--username", "jane", "--password-file", "wrong")),
        ("error=invalid_scope", ("--username", "jane", "--password-file", "password", "--scope", "admin")),
        ("oauth_problem=parameter_rejected", ("--username", "jane", "--password-file", "password", "--callback", "https://b.example/")),
        ("error=invalid_signature", ("--username", "jane", "--password-file", "password", "--client-secret", "wrong")),
        ("no code was given", ()),
    ],
)
def test_three_legs_that_go_wrong_say_where(provider, demo, said, words):
    words = [demo / word if word in ("wrong", "password") and words[i - 1] == "--password-file" else word
             for i, word in enumerate(words)]
    outcome = perform(provider, demo, *words, "--quiet")
    assert outcome.code == REFUSED and said in outcome.err and outcome.out == "", outcome


def test_three_legs_name_the_url_that_was_asked_about(provider, demo, key):
    (demo / "key").write_text(key)
    outcome = perform(provider, demo, "--username", "jane", "--password-file", demo / "password", "--quiet", "--introspect",
                      provider.introspection_url, "--key-file", demo / "key", "--api-url", "http://other.example/photos")
    assert outcome.code == REFUSED and "http://other.example/photos (--api-url) was not verified" in outcome.err, outcome


# ---- tokens


def test_tokens_are_listed_and_revoked_by_what_an_operator_knows(provider, demo):
    words = ("--username", "joe", "--password-file", demo / "password", "--format", "json")
    made = [perform(provider, demo, *words).json() for _ in range(3)]
    listed = provider.expect("token", "list", "--sub", "joe", "--client", made[0]["client_id"])
    assert len(listed) == 3 and all(row["username"] == "joe" and row["jti"].startswith("tok_") for row in listed)
    assert not any(token["oauth_token"] in json.dumps(listed) for token in made)
    assert provider.expect("token", "list", "--sub", listed[0]["sub"], "--client", made[0]["client_id"]) == listed
    assert "revoked 1 token" in provider.command("token", "revoke", listed[0]["jti"]).err
    assert provider.command("token", "revoke", listed[0]["jti"]).code == DONE  # again is no error
    assert "revoked 2 tokens" in provider.command("token", "revoke", "--sub", "joe", "--client", made[0]["client_id"]).err
    again = provider.expect("token", "list", "--sub", "joe", "--client", made[0]["client_id"])
    assert all("revoked_at" in row for row in again)


@pytest.mark.parametrize("password, fault", [
    ("granite otters", "fewer than 15 characters"), ("password 20262026", "tried first"), ("thomasina-thomasina", "is the user name"),
    ("abcabcabcabcabcabc", "again and again"), ("x" * 300 + "lamp otter" * 30, "more than 511 bytes"),
])  # fmt: skip
def test_a_password_that_is_guessed_at_once_is_refused_and_in_development_warned_of(tmp_path, password, fault):
    for development in (False, True):
        variables = {} if development else {"OAUTH1_DEV": "false", "OAUTH1_PUBLIC_URL": "https://auth.example"}
        directory = tmp_path / str(development)
        directory.mkdir()
        provider = Provider(directory, OAUTH1_SECRETS_KEYS=SECRETS_KEYS, **variables)
        assert provider.command("migrate", "up").code == DONE
        (directory / "password").write_text(password)
        create = ("user", "create", "--username", "thomasina", "--password-file", directory / "password")
        outcome = provider.command(*create)
        taken = development and "511" not in fault
        assert outcome.code == (DONE if taken else USAGE) and fault in outcome.err, outcome
        assert ("taken in development alone" in outcome.err) == taken
        (directory / "password").write_text("granite otter lamp")
        if not taken:
            outcome = provider.command(*create)
            assert outcome.code == DONE and not outcome.err, outcome
        (directory / "password").write_text(password)
        outcome = provider.command("user", "set-password", "thomasina", "--password-file", directory / "password")
        assert outcome.code == (DONE if taken else USAGE) and fault in outcome.err, outcome
