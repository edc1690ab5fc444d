"""Several auth-services and introspection-services on one MariaDB and one Redis, as one provider."""

import json
import subprocess
from contextlib import contextmanager

from harness.fault_proxy import FaultProxy
from harness.flow import Flow
from harness.owner import Owner
from harness.provider import BIN, Provider
from harness.stores import MariaDB, Redis

LOAD = BIN.parent / "load/load"
PASSWORD = "correct horse battery staple"
API_URL = "http://api.example/photos?size=original"


class Stores:
    """MariaDB and Redis; with `faulty`, each behind a proxy that can break the way to it."""

    def __init__(self, directory, faulty=False, **redis_options):
        self.database = MariaDB(directory / "mariadb")
        self.redis = Redis(directory / "redis", **redis_options)
        self.database_proxy = FaultProxy(self.database.port) if faulty else None
        self.redis_proxy = FaultProxy(self.redis.port) if faulty else None

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
            "OAUTH1_DATABASE_URL": self.database.url_to(database.port, "?tls=off"),
            "OAUTH1_REDIS_URL": f"redis://127.0.0.1:{redis.port}",
        }


class Fleet(Provider):
    """All of them sign for the public URL of the first, and each listens on ports of its own."""

    def __init__(self, directory, stores, auths=4, introspections=4, **variables):
        super().__init__(directory, **{"OAUTH1_LOG_LEVEL": "warn", **stores.variables(), **variables})
        self.stores = stores
        self.auths = [self.auth, *(self.new_auth(f"-{i}") for i in range(2, auths + 1))]
        self.introspections = [
            self.introspection, *(self.new_introspection(f"-{i}") for i in range(2, introspections + 1))
        ]
        self.services = (*self.auths, *self.introspections)

    def start(self):
        assert self.command("migrate", "up").code == 0
        for service in self.services:
            service.launch()
        for service in self.services:
            service.wait_until_ready()
        return self

    def signers(self, client, count, owner="jane"):
        """Signers that hold a token each."""
        person = Owner(self, owner, PASSWORD)
        return [Flow(self, client, person).token() for _ in range(count)]


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

    def first_line(self):
        """Waits until the tool is at work."""
        self.lines.append(json.loads(self.process.stdout.readline()))

    def finish(self, timeout=120):
        """Every line; the last is the summary."""
        try:
            out, err = self.process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise
        assert self.process.returncode == 0, err
        return [*self.lines, *(json.loads(line) for line in out.splitlines())]

    def end(self):
        self.process.kill()
        self.process.communicate()


def load(*arguments, timeout=120, **options):
    """The lines of a whole run."""
    return Load(*arguments, **options).finish(timeout)


@contextmanager
def loading(*arguments, **options):
    """Runs meanwhile; the caller may finish() it, and it is ended in any case."""
    run = Load(*arguments, **options)
    try:
        yield run
    finally:
        if run.process.poll() is None:
            run.end()
