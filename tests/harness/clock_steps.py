"""What clocks that are set and nonces that are lost do to each other: a matrix of losses and steps, and what happened in
other ways."""

import itertools
import signal
import time
from dataclasses import dataclass

from harness.fault_proxy import FaultProxy
from harness.forgetting import Failover
from harness.scenarios import BACK_SECONDS, LEAD, SKEW, Scenario
from harness.stores import Redis

DAY = 86400
DOWN_SECONDS = 0.5


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
    def redis_moves(self):
        return "failover" in self.loss

    @property
    def bound_s(self):
        """From the restart, or the clock's coming right, or for an embedded service the database's return. What clients that
        followed a clock ahead had accepted, and some seconds more, has to pass."""
        is_plain = self.step == "none" and (self.database == "there" or self.is_embedded)
        followed_s = STEPS[self.step] if STEPS[self.step] < 60 else 0  # what is a day ahead stands alone
        return BACK_SECONDS if is_plain and self.lead == LEAD else self.lead + max(10, followed_s + 5)

    @property
    def judges_readiness(self):
        return self.database == "there"

    @property
    def is_served_without_database(self):
        """Whoever loses the connection to Redis drops the credentials that it remembers, and then needs the database; and a
        clock that comes right without it is not followed (docs/design/nonce-guard.md, rule 11)."""
        return self.database == "there" or self.is_embedded or (self.loss == "Redis: FLUSHALL" and not self.comes_right_without)

    @property
    def comes_right_without(self):
        """Its clock was wrong when the database went, and comes right before that is back."""
        return self.database == "away" and not self.is_embedded and self.when == "before" and self.step != "none"

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
        if self.is_served_without_database:
            run.is_back(since)
        else:
            time.sleep(self.skew + self.lead)
        if self.database == "away" and not self.is_embedded:
            time.sleep(2)
            run.world.database_back()
            run.note("the database is back")
            since = time.monotonic() + 2
            run.is_back(since, self.bound_s if self.comes_right_without else BACK_SECONDS)
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
class Creep(Scenario):
    """All clocks go twice as fast until they are far ahead, then stand until they are right again: no single step is large."""

    store: str

    ahead_s, step_s = 12, 0.5

    def __str__(self):
        return f"{self.store}: clocks creep ahead by {self.ahead_s} s and back"

    @property
    def is_embedded(self):
        return self.store == "memory"

    @property
    def bound_s(self):
        """What clients that followed it to its highest had accepted, and some seconds more, but for the way back."""
        return self.lead + self.ahead_s + 5 - int(self.ahead_s * self.step_s)

    def play(self, run):
        for ahead_s in (*range(1, self.ahead_s + 1), *range(self.ahead_s - 1, -1, -1)):
            run.set_clocks("both", ahead_s)
            time.sleep(self.step_s)
        since = time.monotonic()
        run.is_back(since)
        run.wait_out(since)


@dataclass(frozen=True)
class CrashLoop(Scenario):
    """Crash after crash, each within the guard of the one before, with a clock that is wrong every other time."""

    store: str

    def __str__(self):
        return f"{self.store}: four crashes, clocks an hour behind in two of them"

    @property
    def is_embedded(self):
        return self.store == "memory"

    def play(self, run):
        run.replays.behind_s = 3600
        for ahead_s in (-3600, 0, -3600, 0):
            run.world.kill()
            run.set_clocks("both", ahead_s)
            run.world.start_again()
            run.world.wait_until_up()
            time.sleep(1.5)
        since = time.monotonic()
        run.replays.behind_s = 0
        run.is_back(since)
        run.wait_out(since)


@dataclass(frozen=True)
class Flap(Scenario):
    """One address leads to Redis A, to B, and to A again, which knows nothing of what was spent on B."""

    ours: str  # stay, restart: our services, when it is A again

    introspections = 3
    redis_moves = True

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
    """A replica takes over, and one of the services is left behind on the old primary, which goes on. Each side ends the
    other's epochs meanwhile, so that only who comes last is promised to be served: the one side that is left."""

    redis_moves = True

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
            run.replays.expected = set()
            run.wait_out(time.monotonic())
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
class DatabaseAway(Scenario):
    """Of all services or of one, for longer than what was written down lasts; then something else happens, too."""

    whose: str  # all, one
    then: str  # nothing, FLUSHALL, all killed: the database comes back with the restart
    step: str = "none"  # of all clocks, at that moment

    judges_readiness = False

    def __str__(self):
        return f"database away for 10 s from {self.whose}, then {self.then}, clocks {self.step}"

    def prepare(self, run):
        stores = run.world.stores
        run.one = FaultProxy(stores.database_proxy.target).start()
        run.world.services[0].variables["OAUTH1_DATABASE_URL"] = stores.database_url.replace(
            f":{stores.database_proxy.port}/", f":{run.one.port}/")

    def play(self, run):
        run.replays.behind_s = max(0, -STEPS[self.step])
        try:
            self.lose_it(run)
        finally:
            run.one.stop()

    def lose_it(self, run):
        proxies = [run.one] + ([run.world.stores.database_proxy] if self.whose == "all" else [])
        for proxy in proxies:
            proxy.set("refuse")
        away = time.monotonic()
        run.note("the database is away")
        time.sleep(10)
        self.judge_answers(run, away)
        self.go_on(run)
        since = time.monotonic()
        if self.step != "none":
            time.sleep(3)
            run.set_clocks("both", 0)
            run.replays.behind_s = 0
            since = time.monotonic()
        run.is_back(since)
        for proxy in proxies:
            proxy.set("pass")
        run.note("the database is back")
        since = time.monotonic() + 2
        run.is_back(since)
        run.wait_out(since)

    def judge_answers(self, run, away):
        """Since then everything of now was accepted."""
        answers = [answer for answer in list(run.replays.fresh) if answer[0] > away]
        if not answers:
            run.outcome.faults.append("nothing was answered while the database was away")
        for when, index, word, asked in answers:
            if word != "active":
                run.outcome.faults.append(f"{when - away:.2f} s after the database went away: {word} from service {index}, "
                                          f"which was asked {when - asked:.3f} s before")

    def go_on(self, run):
        if self.then == "FLUSHALL":
            run.world.stores.redis.call("FLUSHALL")
        if self.then == "all killed":
            run.world.kill()
            run.one.set("pass")
            run.world.stores.database_proxy.set("pass")
        run.set_clocks("both", STEPS[self.step])
        if self.then == "all killed":
            run.world.start_again()
        run.note(self.then)


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
    yield from (story(store) for story, store in itertools.product((Creep, CrashLoop), ("memory", "Redis")))
    yield RestartWithinTheGuard()
    yield TwoPrimaries()
    yield from (Paused(step) for step in ("none", "-12 s"))
    yield from (DatabaseAway(*which) for which in (
        ("all", "nothing"), ("all", "nothing", "-12 s"), ("all", "FLUSHALL"), ("all", "FLUSHALL", "-12 s"), ("one", "FLUSHALL"),
        ("one", "FLUSHALL", "-12 s"), ("all", "all killed"), ("all", "all killed", "-12 s")))


def default_windows():
    """Each store loses its nonces once, within the skew and the lead of the defaults: minutes."""
    for which in (("memory: kill -9", "-1 h", "ours", "between"), ("memory: clean stop", "+1 day", "ours", "before"),
                  ("Redis: killed",), ("Redis: failover", "-12 s", "both", "between"), ("Redis: FLUSHALL",),
                  ("all: killed", "-1 h", "both", "between")):
        yield Cell(*which, skew=300, lead=60, every_s=3)


def daily():
    """A minute or so; every_cell() takes more."""
    return [*some_cells(REPRODUCED), *stories()]
