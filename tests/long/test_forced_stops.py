"""Each endpoint, stopped at each of its waits: what tests/integration/test_forced_stop.py does to all of them at once."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "integration"))

from test_forced_stop import Round, fleet_of, twice  # noqa: E402

ENDPOINTS = ("initiate", "authorize", "decide", "token", "login", "introspect", "batch", "verify", "readyz")
PIECES_MAX = 16  # sent to a store until an answer is there; what runs in the background included


@pytest.mark.parametrize("store", ["redis", "database"])
def test_each_endpoint_at_each_wait(tmp_path, store):
    with fleet_of(tmp_path) as fleet:
        proxy = fleet.stores.redis_proxy if store == "redis" else fleet.stores.database_proxy
        client, key = fleet.create_client(), fleet.create_resource_server()
        stops = {}
        for endpoint in ENDPOINTS:
            for pieces in range(PIECES_MAX):
                for service in fleet.services:
                    if not service.running():
                        service.start()
                ready = Round(fleet, client, key)
                proxy.hang_after(pieces)
                [answer] = ready.stop_during([endpoint], lambda: proxy.fault == "hang", twice)
                hung = proxy.fault == "hang"
                proxy.set("pass")
                proxy.cut()
                if answer is not None and not hung:
                    break  # it had all that it needed
                stops[endpoint] = stops.get(endpoint, 0) + hung
        print(store, stops)
        assert sum(stops.values()) >= len(ENDPOINTS)
