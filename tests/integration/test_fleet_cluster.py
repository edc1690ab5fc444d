"""A Redis Cluster of six nodes under load: slots move, a primary is killed. Nothing is accepted twice, nothing is
exchanged twice, and what does not live on the shard that is away goes on."""

import ipaddress
import threading
import time
from contextlib import ExitStack
from types import SimpleNamespace

import pytest
import requests
from cryptography import x509

from harness.authority import Authority
from harness.fleet import API_URL, Fleet, PASSWORD, load, write_credentials
from harness.flow import Flow
from harness.forgetting import BACK_SECONDS, stream_events
from harness.owner import Owner, until_answered
from harness.provider import Provider, free_port
from harness.shards import SLOTS, UNAVAILABLE, Asking, parts_of, slots_of
from harness.stores import MariaDB, Redis, RedisCluster, wait_for
from test_account_pages import (SECURITY, assert_in_time, browser, is_logged_in, logged_in, new_user, post, send_form,
                                sessions_of)

pytestmark = pytest.mark.xdist_group("fleet-cluster")
SKEW, LEAD = 2, 1
FAILOVER_SECONDS = 5  # a second until it counts as gone, a vote, and another where the first was split
PROMOTED_SECONDS = 2.5  # what of the ten seconds is left to Redis: on a busy machine it takes longer
BUSY_SECONDS = 3  # likewise, where it is not known when a replica was promoted
RATE = 100
QUIET_SECONDS = 4  # without a 503: all is well
NODES_PASSWORD = "a password: of all nodes"


def started_fleet(stack, folder, stores):
    """It stops with the stack."""
    made = Fleet(folder, stores, auths=1, introspections=2, OAUTH1_TIMESTAMP_SKEW=SKEW, OAUTH1_TIMESTAMP_LEAD=LEAD)
    stack.callback(made.stop)
    made.start()
    made.create_user("jane", PASSWORD)
    return made


@pytest.fixture
def fleet(tmp_path):
    with ExitStack() as stack:
        cluster, database = RedisCluster(tmp_path / "redis"), MariaDB(tmp_path / "mariadb")
        for server in (cluster, database):
            stack.callback(server.stop)
            server.start()
        stores = SimpleNamespace(redis=cluster, database=database, variables=lambda: {
            "OAUTH1_DATABASE_URL": database.url, "OAUTH1_REDIS_URL": cluster.url})
        yield started_fleet(stack, tmp_path / "fleet", stores)


def kill_a_primary(stores):
    stores.redis.with_flag("master")[0].kill()


class Death:
    """Of a node, and when it was."""

    def __init__(self, node):
        self.node, self.at_ms = node, None

    def __call__(self, stores):
        self.at_ms = time.time() * 1000
        self.node.kill()


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
    death = Death(fleet.stores.redis.with_flag("master")[0])
    lines, (moved_ms, _) = stream_events(fleet, key, credentials, [move_slots, death], SKEW, LEAD, rate=RATE,
                                         between_s=between_s)
    summary = lines[-1]
    assert summary["accepted_again"] == 0, [line for line in lines if "event" in line]
    assert summary["first"]["without_retry_after"] == 0
    # a request whose client lags by the skew is as old as what is guarded for that much longer
    assert seconds_until_all_is_well(lines, moved_ms, between_s) <= BACK_SECONDS + SKEW
    assert 0 < seconds_until_all_is_well(lines, death.at_ms, between_s) <= BACK_SECONDS + SKEW + BUSY_SECONDS
    while_away = lines_after(lines, death.at_ms, FAILOVER_SECONDS)
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


def test_a_service_with_a_larger_skew_accepts_nothing_that_the_others_have_forgotten(fleet):
    """In each part the epoch says how long its nonces are kept."""
    key, (token,) = fleet.create_resource_server(), fleet.signers(fleet.create_client(), 1)
    before = [token.sign("GET", API_URL) for _ in range(40)]
    assert all(fleet.introspect(key, request).json()["active"] for request in before)
    time.sleep(2 * SKEW + 2)
    late = fleet.new_introspection("-late", OAUTH1_TIMESTAMP_SKEW=60)
    fleet.services.append(late)
    late.launch()
    late.wait_until_alive()
    begin, is_served = time.monotonic(), False
    while not is_served and time.monotonic() - begin < BACK_SECONDS + SKEW:
        again = [answer for request in before if is_active(answer := fleet.introspect(key, request, at=late.url))]
        assert not again, f"{len(again)} replays, {time.monotonic() - begin:.1f} s after the start"
        is_served = all(is_active(fleet.introspect(key, token.sign("GET", API_URL), at=late.url)) for _ in range(40))
    assert is_served, late.text()
    assert f"nonces were kept for {2 * SKEW} s, this process needs 120 s" in late.text()


def is_active(answer):
    return answer.status_code == 200 and answer.json()["active"]


def test_all_other_sessions_end_although_the_node_that_had_their_list_lost_it(fleet):
    """Sessions on other nodes live on, and no page can name them any more."""
    name = new_user(fleet, "eva")
    primaries, browsers = fleet.stores.redis.with_flag("master"), [browser(fleet, name)[0]]
    (loser,) = [node for node in primaries if node.call("KEYS", "i:*")]
    others = [node for node in primaries if node is not loser]
    while sum(len(node.call("KEYS", "s:*")) for node in others) < 2:
        browsers.append(browser(fleet, name)[0])
    loser.call("FLUSHALL")
    living = [each for each in browsers if until_answered(lambda each=each: each.get(SECURITY)).status_code == 200]
    assert len(living) >= 2
    here, *elsewhere = living
    page = logged_in(here, SECURITY)
    assert len(sessions_of(page)) == 1 and "This one" in page.response.text
    assert post(here, SECURITY, page, deed="end_others").headers["Location"].endswith("?done=others")
    assert is_logged_in(here) and not any(is_logged_in(each) for each in elsewhere)


def test_what_a_user_takes_back_is_of_no_use_within_a_second_on_a_cluster_too(fleet):
    """Each introspection service had the token in its memory."""
    key, client, owner = fleet.create_resource_server(), fleet.create_client(), Owner(fleet, "jane", PASSWORD)
    signer = Flow(fleet, client, owner).token()

    def told():
        return [until_answered(lambda each=each: fleet.introspect(key, signer.sign("GET", "http://api.example/"), at=each.url)).json()
                for each in fleet.introspections]

    wait_for(lambda: all(answer["active"] for answer in told()), "the token is not good yet")
    page = logged_in(owner)
    assert send_form(owner, page, "revoke_all").headers["Location"].endswith("?done=all")
    assert_in_time(lambda: not any(answer["active"] for answer in told()))


@pytest.fixture
def locked(tmp_path):
    """A fleet whose Cluster speaks TLS to it, and where nobody but the user of the services may touch a key."""
    folder = tmp_path / "certificates"
    folder.mkdir()
    ours, another = Authority(folder, "ours"), Authority(folder, "another")
    certificate, key = ours.issue("redis", x509.IPAddress(ipaddress.ip_address("127.0.0.1")))
    options = ["--tls-cert-file", certificate, "--tls-key-file", key, "--tls-ca-cert-file", ours.file, "--tls-auth-clients", "no",
               "--tls-cluster", "yes"]
    cluster = RedisCluster(tmp_path / "redis", nodes=3, replicas=0, options=options)
    for node in cluster.nodes:
        node.options += ["--tls-port", free_port()]
    place = cluster.nodes[0].options[-1]
    stores = SimpleNamespace(redis=cluster, database=MariaDB(tmp_path / "mariadb"), another=another.file)
    stores.url = f"rediss+cluster://service@127.0.0.1:{place}?ca={ours.file}"
    stores.variables = lambda: {"OAUTH1_DATABASE_URL": stores.database.url, "OAUTH1_REDIS_URL": stores.url,
                                "OAUTH1_REDIS_PASSWORD": NODES_PASSWORD}
    with ExitStack() as stack:
        for server in (cluster, stores.database):
            stack.callback(server.stop)
            server.start()
        for node in cluster.nodes:
            node.call("ACL", "SETUSER", "service", "on", f">{NODES_PASSWORD}", "~*", "&*", "+@all")
            node.call("ACL", "SETUSER", "default", "resetkeys", "resetchannels")
        yield started_fleet(stack, tmp_path / "fleet", stores)


def test_every_node_may_want_tls_and_a_password(locked):
    """The nodes tell one another's ports: those for TLS to who asks by TLS. Tokens are issued, nonces spread over all
    nodes, and what is taken back ends everywhere."""
    resource_server, client = locked.create_resource_server(), locked.create_client()
    owner = Owner(locked, "jane", PASSWORD)
    token = Flow(locked, client, owner).token()
    for _ in range(30):
        request = token.sign("GET", API_URL)
        first = until_answered(lambda request=request: locked.introspect(resource_server, request))
        assert is_active(first) and not is_active(locked.introspect(resource_server, request))
    assert all(node.call("DBSIZE") != "0" for node in locked.stores.redis.nodes)
    assert send_form(owner, logged_in(owner), "revoke_all").headers["Location"].endswith("?done=all")
    assert_in_time(lambda: not any(
        is_active(until_answered(lambda each=each: locked.introspect(resource_server, token.sign("GET", API_URL), at=each.url)))
        for each in locked.introspections))
    for variable, value, word in [("OAUTH1_REDIS_PASSWORD", "not that one", "OAUTH1_REDIS_PASSWORD"),
                                  ("OAUTH1_REDIS_URL", locked.stores.url.split("?")[0] + f"?ca={locked.stores.another}", "certificate")]:
        outcome = locked.command("janitor", **{variable: value})
        assert outcome.code == 3 and word in outcome.err, outcome


def primary_of(stores, slot):
    return next(node for node in stores.redis.with_flag("master") if slot in slots_of(node))


def test_readiness_names_the_shard_that_is_away(locked):
    gone = primary_of(locked.stores, 0)
    gone.kill()
    for each in [locked.auth, *locked.introspections]:
        def told(each=each):
            return requests.get(f"{each.ops}/readyz?verbose", timeout=5)

        wait_for(lambda told=told: "degraded" in told().text, "it does not notice")
        answer = told()
        assert answer.status_code == 200 and f"127.0.0.1:{gone.options[-1]}" in answer.text, answer.text


def stop_the_database(stores):
    stores.database.kill()


def test_with_the_database_away_too_a_killed_primary_costs_no_more_than_lead_and_ten_seconds(fleet):
    """What is in memory goes on: the tokens were asked about before."""
    key = fleet.create_resource_server()
    signers = fleet.signers(fleet.create_client(), 3)
    credentials = write_credentials(fleet.directory / "credentials", signers)
    for each in fleet.introspections:
        for token in signers:
            until_answered(lambda each=each, token=token: fleet.introspect(key, token.sign("GET", API_URL), at=each.url))
    between_s = LEAD + 10 + SKEW + BUSY_SECONDS + 2
    death = Death(primary_of(fleet.stores, 0))
    lines, _ = stream_events(fleet, key, credentials, [stop_the_database, death], SKEW, LEAD, rate=RATE, between_s=between_s)
    assert lines[-1]["accepted_again"] == 0, [line for line in lines if "event" in line]
    while_away = lines_after(lines, death.at_ms, FAILOVER_SECONDS)
    active, refused = (sum(line[name] for line in while_away) for name in ("active", "unavailable"))
    assert refused and active > refused / 4, f"the other shards go on: {active} accepted, {refused} refused"
    back_s = seconds_until_all_is_well(lines, death.at_ms, between_s)
    print(f"all is well after {back_s:.1f} s")
    assert 0 < back_s <= LEAD + 10 + SKEW + BUSY_SECONDS


@pytest.mark.parametrize("database, slot", [("there", 0), ("away", 0), ("away", SLOTS - 1)])  # changes are told at both
def test_a_killed_primary_costs_503_for_the_nonces_of_its_shard_and_for_no_others(fleet, database, slot):
    """With the database away what is in memory goes on: each service was asked about the tokens before."""
    key = fleet.create_resource_server()
    signers = fleet.signers(fleet.create_client(), 3)
    for each in fleet.introspections:
        for token in signers:
            until_answered(lambda each=each, token=token: fleet.introspect(key, token.sign("GET", API_URL), at=each.url))
    gone = primary_of(fleet.stores, slot)
    parts, others = parts_of(gone), fleet.stores.redis.with_flag("slave")
    if database == "away":
        fleet.stores.database.kill()
    with Asking(fleet.introspections, key, signers) as asking:
        time.sleep(2)
        killed = time.monotonic()
        gone.kill()
        wait_for(lambda: any("master" in node.known()[node.place][1] for node in others), "no replica takes its place")
        promoted = time.monotonic()
        wait_for(lambda: time.monotonic() - asking.last_away(parts, killed) > QUIET_SECONDS, "it does not come back")
        back_s = asking.last_away(parts, killed) - killed
        wait_for(lambda: asking.active_since(killed + back_s) >= parts, "a part of its nonces stays away")
    print(f"promoted after {promoted - killed:.1f} s, all is well after {back_s:.1f} s")
    elsewhere = [each for each in asking.asked if each.part not in parts]
    late = [each for each in elsewhere if each.word != "active"]
    assert {each.word for each in late} <= {UNAVAILABLE} and len(late) <= len(elsewhere) / 50, late
    before = [each for each in asking.asked if each.answered < killed]
    assert {each.word for each in before} - {UNAVAILABLE} == {"active"}
    meanwhile = [each for each in asking.asked if each.part in parts and killed < each.sent and each.answered < promoted]
    assert meanwhile and {each.word for each in meanwhile} == {UNAVAILABLE}
    assert back_s <= BACK_SECONDS + (LEAD if database == "away" else 0) + max(0, promoted - killed - PROMOTED_SECONDS)


def test_while_some_go_over_from_a_single_redis_to_a_cluster_or_back_nothing_is_accepted_twice(fleet, tmp_path):
    """They are to be stopped before (docs/deployment.md). Where they are not, two kinds of epochs stand at once: the single
    Redis's `e`, and one for each part of the Cluster."""
    key, credentials = fleet.create_resource_server(), fleet.credentials(fleet.create_client(), 3)
    on_cluster, redis = list(fleet.services), Redis(tmp_path / "single")
    single = fleet.new_introspection("-single", OAUTH1_REDIS_URL=redis.url)
    fleet.services.append(single)

    def both_kinds_stand():
        parts = sum(len(node.call("KEYS", "e:*")) for node in fleet.stores.redis.with_flag("master"))
        return parts and redis.call("EXISTS", "e") == "1"

    def run_both(stores):
        single.launch()
        single.wait_until_alive()
        wait_for(both_kinds_stand, "one of the two has no epoch")

    def go_over(stores):
        for each in on_cluster:
            each.stop()

    def go_back(stores):
        for each in on_cluster:
            each.launch()
        for each in on_cluster:
            each.wait_until_alive()
        single.stop()

    redis.start()
    try:
        targets = SimpleNamespace(introspections=[*fleet.introspections, single], stores=fleet.stores)
        between_s = BACK_SECONDS + SKEW + 6  # what happens takes a part of it
        lines, times = stream_events(targets, key, credentials, [run_both, go_over, go_back], SKEW, LEAD, rate=RATE,
                                     between_s=between_s)
    finally:
        redis.stop()
    assert lines[-1]["accepted_again"] == 0, [line for line in lines if "event" in line]
    for at_ms in times[1:]:
        later = lines_after(lines, at_ms + 1000 * (BACK_SECONDS + SKEW), 2)
        assert sum(line["active"] for line in later) and not any(line["unavailable"] for line in later), later


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
