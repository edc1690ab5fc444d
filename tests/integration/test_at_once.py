"""Commands that run at the same time, or are killed in the middle: nothing is lost or there twice, and a further run
does the rest."""

import json
import random
import signal
import subprocess
import time

import pytest

from harness.provider import Provider, clean_environment
from harness.stores import MariaDB

LINES = 1500  # three transactions
USERS = 40


class Shop(Provider):
    """A provider whose services do not run, on either database."""

    def __init__(self, directory, mariadb=None):
        variables = {"OAUTH1_DATABASE_URL": mariadb.url} if mariadb else {}
        super().__init__(directory, **variables)

    def run(self, *words):
        return subprocess.Popen(
            [self.bin / "auth-service", *words], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True, cwd=self.directory, env=clean_environment(self.variables),
        )

    def run_and_kill(self, *words):
        """After a moment."""
        process = self.run(*words)
        time.sleep(random.uniform(0.02, 0.6))
        process.send_signal(signal.SIGKILL)
        process.communicate()

    def run_import(self, what, path):
        return self.run(what, "import", "--format", "json", path)

    def write(self, name, records):
        path = self.directory / name
        path.write_text("".join(json.dumps(record) + "\n" for record in records))
        return path

    def list_all(self, *words):
        outcome = self.command(*words, "--format", "json")
        assert outcome.code == 0, outcome
        return json.loads(outcome.out)


@pytest.fixture(params=["SQLite", "MariaDB"])
def bare(request, tmp_path):
    """Nothing is in the database, not even tables."""
    if request.param == "SQLite":
        yield Shop(tmp_path / "shop")
        return
    mariadb = MariaDB(tmp_path / "mariadb").start()
    try:
        yield Shop(tmp_path / "shop", mariadb)
    finally:
        mariadb.stop()


@pytest.fixture
def shop(bare):
    assert bare.command("migrate", "up").code == 0
    bare.expect("client", "create", "--id", "printer", "--name", "Printer")
    return bare


def token_lines():
    return [{"oauth_token": f"token {i}", "oauth_token_secret": f"secret {i}", "client_id": "printer",
             "username": f"user {i % USERS}"} for i in range(LINES)]


def client_lines():
    return [{"client_id": f"client {i}", "client_secret": f"secret {i}", "callbacks": ["https://a.example/"]}
            for i in range(LINES)]


def finish(process):
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    return json.loads(out)


@pytest.mark.parametrize("what, lines", [("client", client_lines), ("token", token_lines)])
@pytest.mark.parametrize("order", ["same", "another"])
def test_imports_at_once_share_the_work(shop, what, lines, order):
    records = lines()
    paths = []
    for number in range(3):
        paths.append(shop.write(f"{number}.ndjson", records))
        if order == "another":
            random.Random(number).shuffle(records)
    running = [shop.run_import(what, path) for path in paths]
    counts = [finish(process) for process in running]
    assert sum(count["imported"] for count in counts) == LINES, counts
    assert all(count["imported"] + count["skipped"] == LINES and count["refused"] == 0 for count in counts), counts
    assert sum(count["users_created"] for count in counts) == (USERS if what == "token" else 0), counts


def test_an_import_that_was_killed_is_done_by_the_next_one(shop):
    path = shop.write("tokens.ndjson", token_lines())
    for _ in range(4):
        shop.run_and_kill("token", "import", path)
    counts = finish(shop.run_import("token", path))
    assert counts["imported"] + counts["skipped"] == LINES and counts["refused"] == 0, counts
    assert finish(shop.run_import("token", path))["skipped"] == LINES
    assert len({row["username"] for row in shop.list_all("user", "list")}) == USERS


def test_a_migration_that_was_killed_is_done_by_those_that_come_after_it(bare):
    for _ in range(6):
        bare.run_and_kill("migrate", "up")
    for process in [bare.run("migrate", "up") for _ in range(3)]:
        _, err = process.communicate(timeout=60)
        assert process.returncode == 0, err
    assert all(row["applied"] for row in bare.list_all("migrate", "status"))
    bare.expect("client", "create", "--id", "printer", "--name", "Printer")
