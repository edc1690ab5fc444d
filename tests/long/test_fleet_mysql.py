"""A fleet on MySQL 9.7: exchanges that race, kill -9 of the server under load."""

import random

import pytest

from harness import mysql_container
from harness.crashes import KillRounds
from harness.fleet import PASSWORD, Stores, load, new_fleet, write_credentials
from harness.flow import Flow
from harness.owner import Owner

SKEW, LEAD = 4, 2
ROUNDS = 5


@pytest.fixture
def fleet(tmp_path):
    why = mysql_container.why_not()
    if why:
        pytest.skip(why)
    stores = Stores(tmp_path, database=mysql_container.MySQLContainer(), aof=True)
    with new_fleet(tmp_path, stores=stores, auths=2, introspections=2, OAUTH1_TIMESTAMP_SKEW=SKEW,
                   OAUTH1_TIMESTAMP_LEAD=LEAD) as made:
        yield made


def test_a_temporary_credential_yields_one_token(fleet, tmp_path):
    client, owner = fleet.create_client(), Owner(fleet, "jane", PASSWORD)
    flows = [Flow(fleet, client, owner) for _ in range(8)]
    for flow in flows:
        flow.initiate()
        flow.grant()
    grants = write_credentials(tmp_path / "grants", [f.temporary for f in flows], [f.verifier for f in flows])
    summary = load("exchange", fleet.auths, grants, fanout=100, url=fleet.url + "/oauth/token")[-1]
    assert (summary["once"], summary["again"], summary["never"]) == (8, 0, 0)


def test_the_server_may_be_killed_at_any_moment(fleet):
    client = fleet.create_client()
    rounds = KillRounds(fleet, fleet.create_resource_server(), client, fleet.credentials(client, 3), SKEW, LEAD,
                        seed=random.randrange(1 << 30))
    try:
        rounds.wait_for_a_token()
        for _ in range(ROUNDS):
            rounds.round("database")
        print(rounds.reconcile())
    finally:
        rounds.end()
