"""Processes whose clocks are off by up to the skew judge alike: by the clock of Redis, not by their own."""

import time

import pytest
import requests

from harness.fleet import API_URL, load, new_fleet

pytestmark = pytest.mark.xdist_group("fleet-clocks")
SKEW, LEAD = 4, 2
OFFSETS = (1 - SKEW, -1, LEAD, SKEW - 1)


@pytest.fixture(scope="module")
def fleet(tmp_path_factory):
    with new_fleet(tmp_path_factory.mktemp("fleet"), auths=1, introspections=1, OAUTH1_TIMESTAMP_SKEW=SKEW,
                   OAUTH1_TIMESTAMP_LEAD=LEAD) as made:
        made.introspections = [
            made.add(made.new_introspection(f"-clock{offset}", OAUTH1_CLOCK_OFFSET=offset)) for offset in OFFSETS
        ]
        yield made


@pytest.fixture(scope="module")
def key(fleet):
    return fleet.create_resource_server()


@pytest.fixture(scope="module")
def client(fleet):
    return fleet.create_client()


def codes(fleet, key, token, offset):
    """What each process says of a request whose timestamp is that far off the second that has just begun."""
    time.sleep(1.05 - time.time() % 1)
    stamp = str(int(time.time()) + offset)
    answers = [fleet.introspect(key, token.sign("GET", API_URL, oauth_timestamp=stamp), at=service.url)
               for service in fleet.introspections]
    assert time.time() < int(stamp) - offset + 0.9, "this machine is too slow to tell seconds apart"
    return [a.json()["problem"]["code"] if not a.json()["active"] else "active" for a in answers]


@pytest.mark.parametrize(
    "offset, expected",
    [(-SKEW - 1, "timestamp_refused"), (-SKEW + 1, "active"), (LEAD - 1, "active"), (LEAD + 1, "timestamp_refused")],
)
def test_all_draw_the_same_lines_around_now(fleet, key, client, offset, expected):
    token, = fleet.signers(client, 1)
    assert codes(fleet, key, token, offset) == [expected] * len(OFFSETS)


def test_a_replay_is_refused_as_its_nonce_expires(fleet, key, client):
    credentials = fleet.credentials(client, 2)
    summary = load("stream", fleet.introspections, credentials, key=key, seconds=2, rate=100, lag=SKEW + 1,
                   lead=LEAD + 1, replay=2 * SKEW + 2 * LEAD + 2)[-1]
    assert summary["accepted_again"] == 0
    assert summary["accepted_late"] > 0, "some came too early at first"
    assert set(summary["again"]["codes"]) == {"nonce_used", "timestamp_refused"}


def test_a_clock_that_is_off_by_more_than_the_skew_serves_nobody(fleet, key, client):
    token, = fleet.signers(client, 1)
    wrong = fleet.new_introspection("-wrong", OAUTH1_CLOCK_OFFSET=SKEW + 3)
    wrong.launch()
    try:
        begin = time.monotonic()
        while not is_alive(wrong):
            assert time.monotonic() - begin < 20, wrong.text()
            time.sleep(0.05)
        time.sleep(1)
        answer = fleet.introspect(key, token.sign("GET", API_URL), at=wrong.url)
        assert answer.status_code == 503 and "Retry-After" in answer.headers, answer.text
        assert requests.get(wrong.ops + "/readyz", timeout=5).status_code == 503
    finally:
        wrong.stop()


def is_alive(service):
    try:
        return requests.get(service.ops + "/livez", timeout=5).status_code == 200
    except requests.RequestException:
        return False
