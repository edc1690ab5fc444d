"""The two services as processes on this machine, with a database and ports of their own."""

import itertools
import json
import os
import random
import re
import signal
import socket
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import requests

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(os.environ.get("COUNTERSIGN_BIN", ROOT / "build/asan/bin"))
SANITIZER_WORDS = ("ERROR: AddressSanitizer", "ERROR: LeakSanitizer", "runtime error:", "WARNING: ThreadSanitizer")
ALL_METHODS = ",".join(re.findall(r'X\("([A-Z0-9-]+)"', (ROOT / "common/oauth/signature_method.h").read_text()))
READY_SECONDS = 20
PASSWORD = "correct horse battery staple"  # of every user that a test makes
API = "http://api.example"


PORTS_BEGIN, PORTS_OF_A_WORKER, WORKERS_APART = 12000, 5000, 4
WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % WORKERS_APART
PORT_NUMBERS = itertools.count(random.randrange(PORTS_OF_A_WORKER))


def free_port():
    """Below those that connections get from the kernel, and another each time: nobody takes it before it is used."""
    while True:
        port = PORTS_BEGIN + WORKER * PORTS_OF_A_WORKER + next(PORT_NUMBERS) % PORTS_OF_A_WORKER
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


def local(port):
    return f"127.0.0.1:{port}"


def clean_environment(variables):
    """This process's environment without any OAUTH1_ variable of its own, then those given.

    pytest's own variables stay out too: one holds the running test's name, and a name made of a large parameter
    is more than the kernel lets a program inherit. sudo's name a person, whom the audit log would name.
    """
    own = ("OAUTH1_", "AUTHLIB_", "PYTEST_", "SUDO_")
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(own)}
    return {**inherited, **{name: str(value) for name, value in variables.items()}}


LAUNCHED = {}  # "127.0.0.1:8080" -> the service that was last started there


class Service:
    """One process. Its log is a file, so that nothing blocks on a pipe that nobody reads."""

    def __init__(self, program, log, variables, port, ops_port):
        self.program = program
        self.name = program.name
        self.log = Path(log)
        self.variables = variables
        self.port = port
        self.ops_port = ops_port
        self.url = f"http://127.0.0.1:{port}"
        self.ops = f"http://127.0.0.1:{ops_port}"
        self.process = None
        self.ready_ms = None

    def start(self):
        self.launch()
        self.wait_until_ready()
        return self

    def launch(self):
        LAUNCHED.update({f"127.0.0.1:{port}": self for port in (self.port, self.ops_port)})
        LAUNCHED[self.variables.get("OAUTH1_ADMIN_LISTEN")] = self
        self.started = time.monotonic()
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", self.program, "serve"],  # never outlives the tests
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.log.parent,
                env=clean_environment(self.variables),
            )

    def wait_until_ready(self):
        while time.monotonic() - self.started < READY_SECONDS:
            if self.process.poll() is not None:
                raise AssertionError(f"{self.name} ended with {self.process.returncode}:\n{self.text()}")
            try:
                if requests.get(f"{self.ops}/readyz", timeout=2).status_code == 200:
                    self.ready_ms = (time.monotonic() - self.started) * 1000
                    return
            except requests.RequestException:
                pass
            time.sleep(0.005)
        raise AssertionError(f"{self.name} was not ready within {READY_SECONDS} s:\n{self.text()}")

    def wait_until_alive(self):
        """It answers, whatever it answers: a service that lost its nonces is not ready for some seconds."""
        while time.monotonic() - self.started < READY_SECONDS:
            assert self.running(), f"{self.name} ended with {self.process.returncode}:\n{self.text()}"
            try:
                if requests.get(f"{self.ops}/livez", timeout=2).status_code == 200:
                    return
            except requests.RequestException:
                pass
            time.sleep(0.005)
        raise AssertionError(f"{self.name} did not answer within {READY_SECONDS} s:\n{self.text()}")

    def running(self):
        return self.process is not None and self.process.poll() is None

    def stop(self):
        """SIGTERM; the process must end by itself, with 0, and without a word from a sanitizer."""
        if self.running():
            self.process.terminate()
            self.wait_for_end()

    def wait_for_end(self):
        try:
            self.process.wait(READY_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError(f"{self.name} did not stop:\n{self.text()}") from None
        self.assert_clean()

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def assert_clean(self):
        text = self.text()
        assert not any(word in text for word in SANITIZER_WORDS), text
        assert self.process.returncode == 0, f"{self.name} ended with {self.process.returncode}:\n{text}"

    def text(self):
        return self.log.read_text(errors="replace")


@dataclass
class Client:
    client_id: str
    client_secret: str = ""
    rsa_key: object = None


@dataclass
class Outcome:
    """What a command printed and how it ended."""

    code: int
    out: str
    err: str

    def json(self):
        assert self.out, self
        return json.loads(self.out)


class Provider:
    """auth-service and introspection-service, embedded: one SQLite file, each with its own memory."""

    def __init__(self, directory, bin=BIN, **variables):
        self.bin = bin
        self.directory = Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        public, admin = free_port(), free_port()
        self.resource_servers = 0
        self.url = f"http://127.0.0.1:{public}"
        self.admin_url = f"http://127.0.0.1:{admin}"
        self.database = self.directory / "oauth1.db"
        self.variables = {
            "OAUTH1_DEV": "true",
            "OAUTH1_PUBLIC_URL": self.url,
            "OAUTH1_DATABASE_URL": f"sqlite:{self.database}",
            "OAUTH1_SIGNATURE_METHODS": ALL_METHODS,
            "OAUTH1_INSECURE_TRANSPORT": "true",
            "OAUTH1_WORKERS": "2",
            "OAUTH1_SHUTDOWN_DELAY": "0",
            "OAUTH1_LOG_LEVEL": "debug",
            **variables,
        }
        self.variables = {name: value for name, value in self.variables.items() if value is not None}
        self.auth = self.new_auth(port=public, admin_port=admin)
        self.introspection = self.new_introspection()
        self.introspection_url = self.introspection.url
        self.services = (self.auth, self.introspection)

    def new_auth(self, suffix="", port=None, admin_port=None):
        return self.new_service("auth-service", suffix, port, OAUTH1_ADMIN_LISTEN=local(admin_port or free_port()))

    def new_introspection(self, suffix="", **variables):
        return self.new_service("introspection-service", suffix, **variables)

    def new_service(self, name, suffix, port=None, **variables):
        """A process with ports of its own, not started yet; `suffix` tells its log apart."""
        port, ops_port = port or free_port(), free_port()
        variables = {
            **self.variables, "OAUTH1_LISTEN": local(port), "OAUTH1_OPS_LISTEN": local(ops_port), **variables
        }
        return Service(self.bin / name, self.directory / f"{name}{suffix}.log", variables, port, ops_port)

    # ---- processes

    def start(self):
        for service in self.services:
            service.start()
        return self

    def stop(self):
        for service in reversed(self.services):
            service.stop()

    def kill(self):
        for service in self.services:
            service.kill()

    def logs(self):
        return "".join(service.text() for service in self.services if service.log.exists())

    # ---- commands

    def command(self, *arguments, stdin="", binary="auth-service", **variables):
        done = subprocess.run(
            [self.bin / binary, *map(str, arguments)],
            input=stdin,
            capture_output=True,
            text=True,
            timeout=300,  # far more than any needs, on a busy machine, too
            cwd=self.directory,
            env=clean_environment({**self.variables, **variables}),
        )
        outcome = Outcome(done.returncode, done.stdout, done.stderr)
        assert not any(word in done.stderr for word in SANITIZER_WORDS), done.stderr
        return outcome

    def expect(self, *arguments, **options):
        """A command that must succeed; its JSON. It only prepares something, so no leaks are searched for at its end, which takes
        as long as all the rest; `command` does."""
        outcome = self.command(*arguments, "--format", "json", ASAN_OPTIONS="detect_leaks=0", **options)
        assert outcome.code == 0, f"{arguments}: {outcome}"
        return outcome.json()

    def create_client(self, *options, name="Photo printer", callback="http://127.0.0.1/ready", rsa_key=None):
        if rsa_key is not None:
            options += ("--rsa-public-key", self.public_key_file(rsa_key))
        made = self.expect("client", "create", "--name", name, "--callback", callback, *options)
        return Client(made["client_id"], made.get("client_secret") or "", rsa_key)

    def write_file(self, name, text):
        path = self.directory / name
        path.write_text(text)
        return path

    def public_key_file(self, rsa_key):
        return self.write_file(f"{id(rsa_key):x}.pem", public_pem(rsa_key))

    def create_user(self, username, password):
        path = self.write_file(f"{username}.password", password + "\n")
        return self.expect("user", "create", "--username", username, "--password-file", path)

    def create_resource_server(self, *options, name=None):
        """Its key. Without a name: the first is "photos"; each live one has its name for itself."""
        if name is None:
            self.resource_servers += 1
            name = f"photos {self.resource_servers}" if self.resource_servers > 1 else "photos"
        return self.expect("resource-server", "create", "--name", name, *options)["key"]

    # ---- the introspection call

    def introspect(self, key, request, path="/v1/introspect", at=None, **members):
        """Asks about a signer.Request, as a resource server that received it would; `at` another URL than the first process's."""
        described = describe(request, **members)
        return requests.post(
            (at or self.introspection_url) + path, json=described, headers={"Authorization": f"Bearer {key}"}, timeout=10
        )


def public_pem(rsa_key):
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    return rsa_key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def describe(request, **members):
    described = {"method": request.method, "url": request.url}
    if request.authorization is not None:
        described["authorization"] = request.authorization
    if "Content-Type" in request.headers:
        described["content_type"] = request.headers["Content-Type"]
        described["body"] = (request.body or b"").decode()
    described.update(members)
    return {name: value for name, value in described.items() if value is not None}
