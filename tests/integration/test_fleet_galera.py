"""A Galera cluster of three nodes as the MySQL of two auth-services and two introspection-services: nodes that are killed, cut
off and without quorum, and processes that write at two nodes."""

import random
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from harness.crashes import KillRounds
from harness.fleet import API_URL, PASSWORD, Stores, load, new_fleet, write_credentials
from harness.flow import Flow
from harness.forgetting import BACK_SECONDS, flush, stream_through
from harness.galera import Galera
from harness.owner import Owner
from harness.stores import wait_for

pytestmark = pytest.mark.xdist_group("fleet-galera")
SKEW, LEAD = 2, 1
PATIENCE_SECONDS = 20
ROUNDS_MAX = 20


def lead_the_second_elsewhere(fleet):
    database = fleet.stores.database
    for service in (fleet.auths[1], fleet.introspections[1]):
        service.variables["OAUTH1_DATABASE_URL"] = database.url_to(database.proxies[1].port)


@pytest.fixture(scope="module")
def fleet(tmp_path_factory):
    directory = tmp_path_factory.mktemp("galera")
    stores = Stores(directory, database=Galera(directory / "nodes"), aof=True)
    with new_fleet(directory, auths=2, introspections=2, stores=stores, arrange=lead_the_second_elsewhere, OAUTH1_TIMESTAMP_SKEW=SKEW,
                   OAUTH1_TIMESTAMP_LEAD=LEAD, OAUTH1_CACHE_TTL=300) as made:
        yield made


@pytest.fixture(scope="module")
def key(fleet):
    return fleet.create_resource_server()


@pytest.fixture
def client(fleet):
    return fleet.create_client()


@pytest.fixture
def one_place(fleet):
    fleet.stores.database.lead_to(fleet.stores.database.nodes[0])


@pytest.fixture
def two_places(fleet):
    """The second of each service is at the second node."""
    fleet.stores.database.lead_to(*fleet.stores.database.nodes[:2])


def verdict(fleet, service, key, signer):
    """"active", the problem's code, or the status where there is no verdict."""
    answer = fleet.introspect(key, signer.sign("GET", API_URL), at=service.url)
    if answer.status_code != 200:
        return answer.status_code
    return "active" if answer.json()["active"] else answer.json()["problem"]["code"]


def wait_for_verdict(fleet, service, key, signer, wanted):
    wait_for(lambda: verdict(fleet, service, key, signer) == wanted, f"not {wanted} for so long", PATIENCE_SECONDS)


# ---- two places


def test_a_temporary_credential_that_is_exchanged_at_two_nodes_yields_one_token(fleet, client, two_places, tmp_path):
    owner = Owner(fleet, "jane", PASSWORD)
    flows = [Flow(fleet, client, owner) for _ in range(8)]
    for flow in flows:
        flow.initiate()
        flow.grant()
    grants = write_credentials(tmp_path / "grants", [f.temporary for f in flows], [f.verifier for f in flows])
    summary = load("exchange", fleet.auths, grants, fanout=50, url=fleet.url + "/oauth/token")[-1]
    assert (summary["once"], summary["again"], summary["never"]) == (8, 0, 0)
    assert fleet.stores.database.sql("SELECT COUNT(*) - COUNT(DISTINCT temp_digest) FROM tokens") == [["0"]]


def rotate_at(fleet, client, number):
    port = fleet.stores.database.proxies[number % 2].port
    return fleet.expect("client", "rotate-secret", client.client_id, "--overlap", "3600", "--end-former",
                        OAUTH1_DATABASE_URL=fleet.stores.database.url_to(port))["client_secret"]


def test_a_change_that_loses_to_another_nodes_is_made_again(fleet, key, client, two_places):
    """Of secrets the two newest are good, so a change that is lost, or made of what another one had changed, leaves others."""
    nodes = fleet.stores.database.nodes
    signer = Flow(fleet, client).token()
    before = sum(node.conflicts() for node in nodes)
    for _ in range(ROUNDS_MAX):
        with ThreadPoolExecutor(4) as pool:
            secrets = list(pool.map(lambda number: rotate_at(fleet, client, number), range(4)))
        if sum(node.conflicts() for node in nodes) > before:
            break
    else:
        pytest.fail("the nodes never met at the row")
    signers = [replace(signer, client_secret=secret) for secret in secrets]
    two_good = ["active", "active", "signature_invalid", "signature_invalid"]
    for service in fleet.introspections:
        wait_for(lambda: sorted(verdict(fleet, service, key, s) for s in signers) == two_good, "not the two newest",
                 PATIENCE_SECONDS)


def test_what_was_written_at_one_node_is_not_judged_by_another_that_has_it_not_yet(fleet, key, client, two_places):
    database, elsewhere = fleet.stores.database, fleet.introspections[1]
    revoked = Flow(fleet, client).token()
    wait_for_verdict(fleet, elsewhere, key, revoked, "active")
    jti = database.sql(f"SELECT jti FROM tokens WHERE oauth_token = '{revoked.token}'")[0][0]
    with database.nodes[1].behind():
        assert fleet.command("token", "revoke", jti).code == 0
        fresh = Flow(fleet, client).token()
        wait_for_verdict(fleet, elsewhere, key, revoked, 503)
        assert verdict(fleet, elsewhere, key, fresh) == 503
    wait_for_verdict(fleet, elsewhere, key, revoked, "token_revoked")
    wait_for_verdict(fleet, elsewhere, key, fresh, "active")


def test_no_replay_is_accepted_when_redis_forgets_and_of_the_nodes_that_are_asked_one_is_behind(fleet, key, client, two_places):
    def flush_while_it_is_behind(stores):
        with stores.database.nodes[1].behind():
            flush(stores)
            time.sleep(1)  # so that the processes at the first node decide what is lost before the others

    lines, _ = stream_through(fleet, key, fleet.credentials(client, 3), [flush_while_it_is_behind], SKEW, LEAD, rate=100,
                              between_s=BACK_SECONDS)
    assert lines[-1]["accepted_again"] == 0, [line for line in lines if "event" in line]


# ---- one place


@pytest.fixture
def rounds(fleet, key, client, one_place):
    made = KillRounds(fleet, key, client, fleet.credentials(client, 3), SKEW, LEAD, seed=random.randrange(1 << 30))
    yield made
    made.end()


def lose_the_others(fleet, first, *others):
    """Until services are told so by the one that is left; then the others are there again."""
    before = fleet.logs().count("the server is not ready")
    for node in others:
        node.hang()
    try:
        wait_for(lambda: fleet.logs().count("the server is not ready") > before, f"{first.name} said nothing", PATIENCE_SECONDS)
    finally:
        for node in others:
            node.go_on()


def test_nodes_may_be_killed_cut_off_and_left_alone(fleet, rounds):
    """No acknowledged token is lost, no temporary credential yields two, and no request is accepted twice."""
    database = fleet.stores.database
    first, second, third = database.nodes
    rounds.wait_for_a_token()
    first.kill()
    database.lead_to(second)
    rounds.wait_for_a_token()
    first.start()
    with second.hung():  # cut off: the others go on, and it comes back
        database.lead_to(third)
        rounds.wait_for_a_token()
    database.wait_until_all_are_there()
    lose_the_others(fleet, third, first, second)
    rounds.wait_for_a_token()
    database.wait_until_all_are_there()
    rounds.assert_others_run()
    time.sleep(LEAD + 1)  # as in test_fleet_crashes
    figures = rounds.reconcile()
    print(figures)
    assert figures["tokens"] > 20 and figures["active"] > 200, figures
