"""docs/operations.md's commands for an upgrade with Compose, typed as they stand there while clients go on asking."""

import json
import re
from contextlib import ExitStack

import pytest

from demo_client import demo_file, demo_signer
from harness.compose import BUILT, Stack, docker
from harness.document import commands_of
from harness.provider import describe
from harness.signer import Request
from signed_load import InitiateSigner, Load

NEXT_VERSION = "0.1.1"


@pytest.fixture
def own(tmp_path):
    """A stack of its own, for others count on the image that they started with: a lone auth-service, and two to introspect."""
    made = Stack(tmp_path)
    try:
        made.up("--scale", "introspection-service=2")
        yield made
    finally:
        made.close()


class IntrospectionSigner:
    """Signs what a resource server asks about, each time another request."""

    def __init__(self, signer, key, resource):
        self.signer, self.key, self.resource = signer, key, resource

    def sign(self, method, url):
        asked = describe(self.signer.sign("GET", self.resource))
        headers = {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"}
        return Request(method, url, headers, json.dumps(asked).encode())


def loads(stack):
    """By nginx's check, by a resource server's own question (a POST, which nginx sends to nobody else), and to auth-service."""
    signer, key = demo_signer(stack), demo_file(stack, "resource-server.key")
    photos = f"{stack.url}/api/photos"
    return [Load(signer, photos), Load(IntrospectionSigner(signer, key, photos), f"{stack.url}/v1/introspect", "POST",
                                       holds='"active":true'),
            Load(InitiateSigner(signer), f"{stack.url}/oauth/initiate", "POST")]


def get_next_release(stack):
    """Its files, as a checkout would bring them: another version. And its name, which all later commands read."""
    for service in BUILT:
        recipe = stack.tree / f"docker/{service}.Dockerfile"
        text = recipe.read_text(encoding="utf-8")
        assert "ARG VERSION=" in text
        recipe.write_text(re.sub("ARG VERSION=.*", f"ARG VERSION={NEXT_VERSION}", text), encoding="utf-8")
    stack.rename_images(stack.name + "-next")


def migrate_as_the_next_release(stack):
    """Something is added to a table that every request reads, and to the list of migrations."""
    statement = """ALTER TABLE clients ADD COLUMN colour VARCHAR(20) NOT NULL DEFAULT 'red';
        INSERT INTO schema_migrations (number, name, checksum, applied_at)
        SELECT MAX(number) + 1, '9999_client_colour.sql', x'00', 1 FROM schema_migrations"""
    client = 'MYSQL_PWD=$(cat /run/secrets/mysql/root-password) exec mysql countersign -e "$0"'
    stack.compose("exec", "-T", "mysql", "sh", "-c", client, statement)


def type_commands(stack, title):
    done = stack.shell("set -e\n" + commands_of("operations.md", title), timeout=500)
    assert done.returncode == 0, f"{done.stdout}{done.stderr}{stack.state()}"


def versions(stack):
    label = '{{index .Config.Labels "org.opencontainers.image.version"}}'
    return {service: [docker("inspect", "-f", label, one).stdout.strip() for one in stack.containers(service)] for service in BUILT}


def test_an_upgrade_by_the_page_fails_no_request(own, capsys):
    before = {service: own.containers(service) for service in BUILT}
    stores = [own.containers(name) for name in ("mysql", "redis", "nginx")]
    asking = loads(own)
    get_next_release(own)
    type_commands(own, "images of an upgrade of compose")  # before the load, for who compiles takes the processors from the stores
    with ExitStack() as clients:
        for load in asking:
            clients.enter_context(load)
        migrate_as_the_next_release(own)
        type_commands(own, "upgrade of compose")
    failures = [failure for load in asking for failure in load.failures]
    with capsys.disabled():
        print(f"\nupgrade of 2 and 1 replicas: {[load.sent for load in asking]} requests, {len(failures)} failed, "
              f"slowest {max(load.slowest_s for load in asking):.2f} s")
    assert all(load.sent > 200 for load in asking)
    assert not failures, "\n".join(failures)
    assert versions(own) == {"introspection-service": [NEXT_VERSION] * 2, "auth-service": [NEXT_VERSION]}
    assert not {*sum(before.values(), [])} & {*sum((own.containers(service) for service in BUILT), [])}
    assert stores == [own.containers(name) for name in ("mysql", "redis", "nginx")]
