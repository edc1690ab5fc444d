"""Bodies that nobody finishes: the route, its size and the caller are judged at the head, so strangers' bodies are not
taken where a key is asked for, all bodies of a process share a bounded memory, and it is given back."""

import os
import re
import resource
import selectors
import socket
import time
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from harness.provider import ROOT, Provider

RELEASE = Path(os.environ.get("COUNTERSIGN_RELEASE_BIN", ROOT / "build/bin"))
MANIFEST = {name: ROOT / f"kubernetes/base/{name}.yaml" for name in ("auth-service", "introspection-service")}
GIVEN_BACK_MB = 16  # above what a fresh service takes, once the bodies are gone
SETTLE_SECONDS = 20
FORM = "Content-Type: application/x-www-form-urlencoded"
HALVES = {"4MB": (400, 4 << 20), "64KB": (2000, 64 << 10)}


def limit_mb(service):
    """What the manifest lets the container have."""
    limits = MANIFEST[service.name].read_text().partition("limits:")[2]
    return int(re.search(r"memory: (\d+)Mi", limits)[1])


def memory_mb(service):
    # setpriv became the service: it is the same process
    status = Path(f"/proc/{service.process.pid}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+) kB", status)[1]) / 1024


class Halves:
    """Connections that each announced a body of `size` and send the first half of it."""

    def __init__(self, service, path, count, size, headers=(), type="application/x-www-form-urlencoded"):
        self.service = service
        self.peak_mb = 0
        self.sent = 0
        self.answers = {}
        self.selector = selectors.DefaultSelector()
        target = urlsplit(service.url)
        lines = [f"POST {path} HTTP/1.1", f"Host: {target.netloc}", f"Content-Type: {type}", f"Content-Length: {size}"]
        head = "\r\n".join([*lines, *headers, "", ""]).encode()
        half = memoryview(head + b"x" * (size // 2))
        for _ in range(count):
            one = socket.create_connection((target.hostname, target.port), timeout=5)
            one.setblocking(False)
            self.answers[one] = b""
            self.selector.register(one, selectors.EVENT_READ | selectors.EVENT_WRITE, half)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.selector.close()
        for one in self.answers:
            one.close()

    def forget(self, one):
        self.selector.unregister(one)

    def take(self, one):
        try:
            piece = one.recv(65536)
        except (ConnectionResetError, BrokenPipeError):
            piece = b""
        self.answers[one] += piece
        if not piece:
            self.forget(one)
        return bool(piece)

    def give(self, one, rest):
        try:
            count = one.send(rest[: 1 << 18])
        except BlockingIOError:
            return
        except (ConnectionResetError, BrokenPipeError):
            self.take(one)
            return
        self.sent += count
        events = selectors.EVENT_READ | (selectors.EVENT_WRITE if len(rest) > count else 0)
        self.selector.modify(one, events, rest[count:])

    def send(self, seconds=6):
        """Until every half is there, was refused, or is not taken; the most memory that the service had meanwhile."""
        end = time.monotonic() + seconds
        sample = 0
        while time.monotonic() < end and any(k.events & selectors.EVENT_WRITE for k in self.selector.get_map().values()):
            for key, events in self.selector.select(0.2):
                if events & selectors.EVENT_READ and not self.take(key.fileobj):
                    continue
                if events & selectors.EVENT_WRITE:
                    self.give(key.fileobj, key.data)
            if time.monotonic() > sample:
                self.peak_mb = max(self.peak_mb, memory_mb(self.service))
                sample = time.monotonic() + 0.05
        self.peak_mb = max(self.peak_mb, memory_mb(self.service))

    def listen(self, seconds=4):
        """Until every one was answered or closed, or a while has passed."""
        end = time.monotonic() + seconds
        while time.monotonic() < end and self.selector.get_map() and not all(self.answers.values()):
            for key, events in self.selector.select(0.2):
                if events & selectors.EVENT_READ:
                    self.take(key.fileobj)
        self.peak_mb = max(self.peak_mb, memory_mb(self.service))

    def statuses(self):
        counts = {}
        for answer in self.answers.values():
            code = answer[9:12].decode() or "none"
            counts[code] = counts.get(code, 0) + 1
        return counts


def settle(service, base_mb):
    """The memory once it was given back, or after a while."""
    end = time.monotonic() + SETTLE_SECONDS
    while memory_mb(service) > base_mb + GIVEN_BACK_MB and time.monotonic() < end:
        time.sleep(0.2)
    return memory_mb(service)


@pytest.fixture(scope="module")
def release(tmp_path_factory):
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    made = Provider(tmp_path_factory.mktemp("bodies"), bin=RELEASE, OAUTH1_LOG_LEVEL="warn",
                    OAUTH1_RATE_LIMIT_ADDRESS="0")
    made.start()
    for service in made.services:
        service.fresh_mb = memory_mb(service)
    yield made
    made.stop()


ANYBODY = [
    ("introspection-service", "/nowhere"),
    ("introspection-service", "/v1/introspect"),
    ("introspection-service", "/v1/introspect/batch"),
    ("introspection-service", "/verify/ext-authz/x"),
    ("auth-service", "/nowhere"),
    ("auth-service", "/oauth/initiate"),
    ("auth-service", "/login"),
]
TAKEN = ("/oauth/initiate", "/login")  # what they ask for is in the body


@pytest.mark.parametrize("size", HALVES)
@pytest.mark.parametrize("name, path", ANYBODY)
def test_half_sent_bodies_of_anybody_stay_within_the_manifests_memory(release, name, path, size):
    service = release.auth if name == "auth-service" else release.introspection
    answers = check_memory(service, path, size)
    if path not in TAKEN:  # every one is refused at its head; a reply may be lost where the client still sends
        assert set(answers) <= {"401", "403", "404", "413", "none"} and answers.get("none", 0) < 400, answers


@pytest.mark.parametrize("size", HALVES)
@pytest.mark.parametrize("path", ["/v1/introspect", "/v1/introspect/batch"])
def test_half_sent_bodies_of_a_caller_with_a_key_stay_within_the_manifests_memory(release, path, size):
    key = release.create_resource_server(name=f"flood {path} {size}")
    check_memory(release.introspection, path, size, (f"Authorization: Bearer {key}",), "application/json")


def check_memory(service, path, size, headers=(), type="application/x-www-form-urlencoded"):
    count, length = HALVES[size]
    base_mb = service.fresh_mb
    with Halves(service, path, count, length, headers, type) as halves:
        halves.send()
        halves.listen()
        answers = halves.statuses()
    after_mb = settle(service, base_mb)
    print(f"\n{service.name} {path}: {count} halves of {size}: {base_mb:.0f} MB before, {halves.peak_mb:.0f} MB at most, "
          f"{after_mb:.0f} MB afterwards, {halves.sent >> 20} MB sent, answers {answers}")
    assert halves.peak_mb < limit_mb(service)
    assert after_mb < base_mb + GIVEN_BACK_MB
    return answers


def in_two_pieces(service, path, body, headers=()):
    """A POST whose body comes after its head, as most clients send it; the status."""
    target = urlsplit(service.url)
    lines = [f"POST {path} HTTP/1.1", f"Host: {target.netloc}", f"Content-Length: {len(body)}", "Connection: close"]
    with socket.create_connection((target.hostname, target.port), timeout=10) as one:
        one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        one.sendall("\r\n".join([*lines, *headers, "", ""]).encode())
        time.sleep(0.02)
        one.sendall(body)
        answer = b""
        while piece := one.recv(65536):
            answer += piece
    return int(answer[9:12])


@pytest.mark.parametrize("path", ["/login", "/v1/introspect"])
def test_others_are_served_while_strangers_bodies_hang(release, path):
    """2 000 halves are there; a login and a call with a key go through all the same."""
    key = release.create_resource_server(name=f"served beside {path}")
    call = b'{"method": "GET", "url": "http://api.example/"}'
    headers = (f"Authorization: Bearer {key}", "Content-Type: application/json")
    with Halves(release.auth if path == "/login" else release.introspection, path, 2000, 64 << 10) as halves:
        halves.send()
        for _ in range(10):
            assert in_two_pieces(release.introspection, "/v1/introspect", call, headers) == 200
            assert in_two_pieces(release.auth, "/login", b"username=nobody&password=x", (FORM,)) in (400, 401, 403)


def test_a_whole_batch_of_the_largest_size_is_still_taken(release):
    key = release.create_resource_server(name="large batch")
    headers = (f"Authorization: Bearer {key}", "Content-Type: application/json")
    call = b'{"requests": [{"method": "GET", "url": "http://api.example/"}]'
    body = call + b" " * ((4 << 20) - len(call) - 1) + b"}"
    assert in_two_pieces(release.introspection, "/v1/introspect/batch", body, headers) == 200
    assert in_two_pieces(release.introspection, "/v1/introspect/batch", body + b" ", headers) == 413
