"""The database is away for a minute, and probes leave the replicas in service that answer from memory."""

import pytest
from harness.outages import hung, stopped
from integration.test_fleet_probes import fleet, introspect_meanwhile

__all__ = ["fleet"]


@pytest.mark.parametrize("fault", [stopped, hung], ids=["killed", "stopped by a signal"])
def test_without_the_database_for_a_minute_no_introspection_of_what_is_cached_fails(fleet, fault):
    introspect_meanwhile(fleet, fault, 60)
