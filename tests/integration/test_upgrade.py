"""Two releases on one database: a program goes on, and starts, on a schema to which the next release has added something, and
refuses one from which a migration took what it uses (docs/operations.md, "Upgrades")."""

import pytest
import requests

from harness.flow import Flow
from harness.owner import Owner
from harness.running import KINDS, prepared_on

pytestmark = pytest.mark.xdist_group("upgrade")


@pytest.fixture(params=KINDS)
def prepared(request, tmp_path):
    with prepared_on(request.param, tmp_path) as made:
        yield made


def apply(prepared, name, *statements):
    """What the next release's `migrate up` would do."""
    for statement in statements:
        prepared.sql(statement)
    prepared.sql(f"INSERT INTO schema_migrations (number, name, checksum, applied_at) VALUES ({name[:4]}, '{name}', x'00', 1)")


def next_number(prepared):
    return int(prepared.sql("SELECT MAX(number) FROM schema_migrations")[0][0]) + 1


def schema_ahead(service):
    lines = requests.get(f"http://127.0.0.1:{service.ops_port}/metrics", timeout=5).text.splitlines()
    (line,) = [line for line in lines if line.startswith("oauth1_schema_ahead ")]
    return line.split()[1]


def ready(service):
    answer = requests.get(f"http://127.0.0.1:{service.ops_port}/readyz?verbose", timeout=5)
    assert answer.status_code == 200, answer.text
    return answer.text


def every_call(provider, key, client):
    """Temporary credential, login, grant, token, introspection; and commands that write."""
    token = Flow(provider, client, Owner(provider, "jane")).token()
    answer = provider.introspect(key, token.sign("GET", "http://api.example/"))
    assert answer.status_code == 200 and answer.json()["active"], answer.text
    provider.expect("client", "update", client.client_id, "--contact", "somebody@example.com")
    return token


def test_a_program_starts_and_serves_on_what_the_next_release_added(prepared):
    provider = prepared.provider
    key, client = provider.create_resource_server(), provider.create_client()
    provider.start()
    token = every_call(provider, key, client)
    assert schema_ahead(provider.auth) == "0" and "schema" not in ready(provider.auth)
    number = next_number(prepared)
    apply(prepared, f"{number:04d}_client_colour.sql", "CREATE TABLE colours (id INTEGER PRIMARY KEY)",
          "ALTER TABLE clients ADD COLUMN colour TEXT NOT NULL DEFAULT 'red'")
    every_call(provider, key, client)  # of processes that run already
    for service in provider.services:
        service.stop()
        service.start()
        assert service.text().count("the schema is a later version's") == 1
        assert f"has number {number} and this program knows up to {number - 1}" in service.text()
        assert schema_ahead(service) == "1"
        assert f"[+] the database's schema has number {number} and this program knows up to {number - 1}" in ready(service)
    assert provider.introspect(key, token.sign("GET", "http://api.example/")).json()["active"]
    prepared.sql("UPDATE clients SET colour = 'green'")
    every_call(provider, key, provider.create_client())
    every_call(provider, key, client)
    colours = dict(prepared.sql("SELECT client_id, colour FROM clients"))
    assert colours.pop(client.client_id) == "green", "an older program keeps what it does not know"
    assert [*colours.values()] == ["red"]
    status = provider.command("migrate", "status")
    assert status.code == 0 and "later version" in status.err, status
    assert provider.command("migrate", "up").code == 0


def test_a_program_refuses_a_schema_that_was_broken_for_it_and_says_what_to_run(prepared):
    provider, number = prepared.provider, next_number(prepared)
    name = f"{number:04d}_breaks_{number - 1:04d}_no_contact.sql"
    apply(prepared, name, "ALTER TABLE clients DROP COLUMN contact")
    for service in provider.services:
        done = provider.command("serve", binary=service.program.name, **service.variables)
        assert done.code == 1 and name in done.err and "run that version" in done.err, done
    for words in (("client", "list"), ("migrate", "up"), ("migrate", "status")):
        done = provider.command(*words)
        assert done.code == 1 and name in done.err, done
