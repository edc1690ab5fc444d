"""Minutes of load with outages of both stores: memory and descriptors stay flat. COUNTERSIGN_SOAK_SECONDS says how
long; 300 if it is not set."""

import os
import time
from pathlib import Path

from harness.fleet import loading, new_fleet, release_binaries
from harness.outages import anonymous_kb, faulty

SECONDS = int(os.environ.get("COUNTERSIGN_SOAK_SECONDS", 300))


def descriptors(service):
    return len(list(Path(f"/proc/{service.process.pid}/fd").iterdir()))


def slope(values):
    """Of a least-squares line through equally distant values, per step."""
    n, mean = len(values), sum(values) / len(values)
    middle = (n - 1) / 2
    return sum((i - middle) * (v - mean) for i, v in enumerate(values)) / sum((i - middle) ** 2 for i in range(n))


def test_memory_and_descriptors_stay_flat(tmp_path):
    with new_fleet(tmp_path, faulty=("database", "redis"), auths=1, introspections=2, bin=release_binaries(),
                   OAUTH1_TIMESTAMP_SKEW=4, OAUTH1_TIMESTAMP_LEAD=1) as fleet:
        key = fleet.create_resource_server()
        credentials = fleet.credentials(fleet.create_client(), 8)
        memory = {service: [] for service in fleet.introspections}
        opened = {}
        with loading("stream", fleet.introspections, credentials, key=key, seconds=SECONDS, rate=1000) as run:
            begin = time.monotonic()
            for step in range(10000):
                if time.monotonic() - begin > SECONDS - 10:
                    break
                proxy = (fleet.stores.redis_proxy, fleet.stores.database_proxy)[step % 2]
                with faulty(proxy, ("refuse", "hang", "rubbish")[step // 2 % 3]):
                    time.sleep(0.5)
                time.sleep(4.5)
                for service, values in memory.items():
                    values.append(anonymous_kb(service))
                    opened.setdefault(service, descriptors(service))
            summary = run.finish(SECONDS + 60)[-1]
        print(summary)
        for service, values in memory.items():
            later = values[len(values) // 3:]
            assert slope(later) * len(later) < 0.02 * later[0] + 64, f"grows: {values} KB"
            assert descriptors(service) <= opened[service] + 2
