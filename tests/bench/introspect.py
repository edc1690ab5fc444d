#!/usr/bin/python3
"""introspect: the whole introspection call on Redis and MariaDB, side by side with the least that a server can do.

10 000 cached tokens, unique signed requests over 32 keep-alive connections, a server with one loop on one core, the load
and the stores on the other. µs are CPU time (user and system) of the server for each request. Servers take turns, and
the medians of the rounds are compared."""

import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("COUNTERSIGN_BENCH_BUILD", ROOT / "build/bench"))
os.environ["COUNTERSIGN_BIN"] = str(BUILD / "bin")
sys.path.insert(0, str(ROOT / "tests"))

from harness.fleet import Fleet, PASSWORD, Stores, good_calls  # noqa: E402
from harness.provider import free_port  # noqa: E402

TOKENS, CONNECTIONS, SECONDS, ROUNDS = 10000, 32, 4, 3
SERVER_CORE, LOAD_CORE = 0, 1
TICK_US = 1000000 / os.sysconf("SC_CLK_TCK")

NGINX = """
daemon off; worker_processes 1; pid {folder}/nginx.pid; error_log {folder}/error.log;
events {{ worker_connections 256; }}
http {{
  access_log off; keepalive_requests 100000000; client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  server {{ listen 127.0.0.1:{port}; location / {{ return 200 '{{"active":true,"pad":"{pad}"}}'; }} }}
}}
"""


class Server:
    """What is measured: a port, and the processes whose time counts."""

    def __init__(self, name, port, pids, process=None):
        self.name = name
        self.port = port
        self.pids = pids
        self.process = process
        self.figures = []

    def stop(self):
        """nginx's master ends its workers; killed, it would leave them."""
        if self.process:
            self.process.terminate()
            self.process.wait(10)

    def cpu_us(self):
        fields = [Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split() for pid in self.pids()]
        return sum(int(f[11]) + int(f[12]) for f in fields) * TICK_US

    def measure(self, credentials, key, seconds):
        before = self.cpu_us()
        first = good_calls(self.name, [self], credentials, key=key, seconds=seconds, connections=CONNECTIONS)
        used = self.cpu_us() - before
        return {"us": used / first["active"], "rate": first["active"] / seconds,
                "p50": first["active_us"]["p50_us"], "p99": first["active_us"]["p99_us"]}

    def median(self, name):
        return statistics.median(figure[name] for figure in self.figures)


def on_core(core):
    """For what is started from now on, by this process and by what it starts."""
    if os.cpu_count() >= 2:
        os.sched_setaffinity(0, {core})


def start(command, port):
    process = subprocess.Popen(["setpriv", "--pdeathsig", "KILL", *map(str, command)])
    begin = time.monotonic()
    while not listens(port):
        assert process.poll() is None and time.monotonic() - begin < 10, f"{command[0]} did not start"
        time.sleep(0.01)
    return process


def listens(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def start_floor():
    port = free_port()
    process = start([BUILD / "bench/introspect/floor", port], port)
    return Server("floor: evhttp, cJSON, 250 bytes", port, lambda: [process.pid], process)


def start_nginx(folder):
    port = free_port()
    (folder / "nginx.conf").write_text(NGINX.format(folder=folder, port=port, pad="x" * 228))
    process = start(["nginx", "-c", folder / "nginx.conf", "-p", folder], port)

    def workers():
        return map(int, Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split())

    return Server("nginx: return 200", port, lambda: list(workers()), process)


def prepare_tokens(fleet, path, count):
    """So many of one client and of jane, in a file for the load tool."""
    made = subprocess.run(
        [BUILD / "bench/introspect/fill", fleet.variables["OAUTH1_DATABASE_URL"], fleet.variables["OAUTH1_SECRETS_KEYS"],
         str(count)], capture_output=True, text=True, check=True)
    path.write_text(made.stdout)
    return path


def prepare(fleet, folder):
    fleet.create_user("jane", PASSWORD)
    return prepare_tokens(fleet, folder / "credentials", TOKENS), fleet.create_resource_server()


def report(servers):
    floor = servers[0]
    print(f"{'':32} {'CPU µs':>8} {'÷ floor':>8} {'requests/s':>11} {'÷ floor':>8} {'p50 µs':>7} {'p99 µs':>7} {'÷ floor':>8}")
    for server in servers:
        us, rate, p50, p99 = (server.median(name) for name in ("us", "rate", "p50", "p99"))
        print(f"{server.name:32} {us:8.1f} {us / floor.median('us'):8.2f} {rate:11.0f} {rate / floor.median('rate'):8.2f}"
              f" {p50:7.0f} {p99:7.0f} {p99 / floor.median('p99'):8.2f}")
    print("goals for introspection-service: CPU ÷ floor at most 1.20 (aim 0.80), requests/s ÷ floor at least 0.80 (aim"
          " 1.20),\n  p99 ÷ floor's at most 1.5 (aim 1.0), CPU ÷ nginx at most 3.0 (aim 2.0)")


def run(folder):
    on_core(LOAD_CORE)
    stores = Stores(folder).start()
    fleet = Fleet(folder / "fleet", stores, auths=1, introspections=1, OAUTH1_WORKERS=1, OAUTH1_CACHE_TTL=300,
                  OAUTH1_LOG_LEVEL="info")
    servers = []
    try:
        fleet.migrate()
        credentials, key = prepare(fleet, folder)
        on_core(SERVER_CORE)
        service = fleet.introspection.start()
        servers += [start_floor(), Server("introspection-service", service.port, lambda: [service.process.pid])]
        if shutil.which("nginx"):
            servers.append(start_nginx(folder))
        else:
            print("nginx is not installed, so it is not measured")
        on_core(LOAD_CORE)
        redis = Server("redis", 0, lambda: [stores.redis.process.pid])
        for server in servers:
            server.measure(credentials, key, SECONDS)
        for _ in range(ROUNDS):
            for server in servers:
                before = redis.cpu_us()
                server.figures.append(server.measure(credentials, key, SECONDS))
                if server.port == service.port:
                    figure = server.figures[-1]
                    redis.figures.append((redis.cpu_us() - before) / (figure["rate"] * SECONDS))
        report(servers)
        print(f"Redis for each introspection call: {statistics.median(redis.figures):.1f} µs")
    finally:
        for server in servers:
            server.stop()
        fleet.stop()
        stores.stop()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name:
        run(Path(name))
