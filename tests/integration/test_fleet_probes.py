"""What probes make of an outage: a replica that still answers from memory stays in service, one that serves nobody leaves it."""

import threading
import time

import pytest
import requests
from harness.fleet import new_fleet, release_binaries
from harness.outages import hung, stopped
from harness.owner import until_answered

pytestmark = pytest.mark.xdist_group("fleet-probes")
SECONDS = 8  # a minute in tests/long; a replica leaves after three failed probes
PROBE_SECONDS, PROBE_FAILURES = 0.5, 3


@pytest.fixture(scope="module")
def fleet(tmp_path_factory):
    with new_fleet(tmp_path_factory.mktemp("probes"), auths=1, introspections=2, bin=release_binaries(),
                   OAUTH1_CACHE_TTL=2) as made:
        yield made


class Balancer:
    """Sends introspections to the replicas whose probes succeed, as Kubernetes and gateways do."""

    def __init__(self, services):
        self.services, self.failed = services, {service: 0 for service in services}
        self.over, self.turn = threading.Event(), 0
        self.thread = threading.Thread(target=self.probe)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.thread.join(30)

    def probe(self):
        while not self.over.wait(PROBE_SECONDS):
            for service in self.services:
                self.failed[service] = 0 if readiness(service)[0] == 200 else self.failed[service] + 1

    def ready(self):
        return [service for service in self.services if self.failed[service] < PROBE_FAILURES]

    def choose(self):
        ready = self.ready()
        assert ready, "no replica is ready"
        self.turn += 1
        return ready[self.turn % len(ready)].url


def readiness(service):
    try:
        answer = requests.get(f"{service.ops}/readyz?verbose", timeout=2)
        return answer.status_code, answer.text
    except requests.RequestException as failure:
        return 0, repr(failure)


def wait_for(service, condition, seconds=20):
    until = time.monotonic() + seconds
    while not condition(found := readiness(service)):
        assert time.monotonic() < until, found
        time.sleep(0.05)
    return found


def degraded(service):
    text = requests.get(f"{service.ops}/metrics", timeout=5).text
    return [line.split()[1] for line in text.splitlines() if line.startswith("oauth1_degraded ")]


def introspect(fleet, key, signer, url):
    """Whether it was answered at once: a machine that is busy makes Redis late, which is a 503 that is tried again."""
    answers = []

    def ask():
        answers.append(fleet.introspect(key, signer.sign("GET", "http://api.example/"), at=url))
        return answers[-1]

    answer = until_answered(ask)
    assert answer.status_code == 200 and answer.json()["active"], (answer.status_code, answer.text)
    return len(answers) == 1


def introspect_meanwhile(fleet, fault, seconds):
    """No introspection of what is cached fails while the database is away, and the replicas say that they are degraded."""
    key, signers = fleet.create_resource_server(), fleet.signers(fleet.create_client(), 3)
    with Balancer(fleet.introspections) as balancer:
        for service in fleet.introspections:
            for signer in signers:
                introspect(fleet, key, signer, service.url)
        asked = late = 0
        with fault(fleet.stores.database):
            until = time.monotonic() + seconds
            while time.monotonic() < until:
                late += not introspect(fleet, key, signers[asked % len(signers)], balancer.choose())
                asked += 1
                time.sleep(0.02)
            for service in fleet.introspections:
                status, text = wait_for(service, lambda found: "degraded" in found[1])
                assert status == 200 and "[-] database: " in text, text
                assert degraded(service) == ["1"]
        print(f"{asked} introspections, {late} late")
        assert asked > 20 and late <= max(2, asked / 50), (asked, late)
        for service in fleet.introspections:
            wait_for(service, lambda found: found[0] == 200 and "degraded" not in found[1])
            assert degraded(service) == ["0"]
        introspect(fleet, key, signers[0], balancer.choose())


@pytest.mark.parametrize("fault", [stopped, hung], ids=["killed", "stopped by a signal"])
def test_without_the_database_what_is_cached_is_introspected_behind_probes(fleet, fault):
    introspect_meanwhile(fleet, fault, SECONDS)


def test_a_replica_that_remembers_nobody_is_not_ready_without_the_database(fleet):
    fresh = fleet.add(fleet.new_introspection("-fresh"))
    with stopped(fleet.stores.database):
        status, text = wait_for(fresh, lambda found: found[0] != 200)
        assert status == 503 and "[-] database: " in text and "degraded" not in text, text
    wait_for(fresh, lambda found: found[0] == 200)


def test_without_redis_no_replica_is_ready(fleet):
    with stopped(fleet.stores.redis):
        for service in fleet.services:
            status, text = wait_for(service, lambda found: found[0] == 503)
            assert "[-] ephemeral: " in text, text
    for service in fleet.services:
        wait_for(service, lambda found: found[0] == 200)
