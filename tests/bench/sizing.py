#!/usr/bin/python3
"""sizing: the figures that docs/sizing.md calculates with, beside those of introspect, batch, nonces and issue.

What a process holds (memory, connections to its stores), what a credential, a nonce and an idle connection add, what a
call costs that finds nothing in memory, and what the three legs cost, each by CPU time (user and system) of the service,
the database and Redis. One event loop, MariaDB and Redis on this machine."""

import re
import socket
import tempfile
import time
from pathlib import Path

import introspect
import requests
from batch import cpu_us
from introspect import good_calls, on_core, prepare

from harness.fleet import PASSWORD, Fleet, Stores
from harness.flow import Flow, send
from harness.outages import anonymous_kb, memory_kb
from harness.owner import Owner

IDLE_CONNECTIONS, LEGS, LOGINS = 2000, 200, 20
SEND_RATE = 12000
# Nonces as they come at a rate: over so many seconds of timestamps, which end so many seconds ago. No two sets share a second.
NONCES = ((100, 280, 2400), (500, 150, 2000), (1000, 100, 1600), (4000, 40, 800))


def connections(stores):
    """Of the services: to the database, to Redis."""
    ((count,),) = stores.database.sql("SELECT COUNT(*) - 1 FROM information_schema.processlist WHERE user = 'countersign'")
    return int(count), len(stores.redis.call("CLIENT", "LIST").splitlines()) - 1


def rest(service, stores):
    """A process that has done nothing yet."""
    service.start()
    time.sleep(1)
    database, redis = connections(stores)
    print(f"{service.program.name}, {service.variables['OAUTH1_WORKERS']} loops, pool of "
          f"{service.variables['OAUTH1_DATABASE_POOL']}: {anonymous_kb(service) / 1024:.1f} MB of its own, "
          f"{memory_kb(service, 'VmRSS') / 1024:.1f} MB with its libraries; connections: {database} to the database, {redis} to "
          f"Redis; ready after {service.ready_ms:.0f} ms")
    service.stop()


def processes(fleet, stores):
    for loops, pool in ((1, 8), (2, 8), (4, 16)):
        variables = {"OAUTH1_WORKERS": loops, "OAUTH1_DATABASE_POOL": pool}
        rest(fleet.new_introspection(f"-{loops}", **variables), stores)
        rest(fleet.new_service("auth-service", f"-{loops}", **variables), stores)


def ask(service, credentials, key, **options):
    return good_calls("sizing", [service], credentials, key=key, connections=32, **options)


def misses(service):
    text = requests.get(f"{service.ops}/metrics", timeout=10).text
    return float(re.search(r'^oauth1_cache_requests_total\{cache="pair",result="miss"\} (\S+)', text, re.M)[1])


def cached(service, credentials, key):
    few = credentials.with_name("few")
    few.write_text("".join(credentials.open().readlines()[:10]))
    ask(service, few, key, seconds=2)
    before, known = anonymous_kb(service), misses(service)
    ask(service, credentials, key, seconds=6)
    count = misses(service) - known
    print(f"a cached client and token: {(anonymous_kb(service) - before) * 1024 / count:.0f} bytes ({count:.0f} of them)")


def idle(service):
    before = anonymous_kb(service)
    opened = []
    for _ in range(IDLE_CONNECTIONS):
        connection = socket.create_connection(("127.0.0.1", service.port))
        connection.sendall(b"GET /nowhere HTTP/1.1\r\nHost: x\r\n\r\n")
        assert connection.recv(4096).startswith(b"HTTP/1.1 404")
        opened.append(connection)
    print(f"an idle connection: {(anonymous_kb(service) - before) * 1024 / IDLE_CONNECTIONS:.0f} bytes of user memory")
    for connection in opened:
        connection.close()


class Spent:
    """CPU time of a service and of both stores from its making on, without what they take for doing nothing."""

    def __init__(self, service, stores, idle=(0, 0, 0)):
        self.pids = [service.process.pid, stores.database.process.pid, stores.redis.process.pid]
        self.idle = idle  # CPU time in each second
        self.began, self.before = time.monotonic(), [cpu_us(pid) for pid in self.pids]

    def so_far(self):
        seconds = time.monotonic() - self.began
        return [cpu_us(pid) - before - idle * seconds for pid, before, idle in zip(self.pids, self.before, self.idle)]

    def each(self, count):
        service, database, redis = (used / count for used in self.so_far())
        return f"{service:7.0f} µs, database {database:6.0f} µs, Redis {redis:5.0f} µs"


def idle_of(service, stores, seconds=3):
    spent = Spent(service, stores)
    time.sleep(seconds)
    return [used / seconds for used in spent.so_far()]


def warm_and_cold(fleet, stores, credentials, key):
    for name, entries in (("in memory", 100000), ("not in memory", 1)):
        service = fleet.new_introspection(f"-{entries}", OAUTH1_CACHE_ENTRIES=entries).start()
        ask(service, credentials, key, seconds=3)
        known, spent = misses(service), Spent(service, stores)
        first = ask(service, credentials, key, seconds=4)
        share = (misses(service) - known) / first["active"]
        print(f"a call, client and token {name} ({share:.0%} misses): {spent.each(first['active'])}; "
              f"{first['active'] / 4:.0f}/s, p50 {first['active_us']['p50_us']} µs, p99 {first['active_us']['p99_us']} µs")
        service.stop()


def nonces(service, stores, credentials, key):
    """The sending takes a while, by which their seconds are more."""
    for rate, seconds, age_s in NONCES:
        took = rate * seconds // (SEND_RATE - rate) or 1
        before = int(stores.redis.info("memory")["used_memory"])
        count = ask(service, credentials, key, seconds=took, rate=min(SEND_RATE, rate * (seconds + took) // took),
                    lag=seconds - 1, clock_offset=-age_s)["active"]
        used = int(stores.redis.info("memory")["used_memory"]) - before
        print(f"a nonce at {count / (seconds + took):6.0f} a second: {used / count:5.1f} bytes of Redis")


def legs(fleet, stores):
    """The owner's part is an owner with a session, a page and a decision; logins are counted apart."""
    auth = fleet.auth.start()
    client = fleet.create_client()
    owner = Owner(fleet, "jane", PASSWORD)
    flows = [Flow(fleet, client, owner, signature_method="HMAC-SHA256") for _ in range(LEGS)]
    flows[0].token()
    idle = idle_of(auth, stores)
    print("nothing to do, in a second: {:.0f} µs, database {:.0f} µs, Redis {:.0f} µs".format(*idle))
    memory = int(stores.redis.info("memory")["used_memory"])
    for name, step in (("initiate", lambda flow: flow.initiate()), ("consent, page and decision", lambda flow: flow.grant()),
                       ("token", lambda flow: flow.exchange())):
        spent = Spent(auth, stores, idle)
        for flow in flows[1:]:
            step(flow)
        print(f"{name:28} {spent.each(LEGS - 1)}")
        if name == "initiate":
            used = int(stores.redis.info("memory")["used_memory"]) - memory
            print(f"{'':28} {used / (LEGS - 1):.0f} bytes of Redis for each temporary credential")
    flow = Flow(fleet, client, owner, signature_method="HMAC-SHA256")
    flow.initiate()
    spent = Spent(auth, stores, idle)
    for _ in range(LOGINS):
        page = Owner(fleet, "jane", PASSWORD).consent_page(flow.temporary.token)
        assert page.form_with("decision"), page.response.text
    print(f"{'login, with its page':28} {spent.each(LOGINS)}")
    auth.stop()


def rows(stores, count):
    stores.database.sql("ANALYZE TABLE tokens")
    ((size,),) = stores.database.sql("SELECT data_length + index_length FROM information_schema.tables WHERE table_name = 'tokens'")
    print(f"a token's row: {int(size) / count:.0f} bytes of InnoDB, indexes included")


def run(folder):
    on_core(introspect.LOAD_CORE)
    stores = Stores(folder).start()
    fleet = Fleet(folder / "fleet", stores, auths=1, introspections=1, OAUTH1_WORKERS=1, OAUTH1_DATABASE_POOL=8,
                  OAUTH1_CACHE_TTL=300, OAUTH1_TIMESTAMP_SKEW=3000, OAUTH1_LOG_LEVEL="info")
    try:
        fleet.migrate()
        credentials, key = prepare(fleet, folder)
        on_core(introspect.SERVER_CORE)
        processes(fleet, stores)
        rows(stores, introspect.TOKENS)
        service = fleet.introspection.start()
        cached(service, credentials, key)
        idle(service)
        nonces(service, stores, credentials, key)
        service.stop()
        warm_and_cold(fleet, stores, credentials, key)
        legs(fleet, stores)
    finally:
        fleet.stop()
        stores.stop()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name:
        run(Path(name))
