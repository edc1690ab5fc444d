"""Redis behind Sentinels: when they make another server the primary, everybody goes there, and nothing is accepted twice."""

from contextlib import contextmanager
from types import SimpleNamespace

import pytest

from harness.fleet import Fleet, PASSWORD
from harness.forgetting import stream_through
from harness.stores import MariaDB, WatchedRedis

pytestmark = pytest.mark.xdist_group("fleet-sentinel")
SKEW, LEAD = 2, 1
FAILOVER_SECONDS = 8  # half a second until it counts as gone, a vote, and as much again where the vote was split


@contextmanager
def running(*servers):
    try:
        for server in servers:
            server.start()
        yield
    finally:
        for server in reversed(servers):
            server.stop()


@pytest.fixture
def fleet(tmp_path):
    redis, database = WatchedRedis(tmp_path / "redis"), MariaDB(tmp_path / "mariadb")
    with running(redis, database):
        stores = SimpleNamespace(redis=redis, variables=lambda: {"OAUTH1_DATABASE_URL": database.url,
                                                                 "OAUTH1_REDIS_URL": redis.url})
        made = Fleet(tmp_path / "fleet", stores, auths=1, introspections=2, OAUTH1_TIMESTAMP_SKEW=SKEW,
                     OAUTH1_TIMESTAMP_LEAD=LEAD)
        try:
            made.start()
            made.create_user("jane", PASSWORD)
            yield made
        finally:
            made.stop()


def change_them(stores):
    """While both run: a primary that was demoted keeps its connections."""
    stores.redis.sentinels[0].call("SENTINEL", "FAILOVER", "mymaster")


def kill_the_primary(stores):
    assert stores.redis.second.info("replication")["role"] == "master"
    stores.redis.second.kill()


def test_after_a_failover_everybody_is_at_the_new_primary_and_no_replay_is_accepted(fleet):
    key = fleet.create_resource_server()
    credentials = fleet.credentials(fleet.create_client(), 3)
    lines, (_, after_kill) = stream_through(fleet, key, credentials, [change_them, kill_the_primary], SKEW, LEAD, rate=100,
                                 between_s=LEAD + FAILOVER_SECONDS + 1)
    assert lines[-1]["accepted_again"] == 0, [line for line in lines if "event" in line]
    assert after_kill <= LEAD + FAILOVER_SECONDS
    assert lines[-1]["first"]["active"] > 0.5 * lines[-1]["requests"], "most of the time it was up"
    assert fleet.stores.redis.first.info("replication")["role"] == "master"
    assert lines[-1]["first"]["without_retry_after"] == 0
