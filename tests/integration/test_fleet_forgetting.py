"""Whatever Redis forgets, no request is accepted twice: those that may have been accepted before are refused, and
within ten seconds everything goes on. With sanitizers and under load; harness/clock_steps.py has more ways, and clocks."""

import pytest

from harness.fleet import new_fleet
from harness.forgetting import BACK_SECONDS, Failover, flush, restart_empty, stream_through

pytestmark = pytest.mark.xdist_group("fleet-forgetting")
SKEW, LEAD = 4, 2


@pytest.fixture
def fleet(tmp_path):
    with new_fleet(tmp_path, faulty=("redis",), auths=1, introspections=4, OAUTH1_TIMESTAMP_SKEW=SKEW,
                   OAUTH1_TIMESTAMP_LEAD=LEAD) as made:
        yield made


@pytest.fixture
def failover(fleet):
    made = Failover(fleet.stores)
    yield made
    made.stop()


def test_no_replay_is_accepted_when_redis_is_flushed_restarted_empty_or_failed_over(fleet, failover):
    """The restart comes before the failover, whose replica follows the primary through it."""
    key = fleet.create_resource_server()
    credentials = fleet.credentials(fleet.create_client(), 3)
    lines, back = stream_through(fleet, key, credentials, [flush, restart_empty, failover], SKEW, LEAD, rate=100)
    summary = lines[-1]
    assert summary["accepted_again"] == 0, [line for line in lines if "event" in line]
    assert max(back) <= BACK_SECONDS, back
    assert summary["first"]["active"] > 0.3 * summary["requests"], "most of the time it was up"
    assert summary["first"]["without_retry_after"] == 0
