"""Four of one service and two of the other behind one nginx: replays, rolling restarts, stores that stop."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest
import requests

from demo_client import demo_signer
from harness.compose import BUILT, docker
from harness.flow import Flow, send
from harness.provider import Client
from signed_load import InitiateSigner, Load


@pytest.fixture(scope="module")
def signer(scaled):
    return demo_signer(scaled)


@pytest.fixture(scope="module")
def url(scaled):
    return f"{scaled.url}/api/photos"


def judged(stack, container):
    """How many requests a replica of introspection-service has judged."""
    address = next(iter(docker("inspect", "-f", "{{range .NetworkSettings.Networks}}{{.IPAddress}} {{end}}", container)
                        .stdout.split()))
    text = requests.get(f"http://{address}:9091/metrics", timeout=10).text
    return sum(float(line.rsplit(" ", 1)[1]) for line in text.splitlines() if line.startswith("oauth1_verifications_total{"))


def wait_until(condition, seconds, what):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.1)


def every_replica_judges_one(scaled, signer, url):
    replicas = scaled.containers("introspection-service")
    before = [judged(scaled, replica) for replica in replicas]
    for _ in range(60):
        assert send(signer.sign("GET", url)).status_code == 200
    assert all(judged(scaled, replica) > count for replica, count in zip(replicas, before))


def test_the_replicas_are_there_and_share_the_work(scaled, signer, url):
    assert len(scaled.containers("introspection-service")) == 4 and len(scaled.containers("auth-service")) == 2
    every_replica_judges_one(scaled, signer, url)


def test_another_up_with_a_profile_keeps_the_replicas(scaled):
    before = {name: sorted(scaled.containers(name)) for name in BUILT}
    scaled.compose("--profile", "delegated-login", "up", "-d", "--wait", timeout=600)
    try:
        assert {name: sorted(scaled.containers(name)) for name in BUILT} == before
    finally:
        scaled.compose("--profile", "delegated-login", "rm", "-sf", "login-site", "auth-service-delegated", "login-secrets")


def test_a_replay_across_replicas_succeeds_once(scaled, signer, url):
    with ThreadPoolExecutor(16) as pool:
        for _ in range(5):
            request = signer.sign("GET", url)
            together = threading.Barrier(16)
            statuses = [*pool.map(lambda _, r=request, t=together: (t.wait(20), send(r).status_code)[1], range(16))]
            assert sorted(statuses) == [200] + [401] * 15


def restart(container):
    docker("restart", "--time", "40", container)
    wait_until(lambda: docker("inspect", "-f", "{{.State.Health.Status}}", container).stdout.strip() == "healthy", 60,
               f"{container} is not healthy again")


def failures_while(scaled, signer, url, what):
    """What was not answered as it should be while `what` was done under load, and how the load fared."""
    initiate = Load(InitiateSigner(signer), f"{scaled.url}/oauth/initiate", "POST")
    with Load(signer, url) as asked, initiate:
        what()
    assert asked.sent > 300 and initiate.sent > 300
    failures = [*asked.failures, *initiate.failures]
    return failures, (f"{asked.sent} signed requests to the API, {initiate.sent} temporary credentials, {len(failures)} failed, "
                      f"slowest {asked.slowest_s:.2f} s")


def restart_all(scaled):
    """Each replica in turn, the two services side by side."""
    with ThreadPoolExecutor(2) as pool:
        services = [scaled.containers(name) for name in ("introspection-service", "auth-service")]
        rounds = [pool.submit(lambda all_of=replicas: [restart(one) for one in all_of]) for replicas in services]
        for done in rounds:
            done.result(240)


def test_a_rolling_restart_fails_no_request(scaled, signer, url, capsys):
    """Where the same load fails without any restart, too, the machine is too busy to tell, and it is tried again."""
    for _ in range(3):
        failures, summary = failures_while(scaled, signer, url, lambda: restart_all(scaled))
        with capsys.disabled():
            print(f"\nrolling restart of 4 and 2 replicas: {summary}")
        if not failures:
            return
        told = [line for line in scaled.log("nginx").splitlines() if "[error]" in line or " 50" in line]
        at_rest, summary = failures_while(scaled, signer, url, lambda: time.sleep(30))
        with capsys.disabled():
            print(f"the same load without a restart: {summary}")
        assert at_rest, "\n".join([*failures, *told])
    raise AssertionError("on a machine that fails requests by itself this cannot be shown:\n" + "\n".join(failures))


def started_at(stack, service):
    return [docker("inspect", "-f", "{{.State.StartedAt}}", container).stdout for container in stack.containers(service)]


def test_an_update_restarts_no_store(scaled):
    """A restarted Redis would have everybody wait for the lead."""
    before = {name: started_at(scaled, name) for name in ("mysql", "redis", "auth-service", "introspection-service")}
    image = scaled.image("introspection-service")
    docker("build", "-q", "-t", image, "-", input=f"FROM {image}\nLABEL update=1\n")
    scaled.compose("up", "-d", "--wait", "--no-build", "--pull", "never")
    after = {name: started_at(scaled, name) for name in before}
    assert {name for name in before if before[name] != after[name]} == {"introspection-service"}


def refused_for_now(answer):
    return answer.status_code == 503 and int(answer.headers["Retry-After"]) >= 1


def test_without_redis_nothing_is_let_through_until_it_is_back(scaled, signer, url):
    scaled.compose("stop", "redis")
    try:
        for _ in range(5):
            began = time.monotonic()
            answer = send(signer.sign("GET", url))
            assert refused_for_now(answer), (answer.status_code, answer.headers, answer.text)
            assert time.monotonic() - began < 5
        assert refused_for_now(send(InitiateSigner(signer).sign("POST", f"{scaled.url}/oauth/initiate")))
    finally:
        scaled.compose("start", "redis")
    # A restarted Redis may have lost nonces: what was signed before is refused until the lead (2 s here) has passed.
    wait_until(lambda: send(signer.sign("GET", url)).status_code == 200, 60, "no request is let through again")


def test_without_mysql_nothing_is_issued_until_it_is_back(scaled, signer, url, jane):
    flow = Flow(SimpleNamespace(url=scaled.url), Client(signer.client_id, signer.client_secret), jane,
                signature_method="HMAC-SHA256")
    flow.initiate("oob", scope="photos:read")
    flow.grant()
    every_replica_judges_one(scaled, signer, url)  # and keeps what it read for that
    scaled.compose("stop", "mysql", timeout=120)
    try:
        answer = send(flow.exchange_request())
        assert refused_for_now(answer), (answer.status_code, answer.text)
        for _ in range(8):
            assert send(signer.sign("GET", url)).status_code == 200, "what is known goes on from the cache"
    finally:
        scaled.compose("start", "mysql")
    wait_until(lambda: send(flow.exchange_request()).status_code == 200, 90, "the same exchange, retried, never succeeds")
    assert send(signer.sign("GET", url)).status_code == 200
