"""What axe-core finds wrong with every page, by the rules of WCAG 2.2 A and AA: in light and dark, on a desktop and on a phone, in
each language. It sees contrast, names, labels, roles, sizes of targets; what it cannot see is tests/long/test_screenshots.py's
and a person's."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from harness.chromium import SCHEMES, SCREENS, set_screen  # noqa: E402
from harness.every_page import LANGUAGES, every_page  # noqa: E402

BUILD = HERE.parents[1] / "build"
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
ASK = """
const [tags, done] = arguments;
axe.run(document, {runOnly: {type: "tag", values: tags}, resultTypes: ["violations"]}).then(
  found => done({rules: found.passes.length, faults: found.violations.flatMap(
    v => v.nodes.map(n => `${v.id}: ${n.html} (${(n.any[0] || n.all[0] || n.none[0] || v).message || v.help})`))}),
  fault => done({rules: 0, faults: [String(fault)]}));
"""


@pytest.fixture(scope="session")
def axe():
    """axe-core's text, from npm."""
    if shutil.which("npm") is None:
        pytest.skip("accessibility: NOT RUN, this machine has no npm, which brings axe-core")
    folder = BUILD / f"axe-{os.environ.get('PYTEST_XDIST_WORKER', 'single')}"
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("package.json", "package-lock.json"):
        shutil.copy(HERE / "axe" / name, folder / name)
    done = subprocess.run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"], cwd=folder,
                          capture_output=True, text=True, timeout=300)
    if done.returncode != 0:
        pytest.skip(f"accessibility: NOT RUN, npm brings no axe-core here: {done.stderr.strip()[:200]}")
    return (folder / "node_modules/axe-core/axe.min.js").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    with every_page(tmp_path_factory.mktemp("accessibility")) as made:
        yield made


def faults(browser, axe, scheme, screen):
    """Chromium's driver runs scripts that the pages' own policy would refuse."""
    set_screen(browser, scheme, screen)
    browser.execute_script(axe)
    told = browser.execute_async_script(ASK, TAGS)
    assert told["rules"] or told["faults"], "axe looked at nothing"
    return [f"{screen}, {scheme}: {fault}" for fault in told["faults"]]


def test_axe_sees_what_is_wrong(chromium, axe):
    chromium.get("data:text/html,<html lang=en><title>x</title><main><h1>x</h1><p style='color:%23aaa'>Faint</p><input>"
                 "<button style='font-size:6px;padding:0;border:0'>a</button><button style='font-size:6px;padding:0;border:0'>b</button>")
    found = " ".join(faults(chromium, axe, "light", "desktop"))
    assert all(rule in found for rule in ("color-contrast:", "label:", "target-size:")), found


SAMPLES = {  # the pages that come with the samples, as they stand in their files
    "docker/compose/nginx/index.html": r"(.*)",
    "docs/examples/login-flask/demo.py": r'LOGIN = """(.*?)"""',
    "docs/examples/login-express/demo.js": r"const page = .*? => `(.*?</main>)`",
}


@pytest.mark.parametrize("sample", SAMPLES)
def test_no_sample_keeps_anybody_out(chromium, axe, tmp_path, sample):
    page = re.search(SAMPLES[sample], (BUILD.parent / sample).read_text(encoding="utf-8"), re.S).group(1)
    (tmp_path / "page.html").write_text(page, encoding="utf-8")
    chromium.get((tmp_path / "page.html").as_uri())
    assert [fault for screen in SCREENS for scheme in SCHEMES for fault in faults(chromium, axe, scheme, screen)] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_page_keeps_anybody_out(chromium, axe, pages, language):
    found = {}
    for name in pages.names:
        pages.show(chromium, name, language)
        chromium.execute_script("document.querySelectorAll('details').forEach(d => d.open = true)")
        told = [fault for screen in SCREENS for scheme in SCHEMES for fault in faults(chromium, axe, scheme, screen)]
        if told:
            found[name] = told
    assert found == {}, "\n".join(f"{name}: {fault}" for name, told in found.items() for fault in told)
