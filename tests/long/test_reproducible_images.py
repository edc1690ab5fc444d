"""Two builds of one commit: the second from nothing, with every package fetched again."""

import hashlib
import io
import os
import secrets
import subprocess
import tarfile

import pytest

from harness.compose import BUILT, copy_tree, docker, missing_engine

WHY_NOT = missing_engine()


def binary(image, service):
    """The service as the image has it."""
    container = docker("create", image).stdout.strip()
    try:
        packed = subprocess.run(["docker", "cp", f"{container}:/usr/local/bin/{service}", "-"], check=True, capture_output=True)
    finally:
        docker("rm", "-f", container)
    with tarfile.open(fileobj=io.BytesIO(packed.stdout)) as archive:
        return archive.extractfile(service).read()


@pytest.mark.skipif(WHY_NOT is not None, reason=str(WHY_NOT))
def test_two_builds_give_the_same_binaries(tmp_path):
    name = f"cstest{secrets.token_hex(4)}"
    tree = copy_tree(tmp_path / "tree")  # once: somebody may be at work here meanwhile
    digests = []
    try:
        for number, options in enumerate(([], ["--no-cache"])):
            environment = {**os.environ, "COUNTERSIGN_TAG": f"{name}{number}"}
            docker("compose", "build", "-q", *options, *BUILT, cwd=tree, env=environment, timeout=900)
            digests.append([hashlib.sha256(binary(f"countersign/{service}:{name}{number}", service)).hexdigest()
                            for service in BUILT])
    finally:
        for service in BUILT:
            docker("image", "rm", "-f", *(f"countersign/{service}:{name}{number}" for number in (0, 1)), check=False)
    assert digests[0] == digests[1]
