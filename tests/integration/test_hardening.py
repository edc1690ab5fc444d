"""What the release binaries ask of the kernel and the loader, so that a fault in them is harder to use."""

import os
import platform
import subprocess
from pathlib import Path

import pytest

from harness.provider import ROOT

RELEASE = Path(os.environ.get("COUNTERSIGN_RELEASE_BIN", ROOT / "build/bin"))
FUNCTIONS = 300  # far fewer than each has


def shown(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=120).stdout


@pytest.fixture(params=["auth-service", "introspection-service"])
def binary(request):
    return RELEASE / request.param


def test_is_loaded_anywhere_with_tables_that_cannot_be_written(binary):
    assert "Type:                              DYN" in shown("readelf", "-h", binary)
    assert "GNU_RELRO" in shown("readelf", "-lW", binary)
    dynamic = shown("readelf", "-dW", binary)
    assert "BIND_NOW" in dynamic and "PIE" in dynamic


def test_has_no_stack_that_can_be_run(binary):
    stack = next(line for line in shown("readelf", "-lW", binary).splitlines() if "GNU_STACK" in line)
    assert " RW " in stack and "RWE" not in stack


@pytest.mark.skipif(platform.machine() != "x86_64", reason="a note of x86 alone")
def test_asks_for_a_shadow_stack_and_marks_where_jumps_may_lead(binary):
    assert "SHSTK" in shown("readelf", "-n", binary)
    assert shown("objdump", "-d", "--no-show-raw-insn", binary).count("endbr64") > FUNCTIONS
