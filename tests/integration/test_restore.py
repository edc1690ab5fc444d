"""docs/restore.md, typed as it stands there: what is lost comes back with its sealing keys, and what was accepted after the backup is
not accepted again."""

import base64
import os
import re
import shutil
import subprocess
import threading
import time

import pytest

from harness.document import commands_of
from harness.fleet import Fleet, Stores
from harness.flow import Flow
from harness.kubectl import Cluster
from harness.owner import Owner, until_answered
from harness.provider import BIN, PASSWORD, Provider, clean_environment
from harness.stores import RedisCluster

LEAD_S = 12
API = "http://api.example/"
pytestmark = pytest.mark.xdist_group("restore")


class Site:
    """What the page's folders stand for, and how to lose it all."""

    def __init__(self, directory):
        self.folder = directory
        for name in ("etc/countersign", "backup", "safe"):
            (directory / name).mkdir(parents=True)
        self.keys = directory / "etc/countersign/sealing-keys"
        self.write_keys("first")
        self.variables = {"OAUTH1_SECRETS_KEYS": None, "OAUTH1_SECRETS_KEYS_FILE": self.keys, "OAUTH1_TIMESTAMP_LEAD": LEAD_S,
                          "OAUTH1_LOG_LEVEL": "warn"}

    def kept(self):
        """The backup's files, and when each was written."""
        files = [path for name in ("backup", "safe") for path in (self.folder / name).rglob("*") if path.is_file()]
        return {path: path.stat().st_mtime_ns for path in files}

    def write_keys(self, name):
        self.keys.write_text(f"{name}:{base64.b64encode(os.urandom(32)).decode()}")

    def outcome(self, provider, title, without=(), **variables):
        """Of the block of docs/restore.md that begins with this comment, without the lines that have such a text."""
        lines = [line for line in commands_of("restore.md", title).splitlines() if not any(text in line for text in without)]
        script = "\n".join(lines).replace("/var/lib/countersign/", f"{provider.directory}/")
        for name in ("etc/countersign", "backup", "safe"):
            script = re.sub(rf"(?<=[ '<=])/{name}\b", f"{self.folder}/{name}", script)
        environment = clean_environment(provider.variables) | {"PATH": os.environ["PATH"]} | variables
        return subprocess.run(["bash", "-c", script], capture_output=True, text=True, timeout=60, cwd=self.folder,
                              env=environment | {"PATH": f"{BIN}:{environment['PATH']}"}, stdin=subprocess.DEVNULL)

    def run(self, provider, title, without=(), **variables):
        done = self.outcome(provider, title, without, **variables)
        assert done.returncode == 0, f"{done.args}\n{done.stdout}{done.stderr}"
        return done.stdout

    def lose(self, provider):
        provider.kill()
        self.keys.unlink()


class OnSQLite(Provider):
    engine = "sqlite"

    def __init__(self, site):
        super().__init__(site.folder / "provider", **site.variables)

    def grow_old(self):
        pass

    def lose(self):
        for file in self.directory.glob("oauth1.db*"):
            file.unlink()


class OnMariaDB(Fleet):
    engine, stores_of = "mysql", Stores

    def __init__(self, site):
        super().__init__(site.folder / "fleet", self.stores_of(site.folder), auths=1, introspections=2, **site.variables)
        self.stores.start()
        database = self.stores.database
        options = site.folder / "etc/countersign/backup.cnf"
        options.write_text(f'[client]\nhost=127.0.0.1\nport={database.port}\nuser={database.user}\npassword="{database.password}"\n')
        options.chmod(0o600)

    def stop(self):
        super().stop()
        self.stores.stop()

    def grow_old(self):
        """In a copy that is older than 305 s, users do not show what was accepted since (rule 9 of nonce-guard.md)."""
        self.stores.database.sql("DELETE FROM nonce_users")

    def lose(self):
        """A new MariaDB and a new Redis, both empty."""
        self.stores.stop()
        shutil.rmtree(self.stores.database.data)
        for server in getattr(self.stores.redis, "nodes", [self.stores.redis]):
            shutil.rmtree(server.directory)
            server.directory.mkdir()
        self.stores.start()


class WithCluster(Stores):
    def __init__(self, directory):
        super().__init__(directory)
        self.redis = RedisCluster(directory / "redis")

    def variables(self):
        return {"OAUTH1_DATABASE_URL": self.database.url, "OAUTH1_REDIS_URL": self.redis.url}


class OnCluster(OnMariaDB):
    stores_of = WithCluster


@pytest.fixture(params=[OnMariaDB, OnSQLite], ids=["mariadb", "sqlite"])
def provider(request, site):
    made = request.param(site)
    try:
        yield made
    finally:
        made.stop()


@pytest.fixture
def site(tmp_path):
    return Site(tmp_path)


def is_active(provider, key, request):
    answer = provider.introspect(key, request)
    return answer.status_code == 200 and answer.json()["active"]


class Asked:
    """A client that goes on asking."""

    def __init__(self, provider, key, token):
        self.over, self.answers = threading.Event(), []
        self.thread = threading.Thread(target=self.run, args=(provider, key, token))

    def run(self, provider, key, token):
        while not self.over.is_set():
            self.answers.append(until_answered(lambda: provider.introspect(key, token.sign("GET", API))).json()["active"])

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.thread.join()
        assert self.answers and all(self.answers), "who asked during the backup was not served"


def fails_to_serve(provider, service):
    done = provider.command("serve", binary=service.name, **service.variables)
    return done.code, done.err


def wait_until_served(provider, key, token):
    deadline = time.monotonic() + LEAD_S + 30
    while not is_active(provider, key, token.sign("GET", API)):
        assert time.monotonic() < deadline, provider.logs()[-2000:]
        time.sleep(0.2)


def start(provider):
    """During a guard a service is alive, and not ready."""
    for service in provider.services:
        service.launch()
    for service in provider.services:
        service.wait_until_alive()


@pytest.mark.parametrize("provider", [OnMariaDB, OnCluster, OnSQLite], ids=["mariadb", "cluster", "sqlite"], indirect=True,
                         scope="function")
def test_what_was_lost_comes_back_by_the_page_and_no_request_passes_twice(provider, site):
    provider.start()
    provider.create_user("jane", PASSWORD)
    key, client = provider.create_resource_server(), provider.create_client()
    token = Flow(provider, client, Owner(provider, "jane", PASSWORD)).token()
    before = token.sign("GET", API)
    assert is_active(provider, key, before)
    with Asked(provider, key, token):
        site.run(provider, f"backup of {provider.engine}")
    kept = site.kept()
    assert site.outcome(provider, f"backup of {provider.engine}").returncode != 0 and site.kept() == kept
    # a client whose clock is ahead: no range of the copy has its timestamp
    after = token.sign("GET", API, oauth_timestamp=str(int(time.time()) + LEAD_S - 3))
    assert is_active(provider, key, after)

    site.lose(provider)
    provider.lose()
    site.write_keys("other")
    site.run(provider, f"restore of {provider.engine}", without=("sealing-keys", "seal status", "nonces guard"))
    for service in provider.services:
        code, said = fails_to_serve(provider, service)
        assert code == 1 and "the key first is missing" in said and "auth-service seal forget first" in said, said
    site.keys.unlink()
    for service in provider.services:
        code, said = fails_to_serve(provider, service)
        assert code != 0 and str(site.keys) in said and "OAUTH1_SECRETS_KEYS_FILE" in said, said

    provider.lose()
    site.run(provider, f"restore of {provider.engine}")
    provider.grow_old()
    start(provider)
    assert not is_active(provider, key, after) and not is_active(provider, key, before)
    wait_until_served(provider, key, token)
    assert not is_active(provider, key, after) and not is_active(provider, key, before)
    again = Flow(provider, client, Owner(provider, "jane", PASSWORD)).token()
    assert is_active(provider, key, again.sign("GET", API))


@pytest.mark.parametrize("provider", [OnMariaDB], ids=["mariadb"], indirect=True, scope="function")
def test_what_was_lost_in_kubernetes_comes_back_by_the_page(provider, site):
    """The steps in their order, against the manifests; what a pod would run is run here (harness/kubectl.py)."""
    cluster = Cluster(site.folder / "cluster")
    variables = cluster.install(site.folder / "bin")
    secrets = site.folder / "kubernetes/overlays/mine/secrets"
    secrets.mkdir(parents=True)
    shutil.copy(site.keys, secrets)
    (site.folder / "safe").rmdir()
    provider.start()
    provider.create_user("jane", PASSWORD)
    key, client = provider.create_resource_server(), provider.create_client()
    token = Flow(provider, client, Owner(provider, "jane", PASSWORD)).token()
    site.run(provider, "backup of kubernetes")
    site.run(provider, "backup of mysql")
    after = token.sign("GET", API, oauth_timestamp=str(int(time.time()) + LEAD_S - 3))
    assert is_active(provider, key, after)

    site.run(provider, "stop of kubernetes", **variables)
    assert cluster.read() == {"replicas": {"auth-service": 0, "introspection-service": 0}, "suspended": True, "jobs": {}}
    site.lose(provider)
    provider.lose()
    shutil.rmtree(secrets)
    site.run(provider, "secrets of kubernetes", without=("kubernetes/render",))
    shutil.copy(secrets / "sealing-keys", site.keys)  # as applying would
    site.run(provider, "restore of mysql", without=("sealing-keys", "auth-service "))
    said = site.run(provider, "restore of kubernetes", **variables)
    assert "the schema is current" in said and "first" in said and cluster.read()["jobs"] == {}, said
    provider.grow_old()
    site.run(provider, "start of kubernetes", **variables)
    assert min(cluster.read()["replicas"].values()) > 0 and not cluster.state["suspended"]
    start(provider)
    assert not is_active(provider, key, after)
    wait_until_served(provider, key, token)
    assert not is_active(provider, key, after)


def test_no_guard_is_set_by_mistake_while_somebody_has_the_database_open(provider):
    """A service that runs would answer 503 for a minute and more."""
    provider.start()
    provider.create_user("jane", PASSWORD)
    key, client = provider.create_resource_server(), provider.create_client()
    token = Flow(provider, client, Owner(provider, "jane", PASSWORD)).token()
    others = re.compile(r"process \d+" if provider.engine == "sqlite" else r"connection \d+ from 127\.0\.0\.1")
    refused = provider.command("nonces", "guard")
    assert refused.code == 1 and others.search(refused.err) and "--while-running" in refused.err, refused
    assert is_active(provider, key, token.sign("GET", API))
    provider.services[0].stop()
    refused = provider.command("nonces", "guard")
    assert refused.code == 1 and others.search(refused.err), "the other service runs"
    for service in provider.services[1:]:
        service.stop()
    done = provider.command("nonces", "guard")
    assert done.code == 0 and f"fresh requests are in {LEAD_S + 5} s" in done.err, done
    start(provider)
    assert not is_active(provider, key, token.sign("GET", API))
    assert provider.command("nonces", "guard", "--while-running").code == 0
