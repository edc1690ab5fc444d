"""Every loss of nonces with every step of a clock (harness/clock_steps.py), and some with the default windows."""

import pytest
from harness.clock_steps import default_windows, every_cell
from harness.scenarios import run_all, table


@pytest.mark.parametrize("cells", [every_cell, default_windows])
def test_nothing_is_accepted_twice_and_service_is_back_soon(cells, tmp_path, capsys):
    outcomes = run_all(cells(), tmp_path).values()
    with capsys.disabled():
        print("\n" + table(outcomes))
    bad = [outcome.details() for outcome in outcomes if not outcome.is_good]
    assert not bad, "\n\n".join(bad)
