"""Every command and every admin call, on SQLite and on MySQL: as it is meant, with wrong input, without the right, stale, and
while the store is down. What there is comes from `--help` and from the OpenAPI document: one that is in no table here is told."""

import json
import os
import re
import shlex
import shutil
import subprocess
import tempfile
from collections import defaultdict
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from harness import contract
from harness.admin_calls import DEEDS, ask_deed, ask_deeds
from harness.conversation import Conversation
from harness.fleet import SECRETS_KEYS
from harness.provider import BIN, PASSWORD, Outcome, clean_environment
from harness.running import KINDS, running_on
from harness.site import ADMIN_TOKEN, LOGIN_TOKEN, READ_TOKEN, VARIABLES

DONE, REFUSED, USAGE, STORE = 0, 1, 2, 3
TOKENS = {name: value for name, value in VARIABLES.items() if name.endswith("_TOKEN")}
SECRET = "s" * 40
OTHER_KEYS = "other:" + SECRETS_KEYS.partition(":")[2]
# The calls that are no deeds on what is stored but about a browser on its way; the file has them on both kinds of stores.
OF_A_SITE = {
    ("get", "/admin/v1/authorization-requests/{challenge}"): "test_delegated_login.py",
    ("put", "/admin/v1/authorization-requests/{challenge}/accept"): "test_delegated_login.py",
    ("put", "/admin/v1/authorization-requests/{challenge}/reject"): "test_delegated_login.py",
    ("delete", "/admin/v1/users/{sub}/sessions"): "test_delegated_login.py",
}
# The command: what is done, in this order, {NAMES} filled in; a wrong input, how it ends and what is said; what a store has to
# let it do: "reads", "writes", "none" (it asks no database).
COMMANDS = {
    "serve": (None, "serve more", USAGE, "unexpected argument", "none"),
    "migrate up": ("migrate up", "migrate up more", USAGE, "unexpected argument", "reads"),
    "migrate status": ("migrate status", "migrate status --since 1", USAGE, "unknown option --since", "reads"),
    "client create": ("client create --id one --name One --owner 42 --secret-file secret --callback http://127.0.0.1/ready", "client create --id one --name ''", USAGE,
                      "must not be empty", "writes"),
    "client list": ("client list", "client list --format xml", USAGE, "--format must be", "reads"),
    "client get": ("client get one", "client get nobody", REFUSED, "no such client", "reads"),
    "client update": ("client update one --name Uno", "client update one --callback javascript:x", USAGE, "javascript", "writes"),
    "client rotate-secret": ("client rotate-secret one", "client rotate-secret one --overlap soon", USAGE, "--overlap", "writes"),
    "client disable": ("client disable one", "client disable nobody", REFUSED, "no such client", "writes"),
    "client enable": ("client enable one", "client enable nobody", REFUSED, "no such client", "writes"),
    "client reject": ("client reject one", "client reject nobody", REFUSED, "no such client", "writes"),
    "client approve": ("client approve one", "client approve nobody", REFUSED, "no such client", "writes"),
    "client import": ("client import clients", "client import broken", REFUSED, "line 1", "writes"),
    "client export": ("client export --secrets kept-clients", "client export --secrets kept-clients", USAGE, "kept-clients", "reads"),
    "user create": ("user create --username ann --password-file password", "user create --username bob --password-file nowhere", USAGE,
                    "No such file", "writes"),
    "user list": ("user list", "user list --format xml", USAGE, "--format must be", "reads"),
    "user set-password": ("user set-password ann --password-file password", "user set-password nobody --password-file password",
                          REFUSED, "no such user", "writes"),
    "user disable": ("user disable ann", "user disable nobody", REFUSED, "no such user", "writes"),
    "user enable": ("user enable ann", "user enable nobody", REFUSED, "no such user", "writes"),
    "user set-local-subject": ("user set-local-subject jane", "user set-local-subject nobody", REFUSED, "no such user", "writes"),
    "user import": ("user import users", "user import broken", REFUSED, "line 1", "writes"),
    "user export": ("user export --secrets kept-users", "user export --secrets", USAGE, "FILE", "reads"),
    "resource-server create": ("resource-server create --name photos --origin https://a.example",
                               "resource-server create --name photos --origin https://a.example", REFUSED, "there is a live one", "writes"),
    "resource-server list": ("resource-server list", "resource-server list all", USAGE, "unexpected argument", "reads"),
    "resource-server rotate-key": ("resource-server rotate-key photos", "resource-server rotate-key nobody", REFUSED,
                                   "no such resource server", "writes"),
    "token import": ("token import tokens", "token import broken", REFUSED, "line 1", "writes"),
    "token list": ("token list --client one", "token list --clinet one", USAGE, "did you mean --client", "reads"),
    "token export": ("token export --secrets kept-tokens", "token export --secrets kept-tokens", USAGE, "kept-tokens", "reads"),
    "token revoke": ("token revoke --client one", "token revoke nobody", REFUSED, "no such token", "writes"),
    "seal status": ("seal status", "seal status k1", USAGE, "unexpected argument", "reads"),
    "seal rewrite": ("seal rewrite", "seal rewrite k1", USAGE, "unexpected argument", "writes"),
    "janitor": ("janitor", "janitor --audit-retention 0", USAGE, "OAUTH1_AUDIT_RETENTION", "reads"),
    "audit": ("audit --since 1h", "audit --since never", USAGE, "--since", "reads"),
    "why": ("why one", "why", USAGE, "it needs ID", "reads"),
    "pages export": ("pages export pages", "pages export pages", REFUSED, "already", "none"),
    "config check": ("config check", "config check --workers 0", USAGE, "OAUTH1_WORKERS", "none"),
    "config print": ("config print", "config print --format xml", USAGE, "--format must be", "none"),
    "healthcheck": ("healthcheck --ops-listen {ops}", "healthcheck --ops-listen nowhere", USAGE, "OAUTH1_OPS_LISTEN", "none"),
    "completion": ("completion bash", "completion csh", USAGE, "not for csh", "none"),
    "man": ("man audit", "man clinet", USAGE, "there is no command", "none"),
    "sign": ("sign GET https://a.example/ --client one --client-secret s", "sign GET nowhere --client one --client-secret s", USAGE,
             "must be absolute", "none"),
    "explain": ("explain", "explain more", USAGE, "unexpected argument", "none"),
    "perform three-legged": ("perform three-legged --url {url} --client one --client-secret {secret} --username jane --password-file password",
                             "perform three-legged --client one --client-secret s --url nowhere", USAGE, "must be absolute", "none"),
    "resource-server revoke": ("resource-server revoke photos", "resource-server revoke nobody", REFUSED, "no such resource server",
                               "writes"),
    "user delete": ("user delete ann", "user delete nobody", REFUSED, "no such user", "writes"),
    "client delete": ("client delete one", "client delete nobody", REFUSED, "no such client", "writes"),
    "seal forget": ("seal forget fleet --secrets-keys {other_keys}", "seal forget nothing", REFUSED, "no such key", "writes"),
    "nonces guard": ("nonces guard --while-running", "nonces guard now", USAGE, "unexpected argument", "writes"),  # the last: then a guard is on
}

@pytest.fixture(params=KINDS)
def running(request):
    folder = Path(tempfile.mkdtemp(prefix="countersign-every-call-"))
    folder.chmod(0o755)  # for another user of the machine
    try:
        with running_on(request.param, folder, OAUTH1_SECRETS_KEYS=SECRETS_KEYS, **TOKENS) as made:
            yield made
    finally:
        shutil.rmtree(folder)


def commands_of(provider, binary="auth-service"):
    shown = provider.command("--help", binary=binary).out
    return [line[2:28].strip() for line in shown.splitlines() if line.startswith("  ")]


def prepare(running):
    """The files that the lines of COMMANDS name, and a user as an earlier version numbered her."""
    client = {"client_id": "two", "client_secret": SECRET, "name": "Two"}
    token = {"oauth_token": "t" * 40, "oauth_token_secret": SECRET, "client_id": "one", "username": "ann"}
    for name, text in (("secret", SECRET), ("password", PASSWORD), ("broken", "{"), ("admin", ADMIN_TOKEN), ("reader", READ_TOKEN),
                       ("stranger", "x" * 40), ("login", LOGIN_TOKEN), ("clients", json.dumps(client)),
                       ("users", json.dumps({"username": "kim"})), ("tokens", json.dumps(token))):
        (running.provider.directory / name).write_text(text + "\n")
    running.sql("UPDATE users SET subject = '4711' WHERE username = 'jane'")


def run(provider, line):
    ops = urlsplit(provider.auth.ops).netloc
    return provider.command(*shlex.split(line.format(url=provider.url, ops=ops, secret=SECRET, other_keys=OTHER_KEYS)))


def let_others_read(running):
    """Another user of the machine, or of MySQL, may read the database from now on."""
    if hasattr(running, "stores"):
        database = running.stores.database
        database.sql(f"CREATE USER reader@'%' IDENTIFIED BY '{database.password}';"
                     f"GRANT SELECT ON {database.database}.* TO reader@'%'", user="root")
    else:
        for path in running.provider.directory.glob("oauth1.db*"):
            path.chmod(0o644)


def run_as_another(running, line):
    provider = running.provider
    if hasattr(running, "stores"):
        database = running.stores.database
        url = database.url.replace(f"//{database.user}:", "//reader:")
        return run(provider, f"{line} --database-url '{url}'")
    words = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", BIN / "auth-service", *shlex.split(line)]
    done = subprocess.run(words, capture_output=True, text=True, cwd=provider.directory, env=clean_environment(provider.variables),
                          timeout=60)
    return Outcome(done.returncode, done.stdout, done.stderr)


def take_away(running):
    """The database goes, and what stands in its place is none."""
    for service in running.provider.services:
        service.stop()
    if hasattr(running, "stores"):
        running.stores.database.kill()
        return
    for path in running.provider.directory.glob("oauth1.db*"):
        path.unlink()
    running.provider.database.mkdir()


class Faults(list):
    """What did not end as it should, all of it, so that one run tells everything."""

    def check(self, what, done, code, said=""):
        if done.code != code or said not in done.err:
            self.append(f"{what}: {code} and \"{said}\" are due, and it is {done}")


def check_rights(faults, running, name, line, rights):
    """Before the command is done: by another user of the store, and by those who may not ask the server for it."""
    if rights == "writes" and (hasattr(running, "stores") or os.geteuid() == 0) and "{" not in line:
        said = "lacks a privilege" if hasattr(running, "stores") else "read-only"
        faults.check(f"{line}, by another user", run_as_another(running, line), STORE, said)
    if "--server URL" not in run(running.provider, f"{name} --help").out:
        return
    server = f"--server {running.provider.admin_url} --admin-token-file"
    for token in ("stranger", "login", *(["reader"] if rights == "writes" else [])):
        faults.check(f"{line}, by {token}", run(running.provider, f"{line} {server} {token}"), REFUSED, "token")
    if rights == "reads":
        faults.check(f"{line}, by reader", run(running.provider, f"{line} {server} reader"), DONE)


def test_every_command(running):
    provider, faults = running.provider, Faults()
    assert set(COMMANDS) == set(commands_of(provider)) and set(commands_of(provider, "introspection-service")) < set(COMMANDS)
    prepare(running)
    let_others_read(running)
    for name, (line, wrong, code, said, rights) in COMMANDS.items():
        if line:
            check_rights(faults, running, name, line, rights)
            faults.check(line, run(provider, line), DONE)
        faults.check(wrong, run(provider, wrong), code, said)
    take_away(running)
    for name, (line, _, _, _, rights) in COMMANDS.items():
        if rights != "none":
            faults.check(f"{line}, without the database", run(provider, line), STORE, "database")
    # what stands in a file's place is found with the configuration; a server may come
    faults.check("serve, without the database", run(provider, "serve"), STORE if hasattr(running, "stores") else USAGE, "database")
    assert not faults, "\n".join(faults)


def test_every_admin_call(running):
    """That each documented answer is given is for test_contract.py; here it is on either kind of stores."""
    provider = running.provider
    documented = {(method, path) for path, method, _ in contract.DOCUMENTS["auth"].documented() if path and path.startswith("/admin/")}
    there = {(method.lower(), contract.DOCUMENTS["auth"].find_path("/admin/v1/" + path.partition("?")[0])) for method, path, *_ in DEEDS}
    assert there | set(OF_A_SITE) == documented and not there & set(OF_A_SITE)
    for (_, path), file in OF_A_SITE.items():
        text = (Path(__file__).parent / file).read_text()
        assert "params=KINDS" in text and all(word in text for word in re.findall(r"reject|accept|sessions", path))
    conversation = Conversation("auth", provider.admin_url)
    ask_deeds(provider.admin_url, conversation)
    if hasattr(running, "stores"):
        running.stores.database.kill()
    else:
        for table in ("clients", "tokens", "users", "resource_servers", "sealing_keys", "audit"):
            running.sql(f"ALTER TABLE {table} RENAME TO gone_{table}")
    for method, path, body, _ in DEEDS:
        ask_deed(conversation, 503, method, path.format_map(defaultdict(lambda: "made")), body, match="*")
