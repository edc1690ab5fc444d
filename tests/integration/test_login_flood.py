"""A stranger who names very many accounts at the login page, or guesses very often at one: he makes few counters, is
stopped, and locks nobody out."""

import statistics
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from harness.flow import Flow
from harness.guesser import Guesser
from harness.owner import Owner
from harness.provider import PASSWORD, Provider
from harness.stores import Redis

NAMES, ADDRESSES, LIMIT = 600, 200, 5
STRANGER = "198.51.100.7"
LIVES = """
local lives = {}
for i, key in ipairs(redis.call('KEYS', 'c:*')) do lives[i] = redis.call('PTTL', key) end
return lives"""


@pytest.fixture(scope="module", params=["memory", "redis"])
def stores(request, tmp_path_factory):
    """The provider, and its Redis or None."""
    directory = tmp_path_factory.mktemp(request.param)
    redis = Redis(directory / "redis").start() if request.param == "redis" else None
    provider = Provider(
        directory, OAUTH1_RATE_LIMIT_LOGIN_ADDRESS=LIMIT, OAUTH1_TRUSTED_PROXIES="127.0.0.1",
        **({"OAUTH1_REDIS_URL": redis.url} if redis else {}),
    )
    provider.create_user("jane", PASSWORD)
    provider.start()
    yield provider, redis
    provider.stop()
    if redis:
        redis.stop()


def flood(provider, guesses):
    guesser = Guesser(provider)
    with ThreadPoolExecutor(4) as pool:
        return list(pool.map(lambda guess: guesser.guess(*guess), guesses))


def test_many_names_from_one_address_make_few_counters(stores):
    provider, redis = stores
    statuses = flood(provider, [(f"account {i}", STRANGER) for i in range(NAMES)])
    assert statuses.count(429) == NAMES - LIMIT and statuses.count(403) == LIMIT
    if redis:
        lives = [int(life) for life in redis.call("EVAL", LIVES, 0)]
        assert 1 <= len(lives) <= 2 * LIMIT + 1, len(lives)  # the address; for each name it, and the pair of both
        assert all(0 < life <= 61000 for life in lives), lives


def test_an_ipv6_stranger_counts_by_his_network(stores):
    provider, _ = stores
    statuses = flood(provider, [(f"account {i}", f"2001:db8:7:7::{i:x}") for i in range(1, 50)])
    assert statuses.count(403) == LIMIT


def test_the_owner_logs_in_while_names_come_from_200_addresses(stores):
    provider, _ = stores
    names = [(f"other {i}", f"203.0.113.{i % ADDRESSES}") for i in range(ADDRESSES * 2)]
    flow = Flow(provider, provider.create_client(), Owner(provider, "jane", PASSWORD))
    with ThreadPoolExecutor(1) as pool:
        flooding = pool.submit(flood, provider, names)
        flow.token()
        assert set(flooding.result()) <= {403, 429}
    Flow(provider, provider.create_client(), Owner(provider, "jane", PASSWORD)).token()


def test_an_owner_logs_in_with_an_address_that_nobody_else_has(stores):
    provider, _ = stores
    (provider.directory / "mail.password").write_text(PASSWORD)
    for name, email in (("may", "May@Example.com"), ("meg", "us@example.com"), ("mia", "US@example.com")):
        provider.expect("user", "create", "--username", name, "--email", email, "--password-file", "mail.password")
    Flow(provider, provider.create_client(), Owner(provider, "may@example.com", PASSWORD)).token()
    assert Guesser(provider).guess("us@example.com", "192.0.2.90", PASSWORD) == 403
    assert Guesser(provider).guess("meg", "192.0.2.90", PASSWORD) == 302


GUESSES, FROM, FOR_ONE_ACCOUNT = 10000, 100, 100


def test_ten_thousand_guesses_from_a_hundred_addresses_are_stopped_and_the_owner_logs_in(stores):
    provider, _ = stores
    provider.create_user("june", PASSWORD)
    owner = Guesser(provider)
    assert owner.guess("june", "192.0.2.80", PASSWORD) == 302
    begun = time.monotonic()
    with ThreadPoolExecutor(1) as pool:
        flooding = pool.submit(flood, provider, [("june", f"203.0.113.{i % FROM}") for i in range(GUESSES)])
        owners = []
        while not flooding.done():
            owners.append(owner.guess("june", "192.0.2.80", PASSWORD))
            time.sleep(0.2)
        statuses = flooding.result()
    minutes = int((time.monotonic() - begun) // 60) + 1
    assert set(owners) == {302} and len(owners) > 3
    assert set(statuses) == {403, 429}
    assert statuses.count(403) <= (minutes + 1) * FOR_ONE_ACCOUNT
    assert Guesser(provider).guess("june", "192.0.2.81", PASSWORD) == 429  # a browser that nobody knows has to wait
    assert owner.guess("june", "192.0.2.82", PASSWORD) == 302  # the owner's is known at any address


def test_an_account_that_exists_takes_no_longer_than_one_that_does_not(tmp_path):
    provider = Provider(tmp_path, OAUTH1_RATE_LIMIT_LOGIN_ADDRESS=0, OAUTH1_RATE_LIMIT_LOGIN_PAIR=0,
                        OAUTH1_RATE_LIMIT_LOGIN_ACCOUNT=0)
    provider.create_user("jane", PASSWORD)
    provider.start()
    guesser = Guesser(provider)
    took = {"jane": [], "nobody": []}
    for _ in range(40):
        for name, times in took.items():
            begun = time.perf_counter()
            assert guesser.guess(name, STRANGER) == 403
            times.append(time.perf_counter() - begun)
    provider.stop()
    known, unknown = (min(times) for times in took.values())
    print(f"known {known * 1e3:.2f} ms, unknown {unknown * 1e3:.2f} ms; "
          f"medians {[round(statistics.median(times) * 1e3, 2) for times in took.values()]}")
    assert 0.67 < known / unknown < 1.5
