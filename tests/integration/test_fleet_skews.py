"""Processes whose OAUTH1_TIMESTAMP_SKEW differ, as while an operator changes it one process after the other. What one has
accepted no other accepts, however much longer it would take the timestamp."""

import time

import pytest

from harness.fleet import API_URL, new_fleet
from harness.forgetting import BACK_SECONDS

pytestmark = pytest.mark.xdist_group("fleet-skews")
SMALL, LARGE, LEAD = 1, 60, 1


@pytest.fixture
def fleet(tmp_path):
    with new_fleet(tmp_path, auths=1, introspections=1, OAUTH1_TIMESTAMP_SKEW=SMALL, OAUTH1_TIMESTAMP_LEAD=LEAD) as made:
        yield made


def is_active(answer):
    return answer.status_code == 200 and answer.json()["active"]


def accept_one(fleet, key, token, at):
    """A fresh request, once the service accepts any."""
    begin = time.monotonic()
    while not is_active(answer := fleet.introspect(key, request := token.sign("GET", API_URL), at=at.url)):
        assert time.monotonic() - begin < BACK_SECONDS, answer.text
        time.sleep(0.2)
    return request


def test_what_was_forgotten_for_a_smaller_skew_is_accepted_by_no_larger_one(fleet):
    small, key = fleet.introspections[0], fleet.create_resource_server()
    token, = fleet.signers(fleet.create_client(), 1)
    request = accept_one(fleet, key, token, small)
    time.sleep(2 * SMALL + 2)  # Redis has forgotten it
    large = fleet.new_introspection("-large", OAUTH1_TIMESTAMP_SKEW=LARGE)
    large.launch()
    fleet.services.append(large)
    large.wait_until_alive()
    assert not is_active(answer := fleet.introspect(key, request, at=large.url)), f"a replay: {answer.text}"
    assert f"nonces were kept for {2 * SMALL} s, this process needs {2 * LARGE} s" in large.text()
    # from then on both keep what either accepts for as long as the larger skew needs
    requests = [accept_one(fleet, key, token, service) for service in (small, large)]
    time.sleep(2 * SMALL + 2)
    for request in requests:
        answer = fleet.introspect(key, request, at=large.url)
        assert answer.json()["problem"]["code"] == "nonce_used", answer.text
    accept_one(fleet, key, token, small)
