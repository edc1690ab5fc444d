"""Quotas at initiate and token: a client counts where its signature held, all else by address, and nobody can
silence a client by using its key."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import count

import pytest
from harness.flow import Flow, form, send
from harness.provider import PASSWORD, Provider

LIMIT = 5


@pytest.fixture(scope="module")
def limited(tmp_path_factory):
    made = Provider(
        tmp_path_factory.mktemp("limited"), OAUTH1_RATE_LIMIT_CLIENT=LIMIT, OAUTH1_RATE_LIMIT_ADDRESS=LIMIT,
        OAUTH1_TRUSTED_PROXIES="127.0.0.1,10.0.0.0/8",
    )
    made.create_user("jane", PASSWORD)
    made.start()
    yield made
    made.stop()


@pytest.fixture
def flow(limited):
    """A client of this test's own, so that its count begins at none."""
    return Flow(limited, limited.create_client())


addresses = (f"198.51.100.{number}" for number in count(1))


@pytest.fixture
def stranger():
    """An address that nothing was counted for yet."""
    return next(addresses)


def outcome(response):
    body = form(response)
    return response.status_code, body.get("error")


def spoilt(flow):
    return flow.initiate_request(signer=replace(flow.client, client_secret="wrong"))


def via(request, *hops):
    return replace(request, headers={**request.headers, "X-Forwarded-For": ", ".join(hops)})


def assert_told_to_slow_down(response):
    assert response.status_code == 429, response.text
    body = form(response)
    assert (body["error"], body["oauth_problem"]) == ("slow_down", "consumer_key_refused")
    assert body["error_description"]
    assert 1 <= int(response.headers["Retry-After"]) <= 60
    assert response.headers["Cache-Control"] == "no-store"
    assert "WWW-Authenticate" not in response.headers


def test_a_client_beyond_its_quota_is_told_to_slow_down_and_no_other(flow, limited):
    for _ in range(LIMIT):
        assert send(flow.initiate_request()).status_code == 200
    for _ in range(2):
        assert_told_to_slow_down(send(flow.initiate_request()))
    assert send(Flow(limited, limited.create_client()).initiate_request()).status_code == 200


def test_initiate_and_token_share_the_quota_and_a_refusal_harms_nothing(limited, flow):
    flow.initiate()
    flow.grant()
    for _ in range(LIMIT - 1):
        assert send(flow.initiate_request()).status_code == 200
    assert_told_to_slow_down(send(flow.exchange_request()))
    tokens = limited.expect("token", "list", "--client", flow.client.client_id)
    assert not tokens, "a refused exchange made a token"


def test_wrong_signatures_silence_their_address_and_not_the_client(flow, stranger):
    answers = [outcome(send(via(spoilt(flow), stranger))) for _ in range(LIMIT + 3)]
    assert answers == [(401, "invalid_signature")] * LIMIT + [(429, "slow_down")] * 3
    assert_told_to_slow_down(send(via(spoilt(flow), stranger)))
    # the client, from anywhere, even from that address
    assert send(flow.initiate_request()).status_code == 200
    assert send(via(flow.initiate_request(), stranger)).status_code == 200


def test_a_request_sent_again_does_not_count_for_the_client(flow, stranger):
    request = via(flow.initiate_request(), stranger)
    assert send(request).status_code == 200
    answers = [outcome(send(request)) for _ in range(LIMIT + 2)]
    assert answers == [(401, "invalid_nonce")] * LIMIT + [(429, "slow_down")] * 2
    for _ in range(LIMIT - 1):
        assert send(flow.initiate_request()).status_code == 200
    assert_told_to_slow_down(send(flow.initiate_request()))


@pytest.mark.parametrize("path", ["/oauth/initiate", "/oauth/token"])
def test_unknown_clients_and_malformed_requests_count_by_address(flow, stranger, path):
    signer = replace(flow.client, client_id="nobody", token="t")
    extra = {"oauth_callback": "oob"} if path == "/oauth/initiate" else {"oauth_verifier": "v"}
    unknown = via(signer.sign("POST", flow.provider.url + path, **extra), stranger)
    unsigned = via(replace(unknown, headers={}), stranger)
    for i in range(LIMIT):
        status = send(unsigned if i % 2 else unknown).status_code
        assert status == (400 if i % 2 else 401)
    assert_told_to_slow_down(send(unsigned))
    assert_told_to_slow_down(send(unknown))


def test_the_address_is_the_nearest_that_is_no_proxy_of_ours(flow, stranger):
    for i in range(LIMIT):  # the client names another each time, and the proxies in between add theirs
        assert send(via(spoilt(flow), f"192.0.2.{i}", stranger, "10.1.2.3")).status_code == 401
    assert_told_to_slow_down(send(via(spoilt(flow), "192.0.2.99", stranger)))
    assert send(via(spoilt(flow), "192.0.2.99")).status_code == 401


def test_an_ipv6_network_counts_as_one(flow):
    for i in range(LIMIT):
        assert send(via(spoilt(flow), f"2001:db8:1:2::{i + 1:x}")).status_code == 401
    assert_told_to_slow_down(send(via(spoilt(flow), "2001:db8:1:2:ffff::1")))
    assert send(via(spoilt(flow), "2001:db8:1:3::1")).status_code == 401


def test_many_at_once_get_no_more_than_the_quota(flow):
    requests = [flow.initiate_request() for _ in range(4 * LIMIT)]
    with ThreadPoolExecutor(8) as pool:
        statuses = [answer.status_code for answer in pool.map(send, requests)]
    assert statuses.count(200) == LIMIT and statuses.count(429) == 3 * LIMIT
