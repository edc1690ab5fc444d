"""Whatever happens to the service or its store, nothing gets through meanwhile, and then everything does again."""

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
from harness.signer import Request
from running import GATEWAYS, HAProxy
from upstream import Upstream
from wire import ORIGIN, send_signed

RECOVERY_SECONDS = 20


@contextmanager
def service_ends(provider, **_):
    provider.introspection.stop()
    try:
        yield
    finally:
        provider.introspection.start()


@contextmanager
def fault(proxy, kind):
    proxy.set(kind)
    try:
        yield
    finally:
        proxy.set("pass")
        proxy.cut()


FAULTS = {
    "service_stopped": lambda provider, service, store: service_ends(provider),
    "service_refuses": lambda provider, service, store: fault(service, "refuse"),
    "service_hangs": lambda provider, service, store: fault(service, "hang"),
    "service_answers_rubbish": lambda provider, service, store: fault(service, "rubbish"),
    "store_refuses": lambda provider, service, store: fault(store, "refuse"),
    "store_hangs": lambda provider, service, store: fault(store, "hang"),
    "store_answers_rubbish": lambda provider, service, store: fault(store, "rubbish"),
}


def is_let_in(gateway, token):
    return send_signed(gateway.port, token.sign("GET", ORIGIN + "/photos")).from_api


@pytest.mark.parametrize("name", FAULTS)
def test_nothing_gets_through_while_the_check_cannot_be_made(
        gateway, upstream, provider, service_proxy, redis_proxy, token, name):
    assert is_let_in(gateway, token)
    begin = len(upstream.seen)
    with FAULTS[name](provider, service_proxy, redis_proxy):
        asked = time.monotonic()
        requests = [token.sign("GET", ORIGIN + "/photos"), Request("GET", ORIGIN + "/photos")]
        with ThreadPoolExecutor() as pool:
            signed, unsigned = pool.map(lambda request: send_signed(gateway.port, request), requests)
        assert time.monotonic() - asked < 15
        assert signed.status in (502, 503, 504) and not signed.from_api, signed
        assert unsigned.status in (401, 502, 503, 504) and not unsigned.from_api, unsigned
        assert len(upstream.seen) == begin
    again = time.monotonic()
    while not is_let_in(gateway, token):
        assert time.monotonic() - again < RECOVERY_SECONDS
        time.sleep(0.1)


def test_how_long_a_guard_lasts_is_passed_on(gateway, provider, redis, token):
    """Nonces were lost, so fresh requests are refused for some seconds (docs/design/nonce-guard.md): clients learn how many."""
    assert is_let_in(gateway, token)
    redis.call("FLUSHALL")
    begin = time.monotonic()
    seconds = []
    while not (reply := send_signed(gateway.port, token.sign("GET", ORIGIN + "/photos"))).from_api:
        assert time.monotonic() - begin < RECOVERY_SECONDS, reply
        if reply.status == 503:
            seconds += map(int, reply.all("Retry-After"))
        time.sleep(0.1)
    assert max(seconds) > 1 and max(seconds) <= RECOVERY_SECONDS, seconds


def test_a_check_that_was_sent_is_not_sent_again(gateway, upstream, service_proxy, token):
    """The service found it good and its answer was lost: asked again, it would find the nonce spent."""
    assert is_let_in(gateway, token)  # there is a kept connection now, where the gateway keeps any
    begin, lost = len(upstream.seen), service_proxy.lost_replies
    request = token.sign("GET", ORIGIN + "/photos")
    service_proxy.lose_replies_to(request.authorization.encode())
    try:
        reply = send_signed(gateway.port, request)
    finally:
        service_proxy.lose_replies_to(None)
    assert reply.status in (401, 502, 503, 504), reply
    assert (service_proxy.lost_replies - lost > 1) == gateway.repeats_checks
    assert send_signed(gateway.port, request).status == 401
    assert len(upstream.seen) == begin


def test_haproxy_goes_on_after_an_error_in_a_script_and_the_configuration_does_not(tmp_path, service_proxy, upstream, token):
    begin = len(upstream.seen)
    broken = HAProxy(tmp_path, service_proxy.port, upstream.port)
    script = broken.directory / "countersign.lua"
    script.write_text(script.read_text().replace("txn.sf:pathq()", "txn.sf:pathq().nothing.here"))
    broken.start()
    try:
        assert send_signed(broken.port, token.sign("GET", ORIGIN + "/photos")).status == 503
        assert "runtime error" in broken.log.read_text()
    finally:
        broken.stop()
    assert len(upstream.seen) == begin


@pytest.mark.parametrize("kind", GATEWAYS, ids=lambda kind: kind.name)
def test_another_server_that_says_200_to_everything(kind, tmp_path, upstream, token):
    """A wrong address in the configuration: who asks is not known, so nobody is let in."""
    begin = len(upstream.seen)
    with Upstream() as anything:
        wrong = kind(tmp_path, anything.port, upstream.port).start()
        try:
            reply = send_signed(wrong.port, token.sign("GET", ORIGIN + "/photos"), ("X-OAuth-Client-Id", "evil"))
        finally:
            wrong.stop()
    assert reply.status == 503 and len(upstream.seen) == begin, reply
