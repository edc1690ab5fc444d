"""Starts the examples, each with what runs it in production or comes closest to that."""

import ctypes
import json
import os
import shutil
import signal
import socket
import subprocess
import time
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest

from harness.provider import ROOT, clean_environment, free_port

DOCS = ROOT / "docs/examples"
PYTHON = "/usr/bin/python3"
START_SECONDS = 40
PR_SET_PDEATHSIG = 1
libc = ctypes.CDLL(None)


def die_with_parent():
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


@dataclass
class Running:
    name: str
    origin: str
    port: int
    log: object
    keeps_connections: bool
    may_refuse: tuple
    reads_on: bool

    def text(self):
        return self.log.read_text(errors="replace")


@dataclass
class Example:
    name: str
    command: list  # {port}, {folder}: the copy of the example that runs
    tools: list = field(default_factory=list)
    prepare: object = None  # called with the folder and the environment
    environment: dict = field(default_factory=dict)
    prepared: object = None  # a folder where that was done
    keeps_connections: bool = True
    # Targets that the example's own HTTP server lets not through (Node.js: since version 20), whatever the example does.
    may_refuse: tuple = ()
    # What nobody read of a body it reads itself before it closes a connection; gunicorn and Node reset it.
    reads_on: bool = False

    def skip_if_missing(self):
        missing = [tool for tool in self.tools if shutil.which(tool) is None]
        if missing:
            pytest.skip(f"{self.name}: NOT RUN, this machine has no {', '.join(missing)}")

    @contextmanager
    def started(self, folder, introspection_url, key_for, timeout="10"):
        """The example at work, from a copy of its folder; key_for(origin) makes its key."""
        shutil.copytree(self.prepared or DOCS / self.name, folder, symlinks=True, dirs_exist_ok=True)
        port = free_port()
        origin = f"http://127.0.0.1:{port}"
        variables = {"PORT": port, "ORIGIN": origin, "INTROSPECTION_URL": introspection_url,
                     "INTROSPECTION_KEY": key_for(origin), "INTROSPECTION_TIMEOUT": timeout,
                     "PYTHONPATH": DOCS / "python", "PYTHONDONTWRITEBYTECODE": "1", "HOME": folder}
        variables.update({name: value.format(folder=folder) for name, value in self.environment.items()})
        environment = clean_environment(variables)
        if self.prepare and not self.prepared:
            self.prepare(folder, environment)
            self.prepared = folder
        log = folder / "service.log"
        command = [word.format(port=port, folder=folder) for word in self.command]
        with log.open("wb") as out:
            process = subprocess.Popen(command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=out,
                                       stderr=out, preexec_fn=die_with_parent)
        try:
            wait_for_port(port, process, log)
            yield Running(self.name, origin, port, log, self.keeps_connections, self.may_refuse,
                          self.reads_on)
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def wait_for_port(port, process, log):
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.02)
    raise AssertionError(f"it did not listen:\n{log.read_text(errors='replace')}")


def run(command, folder, environment):
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"


# ---- what each needs before it starts


def make_django_database(folder, environment):
    """As its README says."""
    run([PYTHON, "demo.py", "migrate"], folder, environment)
    run([PYTHON, "demo.py", "createsuperuser", "--noinput", "--username", "jane", "--email", "jane@example.com"], folder, environment)


def install_express(folder, environment):
    """Once for a worker of pytest; node looks for packages in the folders above, too."""
    name = json.loads((folder / "package.json").read_text())["name"]
    store = ROOT / "build" / f"{name}-{os.environ.get('PYTEST_XDIST_WORKER', 'single')}"
    store.mkdir(parents=True, exist_ok=True)
    lock = (folder / "package-lock.json").read_bytes()
    if not (store / "installed").is_file() or (store / "installed").read_bytes() != lock:
        for name in ("package.json", "package-lock.json"):
            shutil.copy(folder / name, store / name)
        run(["npm", "ci", "--no-audit", "--no-fund", "--loglevel=error"], store, dict(os.environ))
        (store / "installed").write_bytes(lock)
    (folder / "node_modules").symlink_to(store / "node_modules")


def build_go(folder, environment):
    environment.update({"GOCACHE": str(ROOT / "build/go-cache"), "GOFLAGS": "-mod=mod", "GOPROXY": "off"})
    assert subprocess.run(["gofmt", "-l", "."], cwd=folder, capture_output=True, check=True).stdout == b""
    run(["go", "vet", "./..."], folder, environment)
    run(["go", "build", "-o", "demo", "."], folder, environment)


def build_java(folder, environment):
    run(["javac", "-Xlint:all", "-Werror", *sorted(path.name for path in folder.glob("*.java"))], folder, environment)


GUNICORN = [PYTHON, "-m", "gunicorn", "--bind", "127.0.0.1:{port}", "--threads", "4"]
# Sites whose login pages browsers are sent to; the rest of their environment is the test's.
LOGIN_SITES = [
    Example("login-flask", [*GUNICORN, "demo:app"]),
    Example("login-express", ["node", "demo.js"], prepare=install_express),
]
URI_TAKES_NO = ("braces", "pipe")

EXAMPLES = [
    Example("django", [*GUNICORN, "demo:application"], prepare=make_django_database,
            environment={"DJANGO_DATABASE": "{folder}/django.db"}),
    Example("flask", [*GUNICORN, "demo:app"]),
    Example("express", ["node", "demo.js"], prepare=install_express, may_refuse=("utf-8",)),
    Example("php", ["php", "-S", "127.0.0.1:{port}", "demo.php"], keeps_connections=False, may_refuse=("utf-8",)),
    Example("go", ["{folder}/demo"], tools=["go", "gofmt"], prepare=build_go),
    Example("java", ["java", "-Xmx128m", "Demo"], tools=["javac", "java"], prepare=build_java, reads_on=True,
            may_refuse=URI_TAKES_NO),
]
