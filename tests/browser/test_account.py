"""What a user allowed, and where he is logged in, in a real browser, with script and without."""

import sys
import time
from pathlib import Path

import pytest
import requests

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from harness.chromium import PASSWORD, element, log_in, violations, wait  # noqa: E402
from harness.flow import Flow  # noqa: E402
from harness.owner import Owner  # noqa: E402
from harness.resource_server import ResourceServer  # noqa: E402
from harness.running import KINDS, running_on  # noqa: E402
from selenium.webdriver.common.by import By  # noqa: E402

APPLICATIONS, SECURITY = "/account/applications", "/account/security"
REVOKED_WITHIN_S = 1
OPEN = {"OAUTH1_RATE_LIMIT_LOGIN_PAIR": "1000", "OAUTH1_RATE_LIMIT_LOGIN_ADDRESS": "1000"}


@pytest.fixture(scope="module", params=KINDS)
def provider(request, tmp_path_factory):
    with running_on(request.param, tmp_path_factory.mktemp(request.param), auths=2, **OPEN) as running:
        yield running.provider


@pytest.fixture(scope="module")
def key(provider):
    return provider.create_resource_server("--origin", "http://api.example")


@pytest.fixture
def token(provider):
    """Of an application whose name is HTML."""
    client = provider.create_client("--scope", "photos:read", "--scope", "photos:write", name='<b id="evil">Printer</b>')
    provider.command("token", "revoke", "--sub", "local-1")  # those of the tests before
    return Flow(provider, client, Owner(provider, "jane", PASSWORD)).token(scope="photos:read photos:write")


def told(provider, key, signer):
    return provider.introspect(key, signer.sign("GET", "http://api.example/photos")).json()


def open_page(browser, provider, path):
    """He is asked to log in, and comes to the page that he wanted."""
    browser.get(provider.url + path)
    log_in(browser)
    wait(browser, lambda b: b.current_url == provider.url + path)


def press(browser, selector, words):
    """Until a page says these words. The page before, which may say others, can still be there after the click."""
    element(browser, selector).click()
    wait(browser, lambda b: words in b.find_element(By.CSS_SELECTOR, "[role=status]").text)


def test_leaves_less_to_an_application_and_takes_the_rest_back(page, provider, key, token):
    open_page(page, provider, APPLICATIONS)
    assert element(page, ".grant h2").text == '<b id="evil">Printer</b>'
    assert page.find_elements(By.CSS_SELECTOR, "#evil") == []
    element(page, "input[name=ticked][value='photos:write']").click()
    press(page, "button[value=narrow]", "may do no more")
    wait(page, lambda _: told(provider, key, token)["scope"] == "photos:read")
    press(page, "button[value=revoke]", "can no longer use")
    wait(page, lambda _: not told(provider, key, token)["active"])
    assert "none" in element(page, "main").text and page.find_elements(By.CSS_SELECTOR, ".grant") == []
    assert violations(page) == []


@pytest.fixture(scope="module")
def api(provider):
    with ResourceServer(provider, required_scope="photos:read") as server:
        yield server


def called(api, signer):
    request = signer.sign("GET", api.origin + "/photos")
    return requests.get(request.url, headers=request.headers, timeout=10)


def test_what_is_taken_back_ends_within_a_second(page, provider, api, token):
    """The API was called just before, so that the introspection service has the token in its memory."""
    open_page(page, provider, APPLICATIONS)
    assert called(api, token).status_code == 200
    press(page, "button[value=revoke]", "can no longer use")
    told = time.monotonic()
    while (answer := called(api, token)).status_code == 200:
        assert time.monotonic() - told < REVOKED_WITHIN_S
    assert answer.status_code == 401 and answer.json()["code"] == "token_revoked"


def test_takes_all_back_by_the_keyboard(page, provider, key, token):
    open_page(page, provider, APPLICATIONS)
    element(page, "button[value=revoke_all]").send_keys("\n")
    assert "No application" in element(page, "[role=status]").text
    wait(page, lambda _: not told(provider, key, token)["active"])


def test_the_front_page_leads_to_both_pages_and_each_to_the_other(page, provider):
    page.get(provider.url + "/")
    element(page, f"a[href='{APPLICATIONS}']").click()
    log_in(page)
    element(page, f"a[href='{SECURITY}']").click()
    wait(page, lambda b: b.current_url == provider.url + SECURITY)
    element(page, f"a[href='{APPLICATIONS}']").click()
    wait(page, lambda b: b.current_url == provider.url + APPLICATIONS)
    assert violations(page) == []


def test_ends_another_session(page, provider):
    other = Owner(provider, "jane", PASSWORD)
    flow = Flow(provider, provider.create_client(), other)
    flow.initiate()
    other.consent_page(flow.temporary.token)
    assert other.get(SECURITY).status_code == 200
    open_page(page, provider, SECURITY)
    assert len(page.find_elements(By.CSS_SELECTOR, ".tag.good")) == 1
    assert "Chrome, Linux" in element(page, "main").text
    press(page, "button[value=end_others]", "here alone")
    assert other.get(SECURITY).status_code == 302
    assert page.find_elements(By.CSS_SELECTOR, "button[value=end]") == []
    assert violations(page) == []


def test_changes_the_password_and_logs_in_by_it(page, provider):
    name, fresh = f"ann-{time.monotonic_ns()}", "granite otter lamp 7"
    provider.create_user(name, PASSWORD)

    def enter(password):
        element(page, "input[name=username]").send_keys(name)
        element(page, "input[type=password]").send_keys(password)
        element(page, "button.yes").click()

    page.get(provider.url + SECURITY)
    enter(PASSWORD)
    for current, again in (("wrong", fresh), (PASSWORD, fresh + "x"), (PASSWORD, fresh)):
        element(page, "#current").send_keys(current)
        element(page, "#password").send_keys(fresh)
        element(page, "#again").send_keys(again)
        element(page, "button.yes").click()
        if again == fresh and current == PASSWORD:
            break
        assert "Nothing was changed" in element(page, "[role=alert]").text
        page.get(provider.url + SECURITY)
    assert "Your password was changed" in element(page, ".lead").text
    enter(fresh)
    wait(page, lambda b: b.current_url == provider.url + SECURITY)
    assert violations(page) == []


def test_an_address_that_leads_nowhere_leads_on(page, provider):
    page.get(provider.url + "/nowhere")
    assert "There is nothing at this address" in element(page, "main").text
    element(page, "main a.button").click()
    wait(page, lambda b: b.current_url == provider.url + "/")
