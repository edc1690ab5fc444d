"""A store that is gone, hangs or talks rubbish: 503 with Retry-After in time, never an acceptance without its nonce, what
is cached goes on without the database, and all is well again soon after.

Release binaries, since times are what it is about."""

import itertools
import json
import time

import pytest
import requests

from harness.fleet import API_URL, load, new_fleet, release_binaries, write_credentials
from harness.flow import Flow, form
from harness.outages import FAULTS, Outage, anonymous_kb, faulty, total
from harness.owner import until_answered
from harness.provider import describe
from harness.replays import Caller
from harness.signer import Signer

pytestmark = pytest.mark.xdist_group("fleet-outages")
DEADLINE_MS, AT_WORST_MS = 250, 1000  # the promise, and what a busy machine may add to the worst of all
SKEW, LEAD = 4, 1
RECOVERY_SECONDS = 2
GUARD_SECONDS = 8
RANGE_SECONDS = 5 + LEAD + 1  # what was accepted lately lets more through for no longer


@pytest.fixture(scope="module")
def fleet(request, tmp_path_factory):
    """The stores that it is asked for with can be broken."""
    with new_fleet(tmp_path_factory.mktemp("fleet"), faulty=request.param, aof=True, auths=1, introspections=2, bin=release_binaries(),
                   OAUTH1_TIMESTAMP_SKEW=SKEW, OAUTH1_TIMESTAMP_LEAD=LEAD) as made:
        yield made


def breakable(*stores):
    return pytest.mark.parametrize("fleet", [stores], indirect=True, ids=[" and ".join(stores)])


@pytest.fixture(scope="module")
def key(fleet):
    return fleet.create_resource_server()


@pytest.fixture(scope="module")
def client(fleet):
    return fleet.create_client()


@pytest.fixture(scope="module")
def credentials(fleet, client, key):
    """Every service remembers them."""
    signers = fleet.signers(client, 3)
    for service, signer in itertools.product(fleet.introspections, signers):
        answer = until_answered(lambda: fleet.introspect(key, signer.sign("GET", API_URL), at=service.url))
        assert answer.json()["active"], answer.text
    return write_credentials(fleet.directory / "credentials", signers)


@pytest.fixture(autouse=True)
def nobody_ends(fleet):
    yield
    for service in fleet.services:
        assert service.running(), service.text()


def soon(call):
    """Each loop comes back for itself: what a client would do that was told to try again."""
    begin = time.monotonic()
    while True:
        try:
            return call()
        except AssertionError as refused:
            if "503" not in str(refused) or time.monotonic() - begin > RECOVERY_SECONDS:
                raise
            time.sleep(0.05)


def granted(fleet, client):
    flow = Flow(fleet, client)
    soon(flow.initiate)
    soon(flow.grant)
    return flow


def exchanges(flow, times=5):
    """(status, Retry-After, ms, body) of some exchanges one after the other."""
    answers = []
    for _ in range(times):
        request = flow.exchange_request()
        begin = time.monotonic()
        answer = requests.post(request.url, headers=request.headers, timeout=10)
        answers.append((answer.status_code, answer.headers.get("Retry-After"), (time.monotonic() - begin) * 1000, answer))
    return answers


def assert_refused_in_time(answers):
    for status, retry_after, _, answer in answers:
        assert (status, form(answer)["error"]) == (503, "temporarily_unavailable"), answer.text
        assert int(retry_after) >= 1
    times = sorted(took_ms for _, _, took_ms, _ in answers)
    assert times[len(times) // 2] <= DEADLINE_MS and times[-1] <= AT_WORST_MS, times


@breakable("redis")
@pytest.mark.parametrize("fault", FAULTS)
def test_without_redis_everything_is_refused_in_time_and_comes_back(fleet, client, key, credentials, fault):
    stores, flow = fleet.stores, granted(fleet, client)
    back_s = RECOVERY_SECONDS + (GUARD_SECONDS if fault == "killed" else 0)  # one that restarted may have lost nonces
    outage = Outage(fleet, key, credentials, stores.redis, stores.redis_proxy, fault, seconds=0.9, recovery_s=back_s,
                    meanwhile=lambda: exchanges(flow))
    assert_refused_in_time(outage.meanwhile)
    late = [line for line in outage.during if line["at_ms"] > outage.began_ms + 400]
    assert total(late, "unavailable") > 0 and total(late, "active") == 0, late
    summary = outage.summary
    assert summary["without_retry_after"] == summary["cut"] == summary["timed_out"] == summary["unexpected"] == 0, summary
    assert summary["unavailable_us"]["p50_us"] <= DEADLINE_MS * 1000, summary
    assert summary["unavailable_us"]["max_us"] <= AT_WORST_MS * 1000, summary
    assert outage.seconds_until_all_well() <= back_s, outage.lines
    assert soon(flow.exchange).status_code == 200, "the temporary credential survived"


@breakable("database")
@pytest.mark.parametrize("fault", FAULTS)
def test_without_a_database_what_is_cached_goes_on_and_the_rest_is_refused_in_time(fleet, client, key, credentials, fault):
    stores, flow = fleet.stores, granted(fleet, client)
    outage = Outage(fleet, key, credentials, stores.database, stores.database_proxy, fault, seconds=0.9,
                    recovery_s=RECOVERY_SECONDS, meanwhile=lambda: exchanges(flow))
    assert_refused_in_time(outage.meanwhile)
    assert total(outage.during, "active") > 50, outage.during
    assert outage.summary["active"] == sum(
        count for name, count in outage.summary.items() if name in ("active", "refused", "unavailable", "unexpected")
    ), "nothing but acceptances"
    assert soon(flow.exchange).status_code == 200
    assert outage.seconds_until_all_well() <= RECOVERY_SECONDS


@breakable("database")
@pytest.mark.parametrize("fault", ["unreachable", "silent"])
def test_without_a_database_a_client_that_comes_seldom_is_served_from_the_first_moment(fleet, key, fault):
    """Its timestamp is in no range, so that it has to wait for the database: 0.1 s of the 0.2 that a store has."""
    stores, client = fleet.stores, fleet.create_client("--two-legged")
    signer = Signer(client.client_id, client.client_secret)
    callers = [Caller(service, key) for service in fleet.introspections]

    def ask_each():
        bodies = [json.dumps(describe(signer.sign("GET", API_URL))) for _ in callers]
        return [caller.judge([body])[0] for caller, body in zip(callers, bodies)]

    ask_each()  # they know it then
    time.sleep(RANGE_SECONDS)
    with FAULTS[fault](stores.database, stores.database_proxy):
        first, later = ask_each(), ask_each()
    assert "active" in first, "a busy machine may take the other 0.1 s from one of them, not from all"
    assert set(later) == {"active"}, later


@breakable("database")
def test_a_lost_commit_reply_yields_the_same_token_when_tried_again(fleet, client):
    """The row is made by one statement that is its own transaction; its jti is in what goes to the server."""
    proxy, flow = fleet.stores.database_proxy, granted(fleet, client)
    proxy.lose_replies_to(b"tok_")
    try:
        first = exchanges(flow, 1)[0]
    finally:
        proxy.lose_replies_to(None)
    assert proxy.lost_replies >= 1  # a batch of last uses may name a token at the same moment
    assert first[0] == 503 and first[1], first[3].text
    rows = fleet.stores.database.sql("SELECT oauth_token FROM tokens ORDER BY id DESC LIMIT 1")
    again = form(soon(flow.exchange))
    assert [[again["oauth_token"]]] == rows, "the row was there, and no second one was made"


@breakable("redis", "database")
def test_outages_leave_no_memory_behind(fleet, key, credentials):
    stores = fleet.stores

    def rounds(count):
        for _ in range(count):
            for proxy in (stores.redis_proxy, stores.database_proxy):
                for fault in ("refuse", "hang", "rubbish"):
                    with faulty(proxy, fault):
                        load("stream", fleet.introspections, credentials, key=key, seconds=1, rate=500)

    rounds(2)  # every pool, buffer and cache is as large as it gets
    before = [anonymous_kb(service) for service in fleet.introspections]
    rounds(3)
    after = [anonymous_kb(service) for service in fleet.introspections]
    growth = [b - a for a, b in zip(before, after)]
    assert max(growth) < 512, f"grew by {growth} KB"
