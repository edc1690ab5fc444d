"""A container that cannot serve stops, shows as exited, and says why in one line."""

import json
import re
import time

import pytest

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
    """All of them at once; each is tried again a few times before it stays down."""
    root = 'MYSQL_PWD="$(cat /run/secrets/mysql/root-password)" mysql -uroot -e'
    make = "CREATE DATABASE IF NOT EXISTS countersign_old; GRANT ALL ON countersign_old.* TO countersign"
    stack.compose("exec", "-T", "mysql", "sh", "-c", f'{root} "{make}"')
    stack.compose("--profile", "broken", "up", "-d", "--no-deps", *BROKEN)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and any(stack.row(name)["State"] != "exited" for name in BROKEN):
        time.sleep(0.5)
    yield stack
    stack.compose("--profile", "broken", "rm", "-sf", *BROKEN)


def told(line):
    """A line of the log without its time, and without how MySQL names the peer (it resolves its address now and then):
    another try says the same."""
    line = re.sub(r"@'[^']*'", "", line)
    return {**json.loads(line), "time": ""} if line.startswith("{") else {"level": "error", "text": line}


@pytest.mark.parametrize("name", BROKEN)
def test_a_wrong_start_ends_with_one_clear_line(broken, name):
    row = broken.row(name)
    assert row["State"] == "exited" and row["ExitCode"] != 0, broken.state()
    log = broken.log(name)
    heading = "the configuration is not usable:"  # all problems of a configuration follow it, here the one
    errors = [line for line in log.splitlines() if told(line)["level"] == "error" and not line.endswith(heading)]
    assert all(word in errors[-1] for word in SAYS[name]), log
    assert all(told(line) == told(errors[0]) for line in errors), log


def test_a_lost_secret_is_not_made_anew(stack, tmp_path):
    """A new sealing key would open nothing that the old one sealed."""
    run = ["run", "--rm", "-u", "0", "--network", "none", "--entrypoint", "sh"]
    mounts = ["-v", f"{stack.tree}/docker/compose/secrets.sh:/secrets.sh:ro"]
    script = ("mkdir -p /secrets/services /secrets/mysql /secrets/redis /secrets/demo && /secrets.sh && "
              "rm /secrets/services/sealing-keys && /secrets.sh")
    done = docker(*run, *mounts, stack.image("auth-service"), "-c", script, check=False)
    assert done.returncode == 1 and done.stdout == "secrets: made\n"
    assert "services/sealing-keys" in done.stderr and done.stderr.count("\n") == 1, done.stderr
