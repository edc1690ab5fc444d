"""One provider with its short-lived store on Redis, one API, and each gateway in front of them. Between every two of
them stands a proxy that can break the way."""

import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

os.environ["AUTHLIB_INSECURE_TRANSPORT"] = "true"  # Authlib's client refuses http otherwise

from harness.fault_proxy import FaultProxy  # noqa: E402
from harness.flow import Flow  # noqa: E402
from harness.provider import PASSWORD, Provider  # noqa: E402
from harness.signer import Signer  # noqa: E402
from harness.stores import Redis  # noqa: E402

from running import GATEWAYS  # noqa: E402
from upstream import Upstream  # noqa: E402
from wire import ORIGIN  # noqa: E402

PLENTY = "1000000"


@pytest.fixture(scope="session")
def redis(tmp_path_factory):
    server = Redis(tmp_path_factory.mktemp("redis"))
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def redis_proxy(redis):
    proxy = FaultProxy(redis.port).start()
    yield proxy
    proxy.stop()


@pytest.fixture(scope="session")
def provider(tmp_path_factory, redis_proxy):
    made = Provider(
        tmp_path_factory.mktemp("provider"),
        OAUTH1_REDIS_URL=f"redis://127.0.0.1:{redis_proxy.port}", OAUTH1_ORIGINS=ORIGIN, OAUTH1_TRUSTED_PROXIES="127.0.0.1",
        OAUTH1_RATE_LIMIT_ADDRESS=PLENTY, OAUTH1_RATE_LIMIT_LOGIN_ADDRESS=PLENTY, OAUTH1_RATE_LIMIT_LOGIN_ACCOUNT=PLENTY,
        OAUTH1_RATE_LIMIT_LOGIN_PAIR=PLENTY,
    )
    made.create_user("jane", PASSWORD)
    made.start()
    yield made
    made.stop()


@pytest.fixture(scope="session")
def service_proxy(provider):
    """In front of introspection-service: what the gateways ask."""
    proxy = FaultProxy(provider.introspection.port).start()
    yield proxy
    proxy.stop()


@pytest.fixture(scope="session")
def upstream():
    with Upstream() as running:
        yield running


@pytest.fixture(scope="session", params=GATEWAYS, ids=lambda kind: kind.name)
def gateway(request, tmp_path_factory, service_proxy, upstream):
    running = request.param(tmp_path_factory.mktemp(request.param.name), service_proxy.port, upstream.port)
    running.start()
    yield running
    running.stop()


@pytest.fixture(scope="session")
def client(provider):
    return provider.create_client("--scope", "photos:read", "--scope", "photos:write")


@pytest.fixture(scope="session")
def token(provider, client):
    """A signer that holds a token of jane's."""
    return Flow(provider, client, signature_method="HMAC-SHA256").token(scope="photos:read")


@pytest.fixture(scope="session")
def other_scope(provider, client):
    return Flow(provider, client, signature_method="HMAC-SHA256").token(scope="photos:write")


@pytest.fixture(scope="session")
def two_legged(provider):
    made = provider.create_client("--two-legged", "--scope", "photos:read", name="Batch")
    return Signer(made.client_id, made.client_secret)
