"""What other users of the machine can see of a process of ours while it runs: none of its secrets, and not its memory."""

import base64
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from harness.provider import BIN, clean_environment

NOBODY = 65534
CANARY = "canary-5309"
KEYS = "k:" + base64.b64encode(b"canary-key-of-thirty-two-bytes--").decode()
TOKEN = "canary:" + "0123456789abcdef" * 2
# As another user the binary may lie behind folders that he cannot enter: it is run by an open descriptor.
AS_NOBODY = "import os, sys; os.setgroups([]); os.setgid({0}); os.setuid({0}); os.execve(int(sys.argv[1]), sys.argv[2:], os.environ)"


@pytest.fixture
def silent():
    """A port on which everybody waits for an answer."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener


@pytest.fixture
def running(silent, tmp_path):
    """Starts a command that then waits for the silent port."""
    started = []

    def start(binary, *words):
        port = silent.getsockname()[1]
        words = [binary, *(word.replace("PORT", str(port)) for word in words)]
        fd = os.open(BIN / binary, os.O_RDONLY)
        root = os.geteuid() == 0
        program = [sys.executable, "-c", AS_NOBODY.format(NOBODY), str(fd)] if root else []
        process = subprocess.Popen([*program, *words], executable=None if root else BIN / binary, pass_fds=[fd], cwd="/",
                                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                                   env=clean_environment({}))
        os.close(fd)
        started.append(process)
        silent.settimeout(10)
        connection = silent.accept()[0]
        started.append(connection)
        return process

    yield start
    for one in reversed(started):
        one.kill() if isinstance(one, subprocess.Popen) else one.close()
    for one in started:
        if isinstance(one, subprocess.Popen):
            one.communicate()


def words_of(process):
    return Path(f"/proc/{process.pid}/cmdline").read_bytes().decode().rstrip("\0").split("\0")


@pytest.mark.parametrize("binary", ["auth-service", "introspection-service"])
def test_no_secret_of_the_configuration_stays_in_the_command_line(running, binary):
    in_urls = {
        "--database-url": f"mysql://me:{CANARY}@127.0.0.1/d",
        "--database-read-url": f"mysql://me:{CANARY}@127.0.0.1/d",
        "--redis-url": f"redis+sentinel://me:{CANARY}@127.0.0.1:1/name?sentinel_password={CANARY}",
    }
    apart = {"--database-url": "mysql://me@127.0.0.1/d", "--database-password": CANARY,
             "--redis-url": "redis://127.0.0.1", "--redis-password": CANARY}
    more = {"--secrets-keys": KEYS}
    if binary == "auth-service":
        more.update({"--admin-token": TOKEN, "--login-token": TOKEN})
    joined = [f"{name}={value}" for name, value in {**in_urls, **more}.items()]
    single = [word for pair in {**apart, **more}.items() for word in pair]
    for words in (joined, single):
        process = running(binary, "healthcheck", "--dev", "--ops-listen", "127.0.0.1:PORT", *words)
        shown = words_of(process)
        assert "--dev" in shown and "mysql://me" in " ".join(shown)
        assert CANARY not in " ".join(shown) and KEYS not in " ".join(shown) and TOKEN not in " ".join(shown)


def test_no_secret_of_a_command_stays_in_the_command_line(running):
    process = running("auth-service", "perform", "three-legged", "--url", "http://127.0.0.1:PORT", "--client", "printer",
                      "--client-secret", CANARY, f"--key={CANARY}", "--introspect", "http://127.0.0.1:PORT", "--api-url",
                      "http://api.example/", "--username", "jane", "--password-file", "/dev/null")
    shown = words_of(process)
    assert "printer" in shown and CANARY not in " ".join(shown)


@pytest.mark.parametrize("binary", ["auth-service", "introspection-service"])
def test_its_memory_is_nobody_elses_business(running, binary):
    """A process that may be traced, or leaves a core dump, has its user as the owner of its files in /proc."""
    process = running(binary, "healthcheck", "--dev", "--ops-listen", "127.0.0.1:PORT")
    own = NOBODY if os.geteuid() == 0 else os.geteuid()
    status = Path(f"/proc/{process.pid}/status").read_text()
    assert f"Uid:\t{own}\t" in status
    begin = time.monotonic()
    while os.stat(f"/proc/{process.pid}/environ").st_uid == own and time.monotonic() - begin < 1:
        time.sleep(0.01)
    assert os.stat(f"/proc/{process.pid}/environ").st_uid == 0
