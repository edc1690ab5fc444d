"""The examples of docs/examples as running services, one provider for all of them."""

import os
import sys
import time
from pathlib import Path

import pytest
import requests

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

os.environ["AUTHLIB_INSECURE_TRANSPORT"] = "true"  # Authlib's client refuses http otherwise

from harness.flow import Flow  # noqa: E402
from harness.provider import PASSWORD, Provider  # noqa: E402

from introspection_double import IntrospectionDouble  # noqa: E402
from services import EXAMPLES  # noqa: E402


@pytest.fixture(scope="session")
def provider(tmp_path_factory):
    made = Provider(tmp_path_factory.mktemp("provider"), OAUTH1_RATE_LIMIT_LOGIN_ACCOUNT="100000",
                    OAUTH1_RATE_LIMIT_LOGIN_PAIR="100000",
                    OAUTH1_RATE_LIMIT_LOGIN_ADDRESS="100000")
    made.create_user("jane", PASSWORD)
    made.start()
    yield made
    made.stop()


@pytest.fixture(scope="session")
def client(provider):
    return provider.create_client("--scope", "photos:read", "--scope", "photos:write")


@pytest.fixture(scope="session")
def token(provider, client):
    """A signer that holds a token of jane's, for photos:read alone."""
    return Flow(provider, client).token(scope="photos:read")


@pytest.fixture(scope="session")
def two_legged(provider):
    return provider.create_client("--two-legged", "--scope", "photos:read", name="Batch")


@pytest.fixture(scope="session", params=EXAMPLES, ids=lambda example: example.name)
def service(request, provider, tmp_path_factory):
    """One of the examples, asking the real introspection service."""
    example = request.param
    example.skip_if_missing()
    with example.started(
        tmp_path_factory.mktemp(example.name), provider.introspection_url,
        lambda origin: provider.create_resource_server("--origin", origin, name=example.name),
    ) as running:
        yield running


def warm_up(service):
    """The first call may take longer than the time-out, where a virtual machine or a module is loaded on the way."""
    deadline = time.monotonic() + 60
    while requests.get(service.origin + "/photos", timeout=30).status_code != 200:
        assert time.monotonic() < deadline, service.text()


@pytest.fixture(scope="session", params=EXAMPLES, ids=lambda example: example.name)
def doubled(request, tmp_path_factory):
    """One of the examples, asking a double that can fail in every way; (service, double)."""
    example = request.param
    example.skip_if_missing()
    with IntrospectionDouble() as double:
        folder = tmp_path_factory.mktemp(example.name)
        with example.started(folder, double.url + "/behind/a%2Fprefix/", lambda _origin: "key", timeout="3") as running:
            warm_up(running)
            yield running, double


def pytest_collection_modifyitems(items):
    """A worker of pytest-xdist takes an example as a whole, so that each is started twice only: once asking the real
    service, once a double."""
    for item in items:
        if hasattr(item, "callspec"):
            example = item.callspec.params.get("service") or item.callspec.params.get("doubled")
            if example:
                item.add_marker(pytest.mark.xdist_group(example.name))
