"""A container that cannot serve stops, shows as exited, and says why in one line."""

import json
import re
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest
import requests

from harness.compose import docker
from wrong_starts import BROKEN

SAYS = {
    "broken-secret": ("OAUTH1_SECRETS_KEYS_FILE", "not-there"),
    "broken-password": ("denied", "OAUTH1_DATABASE"),
    "broken-schema": ("migrate up",),
    "broken-port": ("6379", "already in use"),
}


@pytest.fixture(scope="module")
def broken(stack):
    """All of them at once; each is tried again a few times before it stays down. What compose said of it, and how it showed
    them meanwhile."""
    root = 'MYSQL_PWD="$(cat /run/secrets/mysql/root-password)" mysql -uroot -e'
    make = "CREATE DATABASE IF NOT EXISTS countersign_old; GRANT ALL ON countersign_old.* TO countersign"
    stack.compose("exec", "-T", "mysql", "sh", "-c", f'{root} "{make}"')
    shown = {name: set() for name in BROKEN}
    with ThreadPoolExecutor(1) as pool:
        up = pool.submit(stack.compose, "--profile", "broken", "up", "-d", "--wait", "--no-deps", *BROKEN, check=False)
        deadline = time.monotonic() + 90
        while time.monotonic() < deadline and not (up.done() and all(row["State"] == "exited" for row in stack.rows(*BROKEN))):
            for row in stack.rows(*BROKEN):
                shown[row["Service"]].add((row["State"], row["Health"]))
            time.sleep(0.2)
        begun = up.result()
    yield SimpleNamespace(stack=stack, begun=begun, shown=shown)
    stack.compose("--profile", "broken", "rm", "-sf", *BROKEN)


def told(line):
    """A line of the log without its time, and without how MySQL names the peer (it resolves its address now and then):
    another try says the same."""
    line = re.sub(r"@'[^']*'", "", line)
    return {**json.loads(line), "time": ""} if line.startswith("{") else {"level": "error", "text": line}


@pytest.mark.parametrize("name", BROKEN)
def test_a_wrong_start_ends_with_one_clear_line(broken, name):
    row = broken.stack.row(name)
    assert row["State"] == "exited" and row["ExitCode"] != 0, broken.stack.state()
    log = broken.stack.log(name)
    heading = "the configuration is not usable:"  # all problems of a configuration follow it, here the one
    errors = [line for line in log.splitlines() if told(line)["level"] == "error" and not line.endswith(heading)]
    assert all(word in errors[-1] for word in SAYS[name]), log
    assert all(told(line) == told(errors[0]) for line in errors), log


def test_compose_says_that_it_did_not_start(broken):
    assert broken.begun.returncode != 0
    assert re.search(r"container \S*broken-\S+ (exited|is unhealthy)", broken.begun.stderr), broken.begun.stderr


@pytest.mark.parametrize("name", BROKEN)
def test_compose_never_shows_a_wrong_start_as_well(broken, name):
    assert broken.shown[name] and not any(health == "healthy" for _, health in broken.shown[name])
    running = broken.stack.compose("ps", "--status", "running", "--services").stdout.split()
    assert "redis" in running and name not in running


def test_a_port_that_is_taken_on_the_machine_is_named_and_another_one_can_be_taken(stack):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        start = ["up", "-d", "--wait", "--no-deps", "nginx"]
        done = stack.compose(*start, check=False, COUNTERSIGN_PORT=port)
        try:
            assert done.returncode != 0 and stack.row("nginx")["State"] == "created", stack.state()
            (line,) = [line for line in done.stderr.splitlines() if f":{port}" in line]
            assert "address already in use" in line
        finally:
            stack.compose(*start)
    assert requests.get(stack.url, timeout=20).status_code == 200


def test_a_lost_secret_is_not_made_anew(stack, tmp_path):
    """A new sealing key would open nothing that the old one sealed."""
    run = ["run", "--rm", "-u", "0", "--network", "none", "--entrypoint", "sh"]
    mounts = ["-v", f"{stack.tree}/docker/compose/secrets.sh:/secrets.sh:ro"]
    script = ("mkdir -p /secrets/services /secrets/mysql /secrets/admin /secrets/redis /secrets/demo && /secrets.sh && "
              "rm /secrets/services/sealing-keys && /secrets.sh")
    done = docker(*run, *mounts, stack.image("auth-service"), "-c", script, check=False)
    assert done.returncode == 1 and done.stdout == "secrets: made\n"
    assert "services/sealing-keys" in done.stderr and done.stderr.count("\n") == 1, done.stderr
