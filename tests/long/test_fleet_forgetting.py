"""Redis forgets, with the skew and the lead that are the defaults: windows of minutes."""

from harness.fleet import new_fleet
from harness.forgetting import Failover, flush, restart_empty, stream_through

SKEW, LEAD = 300, 60


def test_no_replay_is_accepted_within_the_default_windows(tmp_path):
    with new_fleet(tmp_path, faulty=True, auths=1) as fleet:
        key = fleet.create_resource_server()
        credentials = fleet.credentials(fleet.create_client(), 3)
        failover = Failover(fleet.stores)
        try:
            lines, back = stream_through(fleet, key, credentials, [flush, restart_empty, failover], SKEW, LEAD, rate=5)
        finally:
            failover.stop()
        assert lines[-1]["accepted_again"] == 0, [line for line in lines if "event" in line]
        assert max(back) <= LEAD + 2, back
