"""A Redis that answers and still cannot be used makes the services unready; /readyz?verbose says what is wrong with it and
what to do, and they are ready again by themselves."""

import time
from types import SimpleNamespace

import pytest
import requests
from harness.provider import Provider
from harness.stores import Redis

SECONDS = 10


@pytest.fixture
def it(tmp_path):
    redis = Redis(tmp_path / "redis").start()
    provider = Provider(tmp_path / "provider", OAUTH1_REDIS_URL=redis.url).start()
    yield SimpleNamespace(provider=provider, redis=redis, directory=tmp_path)
    provider.stop()
    redis.stop()


def wait_until(service, status, *words):
    begin = time.monotonic()
    while True:
        answer = requests.get(service.ops + "/readyz?verbose", timeout=5)
        if answer.status_code == status and all(word in answer.text for word in words):
            return
        assert time.monotonic() - begin < SECONDS, (answer.status_code, answer.text)
        time.sleep(0.05)


def check_all(it, status, *words):
    for service in it.provider.services:
        wait_until(service, status, *words)


def test_a_redis_that_evicts_is_named_with_its_policy_and_what_to_set(it):
    it.redis.call("CONFIG", "SET", "maxmemory-policy", "allkeys-lru")
    check_all(it, 503, f"[-] ephemeral: Redis at 127.0.0.1:{it.redis.port}: its maxmemory-policy is allkeys-lru",
              "set maxmemory-policy noeviction")
    it.redis.call("CONFIG", "SET", "maxmemory-policy", "noeviction")
    check_all(it, 200, "[+] ephemeral\n")


def test_a_redis_that_became_a_replica_is_named_and_the_primary_asked_for(it):
    primary = Redis(it.directory / "primary", name="primary").start()
    try:
        it.redis.replicate(primary)
        check_all(it, 503, f"[-] ephemeral: Redis at 127.0.0.1:{it.redis.port}: it is a read-only replica",
                  "name the primary in OAUTH1_REDIS_URL")
        it.redis.promote()
        check_all(it, 200, "[+] ephemeral\n")
    finally:
        primary.stop()


def test_a_redis_that_is_gone_is_named_with_the_reason(it):
    it.redis.kill()
    check_all(it, 503, f"[-] ephemeral: Redis at 127.0.0.1:{it.redis.port}: Connection refused")
    it.redis.start()
    check_all(it, 200, "[+] ephemeral\n")


@pytest.mark.parametrize("wrong, right", [
    pytest.param(("CONFIG", "SET", "min-replicas-to-write", "1"), ("CONFIG", "SET", "min-replicas-to-write", "0"), id="replicas"),
    pytest.param(("ACL", "SETUSER", "default", "-get"), ("ACL", "SETUSER", "default", "+get"), id="acl"),
])
def test_a_redis_that_takes_no_writes_makes_the_services_unready_at_once(it, wrong, right):
    """And not only when the epoch's record is over, which takes half a minute."""
    it.redis.call(*wrong)
    try:
        for service in it.provider.services:
            wait_until(service, 503, "[-] Redis takes no writes, so no nonce can be remembered")
            assert "writes are refused" in service.text()
    finally:
        it.redis.call(*right)
    check_all(it, 200, "[+] ephemeral\n")


def test_a_full_redis_makes_the_services_unready_until_there_is_room_again(it):
    it.redis.call("CONFIG", "SET", "maxmemory", "1")
    check_all(it, 503, "[-] Redis is at its maxmemory", "give it more room")
    it.redis.call("CONFIG", "SET", "maxmemory", "0")
    check_all(it, 200, "[+] ephemeral\n")
