"""kill -9 of any process under load, many times. COUNTERSIGN_KILL_ROUNDS says how many; 50 if it is not set."""

import os
import random

from harness.crashes import KillRounds
from harness.fleet import new_fleet

ROUNDS = int(os.environ.get("COUNTERSIGN_KILL_ROUNDS", 50))
SKEW, LEAD = 4, 2


def test_any_process_may_be_killed_at_any_moment(tmp_path):
    with new_fleet(tmp_path, aof=True, OAUTH1_TIMESTAMP_SKEW=SKEW, OAUTH1_TIMESTAMP_LEAD=LEAD,
                   OAUTH1_RATE_LIMIT_CLIENT=0) as fleet:
        client = fleet.create_client()
        rounds = KillRounds(fleet, fleet.create_resource_server(), client, fleet.credentials(client, 3), SKEW, LEAD,
                            seed=random.randrange(1 << 30))
        try:
            rounds.wait_for_a_token()
            for _ in range(ROUNDS):
                rounds.round()
            print(rounds.reconcile())
        finally:
            rounds.end()
