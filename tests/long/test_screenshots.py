"""Every page in light and dark, on a desktop and on a phone, in each language: pictures in build/screenshots, to be looked at.
What a picture cannot be judged for by a machine is left to eyes; what can be is asserted: nothing is wider than the screen, and
the browser refused nothing for the pages' policy."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from harness.chromium import SCHEMES, SCREENS, running_chromium, set_screen, violations  # noqa: E402
from harness.every_page import LANGUAGES, every_page  # noqa: E402

PICTURES = Path(__file__).resolve().parents[2] / "build/screenshots"


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    with every_page(tmp_path_factory.mktemp("screenshots")) as made:
        yield made


@pytest.fixture(scope="module")
def chromium():
    with running_chromium() as browser:
        yield browser


def picture(browser, name, scheme, screen):
    set_screen(browser, scheme, screen)
    wide = browser.execute_script("return document.documentElement.scrollWidth - window.innerWidth")
    tall = browser.execute_script("return document.documentElement.scrollHeight")
    set_screen(browser, scheme, screen, max(tall, 300))
    browser.execute_async_script("requestAnimationFrame(() => requestAnimationFrame(arguments[0]))")  # painted at this size
    browser.save_screenshot(str(PICTURES / f"{name}-{screen}-{scheme}.png"))
    return wide


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_page_is_pictured(chromium, pages, language):
    PICTURES.mkdir(parents=True, exist_ok=True)
    too_wide = {}
    for name in pages.names:
        pages.show(chromium, name, language)
        assert chromium.find_element("css selector", "html").get_attribute("lang") == language, name
        for screen in SCREENS:
            for scheme in SCHEMES:
                wide = picture(chromium, f"{name}-{language}", scheme, screen)
                if wide > 0:
                    too_wide[name, screen] = wide
        assert violations(chromium) == [], name
    assert too_wide == {}, "pixels wider than the screen"
