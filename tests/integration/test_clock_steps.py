"""No request is accepted twice, whatever is lost and whatever a clock says, and fresh ones are accepted again soon.

A matrix of losses and steps of clocks, of which some are tried each day and all of them in tests/long, and what happened
in other ways: harness/clock_steps.py. They run at once, before the first of these tests looks at what came of its own."""

import pytest
from harness.clock_steps import daily
from harness.provider import ROOT
from harness.scenarios import run_all, table

pytestmark = pytest.mark.xdist_group("clock-steps")


@pytest.fixture(scope="module")
def outcomes(request, tmp_path_factory):
    items = [item for item in request.session.items if item.module is request.module]
    chosen = [item.callspec.params["scenario"] for item in items]  # those that were asked for
    made = run_all(chosen, tmp_path_factory.mktemp("scenarios"))
    log = ROOT / "build/log/clock-steps.txt"
    log.parent.mkdir(parents=True, exist_ok=True)
    log.write_text(table(made.values()) + "\n")
    return made


@pytest.mark.parametrize("scenario", daily(), ids=str)
def test_nothing_is_accepted_twice_and_service_is_back_soon(outcomes, scenario):
    outcome = outcomes[scenario]
    assert outcome.is_good, outcome.details()
