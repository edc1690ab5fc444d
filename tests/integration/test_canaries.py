"""Every secret is a canary, goes every way that it can go, and is then looked for, in each encoding, in all that is left behind:
logs at their most talkative, the audit log, metrics, dumps of the database and of Redis, command lines, core dumps. What a process
holds in its memory is not looked at; what is stored is hashed or sealed."""

import base64
import json
import os
import resource
import shutil
import signal
import subprocess
import threading
import time
from pathlib import Path
from urllib.parse import quote, quote_plus

import pytest
import requests
from harness.flow import Flow, send
from harness.owner import Owner, Page
from harness.provider import Client, clean_environment
from harness.running import KINDS, Embedded, prepared_on

API = "http://api.example/photos"
ADMIN, LOGIN = "canary-admin-token-0123456789abcdef", "canary-login-token-0123456789abcdef"
SEALING_KEY = b"canary-key-of-thirty-two-bytes--"
PASSWORD, FRESH = "canary password of jane, 1", "canary password of jane, 2"
CLIENT_SECRET, NEXT_SECRET = "canary/client+secret=of 30 bytes", "canary/client+secret=that is next"


def encodings(secret):
    """A secret as it is, in base64 at each of its three places, in hex and percent-encoded."""
    raw = secret if isinstance(secret, bytes) else secret.encode()
    found = {raw, raw.hex().encode(), raw.hex().upper().encode(), quote(raw, safe="").encode(), quote_plus(raw).encode(),
             json.dumps(raw.decode(errors="replace"))[1:-1].encode()}
    for shift in range(3):
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            found.add(encode(b"\0" * shift + raw)[4 if shift else 0:-4])
    return {text for text in found if len(text) >= 8}


class CommandLines(threading.Thread):
    """What everybody may read of our processes while they run: again and again, until the end."""

    def __init__(self):
        super().__init__(daemon=True)
        self.seen, self.ended = set(), threading.Event()

    def run(self):
        while not self.ended.is_set():
            for process in Path("/proc").glob("[0-9]*"):
                try:
                    line = (process / "cmdline").read_bytes()
                except OSError:
                    continue
                if b"auth-service" in line or b"introspection-service" in line:
                    self.seen.add(line)


def walk(made, provider):
    """All that there is of secrets, by name, after each went its ways."""
    provider.start()
    client_id = provider.expect("client", "create", "--name", "Canary", "--callback", "http://127.0.0.1/ready", "--scope",
                                "photos:read", "--secret-file", provider.write_file("secret", CLIENT_SECRET))["client_id"]
    key = provider.create_resource_server("--allow-explain")
    owner = Owner(provider, "canary", PASSWORD)
    flow = Flow(provider, Client(client_id, CLIENT_SECRET), owner)
    flow.initiate()
    Owner(provider, "canary", "canary-wrong-password").consent_page(flow.temporary.token)
    send(flow.exchange_request("canary-wrong-verifier"))
    flow.grant()
    credentials = dict(pair.split("=", 1) for pair in flow.exchange().text.split("&"))
    flow.client.token, flow.client.token_secret = credentials["oauth_token"], credentials["oauth_token_secret"]
    for options in ({}, {"explain": True}):
        provider.introspect(key, flow.client.sign("GET", API), **options)
        provider.introspect(key, flow.client.sign("GET", API, tamper=str.swapcase), **options)
        provider.introspect(f"{key}x", flow.client.sign("GET", API), **options)
    page = Page(owner.get("/account/security"))
    csrf = page.form_with("csrf_token")["fields"]["csrf_token"]
    session = dict(owner.session.cookies)
    owner.session.post(provider.url + "/account/password", timeout=20, allow_redirects=False, data={
        "csrf_token": csrf, "current": PASSWORD, "password": FRESH, "again": FRESH})
    Owner(provider, "canary", FRESH).consent_page(flow.temporary.token)
    bearer = {"Authorization": f"Bearer {ADMIN}"}
    path = f"{provider.admin_url}/admin/v1/clients"
    assert requests.get(f"{path}/{client_id}", headers=bearer, timeout=10).status_code == 200
    assert requests.post(f"{path}/{client_id}/rotate-secret", headers=bearer, json={"client_secret": NEXT_SECRET},
                         timeout=10).status_code == 200
    requests.get(f"{provider.admin_url}/admin/v1/authorization-requests/x", headers={"Authorization": f"Bearer {LOGIN}"}, timeout=10)
    requests.post(path, headers=bearer, data='{"name": "x", "client_secret": "' + NEXT_SECRET, timeout=10)
    provider.command("user", "set-password", "canary", "--password-file", provider.write_file("password", PASSWORD))
    # By a file: what stands in a command line is there to see until the command has read it (test_processes.py).
    signed = provider.command("sign", "GET", API, "--env-file", provider.write_file("env", f"""CLIENT_ID={client_id}
CLIENT_SECRET={CLIENT_SECRET}
TOKEN={flow.client.token}
TOKEN_SECRET={flow.client.token_secret}
"""))
    assert signed.code == 0, signed
    provider.command("why", client_id)
    provider.command("config", "print")
    found = {"admin token": ADMIN, "login token": LOGIN, "sealing key": SEALING_KEY, "password": PASSWORD, "next password": FRESH,
             "client secret": CLIENT_SECRET, "next secret": NEXT_SECRET, "resource server's key": key,
             "token secret": flow.client.token_secret, "temporary secret": flow.temporary.token_secret, "verifier": flow.verifier,
             "wrong password": "canary-wrong-password", "wrong verifier": "canary-wrong-verifier"}
    found.update({f"cookie {name}": value for name, value in session.items()})
    if not isinstance(made, Embedded):
        found["database's password"], found["Redis's password"] = made.stores.database.password, REDIS_PASSWORD
    return found


REDIS_PASSWORD = "canary-password-of-redis"


def require_password(made):
    made.stores.redis.call("CONFIG", "SET", "requirepass", REDIS_PASSWORD)
    made.provider.variables["OAUTH1_REDIS_PASSWORD"] = REDIS_PASSWORD
    for service in made.provider.services:
        service.variables["OAUTH1_REDIS_PASSWORD"] = REDIS_PASSWORD


def dump_redis(made, folder):
    """The RDB file, uncompressed, as a backup of Redis has it."""
    port = str(made.stores.redis.port)
    cli = ["redis-cli", "-p", port, "-a", REDIS_PASSWORD, "--no-auth-warning"]
    subprocess.run([*cli, "CONFIG", "SET", "rdbcompression", "no"], check=True, capture_output=True, timeout=20)
    subprocess.run([*cli, "--rdb", folder / "dump.rdb"], check=True, capture_output=True, timeout=20)
    return (folder / "dump.rdb").read_bytes()


def dump_database(made):
    if isinstance(made, Embedded):
        return b"".join(path.read_bytes() for path in made.provider.directory.glob("oauth1.db*") if "key" not in path.name)
    return made.stores.database.dump()


@pytest.fixture(scope="module", params=KINDS)
def left(request, tmp_path_factory):
    """The secrets, and what was left behind: name -> bytes."""
    folder = tmp_path_factory.mktemp(request.param)
    keys = "canary:" + base64.b64encode(SEALING_KEY).decode()
    with prepared_on(request.param, folder, users=(), OAUTH1_LOG_LEVEL="debug", OAUTH1_DECISION_LOG="all", OAUTH1_SECRETS_KEYS=keys,
                     OAUTH1_ADMIN_TOKEN=f"canary:{ADMIN}", OAUTH1_LOGIN_TOKEN=f"canary:{LOGIN}") as made:
        provider, lines = made.provider, CommandLines()
        if not isinstance(made, Embedded):
            require_password(made)
        provider.create_user("canary", PASSWORD)
        lines.start()
        secrets = walk(made, provider)
        found = {
            "metrics": "".join(requests.get(s.ops + "/metrics", timeout=5).text for s in provider.services).encode(),
            "audit log": json.dumps(made.sql("SELECT * FROM audit")).encode(),
            "database": dump_database(made),
        }
        if not isinstance(made, Embedded):
            found["Redis"] = dump_redis(made, folder)
        lines.ended.set()
        lines.join()
        found["command lines"] = b"\n".join(lines.seen)
        provider.stop()
        found["logs"] = provider.logs().encode()
        yield secrets, found, made


def test_no_secret_is_left_anywhere_in_any_encoding(left):
    secrets, found, _ = left
    assert len(secrets) >= 14 and all(len(text) > 200 for text in found.values()), {n: len(t) for n, t in found.items()}
    told = [(secret, place) for secret, value in secrets.items() for place, text in found.items()
            if any(code in text for code in encodings(value))]
    assert told == []


def test_what_is_looked_for_would_be_found():
    """The search itself: a secret in each encoding, with something before it."""
    for place in (PASSWORD, base64.b64encode(b"xx" + PASSWORD.encode() + b"yy").decode(), PASSWORD.encode().hex(), quote(PASSWORD)):
        assert any(code in f"...{place}...".encode() for code in encodings(PASSWORD)), place


@pytest.mark.parametrize("name", ["auth-service", "introspection-service"])
def test_a_process_that_is_killed_leaves_no_core_dump(left, tmp_path, name):
    """SIGSEGV, with a limit that allows a dump and a folder that takes it, leaves none; as a program of the system leaves one."""
    _, _, made = left
    pattern = Path("/proc/sys/kernel/core_pattern").read_text().strip()
    if pattern.startswith("|") or "/" in pattern:
        pytest.skip(f"this kernel gives dumps to {pattern}, which a test cannot look at")

    def allow():
        os.chdir(tmp_path)
        resource.setrlimit(resource.RLIMIT_CORE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))

    subprocess.run([shutil.which("sh"), "-c", "kill -SEGV $$"], preexec_fn=allow, check=False)
    assert list(tmp_path.glob("core*")), "this machine writes no dump at all, so that this test says nothing"
    for dump in tmp_path.glob("core*"):
        dump.unlink()
    service = next(s for s in made.provider.services if s.name == name)
    variables = clean_environment({**service.variables, "ASAN_OPTIONS": "handle_segv=0:disable_coredump=0"})
    process = subprocess.Popen([service.program, "serve"], env=variables, preexec_fn=allow, stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL)
    service.process, service.started = process, time.monotonic()
    service.wait_until_ready()
    process.send_signal(signal.SIGSEGV)
    process.wait(20)
    assert process.returncode == -signal.SIGSEGV and list(tmp_path.glob("core*")) == []
