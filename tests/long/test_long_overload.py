"""Every crowd of tests/integration/test_overload.py, on one loop and two, from few descriptors and many, both services."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "integration"))

from test_overload import sit  # noqa: E402


@pytest.mark.parametrize("soft_limit", [1024, 65536])
@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("kind", ["idle", "slow"])
def test_a_crowd_locks_nobody_out(tmp_path, kind, workers, soft_limit):
    sit(tmp_path / "provider", kind, workers, soft_limit)


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("kind", ["idle", "slow"])
def test_a_crowd_beyond_the_cap_locks_nobody_out(tmp_path, kind, workers):
    sit(tmp_path / "provider", kind, workers, 1024, OAUTH1_CONNECTIONS="2000")
