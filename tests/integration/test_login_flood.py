"""A stranger who names very many accounts at the login page: he makes few counters, and locks nobody out."""

from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from conftest import PASSWORD
from harness.flow import Flow
from harness.owner import Owner, Page
from harness.provider import Provider
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


class Guesser:
    """One browser's form, sent as from any address."""

    def __init__(self, provider):
        self.session = requests.Session()
        self.page = Page(self.session.get(f"{provider.url}/login", timeout=20))
        self.form = self.page.form_with("password")
        self.url = f"{provider.url}/login"

    def guess(self, username, address):
        data = {**self.form["fields"], "username": username, "password": "x"}
        response = self.session.post(
            self.url, data=data, headers={"X-Forwarded-For": address}, timeout=20, allow_redirects=False
        )
        if response.status_code == 429:
            assert 1 <= int(response.headers["Retry-After"]) <= 60
        return response.status_code


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
        assert 1 <= len(lives) <= LIMIT + 1, len(lives)
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
