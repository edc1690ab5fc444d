"""docs/restore.md's commands for Compose, typed as they stand there: all volumes are lost, and the same client signs with the same token."""

import pytest

from demo_client import demo_signer
from harness.compose import BUILT, Stack
from harness.document import commands_of
from harness.flow import send

LEAD_S = 2


@pytest.fixture
def own(tmp_path):
    """A stack of its own, for it is taken down."""
    services = {name: {"environment": {"OAUTH1_TIMESTAMP_LEAD": str(LEAD_S)}} for name in (*BUILT, "migrate")}
    made = Stack(tmp_path, {"services": services})
    try:
        made.up()
        yield made
    finally:
        made.close()


def run(stack, title):
    block = commands_of("restore.md", title)
    assert title.startswith("backup") or "\nsleep 65\n" in block
    done = stack.shell("set -e\n" + block.replace("sleep 65", f"sleep {LEAD_S + 6}"), timeout=400)
    assert done.returncode == 0, f"{done.stdout}{done.stderr}{stack.state()}"


def test_all_volumes_come_back_and_the_same_token_is_good(own):
    made, url = demo_signer(own), f"{own.url}/api/photos"
    run(own, "backup of compose")
    spent = made.sign("GET", url)
    assert send(spent).status_code == 200
    own.compose("--profile", "*", "down", "-v")
    assert own.left() == {}
    run(own, "restore of compose")
    assert send(made.sign("GET", url)).status_code == 200
    assert send(spent).status_code in (401, 503), "what was accepted after the backup is accepted again"
