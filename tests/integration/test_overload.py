"""Clients that pipeline, idle or crawl in crowds, and what others notice of them. The release binaries; the figures are
printed, the bounds are wide, since the machine does other things too."""

import os
import resource
import time
from pathlib import Path

import pytest

from harness.crowd import Crowd, Times, introspection
from harness.provider import ROOT, Provider

RELEASE = Path(os.environ.get("COUNTERSIGN_RELEASE_BIN", ROOT / "build/bin"))
PROBE_MS = 50  # the ops port answers within, where it gets a processor
PIPELINERS, IDLERS = 200, 5000
SECONDS = 4
EXPIRY_SECONDS = 13  # what says nothing, or not all, is closed after 10
# Who waits behind a crowd waits for seconds; what is allowed here is what other processes on the machine may cost.
TIMES_SLOWER = 10
NOISE_MS = {0.25: 20, 0.5: 100, 0.9: 500}
LONGEST_MS = 3000  # of one call: who is locked out counts as one that took long

ENDLESS = {
    "home": "/",
    "nowhere": "/nowhere",
    "initiate": "/oauth/initiate",
}


def start(directory, soft_limit=None, **variables):
    """A provider whose processes begin with this soft limit of descriptors."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(soft_limit or hard, hard), hard))
    try:
        made = Provider(directory, bin=RELEASE, OAUTH1_LOG_LEVEL="warn", OAUTH1_RATE_LIMIT_ADDRESS="0", **variables)
        made.key = made.create_resource_server()
        return made.start()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def ask_service(times, provider, service):
    if service is provider.auth:
        return times.ask(service.port, "/login")
    return times.ask(service.port, "/v1/introspect", *introspection(provider.key))


def measure(provider, service, seconds):
    """The times of calls of others, and of /livez and /readyz, one after the other for some seconds."""
    others, live, ready = Times(), Times(), Times()
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        assert ask_service(others, provider, service) == 200
        assert live.ask(service.ops_port, "/livez") == 200
        assert ready.ask(service.ops_port, "/readyz") == 200
        time.sleep(0.002)
    return others, live, ready


def check(name, without, crowded):
    for what, before, meanwhile in zip(("others", "/livez", "/readyz"), without, crowded):
        print(f"{name}: {what}: without them {before}; with them {meanwhile}")
    others, live, ready = crowded
    for share, noise_ms in NOISE_MS.items():
        allowed = TIMES_SLOWER * without[0].quantile(share) + noise_ms
        assert others.quantile(share) < allowed, f"{name}: {share}: {others} instead of {without[0]}"
    assert max(others.all) < LONGEST_MS, f"{name}: {others}"
    assert live.quantile(0.25) < PROBE_MS and ready.quantile(0.25) < PROBE_MS, f"{name}: {live}; {ready}"


@pytest.mark.parametrize("path", ENDLESS.values(), ids=ENDLESS)
def test_endless_pipelining_leaves_others_their_turn(tmp_path, path):
    """Compared with the same crowd at another process, so that what it costs the machine counts on both sides."""
    provider = start(tmp_path / "provider", OAUTH1_WORKERS="1")
    elsewhere = start(tmp_path / "elsewhere", OAUTH1_WORKERS="1")
    request = f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n"
    if path == ENDLESS["initiate"]:
        request = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n"
    times = []
    for crowded in (elsewhere, provider):
        with Crowd("pipeline", crowded.auth.port, PIPELINERS, request.encode()) as crowd:
            crowd.wait_until_there()
            times.append(measure(provider, provider.auth, SECONDS))
    check(f"{PIPELINERS} clients pipeline {path}", *times)
    elsewhere.stop()
    provider.stop()


def sit(directory, kind, workers, soft_limit, **variables):
    provider = start(directory, soft_limit, OAUTH1_WORKERS=str(workers), **variables)
    service = provider.introspection
    alone = measure(provider, service, 2)
    with Crowd(kind, service.port, IDLERS):
        crowded = measure(provider, service, EXPIRY_SECONDS)  # while they come, sit and expire
    check(f"{IDLERS} {kind} clients, {workers} loops, {soft_limit} descriptors, {variables}", alone, crowded)
    provider.stop()
    return provider


@pytest.mark.parametrize("kind, workers, soft_limit", [("idle", 1, 1024), ("slow", 1, 65536)])
def test_a_crowd_that_sits_and_expires_locks_nobody_out(tmp_path, kind, workers, soft_limit):
    sit(tmp_path / "provider", kind, workers, soft_limit)


def test_beyond_the_cap_the_longest_idle_make_room(tmp_path):
    provider = sit(tmp_path / "provider", "idle", 1, 1024, OAUTH1_CONNECTIONS="1000")
    assert "connections were closed for others" in provider.introspection.text()
