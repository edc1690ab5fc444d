"""The development overlay's pods really run: confined, with their secrets, migrated, and through the three legs."""

import json
import os
import secrets

import pytest
import requests

from harness.compose import BUILT, docker
from harness.provider import PASSWORD
from pods import STORE_IMAGES, Cluster, load, missing_podman, podman

WHY_NOT = missing_podman()
pytestmark = pytest.mark.skipif(WHY_NOT is not None, reason=str(WHY_NOT))
PORTS = {"auth-service": (8080, 9090), "introspection-service": (8082, 9091)}


@pytest.fixture(scope="module")
def images(tree):
    """Both services' images, in podman too; by the name that the manifests use."""
    tag = f"cstest{secrets.token_hex(4)}"
    made = {f"countersign/{service}": f"countersign/{service}:{tag}" for service in BUILT}
    try:
        docker("compose", "build", "-q", *BUILT, cwd=tree, timeout=480, env={**os.environ, "COUNTERSIGN_TAG": tag})
        for image in (*made.values(), *STORE_IMAGES):
            load(image)
        yield made
    finally:
        for image in made.values():
            docker("image", "rm", "-f", image, check=False)


@pytest.fixture(scope="module")
def cluster(images, rendered, tmp_path_factory):
    directory = tmp_path_factory.mktemp("pods")
    for folder in (directory, directory.parent):
        folder.chmod(0o755)
    made = Cluster(directory, rendered["development"], images)
    try:
        made.play("mysql")
        made.play("redis")
        made.wait_for(lambda: made.run("mysql", "mysqladmin", "ping", "--silent", "--host=127.0.0.1", check=False).returncode == 0,
                      120, "MySQL does not start")
        made.play("migrate")
        made.wait_for(lambda: made.facts("migrate")["State"]["Status"] == "exited", 60, "the migration does not end")
        for service in BUILT:
            made.play(service)
        for service in BUILT:
            made.wait_for(lambda s=service: probe(made, s, "readinessProbe") == 200, 30, f"{service} is not ready")
        yield made
    finally:
        made.close()


def probe(cluster, service, name):
    """What a kubelet would get; 0 without an answer."""
    container = cluster.template(service)["spec"]["containers"][0]
    asked = container[name]["httpGet"]
    port = next(p["containerPort"] for p in container["ports"] if p["name"] == asked["port"])
    try:
        return requests.get(f"http://{cluster.addresses[service]}:{port}{asked['path']}", timeout=5).status_code
    except requests.RequestException:
        return 0


def test_the_migration_job_ends_well(cluster):
    state = cluster.facts("migrate")["State"]
    assert state["ExitCode"] == 0 and "the schema is current" in cluster.log("migrate")


@pytest.mark.parametrize("service", BUILT)
def test_every_probe_answers(cluster, service):
    assert [probe(cluster, service, f"{name}Probe") for name in ("startup", "liveness", "readiness")] == [200, 200, 200]
    assert cluster.run(service, service, "healthcheck").stdout == "ready\n"
    assert cluster.facts(service)["Config"]["Healthcheck"]["Test"][1:4] == [service, "healthcheck", "--live"]
    podman("healthcheck", "run", cluster.container(service))


@pytest.mark.parametrize("service", BUILT)
def test_a_pod_is_confined(cluster, service):
    facts = cluster.facts(service)
    assert facts["HostConfig"]["ReadonlyRootfs"] is True
    assert facts["EffectiveCaps"] in ([], None)
    assert cluster.run(service, "id", "-u").stdout == "65532\n"
    assert cluster.run(service, "touch", "/usr/local/bin/x", check=False).returncode != 0
    assert "no_new_privs:\t1" in cluster.run(service, "cat", "/proc/1/status").stdout.lower().replace("nonewprivs", "no_new_privs")


def test_the_secret_is_for_the_service_alone(cluster):
    listing = cluster.run("auth-service", "ls", "-lnL", "/run/secrets/countersign").stdout
    assert "-r--r----- 1 0 65532" in " ".join(listing.split())
    assert cluster.run("auth-service", "head", "-c", "3", "/run/secrets/countersign/sealing-keys").stdout == "k1:"


def test_three_legs_and_a_replay(cluster):
    name = "auth-service"
    cluster.run(name, name, "client", "create", "--id", "demo", "--name", "Demo", "--callback", "http://127.0.0.1/ready",
                "--secret-file", "-", stdin="a secret of the demo client")
    cluster.run(name, name, "user", "create", "--username", "jane", "--password-file", "-", stdin=PASSWORD)
    server = cluster.run(name, name, "resource-server", "create", "--name", "photos", "--origin", "http://localhost:8080",
                         "--format", "json")
    introspection = f"http://{cluster.addresses['introspection-service']}:8082"
    key = json.loads(server.stdout)["key"]
    done = cluster.run(name, name, "perform", "three-legged", "--client", "demo", "--client-secret", "a secret of the demo client",
                       "--username", "jane", "--password-file", "-", "--introspect", introspection, "--key", key,
                       "--api-url", "http://localhost:8080/api/photos", "--format", "json", stdin=PASSWORD)
    performed = json.loads(done.stdout)
    assert performed["introspection"]["active"] is True and performed["introspection"]["username"] == "jane"
    signed = cluster.run(name, name, "sign", "GET", "http://localhost:8080/api/photos", "--client", "demo", "--client-secret",
                         "a secret of the demo client", "--token", performed["oauth_token"], "--token-secret",
                         performed["oauth_token_secret"], "--format", "json")
    ask = {"json": json.loads(signed.stdout), "headers": {"Authorization": f"Bearer {key}"}, "timeout": 10}
    answers = [requests.post(f"{introspection}/v1/introspect", **ask).json() for _ in range(2)]
    assert answers[0]["active"] is True and answers[1]["problem"]["code"] == "nonce_used"


@pytest.mark.parametrize("service", BUILT)
def test_a_pod_ends_within_its_grace_period(cluster, service):
    """The last one: SIGTERM, drain, exit 0."""
    grace = cluster.template(service)["spec"]["terminationGracePeriodSeconds"]
    podman("stop", "-t", grace, cluster.container(service))
    assert cluster.facts(service)["State"]["ExitCode"] == 0, cluster.log(service)
    assert '"message":"stopped"' in cluster.log(service)
