"""The end-to-end tests again, on MariaDB and Redis: real clients through the three legs, refusals of temporary
credentials. The tests are those of the embedded stores; this file's fixtures say what they run on."""

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from harness.fleet import PASSWORD, new_fleet
from harness.flow import Flow
from harness.owner import Owner
from harness.resource_server import ResourceServer
from test_real_clients import (  # noqa: F401: collected here, too
    liboauth, node, test_authlib, test_liboauth, test_node_oauth_1_0a, test_requests_oauthlib,
)
from test_refusals import (  # noqa: F401
    test_a_forged_request_does_not_harm_the_temporary_credential,
    test_a_new_grant_replaces_the_verifier,
    test_a_recorded_wrong_verifier_counts_once,
    test_a_revoked_token_says_so_within_a_second,
    test_a_temporary_credential_is_exchanged_once,
    test_five_wrong_verifiers_kill_the_temporary_credential,
    test_refuses_a_disabled_client,
    test_refuses_a_nonce_twice_on_its_decoded_value,
    test_refuses_after_the_owner_denied,
    test_refuses_another_clients_temporary_credential,
    test_refuses_before_the_owner_has_decided,
    test_refuses_an_unknown_temporary_credential,
    test_refuses_unknown_foreign_and_temporary_tokens,
    test_verifies_a_token_and_says_whose_it_is,
    test_verifies_two_legged_requests_of_marked_clients_alone,
)

pytestmark = pytest.mark.xdist_group("fleet-clients")
API = "http://api.example"


@pytest.fixture(scope="module")
def provider(tmp_path_factory):
    with new_fleet(tmp_path_factory.mktemp("fleet"), auths=1, introspections=1) as fleet:
        fleet.create_user("joe", PASSWORD)
        yield fleet


@pytest.fixture(scope="module")
def api(provider):
    with ResourceServer(provider) as server:
        yield server


@pytest.fixture(scope="module")
def rsa_key():
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture(scope="module")
def client(provider):
    return provider.create_client(
        "--scope", "photos:read", "--scope", "photos:write", "--callback", "https://app.example/cb/*"
    )


@pytest.fixture(scope="module")
def rsa_client(provider, rsa_key):
    return provider.create_client(rsa_key=rsa_key, name="RSA")


@pytest.fixture(scope="module")
def two_legged(provider):
    return provider.create_client("--two-legged", "--scope", "photos:read", name="Batch")


@pytest.fixture(scope="module")
def key(provider):
    return provider.create_resource_server("--origin", API, "--allow-explain")


@pytest.fixture
def flow(provider, client):
    return Flow(provider, client, signature_method="HMAC-SHA256")


@pytest.fixture(scope="module")
def token(provider, client):
    return Flow(provider, client, signature_method="HMAC-SHA256").token(scope="photos:read")


@pytest.fixture
def joe(provider):
    return Owner(provider, "joe", PASSWORD)
