"""A Redis Cluster of six nodes under load: slots move, a primary is killed. Nothing is accepted twice, nothing is
exchanged twice, and what does not live on the shard that is away goes on."""

import threading
import time
from contextlib import ExitStack
from types import SimpleNamespace

import pytest
import requests

from harness.fleet import Fleet, PASSWORD, load, write_credentials
from harness.flow import Flow
from harness.forgetting import BACK_SECONDS, stream_events
from harness.owner import Owner
from harness.provider import Provider
from harness.stores import MariaDB, Redis, RedisCluster

pytestmark = pytest.mark.xdist_group("fleet-cluster")
SKEW, LEAD = 2, 1
FAILOVER_SECONDS = 5  # a second until it counts as gone, a vote, and another where the first was split
RATE = 100


@pytest.fixture
def fleet(tmp_path):
    with ExitStack() as stack:
        cluster, database = RedisCluster(tmp_path / "redis"), MariaDB(tmp_path / "mariadb")
        for server in (cluster, database):
            stack.callback(server.stop)
            server.start()
        stores = SimpleNamespace(redis=cluster, variables=lambda: {"OAUTH1_DATABASE_URL": database.url,
                                                                   "OAUTH1_REDIS_URL": cluster.url})
        made = Fleet(tmp_path / "fleet", stores, auths=1, introspections=2, OAUTH1_TIMESTAMP_SKEW=SKEW,
                     OAUTH1_TIMESTAMP_LEAD=LEAD)
        stack.callback(made.stop)
        made.start()
        made.create_user("jane", PASSWORD)
        yield made


def kill_a_primary(stores):
    stores.redis.with_flag("master")[0].kill()


def move_slots(stores):
    """A tenth of all slots, some of which hold nonces and all of which may."""
    first, second = stores.redis.with_flag("master")[:2]
    stores.redis.move_slots(first, second, 1600)


def lines_after(lines, at_ms, seconds):
    return [line for line in lines if "at_ms" in line and "active" in line and 0 < line["at_ms"] - at_ms < 1000 * seconds]


def seconds_until_all_is_well(lines, at_ms, seconds):
    """Until the last tenth of a second in which somebody was told to come back later."""
    refused = [line["at_ms"] for line in lines_after(lines, at_ms, seconds) if line["unavailable"]]
    return (max(refused) - at_ms) / 1000 if refused else 0


def test_of_slots_that_move_and_a_killed_primary_nothing_is_accepted_twice_and_the_others_go_on(fleet):
    key = fleet.create_resource_server()
    credentials = fleet.credentials(fleet.create_client(), 3)
    between_s = BACK_SECONDS + SKEW + FAILOVER_SECONDS + 2
    lines, (moved_ms, killed_ms) = stream_events(fleet, key, credentials, [move_slots, kill_a_primary], SKEW, LEAD,
                                                 rate=RATE, between_s=between_s)
    summary = lines[-1]
    assert summary["accepted_again"] == 0, [line for line in lines if "event" in line]
    assert summary["first"]["without_retry_after"] == 0
    # a request whose client lags by the skew is as old as what is guarded for that much longer
    assert seconds_until_all_is_well(lines, moved_ms, between_s) <= BACK_SECONDS + SKEW
    assert 0 < seconds_until_all_is_well(lines, killed_ms, between_s) <= BACK_SECONDS + SKEW + FAILOVER_SECONDS
    while_away = lines_after(lines, killed_ms, FAILOVER_SECONDS)
    active, refused = (sum(line[name] for line in while_away) for name in ("active", "unavailable"))
    assert refused, "the shard was away"
    assert active > refused / 4, f"the other shards go on: {active} accepted, {refused} refused"
    assert requests.get(f"{fleet.introspections[0].ops}/readyz", timeout=5).status_code == 200


def test_of_exchanges_while_a_primary_is_killed_none_happens_twice(fleet, tmp_path):
    owner = Owner(fleet, "jane", PASSWORD)
    flows = [Flow(fleet, fleet.create_client(), owner) for _ in range(6)]
    for flow in flows:
        flow.initiate()
        flow.grant()
    grants = write_credentials(tmp_path / "grants", [f.temporary for f in flows], [f.verifier for f in flows])
    killer = threading.Timer(0.05, kill_a_primary, [fleet.stores])
    killer.start()
    first = load("exchange", fleet.auths, grants, fanout=40, url=fleet.url + "/oauth/token")
    killer.join()
    time.sleep(BACK_SECONDS)
    again = load("exchange", fleet.auths, grants, fanout=5, url=fleet.url + "/oauth/token")
    assert first[-1]["again"] == 0 and again[-1]["again"] == 0, (first, again)


def test_what_is_no_cluster_is_refused_with_what_to_do(tmp_path):
    redis = Redis(tmp_path / "redis")
    provider = Provider(tmp_path / "provider")
    redis.start()
    try:
        assert provider.command("migrate", "up").code == 0
        outcome = provider.command("janitor", OAUTH1_REDIS_URL=f"redis+cluster://127.0.0.1:{redis.port}")
        assert outcome.code == 3 and "is no Cluster" in outcome.err and "redis://" in outcome.err, outcome
    finally:
        redis.stop()


def test_the_janitor_looks_at_every_primary(fleet):
    for node in fleet.stores.redis.with_flag("master"):
        slots = node.known()[node.place][3][0].split("-")
        tag = next(i for i in range(64) if int(slots[0]) <= int(node.call("CLUSTER", "KEYSLOT", f"{{{i}}}")) <= int(slots[-1]))
        node.call("SADD", f"n:{{{tag}}}0:1", 1)
    assert "3" in fleet.command("janitor").out
