"""A provider on either kind of stores, for tests of what must hold on both: a SQLite file and memory, or MariaDB and Redis."""

import sqlite3
from contextlib import contextmanager

from harness.fleet import Fleet, Stores
from harness.provider import PASSWORD, Provider

KINDS = ("embedded", "served")


class Embedded:
    """One SQLite file, and memory: one process of each service."""

    def __init__(self, folder, **variables):
        self.provider = Provider(folder, **variables)

    def sql(self, statement):
        with sqlite3.connect(self.provider.database, timeout=20) as database:
            return [[str(value) for value in row] for row in database.execute(statement)]

    def stop(self):
        self.provider.stop()


class Served:
    """MariaDB and Redis, and as many of each service as the test is about."""

    def __init__(self, folder, auths, introspections, **variables):
        self.stores = Stores(folder).start()
        self.provider = Fleet(folder / "fleet", self.stores, auths, introspections, **variables)
        self.provider.migrate()

    def sql(self, statement):
        return self.stores.database.sql(statement)

    def stop(self):
        try:
            self.provider.stop()
        finally:
            self.stores.stop()


@contextmanager
def prepared_on(kind, folder, users=("jane",), auths=1, introspections=1, **variables):
    """With users, and not started yet; what runs at the end is stopped. The numbers of services are for "served" alone."""
    made = Embedded(folder, **variables) if kind == "embedded" else Served(folder, auths, introspections, **variables)
    try:
        for name in users:
            made.provider.create_user(name, PASSWORD)
        yield made
    finally:
        made.stop()


@contextmanager
def running_on(kind, folder, **options):
    """The same, started."""
    with prepared_on(kind, folder, **options) as made:
        made.provider.start()
        yield made
