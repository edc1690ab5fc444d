"""Several auth-services and introspection-services on one MariaDB and one Redis, as one provider."""

import base64
import json
import os
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path

from harness.fault_proxy import FaultProxy
from harness.flow import Flow
from harness.owner import Owner
from harness.provider import BIN, PASSWORD, ROOT, Provider
from harness.stores import MariaDB, Redis

LOAD = BIN.parent / "load/load"
SECRETS_KEYS = "fleet:" + base64.b64encode(bytes(range(32))).decode()
API_URL = "http://api.example/photos?size=original"


def release_binaries():
    """Without sanitizers, for what is about times and memory."""
    folder = Path(os.environ.get("COUNTERSIGN_RELEASE_BIN", ROOT / "build/bin"))
    assert (folder / "auth-service").exists(), f"no release binaries in {folder}: run ./dev build"
    return folder


class Stores:
    """MariaDB and Redis; those that are named in `faulty` behind a proxy that can break the way to them. On a busy machine
    a proxy is late itself, so the others are reached without."""

    def __init__(self, directory, faulty=(), aof=False, database=None):
        self.database = database or MariaDB(directory / "mariadb")
        self.redis = Redis(directory / "redis", aof=aof)
        self.database_proxy = FaultProxy(self.database.port) if "database" in faulty else None
        self.redis_proxy = FaultProxy(self.redis.port) if "redis" in faulty else None

    def start(self):
        for part in (self.database, self.redis, self.database_proxy, self.redis_proxy):
            if part:
                part.start()
        return self

    def stop(self):
        for part in (self.database_proxy, self.redis_proxy, self.database, self.redis):
            if part:
                part.stop()

    def variables(self):
        database = self.database_proxy or self.database
        redis = self.redis_proxy or self.redis
        return {
            "OAUTH1_DATABASE_URL": self.database.url_to(database.port),
            "OAUTH1_REDIS_URL": f"redis://127.0.0.1:{redis.port}",
        }


class Fleet(Provider):
    """All of them sign for the public URL of the first, and each listens on ports of its own."""

    def __init__(self, directory, stores, auths=4, introspections=4, bin=BIN, **variables):
        defaults = {"OAUTH1_SECRETS_KEYS": SECRETS_KEYS, "OAUTH1_LOG_LEVEL": "warn", "OAUTH1_RATE_LIMIT_LOGIN_ACCOUNT": 100000,
                    "OAUTH1_RATE_LIMIT_LOGIN_ADDRESS": 100000, "OAUTH1_RATE_LIMIT_LOGIN_PAIR": 100000}
        super().__init__(directory, bin, **{**defaults, **stores.variables(), **variables})
        self.stores = stores
        self.auths = [self.auth, *(self.new_auth(f"-{i}") for i in range(2, auths + 1))]
        self.introspections = [
            self.introspection, *(self.new_introspection(f"-{i}") for i in range(2, introspections + 1))
        ]
        self.services = [*self.auths, *self.introspections]

    def add(self, service):
        """One more, which stops with the others."""
        self.services.append(service.start())
        return service

    def migrate(self):
        outcome = self.command("migrate", "up")
        assert outcome.code == 0, outcome

    def start(self):
        self.migrate()
        for service in self.services:
            service.launch()
        for service in self.services:
            service.wait_until_ready()
        return self

    def stop(self):
        """All of them at once."""
        running = [service for service in self.services if service.running()]
        for service in running:
            service.process.terminate()
        for service in running:
            service.wait_for_end()

    def signers(self, client, count):
        """Signers that hold a token of jane's each."""
        owner = Owner(self, "jane", PASSWORD)
        return [Flow(self, client, owner).token() for _ in range(count)]

    def credentials(self, client, count):
        """A file of them for the load tool."""
        return write_credentials(self.directory / "credentials", self.signers(client, count))


@contextmanager
def new_fleet(directory, auths=4, introspections=4, faulty=(), aof=False, stores=None, bin=BIN, arrange=None, **variables):
    """A running one, with jane. `arrange` changes what its services are started with."""
    stores = stores or Stores(directory, faulty, aof)
    fleet = Fleet(directory / "fleet", stores, auths, introspections, bin=bin, **variables)
    if arrange:
        arrange(fleet)
    try:
        stores.start()
        fleet.start()
        fleet.create_user("jane", PASSWORD)
        yield fleet
    finally:
        try:
            fleet.stop()
        finally:
            stores.stop()


def write_credentials(path, signers, verifiers=None):
    """For the load tool."""
    lines = [
        "\t".join([s.client_id, s.client_secret, s.token or "", s.token_secret, *((v,) if v else ())])
        for s, v in zip(signers, verifiers or [None] * len(signers))
    ]
    path.write_text("\n".join(lines) + "\n")
    return path


def addresses(services):
    return ",".join(f"127.0.0.1:{service.port}" for service in services)


class Load:
    """One run of the load tool: its lines as they are, its summary once it ended."""

    def __init__(self, mode, targets, credentials, **options):
        words = [LOAD, mode, "--targets", addresses(targets), "--credentials", credentials]
        for name, value in options.items():
            words += [f"--{name.replace('_', '-')}", value]
        self.lines = []
        self.process = subprocess.Popen(
            list(map(str, words)), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self):
        for line in self.process.stdout:
            self.lines.append(json.loads(line))

    def wait_for(self, condition, seconds, why):
        """Until the condition, which gets the lines so far, holds; what it answered."""
        begin = time.monotonic()
        while not (good := condition(self.lines)):
            assert time.monotonic() - begin < seconds, f"{why}: {self.lines[-20:]}"
            assert self.process.poll() is None, f"{why}: the load tool ended: {self.process.stderr.read()}"
            time.sleep(0.01)
        return good

    def first_line(self):
        """Waits until the tool is at work."""
        self.wait_for(len, 10, "nothing was sent")

    def stop(self):
        """No new requests from now on; the answers and replays of the others are waited for."""
        self.process.terminate()

    def finish(self, timeout=120):
        """Every line; the last is the summary."""
        try:
            self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise
        self.reader.join(10)
        assert self.process.returncode == 0, self.process.stderr.read()
        return self.lines

    def end(self):
        """For a test that failed."""
        self.process.kill()
        self.process.wait()


def load(*arguments, timeout=120, **options):
    """The lines of a whole run."""
    return Load(*arguments, **options).finish(timeout)


def good_calls(who, *arguments, **options):
    """What a benchmark counts: a whole run's calls, all of them found good, but for one in a hundred at most that came too late."""
    first = load("stream", *arguments, **options)[-1]["first"]
    late_verdicts = first["codes"].get("temporarily_unavailable", 0)
    late = first["unavailable"] + late_verdicts
    if sum(first[name] for name in ("refused", "unexpected", "cut", "timed_out")) > late_verdicts or not first["active"]:
        sys.exit(f"{who}: calls were not found good: {first}")
    if first["active"] <= 100 * late:
        sys.exit(f"{who}: {late} calls were answered 503 beside {first['active']} that were good, because a store answered too late."
                 " Other work keeps this machine's processors; measure when it does nothing else")
    return first


@contextmanager
def loading(*arguments, **options):
    """Runs meanwhile; the caller may finish() it, and it is ended in any case."""
    run = Load(*arguments, **options)
    try:
        yield run
    finally:
        if run.process.poll() is None:
            run.end()
