"""/metrics of both services, on the embedded stores and on MariaDB and Redis: each name moves with what happened, and no
label names anybody."""

import re
import sqlite3
import subprocess
import threading
import time
from contextlib import contextmanager

import pytest
import requests
import yaml
from harness.fleet import new_fleet
from harness.flow import Flow, send
from harness.provider import PASSWORD, ROOT, Provider, describe
from test_gateway import ask

pytestmark = pytest.mark.xdist_group("metrics")
POOL = 3
AHEAD_SECONDS = 7  # of the services' clock before everybody else's
ORIGIN = "https://api.example"
VARIABLES = {
    "OAUTH1_DATABASE_POOL": POOL, "OAUTH1_CACHE_TTL": 300, "OAUTH1_CLOCK_OFFSET": AHEAD_SECONDS,
    "OAUTH1_ORIGINS": ORIGIN, "OAUTH1_TRUSTED_PROXIES": "127.0.0.1",
    "OAUTH1_RATE_LIMIT_LOGIN_ACCOUNT": 100000, "OAUTH1_RATE_LIMIT_LOGIN_PAIR": 100000, "OAUTH1_RATE_LIMIT_LOGIN_ADDRESS": 100000,
}


@pytest.fixture(scope="module", params=["embedded", "MariaDB and Redis"])
def counted(request, tmp_path_factory):
    if request.param != "embedded":
        with new_fleet(tmp_path_factory.mktemp("counted"), auths=1, introspections=1, **VARIABLES) as fleet:
            yield fleet
        return
    made = Provider(tmp_path_factory.mktemp("counted"), **VARIABLES)
    made.create_user("jane", PASSWORD)
    made.start()
    yield made
    made.stop()


@pytest.fixture(scope="module")
def key(counted):
    return counted.create_resource_server()


@pytest.fixture(scope="module")
def token(counted):
    return Flow(counted, counted.create_client()).token()


def has_servers(provider):
    return hasattr(provider, "stores")


def metrics(service):
    """{name{labels}: value}"""
    text = requests.get(f"{service.ops}/metrics", timeout=5).text
    rows = (line.rpartition(" ") for line in text.splitlines() if line and not line.startswith("#"))
    return {name: float(value) for name, _, value in rows}


def soon(look, expected, seconds=10):
    """A reply is counted after it was written, and a connection is idle again after its answer was used."""
    until = time.monotonic() + seconds
    while (seen := look()) != expected and time.monotonic() < until:
        time.sleep(0.02)
    assert seen == expected


@contextmanager
def moving(service, by):
    """What happens inside moves the service's series by so much: {series: amount}."""
    before = metrics(service)
    yield
    soon(lambda: {name: metrics(service).get(name, 0) - before.get(name, 0) for name in by}, by)


def grows(service, name, before):
    soon(lambda: (name, metrics(service).get(name, 0) > before.get(name, 0)), (name, True))


# ---- what the services did


def test_the_three_legs(counted):
    client = counted.create_client()
    with moving(counted.auth, {
        'oauth1_tokens_issued_total{type="temporary"}': 2,
        'oauth1_tokens_issued_total{type="token"}': 1,
        'oauth1_authorizations_total{result="granted"}': 1,
        'oauth1_authorizations_total{result="denied"}': 1,
        'oauth1_authorizations_total{result="failed"}': 1,
        'http_requests_total{handler="initiate",method="POST",code="200"}': 2,
        'http_requests_total{handler="none",method="GET",code="404"}': 1,
        'http_request_duration_seconds_count{handler="token"}': 1,
        'oauth1_verify_phase_seconds_count{phase="verify"}': 3,
        'oauth1_verify_phase_seconds_count{phase="hash"}': 1,
    }):
        flow = Flow(counted, client)
        flow.token()
        flow.initiate()
        flow.owner.deny(flow.temporary.token)
        assert flow.owner.get("/oauth/authorize?oauth_token=nobody").status_code >= 400
        assert flow.owner.get("/nowhere").status_code == 404


def test_revocations(counted, key):
    token = Flow(counted, counted.create_client()).token()
    jti = counted.introspect(key, token.sign("GET", ORIGIN)).json()["jti"]
    with moving(counted.auth, {"oauth1_tokens_revoked_total": 1}):
        assert counted.command("token", "revoke", jti).code == 0


def verdicts(dialect, *results):
    return {f'oauth1_verifications_total{{dialect="{dialect}",result="{result}"}}': 1 for result in results}


def test_verdicts_and_replays(counted, key, token):
    good = token.sign("GET", ORIGIN)
    with moving(counted.introspection, {
        **verdicts("introspect", "active", "nonce_used", "signature_invalid"), "oauth1_nonce_replays_total": 1,
        'oauth1_verify_phase_seconds_count{phase="spend"}': 3,
        'http_requests_total{handler="introspect",method="POST",code="200"}': 3,
    }):
        for request in (good, good, token.sign("GET", ORIGIN)):
            method = "GET" if request is good else "PUT"
            assert counted.introspect(key, request, method=method).status_code == 200


def test_verdicts_of_a_batch(counted, key, token):
    described = [describe(token.sign("GET", ORIGIN)), describe(token.sign("GET", ORIGIN), method="PUT")]
    with moving(counted.introspection, verdicts("batch", "active", "signature_invalid")):
        requests.post(counted.introspection_url + "/v1/introspect/batch", json={"requests": described},
                      headers={"Authorization": f"Bearer {key}"}, timeout=10)


@pytest.mark.parametrize("dialect", ["verify", "auth_request", "ext_authz"])
def test_verdicts_for_gateways(counted, token, dialect):
    good = token.sign("GET", ORIGIN)
    with moving(counted.introspection, {**verdicts(dialect, "active", "nonce_used"), "oauth1_nonce_replays_total": 1}):
        assert [ask(counted, dialect, good).status for _ in range(2)] == [200, 401]


def test_the_credential_cache(counted, key):
    counts = 'oauth1_cache_requests_total{cache="%s",result="%s"}'
    before = {service: metrics(service) for service in counted.services}
    flow = Flow(counted, counted.create_client())
    token = flow.token()
    for _ in range(8):  # each of the loops may be asked first
        assert send(flow.initiate_request()).status_code == 200
        assert counted.introspect(key, token.sign("GET", ORIGIN)).json()["active"]
    grows(counted.auth, counts % ("client", "hit"), before[counted.auth])
    grows(counted.auth, counts % ("client", "miss"), before[counted.auth])
    for cache, result in [("pair", "hit"), ("pair", "miss"), ("resource_server", "hit")]:
        grows(counted.introspection, counts % (cache, result), before[counted.introspection])


# ---- the stores


def test_commands_take_time(counted, key):
    before = {service: metrics(service) for service in counted.services}
    token = Flow(counted, counted.create_client()).token()
    assert counted.introspect(key, token.sign("GET", ORIGIN)).json()["active"]
    for service in counted.services:
        for store in ("database", "ephemeral") if has_servers(counted) else ("database",):
            for part in ("count", "sum", "bucket"):
                name = f'oauth1_store_command_seconds_{part}{{store="{store}"' + (',le="+Inf"}' if part == "bucket" else "}")
                grows(service, name, before[service])


@contextmanager
def stuck_database(provider):
    """What writes has to wait."""
    if has_servers(provider):
        with provider.stores.database.hung():
            yield
        return
    connection = sqlite3.connect(provider.database, isolation_level=None)
    connection.execute("BEGIN EXCLUSIVE")
    try:
        yield
    finally:
        connection.execute("ROLLBACK")
        connection.close()


@contextmanager
def repeated(call):
    """Again and again on a thread of its own."""
    over = threading.Event()

    def run():
        while not over.is_set():
            call()

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def test_connections_and_requests_that_wait(counted):
    connections = 'oauth1_database_pool_connections{state="%s"}'
    count = POOL if has_servers(counted) else POOL + 1  # SQLite's one writer beside the readers
    flow = Flow(counted, counted.create_client())
    flow.initiate()
    flow.grant()
    soon(lambda: (metrics(counted.auth)[connections % "idle"], metrics(counted.auth)[connections % "busy"]), (count, 0))
    soon(lambda: metrics(counted.auth)["http_requests_in_flight"], 0)
    with stuck_database(counted), repeated(lambda: send(flow.exchange_request())):
        soon(lambda: metrics(counted.auth)[connections % "busy"] >= 1, True)
        soon(lambda: metrics(counted.auth)["http_requests_in_flight"] >= 1, True)
    soon(lambda: metrics(counted.auth)["http_requests_in_flight"], 0)
    soon(lambda: send(flow.exchange_request()).status_code, 200)  # and all is well again
    soon(lambda: (metrics(counted.auth)[connections % "idle"], metrics(counted.auth)[connections % "busy"]), (count, 0))


@pytest.mark.parametrize("store", ["database", "ephemeral"])
def test_a_store_is_up_or_down_without_a_readiness_check(counted, store):
    up = f'oauth1_store_up{{store="{store}"}}'
    for service in counted.services:
        soon(lambda: metrics(service)[up], 1)
    if not has_servers(counted):  # a file and memory do not hang
        return
    server = counted.stores.database if store == "database" else counted.stores.redis
    with server.hung():
        for service in counted.services:
            soon(lambda: metrics(service)[up], 0)
    for service in counted.services:
        soon(lambda: metrics(service)[up], 1)


def test_by_how_much_the_own_clock_is_off(counted):
    """Memory's clock is the process's own."""
    expected = AHEAD_SECONDS if has_servers(counted) else 0
    for service in counted.services:
        soon(lambda: round(metrics(service)["oauth1_clock_skew_seconds"]), expected)


# ---- the processes


PROCESS = """cpu_seconds_total resident_memory_bytes virtual_memory_bytes open_fds max_fds start_time_seconds""".split()


def test_the_process_and_its_version(counted):
    for service in counted.services:
        shown = metrics(service)
        assert all(shown[f"process_{name}"] > 0 for name in PROCESS)
        assert abs(shown["process_start_time_seconds"] - time.time()) < 3600
        version = counted.command("--version", binary=service.name).out.split()[-1]
        assert shown[f'oauth1_build_info{{version="{version}"}}'] == 1
        assert shown["process_open_fds"] < shown["process_max_fds"]


def test_no_label_names_anybody(counted, key, token):
    flow = Flow(counted, counted.create_client())
    flow.initiate()
    flow.grant()
    assert counted.introspect(key, token.sign("GET", ORIGIN)).json()["active"]
    for service in counted.services:
        text = requests.get(f"{service.ops}/metrics", timeout=5).text
        for name in (*names_of_all(counted), key, token.token, flow.temporary.token, flow.verifier, "127.0.0.1"):
            assert name not in text, name


def names_of_all(provider):
    """Of clients, tokens, users and resource servers."""
    columns = {"client": "client_id", "token": "jti", "user": "sub"}
    names = {row[column] for noun, column in columns.items() for row in provider.expect(noun, "list")}
    assert len(names) > 3
    return {*names, "jane", "photos"}


def promtool(*words, stdin=""):
    done = subprocess.run(["promtool", *map(str, words)], input=stdin, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_promtool_has_nothing_to_say_against_the_metrics(counted):
    for service in counted.services:
        promtool("check", "metrics", stdin=requests.get(f"{service.ops}/metrics", timeout=5).text)


def test_promtool_accepts_the_configuration_and_the_alerts(tmp_path):
    shipped = ROOT / "docker/monitoring"
    rules = yaml.safe_load((shipped / "alerts.yml").read_text())
    assert "7 rules found" in promtool("check", "rules", "--lint-fatal", shipped / "alerts.yml") and len(rules["groups"][0]["rules"]) == 7
    for_operator = yaml.safe_load((ROOT / "kubernetes/components/monitoring/alerts.yaml").read_text())["spec"]
    (tmp_path / "operator.yml").write_text(yaml.safe_dump(for_operator))
    promtool("check", "rules", "--lint-fatal", tmp_path / "operator.yml")
    config = (shipped / "prometheus.yml").read_text()
    assert "/etc/prometheus/alerts.yml" in config
    (tmp_path / "prometheus.yml").write_text(config.replace("/etc/prometheus/alerts.yml", str(shipped / "alerts.yml")))
    promtool("check", "config", "--lint-fatal", tmp_path / "prometheus.yml")


def test_the_documentation_names_each_of_them(counted):
    documented = set(re.findall(r"`((?:http|oauth1|process)_[a-z_]+)", (ROOT / "docs/metrics.md").read_text()))
    shown = {line.split()[2] for service in counted.services
             for line in requests.get(f"{service.ops}/metrics", timeout=5).text.splitlines() if line.startswith("# TYPE")}
    assert shown == documented
