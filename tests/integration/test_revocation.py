"""What was revoked, disabled, deleted or rotated is gone from both services within a second, although they answer
from memory: the cache's TTL is so long here that only the feed of changes can have told them."""

import time

import pytest
import requests
from harness.flow import Flow, form, send
from harness.owner import Owner
from harness.provider import PASSWORD, Provider

API = "http://api.example/photos"
LAG_SECONDS = 1.0


@pytest.fixture(scope="module")
def cached(tmp_path_factory):
    made = Provider(tmp_path_factory.mktemp("cached"), OAUTH1_CACHE_TTL=300, OAUTH1_RATE_LIMIT_LOGIN_ACCOUNT=100000,
                    OAUTH1_RATE_LIMIT_LOGIN_PAIR=100000,
                    OAUTH1_RATE_LIMIT_LOGIN_ADDRESS=100000)
    made.create_user("jane", PASSWORD)
    made.start()
    yield made
    made.stop()


@pytest.fixture(scope="module")
def key(cached):
    return cached.create_resource_server(name="photos")


def problem(provider, key, signer):
    answer = provider.introspect(key, signer.sign("GET", API))
    if answer.status_code != 200:
        return answer.status_code
    return None if answer.json()["active"] else answer.json()["problem"]["code"]


def lag_until(happened):
    """Seconds until it happened, from now on; a request that is on its way when a second is over still counts."""
    begin = time.monotonic()
    while True:
        asked = time.monotonic() - begin
        if happened():
            return asked
        assert asked < 20 * LAG_SECONDS, "it did not happen at all"
        time.sleep(0.01)


def assert_in_time(happened):
    lag = lag_until(happened)
    assert lag < LAG_SECONDS, f"{lag:.2f} s"


def metric(service, name, **labels):
    series = "{" + ",".join(f'{label}="{value}"' for label, value in labels.items()) + "}" if labels else ""
    wanted = name + series + " "
    text = requests.get(service.ops + "/metrics", timeout=5).text
    return next(float(line.rpartition(" ")[2]) for line in text.splitlines() if line.startswith(wanted))


def jti_of(provider, key, signer):
    return provider.introspect(key, signer.sign("GET", API)).json()["jti"]


def rotate(provider, key, token):
    provider.command("client", "rotate-secret", token.client_id, "--overlap", "0")


# what is done, and what a resource server is told then
ENDINGS = {
    "token": (lambda p, k, token: p.command("token", "revoke", jti_of(p, k, token)), "token_revoked"),
    "tokens of a client": (lambda p, k, token: p.command("token", "revoke", "--client", token.client_id), "token_revoked"),
    "client disabled": (lambda p, k, token: p.command("client", "disable", token.client_id), "consumer_key_rejected"),
    "client deleted": (lambda p, k, token: p.command("client", "delete", token.client_id), "consumer_key_unknown"),
    "secret rotated": (rotate, "signature_invalid"),
}


@pytest.mark.parametrize("what", ENDINGS)
def test_introspection_hears_of_it(cached, key, what):
    end, told = ENDINGS[what]
    token = Flow(cached, cached.create_client()).token()
    for _ in range(5):  # on whichever loop
        assert problem(cached, key, token) is None
    end(cached, key, token)
    assert_in_time(lambda: problem(cached, key, token) == told)
    for _ in range(10):
        assert problem(cached, key, token) == told


def test_introspection_hears_of_a_user_who_was_deleted(cached, key):
    cached.create_user("joe", PASSWORD)
    token = Flow(cached, cached.create_client(), Owner(cached, "joe", PASSWORD)).token()
    assert problem(cached, key, token) is None
    cached.command("user", "delete", "joe")
    assert_in_time(lambda: problem(cached, key, token) == "token_rejected")


def test_introspection_hears_of_a_key_that_was_revoked(cached):
    key = cached.create_resource_server(name="old")
    token = Flow(cached, cached.create_client()).token()
    assert problem(cached, key, token) is None
    cached.command("resource-server", "revoke", "old")
    assert_in_time(lambda: problem(cached, key, token) == 401)


def test_others_go_on_from_memory(cached, key):
    token = Flow(cached, cached.create_client()).token()
    other = Flow(cached, cached.create_client()).token()
    time.sleep(LAG_SECONDS)  # until it was told, too, that the clients are new
    for _ in range(10):
        assert problem(cached, key, token) is None and problem(cached, key, other) is None
    cached.command("token", "revoke", "--client", other.client_id)
    assert_in_time(lambda: problem(cached, key, other) == "token_revoked")
    misses = metric(cached.introspection, "oauth1_cache_requests_total", cache="pair", result="miss")
    hits = metric(cached.introspection, "oauth1_cache_requests_total", cache="pair", result="hit")
    for _ in range(20):
        assert problem(cached, key, token) is None
    assert metric(cached.introspection, "oauth1_cache_requests_total", cache="pair", result="miss") == misses
    assert metric(cached.introspection, "oauth1_cache_requests_total", cache="pair", result="hit") == hits + 20


def test_what_the_stores_do_is_counted(cached, key):
    revoked = metric(cached.auth, "oauth1_tokens_revoked_total")
    token = Flow(cached, cached.create_client()).token()
    cached.command("token", "revoke", jti_of(cached, key, token))
    assert_in_time(lambda: metric(cached.auth, "oauth1_tokens_revoked_total") > revoked)
    for service in cached.services:
        assert metric(service, "oauth1_store_command_seconds_count", store="database") > 0
        states = [metric(service, "oauth1_database_pool_connections", state=state) for state in ("busy", "idle")]
        assert sum(states) > 1


def test_a_client_that_is_enabled_again_can_start_anew(cached):
    flow = Flow(cached, cached.create_client())
    flow.initiate()
    cached.command("client", "disable", flow.client.client_id)
    assert_in_time(lambda: send(flow.initiate_request()).status_code == 401)
    cached.command("client", "enable", flow.client.client_id)
    assert_in_time(lambda: send(flow.initiate_request()).status_code == 200)


def test_a_disabled_clients_temporary_credentials_are_gone_for_good(cached):
    flow = Flow(cached, cached.create_client())
    flow.initiate()
    flow.grant()
    cached.command("client", "disable", flow.client.client_id)
    time.sleep(LAG_SECONDS)
    cached.command("client", "enable", flow.client.client_id)
    assert_in_time(lambda: form(send(flow.exchange_request()))["oauth_problem"] == "token_rejected")


def test_a_client_is_known_as_soon_as_it_is_made(cached):
    """Also where somebody asked for it before, and was told that there is none."""
    client = cached.create_client()
    cached.command("client", "delete", client.client_id)
    flow = Flow(cached, client)
    assert_in_time(lambda: send(flow.initiate_request()).status_code == 401)
    fresh = Flow(cached, cached.create_client())
    assert send(fresh.initiate_request()).status_code == 200


def shows_login(owner, temporary_token):
    response = owner.get(f"/oauth/authorize?oauth_token={temporary_token}")
    return response.is_redirect and "/login" in response.headers["Location"]


@pytest.mark.parametrize("command", ["set-password", "disable", "delete"])
def test_a_users_sessions_end(cached, command):
    cached.create_user(f"ann-{command}", PASSWORD)
    owner = Owner(cached, f"ann-{command}", PASSWORD)
    flow = Flow(cached, cached.create_client(), owner)
    flow.initiate()
    assert owner.consent_page(flow.temporary.token).form_with("decision")
    assert not shows_login(owner, flow.temporary.token)
    options = ["--password-file", cached.directory / f"ann-{command}.password"] if command == "set-password" else []
    assert cached.command("user", command, f"ann-{command}", *options).code == 0
    assert_in_time(lambda: shows_login(owner, flow.temporary.token))


def test_a_temporary_credential_that_a_user_granted_ends_with_the_password(cached):
    cached.create_user("eve", PASSWORD)
    flow = Flow(cached, cached.create_client(), Owner(cached, "eve", PASSWORD))
    flow.initiate()
    flow.grant()
    assert cached.command("user", "set-password", "eve", "--password-file", cached.directory / "eve.password").code == 0

    time.sleep(LAG_SECONDS)
    # a wrong verifier would be told apart from one for which nothing is there
    assert form(send(flow.exchange_request(verifier="wrong")))["oauth_problem"] == "token_rejected"


def test_a_disabled_users_tokens_are_gone_for_good_and_the_user_is_let_in_again_when_enabled(cached, key):
    cached.create_user("dora", PASSWORD)
    client = cached.create_client()
    token = Flow(cached, client, Owner(cached, "dora", PASSWORD)).token()
    assert problem(cached, key, token) is None
    assert cached.command("user", "disable", "dora").code == 0
    assert_in_time(lambda: problem(cached, key, token) == "token_revoked")
    with pytest.raises(AssertionError):
        Flow(cached, client, Owner(cached, "dora", PASSWORD)).token()
    assert cached.command("user", "enable", "dora").code == 0
    Flow(cached, client, Owner(cached, "dora", PASSWORD)).token()
    assert problem(cached, key, token) == "token_revoked"
