"""docker-compose.yml as a newcomer would start it: from a clean copy of the tree, under a name and a port of its own."""

import json
import os
import re
import secrets
import shutil
import subprocess
from pathlib import Path

from harness.provider import ROOT, free_port

PREPARED = ("debian:trixie-slim", "mysql:9.7", "redis:8.0", "nginx:1.26")
SECRETS_IMAGE = "countersign/secrets:1"
BUILT = ("auth-service", "introspection-service")


def docker(*arguments, check=True, timeout=120, **options):
    done = subprocess.run(["docker", *map(str, arguments)], capture_output=True, text=True, timeout=timeout, **options)
    assert not check or done.returncode == 0, f"docker {arguments}: {done.stdout}\n{done.stderr}"
    return done


def copy_tree(target):
    """What a clone would hold, and what is about to be committed."""
    listing = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listing, cwd=ROOT, check=True, capture_output=True, text=True).stdout.split("\0")
    for name in filter(None, names):
        if (ROOT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, target / name)
    return target


class Stack:
    """One `docker compose` project. close() leaves nothing of it."""

    def __init__(self, directory, override=None):
        self.name = f"cstest{secrets.token_hex(4)}"
        self.tree = copy_tree(Path(directory) / "countersign")
        self.port = free_port()
        self.url = f"http://localhost:{self.port}"
        self.files = ["docker-compose.yml"]
        if override:
            (self.tree / "override.json").write_text(json.dumps(override))
            self.files.append("override.json")
        self.former_images = []
        own = ("OAUTH1_", "COMPOSE_", "COUNTERSIGN_")
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith(own)},
            "COUNTERSIGN_PORT": str(self.port),
            **{f"COUNTERSIGN_{name}_PORT": str(free_port()) for name in ("CADDY", "HAPROXY", "PROMETHEUS", "GRAFANA",
                                                                         "DELEGATED", "LOGIN")},
            "COUNTERSIGN_TAG": self.name,
            "COMPOSE_PROJECT_NAME": self.name,
            "COMPOSE_FILE": os.pathsep.join(self.files),
        }

    # ---- commands

    def compose(self, *arguments, check=True, timeout=300, **variables):
        done = subprocess.run(
            ["docker", "compose", *map(str, arguments)], cwd=self.tree,
            env={**self.environment, **{name: str(value) for name, value in variables.items()}},
            capture_output=True, text=True, timeout=timeout, stdin=subprocess.DEVNULL,
        )
        if check and done.returncode != 0:
            raise AssertionError(f"docker compose {arguments}: {done.stdout}\n{done.stderr}\n{self.state()}")
        return done

    def up(self, *arguments, **options):
        return self.compose("up", "-d", "--wait", *arguments, **options)

    def shell(self, line, timeout=120):
        """A line that a reader of the first page types in the tree's folder."""
        return subprocess.run(["sh", "-c", line], cwd=self.tree, env=self.environment, capture_output=True, text=True,
                              timeout=timeout, stdin=subprocess.DEVNULL)

    def command(self, *arguments):
        """auth-service's command, in a running replica; its JSON."""
        done = self.compose("exec", "-T", "auth-service", "auth-service", *arguments, "--format", "json")
        return json.loads(done.stdout)

    # ---- what there is

    def state(self):
        services = subprocess.run(["docker", "compose", "ps", "-a"], cwd=self.tree, env=self.environment,
                                  capture_output=True, text=True, timeout=60)
        logs = subprocess.run(["docker", "compose", "logs", "--tail", "8", "--no-color"], cwd=self.tree,
                              env=self.environment, capture_output=True, text=True, timeout=60)
        return services.stdout + logs.stdout

    def containers(self, service):
        return self.compose("ps", "-q", service).stdout.split()

    def rows(self, *services):
        """How `docker compose ps -a` shows the containers of services; those that are made already."""
        lines = self.compose("ps", "-a", "--format", "json").stdout.splitlines()
        return [row for row in map(json.loads, lines) if row["Service"] in services]

    def row(self, service):
        """Of a service that has one container."""
        (row,) = self.rows(service)
        return row

    def log(self, service):
        """What a service's one container printed, from its first start on."""
        done = docker("logs", *self.compose("ps", "-aq", service).stdout.split())
        return done.stdout + done.stderr

    def left(self):
        """What the engine still holds of this project."""
        of_ours = f"label=com.docker.compose.project={self.name}"
        rows = [("container", ["ps", "-aq"]), ("volume", ["volume", "ls", "-q"]), ("network", ["network", "ls", "-q"])]
        return {kind: found for kind, command in rows if (found := docker(*command, "--filter", of_ours).stdout.split())}

    def image(self, service):
        return f"countersign/{service}:{self.environment['COUNTERSIGN_TAG']}"

    def rename_images(self, tag):
        """Later commands build and start images of another tag."""
        self.former_images += map(self.image, BUILT)
        self.environment["COUNTERSIGN_TAG"] = tag

    def close(self):
        self.compose("--profile", "*", "down", "-v", "--remove-orphans", "--timeout", "1", check=False)
        for image in [*self.former_images, *map(self.image, BUILT)]:
            docker("image", "rm", "-f", image, check=False)
        docker("image", "rm", SECRETS_IMAGE, check=False)  # stays where another project uses it


def missing_engine():
    """Why nothing here can run; None if it can."""
    try:
        if docker("info", check=False, timeout=20).returncode != 0:
            return "no docker engine answers"
    except (FileNotFoundError, subprocess.TimeoutExpired):
        return "no docker engine answers"
    if docker("compose", "version", check=False).returncode != 0:
        return "docker has no compose plugin"
    absent = [image for image in PREPARED if docker("image", "inspect", image, check=False).returncode != 0]
    return f"no image {', '.join(absent)} here (docker pull)" if absent else None


def command_on_page(html, identifier):
    """The text of the page's <pre id=…>: what the reader is told to type."""
    found = re.search(rf'<pre[^>]* id="{identifier}">(.*?)</pre>', html, re.S)
    assert found, html
    return found.group(1).replace("&gt;", ">").replace("&amp;", "&")
