"""What pages are made of, as an operator replaces it: exported, checked, served, read again."""

import json

import pytest
import requests
from harness.pictures import logo, write_logo
from harness.provider import Provider
from test_reload import reload

USAGE, REFUSED = 2, 1


@pytest.fixture
def own(tmp_path):
    """A provider with a folder of pages, not started."""
    folder = tmp_path / "pages"
    made = Provider(tmp_path / "provider", OAUTH1_PAGES_DIR=folder, OAUTH1_BRAND_NAME="Garden")
    assert made.command("pages", "export", folder, OAUTH1_PAGES_DIR="").code == 0
    yield made, folder
    made.stop()


def page(provider, path="/login", **headers):
    return requests.get(provider.url + path, headers=headers, timeout=20)


def test_export_writes_over_nothing_unless_it_is_forced(own):
    provider, folder = own
    login = folder / "login.html"
    built_in = login.read_text()
    login.write_text("mine")
    (folder / "consent.html").unlink()
    refused = provider.command("pages", "export", folder)
    assert refused.code == REFUSED and "is there already; --force writes over it" in refused.err, refused
    assert login.read_text() == "mine" and not (folder / "consent.html").exists()
    assert provider.command("pages", "export", folder, "--force").code == 0
    assert login.read_text() == built_in and (folder / "consent.html").exists()


@pytest.mark.parametrize(
    "name, contents, said",
    [
        ("login.html", "<p>\n{{nobody}}", 'OAUTH1_PAGES_DIR: login.html: line 2: "nobody" is a name that this page has no value'),
        ("login.html", "{{#error}}", "OAUTH1_PAGES_DIR: login.html: line 1: \"error\" is a section that is not closed"),
        ("login.html", "{{{error}}}", "OAUTH1_PAGES_DIR: login.html: line 1: \"error\" is three braces around"),
        ("catalogues/de.json", '{"login": {"title": "{x}"}}', "OAUTH1_PAGES_DIR: catalogues/de.json: login.title: {x} is no"),
    ],
)
def test_check_and_serve_name_a_fault_by_file_and_place(own, name, contents, said):
    provider, folder = own
    (folder / name).write_text(contents)
    for words in (("config", "check"), ("serve",)):
        outcome = provider.command(*words)
        assert outcome.code == USAGE and said in outcome.err, outcome


def test_a_logo_and_scopes_that_are_no_such_files_are_refused(own):
    provider, folder = own
    (folder / "scopes.json").write_text('{"a": {"texts": "x"}}')
    (folder / "logo.png").write_bytes(logo()[:-1])
    outcome = provider.command("config", "check", OAUTH1_BRAND_LOGO=folder / "logo.png",
                               OAUTH1_SCOPES_FILE=folder / "scopes.json")
    assert outcome.code == USAGE, outcome
    assert "OAUTH1_BRAND_LOGO: " in outcome.err and "OAUTH1_SCOPES_FILE: " in outcome.err, outcome


def test_pages_are_read_again_on_sighup_and_a_fault_leaves_them_as_they_were(own):
    provider, folder = own
    catalogue = folder / "catalogues/de.json"
    provider.start()
    assert "Anmelden" in page(provider, **{"Accept-Language": "de"}).text
    texts = json.loads(catalogue.read_text(encoding="utf-8"))
    texts["login"]["title"] = "Hereinspaziert"
    catalogue.write_text(json.dumps(texts), encoding="utf-8")
    reload(provider.auth)
    assert "Hereinspaziert" in page(provider, **{"Accept-Language": "de"}).text
    (folder / "login.html").write_text("{{nobody}}")
    line = reload(provider.auth, "stays as it was")
    assert "login.html: line 1" in line["why"]
    answer = page(provider, **{"Accept-Language": "de"})
    assert answer.status_code == 200 and "Hereinspaziert" in answer.text


def test_the_logo_is_served_as_a_picture_and_nothing_else(own, tmp_path):
    provider, _ = own
    provider.auth.variables["OAUTH1_BRAND_LOGO"] = str(write_logo(tmp_path / "logo.png"))
    provider.start()
    answer = page(provider, "/logo.png")
    assert answer.content == logo() and answer.headers["Content-Type"] == "image/png"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Content-Security-Policy"] == "default-src 'none'; sandbox"
    assert '<img src="/logo.png?v=' in page(provider).text
