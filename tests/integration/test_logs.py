"""Nothing secret reaches the logs, at their most talkative, nor the database in the clear."""

import json
import re
import signal
import socket
import subprocess
import time

import pytest
import requests

from harness.authority import Authority
from harness.flow import Flow, form, send
from harness.owner import Owner
from harness.provider import Provider, clean_environment

PASSWORD = "canary-password-5309"
API = "http://api.example/photos"


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    """A provider with its secrets, after a flow, refusals and stops; and what its services wrote."""
    provider = Provider(tmp_path_factory.mktemp("provider"), OAUTH1_ADMIN_TOKEN="ops:canary-admin-0123456789abcdef0123").start()
    provider.create_user("jane", PASSWORD)
    client = provider.create_client("--scope", "photos:read")
    key = provider.create_resource_server("--allow-explain")
    secrets = {"password": PASSWORD, "client secret": client.client_secret, "resource server's key": key,
               "admin token": "canary-admin-0123456789abcdef0123"}  # fmt: skip

    owner = Owner(provider, password=PASSWORD)
    flow = Flow(provider, client, owner)
    flow.initiate()
    secrets["wrong password"] = "canary-wrong-password"
    refused = Owner(provider, password=secrets["wrong password"]).consent_page(flow.temporary.token)
    assert refused.form_with("password") is not None
    wrong = flow.exchange_request("canary-wrong-verifier")
    flow.grant()
    send(wrong)
    credentials = form(send(flow.exchange_request()))
    secrets["temporary secret"] = flow.temporary.token_secret
    secrets["verifier"] = flow.verifier
    secrets["token secret"] = credentials["oauth_token_secret"]
    secrets["token"] = credentials["oauth_token"]
    secrets["wrong verifier"] = "canary-wrong-verifier"
    for name, value in owner.session.cookies.items():
        secrets[f"cookie {name}"] = value

    flow.client.token, flow.client.token_secret = credentials["oauth_token"], credentials["oauth_token_secret"]
    request = flow.client.sign("GET", API + "?q=canary-query-value")
    provider.introspect(key, request)
    provider.introspect(key, request, explain=True)
    provider.introspect(key + "x", request)
    provider.introspect(key, flow.client.sign("GET", API, tamper=str.swapcase), explain=True)
    requests.get(provider.url + "/oauth/authorize?oauth_token=canary-path-token", timeout=5)
    requests.get(provider.url + "/\N{SNOWMAN}%0d%0a{\"level\":\"forged\"}", headers={"User-Agent": 'x"\t\x7f'}, timeout=5)
    requests.request("BREW", provider.url + "/", timeout=5)
    provider.stop()
    return provider, secrets, provider.logs()


def test_no_secret_is_logged(told):
    _, secrets, logs = told
    assert len(logs) > 500
    for name, secret in secrets.items():
        assert len(secret) >= 5, name
        assert secret not in logs, f"the {name} was logged"


def test_no_query_of_a_described_request_is_logged(told):
    assert "canary-query-value" not in told[2]


def test_every_line_is_json_with_time_and_level(told):
    for line in told[2].splitlines():
        entry = json.loads(line)
        assert {"time", "level", "message"} <= set(entry), line
        assert entry["level"] in ("debug", "info", "warn", "error"), line


def test_what_a_client_sends_is_no_error_of_the_service(told):
    answered = [json.loads(line) for line in told[2].splitlines() if '"status":501' in line]
    assert answered and all(entry["level"] == "info" for entry in answered)


def test_answered_requests_have_a_line_with_their_id(told):
    ids = re.findall(r'"request_id":"([0-9a-f]{32})"', told[2])
    assert len(set(ids)) > 5


def test_a_request_that_led_nowhere_is_logged_with_its_path_and_without_its_query(tmp_path):
    provider = Provider(tmp_path).start()
    for url in (provider.url, provider.introspection_url):
        assert requests.get(url + "/ouath/token%0A?q=canary-query-value", timeout=5).status_code == 404
    assert requests.get(provider.url + "/login?q=canary-query-value", timeout=5).status_code == 200
    provider.stop()
    lines = [json.loads(line) for line in provider.logs().splitlines() if '"message":"request"' in line]
    assert [line["path"] for line in lines if line["status"] == 404] == ["/ouath/token%0A"] * 2
    assert not any("path" in line for line in lines if line["status"] != 404)
    assert "canary-query-value" not in provider.logs()


def test_plain_http_on_a_tls_port_is_told_with_who_sent_it(tmp_path):
    certificate, key = Authority(tmp_path, "ca").issue("127.0.0.1")
    provider = Provider(tmp_path / "provider", OAUTH1_TLS_CERT=certificate, OAUTH1_TLS_KEY=key)
    provider.auth.start()
    try:
        for _ in range(3):
            with socket.create_connection(("127.0.0.1", provider.auth.port), 10) as connection:
                connection.sendall(b"GET /canary-path HTTP/1.1\r\nHost: x\r\n\r\n")
                connection.shutdown(socket.SHUT_WR)
                assert b"HTTP/" not in b"".join(iter(lambda: connection.recv(1 << 16), b""))
        metrics = requests.get(provider.auth.ops + "/metrics", timeout=5).text
    finally:
        provider.auth.stop()
    assert 'oauth1_connections_closed_total{reason="plain_http"} 3\n' in metrics
    (line,) = [json.loads(line) for line in provider.logs().splitlines() if "requests in plain http" in line]
    assert line["level"] == "warn" and "https" in line["message"] and line["newest"] == "127.0.0.1", line
    assert "canary-path" not in provider.logs()


def test_secrets_are_sealed_at_rest(told):
    """Client and token secrets must be readable again, so they are encrypted; the rest is hashed."""
    provider, secrets, _ = told
    stored = b"".join(path.read_bytes() for path in provider.directory.glob("oauth1.db*") if "key" not in path.name)
    assert len(stored) > 4096
    for name in ("password", "client secret", "resource server's key", "token secret", "temporary secret", "verifier"):
        assert secrets[name].encode() not in stored, f"the {name} is in the database in the clear"


def ask_pipelined(port, count):
    """Requests for nothing, all sent at once; how many were answered."""
    with socket.create_connection(("127.0.0.1", port), 10) as connection:
        connection.sendall(b"GET /nowhere HTTP/1.1\r\nHost: x\r\n\r\n" * count)
        connection.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: connection.recv(1 << 16), b"")).count(b"HTTP/1.1 404 ")


@pytest.mark.parametrize("name", ["auth", "introspection"])
def test_a_log_that_nobody_reads_stops_nothing(tmp_path, name):
    provider = Provider(tmp_path, OAUTH1_LOG_LEVEL="info")
    service = getattr(provider, name)
    service.started = time.monotonic()
    service.process = subprocess.Popen([service.program, "serve"], stderr=subprocess.PIPE, cwd=tmp_path,
                                       env=clean_environment(service.variables))
    service.log.touch()
    try:
        service.wait_until_ready()
        assert ask_pipelined(service.port, 1500) == 1500
        assert requests.get(service.ops + "/livez", timeout=5).status_code == 200
        service.process.send_signal(signal.SIGTERM)
        assert service.process.wait(10) == 0
        lines = service.process.stderr.read().splitlines()
        assert 100 < len(lines) < 1500 and json.loads(lines[0])["level"]
    finally:
        service.process.kill()
        service.process.communicate()
