"""While fresh requests cannot be told from what was accepted before, /readyz is 503 and says why and for how long, metrics
say how long, and all of it ends by itself."""

import http.client
import json
import re
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest
import requests
from harness.fleet import API_URL, release_binaries
from harness.flow import Flow, send
from harness.provider import Provider, describe
from harness.scenarios import Hosts
from harness.signer import Signer
from harness.stores import Redis

SKEW, LEAD = 4, 2
BACK_SECONDS = 10 + 1.5
CACHED_SECONDS = 1  # by /readyz


@pytest.fixture(params=["memory", "redis"])
def it(request, tmp_path):
    """An introspection-service on a host whose clock a test can set, on the one nonce store or the other."""
    hosts = Hosts(tmp_path)
    redis = Redis(tmp_path / "redis", clock=hosts.redis).start() if request.param == "redis" else None
    variables = {"OAUTH1_REDIS_URL": redis.url} if redis else {}
    provider = Provider(tmp_path / "provider", release_binaries(), OAUTH1_TIMESTAMP_SKEW=SKEW, OAUTH1_TIMESTAMP_LEAD=LEAD,
                        **hosts.ours.variables(), **variables)
    key = provider.create_resource_server()
    client = provider.create_client("--two-legged")
    service = provider.introspection.start()
    yield SimpleNamespace(provider=provider, service=service, hosts=hosts, redis=redis, key=key,
                          signer=Signer(client.client_id, client.client_secret))
    hosts.ours.set(0)
    hosts.redis.set(0)
    service.stop()
    if redis:
        redis.stop()


def accepts(it, ahead_s=0):
    request = it.signer.sign("GET", API_URL, oauth_timestamp=str(int(time.time() + ahead_s)))
    answer = it.provider.introspect(it.key, request)
    return answer.status_code == 200 and answer.json()["active"]


def until(condition, at_most, why):
    begin = time.monotonic()
    while not (value := condition()):
        assert time.monotonic() - begin < at_most, why() if callable(why) else why
        time.sleep(0.1)
    return value


def readiness(it):
    answer = requests.get(it.service.ops + "/readyz?verbose", timeout=5)
    return answer.status_code, answer.text


def metric(it, name):
    text = requests.get(it.service.ops + "/metrics", timeout=5).text
    return float(re.search(rf"^{name} (\S+)$", text, re.M).group(1))


def lose_nonces(it):
    if it.redis:
        it.redis.call("FLUSHALL")
    else:
        it.service.kill()
        it.service.launch()


def not_ready(it, why=""):
    """What /readyz says once it is 503, and for this reason: one that starts has no connection at first."""
    def asked():
        try:
            status, text = readiness(it)
        except requests.ConnectionError:
            return None  # it starts
        return text if status == 503 and why in text else None
    return until(asked, 5, "it is ready")


def seconds_in(text):
    return int(re.search(r"\b(\d+) s\b", text).group(1))


def is_served_again_and_says_so(it, at_most=BACK_SECONDS):
    begin = time.monotonic()
    until(lambda: accepts(it), at_most, lambda: f"not served again: {readiness(it)}")
    until(lambda: readiness(it) == (200, "[+] database\n[+] ephemeral\nready\n"), CACHED_SECONDS + 1, lambda: readiness(it))
    assert metric(it, "oauth1_guard_seconds") == 0
    return time.monotonic() - begin


def test_readyz_is_503_during_a_guard_and_says_why_and_for_how_long(it):
    assert accepts(it, LEAD)
    until(lambda: LEAD - 1 <= metric(it, "oauth1_accepted_lead_seconds") <= LEAD, CACHED_SECONDS + 1, lambda: metric(it, "oauth1_accepted_lead_seconds"))
    assert metric(it, "oauth1_guard_seconds") == 0
    lose_nonces(it)
    text, begin = not_ready(it, "lost"), time.monotonic()
    told = seconds_in(text)
    assert "lost" in text and 0 < told <= BACK_SECONDS, text
    assert abs(metric(it, "oauth1_guard_seconds") - told) <= 1 + CACHED_SECONDS
    until(lambda: not accepts(it), 3, "it accepts")
    is_served_again_and_says_so(it)
    assert abs(time.monotonic() - begin - told) < 2 + CACHED_SECONDS, f"it said {told} s"
    first, last = [line for line in log_lines(it) if line["message"] in ("not serving yet", "not serving", "serving again")]
    assert "lost" in first["why"] and 0 < seconds_in(first["why"]) <= BACK_SECONDS, first
    assert last["message"] == "serving again", last


def log_lines(it):
    return [json.loads(line) for line in it.service.text().splitlines()]


def refused_meanwhile(it, over, bodies):
    """One client, which goes on over a connection of its own; the bodies of what was refused with 503."""
    connection = http.client.HTTPConnection("127.0.0.1", it.service.port, timeout=10)
    headers = {"Authorization": f"Bearer {it.key}", "Content-Type": "application/json"}
    while not over.is_set():
        connection.request("POST", "/v1/introspect", json.dumps(describe(it.signer.sign("GET", API_URL))), headers)
        answer = connection.getresponse()
        text = answer.read()
        if answer.status == 503:
            bodies.append(text)


def test_what_is_refused_during_a_guard_is_counted_and_not_logged_one_by_one(it):
    """Eight clients. The problem's title says what it is, and a line of the few says for how long."""
    until(lambda: accepts(it), 5, "it did not begin")
    lose_nonces(it)
    not_ready(it)
    before, over, bodies = len(it.service.text()), threading.Event(), []
    counted = ("oauth1_decision_lines_left_out_total", "oauth1_access_lines_left_out_total")
    with ThreadPoolExecutor(8) as pool:
        clients = [pool.submit(refused_meanwhile, it, over, bodies) for _ in range(8)]
        time.sleep(3)
        over.set()
        for client in clients:
            client.result()
    written, lines = it.service.text()[before:], [json.loads(line) for line in it.service.text()[before:].splitlines()]
    print(f"{len(bodies)} refused, {len(written)} bytes of log")
    assert len(bodies) > 200 and len(written) < 60_000, (len(bodies), len(written))
    for name, message in zip(counted, ("decision", "request")):
        logged = [line for line in lines if line["message"] == message and line.get("status", 503) == 503]
        assert 10 <= len(logged) <= 50 and len(logged) + metric(it, name) == len(bodies), (len(logged), metric(it, name), len(bodies))
        assert any("without a line of their own" in line["message"] and f"{message}s" in line for line in lines), message
    decision = next(line for line in lines if line["message"] == "decision")
    assert decision["verdict"] == "unavailable" and 0 < decision["guard_s"] <= BACK_SECONDS, decision
    told = json.loads(bodies[0])
    assert told["title"] == "nonces were lost, and fresh requests are refused for some seconds" and "s more" in told["detail"], told
    assert it.provider.command("healthcheck", binary="introspection-service", **it.service.variables).code == 1
    log = it.provider.directory / "introspection-service.log"
    why = it.provider.command("why", decision["request_id"], "--log", log)
    assert re.search(r"nonces were lost, so that fresh requests were refused for \d+ s more", why.out), why
    is_served_again_and_says_so(it)


def test_readyz_is_503_while_the_clock_is_beyond_the_skew_from_the_stores(it):
    if not it.redis:
        pytest.skip("the memory store's clock is the service's own")
    until(lambda: accepts(it), 5, "it did not begin")
    it.hosts.ours.set(SKEW + 30)
    until(lambda: readiness(it)[0] == 503, 12, "it is ready")
    until(lambda: not accepts(it), 3, "it accepts")
    assert re.search(r"clock", readiness(it)[1]), readiness(it)
    it.hosts.ours.set(0)
    is_served_again_and_says_so(it, LEAD + 10)


def test_readyz_is_503_while_the_clock_is_so_far_behind_what_was_accepted_that_nothing_could_be(it):
    until(lambda: accepts(it), 5, "it did not begin")
    for host in (it.hosts.ours, it.hosts.redis):
        host.set(-SKEW - 4)
    until(lambda: "the clock is" in readiness(it)[1], 5, lambda: readiness(it))
    status, text = readiness(it)
    assert status == 503 and seconds_in(text) > LEAD, text
    for host in (it.hosts.ours, it.hosts.redis):
        host.set(0)
    is_served_again_and_says_so(it, LEAD + 10)


def test_auth_service_takes_no_request_of_before_a_crash_that_met_a_clock_behind(it):
    """Its nonces are kept in the same way; each service has its own memory."""
    auth = it.provider.auth.start()
    flow = Flow(it.provider, it.provider.create_client())
    try:
        time.sleep(LEAD + 1)  # what is accepted soon after a start is no different, but easier
        before = [flow.initiate_request(oauth_timestamp=str(int(time.time()) + lead)) for lead in (0, LEAD)]
        assert [send(request).status_code for request in before] == [200, 200]
        auth.kill()
        if it.redis:
            it.redis.kill()
        for host in (it.hosts.ours, it.hosts.redis):
            host.set(-3600)
        if it.redis:
            it.redis.start()
        auth.launch()
        time.sleep(2)
        for host in (it.hosts.ours, it.hosts.redis):
            host.set(0)
        begin, back_s = time.monotonic(), None
        while time.monotonic() - begin < LEAD + 12:
            assert 200 not in [send(request).status_code for request in before], "a replay"
            if back_s is None and send(flow.initiate_request()).status_code == 200:
                back_s = time.monotonic() - begin
            time.sleep(0.3)
        assert back_s is not None and back_s < LEAD + 11.5, back_s
    finally:
        auth.stop()


def test_a_restart_with_a_larger_skew_takes_nothing_that_was_accepted_before_it(tmp_path):
    """In memory, after a clean stop: the nonce is gone by then, since the smaller skew would not take its timestamp again."""
    provider = Provider(tmp_path, OAUTH1_TIMESTAMP_SKEW=1)
    key, client = provider.create_resource_server(), provider.create_client("--two-legged")
    service, signer = provider.introspection.start(), Signer(client.client_id, client.client_secret)
    is_active = lambda request: (answer := provider.introspect(key, request)).status_code == 200 and answer.json()["active"]
    try:
        before = signer.sign("GET", API_URL)
        assert is_active(before)
        time.sleep(4)
        service.stop()
        service.variables["OAUTH1_TIMESTAMP_SKEW"] = "300"
        service.launch()
        service.wait_until_alive()
        assert not is_active(before), "a replay"
        until(lambda: is_active(signer.sign("GET", API_URL)), BACK_SECONDS, service.text)
        assert not is_active(before), "a replay"
        assert "nonces were kept for 2 s, this process needs 600 s" in service.text()
    finally:
        service.stop()
