#!/usr/bin/python3
"""sidecar: introspection over a socket file beside TCP, for a resource server with the service on its own host.

One keep-alive connection, one call after the other, on Redis and MariaDB; the two services differ by OAUTH1_LISTEN alone. µs
are for each call: CPU time (user and system) of the service, and time on the clock as the caller sees it. The two take
turns, and the medians of the rounds are compared."""

import socket
import statistics
import tempfile
from pathlib import Path

from batch import Caller, measure
from grow import Site

from harness.provider import API, describe
from harness.signer import Signer

ROUNDS, CALLS = 5, 2000  # as many as batch.measure takes for a round


class SocketFileCaller(Caller):
    def __init__(self, path, key):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(str(path))
        self.key = key


def run(folder):
    site = Site(folder / "site")
    path, callers = folder / "introspection.sock", {}
    try:
        client = site.fleet.create_client("--two-legged")
        signer = Signer(client.client_id, client.client_secret, signature_method="HMAC-SHA256")
        services = {"TCP": site.service(), "socket file": site.service(OAUTH1_LISTEN=f"unix:{path}")}
        callers = {"TCP": Caller(services["TCP"].port, site.key), "socket file": SocketFileCaller(path, site.key)}
        figures = {name: [] for name in services}
        for round_number in range(ROUNDS + 1):
            for name, caller in callers.items():
                messages = [caller.message("/v1/introspect", describe(signer.sign("GET", API))) for _ in range(CALLS)]
                figure = measure(services[name], caller, messages)
                if round_number:  # the first warms up
                    figures[name].append(figure)
    finally:
        for caller in callers.values():
            caller.socket.close()
        site.stop()
    medians = {name: [statistics.median(column) for column in zip(*rows)] for name, rows in figures.items()}
    for number, what in enumerate(("CPU µs", "clock µs")):
        tcp, file = medians["TCP"][number], medians["socket file"][number]
        print(f"{what:10} {tcp:8.1f} {file:12.1f} {file / tcp:8.2f}")


if __name__ == "__main__":
    print(f"{'a call':10} {'TCP':>8} {'socket file':>12} {'÷ TCP':>8}")
    with tempfile.TemporaryDirectory() as name:
        run(Path(name))
