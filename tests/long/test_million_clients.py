"""A million clients at the admin port: each page costs what a page costs, wherever it is in the list."""

import pytest

from harness.running import running_on
from integration.test_admin_api import VARIABLES, Admin, new_client

MILLION, PAGE = 1000000, 500
ROWS_MOST = 8 * PAGE  # that the server reads for a page, and for whatever else asks meanwhile


@pytest.fixture(scope="module")
def crowded(tmp_path_factory):
    """All but the last, which waits for approval, are copies of the first."""
    with running_on("mariadb", tmp_path_factory.mktemp("mariadb"), **VARIABLES) as made:
        admin = Admin(made.provider.admin_url)
        new_client(admin, owner="one of a million")
        names = ",".join(name for name, *_ in made.stores.database.sql("SHOW COLUMNS FROM clients")
                         if name not in ("id", "client_id", "owner"))
        made.stores.database.sql(f"INSERT INTO clients (client_id, owner, {names}) SELECT CONCAT('copy-', seq), CONCAT('o-', seq), {names}"
                                 f" FROM seq_1_to_{MILLION} JOIN (SELECT {names} FROM clients) AS first", timeout=300)
        made.stores.database.sql(f"UPDATE clients SET approval = 1 WHERE client_id = 'copy-{MILLION}'")
        yield made, admin


def rows_read(database):
    return sum(int(count) for _, count in database.sql("SHOW GLOBAL STATUS LIKE 'Handler_read%'"))


@pytest.mark.parametrize("query, count", [("", PAGE), ("&page_token={}", PAGE), ("&approval=pending", 1)],
                         ids=["the first page", "the last but one", "who waits for approval"])
def test_a_page_reads_no_more_rows_than_it_needs(crowded, query, count):
    made, admin = crowded
    database = made.stores.database
    (last,) = database.sql("SELECT MAX(id) FROM clients")[0]
    before = rows_read(database)
    page = admin.call("GET", f"clients?page_size={PAGE}{query.format(int(last) - 2 * PAGE)}", 200).json()
    read = rows_read(database) - before
    assert len(page["clients"]) == count
    assert read <= ROWS_MOST, f"{read} rows for {count} clients"
