"""Scenarios: each has services and a Redis of its own, on hosts whose clocks it sets. They share one MariaDB, each with a
database in it and its own way there; they mostly wait, so many run at once. In each, everything that was sent is sent again
until no clock could take it (harness/replays.py)."""

import itertools
import sqlite3
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from harness.fault_proxy import FaultProxy
from harness.fleet import Fleet, release_binaries
from harness.provider import Provider
from harness.replays import Replays
from harness.signer import Signer
from harness.stores import MariaDB, Redis
from harness.wall_clock import WallClock

SKEW, LEAD = 4, 2
BACK_SECONDS = 10  # the durable store is there, and clocks are right
BUSY_SECONDS = 1.2  # what this machine may add to what is seen once a turn
VARIABLES = {"OAUTH1_CACHE_TTL": 300, "OAUTH1_DATABASE_POOL": 2, "OAUTH1_LOG_LEVEL": "info"}


# ---- what a scenario runs on


class Hosts:
    """The clocks of the hosts of our services and of Redis."""

    def __init__(self, directory):
        self.ours = WallClock(directory / "clock-ours")
        self.redis = WallClock(directory / "clock-redis")

    def of(self, host):
        return {"ours": [self.ours], "redis": [self.redis], "both": [self.ours, self.redis], "-": []}[host]


class SharedMariaDB:
    """One server; a database for each scenario. The first is made by `migrate up`, and the others are copies of it: some
    hundred migrations a scenario, of eighteen at once, keep a machine from everything else."""

    def __init__(self, directory):
        self.server = MariaDB(directory)
        self.numbers = itertools.count()
        self.lock = threading.Lock()
        self.schema = None

    def new_database(self):
        name = f"scenario_{next(self.numbers)}"
        self.server.sql(f"CREATE DATABASE {name}; GRANT ALL ON {name}.* TO {MariaDB.user}@'%';", user="root")
        return name

    def make_tables(self, fleet, name):
        with self.lock:
            if not self.schema:
                fleet.migrate()
                self.schema = self.server.dump(name).decode()
                return
        self.server.sql(f"USE {name};\n{self.schema}", timeout=120)

    def url_to(self, port, name):
        return self.server.url_to(port).removesuffix(MariaDB.database) + name


class OwnStores:
    """Redis and the database behind a proxy of the scenario's. Redis is behind one only where it is to be another server: all
    proxies share this process's one interpreter lock, and what they pass on may wait for longer than a service does."""

    def __init__(self, directory, hosts, shared, aof, redis_moves):
        self.redis = Redis(directory / "redis", aof=aof, clock=hosts.redis)
        self.redis_proxy = FaultProxy(self.redis.port) if redis_moves else None
        self.database_proxy = FaultProxy(shared.server.port)
        self.database = shared.new_database()
        self.database_url = shared.url_to(self.database_proxy.port, self.database)

    def start(self):
        for part in (self.redis, self.redis_proxy, self.database_proxy):
            if part:
                part.start()

    def stop(self):
        for part in (self.redis_proxy, self.database_proxy, self.redis):
            if part:
                part.stop()

    def variables(self):
        redis = self.redis_proxy or self.redis
        return {"OAUTH1_DATABASE_URL": self.database_url, "OAUTH1_REDIS_URL": f"redis://127.0.0.1:{redis.port}"}


class World:
    """Introspection-services and their stores."""

    def __init__(self, provider, services):
        self.provider = provider
        self.services = services

    def launch(self):
        for service in self.services:
            service.launch()

    def restart_services(self, end):
        """`end`: kill or stop."""
        for service in self.services:
            getattr(service, end)()
        self.launch()

    def wait_until_up(self):
        """Each answers, whatever it answers."""
        for service in self.services:
            service.wait_until_alive()


class EmbeddedWorld(World):
    """One service with its memory and a SQLite file."""

    def __init__(self, directory, hosts, **variables):
        provider = Provider(directory, release_binaries(), **{**VARIABLES, **hosts.ours.variables(), **variables})
        super().__init__(provider, [provider.introspection])
        self.lock = None

    def prepare(self):
        assert self.provider.command("migrate", "up").code == 0

    def stop(self):
        self.database_back()
        for service in self.services:
            service.stop()

    def database_away(self):
        """Nobody else can write."""
        self.lock = sqlite3.connect(self.provider.database, isolation_level=None, timeout=10, check_same_thread=False)
        self.lock.execute("BEGIN IMMEDIATE")

    def database_back(self):
        if self.lock:
            self.lock.execute("ROLLBACK")
            self.lock.close()
            self.lock = None

    def kill(self):
        for service in self.services:
            service.kill()

    def stop_clean(self):
        for service in self.services:
            service.stop()

    start_again = World.launch


class FleetWorld(World):
    """Services on Redis and MariaDB."""

    def __init__(self, directory, hosts, shared, scenario):
        self.shared = shared
        self.stores = OwnStores(directory, hosts, shared, scenario.aof, scenario.redis_moves)
        fleet = Fleet(directory / "fleet", self.stores, auths=1, introspections=scenario.introspections,
                      bin=release_binaries(), **{**VARIABLES, **hosts.ours.variables(), **scenario.variables()})
        fleet.services = fleet.introspections
        super().__init__(fleet, fleet.introspections)

    def prepare(self):
        self.stores.start()
        self.shared.make_tables(self.provider, self.stores.database)

    def stop(self):
        try:
            self.provider.stop()
        finally:
            self.stores.stop()

    def database_away(self):
        self.stores.database_proxy.set("refuse")

    def database_back(self):
        self.stores.database_proxy.set("pass")

    def kill(self):
        """Redis's host and ours lost power."""
        for service in self.services:
            service.kill()
        self.stores.redis.kill()

    def start_again(self):
        self.stores.redis.start()
        self.launch()


# ---- scenarios and what came of them


@dataclass
class Outcome:
    scenario: object
    directory: str
    back_s: float = None  # for how long one surely did not serve; None: longer than it may
    well_s: float = None  # from the last event until a request of now was refused for the last time
    requests: int = 0
    replays: int = 0
    twice: list = field(default_factory=list)
    untrue: list = field(default_factory=list)
    faults: list = field(default_factory=list)
    timeline: list = field(default_factory=list)

    @property
    def is_good(self):
        is_in_time = self.back_s is not None and self.back_s <= self.scenario.bound_s + BUSY_SECONDS
        return is_in_time and not self.faults and not self.twice and not self.untrue

    def __str__(self):
        back = "never" if self.back_s is None else f"{self.back_s:.1f} s"
        return (f"{'' if self.is_good else 'BAD':3} {str(self.scenario):68} back {back:>6} of {self.scenario.bound_s:2d}, all well {self.well_s or 0:4.1f}  "
                f"{self.requests:3d} requests {self.replays:5d} replays, {len(self.twice):2d} accepted again")

    def details(self):
        return "\n".join([str(self), f"in {self.directory}", *self.timeline, *(f"twice: {line}" for line in self.twice[:8]),
                          *(f"untrue: {line}" for line in self.untrue[:8]), *self.faults])


class Run:
    """One scenario, from its start to its end."""

    def __init__(self, scenario, directory, shared):
        directory.mkdir(parents=True)
        self.scenario = scenario
        self.hosts = Hosts(directory)
        if scenario.is_embedded:
            self.world = EmbeddedWorld(directory, self.hosts, **scenario.variables())
        else:
            self.world = FleetWorld(directory, self.hosts, shared, scenario)
        self.outcome = Outcome(scenario, str(directory))
        self.replays = None
        self.last_event = 0

    def whole(self):
        try:
            self.world.prepare()
            self.play()
        except Exception as fault:
            self.outcome.faults.append(f"{type(fault).__name__}: {str(fault)[-2000:]}")
        return self.outcome

    def play(self):
        client = self.world.provider.create_client("--two-legged")
        key = self.world.provider.create_resource_server()
        signer = Signer(client.client_id, client.client_secret)
        self.replays = Replays(self.world.services, key, signer, self.scenario.skew, self.scenario.client_lead,
                               (self.hosts.ours, self.hosts.redis), self.scenario.every_s, seed=str(self.scenario))
        try:
            self.scenario.prepare(self)
            for service in self.world.services[:self.scenario.begin_with]:
                service.start()
            self.replays.expected = set(range(len(self.world.services[:self.scenario.begin_with])))
            begun = time.monotonic()
            self.replays.start()
            try:
                back_s = self.replays.wait_until_back(begun, 10)
                assert back_s is not None, f"it did not begin: {self.replays.words()}"
                self.note(f"begun after {back_s:.1f} s; {self.replays.words()}")
                time.sleep(LEAD + 1)  # it has taken requests for a while
                self.scenario.play(self)
            finally:
                self.take_stock()
        finally:
            self.set_clocks("both", 0)
            self.world.stop()

    def take_stock(self):
        self.replays.stop()
        self.outcome.requests, self.outcome.replays = self.replays.total, self.replays.again
        self.outcome.twice = self.replays.describe_twice()
        later = [when for when, _, word, _ in self.replays.fresh if word != "active" and when > self.last_event]
        self.outcome.well_s = max(later, default=self.last_event) - self.last_event
        self.outcome.untrue = self.replays.untrue_readiness() if self.scenario.judges_readiness else []

    # ---- for the scenarios

    def note(self, what):
        self.outcome.timeline.append(f"{time.monotonic() - self.replays.begun:5.1f} s {what}")

    def set_clocks(self, host, ahead_s):
        for clock in self.hosts.of(host):
            clock.set(ahead_s)
        self.note(f"clocks ({host}) {ahead_s:+d} s")

    def is_back(self, since, at_most=None):
        """Waits for it. The longest time is what counts."""
        bound_s = at_most or self.scenario.bound_s
        seconds = self.replays.wait_until_back(since, bound_s + BUSY_SECONDS + 3)
        self.last_event = since
        self.note(f"back after {seconds}; {self.replays.words(since)}")
        if seconds is None:
            raise AssertionError(f"not served again; {[text for _, _, _, text in self.replays.ready[-2:]]}")
        self.outcome.back_s = max(self.outcome.back_s or 0, seconds)

    def wait_out(self, since):
        """Until nothing that was sent before could be taken any more."""
        scenario = self.scenario
        time.sleep(max(0, since + SKEW + scenario.skew + scenario.lead + 2 - time.monotonic()))


@dataclass(frozen=True)
class Scenario:
    """play(run) lets things happen, and tells by run.is_back(since) from when on requests should be accepted within
    `bound_s`."""

    is_embedded = False
    aof = False
    redis_moves = False  # the services' Redis becomes another server
    introspections = 2
    begin_with = 3  # the others are started by play()
    skew, lead = SKEW, LEAD
    client_lead = LEAD  # what clients make use of
    every_s = 0.3
    judges_readiness = True

    @property
    def bound_s(self):
        return self.client_lead + 10

    def variables(self):
        return {"OAUTH1_TIMESTAMP_SKEW": self.skew, "OAUTH1_TIMESTAMP_LEAD": self.lead}

    def prepare(self, run):
        """Before the services start."""


# ---- all of them


def run_all(scenarios, directory, at_once=18):
    """Outcomes by scenario. Each runs on a thread of its own, which its servers end with."""
    scenarios = list(scenarios)
    shared = SharedMariaDB(directory / "mariadb")
    shared.server.start()
    try:
        with ThreadPoolExecutor(at_once) as pool:
            runs = [pool.submit(lambda scenario=scenario, i=i: Run(scenario, directory / f"scenario-{i}", shared).whole())
                    for i, scenario in enumerate(scenarios)]
            return {scenario: run.result() for scenario, run in zip(scenarios, runs)}
    finally:
        shared.server.stop()


def table(outcomes):
    outcomes = list(outcomes)
    return "\n".join([
        *map(str, outcomes),
        f"{len(outcomes)} scenarios, {sum(o.replays for o in outcomes)} replays, {sum(len(o.twice) for o in outcomes)} "
        f"accepted again, {sum(not o.is_good for o in outcomes)} bad"])
