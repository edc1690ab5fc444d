#!/usr/bin/python3
"""fleet: what a fleet of replicas costs, as one replica alone foretells it.

docs/sizing.md multiplies: it takes for granted that a replica's cost for a call depends on its own share of the calls alone,
and not on how many others there are. So one replica alone is asked at an eighth, a quarter, a half of a rate, and then two,
four and eight at the whole rate, where each has that share. Compared for each call: CPU time of the services, commands to
Redis, when everything is in memory. The last pair is one process of two event loops beside two processes of one: what
the loops of a process share would cost here. Pairs take turns, and the medians of the rounds are compared. The goal is 0.80
to 1.20 for each, and at most 1.05 for two loops."""

import os
import statistics
import tempfile
from pathlib import Path

from batch import cpu_us
from grow import Site
from introspect import good_calls

LONG = os.environ.get("COUNTERSIGN_BENCH_LONG") == "1"
SECONDS, ROUNDS = (8, 5) if LONG else (4, 3)
RATE, COUNTS, CONNECTIONS = 8000, (2, 4, 8), 32
FIGURES = ("CPU µs", "commands")


class Run:
    """Some replicas at a rate of all together, and what a call took of each figure, round by round."""

    def __init__(self, site, services, rate):
        self.site = site
        self.services = services
        self.rate = rate
        self.rounds = []

    def used(self):
        commands = self.site.stores.redis.info("stats")["total_commands_processed"]
        return sum(cpu_us(service.process.pid) for service in self.services), int(commands)

    def measure(self, credentials, seconds=SECONDS):
        before = self.used()
        who = f"fleet: {len(self.services)} at {self.rate}"
        first = good_calls(who, self.services, credentials, key=self.site.key, seconds=seconds, rate=self.rate,
                           connections=CONNECTIONS)
        assert first["active"] > 0.9 * self.rate * seconds, f"{who}: {first}"
        return [(after - b) / first["active"] for after, b in zip(self.used(), before)]

    def median(self, figure):
        return statistics.median(one[figure] for one in self.rounds)


def run(folder):
    site = Site(folder / "site")
    try:
        credentials = site.some(100)
        replicas = [site.service() for _ in range(max(COUNTS))]
        pairs = [(f"{count} replicas", Run(site, replicas[:1], RATE // count), Run(site, replicas[:count], RATE)) for count in COUNTS]
        two_loops = Run(site, [site.service(OAUTH1_WORKERS=2)], RATE)
        for warmed in (pairs[-1][2], two_loops):  # everybody has everything in memory
            warmed.measure(credentials, 1)
        pairs.append(("2 event loops", Run(site, replicas[:2], RATE), two_loops))
        for _ in range(ROUNDS):
            for _, alone, fleet in pairs:
                for one in (alone, fleet):
                    one.rounds.append(one.measure(credentials))
        print(f"{RATE} calls a second in all\n{'':13} {'of each call':>13} {'foretold':>9} {'measured':>9} {'ratio':>6}")
        for name, alone, fleet in pairs:
            for number, figure in enumerate(FIGURES):
                foretold, measured = alone.median(number), fleet.median(number)
                print(f"{name:13} {figure:>13} {foretold:9.2f} {measured:9.2f} {measured / foretold:6.2f}")
    finally:
        site.stop()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name:
        run(Path(name))
