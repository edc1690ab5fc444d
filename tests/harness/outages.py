"""One store after the other fails in one way after the other, while the load goes on."""

import time
from contextlib import contextmanager
from pathlib import Path

from harness.fleet import Load


@contextmanager
def stopped(server, proxy=None):
    server.kill()
    try:
        yield
    finally:
        server.start()


@contextmanager
def hung(server, proxy=None):
    with server.hung():
        yield


@contextmanager
def faulty(proxy, fault, delay_s=0):
    proxy.set(fault, delay_s)
    try:
        yield
    finally:
        proxy.set("pass")


FAULTS = {
    "killed": stopped,
    "hung": hung,
    "unreachable": lambda server, proxy: faulty(proxy, "refuse"),
    "silent": lambda server, proxy: faulty(proxy, "hang"),
    "rubbish": lambda server, proxy: faulty(proxy, "rubbish"),
    "slow": lambda server, proxy: faulty(proxy, "pass", delay_s=1),
}


def intervals(lines, begin_ms, end_ms):
    """The load tool's tenths of a second that lie within."""
    return [line for line in lines if "active" in line and "at_ms" in line and begin_ms + 100 < line["at_ms"] <= end_ms]


def total(lines, name):
    return sum(line[name] for line in lines)


def memory_kb(service, kind):
    status = Path(f"/proc/{service.process.pid}/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith(f"{kind}:")).split()[1])


def anonymous_kb(service):
    """What the process holds for itself alone."""
    return memory_kb(service, "RssAnon")


def is_well(line):
    return line["active"] > 0 and not line["unavailable"] and not line["unanswered"]


class Outage:
    """What the load tool and the caller saw of one: `during` it, and how it went `on` for some tenths of a second."""

    def __init__(self, fleet, key, credentials, server, proxy, fault, seconds, recovery_s, rate=100, meanwhile=None):
        load = Load("stream", fleet.introspections, credentials, key=key, seconds=60, rate=rate, timeout_ms=3000)
        try:
            load.wait_for(lambda lines: len(lines) > 2 and is_well(lines[-1]), 10, "it was not well before")
            with FAULTS[fault](server, proxy):
                self.began_ms = time.time() * 1000
                time.sleep(0.2)
                self.meanwhile = meanwhile() if meanwhile else None
                time.sleep(max(0, self.began_ms / 1000 + seconds - time.time()))
                self.ended_ms = time.time() * 1000
            self.restored_ms = time.time() * 1000
            load.wait_for(self.went_on, recovery_s + 10, "it never recovered")
            load.stop()
            self.lines = load.finish()
        finally:
            if load.process.poll() is None:
                load.end()
        self.summary = self.lines[-1]["first"]
        self.during = intervals(self.lines, self.began_ms, self.ended_ms)

    def went_on(self, lines):
        """The last tenths of a second since the store's return in which all was well; empty if they are too few yet."""
        later = [line for line in lines if line.get("at_ms", 0) > self.restored_ms + 100]
        bad = [i for i, line in enumerate(later) if not is_well(line)]
        well = later[bad[-1] + 1 if bad else 0:]
        return well if len(well) >= 3 else []

    def seconds_until_all_well(self):
        """From the store's return until a tenth of a second after which nothing fails any more."""
        return (self.went_on(self.lines[:-1])[0]["at_ms"] - self.restored_ms) / 1000
