"""`./dev run`, the first command that a newcomer types: what it prints where nobody sits at a terminal, that it names no
port at which nobody listens, and that what it tells to try next works."""

import re
import shlex
import signal
import subprocess
import time

import pytest
from harness.provider import ROOT, clean_environment

pytestmark = pytest.mark.xdist_group("trial")  # there is one at a time


def test_a_trial_goes_through_the_three_legs_and_writes_plain_text_into_a_file(tmp_path):
    shown = tmp_path / "shown.txt"
    is_built = (ROOT / "build/bin/auth-service").exists()
    with shown.open("wb") as out:
        done = subprocess.run([ROOT / "dev", "run", "--once"], stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT,
                              timeout=540, env=clean_environment({}))
    text = shown.read_text(encoding="utf-8")
    assert done.returncode == 0, text
    assert "\x1b" not in text
    assert text.startswith("building build/bin") != is_built, "it says that it builds, where that takes minutes"
    assert '"active": true' in text or '"active":true' in text, text
    assert "All steps done" in text
    announced = [line for line in text.splitlines() if re.match(r"(auth|introspection)-service +http", line)]
    assert [re.findall(r"\(([a-z]+) \d+", line) for line in announced] == [["ops"], ["ops"]], announced


def test_what_a_trial_tells_to_try_next_finds_its_decisions_and_no_second_one_takes_its_folder(tmp_path):
    shown = tmp_path / "shown.txt"
    with shown.open("wb") as out:
        run = subprocess.Popen([ROOT / "dev", "run"], stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT,
                               env=clean_environment({}))
    try:
        begin = time.monotonic()
        while "auth-service why" not in (text := shown.read_text(encoding="utf-8")):
            assert run.poll() is None and time.monotonic() - begin < 540, text
            time.sleep(0.1)
        lines = [line.strip() for line in text.splitlines()]
        exported = next(line for line in lines if line.startswith("export OAUTH1_DEV"))
        command = shlex.split(next(line for line in lines if "auth-service why" in line))
        variables = dict(word.split("=", 1) for word in exported.split()[1:])
        while "active; GET http://photos.example/photos" not in (told := subprocess.run(
                command, cwd=ROOT, env=clean_environment(variables), capture_output=True, text=True, timeout=60).stdout):
            assert time.monotonic() - begin < 600, told
            time.sleep(0.1)
        second = subprocess.run([ROOT / "dev", "run", "--once"], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                                timeout=540, env=clean_environment({}))
        assert second.returncode == 1 and "another trial runs" in second.stderr, second
        assert run.poll() is None and (ROOT / "build/run/photos.key").exists()  # which goes on
    finally:
        run.send_signal(signal.SIGTERM)
        run.wait(60)
