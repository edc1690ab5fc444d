"""The sealing keys by the admin port (docs/admin-api.md): which are in use, and secrets sealed anew, a part in each call."""

import base64
import json
import os

import pytest
from harness.flow import Flow, send
from harness.owner import until_answered
from harness.running import KINDS, running_on
from harness.site import ADMIN_TOKEN, READ_TOKEN
from test_admin_api import VARIABLES, Admin, audit_of
from test_reload import reload

OLD, NEW = (f"{name}:{base64.b64encode(os.urandom(32)).decode()}" for name in ("old", "new"))
MANY = 20000  # more than a call seals anew, also of a quick machine


def set_keys(provider, path, text):
    path.write_text(text)
    for service in provider.services:
        reload(service)


@pytest.fixture(params=KINDS)
def running(request, tmp_path):
    keys = tmp_path / "keys"
    keys.write_text(OLD)
    with running_on(request.param, tmp_path / "provider", OAUTH1_SECRETS_KEYS=None, OAUTH1_SECRETS_KEYS_FILE=keys, OAUTH1_LOG_LEVEL="info",
                    **VARIABLES) as made:
        made.keys = keys
        yield made


def shown(admin):
    return {row["key"]: row for row in admin.call("GET", "seal", 200, token=READ_TOKEN).json()["keys"]}


def test_a_key_is_retired_by_calls_that_each_do_a_part(running):
    provider, admin = running.provider, Admin(running.provider.admin_url)
    lines = "".join(json.dumps({"client_id": f"c{i}", "client_secret": f"secret-of-{i}", "name": "n"}) + "\n" for i in range(MANY))
    assert provider.command("client", "import", "-", stdin=lines).code == 0
    first = provider.create_client()
    set_keys(provider, running.keys, f"{OLD},{NEW}")
    assert shown(admin) == {
        "old": {"key": "old", "in_use": True, "seals": True, "may_be_taken_out": False, "state": "held"},
        "new": {"key": "new", "in_use": False, "seals": False, "may_be_taken_out": True, "state": "held"}}
    set_keys(provider, running.keys, f"{NEW},{OLD}")
    admin.refused("POST", "seal", 403, "role read", token=READ_TOKEN)
    assert audit_of(running, "new") == []
    part = admin.call("POST", "seal", 200).json()
    assert not part["done"] and 0 < part["rewritten"] < MANY and part["left"] == MANY + 1 - part["rewritten"], part
    assert part["seals"] == "new" and part["in_use"] == ["new", "old"] and part["damaged"] == 0, part
    (provider.directory / "token").write_text(ADMIN_TOKEN)
    there = ("--server", provider.admin_url, "--admin-token-file", "token", "--format", "json")
    rest = provider.expect("seal", "rewrite", *there, OAUTH1_DATABASE_URL="sqlite:/nowhere/at/all.db")
    assert rest == {"rewritten": part["left"], "damaged": 0, "in_use": ["new"]}
    assert provider.command("seal", "status", *there).json() == provider.command("seal", "status", "--format", "json").json()
    assert not shown(admin)["old"]["in_use"] and shown(admin)["new"]["in_use"]
    assert shown(admin)["old"]["may_be_taken_out"] and not shown(admin)["new"]["may_be_taken_out"]
    assert set(map(tuple, audit_of(running, "new"))) == {("operator", "seal.rewrite")}
    set_keys(provider, running.keys, NEW)
    assert send(Flow(provider, first).initiate_request()).status_code == 200


def test_a_client_whose_secret_does_not_open_is_mended_by_calls(running):
    """Each call on it but those that sign: it is shown, changed, judged, and given a new secret."""
    provider, admin = running.provider, Admin(running.provider.admin_url)
    bad = provider.create_client("--owner", "local-1")
    place = f"clients/{bad.client_id}"
    running.sql("UPDATE client_secrets SET sealed = substr(sealed, 1, LENGTH(sealed) - 1) WHERE id = 1")
    assert send(Flow(provider, bad).initiate_request()).status_code == 503
    shown = admin.call("GET", place, 200, token=READ_TOKEN).json()
    assert f"client rotate-secret {bad.client_id}" in shown["damage"], shown
    assert admin.call("GET", f"{place}/secrets", 200).json() == {"secrets": []}
    assert admin.call("PATCH", place, 200, json={"name": "Other"}, headers={"If-Match": "*"}).json()["name"] == "Other"
    for verb in ("reject", "approve", "disable", "enable"):
        assert admin.call("POST", f"{place}/{verb}", 200).json()["damage"] == shown["damage"]
    assert admin.call("GET", f"{place}/tokens", 200).json() == {"tokens": []}
    admin.call("POST", "tokens", 201, json={"client_id": bad.client_id, "sub": "local-1"})
    made = admin.call("POST", f"{place}/rotate-secret", 200, json={"overlap": 60}).json()
    assert "former_secret_until" not in made, made
    bad.client_secret = made["client_secret"]
    assert until_answered(lambda: send(Flow(provider, bad).initiate_request())).status_code == 200
    assert "damage" not in admin.call("GET", place, 200).json()


def test_what_does_not_open_is_named(running):
    provider, admin = running.provider, Admin(running.provider.admin_url)
    bad = provider.create_client()
    set_keys(provider, running.keys, f"{NEW},{OLD}")
    provider.create_client()
    running.sql("UPDATE client_secrets SET sealed = substr(sealed, 1, LENGTH(sealed) - 1) WHERE id = 1")
    done = admin.call("POST", "seal", 200).json()
    assert done["done"] and done["rewritten"] == 0 and done["damaged"] == 1 and done["damaged_names"] == f"client {bad.client_id}", done
    (provider.directory / "token").write_text(ADMIN_TOKEN)
    outcome = provider.command("seal", "rewrite", "--server", provider.admin_url, "--admin-token-file", "token")
    assert f"client {bad.client_id}" in outcome.err and "1 secrets do not open" in outcome.err, outcome
