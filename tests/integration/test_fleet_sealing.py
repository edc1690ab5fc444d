"""Sealing keys are rotated and retired while requests go on: the new key last everywhere, then first, `seal rewrite`, and
the old key out. No request may notice; and a key that is still needed cannot be taken out by mistake.

A machine that is too busy for a store's deadline makes a 503 too, which clients try again; so the logs are asked whether
any secret did not open. Release binaries, since there is much to do at once."""

import base64
import json
import os
import signal
import sqlite3
import subprocess
import threading
import time
from contextlib import contextmanager

import pytest
import requests
from harness.fleet import Fleet, Stores, release_binaries
from harness.flow import Flow, send
from harness.owner import Owner, until_answered
from harness.provider import PASSWORD, Provider, clean_environment
from test_reload import reload

OLD, NEW = (f"{name}:{base64.b64encode(os.urandom(32)).decode()}" for name in ("old", "new"))
pytestmark = pytest.mark.xdist_group("fleet-sealing")
MANY = 400  # four batches


class OnMariaDB(Fleet):
    def __init__(self, directory, keys):
        super().__init__(directory / "fleet", Stores(directory), auths=2, introspections=2, OAUTH1_LOG_LEVEL="info", bin=release_binaries(),
                         OAUTH1_SECRETS_KEYS=None, OAUTH1_SECRETS_KEYS_FILE=keys, OAUTH1_CACHE_TTL=1)

    def start(self):
        self.stores.start()
        return super().start()

    def stop(self):
        super().stop()
        self.stores.stop()

    def sql(self, statement):
        return self.stores.database.sql(statement)


class OnSQLite(Provider):
    def __init__(self, directory, keys):
        super().__init__(directory / "provider", OAUTH1_SECRETS_KEYS_FILE=keys, OAUTH1_CACHE_TTL=1, bin=release_binaries(),
                         OAUTH1_RATE_LIMIT_LOGIN_ADDRESS=100000, OAUTH1_RATE_LIMIT_LOGIN_ACCOUNT=100000)

    def sql(self, statement):
        with sqlite3.connect(self.database, timeout=20) as database:
            return [[str(value) for value in row] for row in database.execute(statement).fetchall()]


@pytest.fixture
def keys(tmp_path):
    path = tmp_path / "keys"
    path.write_text(OLD)
    return path


@pytest.fixture(params=[OnMariaDB, OnSQLite], ids=["mariadb", "sqlite"])
def provider(request, tmp_path, keys):
    made = request.param(tmp_path, keys)
    try:
        made.start()
        made.create_user("jane", PASSWORD)
        yield made
    finally:
        made.stop()


def import_clients(provider, count):
    lines = "".join(f'{{"client_id": "c{i}", "client_secret": "secret-of-{i}", "name": "n"}}\n' for i in range(count))
    outcome = provider.command("client", "import", "-", stdin=lines)
    assert outcome.code == 0, outcome


class Crowd:
    """Clients that go on meanwhile; each answer that was not what it should be is kept."""

    def __init__(self, provider):
        self.failures, self.counts, self.over = [], {"introspect": 0, "initiate": 0, "token": 0}, threading.Event()
        self.provider, self.key = provider, provider.create_resource_server()
        client = provider.create_client()
        self.token = Flow(provider, client, Owner(provider, "jane", PASSWORD)).token()
        self.flow = Flow(provider, client)
        self.threads = [threading.Thread(target=self.repeat, args=(name,)) for name in self.counts]

    def introspect(self):
        answer = until_answered(lambda: self.provider.introspect(self.key, self.token.sign("GET", "http://api.example/")))
        assert answer.status_code == 200 and answer.json()["active"], answer.text

    def initiate(self):
        answer = until_answered(lambda: send(self.flow.initiate_request()))
        assert answer.status_code == 200, answer.text

    def issue(self):
        flow = Flow(self.provider, self.provider.create_client(), Owner(self.provider, "jane", PASSWORD))
        self.provider_token = flow.token()

    def repeat(self, name):
        call = {"introspect": self.introspect, "initiate": self.initiate, "token": self.issue}[name]
        while not self.over.is_set():
            try:
                call()
            except Exception as failure:  # a thread's failure would be nobody's
                self.failures.append(f"{name}: {failure!r}")
            self.counts[name] += 1

    def assert_well(self):
        assert self.failures == [], self.failures[:5]
        assert "does not open" not in self.provider.logs()

    def wait_for_more(self, count=3):
        """Of each kind, begun and ended from now on."""
        wanted = {name: done + count for name, done in self.counts.items()}
        until = time.monotonic() + 60
        while any(self.counts[name] < wanted[name] for name in wanted):
            assert time.monotonic() < until, (self.counts, wanted)
            time.sleep(0.02)


@contextmanager
def crowd_of(provider):
    crowd = Crowd(provider)
    for thread in crowd.threads:
        thread.start()
    try:
        yield crowd
    finally:
        crowd.over.set()
        for thread in crowd.threads:
            thread.join(60)


def set_keys(provider, keys, text):
    written = keys.with_suffix(".new")
    written.write_text(text)
    written.rename(keys)  # commands read it at any moment
    for service in provider.services:
        reload(service)


def keys_in_use(provider):
    return sorted(row["key"] for row in provider.expect("seal", "status") if row["in_use"])


def wait_for_metric(provider, keys):
    """Every process shows these keys within some seconds."""
    wanted = {f'oauth1_sealing_key_in_use{{key="{key}"}} 1' for key in keys}
    until = time.monotonic() + 20
    for service in provider.services:
        while True:
            text = requests.get(service.ops + "/metrics", timeout=5).text
            found = {line for line in text.splitlines() if line.startswith("oauth1_sealing_key_in_use{")}
            if found == wanted:
                break
            assert time.monotonic() < until, (found, wanted)
            time.sleep(0.1)


def rewrite_killed_half_way(provider):
    """kill -9 as soon as some batch is there and another is not."""
    process = subprocess.Popen([provider.bin / "auth-service", "seal", "rewrite"], cwd=provider.directory,
                               env=clean_environment(provider.variables), stderr=subprocess.PIPE)
    count = "SELECT COUNT(*) FROM client_secrets WHERE substr(sealed, 3, 3) = {}"
    old = count.format("0x6f6c64" if isinstance(provider, OnMariaDB) else "x'6f6c64'")
    before = int(provider.sql(old)[0][0])
    until = time.monotonic() + 30
    while int(provider.sql(old)[0][0]) == before:
        assert time.monotonic() < until
    process.send_signal(signal.SIGKILL)
    process.wait()
    return before, int(provider.sql(old)[0][0])


def test_a_key_is_rotated_and_retired_and_no_request_notices(provider, keys):
    import_clients(provider, MANY)
    assert keys_in_use(provider) == ["old"]
    with crowd_of(provider) as crowd:
        crowd.wait_for_more()
        set_keys(provider, keys, f"{OLD},{NEW}")
        crowd.wait_for_more()
        set_keys(provider, keys, f"{NEW},{OLD}")
        crowd.wait_for_more()
        assert keys_in_use(provider) == ["new", "old"]
        wait_for_metric(provider, ["new", "old"])
        before, left = rewrite_killed_half_way(provider)
        assert before > left, "it was killed before it did anything"
        crowd.wait_for_more()
        done = provider.expect("seal", "rewrite")
        assert done["in_use"] == ["new"] and done["damaged"] == 0, done
        assert keys_in_use(provider) == ["new"]
        crowd.wait_for_more()
        set_keys(provider, keys, NEW)
        crowd.wait_for_more()
    crowd.assert_well()
    wait_for_metric(provider, ["new"])
    for service in provider.services:  # and it starts with the new key alone
        service.stop()
        service.start()
    with crowd_of(provider) as crowd:
        crowd.wait_for_more()
    crowd.assert_well()


def test_a_key_that_is_in_use_cannot_be_taken_out(provider, keys):
    """Not by SIGHUP, not by a restart; the rewrite that is needed is named. A key that is lost can be given up."""
    old, flow = provider.create_client(), None
    keys.write_text(f"{NEW},{OLD}")
    for service in provider.services:
        reload(service)
    new = provider.create_client()
    keys.write_text(NEW)
    for service in provider.services:
        line = reload(service, "the configuration stays as it was")
        assert "the key old is missing" in line["why"] and "seal rewrite" in line["why"], line
    for flow in (Flow(provider, old), Flow(provider, new)):
        assert send(flow.initiate_request()).status_code == 200
    refused = provider.command("seal", "forget", "new")
    assert refused.code == 1 and "still has it" in refused.err, refused
    outcome = provider.command("seal", "forget", "old")
    assert outcome.code == 0, outcome
    for service in provider.services:
        reload(service)
    assert send(Flow(provider, new).initiate_request()).status_code == 200
    assert provider.command("seal", "forget", "old").code == 1


def exported(provider, kind, code, name):
    """The lines with secrets by their ids, and what was said."""
    path = provider.directory / name
    outcome = provider.command(kind, "export", "--secrets", path)
    assert outcome.code == code, outcome
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    return {line["client_id" if kind == "client" else "oauth_token"]: line for line in lines}, outcome.err


def test_what_a_lost_key_sealed_is_mended_by_the_documented_commands(provider, keys):
    """Of those that it sealed each is shown, changed and given a new secret; all others are exported meanwhile."""
    lost, other = provider.create_client(), provider.create_client()
    flow = Flow(provider, lost, Owner(provider, "jane", PASSWORD))
    flow.token()
    keys.write_text(f"{NEW},{OLD}")
    for service in provider.services:
        reload(service)
    good = provider.create_client()
    good_flow = Flow(provider, good, Owner(provider, "jane", PASSWORD))
    good_token = good_flow.token().token
    jti = provider.expect("token", "list", "--client", lost.client_id)[0]["jti"]
    keys.write_text(NEW)
    assert provider.command("seal", "forget", "old").code == 0
    for service in provider.services:
        reload(service)
    begin = time.monotonic()
    while send(Flow(provider, lost).initiate_request()).status_code != 503:
        assert time.monotonic() - begin < 10  # it may be in a cache
        time.sleep(0.2)

    shown = provider.expect("client", "get", lost.client_id)
    assert f"client rotate-secret {lost.client_id}" in shown["damage"] and "the key old" in shown["damage"], shown
    assert "damage" not in provider.expect("client", "get", good.client_id)
    assert provider.expect("client", "update", lost.client_id, "--contact", "ops")["contact"] == "ops"
    lines, said = exported(provider, "client", 1, "clients-1")
    assert set(lines) == {good.client_id} and lines[good.client_id]["client_secret"] == good.client_secret
    assert all(f"client {client.client_id}: its secret does not open" in said for client in (lost, other)), said
    assert "1 lines; 2 left out" in said, said
    lines, said = exported(provider, "token", 1, "tokens-1")
    assert set(lines) == {good_token} and f"token revoke {jti}" in said and "1 lines; 1 left out" in said, said
    plain = provider.command("client", "export")  # needs no secret
    assert plain.code == 0 and len(plain.out.splitlines()) == 3 and f"client rotate-secret {lost.client_id}" in plain.err, plain
    plain = provider.command("token", "export")
    assert plain.code == 0 and len(plain.out.splitlines()) == 2, plain
    again = provider.command("client", "import", "-", "--format", "json",
                             stdin="".join(json.dumps({"client_id": client.client_id, "client_secret": client.client_secret, "name": "n"}) + "\n"
                                           for client in (lost, good)))
    assert again.code == 1 and (again.json()["refused"], again.json()["skipped"]) == (1, 1), again
    assert "line 1: it exists already" in again.err and f"client rotate-secret {lost.client_id}" in again.err, again

    for client in (lost, other):
        made = provider.expect("client", "rotate-secret", client.client_id)
        assert "former_secret_until" not in made, made
        client.client_secret = made["client_secret"]
        assert until_answered(lambda client=client: send(Flow(provider, client).initiate_request())).status_code == 200
    assert "damage" not in provider.expect("client", "get", lost.client_id)
    lines, _ = exported(provider, "client", 0, "clients-2")
    assert {line["client_id"]: line["client_secret"] for line in lines.values()} == \
        {client.client_id: client.client_secret for client in (lost, other, good)}
    assert provider.command("token", "revoke", jti).code == 0
    assert set(exported(provider, "token", 0, "tokens-2")[0]) == {good_token}
    Flow(provider, lost, Owner(provider, "jane", PASSWORD)).token()


def test_one_damaged_secret_is_its_clients_trouble_alone(provider, keys):
    """Even the newest one: services start, and a rewrite names it and does the rest."""
    good, bad = provider.create_client(), provider.create_client()
    provider.sql("UPDATE client_secrets SET sealed = (SELECT s.sealed FROM (SELECT MIN(sealed) AS sealed FROM client_secrets"
                 " WHERE id = (SELECT MIN(id) FROM client_secrets)) s) WHERE id = 2")
    for service in provider.services:
        service.stop()
        service.start()
    assert send(Flow(provider, good).initiate_request()).status_code == 200
    assert send(Flow(provider, bad).initiate_request()).status_code == 503
    set_keys(provider, keys, f"{NEW},{OLD}")
    outcome = provider.command("seal", "rewrite", "--format", "json")
    assert outcome.code == 0 and outcome.json()["damaged"] == 1 and f"client {bad.client_id}" in outcome.err, outcome
    set_keys(provider, keys, NEW)
    assert send(Flow(provider, good).initiate_request()).status_code == 200
