"""Health follows /readyz: what answers 503, in an outage or during a guard, is not called healthy, neither by docker nor by
`up --wait`."""

import time

import pytest
from harness.compose import BUILT, docker

LATE_SECONDS = 5  # a check is made every 2 s, and says what /readyz found within a second; the rest is the machine's


def samples_until(container, binary, is_over):
    """Moments at which what is ready and what is called healthy was asked: (when, ready, healthy)."""
    seen, until = [], time.monotonic() + 90
    while not seen or not is_over(*seen[-1][1:]):
        assert time.monotonic() < until, seen[-20:]
        asked = time.monotonic()
        is_ready = docker("exec", container, binary, "healthcheck", check=False).returncode == 0
        status = docker("inspect", "-f", "{{.State.Health.Status}}", container).stdout.strip()
        seen.append((asked, is_ready, status == "healthy"))
    return seen


def wrongly_healthy(seen):
    """The samples that are called healthy though there was no 200 for so long."""
    since, wrong = None, []
    for asked, is_ready, is_healthy in seen:
        since = None if is_ready else since or asked
        if since and is_healthy and asked - since > LATE_SECONDS:
            wrong.append(asked - since)
    return wrong


@pytest.mark.parametrize("service", BUILT)
def test_what_answers_503_is_not_called_healthy(stack, service):
    (container, *_) = stack.containers(service)
    stack.compose("stop", "redis")
    try:
        seen = samples_until(container, service, lambda is_ready, is_healthy: not is_ready and not is_healthy)
        assert not wrongly_healthy(seen), seen
        waited = stack.compose("up", "-d", "--wait", "--no-deps", "--no-recreate", service, check=False)
        assert waited.returncode != 0 and "unhealthy" in waited.stderr, waited
    finally:
        stack.compose("start", "redis")
    # a restarted Redis may have lost nonces: a guard
    seen = samples_until(container, service, lambda is_ready, is_healthy: is_ready and is_healthy)
    assert any(not is_ready for _, is_ready, _ in seen), "there was no guard"
    assert not wrongly_healthy(seen) and not any(is_healthy and not is_ready for _, is_ready, is_healthy in seen), seen
    stack.up("--no-deps", "--no-recreate", service)
