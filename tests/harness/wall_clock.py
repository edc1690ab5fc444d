"""The wall clock of a host that a test sets while its processes run. Their steady clocks go on."""

import os
import struct
import time
from pathlib import Path

from harness.provider import BIN

LIBRARY = BIN.parent / "tests/libwall_clock.so"


class WallClock:
    """Any number of processes on one host: redis-server, or ours without sanitizers (their runtime wants to be first)."""

    def __init__(self, path):
        self.file = Path(path)
        self.ahead_s = 0
        self.set(0)

    def set(self, ahead_s):
        """How far it is ahead of the true time from now on; negative: behind."""
        self.ahead_s = ahead_s
        descriptor = os.open(self.file, os.O_WRONLY | os.O_CREAT, 0o600)
        try:  # one write, so that nobody reads half of it
            os.pwrite(descriptor, struct.pack("=qq", 0, round(ahead_s * 1000000)), 0)
        finally:
            os.close(descriptor)

    def now(self):
        return time.time() + self.ahead_s

    def variables(self):
        """The environment of a process that lives by it."""
        assert LIBRARY.exists(), f"no {LIBRARY}: run ./dev test asan"
        return {"LD_PRELOAD": str(LIBRARY), "WALL_CLOCK_FILE": str(self.file)}
