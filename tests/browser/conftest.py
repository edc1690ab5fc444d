"""One Chromium for each file of tests, with script and without, and a second one for who meets another person."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from harness.chromium import forget, running_chromium  # noqa: E402


@pytest.fixture(scope="module")
def chromium():
    with running_chromium() as browser:
        browser.set_script_timeout(30)
        yield browser


@pytest.fixture
def browser(chromium):
    """A browser that has never been anywhere."""
    forget(chromium)
    return chromium


@pytest.fixture(scope="module")
def second_chromium():
    with running_chromium() as browser:
        yield browser


@pytest.fixture
def stranger(second_chromium):
    """Another person's browser, that has never been anywhere either."""
    forget(second_chromium)
    return second_chromium


@pytest.fixture
def without_script(browser):
    browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    yield browser
    browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})


@pytest.fixture(params=["script", "no script"])
def page(request, browser):
    """The browser with script, and without."""
    return request.getfixturevalue("without_script") if request.param == "no script" else browser
