"""SIGHUP: what stands in files is exchanged while requests go on; a file that cannot be used changes nothing."""

import base64
import http.client
import json
import os
import re
import signal
import sqlite3
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests
from harness.flow import Flow, send
from harness.provider import PASSWORD, ROOT, Provider

RELEASE = Path(os.environ.get("COUNTERSIGN_RELEASE_BIN", ROOT / "build/bin"))
OLD, NEW = (f"{name}:{base64.b64encode(os.urandom(32)).decode()}" for name in ("old", "new"))


@pytest.fixture
def keys(tmp_path):
    path = tmp_path / "keys"
    path.write_text(OLD + "\n")
    return path


@pytest.fixture
def rotating(tmp_path, keys):
    made = Provider(tmp_path / "provider", OAUTH1_SECRETS_KEYS_FILE=keys).start()
    made.create_user("jane", PASSWORD)
    yield made
    made.stop()


def lines_of(service, word):
    records = (json.loads(line) for line in service.text().splitlines() if line.startswith("{"))
    return [record for record in records if word in record["message"]]


def reload(service, word="reloaded"):
    """SIGHUP, until the log says what became of it; that line."""
    before = len(lines_of(service, word))
    service.process.send_signal(signal.SIGHUP)
    until = time.monotonic() + 10
    while time.monotonic() < until:
        lines = lines_of(service, word)
        if len(lines) > before:
            return lines[-1]
        time.sleep(0.02)
    raise AssertionError(f"no line says {word!r}:\n{service.text()}")


def test_sealing_keys_rotate_without_a_restart(rotating, keys):
    old, unused = (Flow(rotating, rotating.create_client()) for _ in range(2))
    keys.write_text(f"{NEW},{OLD}\n")
    new = Flow(rotating, rotating.create_client())  # sealed by the command, which reads the file now
    assert send(new.initiate_request()).status_code == 503
    for service in rotating.services:
        reload(service)
    assert [send(flow.initiate_request()).status_code for flow in (old, new)] == [200, 200]
    # what the service seals from here on opens with the new key alone; what it sealed before keeps the old one in use
    token = new.token()
    keys.write_text(f"{NEW}\n")
    for service in rotating.services:
        line = reload(service, "the configuration stays as it was")
        assert "the key old is missing" in line["why"] and "auth-service seal rewrite" in line["why"], line
    assert send(unused.initiate_request()).status_code == 200
    keys.write_text(f"{NEW},{OLD}\n")
    assert rotating.expect("seal", "rewrite")["in_use"] == ["new"]
    keys.write_text(f"{NEW}\n")
    for service in rotating.services:
        reload(service)
    answer = rotating.introspect(rotating.create_resource_server(), token.sign("GET", "http://api.example/"))
    assert answer.json()["active"], answer.text
    assert [send(flow.initiate_request()).status_code for flow in (old, unused)] == [200, 200]


@pytest.mark.parametrize("text", ["new:tooshort", "", f"{OLD},{OLD}", None], ids=["short", "empty", "twice", "gone"])
def test_a_file_that_cannot_be_used_changes_nothing_and_is_named(rotating, keys, text):
    client = Flow(rotating, rotating.create_client())
    if text is None:
        keys.unlink()
    else:
        keys.write_text(text)
    for service in rotating.services:
        line = reload(service, "the configuration stays as it was")
        assert line["level"] == "error"
        assert "OAUTH1_SECRETS_KEYS" in line["why"] and OLD.split(":")[1] not in line["why"]
        assert not line["why"].endswith("\n"), line
        assert service.running()
    assert send(client.initiate_request()).status_code == 200


def test_keys_that_open_nothing_in_the_database_change_nothing_and_are_named(rotating, keys):
    known = Flow(rotating, rotating.create_client())
    keys.write_text(NEW)
    for service in rotating.services:
        line = reload(service, "the configuration stays as it was")
        assert line["level"] == "error"
        assert "OAUTH1_SECRETS_KEYS" in line["why"] and "behind the new" in line["why"], line
        assert not line["why"].endswith("\n")
    assert send(known.initiate_request()).status_code == 200


def ask_admin(provider, token):
    answer = requests.delete(f"{provider.admin_url}/admin/v1/users/nobody/sessions",
                             headers={"Authorization": f"Bearer {token}"}, timeout=10)
    return answer.status_code


@pytest.mark.parametrize("variable", ["OAUTH1_ADMIN_TOKEN", "OAUTH1_LOGIN_TOKEN"])
def test_tokens_of_the_admin_port_rotate_without_a_restart(tmp_path, variable):
    old, new = "o" * 32, "n" * 32
    tokens = tmp_path / "tokens"
    tokens.write_text(f"first:{old}\n")
    made = Provider(tmp_path / "provider", **{f"{variable}_FILE": tokens})
    made.auth.start()
    assert (ask_admin(made, old), ask_admin(made, new)) == (404, 401)
    tokens.write_text(f"first:{old},second:{new}\n")
    reload(made.auth)
    assert (ask_admin(made, old), ask_admin(made, new)) == (404, 404)
    tokens.write_text(f"second:{new}:x\n")
    reload(made.auth, "stays as it was")
    assert (ask_admin(made, old), ask_admin(made, new)) == (404, 404)
    tokens.write_text(f"second:{new}\n")
    reload(made.auth)
    assert (ask_admin(made, old), ask_admin(made, new)) == (401, 404)
    made.auth.stop()


def damage_secrets(provider, which):
    with sqlite3.connect(provider.database) as database:
        database.execute(f"UPDATE client_secrets SET sealed = randomblob(64) WHERE {which}")


def readiness(service):
    answer = requests.get(f"{service.ops}/readyz?verbose", timeout=5)
    return answer.status_code, answer.text


def test_a_service_that_can_open_no_secret_is_not_ready_and_says_so(rotating):
    """A backup that other keys sealed was put back, say. One damaged secret is its client's trouble alone."""
    old, new = (Flow(rotating, rotating.create_client()) for _ in range(2))
    damage_secrets(rotating, "id = (SELECT MAX(id) FROM client_secrets)")
    assert send(new.initiate_request()).status_code == 503
    begin = time.monotonic()
    while time.monotonic() - begin < 2.5:  # it is asked anew each second
        assert readiness(rotating.auth)[0] == 200, readiness(rotating.auth)
        time.sleep(0.1)
    damage_secrets(rotating, "TRUE")
    assert send(old.initiate_request()).status_code == 503
    until = time.monotonic() + 10
    while (found := readiness(rotating.auth))[0] == 200:
        assert time.monotonic() < until, found
        time.sleep(0.05)
    assert "[-] database: " in found[1] and "OAUTH1_SECRETS_KEYS" in found[1], found


def test_no_request_notices_a_reload(rotating, keys):
    flow = Flow(rotating, rotating.create_client())
    requests = [flow.initiate_request() for _ in range(120)]
    with ThreadPoolExecutor(4) as pool:
        answers = [pool.submit(send, request) for request in requests]
        for i in range(10):
            keys.write_text(f"{NEW},{OLD}" if i % 2 else f"{OLD},{NEW}")
            reload(rotating.auth)
        assert {answer.result().status_code for answer in answers} == {200}


def test_connections_outlive_a_reload(rotating):
    connection = http.client.HTTPConnection(urlsplit(rotating.url).netloc, timeout=10)
    connection.request("GET", "/")
    connection.getresponse().read()
    socket = connection.sock
    reload(rotating.auth)
    connection.request("GET", "/")
    assert connection.getresponse().status == 200
    assert connection.sock is socket
    connection.close()


def reload_often(service, times):
    """Each once the one before is done: signals that wait become one."""
    with service.log.open() as log:
        log.seek(0, os.SEEK_END)
        for _ in range(times):
            service.process.send_signal(signal.SIGHUP)
            until = time.monotonic() + 10
            line = log.readline()
            while '"reloaded"' not in line:
                assert time.monotonic() < until, service.text()
                line = ("" if line.endswith("\n") else line) + log.readline()  # a line may come in two parts


def memory_kb(service):
    return int(re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{service.process.pid}/status").read_text())[1])


def test_nothing_is_kept_of_configurations_that_were_reloaded(tmp_path, keys):
    made = Provider(tmp_path / "release", bin=RELEASE, OAUTH1_SECRETS_KEYS_FILE=keys).start()
    for service in made.services:
        reload_often(service, 300)
        before = memory_kb(service)
        reload_often(service, 1000)
        grown = memory_kb(service) - before
        print(f"{service.name}: {grown} KB more after 1 000 reloads")
        assert grown < 1500  # each kept 7.4 KB
    made.stop()
