"""A host made of Debian 13, systemd and Countersign's packages. It needs a docker engine; where there is none, ./dev names
this part as not run."""

import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from harness.provider import ROOT  # noqa: E402

IMAGE = "countersign-test:packages"
SOURCES = ["dev", "CMakeLists.txt", "LICENSE", "README.md", "CHANGELOG.md", "CONTRIBUTING.md", "common", "services", "docs", "proto", "packaging"]
# What systemd asks of a container; it writes to control groups of the container's own, never to the machine's.
AS_A_HOST = ["--cap-add", "SYS_ADMIN", "--security-opt", "seccomp=unconfined", "--security-opt", "apparmor=unconfined",
             "--tmpfs", "/run", "--tmpfs", "/tmp", "--cgroupns=private", "--network", "none"]


def build_image():
    listed = subprocess.run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", *SOURCES,
                             "tests/packaging/Dockerfile"], cwd=ROOT, capture_output=True, check=True)
    names = b"\0".join(name for name in listed.stdout.split(b"\0") if name and (ROOT / name.decode()).exists())
    context = subprocess.run(["tar", "-c", "--null", "-T", "-"], input=names, cwd=ROOT, capture_output=True, check=True)
    built = subprocess.run(["docker", "build", "-t", IMAGE, "-f", "tests/packaging/Dockerfile", "-"], input=context.stdout,
                           stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=900)
    assert built.returncode == 0, built.stdout.decode()[-4000:]


class Host:
    def __init__(self):
        started = subprocess.run(["docker", "run", "--detach", *AS_A_HOST, IMAGE], capture_output=True, text=True, check=True)
        self.container = started.stdout.strip()
        self.wait_for("systemctl list-units --quiet systemd-logind.service >/dev/null")

    def close(self):
        subprocess.run(["docker", "rm", "--force", self.container], capture_output=True, check=True)

    def try_sh(self, command):
        return subprocess.run(["docker", "exec", self.container, "sh", "-c", command], capture_output=True, text=True, timeout=120)

    def sh(self, command):
        done = self.try_sh(command)
        assert done.returncode == 0, f"{command}: {done.returncode}\n{done.stdout}{done.stderr}"
        return done.stdout + done.stderr

    def wait_for(self, command, seconds=60):
        end = time.monotonic() + seconds
        while self.try_sh(command).returncode != 0:
            assert time.monotonic() < end, f"{command}: not within {seconds} s"
            time.sleep(0.2)

    def configure(self, **values):
        for name, value in values.items():
            self.sh(f"echo '{name}={value}' >>/etc/countersign/countersign.env")

    def start(self):
        self.configure(OAUTH1_PUBLIC_URL="https://auth.example.com", OAUTH1_TRUSTED_PROXIES="127.0.0.1")
        self.sh("countersign migrate up")
        self.sh("systemctl enable --now countersign-auth-service countersign-introspection-service countersign-janitor.timer")
        for port in (9090, 9091):
            self.wait_for(f"curl -fs http://127.0.0.1:{port}/readyz")

    def main_pid(self, service):
        return int(re.search(r"\d+", self.sh(f"systemctl show -p MainPID countersign-{service}"))[0])


@pytest.fixture(scope="session")
def image():
    build_image()


@pytest.fixture
def host(image):
    made = Host()
    try:
        yield made
    finally:
        made.close()
