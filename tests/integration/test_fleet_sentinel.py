"""Redis behind Sentinels: when they make another server the primary, everybody goes there, and nothing is accepted twice."""

import ipaddress
from contextlib import contextmanager
from types import SimpleNamespace

import pytest
from cryptography import x509

from harness.authority import Authority
from harness.fleet import Fleet, PASSWORD
from harness.forgetting import BACK_SECONDS, stream_through
from harness.provider import Provider, free_port
from harness.stores import MariaDB, Redis, Sentinel, WatchedRedis

pytestmark = pytest.mark.xdist_group("fleet-sentinel")
SKEW, LEAD = 2, 1
FAILOVER_SECONDS = 6  # half a second until it counts as gone, a vote, and another where the first was split


@contextmanager
def running(*servers):
    try:
        for server in servers:
            server.start()
        yield
    finally:
        for server in reversed(servers):
            server.stop()


@pytest.fixture
def fleet(tmp_path):
    redis, database = WatchedRedis(tmp_path / "redis"), MariaDB(tmp_path / "mariadb")
    with running(redis, database):
        stores = SimpleNamespace(redis=redis, variables=lambda: {"OAUTH1_DATABASE_URL": database.url,
                                                                 "OAUTH1_REDIS_URL": redis.url})
        made = Fleet(tmp_path / "fleet", stores, auths=1, introspections=2, OAUTH1_TIMESTAMP_SKEW=SKEW,
                     OAUTH1_TIMESTAMP_LEAD=LEAD)
        try:
            made.start()
            made.create_user("jane", PASSWORD)
            yield made
        finally:
            made.stop()


def change_them(stores):
    """While both run: a primary that was demoted keeps its connections."""
    stores.redis.sentinels[0].call("SENTINEL", "FAILOVER", "mymaster")


def kill_the_primary(stores):
    assert stores.redis.second.info("replication")["role"] == "master"
    stores.redis.second.kill()


def test_after_a_failover_everybody_is_at_the_new_primary_and_no_replay_is_accepted(fleet):
    key = fleet.create_resource_server()
    credentials = fleet.credentials(fleet.create_client(), 3)
    lines, (_, after_kill) = stream_through(fleet, key, credentials, [change_them, kill_the_primary], SKEW, LEAD, rate=100,
                                 between_s=BACK_SECONDS + FAILOVER_SECONDS + 2)
    assert lines[-1]["accepted_again"] == 0, [line for line in lines if "event" in line]
    assert after_kill <= BACK_SECONDS + FAILOVER_SECONDS
    assert lines[-1]["first"]["active"] > 0.5 * lines[-1]["requests"], "most of the time it was up"
    assert fleet.stores.redis.first.info("replication")["role"] == "master"
    assert lines[-1]["first"]["without_retry_after"] == 0


def test_sentinel_and_primary_may_both_want_tls_and_passwords(tmp_path):
    directory = tmp_path / "certificates"
    directory.mkdir()
    ours, another = Authority(directory, "ours"), Authority(directory, "another")
    certificate, key = ours.issue("redis", x509.IPAddress(ipaddress.ip_address("127.0.0.1")))
    tls = {"tls-cert-file": certificate, "tls-key-file": key, "tls-ca-cert-file": ours.file, "tls-auth-clients": "no"}
    primary_port, sentinel_port = free_port(), free_port()
    primary = Redis(tmp_path / "redis", options=["--tls-port", primary_port, "--requirepass", "primary secret",
                                                 *(word for name in tls for word in (f"--{name}", tls[name]))])
    lines = "\n".join([*(f"{name} {tls[name]}" for name in tls), f"tls-port {sentinel_port}", "tls-replication yes",
                       'sentinel auth-pass mymaster "primary secret"', 'requirepass "sentinel secret"'])
    sentinel = Sentinel(tmp_path / "sentinel", primary_port, lines=lines)
    url = f"rediss+sentinel://127.0.0.1:{sentinel_port}/mymaster?sentinel_password=sentinel%20secret&ca="
    provider = Provider(tmp_path / "provider", OAUTH1_REDIS_PASSWORD="primary secret")
    with running(primary, sentinel):
        assert provider.command("migrate", "up").code == 0
        assert provider.command("janitor", OAUTH1_REDIS_URL=url + ours.file).code == 0
        for spoilt, word in [(url + another.file, "certificate"),
                             (url.replace("sentinel_password=", "sentinel_password=not") + ours.file, "sentinel_password"),
                             (url.replace("?sentinel_password=sentinel%20secret&", "?") + ours.file, "sentinel_password")]:
            outcome = provider.command("janitor", OAUTH1_REDIS_URL=spoilt)
            assert outcome.code == 3 and word in outcome.err, outcome
        outcome = provider.command("janitor", OAUTH1_REDIS_URL=url + ours.file, OAUTH1_REDIS_PASSWORD="not that one")
        assert outcome.code == 3 and "OAUTH1_REDIS_PASSWORD" in outcome.err, outcome
