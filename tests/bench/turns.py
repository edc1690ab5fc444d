#!/usr/bin/python3
"""turns: what each endpoint asks the stores for, one request at a time: its turns with Redis, its SQL statements, the
steps that wait; and the CPU time (user and system) that a call of the signed endpoints takes of the service and of Redis.

COUNTERSIGN_BENCH_BUILD names another build to measure."""

import http.client
import json
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("COUNTERSIGN_BENCH_BUILD", ROOT / "build/bench"))
os.environ["COUNTERSIGN_BIN"] = str(BUILD / "bin")
sys.path.insert(0, str(ROOT / "tests"))

from harness.fleet import API_URL, PASSWORD, new_fleet  # noqa: E402
from harness.flow import Flow  # noqa: E402
from harness.owner import Owner, location_query  # noqa: E402
from harness.provider import describe  # noqa: E402
from harness.trace import TracedFleet, trace_endpoints, with_token, write_traces  # noqa: E402

CALLS, ROUNDS = 200, 5


def cpu_ns(process):
    """The clock of a process, which is finer than the ticks of /proc."""
    return time.clock_gettime_ns(~process.pid << 3 | 2)


class Caller:
    """One kept connection to a service."""

    def __init__(self, service):
        self.connection = http.client.HTTPConnection("127.0.0.1", service.port)

    def __call__(self, make_request):
        for _ in range(3):  # a disk that is busy for 200 ms is a 503, and its nonce may be spent
            method, path, body, headers = make_request()
            self.connection.request(method, path, body, headers)
            answer = self.connection.getresponse()
            answer.text = answer.read().decode()
            if answer.status != 503:
                break
            time.sleep(int(answer.headers["Retry-After"]))
        assert answer.status in (200, 302), f"{path}: {answer.status} {answer.text}"
        return answer


class Answer:
    """What requests' answers have that the harness reads."""

    def __init__(self, answer):
        self.text = answer.text
        self.status_code = answer.status
        self.headers = answer.headers


def measure(service, redis, requests):
    """µs of the service and of Redis for each of the requests, and their answers. A request is what makes it."""
    caller, answers = Caller(service), []
    before = cpu_ns(service.process), cpu_ns(redis.process)
    for make_request in requests:
        answers.append(caller(make_request))
    used = cpu_ns(service.process) - before[0], cpu_ns(redis.process) - before[1]
    return [ns / 1000 / len(answers) for ns in used], answers


def signed(sign, path):
    """A request that is signed each time it is made."""
    def make_request():
        request = sign()
        return request.method, path, request.body, request.headers
    return make_request


def same(*request):
    return lambda: request


def one_round(fleet, client, owner, key):
    """name -> [µs of the service, µs of Redis]"""
    redis, used = fleet.stores.redis, {}
    flows = [Flow(fleet, client, owner, signature_method="HMAC-SHA256") for _ in range(CALLS)]
    used["POST /oauth/initiate"], answers = measure(
        fleet.auth, redis, [signed(flow.initiate_request, "/oauth/initiate") for flow in flows])
    for flow, answer in zip(flows, answers):
        flow.temporary = with_token(flow, Answer(answer))
    flows[0].owner.consent_page(flows[0].temporary.token)  # logs in
    cookie = {"Cookie": "; ".join(f"{c.name}={c.value}" for c in owner.session.cookies)}
    paths = [f"/oauth/authorize?oauth_token={flow.temporary.token}" for flow in flows]
    used["GET /oauth/authorize"], pages = measure(fleet.auth, redis, [same("GET", path, None, cookie) for path in paths])
    csrf = pages[0].text.split('name="csrf_token" value="')[1].split('"')[0]
    headers = {**cookie, "Content-Type": "application/x-www-form-urlencoded"}
    forms = [f"oauth_token={flow.temporary.token}&csrf_token={csrf}&scope=&decision=grant" for flow in flows]
    used["POST /oauth/authorize"], answers = measure(
        fleet.auth, redis, [same("POST", "/oauth/authorize", body, headers) for body in forms])
    for flow, answer in zip(flows, answers):
        flow.verifier = dict(location_query(Answer(answer)))["oauth_verifier"]
    used["POST /oauth/token"], answers = measure(
        fleet.auth, redis, [signed(flow.exchange_request, "/oauth/token") for flow in flows])
    signer = with_token(flows[0], Answer(answers[0]))
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}

    def ask():
        return "POST", "/v1/introspect", json.dumps(describe(signer.sign("GET", API_URL))), headers
    used["POST /v1/introspect"], _ = measure(fleet.introspection, redis, [ask] * CALLS)
    return used


def print_cpu(rounds):
    print(f"\nCPU µs a call, one at a time (medians of {len(rounds)} rounds of {CALLS})")
    print(f"{'':42}{'service':>9}{'Redis':>8}")
    for name in rounds[0]:
        service, redis = (statistics.median(used[name][i] for used in rounds) for i in (0, 1))
        print(f"{name:42}{service:9.0f}{redis:8.0f}")


def run(folder):
    with TracedFleet(folder / "traced") as traced:
        write_traces(trace_endpoints(traced), sys.stdout)
    with new_fleet(folder / "fleet", auths=1, introspections=1, OAUTH1_WORKERS=1, OAUTH1_RATE_LIMIT_CLIENT=1000000) as fleet:
        client, key = fleet.create_client(), fleet.create_resource_server()
        owner = Owner(fleet, "jane", PASSWORD)
        one_round(fleet, client, owner, key)
        print_cpu([one_round(fleet, client, owner, key) for _ in range(ROUNDS)])


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name:
        run(Path(name))
