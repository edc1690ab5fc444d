#!/usr/bin/python3
"""batch: a hundred requests in one call of /v1/introspect/batch beside a hundred calls of /v1/introspect.

Both over one keep-alive connection to an introspection-service with one loop, nonces in memory and in Redis. µs are for
each of the hundred requests: CPU time (user and system) of the service, and time on the clock as the caller sees it. The
two take turns, and the medians of the rounds are compared."""

import json
import os
import socket
import statistics
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("COUNTERSIGN_BENCH_BUILD", ROOT / "build/bench"))
os.environ["COUNTERSIGN_BIN"] = str(BUILD / "bin")
sys.path.insert(0, str(ROOT / "tests"))

from harness.provider import Provider, describe  # noqa: E402
from harness.signer import Signer  # noqa: E402
from harness.stores import Redis  # noqa: E402

REQUESTS, CALLS, ROUNDS = 100, 20, 5


class Caller:
    """One connection, in the least code, so that the caller's own time is small beside the service's."""

    def __init__(self, port, key):
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.key = key

    def message(self, path, content):
        body = json.dumps(content).encode()
        return (f"POST {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {self.key}\r\n"
                f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n").encode() + body

    def send(self, message):
        self.socket.sendall(message)
        received = b""
        while b"\r\n\r\n" not in received:
            received += self.socket.recv(1 << 20)
        head, _, body = received.partition(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
        parts, have = [body], len(body)
        while have < length:
            parts.append(self.socket.recv(1 << 20))
            have += len(parts[-1])
        assert head.startswith(b"HTTP/1.1 200"), head
        return b"".join(parts)


def cpu_us(pid):
    """Of all its threads; finer than the ticks of /proc/PID/stat."""
    tasks = Path(f"/proc/{pid}/task").glob("*/schedstat")
    return sum(int(task.read_text().split()[0]) for task in tasks) / 1000


def measure(service, caller, messages):
    """CPU and clock µs for each request; every one must be found good."""
    before, begin = cpu_us(service.process.pid), time.perf_counter()
    answers = [caller.send(message) for message in messages]
    clock = (time.perf_counter() - begin) * 1e6
    used = cpu_us(service.process.pid) - before
    count = CALLS * REQUESTS
    assert sum(answer.count(b'"active":true') for answer in answers) == count
    return used / count, clock / count


def run(folder, name, **variables):
    provider = Provider(folder / name, OAUTH1_WORKERS="1", OAUTH1_LOG_LEVEL="info", **variables)
    client = provider.create_client("--two-legged")
    signer = Signer(client.client_id, client.client_secret, signature_method="HMAC-SHA256")
    caller = None
    service = provider.introspection.start()
    try:
        caller = Caller(service.port, provider.create_resource_server())
        figures = {"single": [], "batch": []}
        for round_number in range(ROUNDS + 1):
            for kind, rows in figures.items():
                described = [[describe(signer.sign("GET", "https://api.example/photos?size=original"))
                              for _ in range(REQUESTS)] for _ in range(CALLS)]
                if kind == "batch":
                    messages = [caller.message("/v1/introspect/batch", {"requests": hundred}) for hundred in described]
                else:
                    messages = [caller.message("/v1/introspect", one) for hundred in described for one in hundred]
                figure = measure(service, caller, messages)
                if round_number:  # the first warms up
                    rows.append(figure)
    finally:
        if caller:
            caller.socket.close()
        service.stop()
    medians = {kind: [statistics.median(column) for column in zip(*rows)] for kind, rows in figures.items()}
    (cpu, clock), (batch_cpu, batch_clock) = medians["single"], medians["batch"]
    print(f"{name:8} {cpu:12.1f} {batch_cpu:12.1f} {cpu / batch_cpu:8.1f} {clock:12.1f} {batch_clock:12.1f} "
          f"{clock / batch_clock:8.1f}")


if __name__ == "__main__":
    print(f"{'nonces':8} {'CPU: single':>12} {'batch':>12} {'ratio':>8} {'clock: single':>13} {'batch':>11} {'ratio':>8}")
    with tempfile.TemporaryDirectory() as name:
        run(Path(name), "memory")
        redis = Redis(Path(name) / "redis-server").start()
        try:
            run(Path(name), "redis", OAUTH1_REDIS_URL=redis.url)
        finally:
            redis.stop()
