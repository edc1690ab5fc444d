"""Four processes of each service on one MariaDB and one Redis: what may happen once happens once, wherever it is asked
for, and what one of them is told, all of them know.

Release binaries: ten thousand rounds are soon done, and the fewer instructions lie between two steps, the closer is
the race."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from harness.fleet import API_URL, PASSWORD, load, loading, new_fleet, release_binaries, write_credentials
from harness.flow import Flow
from harness.owner import Owner

pytestmark = pytest.mark.xdist_group("fleet-races")
CACHE_TTL = 2
RACE_ROUNDS = 10000


@pytest.fixture(scope="module")
def fleet(tmp_path_factory):
    with new_fleet(tmp_path_factory.mktemp("fleet"), bin=release_binaries(), OAUTH1_CACHE_TTL=CACHE_TTL,
                   OAUTH1_SHUTDOWN_DELAY=1) as made:
        yield made


@pytest.fixture(scope="module")
def key(fleet):
    return fleet.create_resource_server()


@pytest.fixture(scope="module")
def client(fleet):
    return fleet.create_client()


def test_one_request_to_four_processes_at_once_is_accepted_once(fleet, key, client):
    credentials = fleet.credentials(client, 4)
    summary = load("race", fleet.introspections, credentials, key=key, rounds=RACE_ROUNDS, fanout=8)[-1]
    assert summary["accepted_again"] == 0
    assert summary["accepted_once"] == RACE_ROUNDS, summary
    assert summary["codes"] == {"nonce_used": 7 * RACE_ROUNDS}


def test_a_hundred_exchanges_at_once_over_four_processes_yield_one_token(fleet, client, tmp_path):
    owner = Owner(fleet, "jane", PASSWORD)
    flows = [Flow(fleet, client, owner) for _ in range(8)]
    for flow in flows:
        flow.initiate()
        flow.grant()
    before = count_tokens(fleet)
    grants = write_credentials(tmp_path / "grants", [f.temporary for f in flows], [f.verifier for f in flows])
    lines = load("exchange", fleet.auths, grants, fanout=100, url=fleet.url + "/oauth/token")
    assert (lines[-1]["once"], lines[-1]["again"], lines[-1]["never"]) == (8, 0, 0), lines
    assert count_tokens(fleet) == before + 8
    for line in lines[:-1]:
        assert set(line["answers"]) <= {"200", "401 token_used", "503 temporarily_unavailable"}, line


def count_tokens(fleet):
    return int(fleet.stores.database.sql("SELECT COUNT(*) FROM tokens")[0][0])


# ---- what is revoked


def code(fleet, service, key, signer):
    """"active", or the problem's code."""
    answer = fleet.introspect(key, signer.sign("GET", API_URL), at=service.url)
    assert answer.status_code == 200, answer.text
    return "active" if answer.json()["active"] else answer.json()["problem"]["code"]


def seconds_until_revoked(fleet, key, signer, patience):
    """Until every introspection-service has said so, each asked all the time."""
    begin = time.monotonic()
    took = [None] * len(fleet.introspections)

    def ask(i, service):
        while time.monotonic() - begin < patience:
            if code(fleet, service, key, signer) == "token_revoked":
                took[i] = time.monotonic() - begin
                return
            time.sleep(0.01)

    threads = [threading.Thread(target=ask, args=pair) for pair in enumerate(fleet.introspections)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert None not in took, f"still active somewhere after {patience} s: {took}"
    return max(took)


def cached_token(fleet, client, key):
    """A signer whose token every introspection-service has seen, and the token's name."""
    signer = Flow(fleet, client).token()
    for service in fleet.introspections:
        for _ in range(4):  # its loops, as far as connections happen to reach them
            assert code(fleet, service, key, signer) == "active"
    jti = fleet.stores.database.sql(f"SELECT jti FROM tokens WHERE oauth_token = '{signer.token}'")[0][0]
    return signer, jti


def test_a_revocation_is_seen_everywhere_within_a_second(fleet, client, key):
    for _ in range(3):
        signer, jti = cached_token(fleet, client, key)
        assert fleet.command("token", "revoke", jti).code == 0
        took = seconds_until_revoked(fleet, key, signer, patience=10)
        assert took <= 1, f"{took:.3f} s"


def test_a_revocation_that_nobody_was_told_of_is_seen_within_the_cache_ttl(fleet, client, key):
    signer, jti = cached_token(fleet, client, key)
    fleet.stores.database.sql(f"UPDATE tokens SET revoked_at = {int(time.time() * 1000)} WHERE jti = '{jti}'")
    took = seconds_until_revoked(fleet, key, signer, patience=10)
    assert took <= CACHE_TTL + 1, f"{took:.3f} s"


# ---- a secret that is rotated


def rotate(fleet, client, overlap, *options):
    """The new secret."""
    return fleet.expect("client", "rotate-secret", client.client_id, "--overlap", overlap, *options)["client_secret"]


def codes(fleet, key, signer):
    """What each introspection-service says, in each of its loops as far as connections reach them."""
    return {code(fleet, service, key, signer) for service in fleet.introspections for _ in range(3)}


def until(condition, patience):
    """Seconds until it holds."""
    begin = time.monotonic()
    while not condition():
        assert time.monotonic() - begin < patience, f"not within {patience} s"
        time.sleep(0.02)
    return time.monotonic() - begin


def test_an_old_secret_is_good_everywhere_until_its_overlap_ends(fleet, key):
    client, overlap = fleet.create_client(), 4
    old, _ = cached_token(fleet, client, key)
    begin = time.monotonic()
    new = replace(old, client_secret=rotate(fleet, client, overlap))
    assert until(lambda: codes(fleet, key, new) == {"active"}, patience=5) <= 1
    while time.monotonic() - begin < overlap - 0.5:
        assert codes(fleet, key, old) == {"active"}
    until(lambda: codes(fleet, key, old) == {"signature_invalid"}, patience=overlap + 1 - (time.monotonic() - begin))
    assert codes(fleet, key, new) == {"active"}


def test_of_rotations_at_once_each_gives_a_secret_and_the_two_newest_are_good(fleet, key):
    client = fleet.create_client()
    signer, _ = cached_token(fleet, client, key)
    with ThreadPoolExecutor(4) as pool:
        secrets = list(pool.map(lambda _: rotate(fleet, client, 3600, "--end-former"), range(4)))
    assert len(set(secrets)) == 4
    signers = [replace(signer, client_secret=secret) for secret in secrets]
    two_good = [["active"]] * 2 + [["signature_invalid"]] * 2
    until(lambda: sorted(sorted(codes(fleet, key, s)) for s in signers) == two_good, patience=5)
    assert codes(fleet, key, signer) == {"signature_invalid"}


def test_of_rotations_at_once_that_end_nothing_else_one_is_done(fleet):
    client = fleet.create_client()
    with ThreadPoolExecutor(4) as pool:
        done = list(pool.map(lambda _: fleet.command("client", "rotate-secret", client.client_id), range(4)))
    assert sorted(it.code for it in done) == [0, 1, 1, 1], done
    assert all("--end-former" in it.err for it in done if it.code), done


# ---- a rolling restart


def test_a_rolling_restart_fails_no_request(fleet, client, key):
    credentials = fleet.credentials(client, 2)
    with loading("stream", fleet.introspections, credentials, key=key, seconds=60, rate=200, connections=16) as run:
        run.first_line()
        for service in fleet.introspections:
            service.stop()
            service.start()
        run.stop()
        summary = run.finish()[-1]
    first = summary["first"]
    assert first["not_connected"] > 0, "the load went on while each was away"
    assert first["active"] + first["not_connected"] == summary["requests"], first
