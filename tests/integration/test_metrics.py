"""/metrics of both services: what is counted is what happened, and no label names anybody."""

import time

import pytest
import requests
from conftest import PASSWORD
from harness.flow import Flow, send
from harness.provider import Provider

POOL = 3


@pytest.fixture(scope="module")
def counted(tmp_path_factory):
    made = Provider(tmp_path_factory.mktemp("counted"), OAUTH1_DATABASE_POOL=POOL)
    made.create_user("jane", PASSWORD)
    made.start()
    yield made
    made.stop()


def metrics(service):
    """{name{labels}: value}"""
    text = requests.get(f"{service.ops}/metrics", timeout=5).text
    rows = (line.rpartition(" ") for line in text.splitlines() if line and not line.startswith("#"))
    return {name: float(value) for name, _, value in rows}


def soon(service, name, expected):
    """A reply is counted after it was written, and a connection is idle again after its answer was used."""
    until = time.monotonic() + 5
    while metrics(service).get(name) != expected and time.monotonic() < until:
        time.sleep(0.02)
    return metrics(service).get(name)


BOTH = """http_requests_total http_request_duration_seconds_count http_requests_in_flight oauth1_verify_phase_seconds_count
    oauth1_store_up oauth1_store_command_seconds_count oauth1_database_pool_connections oauth1_build_info
    process_cpu_seconds_total process_resident_memory_bytes process_virtual_memory_bytes process_open_fds process_max_fds
    process_start_time_seconds""".split()


def test_both_services_show_what_an_operator_watches(counted):
    key = counted.create_resource_server()
    client = counted.create_client()
    token = Flow(counted, client).token()
    assert counted.introspect(key, token.sign("GET", "http://api.example/")).json()["active"]
    assert soon(counted.auth, 'oauth1_tokens_issued_total{type="token"}', 1) == 1
    for service, own in [
        (counted.auth, ["oauth1_tokens_issued_total", "oauth1_authorizations_total"]),
        (counted.introspection, ["oauth1_verifications_total", "oauth1_nonce_replays_total"]),
    ]:
        requests.get(f"{service.ops}/readyz", timeout=5)
        shown = metrics(service)
        names = {name.partition("{")[0] for name in shown}
        assert not set(BOTH + own) - names
        for text in (client.client_id, "jane", token.token):
            assert not any(text in name for name in shown)


def test_the_databases_connections_and_commands_are_counted(counted):
    service = counted.auth
    connections = 'oauth1_database_pool_connections{state="%s"}'
    commands = 'oauth1_store_command_seconds_count{store="database"}'
    assert soon(service, connections % "idle", POOL + 1) == POOL + 1  # SQLite's one writer beside the readers
    assert metrics(service)[connections % "busy"] == 0
    before = metrics(service)[commands]
    flow = Flow(counted, counted.create_client())
    assert send(flow.initiate_request()).status_code == 200
    after = metrics(service)
    assert after[commands] > before
    assert after['oauth1_store_command_seconds_sum{store="database"}'] > 0
    assert after[connections % "idle"] + after[connections % "busy"] == POOL + 1
