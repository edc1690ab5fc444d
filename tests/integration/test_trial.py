"""`./dev run --once`, the first command that a newcomer types: what it prints where nobody sits at a terminal, and that
it names no port at which nobody listens."""

import re
import subprocess

from harness.provider import ROOT, clean_environment


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
