"""A million duplicates over four processes: none is accepted."""

import pytest

from harness.fleet import load, new_fleet, release_binaries

ROUNDS, FANOUT = 70000, 16


@pytest.fixture
def fleet(tmp_path):
    with new_fleet(tmp_path, auths=1, bin=release_binaries()) as made:
        yield made


def test_of_a_million_duplicates_none_is_accepted(fleet):
    key = fleet.create_resource_server()
    credentials = fleet.credentials(fleet.create_client(), 8)
    summary = load("race", fleet.introspections, credentials, key=key, rounds=ROUNDS, fanout=FANOUT, timeout=900)[-1]
    assert summary["accepted_again"] == 0
    assert summary["accepted_once"] == ROUNDS, summary
    assert summary["codes"]["nonce_used"] == ROUNDS * (FANOUT - 1)
