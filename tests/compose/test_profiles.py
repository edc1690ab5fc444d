"""What the profiles start, by Debian's packages in the place of the images that they name: the same files, the same
network. Grafana is in no Debian: of its dashboard every metric is looked for in what the services show."""

import json
import re
import time

import pytest
import requests
import yaml

from demo_client import demo_signer
from harness.compose import docker
from harness.flow import send
from harness.provider import ROOT
from signed_load import other_letter

TOOLS = "countersign-test:profiles"
DOCKERFILE = """FROM debian:trixie-slim
RUN apt-get update && apt-get install -y --no-install-recommends caddy haproxy prometheus && rm -rf /var/lib/apt/lists/*
"""
COMMANDS = {
    "caddy": ["caddy", "run", "--adapter", "caddyfile", "--config", "/etc/caddy/Caddyfile"],
    "haproxy": ["haproxy", "-f", "/usr/local/etc/haproxy/haproxy.cfg"],
    "prometheus": ["prometheus", "--config.file=/etc/prometheus/prometheus.yml", "--storage.tsdb.path=/tmp/data"],
}
MONITORING = ROOT / "docker/monitoring"


@pytest.fixture(scope="module")
def started(stack):
    """A profile's service: its URL. Files, variables and port are those of docker-compose.yml."""
    docker("build", "-q", "-t", TOOLS, "-", input=DOCKERFILE, timeout=400)
    services = json.loads(stack.compose("--profile", "*", "config", "--format", "json").stdout)["services"]
    names = []

    def start(name):
        service = services[name]
        (port,) = service["ports"]
        options = ["--network", f"{stack.name}_edge", "-p", f"127.0.0.1:{port['published']}:{port['target']}"]
        options += [f"-e{variable}={value}" for variable, value in service.get("environment", {}).items()]
        options += [f"-v{volume['source']}:{volume['target']}:ro" for volume in service["volumes"]]
        names.append(f"{stack.name}-{name}")
        docker("run", "-d", "--name", names[-1], *options, TOOLS, *COMMANDS[name])
        return f"http://localhost:{port['published']}"

    yield start
    for name in names:
        docker("rm", "-f", name, check=False)


@pytest.fixture(scope="module")
def signer(stack):
    return demo_signer(stack)


def eventually(ask, seconds=30):
    deadline = time.monotonic() + seconds
    while not (found := quietly(ask)):
        assert time.monotonic() < deadline, "nothing in time"
        time.sleep(0.3)
    return found


def quietly(ask):
    try:
        return ask()
    except requests.RequestException:
        return None


@pytest.mark.parametrize("name", ["caddy", "haproxy"])
def test_another_gateway_protects_the_api(stack, started, signer, name):
    url = f"{started(name)}/api/photos?size=a%7eb&c=//d"
    eventually(lambda: send(signer.sign("GET", url)).status_code == 200)
    request = signer.sign("GET", url)
    request.headers |= {"X-OAuth-Username": "root", "X_OAuth_Username": "root"}
    answer = send(request)
    assert answer.json()["asked_by"] == {"client": "demo", "user": "jane", "scope": "photos%3Aread"}
    again = send(request)
    assert again.status_code == 401 and 'oauth_problem="nonce_used"' in again.headers["WWW-Authenticate"]
    assert send(signer.sign("GET", url, tamper=other_letter)).status_code == 401
    assert requests.get(url, timeout=20).status_code == 401


@pytest.fixture(scope="module")
def prometheus(stack, started, signer):
    url = started("prometheus")
    assert send(signer.sign("GET", f"{stack.url}/api/photos")).status_code == 200

    def ask(path, **parameters):
        return requests.get(f"{url}/api/v1/{path}", params=parameters, timeout=10).json()["data"]

    def all_up():
        targets = ask("targets")["activeTargets"]
        return len(targets) >= 2 and all(target["health"] == "up" for target in targets) and targets

    eventually(all_up, 60)
    return ask


def test_prometheus_finds_every_replica(stack, prometheus):
    found = {target["labels"]["job"] for target in prometheus("targets")["activeTargets"]}
    assert found == {"auth-service", "introspection-service"}


def test_every_alert_and_panel_asks_for_metrics_that_there_are(prometheus):
    known = set(prometheus("label/__name__/values")) | {"up"}
    rules = yaml.safe_load((MONITORING / "alerts.yml").read_text())["groups"][0]["rules"]
    dashboard = json.loads((MONITORING / "grafana/dashboards/countersign.json").read_text())
    panels = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    for expression in [rule["expr"] for rule in rules] + panels:
        names = set(re.findall(r"\b(?:oauth1|http|process)_\w+", expression))
        assert names or "up" in expression, expression
        assert names <= known, f"{names - known} in {expression}"
        prometheus("query", query=re.sub(r"\$\w+", lambda m: "1m" if "interval" in m.group() else ".*", expression))


def test_prometheus_takes_the_alerts(prometheus):
    assert len(prometheus("rules")["groups"][0]["rules"]) >= 7


def test_the_operators_alerts_are_the_same():
    ours = yaml.safe_load((MONITORING / "alerts.yml").read_text())
    assert yaml.safe_load((ROOT / "kubernetes/components/monitoring/alerts.yaml").read_text())["spec"] == ours
