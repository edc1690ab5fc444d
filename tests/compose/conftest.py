"""One running stack for all tests here. It needs a docker engine; where there is none, ./dev names this part as not run."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from harness.compose import Stack, missing_engine  # noqa: E402
from wrong_starts import BROKEN  # noqa: E402


def pytest_collection_modifyitems(items):
    why = missing_engine()
    if why:
        for item in items:
            item.add_marker(pytest.mark.skip(reason=why))


def override():
    """After Redis was away, a replay is possible for as long as the lead: shorter here, so that tests need not wait."""
    services = {name: {"environment": {"OAUTH1_TIMESTAMP_LEAD": "2"}} for name in ("auth-service", "introspection-service")}
    for name, environment in BROKEN.items():
        services[name] = {
            "extends": {"file": "docker-compose.yml", "service": "introspection-service"},
            "profiles": ["broken"],
            "environment": environment,
        }
    services["broken-port"] |= {"network_mode": "service:redis", "networks": None}
    return {"services": services}


@pytest.fixture(scope="session")
def stack(tmp_path_factory):
    made = Stack(tmp_path_factory.mktemp("compose"), override())
    try:
        made.up()
        yield made
    finally:
        made.close()


@pytest.fixture(scope="session")
def scaled(stack):
    """Two replicas of auth-service and four of introspection-service."""
    stack.up("--scale", "auth-service=2", "--scale", "introspection-service=4")
    return stack
