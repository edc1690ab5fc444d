"""The manifests as kustomize renders them. kustomize is of Debian 13, so it runs in a container."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from harness.compose import copy_tree, docker  # noqa: E402
from manifests import COMPONENTS, OVERLAYS  # noqa: E402

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
    for name in COMPONENTS:
        add_component(tree / "kubernetes/overlays", name)
    return tree


def add_component(overlays, name):
    """production with one component more, as its file says; where that brings the secrets, the overlay makes none."""
    shutil.copytree(overlays / "production", overlays / name)
    file = overlays / name / "kustomization.yaml"
    content = yaml.safe_load(file.read_text())
    content["components"].append(f"../../components/{name}")
    if name.endswith("-secrets"):
        del content["secretGenerator"]
    file.write_text(yaml.safe_dump(content))


@pytest.fixture(scope="session")
def kustomize():
    """The image that has it."""
    docker("build", "-q", "-t", TOOLS, "-", input=DOCKERFILE, timeout=300)
    return TOOLS


@pytest.fixture(scope="session")
def rendered(tree, kustomize):
    """The manifests of each overlay, and of production with each component, by its name."""
    names = (*OVERLAYS, *COMPONENTS)
    builds = "; echo ---; ".join(f"kustomize build /kubernetes/overlays/{name} && echo '--- END'" for name in names)
    mount = f"{tree / 'kubernetes'}:/kubernetes:ro"
    texts = docker("run", "--rm", "--network", "none", "-v", mount, kustomize, "sh", "-ec", builds).stdout.split("--- END\n")
    return {overlay: [d for d in yaml.safe_load_all(text) if d] for overlay, text in zip(names, texts, strict=False)}


@pytest.fixture(scope="session", params=OVERLAYS)
def overlay(request, rendered):
    """One overlay's manifests."""
    return rendered[request.param]
