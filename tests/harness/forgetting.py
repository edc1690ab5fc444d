"""Redis forgets nonces under load: flushed, restarted empty, failed over to a replica that lags behind."""

import time

from harness.fault_proxy import FaultProxy
from harness.fleet import Load
from harness.stores import Redis

REPLICA_LAG_SECONDS = 0.5
BACK_SECONDS = 10  # until fresh requests are accepted again


def flush(stores):
    stores.redis.call("FLUSHALL")


def restart_empty(stores):
    stores.redis.kill()
    stores.redis.forget()
    stores.redis.start()


class Failover:
    """A replica behind a slow link; called, it takes the primary's place without what was still under way."""

    def __init__(self, stores):
        self.stores = stores
        self.link = FaultProxy(stores.redis.port).start()
        self.replica = Redis(stores.redis.directory.parent / "replica", aof=stores.redis.aof, name="replica",
                             clock=stores.redis.clock).start()
        self.replica.replicate(stores.redis, self.link.port)
        self.link.set("pass", delay_s=REPLICA_LAG_SECONDS)

    def __call__(self, stores):
        self.lose_the_primary()
        self.promote_the_replica()

    def lose_the_primary(self):
        self.stores.redis.kill()
        self.link.cut()

    def promote_the_replica(self):
        self.replica.promote()
        self.stores.redis_proxy.point_to(self.replica.port)

    def stop(self):
        self.link.stop()
        self.replica.stop()


def stream_through(fleet, key, credentials, events, skew, lead, rate, before_s=2, between_s=None):
    """Sends with every lag and lead that is allowed, lets each event happen, with time for the guard and what follows
    it between them; every request is sent again each second through two windows. What the load tool printed, and for
    each event how many seconds it took until a request was accepted again."""
    lines, times = stream_events(fleet, key, credentials, events, skew, lead, rate, before_s, between_s)
    return lines, [seconds_until_active(lines, at_ms) for at_ms in times]


def stream_events(fleet, key, credentials, events, skew, lead, rate, before_s=2, between_s=None):
    """The same; what the load tool printed, and when each event was over."""
    between_s = between_s or BACK_SECONDS + 5
    seconds = before_s + between_s * len(events)
    load = Load("stream", fleet.introspections, credentials, key=key, seconds=seconds, rate=rate, lag=skew, lead=lead,
                replay=2 * (skew + lead), timeout_ms=2000)
    times = []
    try:
        load.first_line()
        time.sleep(before_s)
        for event in events:
            event(fleet.stores)
            times.append(time.time() * 1000)
            time.sleep(between_s)
        lines = load.finish(seconds + 4 * (skew + lead) + 120)
    finally:
        if load.process.poll() is None:
            load.end()
    return lines, times


def seconds_until_active(lines, at_ms):
    """From a moment until the first tenth of a second in which a new request was accepted, after one in which none was."""
    later = [line for line in lines if "at_ms" in line and "active" in line and line["at_ms"] > at_ms + 100]
    down = next((i for i, line in enumerate(later) if line["active"] == 0), 0)
    up = next((line for line in later[down:] if line["active"] > 0), None)
    assert up is not None, "nothing was accepted any more"
    return (up["at_ms"] - at_ms) / 1000
