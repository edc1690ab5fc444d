#!/usr/bin/python3
"""compare: what a site would run instead, on the same machine, the same Redis and MariaDB, with the same signed requests.

Every contestant gets unique signed requests of 1 000 tokens over 32 connections, and has two processes or event loops where it
has any; the load and the stores run beside it on the same cores. Contestants take turns, and the medians of the rounds are
compared. µs are CPU time (user and system) for each signed request: of the contestant, of Redis, of MariaDB. What it prints is
written to build/bench/compare.json too. COUNTERSIGN_BENCH_LONG=1 has more and longer rounds."""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("COUNTERSIGN_BENCH_BUILD", ROOT / "build/bench"))
HERE = Path(__file__).resolve().parent
os.environ["COUNTERSIGN_BIN"] = str(BUILD / "bin")
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tests/gateways")]

from batch import cpu_us  # noqa: E402
from introspect import prepare_tokens  # noqa: E402

from harness.fleet import Fleet, PASSWORD, Stores, good_calls  # noqa: E402
from harness.provider import free_port  # noqa: E402
from running import Nginx  # noqa: E402

LONG = os.environ.get("COUNTERSIGN_BENCH_LONG") == "1"
TOKENS, CONNECTIONS, PROCESSES, BATCH = 1000, 32, 2, 100
SECONDS, ROUNDS = (10, 5) if LONG else (3, 3)
START_SECONDS = 20
ORIGIN = "https://api.example.com"
DIRECT = {"direct": 1, "url": "http://api.example/photos?size=original"}
ANSWER = '{"active":true,"pad":"' + "x" * 228 + '"}'


def family_of(pid):
    """The process and all that it started."""
    children = [int(child) for task in Path(f"/proc/{pid}/task").iterdir() for child in (task / "children").read_text().split()]
    return [pid, *(member for child in children for member in family_of(child))]


def memory_kb(pid):
    """What nobody shares with it."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("Private_"))


class Contestant:
    """Processes that answer at a port. `others` are counted with it, but not started by it."""

    def __init__(self, name, port, process, others=(), requests=1, **options):
        self.name = name
        self.port = port
        self.process = process
        self.others = others
        self.requests = requests  # signed ones in each call
        self.options = options
        self.figures = []

    def family(self):
        roots = [self.process.pid, *(other.pid for other in self.others)]
        return [member for root in roots for member in family_of(root)]

    def run(self, credentials, stores, seconds):
        parts = {"own": self.family(), "redis": [stores.redis.process.pid], "database": [stores.database.process.pid]}
        before = {name: sum(map(cpu_us, pids)) for name, pids in parts.items()}
        first = good_calls(self.name, [self], credentials, seconds=seconds, connections=CONNECTIONS, **self.options)
        asked = first["active"] * self.requests
        figure = {name: (sum(map(cpu_us, pids)) - before[name]) / asked for name, pids in parts.items()}
        figure |= {"rate": asked / seconds, "p50": first["active_us"]["p50_us"], "p99": first["active_us"]["p99_us"]}
        figure["memory"] = sum(map(memory_kb, parts["own"]))
        return figure

    def median(self, name):
        return statistics.median(figure[name] for figure in self.figures)

    def summary(self):
        return {name: round(self.median(name), 1) for name in self.figures[0]}


def start(command, port, folder, **variables):
    """A process that must be the one which answers at the port."""
    assert not listens(port), f"port {port} is in use"
    log = (folder / f"{Path(command[0]).name}-{port}.log").open("wb")
    process = subprocess.Popen(
        ["setpriv", "--pdeathsig", "KILL", *map(str, command)], stdout=log, stderr=log, env={**os.environ, **variables})
    begin = time.monotonic()
    while not listens(port):
        late = time.monotonic() - begin > START_SECONDS
        assert process.poll() is None and not late, f"{command[0]} did not start:\n{Path(log.name).read_text()}"
        time.sleep(0.05)
    return process


def listens(port):
    needle = f"0100007F:{port:04X} 00000000:0000 0A"
    return any(needle in line for line in Path("/proc/net/tcp").read_text().splitlines())


NGINX = """
daemon off; worker_processes {processes}; pid {folder}/pid; error_log stderr; {user}
events {{ worker_connections 512; }}
http {{
  access_log off; keepalive_requests 100000000;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  {inside}
}}
"""
ANSWERING = "server {{ listen 127.0.0.1:{port}; location / {{ default_type application/json; return 200 '{answer}'; }} }}"
PASSING = """upstream api {{ server 127.0.0.1:{api}; keepalive 64; }}
  server {{ listen 127.0.0.1:{port}; location / {{ proxy_pass http://api; proxy_http_version 1.1; proxy_set_header Connection ""; }} }}"""


def start_nginx(folder, inside, port):
    folder.mkdir()
    user = "user root;" if os.geteuid() == 0 else ""
    (folder / "nginx.conf").write_text(NGINX.format(processes=PROCESSES, folder=folder, user=user, inside=inside))
    return start(["nginx", "-e", "stderr", "-c", folder / "nginx.conf", "-p", folder], port, folder)


class PlainNginx(Nginx):
    """The shipped configuration, but without TLS, which would cost more than all the rest."""

    def prepare(self, service, api):
        super().prepare(service, api)
        text = (self.directory / "api.conf").read_text()
        text = text.replace(f"listen 127.0.0.1:{self.port} ssl", f"listen 127.0.0.1:{self.port}")
        text = text.replace("server {\n    listen", "keepalive_requests 100000000;\nserver {\n    listen")
        self.write("api.conf", text)
        self.write("main.conf", self.main.read_text().replace("worker_processes 1", f"worker_processes {PROCESSES}"))


def start_gunicorn(folder, module, database, redis):
    port = free_port()
    variables = {
        "BENCH_DATABASE": database.database, "BENCH_USER": database.user, "BENCH_PASSWORD": database.password,
        "BENCH_SOCKET": str(database.socket), "BENCH_REDIS": redis.url, "AUTHLIB_INSECURE_TRANSPORT": "1",
    }
    command = ["gunicorn", "--bind", f"127.0.0.1:{port}", "--workers", PROCESSES, "--worker-class", "gthread", "--threads",
               CONNECTIONS // PROCESSES, "--keep-alive", "60", "--graceful-timeout", "1", "--chdir", HERE / "compare", "--log-level", "warning", module]
    return port, start(command, port, folder, **variables)


def copy_credentials(credentials, database):
    """The same clients and tokens as rows of the others' tables."""
    rows = [line.split("\t") for line in credentials.read_text().splitlines()]
    clients = {(row[0], row[1]) for row in rows}
    database.sql(
        "CREATE TABLE oauth_client (id INT AUTO_INCREMENT PRIMARY KEY, client_id VARCHAR(48) UNIQUE, client_secret VARCHAR(48));"
        "CREATE TABLE oauth_token (id INT AUTO_INCREMENT PRIMARY KEY, user_id INT, client_id VARCHAR(48),"
        " oauth_token VARCHAR(84) UNIQUE, oauth_token_secret VARCHAR(84));"
        + "".join(f"INSERT INTO oauth_client (client_id, client_secret) VALUES ('{c}', '{s}');" for c, s in clients)
        + "INSERT INTO oauth_token (user_id, client_id, oauth_token, oauth_token_secret) VALUES "
        + ",".join(f"(1, '{row[0]}', '{row[2]}', '{row[3]}')" for row in rows) + ";")


def prepare(fleet, folder):
    fleet.create_user("jane", PASSWORD)
    credentials = prepare_tokens(fleet, folder / "credentials", TOKENS)
    copy_credentials(credentials, fleet.stores.database)
    return credentials, fleet.create_resource_server()


def start_ours(fleet, key, api, folder):
    """One service, asked in three ways. Through nginx, what nginx needs counts too."""
    service = fleet.introspection.start()
    gateway = PlainNginx(folder / "gateway", service.port, api)
    gateway.start()
    return gateway, [
        Contestant("introspection-service", service.port, service.process, key=key),
        Contestant(f"introspection-service, {BATCH} a call", service.port, service.process, key=key, requests=BATCH, batch=BATCH),
        Contestant("nginx asking introspection-service", gateway.port, gateway.process, others=[service.process],
                   direct=1, url=f"{ORIGIN}/photos?size=original"),
    ]


def start_others(folder, stores, api):
    """Those that do nothing, and those that do the same."""
    floor, answering, passing = free_port(), free_port(), free_port()
    process = start([BUILD / "bench/introspect/floor", floor], floor, folder)
    yield Contestant("floor: evhttp, cJSON, 250 bytes", floor, process, key="")
    process = start_nginx(folder / "answering", ANSWERING.format(port=answering, answer=ANSWER), answering)
    yield Contestant("nginx: return 200", answering, process, key="")
    process = start_nginx(folder / "passing", PASSING.format(port=passing, api=api), passing)
    yield Contestant("nginx passing on to an API", passing, process, **DIRECT)
    for name, module in (("Authlib on Django", "authlib_django"), ("Authlib on Flask", "authlib_flask"),
                         ("oauthlib, cached credentials", "oauthlib_cached")):
        port, process = start_gunicorn(folder, f"{module}:application", stores.database, stores.redis)
        yield Contestant(name, port, process, **DIRECT)


def report(contestants):
    ours = next(c for c in contestants if c.name == "introspection-service")
    print(f"{'':36} {'requests/s':>10} {'ours ÷':>7} {'CPU µs':>8} {'÷ ours':>7} {'Redis':>6} {'MariaDB':>8} {'p50 ms':>7}"
          f" {'p99 ms':>7} {'MB':>6}")
    for c in contestants:
        f = c.summary()
        print(f"{c.name:36} {f['rate']:10.0f} {ours.median('rate') / f['rate']:7.2f} {f['own']:8.1f}"
              f" {f['own'] / ours.median('own'):7.2f} {f['redis']:6.1f} {f['database']:8.1f} {f['p50'] / 1000:7.2f}"
              f" {f['p99'] / 1000:7.2f} {f['memory'] / 1024:6.1f}")
    (BUILD / "compare.json").write_text(json.dumps({
        "seconds": SECONDS, "rounds": ROUNDS, "connections": CONNECTIONS, "tokens": TOKENS,
        "contestants": {c.name: c.summary() for c in contestants},
    }, indent=2) + "\n")


def run(folder):
    stores = Stores(folder).start()
    fleet = Fleet(folder / "fleet", stores, auths=1, introspections=1, OAUTH1_WORKERS=PROCESSES, OAUTH1_CACHE_TTL=300,
                  OAUTH1_LOG_LEVEL="info", OAUTH1_ORIGINS=f"{ORIGIN},http://api.example", OAUTH1_TRUSTED_PROXIES="127.0.0.1")
    contestants, ended, gateway = [], [], None
    try:
        fleet.migrate()
        credentials, key = prepare(fleet, folder)
        api = free_port()
        ended.append(start_nginx(folder / "api", ANSWERING.format(port=api, answer=ANSWER), api))
        for contestant in start_others(folder, stores, api):
            contestants.append(contestant)
            ended.append(contestant.process)
        gateway, ours = start_ours(fleet, key, api, folder)
        contestants[2:2] = ours
        for contestant in contestants:
            contestant.run(credentials, stores, 2)
        for _ in range(ROUNDS):
            for contestant in contestants:
                contestant.figures.append(contestant.run(credentials, stores, SECONDS))
        report(contestants)
    finally:
        for process in ended:
            process.terminate()
            process.wait(10)
        if gateway:
            gateway.stop()
        fleet.stop()
        stores.stop()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name:
        run(Path(name))
