"""The manifests as kustomize renders them. kustomize is of Debian 13, so it runs in a container."""

import base64
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from harness.compose import copy_tree, docker  # noqa: E402

OVERLAYS = ("development", "production")
TOOLS = "countersign-test:kustomize"
DOCKERFILE = """FROM debian:trixie-slim
RUN apt-get update && apt-get install -y --no-install-recommends kustomize && rm -rf /var/lib/apt/lists/*
"""


@pytest.fixture(scope="session")
def tree(tmp_path_factory):
    """A copy of the tree with the secrets that an operator would make or write."""
    tree = copy_tree(tmp_path_factory.mktemp("kubernetes") / "countersign")
    for overlay in OVERLAYS:
        subprocess.run([tree / "kubernetes/make-secrets", overlay], check=True, capture_output=True, timeout=60)
    for name in ("database-password", "redis-password", "mysql-ca.pem"):
        (tree / "kubernetes/overlays/production/secrets" / name).write_text("theirs")
    return tree


@pytest.fixture(scope="session")
def kustomize(tree):
    """Renders a folder below kubernetes/."""
    docker("build", "-q", "-t", TOOLS, "-", input=DOCKERFILE, timeout=300)

    def render(folder):
        mount = f"{tree / 'kubernetes'}:/kubernetes:ro"
        done = docker("run", "--rm", "--network", "none", "-v", mount, TOOLS, "kustomize", "build", f"/kubernetes/{folder}")
        return [document for document in yaml.safe_load_all(done.stdout) if document]

    return render


@pytest.fixture(scope="session", params=OVERLAYS)
def overlay(request, kustomize):
    """One overlay's manifests."""
    return kustomize(f"overlays/{request.param}")


def opened(secret):
    """A Secret's data, decoded."""
    return {name: base64.b64decode(text) for name, text in secret["data"].items()}


def of_kind(manifests, *kinds):
    return [manifest for manifest in manifests if manifest["kind"] in kinds]


def pod_specs(manifests):
    """The pods that the manifests make, by the name of what makes them."""
    specs = {}
    for manifest in of_kind(manifests, "Deployment", "Job", "CronJob"):
        spec = manifest["spec"]
        spec = spec["jobTemplate"]["spec"] if manifest["kind"] == "CronJob" else spec
        specs[manifest["metadata"]["name"]] = spec["template"]["spec"]
    return specs
