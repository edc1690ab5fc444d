"""The load tool itself: what it counts is what happened, above all a request that is accepted twice."""

import shutil
import time

import pytest

from harness import fleet
from harness.fleet import API_URL, PASSWORD, good_calls, load, loading, write_credentials
from harness.flow import Flow
from harness.owner import Owner
from harness.provider import Provider

SHORT = {"OAUTH1_TIMESTAMP_SKEW": 3, "OAUTH1_TIMESTAMP_LEAD": 1, "OAUTH1_LOG_LEVEL": "warn"}


@pytest.fixture(scope="module")
def one(tmp_path_factory):
    made = Provider(tmp_path_factory.mktemp("load") / "provider", **SHORT)
    made.create_user("jane", PASSWORD)
    made.start()
    yield made
    made.stop()


@pytest.fixture(scope="module")
def key(one):
    return one.create_resource_server()


@pytest.fixture(scope="module")
def client(one):
    return one.create_client()


@pytest.fixture(scope="module")
def signers(one, client):
    owner = Owner(one, "jane", PASSWORD)
    return [Flow(one, client, owner).token() for _ in range(2)]


@pytest.fixture(scope="module")
def credentials(signers, tmp_path_factory):
    return write_credentials(tmp_path_factory.mktemp("credentials") / "list", signers)


@pytest.fixture(scope="module")
def stranger(one, key, signers, tmp_path_factory):
    """A second process that has the same credentials, and shares no nonces with the first."""
    made = Provider(tmp_path_factory.mktemp("stranger") / "provider", **SHORT)
    for path in one.directory.glob("oauth1.db*"):
        shutil.copy(path, made.directory)
    made.introspection.start()
    begin = time.monotonic()
    while not made.introspect(key, signers[0].sign("GET", API_URL)).json().get("active"):
        assert time.monotonic() - begin < 20, "the guard of a process that may have lost nonces never ended"
        time.sleep(0.1)
    yield made
    made.introspection.stop()


def test_a_race_is_won_once(one, key, credentials):
    summary = load("race", [one.introspection], credentials, key=key, rounds=200, fanout=6)[-1]
    assert (summary["accepted_once"], summary["accepted_again"], summary["accepted_never"]) == (200, 0, 0)
    assert summary["codes"] == {"nonce_used": 200 * 5}


def test_a_race_that_two_win_is_seen(one, stranger, key, credentials):
    targets = [one.introspection, stranger.introspection]
    summary = load("race", targets, credentials, key=key, rounds=50, fanout=4)[-1]
    assert summary["accepted_again"] == 50


def test_replays_are_sent_each_second_and_refused(one, key, credentials):
    summary = load("stream", [one.introspection], credentials, key=key, seconds=1, rate=50, lag=4, lead=2, replay=4)[-1]
    assert summary["accepted_again"] == 0
    # each after 1, 2 and 3 s; a machine that is busy may be too late for some third
    assert 2 * summary["requests"] <= summary["replays"] <= 3 * summary["requests"]
    assert summary["accepted_late"] > 0, "some came too early at first"
    assert set(summary["again"]["codes"]) == {"nonce_used", "timestamp_refused"}


def test_a_replay_that_is_accepted_is_seen(one, stranger, key, credentials):
    targets = [one.introspection, stranger.introspection]
    lines = load("stream", targets, credentials, key=key, seconds=1, rate=50, replay=3)
    assert lines[-1]["accepted_again"] == len([line for line in lines if line.get("event") == "accepted again"]) > 0


def test_calls_without_an_answer_are_counted(one, stranger, key, credentials):
    with loading("stream", [stranger.introspection], credentials, key=key, seconds=2, rate=50) as run:
        run.first_line()
        stranger.introspection.kill()
        summary = run.finish()[-1]
    stranger.introspection.start()
    first = summary["first"]
    assert first["not_connected"] > 0 and first["active"] > 0
    assert first["active"] + first["not_connected"] + first["cut"] == summary["requests"]


def test_an_exchange_tells_the_tokens_apart(one, client, tmp_path):
    owner = Owner(one, "jane", PASSWORD)
    flows = [Flow(one, client, owner) for _ in range(2)]
    for flow in flows:
        flow.initiate()
        flow.grant()
    grants = write_credentials(tmp_path / "grants", [f.temporary for f in flows], [f.verifier for f in flows])
    *each, summary = load("exchange", [one.auth], grants, fanout=10, url=one.url + "/oauth/token",
                          ledger=tmp_path / "ledger")
    assert (summary["once"], summary["never"], summary["again"]) == (2, 0, 0)
    ledger = [line.split("\t") for line in (tmp_path / "ledger").read_text().splitlines()]
    assert [temporary for temporary, _ in ledger] == [f.temporary.token for f in flows]
    for line, (_, body) in zip(each, ledger):
        assert body.startswith(f"oauth_token={line['tokens'][0]}&oauth_token_secret=")
        assert sum(line["answers"].values()) == 10


@pytest.mark.parametrize(("calls", "words"), [
    ({"active": 101, "unavailable": 1}, None),
    ({"active": 101, "refused": 1, "codes": {"temporarily_unavailable": 1}}, None),  # a batch with a request that came too late
    ({"active": 100, "unavailable": 1}, "does nothing else"),
    ({"active": 100, "refused": 1, "codes": {"temporarily_unavailable": 1}}, "does nothing else"),
    ({"active": 1000, "refused": 1, "codes": {"nonce_used": 1}}, "not found good"),
    ({"active": 1000, "unexpected": 1, "unavailable": 1}, "not found good"),
    ({"active": 1000, "cut": 1}, "not found good"),
    ({"active": 1000, "timed_out": 1}, "not found good"),
    ({"active": 0}, "not found good"),
])
def test_a_benchmark_counts_only_what_was_found_good_and_says_why_it_stops(monkeypatch, calls, words):
    first = {"refused": 0, "unavailable": 0, "unexpected": 0, "cut": 0, "timed_out": 0, "codes": {}} | calls
    monkeypatch.setattr(fleet, "load", lambda *arguments, **options: [{"first": first}])
    if not words:
        assert good_calls("it") == first
        return
    with pytest.raises(SystemExit, match=f"^it: .*{words}"):
        good_calls("it")
