"""Each curl command of docs/admin-api.md, as it stands there, is answered as the page says."""

import json
import os
import re
import subprocess

import pytest
from harness.provider import PASSWORD, ROOT, Provider
from harness.site import ADMIN_TOKEN
from test_admin_api import VARIABLES, Admin

PAGE = ROOT / "docs/admin-api.md"


def names(answer, folder, member):
    return [row[member] for row in answer[folder]]


# The method and path of a command: what its answer must show.
ANSWERS = {
    "GET clients?page_size=50&filter=printer": lambda it: names(it, "clients", "client_id") == ["printer-of-jane", "office"],
    "POST clients": lambda it: it["name"] == "Printer" and len(it["client_secret"]) == 40,
    "GET audit?client=demo&since=1d": lambda it: names(it, "audit", "what") == ["client.create", "token.issue"],
    "GET seal": lambda it: [key["in_use"] for key in it["keys"]] == [True],
    "POST seal": lambda it: it["done"] is True and it["damaged"] == 0 and len(it["in_use"]) == 1,
    "POST import?dry_run=true": lambda it: it == {
        "imported": 2, "skipped": 0, "users_created": 1, "dry_run": True,
        "refused": [{"line": 3, "why": "read as a user: username is required"}]},
    "DELETE tokens?client_id=demo&dry_run=true": lambda it: it == {"would_revoke": 1},
}


def documented():
    """Method and path to command. A command may go on in the next line, behind a backslash."""
    blocks = re.findall(r"^```sh\n(.*?)^```$", PAGE.read_text(), re.M | re.S)
    lines = [line for block in blocks for line in block.replace("\\\n", " ").splitlines() if line.startswith("curl ")]
    return {name_of(line): line for line in lines}


def name_of(command):
    path = re.search(r"/admin/v1/([^ ']+)", command)[1]
    method = re.search(r" -X (\w+)", command)
    return f"{method[1] if method else 'POST' if ' -d ' in command or ' --data' in command else 'GET'} {path}"


@pytest.fixture(scope="module")
def provider(tmp_path_factory):
    made = Provider(tmp_path_factory.mktemp("provider"), **VARIABLES)
    jane = made.create_user("jane", PASSWORD)["sub"]
    made.start()
    admin = Admin(made.admin_url)
    for client, name in (("demo", "x"), ("printer-of-jane", "x"), ("office", "The Printer")):
        admin.call("POST", "clients", 201, json={"client_id": client, "name": name})
    admin.call("POST", "tokens", 201, json={"client_id": "demo", "sub": jane})
    (made.directory / "credentials.ndjson").write_text(
        '{"client_id": "moved", "client_secret": "s"}\n'
        '{"oauth_token": "t", "oauth_token_secret": "s", "client_id": "moved", "username": "kim"}\n{}\n')
    yield made
    made.stop()


def test_every_curl_command_has_an_answer_here():
    assert set(documented()) == set(ANSWERS)


@pytest.mark.parametrize("name", ANSWERS)
def test_the_documented_command_is_answered(provider, name):
    command = documented()[name].replace("http://127.0.0.1:8081", provider.admin_url)
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=60, cwd=provider.directory,
                          env={**os.environ, "TOKEN": ADMIN_TOKEN})
    assert done.returncode == 0 and done.stdout, (done.stdout, done.stderr)
    assert ANSWERS[name](json.loads(done.stdout)), done.stdout
