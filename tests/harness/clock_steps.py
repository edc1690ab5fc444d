"""What clocks that are set and nonces that are lost do to each other: scenarios, each with services and a Redis of its own
on hosts whose clocks it sets. They share one MariaDB, each with a database in it and its own way there; they mostly wait, so
many run at once. In each, everything that was sent is sent again until no clock could take it (harness/replays.py)."""

import itertools
import signal
import sqlite3
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from harness.fault_proxy import FaultProxy
from harness.fleet import Fleet, release_binaries
from harness.forgetting import Failover
from harness.provider import Provider
from harness.replays import Replays, Watcher
from harness.signer import Signer
from harness.stores import MariaDB, Redis
from harness.wall_clock import WallClock

SKEW, LEAD = 4, 2
DAY = 86400
DOWN_SECONDS = 0.5
BACK_SECONDS = 10  # the durable store is there, and clocks are right
BUSY_SECONDS = 1.5  # what this machine may add
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
    """One server; a database for each scenario."""

    def __init__(self, directory):
        self.server = MariaDB(directory)
        self.numbers = itertools.count()

    def new_database(self):
        name = f"scenario_{next(self.numbers)}"
        self.server.sql(f"CREATE DATABASE {name}; GRANT ALL ON {name}.* TO {MariaDB.user}@'%';", user="root")
        return name

    def url_to(self, port, name):
        return self.server.url_to(port).removesuffix(MariaDB.database) + name


class OwnStores:
    """Redis and the database, each behind a proxy of the scenario's."""

    def __init__(self, directory, hosts, shared, aof):
        self.redis = Redis(directory / "redis", aof=aof, clock=hosts.redis)
        self.redis_proxy = FaultProxy(self.redis.port)
        self.database_proxy = FaultProxy(shared.server.port)
        self.database_url = shared.url_to(self.database_proxy.port, shared.new_database())

    def start(self):
        for part in (self.redis, self.redis_proxy, self.database_proxy):
            part.start()

    def stop(self):
        for part in (self.redis_proxy, self.database_proxy, self.redis):
            part.stop()

    def variables(self):
        return {"OAUTH1_DATABASE_URL": self.database_url,
                "OAUTH1_REDIS_URL": f"redis://127.0.0.1:{self.redis_proxy.port}"}


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
            watcher, begun = Watcher(service), time.monotonic()
            while watcher.ready()[0] is None:
                assert service.running() and time.monotonic() - begun < 10, service.text()
                time.sleep(0.02)


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


class FleetWorld(World):
    """Services on Redis and MariaDB."""

    def __init__(self, directory, hosts, shared, aof=False, introspections=2, **variables):
        self.stores = OwnStores(directory, hosts, shared, aof)
        fleet = Fleet(directory / "fleet", self.stores, auths=1, introspections=introspections, bin=release_binaries(),
                      **{**VARIABLES, **hosts.ours.variables(), **variables})
        fleet.services = fleet.introspections
        super().__init__(fleet, fleet.introspections)

    def prepare(self):
        self.stores.start()
        self.provider.migrate()

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
    back_s: float = None
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
        return (f"{'' if self.is_good else 'BAD':3} {str(self.scenario):68} back {back:>6} of {self.scenario.bound_s:2d}  "
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
            self.world = FleetWorld(directory, self.hosts, shared, scenario.aof, scenario.introspections, **scenario.variables())
        self.outcome = Outcome(scenario, str(directory))
        self.replays = None

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
            self.replays.start()
            try:
                back_s = self.replays.wait_until_back(self.replays.begun, 10)
                assert back_s is not None, f"it did not begin: {self.replays.words()}"
                time.sleep(1.5)
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


# ---- the matrix

STEPS = {"none": 0, "-1 h": -3600, "-12 s": -12, "+12 s": 12, "+1 day": DAY}
MEMORY_LOSSES = ("memory: kill -9", "memory: clean stop")
REDIS_LOSSES = ("Redis: restart, AOF", "Redis: killed", "Redis: failover", "Redis: FLUSHALL", "all: killed")


@dataclass(frozen=True)
class Cell(Scenario):
    """A loss, a step of clocks before, within or after it, and the durable store there or not."""

    loss: str
    step: str = "none"
    host: str = "-"  # whose clock: ours, redis, both
    when: str = "-"  # before the loss, between it and the restart, after
    database: str = "there"  # or away, from the loss until all is well again
    hold_s: int = 3  # until the clock is right again
    skew: int = SKEW
    lead: int = LEAD
    every_s: float = 0.3

    def __str__(self):
        step = f"{self.step} {self.host}, {self.when}, for {self.hold_s} s" if self.host != "-" else "no step"
        windows = f"; skew {self.skew}, lead {self.lead}" if self.skew != SKEW else ""
        return f"{self.loss}; {step}; database {self.database}{windows}"

    @property
    def client_lead(self):
        return self.lead

    @property
    def is_embedded(self):
        return self.loss in MEMORY_LOSSES

    @property
    def aof(self):
        return "AOF" in self.loss

    @property
    def bound_s(self):
        """From the restart, or the clock's coming right, or for an embedded service the database's return."""
        is_plain = self.step == "none" and (self.database == "there" or self.is_embedded)
        return BACK_SECONDS if is_plain and self.lead == LEAD else self.lead + 10

    @property
    def judges_readiness(self):
        return self.database == "there"

    def play(self, run):
        run.replays.behind_s = max(0, -STEPS[self.step])
        down, up, end = self.ways(run.world)
        try:
            self.lose_and_step(run, down, up)
        finally:
            end()

    def ways(self, world):
        """What goes down, how it comes up again, and what is to be put away."""
        def nothing():
            pass

        if self.is_embedded:
            return world.kill if "kill" in self.loss else world.stop_clean, world.launch, nothing
        redis = world.stores.redis
        if self.loss == "Redis: failover":
            failover = Failover(world.stores)
            time.sleep(1)
            return failover.lose_the_primary, failover.promote_the_replica, failover.stop
        return {
            "Redis: restart, AOF": (redis.stop, redis.start, nothing),
            "Redis: killed": (redis.kill, redis.start, nothing),
            "Redis: FLUSHALL": (nothing, lambda: redis.call("FLUSHALL"), nothing),
            "all: killed": (world.kill, world.start_again, nothing),
        }[self.loss]

    def lose_and_step(self, run, down, up):
        if self.when == "before":
            run.set_clocks(self.host, STEPS[self.step])
            time.sleep(1.5)
        if self.database == "away" and not self.is_embedded:
            run.world.database_away()
            run.note("the database is away")
            time.sleep(0.3)
        down()
        run.note("down")
        if self.when == "between":
            run.set_clocks(self.host, STEPS[self.step])
        time.sleep(DOWN_SECONDS)
        up()
        run.note("up")
        since = time.monotonic()
        if self.when == "after":
            time.sleep(1)
            run.set_clocks(self.host, STEPS[self.step])
        if self.step != "none":
            time.sleep(self.hold_s)
            run.set_clocks(self.host, 0)
            since = time.monotonic()
            run.replays.behind_s = 0
        self.watch(run, since)

    def watch(self, run, since):
        if self.database == "away" and self.is_embedded:  # it needs one to start
            run.world.wait_until_up()
            run.world.database_away()
            run.note("the database is away")
            time.sleep(3)
            run.world.database_back()
            run.note("the database is back")
            since = time.monotonic()
        run.is_back(since)
        if self.database == "away" and not self.is_embedded:
            time.sleep(2)
            run.world.database_back()
            run.note("the database is back")
            since = time.monotonic() + 2
            run.is_back(since, BACK_SECONDS)
        run.wait_out(since)


def every_cell(holds=(3, 13)):
    """A step of a few seconds holds until the wrong clock has lived through a window, too."""
    for loss in (*MEMORY_LOSSES, *REDIS_LOSSES):
        hosts = ("ours",) if loss in MEMORY_LOSSES else ("ours", "redis", "both")
        for database in ("there",) if loss == "all: killed" else ("there", "away"):
            yield Cell(loss, database=database)
            for step, host, when in itertools.product(list(STEPS)[1:], hosts, ("before", "between", "after")):
                for hold_s in holds if abs(STEPS[step]) < 60 else holds[:1]:
                    yield Cell(loss, step, host, when, database, hold_s)


def pairs_of(cell):
    named = [(name, getattr(cell, name)) for name in ("loss", "step", "host", "when", "database")]
    return set(itertools.combinations(named, 2))


def some_cells(first):
    """Those given, and as few more as let every two properties meet that can."""
    cells, chosen = list(every_cell(holds=(3,))), list(first)
    missing = set().union(*map(pairs_of, cells)).difference(*map(pairs_of, chosen))
    while missing:
        best = max(cells, key=lambda cell: len(pairs_of(cell) & missing))
        chosen.append(best)
        missing -= pairs_of(best)
    return chosen


# ---- single stories


@dataclass(frozen=True)
class Glitch(Scenario):
    """All clocks are a day ahead for a moment, and then right again; a client follows them, or none does."""

    store: str  # memory, Redis
    followed: bool
    then: str  # nothing, stop, kill: of our services

    def __str__(self):
        followed = "a client follows" if self.followed else "nobody follows"
        return f"{self.store}: a day ahead for a moment, {followed}; then {self.then}"

    @property
    def is_embedded(self):
        return self.store == "memory"

    def play(self, run):
        run.replays.follows = self.followed
        run.set_clocks("both", DAY)
        run.replays.wait_for_turns(1)
        run.set_clocks("both", 0)
        since = time.monotonic()
        if self.then != "nothing":
            run.world.restart_services(self.then)
            run.note(self.then)
        run.is_back(since)
        run.world.restart_services("stop")
        run.note("a clean restart")
        run.is_back(time.monotonic())
        run.wait_out(since)


@dataclass(frozen=True)
class Flap(Scenario):
    """One address leads to Redis A, to B, and to A again, which knows nothing of what was spent on B."""

    ours: str  # stay, restart: our services, when it is A again

    introspections = 3

    def __str__(self):
        return f"Redis: A, B, A behind one address; ours {self.ours}, and a new one"

    @property
    def begin_with(self):
        return 2

    def play(self, run):
        stores = run.world.stores
        other = Redis(stores.redis.directory.parent / "other", clock=run.hosts.redis).start()
        try:
            stores.redis_proxy.point_to(other.port)
            run.note("B")
            run.is_back(time.monotonic())
            time.sleep(1)
            if self.ours == "restart":
                for service in run.world.services[:2]:
                    service.kill()
            stores.redis_proxy.point_to(stores.redis.port)
            run.note("A")
            for service in run.world.services:
                if not service.running():
                    service.launch()
            run.replays.expected = {0, 1, 2}
            since = time.monotonic()
            run.is_back(since)
            run.wait_out(since)
        finally:
            other.stop()


class TwoPrimaries(Scenario):
    """A replica takes over, and one of the services is left behind on the old primary, which goes on."""

    def __str__(self):
        return "Redis: two primaries, a service on each"

    def prepare(self, run):
        run.left_behind = FaultProxy(run.world.stores.redis.port).start()
        run.world.services[0].variables["OAUTH1_REDIS_URL"] = f"redis://127.0.0.1:{run.left_behind.port}"

    def play(self, run):
        failover = Failover(run.world.stores)
        try:
            time.sleep(1)
            failover.link.cut()
            failover.promote_the_replica()
            run.note("the second service is on the new primary")
            run.replays.expected = {1}
            since = time.monotonic()
            run.is_back(since)
            run.wait_out(since)
            run.left_behind.point_to(failover.replica.port)
            run.note("so is the first")
            run.replays.expected = {0, 1}
            since = time.monotonic()
            run.is_back(since)
            run.wait_out(since)
        finally:
            run.left_behind.stop()
            failover.stop()


@dataclass(frozen=True)
class Paused(Scenario):
    """A service does not run for some seconds, in which Redis forgets everything and others go on; clocks step or not."""

    step: str

    def __str__(self):
        return f"Redis: FLUSHALL while a service is paused, clocks {self.step}"

    def play(self, run):
        paused = run.world.services[0].process
        paused.send_signal(signal.SIGSTOP)
        try:
            run.replays.expected = {1}
            time.sleep(0.5)
            run.world.stores.redis.call("FLUSHALL")
            run.note("FLUSHALL")
            run.set_clocks("both", STEPS[self.step])
            time.sleep(4)
            run.set_clocks("both", 0)
        finally:
            paused.send_signal(signal.SIGCONT)
        run.note("the service goes on")
        run.replays.expected = {0, 1}
        since = time.monotonic()
        run.is_back(since)
        run.wait_out(since)


@dataclass(frozen=True)
class Eviction(Scenario):
    """Redis is told in mid-run to evict, and has to after some seconds."""

    policy: str
    after_s: float

    def __str__(self):
        return f"Redis: {self.policy} in mid-run, full after {self.after_s:g} s"

    def play(self, run):
        redis = run.world.stores.redis
        redis.call("CONFIG", "SET", "maxmemory-policy", self.policy)
        changed = time.monotonic()
        run.note("the policy is wrong")
        time.sleep(self.after_s)
        self.fill(redis)
        run.note(f"evicted: {redis.info('stats')['evicted_keys']}")
        time.sleep(max(0, changed + 5 - time.monotonic()))
        words = run.replays.words(time.monotonic() - 1.5)
        ready = {status for when, _, status, _ in run.replays.ready if when > time.monotonic() - 1.5}
        if set(words) != {"503"} or ready != {503}:
            run.outcome.faults.append(f"5 s after the policy changed: {words}, /readyz {ready}")
        redis.call("CONFIG", "SET", "maxmemory", "0")
        redis.call("CONFIG", "SET", "maxmemory-policy", "noeviction")
        run.note("the policy is right")
        since = time.monotonic()
        run.is_back(since)
        run.wait_out(since)

    def fill(self, redis):
        """Until every key of before is likely gone: others, which count as used later, take their place."""
        redis.call("CONFIG", "SET", "maxmemory", int(redis.info("memory")["used_memory"]) + 200000)
        for i in range(40):
            redis.call("EVAL", "for i = 1, 100 do redis.call('SET', KEYS[1] .. i, string.rep('x', 1000), 'EX', 60) end",
                       1, f"filler:{i}:")


@dataclass(frozen=True)
class RestartWithinTheGuard(Scenario):
    """A clean restart soon after a crash adds nothing to the guard: it ends when it would have."""

    is_embedded = True
    bound_s = BACK_SECONDS
    lead = 8  # more than any client makes use of here

    def __str__(self):
        return "memory: kill -9, and a clean restart 6 s later"

    def play(self, run):
        since = time.monotonic()
        run.world.restart_services("kill")
        time.sleep(6)
        run.world.restart_services("stop")
        run.note("a clean restart")
        run.is_back(since)
        run.wait_out(since)


# ---- all of them

REPRODUCED = (
    Cell("memory: kill -9", "-1 h", "ours", "between"),
    Cell("all: killed", "-1 h", "both", "between", skew=20),  # who reads Redis's clock each 10 s reads it within the window
    Cell("memory: kill -9", "-12 s", "ours", "between", hold_s=13),
)


def stories():
    yield from (Glitch(*which) for which in itertools.product(("memory", "Redis"), (True, False), ("nothing", "stop", "kill")))
    yield from (Flap(ours) for ours in ("restart", "stay"))
    yield from (Eviction(*which) for which in itertools.product(("allkeys-lru", "volatile-ttl"), (0, 4)))
    yield RestartWithinTheGuard()
    yield TwoPrimaries()
    yield from (Paused(step) for step in ("none", "-12 s"))


def default_windows():
    """Each store loses its nonces once, within the skew and the lead of the defaults: minutes."""
    for which in (("memory: kill -9", "-1 h", "ours", "between"), ("memory: clean stop", "+1 day", "ours", "before"),
                  ("Redis: killed",), ("Redis: failover", "-12 s", "both", "between"), ("Redis: FLUSHALL",),
                  ("all: killed", "-1 h", "both", "between")):
        yield Cell(*which, skew=300, lead=60, every_s=3)


def daily():
    """A minute or so; every_cell() takes more."""
    return [*some_cells(REPRODUCED), *stories()]


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
