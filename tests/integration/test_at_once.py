"""Commands that run at the same time, or are killed in the middle: nothing is lost or there twice, and a further run
does the rest."""

import json
import random
import signal
import sqlite3
import subprocess
import time
from contextlib import contextmanager

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
        self.mariadb = mariadb

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


@pytest.mark.parametrize("bare", ["SQLite"], indirect=True)
def test_an_import_lets_others_write_between_its_batches(shop):
    """Services wait 150 ms for the lock, and other commands 10 s: SQLite gives it to whoever asks while it is free."""
    records = [{**line, "oauth_token": f"{line['oauth_token']} {part}"} for part in range(6) for line in token_lines()]
    process = shop.run_import("token", shop.write("tokens.ndjson", records))
    database = sqlite3.connect(shop.database, isolation_level=None, timeout=0)
    seen = []
    while process.poll() is None:
        try:
            database.execute("BEGIN IMMEDIATE")
            database.execute("ROLLBACK")
            seen.append("free")
        except sqlite3.OperationalError as locked:
            assert "locked" in str(locked)
            seen.append("locked")
        time.sleep(0.005)
    database.close()
    assert finish(process)["imported"] == len(records)
    meanwhile = seen[seen.index("locked"):-seen[::-1].index("locked")]
    assert meanwhile.count("free") > len(meanwhile) / 20, (meanwhile.count("free"), len(meanwhile))


@pytest.mark.parametrize("bare", ["SQLite"], indirect=True)
def test_an_import_waits_longer_for_the_lock_than_another_command(shop):
    """Imports at once take turns, and one that is unlucky waits for several of the others' batches."""
    lock = sqlite3.connect(shop.database, isolation_level=None)
    lock.execute("BEGIN IMMEDIATE")
    process = shop.run_import("token", shop.write("tokens.ndjson", token_lines()[:2]))
    assert shop.command("client", "create", "--name", "late").code == 3  # after 10 s
    lock.execute("ROLLBACK")
    lock.close()
    assert finish(process)["imported"] == 2


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


@contextmanager
def nobody_writes_the_audit_log(mariadb):
    """So that a deed stops short of its commit, and goes on where this ends."""
    session = subprocess.Popen(["mariadb", "--no-defaults", f"--socket={mariadb.socket}", "--user=root", "--batch", "--unbuffered",
                                "--skip-column-names", mariadb.database], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    session.stdin.write("LOCK TABLES audit WRITE; SELECT 'locked';\n")
    session.stdin.flush()
    assert session.stdout.readline() == "locked\n"
    try:
        yield
    finally:
        session.communicate("UNLOCK TABLES;\n", timeout=20)


def wait_until_there_is(mariadb, row):
    deadline = time.monotonic() + 20
    while not mariadb.sql(f"SELECT 1 FROM information_schema.{row}", user="root"):
        assert time.monotonic() < deadline, mariadb.sql("SHOW FULL PROCESSLIST", user="root")
        time.sleep(0.2)  # who asks InnoDB again within 100 ms is answered the same as before


@pytest.mark.parametrize("bare", ["MariaDB"], indirect=True)
@pytest.mark.parametrize("deed, live", [("revoke", 0), ("rotate-key --end-former", 1)])
def test_a_deed_on_a_resource_server_sees_the_key_of_a_rotation_that_it_waited_for(shop, deed, live):
    """SQLite's transactions write one after the other."""
    shop.create_resource_server()
    with nobody_writes_the_audit_log(shop.mariadb):
        rotation = shop.run("resource-server", "rotate-key", "photos")
        wait_until_there_is(shop.mariadb, "processlist WHERE state LIKE 'Waiting for table metadata lock'")
        second = shop.run("resource-server", *deed.split(), "photos")
        wait_until_there_is(shop.mariadb, "innodb_trx WHERE trx_state = 'LOCK WAIT'")
    for process in (rotation, second):
        _, err = process.communicate(timeout=30)
        assert process.returncode == 0, err
    assert shop.mariadb.sql("SELECT COUNT(*) FROM resource_servers WHERE revoked_at IS NULL") == [[str(live)]]
