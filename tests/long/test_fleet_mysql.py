"""A fleet on MySQL 9.7: exchanges that race, kill -9 of the server under load, its password rotated and retired."""

import random
import re

import pytest
import requests

from harness import mysql_container
from harness.crashes import KillRounds
from harness.fleet import PASSWORD, Stores, load, new_fleet, write_credentials
from harness.flow import Flow
from harness.owner import Owner
from harness.provider import ROOT
from integration.test_reload import reload

SKEW, LEAD = 4, 2
ROUNDS = 5


@pytest.fixture
def fleet(tmp_path):
    why = mysql_container.why_not()
    if why:
        pytest.skip(why)
    stores = Stores(tmp_path, database=mysql_container.MySQLContainer(), aof=True)
    with new_fleet(tmp_path, stores=stores, auths=2, introspections=2, OAUTH1_TIMESTAMP_SKEW=SKEW,
                   OAUTH1_TIMESTAMP_LEAD=LEAD) as made:
        yield made


def test_a_temporary_credential_yields_one_token(fleet, tmp_path):
    client, owner = fleet.create_client(), Owner(fleet, "jane", PASSWORD)
    flows = [Flow(fleet, client, owner) for _ in range(8)]
    for flow in flows:
        flow.initiate()
        flow.grant()
    grants = write_credentials(tmp_path / "grants", [f.temporary for f in flows], [f.verifier for f in flows])
    summary = load("exchange", fleet.auths, grants, fanout=100, url=fleet.url + "/oauth/token")[-1]
    assert (summary["once"], summary["again"], summary["never"]) == (8, 0, 0)


def test_the_server_may_be_killed_at_any_moment(fleet):
    client = fleet.create_client()
    rounds = KillRounds(fleet, fleet.create_resource_server(), client, fleet.credentials(client, 3), SKEW, LEAD,
                        seed=random.randrange(1 << 30))
    try:
        rounds.wait_for_a_token()
        for _ in range(ROUNDS):
            rounds.round("database")
        print(rounds.reconcile())
    finally:
        rounds.end()


def documented(words):
    """The one statement of docs/operations.md that has these words, for the user of the services."""
    page = re.sub(r"\s+", " ", (ROOT / "docs/operations.md").read_text(encoding="utf-8"))
    (statement,) = re.findall(rf"`(ALTER USER …[^`]*{words})`", page)
    return statement.replace("…", "countersign@'%'").replace("'NEW'", "'a new one'")


def use_a_new_connection(fleet, mysql):
    """Those that are open outlive every change of passwords."""
    for number, user, *_ in mysql.root("SHOW PROCESSLIST"):
        if user == mysql.user:
            mysql.root(f"KILL {number}")
    assert Flow(fleet, fleet.create_client(), Owner(fleet, "jane", PASSWORD)).token()
    for service in fleet.services:
        answer = requests.get(service.ops + "/readyz?verbose", timeout=5)
        assert answer.status_code == 200 and "degraded" not in answer.text, answer.text


def test_the_password_is_rotated_and_retired_by_the_statements_of_the_page(tmp_path):
    why = mysql_container.why_not()
    if why:
        pytest.skip(why)
    mysql, file = mysql_container.MySQLContainer(), tmp_path / "password"
    file.write_text(mysql.password)
    with new_fleet(tmp_path, stores=Stores(tmp_path, database=mysql), auths=1, introspections=1, OAUTH1_LOG_LEVEL="info",
                   OAUTH1_DATABASE_URL=f"mysql://{mysql.user}@127.0.0.1:{mysql.port}/{mysql.database}",
                   OAUTH1_DATABASE_PASSWORD_FILE=file) as fleet:
        mysql.root(documented("RETAIN CURRENT PASSWORD"))
        file.write_text("a new one")
        for service in fleet.services:
            reload(service)
        assert mysql.sql("SELECT 1") == mysql.sql("SELECT 1", password="a new one") == [["1"]]
        use_a_new_connection(fleet, mysql)
        mysql.root(documented("DISCARD OLD PASSWORD"))
        with pytest.raises(AssertionError, match="Access denied"):
            mysql.sql("SELECT 1")
        use_a_new_connection(fleet, mysql)
