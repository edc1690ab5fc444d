"""One running provider for all tests of a worker; tests that stop or break one make their own."""

import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

os.environ["AUTHLIB_INSECURE_TRANSPORT"] = "true"  # Authlib's client refuses http otherwise

from cryptography.hazmat.primitives.asymmetric import rsa  # noqa: E402

from harness import contract  # noqa: E402
from harness.flow import Flow  # noqa: E402
from harness.owner import Owner  # noqa: E402
from harness.provider import API, PASSWORD, Provider  # noqa: E402
from harness.signer import Signer  # noqa: E402

contract.watch()


@pytest.fixture(scope="session")
def provider(tmp_path_factory):
    made = Provider(tmp_path_factory.mktemp("provider"), OAUTH1_RATE_LIMIT_LOGIN_ACCOUNT="100000",
                    OAUTH1_RATE_LIMIT_LOGIN_PAIR="100000",
                    OAUTH1_RATE_LIMIT_LOGIN_ADDRESS="100000")
    made.create_user("jane", PASSWORD)
    made.create_user("joe", PASSWORD)
    made.start()
    yield made
    made.stop()
    for service in made.services:
        service.assert_clean()


@pytest.fixture(scope="session")
def rsa_key():
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture(scope="session")
def client(provider):
    return provider.create_client("--scope", "photos:read", "--scope", "photos:write", "--callback", "https://app.example/cb/*")


@pytest.fixture(scope="session")
def rsa_client(provider, rsa_key):
    return provider.create_client(rsa_key=rsa_key, name="RSA")


@pytest.fixture(scope="session")
def two_legged(provider):
    return provider.create_client("--two-legged", "--scope", "photos:read", name="Batch")


@pytest.fixture(scope="session")
def key(provider):
    """A resource server's key for API, allowed to explain."""
    return provider.create_resource_server("--origin", API, "--allow-explain")


@pytest.fixture(scope="session")
def open_key(provider):
    """A key that takes every URL."""
    return provider.create_resource_server("--allow-explain", name="anything")


@pytest.fixture
def flow(provider, client):
    return Flow(provider, client, signature_method="HMAC-SHA256")


@pytest.fixture(scope="session")
def token(provider, client):
    """A signer that holds a token of jane's."""
    return Flow(provider, client, signature_method="HMAC-SHA256").token(scope="photos:read")


@pytest.fixture
def joe(provider):
    return Owner(provider, "joe", PASSWORD)


@pytest.fixture
def api_signer(two_legged):
    return Signer(two_legged.client_id, two_legged.client_secret, signature_method="HMAC-SHA256")
