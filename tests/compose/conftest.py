"""One running stack for all tests here. It needs a docker engine; where there is none, ./dev names this part as not run."""

import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import requests
import yaml

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from harness.compose import BUILT, Stack, command_on_page, missing_engine  # noqa: E402
from harness.owner import Owner  # noqa: E402
from harness.provider import ROOT  # noqa: E402
from wrong_starts import BROKEN  # noqa: E402


def pytest_collection_modifyitems(items):
    why = missing_engine()
    if why:
        for item in items:
            item.add_marker(pytest.mark.skip(reason=why))


def override():
    """After Redis was away, a replay is possible for as long as the lead: shorter here, so that tests need not wait."""
    services = {name: {"environment": {"OAUTH1_TIMESTAMP_LEAD": "2"}} for name in BUILT}
    right = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]["introspection-service"]
    for name, environment in BROKEN.items():
        kept = {key: value for key, value in right.items() if key not in ("build", "pull_policy", "depends_on", "networks", "scale")}
        network = {"network_mode": "service:redis"} if name == "broken-port" else {"networks": right["networks"]}
        services[name] = kept | network | {"profiles": ["broken"], "environment": right["environment"] | environment}
    return {"services": services}


@pytest.fixture(scope="session")
def stack(tmp_path_factory):
    made = Stack(tmp_path_factory.mktemp("compose"), override())
    try:
        made.up(timeout=900)  # the first one builds the images
        yield made
    finally:
        made.close()


@pytest.fixture(scope="session")
def scaled(stack):
    """Two replicas of auth-service and four of introspection-service, by the first page's command."""
    page = requests.get(stack.url, timeout=20).text
    done = stack.shell(command_on_page(page, "more"), timeout=300)
    assert done.returncode == 0, done.stderr + stack.state()
    return stack


@pytest.fixture(scope="session")
def jane(stack):
    password = stack.compose("run", "--rm", "-T", "--no-deps", "client", "password").stdout.strip()
    return Owner(SimpleNamespace(url=stack.url), "jane", password)
