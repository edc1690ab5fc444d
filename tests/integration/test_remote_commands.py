"""Commands with --server: the admin API of a running service does their work, and they print and end as on the stores."""

import ipaddress
import re

import pytest
import requests
from cryptography import x509
from harness.authority import Authority
from harness.provider import PASSWORD, Provider, free_port
from harness.site import ADMIN_TOKEN, LOGIN_TOKEN, READ_TOKEN

DONE, REFUSED, USAGE, STORE = 0, 1, 2, 3
TOKENS = {
    "OAUTH1_ADMIN_TOKEN": f"operator:{ADMIN_TOKEN},auditor:read:{READ_TOKEN}",
    "OAUTH1_LOGIN_TOKEN": f"shop:{LOGIN_TOKEN}",
}


class Remote:
    """A running provider, and what a command needs to ask it from a machine that has none of its stores."""

    def __init__(self, directory, **variables):
        self.provider = Provider(directory / "provider", **TOKENS, **variables)
        self.url = self.provider.admin_url
        self.jane = self.provider.create_user("jane", PASSWORD)["sub"]
        for name, text in (("token", ADMIN_TOKEN), ("read", READ_TOKEN), ("login", LOGIN_TOKEN), ("stranger", "x" * 40),
                           ("named", f"operator:{ADMIN_TOKEN}"), ("two", f"{ADMIN_TOKEN}\n{READ_TOKEN}"), ("empty", ""),
                           ("secret", "s3cret for both"), ("password", PASSWORD), ("weak", "jane")):
            (self.provider.directory / name).write_text(text + "\n")

    def there(self, *words, server=None, token="token"):
        """Where no store can be opened: what is done, the server does."""
        return self.provider.command(*words, "--server", server or self.url, "--admin-token-file", token,
                                     OAUTH1_DATABASE_URL="sqlite:/nowhere/at/all.db")

    def issue(self, client):
        answer = requests.post(f"{self.url}/admin/v1/tokens", json={"client_id": client, "sub": self.jane}, timeout=20,
                               headers={"Authorization": f"Bearer {ADMIN_TOKEN}"})
        assert answer.status_code == 201, answer.text
        return answer.json()["jti"]


@pytest.fixture(scope="module")
def remote(tmp_path_factory):
    made = Remote(tmp_path_factory.mktemp("remote"))
    made.provider.start()
    yield made
    made.provider.stop()


def outcome_of(done, names):
    """Without what differs from one run to the next: times, secrets, subs, and `names` by their replacements."""
    texts = []
    for text in (done.out, done.err):
        for name, word in names.items():
            text = text.replace(name, word)
        for pattern, word in ((r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC|\b1\d{9}\b", "TIME"),
                              (r"\b(rs_)?[A-Za-z0-9_-]{40,}", "SECRET"), (r"local-\d+", "SUB")):
            text = re.sub(pattern, word, text)
        texts.append(text)
    return done.code, *texts


def assert_same(remote, commands):
    """Runs them on the stores and by the server, each WAY of names of its own."""
    here, there = [], []
    for way, run, outcomes in (("store", remote.provider.command, here), ("remote", remote.there, there)):
        for command in commands:
            words = [word.replace("WAY", way) for word in command]
            outcomes.append((command, outcome_of(run(*words), {way: "WAY"})))
    assert there == here
    return [outcome for _, outcome in here]


@pytest.mark.parametrize("form", ["table", "json", "env"])
def test_clients_are_done_to_as_on_the_stores(remote, form):
    name = f"{form} WAY"
    outcomes = assert_same(remote, [[*command, "--format", form] for command in (
        ["client", "create", "--id", name, "--name", "Häuser", "--scope", "photos:read photos:write", "--scope", "a",
         "--default-scope", "a", "--callback", "https://a.example/cb/*", "--callback", "https://b.example/", "--trusted",
         "--signature-method", "HMAC-SHA256", "--website", "https://a.example", "--default-callback", "https://b.example/"],
        ["client", "create", "--id", name, "--name", "Twin", "--quiet"],
        ["client", "get", name],
        ["client", "update", name, "--no-trusted", "--two-legged", "--website", "", "--callback", "", "--contact", "it's me",
         "--scope", "b a"],
        ["client", "update", name],
        ["client", "get", name],
        ["client", "rotate-secret", name, "--secret-file", "secret", "--overlap", "60"],
        ["client", "rotate-secret", name],
        ["client", "rotate-secret", name, "--end-former"],
        ["client", "rotate-secret", name, "--overlap", "0"],
        ["client", "get", name],
        ["client", "disable", name], ["client", "get", name],
        ["client", "enable", name], ["client", "enable", name, "--quiet"],
        ["client", "reject", name], ["client", "update", name, "--owner", "42"],
        ["client", "reject", name], ["client", "get", name],
        ["client", "approve", name, "--version", "1"],
        ["client", "approve", name], ["client", "approve", name], ["client", "approve", name, "--quiet"], ["client", "get", name],
        ["client", "delete", name], ["client", "delete", name], ["client", "get", name])])
    assert [code for code, _, _ in outcomes] == \
        [0, REFUSED] + [0] * 5 + [REFUSED] + [0] * 7 + [REFUSED] + [0] * 3 + [REFUSED] + [0] * 5 + [REFUSED, REFUSED]
    assert "SECRET" in outcomes[0][1]


def test_a_client_with_a_key_is_made_and_rotated_as_on_the_stores(remote, rsa_key):
    key = str(remote.provider.public_key_file(rsa_key))
    outcomes = assert_same(remote, [
        ["client", "create", "--id", "key WAY", "--name", "x", "--rsa-public-key", key],
        ["client", "rotate-secret", "key WAY", "--rsa-public-key", key, "--format", "json"],
        ["client", "create", "--id", "both WAY", "--name", "x", "--rsa-public-key", key, "--secret-file", "secret"],
        ["client", "get", "both WAY"]])
    assert [code for code, _, _ in outcomes] == [0] * 4


@pytest.mark.parametrize("code, command", [
    (USAGE, "client create --id x --name x --callback no"),
    (USAGE, "client create --id x --name x --signature-method RSA-SHA1"),
    (USAGE, "client create --name x --secret-file empty"),
    (USAGE, "client rotate-secret jane --overlap x"),
    (REFUSED, "client disable nobody"), (REFUSED, "client enable nobody"), (REFUSED, "client approve nobody"),
    (REFUSED, "client reject nobody"), (REFUSED, "client rotate-secret nobody"), (REFUSED, "client update nobody --name x"),
    (REFUSED, "token revoke nobody"), (REFUSED, "token revoke --client nobody"), (REFUSED, "token revoke --sub nobody"),
    (USAGE, "token revoke"), (DONE, "token list --client nobody"), (DONE, "token list --sub nobody"),
    (REFUSED, "user delete local-1"), (REFUSED, "user disable --sub jane"), (REFUSED, "user delete nobody"), (REFUSED, "user disable --sub nobody"), (REFUSED, "user enable nobody"),
    (USAGE, "user delete"), (USAGE, "user create --username a@b --password-file password"),
    (USAGE, "user create --username x --password-file nowhere"),
    (USAGE, "resource-server create --name x --origin no"), (REFUSED, "resource-server revoke nobody"),
    (REFUSED, "resource-server rotate-key nobody"), (USAGE, "resource-server rotate-key nobody --overlap x"),
])
def test_a_refusal_says_and_ends_the_same(remote, code, command):
    (outcome,) = assert_same(remote, [command.split()])
    assert outcome[0] == code


@pytest.mark.parametrize("code, words, command", [
    (USAGE, "callbacks no", "client update plain --callback no"), (USAGE, "opposite", "client update plain --trusted --no-trusted"),
    (USAGE, "RSA-SHA1", "client update plain --signature-method RSA-SHA1"),
    (REFUSED, "rsa_public_key", "client rotate-secret with-key"),
    (USAGE, "password", "user create --username weak --password-file empty"),
    (REFUSED, "of this name", "user create --username jane --password-file password"),
    (REFUSED, "live", "resource-server create --name taken"), (USAGE, "stands alone", "token revoke a --client b"),
])
def test_what_the_server_judges_ends_as_on_the_stores(remote, rsa_key, code, words, command):
    for setup in (["client", "create", "--id", "plain", "--name", "x"], ["resource-server", "create", "--name", "taken"],
                  ["client", "create", "--id", "with-key", "--name", "x", "--rsa-public-key",
                   remote.provider.public_key_file(rsa_key)]):
        remote.provider.command(*setup)  # once
    done = remote.there(*command.split())
    assert (done.code, done.out) == (code, "") and words in done.err, done
    if words != "stands alone":
        assert remote.provider.command(*command.split()).code == code


def test_users_are_done_to_as_on_the_stores(remote):
    outcomes = assert_same(remote, [
        ["user", "create", "--username", "ann WAY", "--email", "WAY@a.example", "--password-file", "password"],
        ["user", "disable", "ann WAY"], ["user", "enable", "ann WAY", "--quiet"], ["user", "delete", "ann WAY"],
        ["user", "delete", "ann WAY"]])
    assert [code for code, _, _ in outcomes] == [0, 0, 0, 0, REFUSED]
    assert remote.there("user", "disable", "--sub", remote.jane).code == DONE
    assert '"disabled": true' in remote.provider.command("user", "list", "--format", "json").out
    assert remote.there("user", "enable", "jane").code == DONE


def test_resource_servers_are_done_to_as_on_the_stores(remote):
    outcomes = assert_same(remote, [
        ["resource-server", "create", "--name", "photos WAY", "--origin", "https://A.example", "--tls-san", "WAY.internal",
         "--allow-explain", "--format", "json"],
        ["resource-server", "create", "--name", "open WAY"],
        ["resource-server", "rotate-key", "photos WAY", "--format", "json"],
        ["resource-server", "rotate-key", "photos WAY", "--overlap", "0", "--format", "json"],
        ["resource-server", "rotate-key", "photos WAY", "--overlap", "60", "--quiet"],
        ["resource-server", "rotate-key", "photos WAY"],
        ["resource-server", "rotate-key", "photos WAY", "--end-former"],
        ["resource-server", "revoke", "photos WAY"], ["resource-server", "revoke", "photos WAY"],
        ["resource-server", "rotate-key", "photos WAY"]])
    assert [code for code, _, _ in outcomes] == [0] * 5 + [REFUSED] + [0] * 3 + [REFUSED]
    assert '"key": "SECRET"' in outcomes[2][1] and "former_key_until" in outcomes[2][1], outcomes[2]
    assert "former_key_until" not in outcomes[3][1], outcomes[3]
    assert '"key": "SECRET"' in outcomes[0][1]


def test_tokens_are_listed_and_revoked_as_on_the_stores(remote):
    for way in ("store", "remote"):
        remote.provider.create_client("--id", f"tokens {way}")
    jtis = {way: remote.issue(f"tokens {way}") for way in ("store", "remote")}
    here = outcome_of(remote.provider.command("token", "revoke", jtis["store"]), {})
    there = outcome_of(remote.there("token", "revoke", jtis["remote"]), {})
    assert there == here == (DONE, "", "revoked 1 token\n")
    for way in ("store", "remote"):
        remote.issue(f"tokens {way}")
    assert assert_same(remote, [["token", "revoke", "--client", "tokens WAY", "--sub", "jane"],
                                ["token", "revoke", "--client", "tokens WAY", "--sub", remote.jane],
                                ["token", "revoke", "--client", "tokens WAY"]])[0] == (DONE, "", "revoked 1 token\n")


@pytest.mark.parametrize("form", ["table", "json", "env"])
@pytest.mark.parametrize("command", [
    "client list", "client list --pending", "user list", "resource-server list", "token list", "token list --sub jane",
    "token list --client listed", "token list --client listed --sub nobody",
    "audit", "audit --since 1h --until 2099-01-01", "audit --client listed", "audit --user nobody --actor operator", "audit --user jane"])
def test_lists_are_those_of_the_stores_over_all_pages(remote, form, command):
    if not remote.provider.command("client", "get", "listed").code == DONE:
        remote.provider.create_client("--id", "listed")
        lines = "".join(f'{{"client_id": "many {i}", "client_secret": "s", "name": "Many"}}\n' for i in range(205))
        assert remote.provider.command("client", "import", "-", stdin=lines).code == DONE
        remote.provider.create_resource_server()
        remote.issue("listed")
    words = [*command.split(), "--format", form]
    here, there = remote.provider.command(*words), remote.there(*words)
    assert (there.code, there.out, there.err) == (here.code, here.out, here.err)
    assert here.code == DONE
    if command == "client list":
        assert here.out.count("many ") == 205


def test_a_time_that_is_none_is_told_before_anybody_is_asked(remote):
    there, here = remote.there("audit", "--since", "soon"), remote.provider.command("audit", "--since", "soon")
    assert (there.code, there.err) == (here.code, here.err) and there.code == USAGE


@pytest.mark.parametrize("form", ["table", "json", "env"])
def test_sealing_keys_are_shown_and_secrets_sealed_anew_as_on_the_stores(remote, form):
    outcomes = assert_same(remote, [["seal", *words, "--format", form] for words in (["status"], ["rewrite"])])
    assert [code for code, _, _ in outcomes] == [DONE, DONE], outcomes


def test_rows_of_a_server_are_not_followed(remote):
    assert (done := remote.there("audit", "--follow")).code == USAGE and "leave out --server" in done.err


# ---- what goes with --server


@pytest.mark.parametrize("command", [
    "client export", "user set-password jane --password-file password", "token export", "janitor",
    "migrate up", "serve", "seal forget k1"])
def test_a_command_that_is_done_on_the_stores_alone_says_so_by_name(remote, command):
    done = remote.there(*command.split())
    name = " ".join(word for word in command.split()[:2] if word != "-")
    assert done.code == USAGE and f"no server does {name} for you: leave out --server" in done.err, done


@pytest.mark.parametrize("code, words, options", [
    (USAGE, "--server needs --admin-token-file FILE", "--server URL"),
    (USAGE, "go with --server URL", "--admin-token-file token"),
    (USAGE, "go with --server URL", "--ca token"),
    (USAGE, "leave out the configuration's options", "--server URL --admin-token-file token --database-url sqlite:x"),
    (USAGE, "it is empty", "--server URL --admin-token-file empty"),
    (USAGE, "behind the last colon", "--server URL --admin-token-file named"),
    (USAGE, "one line", "--server URL --admin-token-file two"),
    (USAGE, "No such file", "--server URL --admin-token-file nowhere"),
    (USAGE, "--ca nowhere: No such file", "--server URL --admin-token-file token --ca nowhere"),
    (USAGE, "--server ftp://a.example", "--server ftp://a.example --admin-token-file token"),
    (USAGE, "leave out the '?'", "--server URL/?a=b --admin-token-file token"),
    (REFUSED, "write one of its OAUTH1_ADMIN_TOKEN into the file", "--server URL --admin-token-file stranger"),
    (REFUSED, "OAUTH1_LOGIN_TOKEN", "--server URL --admin-token-file login"),
    (REFUSED, "the role read, which changes nothing; send one with the role manage", "--server URL --admin-token-file read"),
    (REFUSED, "OAUTH1_ADMIN_LISTEN", "--server PUBLIC --admin-token-file token"),
])
def test_what_is_wrong_with_the_server_or_its_token_is_told(remote, code, words, options):
    options = options.replace("URL", remote.url).replace("PUBLIC", remote.provider.url).split()
    done = remote.provider.command("client", "disable", "nobody", *options)
    assert (done.code, done.out) == (code, "") and words in done.err, done
    assert ADMIN_TOKEN not in done.err


def test_who_may_only_read_lists_and_shows(remote):
    assert remote.there("user", "list", token="read").code == DONE
    assert remote.there("user", "delete", "jane", token="read").code == REFUSED


def test_a_server_that_is_down_is_a_store_that_is_down(remote):
    for command in ("client list", "client get a", "user delete jane", "token revoke a", "resource-server create --name a"):
        done = remote.there(*command.split(), server=f"http://127.0.0.1:{free_port()}")
        assert (done.code, done.out) == (STORE, "") and "Connection refused" in done.err, done


def test_help_shows_the_options_where_the_admin_api_can_do_it(remote):
    assert "--server URL" in remote.provider.command("client", "get", "--help").out
    assert "--server URL" not in remote.provider.command("client", "export", "--help").out


def test_the_server_must_prove_who_it_is(tmp_path):
    certificate, key = Authority(tmp_path, "servers").issue(
        "localhost", x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1")))
    Authority(tmp_path, "others")
    secure = Remote(tmp_path, OAUTH1_TLS_CERT=certificate, OAUTH1_TLS_KEY=key)
    server = secure.url.replace("http:", "https:")
    secure.provider.auth.start()
    try:
        trusted = secure.there("user", "list", "--ca", tmp_path / "servers.pem", server=server)
        assert trusted.code == DONE and "jane" in trusted.out, trusted
        for ca in (["--ca", tmp_path / "others.pem"], []):
            done = secure.there("user", "list", *ca, server=server)
            assert (done.code, done.out) == (STORE, "") and "no TLS with" in done.err, done
    finally:
        secure.provider.auth.stop()
