"""What was taken away while an authorization was on its way is not in the token that comes of it: scopes of the client, and
the client itself, also when it was enabled again at once."""

import threading

import pytest
from harness.flow import Flow, form, send
from harness.owner import Owner, location_query
from harness.provider import PASSWORD, Provider
from harness.stores import MariaDB, Redis

SECRETS_KEYS = "a:" + "A" * 43 + "="


@pytest.fixture(scope="module", params=["embedded", "fleet"])
def shop(request, tmp_path_factory):
    directory = tmp_path_factory.mktemp(request.param)
    servers, variables = [], {}
    if request.param == "fleet":
        servers = [MariaDB(directory / "mariadb").start(), Redis(directory / "redis").start()]
        variables = {"OAUTH1_DATABASE_URL": servers[0].url, "OAUTH1_REDIS_URL": servers[1].url,
                     "OAUTH1_SECRETS_KEYS": SECRETS_KEYS}
    provider = Provider(directory, OAUTH1_RATE_LIMIT_LOGIN_ACCOUNT=0, OAUTH1_RATE_LIMIT_LOGIN_ADDRESS=0,
                        OAUTH1_RATE_LIMIT_LOGIN_PAIR=0, **variables)
    assert provider.command("migrate", "up").code == 0
    provider.create_user("jane", PASSWORD)
    provider.start()
    yield provider
    provider.stop()
    for server in servers:
        server.stop()


@pytest.fixture
def flow(shop):
    client = shop.create_client("--scope", "r", "--scope", "admin")
    return Flow(shop, client, Owner(shop, "jane", PASSWORD))


def allow(flow, scopes):
    flow.provider.expect("client", "update", flow.client.client_id, "--scope", scopes)


def tokens(flow):
    listed = flow.provider.expect("token", "list", "--client", flow.client.client_id)
    return [token["scope"] for token in listed if "revoked_at" not in token]


def verifier_of(response):
    return dict(location_query(response))["oauth_verifier"]


def shown(page):
    return [scope for scope in ("r", "admin", "w") if f"<code>{scope}</code>" in page.response.text]


def test_a_scope_withdrawn_before_consent_is_neither_shown_nor_granted(flow):
    flow.initiate(scope="r admin")
    allow(flow, "r")
    page = flow.owner.consent_page(flow.temporary.token)
    assert shown(page) == ["r"]
    flow.grant()
    flow.exchange()
    assert tokens(flow) == ["r"]


def test_a_scope_withdrawn_while_the_owner_reads_is_not_granted(flow):
    flow.initiate(scope="r admin")
    page = flow.owner.consent_page(flow.temporary.token)
    assert shown(page) == ["r", "admin"]
    allow(flow, "r")
    flow.verifier = verifier_of(flow.owner.decide(page, "grant"))
    flow.exchange()
    assert tokens(flow) == ["r"]


def test_a_scope_given_back_while_the_owner_reads_is_not_granted_unseen(flow):
    flow.initiate(scope="r admin")
    allow(flow, "r")
    page = flow.owner.consent_page(flow.temporary.token)
    assert shown(page) == ["r"]
    allow(flow, "r admin")
    flow.verifier = verifier_of(flow.owner.decide(page, "grant"))
    flow.exchange()
    assert tokens(flow) == ["r"]


def test_a_scope_withdrawn_before_the_exchange_is_not_in_the_token(flow):
    flow.initiate(scope="r admin")
    flow.grant()
    allow(flow, "r w")
    flow.exchange()
    assert tokens(flow) == ["r"]


def test_where_no_scope_remains_nothing_is_asked_and_nothing_is_issued(flow):
    flow.initiate(scope="admin")
    granted = Flow(flow.provider, flow.provider.create_client("--scope", "admin"), flow.owner)
    granted.initiate(scope="admin")
    granted.grant()
    for one in (flow, granted):
        allow(one, "r")
    page = flow.owner.consent_page(flow.temporary.token)
    assert page.response.status_code == 400 and page.form_with("decision") is None
    assert "may not" in page.response.text
    refused = send(granted.exchange_request())
    assert (refused.status_code, form(refused)["error"]) == (400, "invalid_scope"), refused.text
    assert tokens(flow) == tokens(granted) == []


@pytest.mark.parametrize("after", ["initiate", "grant"])
def test_a_client_disabled_and_enabled_at_once_has_no_authorization_on_its_way(flow, after):
    flow.initiate()
    if after == "grant":
        flow.grant()
    for verb in ("disable", "enable"):
        assert flow.provider.command("client", verb, flow.client.client_id).code == 0
    if after == "initiate":
        page = flow.owner.consent_page(flow.temporary.token)
        assert page.form_with("decision") is None and page.response.status_code == 400, page.response.text
        return
    refused = send(flow.exchange_request())
    assert refused.status_code == 401 and form(refused)["error"] in ("invalid_token", "invalid_client"), refused.text
    assert tokens(flow) == []


def test_no_exchange_that_is_in_flight_leaves_a_token(flow):
    flows = []
    for _ in range(12):
        one = Flow(flow.provider, flow.client, flow.owner)
        one.initiate()
        one.grant()
        flows.append(one)
    begin = threading.Barrier(3)

    def exchange(some):
        begin.wait()
        for one in some:
            send(one.exchange_request())

    threads = [threading.Thread(target=exchange, args=(flows[i::2],)) for i in range(2)]
    for thread in threads:
        thread.start()
    begin.wait()
    for verb in ("disable", "enable"):
        assert flow.provider.command("client", verb, flow.client.client_id).code == 0
    for thread in threads:
        thread.join()
    assert tokens(flow) == []
