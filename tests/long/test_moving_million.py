"""A million tokens imported with bounded memory, killed half-way and run again: nothing lost, nothing twice."""

import sqlite3

from harness.moving import import_killed_half_way
from harness.provider import Provider
from harness.stores import MariaDB

MILLION = 1000000


def test_a_million_tokens_come_into_sqlite(tmp_path):
    provider = Provider(tmp_path)

    def count_tokens():
        with sqlite3.connect(provider.database) as database:
            return database.execute("SELECT COUNT(*) FROM tokens").fetchone()[0]

    import_killed_half_way(provider, MILLION, count_tokens)


def test_a_million_tokens_come_into_mariadb(tmp_path):
    server = MariaDB(tmp_path / "mariadb").start()
    try:
        provider = Provider(tmp_path / "shop", OAUTH1_DATABASE_URL=server.url)
        assert provider.command("migrate", "up").code == 0
        import_killed_half_way(provider, MILLION, lambda: int(server.sql("SELECT COUNT(*) FROM tokens")[0][0]))
    finally:
        server.stop()
