"""Five times kill -9, one process of each kind at least: no acknowledged token is lost, no temporary credential yields
two, and no request is accepted twice. The long part does it fifty times and more."""

import random
import time

import pytest

from harness.crashes import KillRounds
from harness.fleet import new_fleet

pytestmark = pytest.mark.xdist_group("fleet-crashes")
SKEW, LEAD = 4, 2


@pytest.fixture
def rounds(tmp_path):
    with new_fleet(tmp_path, aof=True, auths=2, introspections=2, OAUTH1_TIMESTAMP_SKEW=SKEW,
                   OAUTH1_TIMESTAMP_LEAD=LEAD, OAUTH1_RATE_LIMIT_CLIENT=0) as fleet:
        client = fleet.create_client()
        made = KillRounds(fleet, fleet.create_resource_server(), client, fleet.credentials(client, 3), SKEW, LEAD,
                          seed=random.randrange(1 << 30))
        yield made
        made.end()


def test_any_process_may_be_killed_at_any_moment(rounds):
    rounds.wait_for_a_token()
    kinds = ["auth", "introspection", "redis", "database", None]
    rounds.random.shuffle(kinds)
    for kind in kinds:
        rounds.round(kind)
    time.sleep(LEAD + 1)  # whatever was killed last, requests are accepted again before the load ends
    figures = rounds.reconcile()
    print(figures)
    assert figures["tokens"] > 20 and figures["active"] > 200, figures
