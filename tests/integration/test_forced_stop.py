"""A stop that waits for nobody, while a store hangs and a request waits at each of its places: the process ends with 0, in
time, and without having touched what it had already given back (the binaries have the address sanitizer)."""

import signal
import sqlite3
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from harness.fleet import PASSWORD, Stores, new_fleet
from harness.flow import Flow, send
from harness.owner import Owner, Page
from harness.provider import Provider, describe

ORIGIN = "https://api.example"
pytestmark = pytest.mark.xdist_group("forced-stop")
END_SECONDS = 15  # the save of the nonces waits 10 s for a locked database


def twice(services):
    for service in services:
        service.process.send_signal(signal.SIGTERM)
    time.sleep(0.02)
    for service in services:
        if service.running():
            service.process.send_signal(signal.SIGTERM)


def once(services):
    for service in services:
        service.process.send_signal(signal.SIGTERM)


STOPS = {"two signals": (twice, {}), "no time to finish": (once, {"OAUTH1_SHUTDOWN_TIMEOUT": 0})}


def quietly(call):
    """The answer, or None where the connection ended without one."""
    try:
        return call()
    except requests.RequestException:
        return None


class Round:
    """A running provider, and one request to each endpoint, to be sent at once."""

    def __init__(self, provider, client, key):
        self.provider = provider
        owner = Owner(provider, "jane", PASSWORD)
        stranger = Owner(provider, "jane", PASSWORD)
        asking, granted = Flow(provider, client, owner), Flow(provider, client, owner)
        asking.initiate()
        granted.initiate()
        granted.grant()
        consent = owner.consent_page(asking.temporary.token)
        login = Page(stranger.follow_within(stranger.get(f"/oauth/authorize?oauth_token={asking.temporary.token}")))
        token = Flow(provider, client, owner).token()
        headers = {**token.sign("GET", ORIGIN + "/x").headers, "X-Forwarded-Method": "GET", "X-Forwarded-Uri": "/x",
                   "X-Forwarded-Proto": "https", "X-Forwarded-Host": "api.example"}
        batch = {"requests": [describe(token.sign("GET", f"{ORIGIN}/{i}")) for i in range(3)]}
        self.calls = {
            "initiate": lambda: send(asking.initiate_request()),
            "authorize": lambda: owner.get(f"/oauth/authorize?oauth_token={asking.temporary.token}"),
            "decide": lambda: owner.submit(consent, consent.form_with("decision"), decision="grant"),
            "token": lambda: send(granted.exchange_request()),
            "login": lambda: stranger.submit(login, login.form_with("password"), username="jane", password=PASSWORD),
            "introspect": lambda: provider.introspect(key, token.sign("GET", ORIGIN + "/x")),
            "batch": lambda: requests.post(f"{provider.introspection_url}/v1/introspect/batch", json=batch, timeout=20,
                                           headers={"Authorization": f"Bearer {key}"}),
            "verify": lambda: requests.get(provider.introspection_url + "/verify", headers=headers, timeout=20),
            "readyz": lambda: requests.get(provider.auth.ops + "/readyz", timeout=20),
        }

    def stop_during(self, names, is_hung, stop):
        """Sends the requests, and stops the services as soon as the store hangs (or all is answered); the answers."""
        with ThreadPoolExecutor(len(names)) as pool:
            sent = [pool.submit(quietly, self.calls[name]) for name in names]
            while not is_hung() and not all(one.done() for one in sent):
                time.sleep(0.002)
            time.sleep(0.02)
            begin = time.monotonic()
            stop(self.provider.services)
            for service in self.provider.services:
                service.wait_for_end()
            assert time.monotonic() - begin < END_SECONDS
            return [one.result() for one in sent]


def fleet_of(tmp_path, **variables):
    return new_fleet(tmp_path, stores=Stores(tmp_path, faulty=("database", "redis")), auths=1, introspections=1, OAUTH1_ORIGINS=ORIGIN,
                     OAUTH1_TRUSTED_PROXIES="127.0.0.1", **variables)


@pytest.mark.parametrize("how", STOPS)
@pytest.mark.parametrize("store", ["redis", "database"])
def test_a_store_hangs_at_any_wait(tmp_path, store, how):
    stop, variables = STOPS[how]
    with fleet_of(tmp_path, **variables) as fleet:
        proxy = fleet.stores.redis_proxy if store == "redis" else fleet.stores.database_proxy
        client, key = fleet.create_client(), fleet.create_resource_server()
        hung = 0
        for pieces in range(0, 24, 4):
            for service in fleet.services:
                if not service.running():
                    service.start()
            ready = Round(fleet, client, key)
            proxy.hang_after(pieces)
            ready.stop_during(list(ready.calls), lambda: proxy.fault == "hang", stop)
            hung += proxy.fault == "hang"
            proxy.set("pass")
            proxy.cut()
        assert hung >= 3, "there was hardly a wait"


@pytest.mark.parametrize("how", STOPS)
def test_the_embedded_database_is_locked(tmp_path, how):
    stop, variables = STOPS[how]
    provider = Provider(tmp_path, OAUTH1_ORIGINS=ORIGIN, OAUTH1_TRUSTED_PROXIES="127.0.0.1", **variables).start()
    provider.create_user("jane", PASSWORD)
    ready = Round(provider, provider.create_client(), provider.create_resource_server())
    lock = sqlite3.connect(provider.database, isolation_level=None)
    lock.execute("BEGIN EXCLUSIVE")
    try:
        ready.stop_during(list(ready.calls), lambda: True, stop)
    finally:
        lock.close()
