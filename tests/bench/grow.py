#!/usr/bin/python3
"""grow: how the cost of an introspection grows with what a site has more of.

One thing grows at a time: event loops, busy and idle connections, tokens in use and in the database, parameters and body of a
request, replicas, primaries of a Redis Cluster, lines of the decision log. The cost is CPU time (user and system) of the service for
each call. Points of a curve take turns, and the medians of the rounds count. Prints a table for each, and draws it in
build/bench/grow/NAME.svg; the points are in build/bench/grow.json. COUNTERSIGN_BENCH_LONG=1 has more and longer rounds, and ten
million tokens in the database."""

import json
import os
import re
import statistics
import sys
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import requests
from batch import cpu_us
from introspect import BUILD, good_calls, prepare_tokens

from harness.crowd import Crowd
from harness.fleet import PASSWORD, Fleet, Stores
from harness.outages import anonymous_kb
from harness.stores import RedisCluster

LONG = os.environ.get("COUNTERSIGN_BENCH_LONG") == "1"
SECONDS, ROUNDS = (5, 5) if LONG else (2, 3)
TOKENS, CONNECTIONS = 10000, 32
FOLDER = BUILD / "grow"


@dataclass
class Point:
    """One measured place of a curve: what it is asked with, and the figures of each round."""

    at: object
    services: list
    database: object
    options: dict = field(default_factory=dict)
    figures: list = field(default_factory=list)

    def measure(self, credentials, key):
        options = {"seconds": SECONDS, "connections": CONNECTIONS, "key": key, "credentials": credentials, **self.options}
        before = sum(cpu_us(service.process.pid) for service in self.services)
        database = cpu_us(self.database.process.pid)
        waits = sum(map(waits_of, self.services))
        first = good_calls(f"grow at {self.at}", self.services, options.pop("credentials"), **options)
        used = sum(cpu_us(service.process.pid) for service in self.services) - before
        waited = sum(map(waits_of, self.services)) - waits
        asked = cpu_us(self.database.process.pid) - database
        return {"cpu_us": used / first["active"], "database_us": asked / first["active"], "rate": first["active"] / options["seconds"],
                "p99_us": first["active_us"]["p99_us"], "waits": waited / first["active"]}

    def median(self, name):
        return statistics.median(figure[name] for figure in self.figures)


def waits_of(service):
    """How often a thread of it gave its core away: it waited for work, or for a lock."""
    files = Path(f"/proc/{service.process.pid}/task").glob("*/status")
    return sum(int(re.search(r"^voluntary_ctxt_switches:\s+(\d+)", file.read_text(), re.M)[1]) for file in files)


class Site:
    """A fleet on stores of its own, with tokens; services are started as curves need them."""

    def __init__(self, folder, redis_url=None):
        self.stores = Stores(folder).start()
        more = {"OAUTH1_REDIS_URL": redis_url} if redis_url else {}
        self.fleet = Fleet(folder / "fleet", self.stores, auths=1, introspections=1, OAUTH1_WORKERS=1, OAUTH1_CACHE_TTL=300,
                           OAUTH1_LOG_LEVEL="info", **more)
        self.fleet.migrate()
        self.fleet.create_user("jane", PASSWORD)
        self.folder = folder
        self.credentials = prepare_tokens(self.fleet, folder / "credentials", TOKENS)
        self.key = self.fleet.create_resource_server()
        self.started = 0

    def point(self, at, services, **options):
        return Point(at, services, self.stores.database, options)

    def service(self, **variables):
        self.started += 1
        return self.fleet.add(self.fleet.new_introspection(f"-{self.started}", **variables))

    def some(self, count):
        """A file of so many of the tokens."""
        path = self.folder / f"credentials-{count}"
        path.write_text("".join(self.credentials.open().readlines()[:count]))
        return path

    def stop(self):
        self.fleet.stop()
        self.stores.stop()


# ---- what grows: each gives the points of a curve

def loops(site):
    return [site.point(count, [site.service(OAUTH1_WORKERS=count)]) for count in (1, 2)]


def connections(site):
    service = site.service()
    return [site.point(count, [service], connections=count) for count in (1, 4, 16, 64, 256, 1024, 4096)]


def replicas(site):
    """Few tokens, so that each replica soon has all of them in memory."""
    services = [site.service() for _ in range(8)]
    return [site.point(count, services[:count], credentials=site.some(100)) for count in (1, 2, 4, 8)]


def parameters(site):
    service = site.service()
    return [site.point(count, [service], url="http://api.example/photos?" + "&".join(f"p{i}=value{i}" for i in range(count)))
            for count in (5, 25, 50, 100, 150, 200, 240)]


def body(site):
    service = site.service()
    return [site.point(size, [service], body=size) for size in (0, 1024, 4096, 16384, 32768, 65000)]


def tokens(site):
    """So many are asked about in turn, and all are in memory."""
    service = site.service(OAUTH1_CACHE_ENTRIES=4 * TOKENS)
    return [site.point(count, [service], credentials=site.some(count)) for count in (10, 100, 1000, TOKENS)]


def misses(site):
    """The cache holds a part of the tokens; the rest is read from the database."""
    return [site.point(f"{share}%", [site.service(OAUTH1_CACHE_ENTRIES=max(1, TOKENS * share // 100))]) for share in (200, 90, 50, 10, 0)]


def decisions(site):
    return [site.point(which, [site.service(OAUTH1_DECISION_LOG=which)]) for which in ("off", "refused", "all")]


CURVES = {
    "loops": (loops, "event loops"), "connections": (connections, "busy connections"), "replicas": (replicas, "replicas"),
    "parameters": (parameters, "parameters of a request"), "body": (body, "bytes of a described body"),
    "tokens": (tokens, "tokens that are in use"), "misses": (misses, "room in the cache, of what is asked about"),
    "decisions": (decisions, "OAUTH1_DECISION_LOG"),
}


def run_curve(name, points, credentials, key):
    for point in points:
        point.measure(point.options.get("credentials", credentials), key)
    for _ in range(ROUNDS):
        for point in points:
            point.figures.append(point.measure(point.options.get("credentials", credentials), key))
    report(name, CURVES[name][1] if name in CURVES else "primaries", points)


def clusters(folder):
    """Each Cluster is a site of its own, since what it holds is its own."""
    points = []
    with ExitStack() as ended:
        sites = []
        for primaries in (3, 6):
            cluster = RedisCluster(folder / f"cluster-{primaries}", nodes=primaries, replicas=0).start()
            ended.callback(cluster.stop)
            site = Site(folder / f"on-{primaries}", cluster.url)
            ended.callback(site.stop)
            sites.append(site)
            points.append(site.point(primaries, [site.service()]))
        for point, site in zip(points, sites):
            point.measure(site.credentials, site.key)
        for _ in range(ROUNDS):
            for point, site in zip(points, sites):
                point.figures.append(point.measure(site.credentials, site.key))
        report("primaries", "primaries of a Redis Cluster", points)


def idle(site):
    """Others sit on their connections meanwhile."""
    service = site.service()
    points = []
    for count in (0, 1000, 5000, 10000):
        before, point = anonymous_kb(service), site.point(count, [service])
        with Crowd("idle", service.port, count) if count else ExitStack() as crowd:
            if count:
                crowd.wait_until_there()
            point.figures = [point.measure(site.credentials, site.key) for _ in range(ROUNDS)]
            if count:
                print(f"{count} idle connections: {(anonymous_kb(service) - before) * 1024 / count:.0f} bytes of memory each")
        points.append(point)
    report("idle", "idle connections", points)


def add_rows(database, count):
    """Tokens that nobody asks for, until there are so many."""
    there = int(database.sql("SELECT COUNT(*) FROM tokens")[0][0])
    while there < count:
        some = min(there, count - there, 100000)
        database.sql(
            "SET unique_checks = 0, foreign_key_checks = 0;"
            " INSERT INTO tokens (token_digest, oauth_token, sealed, jti, client, user, scopes, created_at)"
            " SELECT RANDOM_BYTES(16), HEX(RANDOM_BYTES(16)), sealed, LOWER(HEX(RANDOM_BYTES(13))), client, user, scopes, created_at"
            f" FROM tokens LIMIT {some}", timeout=300)
        there += some


def rows(folder):
    """Nothing is in memory, so each call reads its token from the database, which has room for all of them in its own memory. A
    point follows the other, since rows only become more."""
    site, points = Site(folder / "rows"), []
    database = site.stores.database
    try:
        database.sql("SET GLOBAL innodb_buffer_pool_size = 8 << 30; SET GLOBAL innodb_log_file_size = 2 << 30;"
                     " SET GLOBAL innodb_flush_log_at_trx_commit = 2", user="root")
        service = site.service(OAUTH1_CACHE_ENTRIES=1)
        for count in (TOKENS, 100000, 1000000, 10000000)[:4 if LONG else 3]:
            add_rows(database, count)
            point = site.point(count, [service])
            point.measure(site.credentials, site.key)
            point.figures = [point.measure(site.credentials, site.key) for _ in range(ROUNDS)]
            points.append(point)
    finally:
        site.stop()
    report("rows", "tokens in the database, none of them in memory", points)


# ---- what is shown

FIGURES = {}


def report(name, axis, points):
    print(f"\n{axis}\n{'':>12} {'CPU µs':>8} {'÷ first':>8} {'requests/s':>11} {'p99 µs':>8} {'waits':>7}"
          f" {'database µs':>12}")
    for point in points:
        cpu = point.median("cpu_us")
        print(f"{point.at!s:>12} {cpu:8.1f} {cpu / points[0].median('cpu_us'):8.2f} {point.median('rate'):11.0f}"
              f" {point.median('p99_us'):8.0f} {point.median('waits'):7.3f}"
              f" {point.median('database_us'):12.1f}")
    FIGURES[name] = {"axis": axis, "points": [
        {"at": point.at, **{figure: round(point.median(figure), 3) for figure in point.figures[0]}} for point in points]}
    (FOLDER / f"{name}.svg").write_text(draw(axis, [(str(point.at), point.median("cpu_us")) for point in points]))


WIDTH, HEIGHT, LEFT, BOTTOM = 560, 240, 56, 48


def draw(axis, points):
    """Points at equal distances, since what grows mostly doubles; the cost from zero on."""
    most = max(y for _, y in points) * 1.15
    step = (WIDTH - LEFT - 24) / max(1, len(points) - 1)
    places = [(LEFT + 8 + i * step, HEIGHT - BOTTOM - y / most * (HEIGHT - BOTTOM - 16)) for i, (_, y) in enumerate(points)]
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    marks = "".join(
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3"/><text x="{x:.1f}" y="{y - 8:.1f}">{value:.1f}</text>'
        f'<text x="{x:.1f}" y="{HEIGHT - BOTTOM + 16}">{at}</text>'
        for (x, y), (at, value) in zip(places, points))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" font-family="sans-serif" font-size="11"'
        f' text-anchor="middle"><title>CPU time of a call, by {axis}</title><rect width="100%" height="100%" fill="#fff"/>'
        f'<path d="M{LEFT} 8V{HEIGHT - BOTTOM}H{WIDTH - 8}" fill="none" stroke="#888"/>'
        f'<polyline points="{line}" fill="none" stroke="#06c" stroke-width="2"/><g fill="#036">{marks}</g>'
        f'<text x="{WIDTH / 2}" y="{HEIGHT - 10}">{axis}</text>'
        f'<text x="14" y="{HEIGHT / 2}" transform="rotate(-90 14 {HEIGHT / 2})">CPU µs of a call</text></svg>\n')


def run(folder, wanted):
    FOLDER.mkdir(parents=True, exist_ok=True)
    site = Site(folder / "site")
    try:
        for name, (points_of, _) in CURVES.items():
            if name in wanted:
                run_curve(name, points_of(site), site.credentials, site.key)
        if "idle" in wanted:
            idle(site)
    finally:
        site.stop()
    if "rows" in wanted:
        rows(folder)
    if "primaries" in wanted:
        clusters(folder)
    (BUILD / "grow.json").write_text(json.dumps(FIGURES, indent=2) + "\n")


if __name__ == "__main__":
    known = [*CURVES, "idle", "rows", "primaries"]
    asked = sys.argv[1:] or known
    if set(asked) - set(known):
        sys.exit(f"usage: grow.py [NAME...], of {', '.join(known)}")
    with tempfile.TemporaryDirectory() as name:
        run(Path(name), asked)
