"""Login and consent in a real browser, with the client's callback on another origin: what a client library
cannot show (Content-Security-Policy's form-action, cookies across sites, frames)."""

import sys
import time
from pathlib import Path

import pytest
import requests

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from harness.chromium import element, log_in, violations, wait  # noqa: E402
from harness.flow import Flow, form, send  # noqa: E402
from harness.local_site import ClientSite, answer_at, ask_for_access, come_from, decide, serving  # noqa: E402
from harness.running import KINDS, running_on  # noqa: E402
from selenium.webdriver.common.by import By  # noqa: E402

TEMP_TTL_S = 12  # a page or two have to be opened meanwhile


@pytest.fixture(scope="module", params=KINDS)
def provider(request, tmp_path_factory):
    with running_on(request.param, tmp_path_factory.mktemp(request.param), auths=2, OAUTH1_RATE_LIMIT_LOGIN_PAIR="1000",
                    OAUTH1_RATE_LIMIT_LOGIN_ADDRESS="1000") as running:
        yield running.provider


@pytest.fixture(scope="module")
def site():
    with serving(ClientSite) as made:
        yield made


@pytest.fixture
def flow(provider, site):
    flow = Flow(provider, provider.create_client("--scope", "photos:read", callback=site.url + "/ready"))
    ask_for_access(flow, site)
    return flow


def come_from_the_clients_site(browser, site):
    come_from(browser, site)
    element(browser, "input[name=password]")


def test_grants_and_comes_back_to_another_origin(page, site, flow):
    come_from_the_clients_site(page, site)
    log_in(page)
    text = element(page, "main").text
    assert "Photo printer" in text and "photos:read" in text and "jane" in text
    decide(page, "grant")
    answer = answer_at(page, site)
    assert answer["oauth_token"] == flow.temporary.token
    assert violations(page) == []
    flow.verifier = answer["oauth_verifier"]
    assert form(flow.exchange())["oauth_token"]


def test_denies_and_comes_back_to_another_origin(page, site, flow):
    come_from_the_clients_site(page, site)
    log_in(page)
    decide(page, "deny")
    answer = answer_at(page, site)
    assert answer["error"] == "access_denied" and answer["oauth_problem"] == "user_refused"
    assert "oauth_verifier" not in answer
    assert violations(page) == []


def test_a_wrong_password_is_asked_again_and_then_goes_on(page, site, flow):
    come_from_the_clients_site(page, site)
    log_in(page, "wrong")
    assert element(page, "[role=alert]").text
    assert element(page, "input[name=password]").get_attribute("value") == ""
    log_in(page)
    decide(page, "grant")
    assert answer_at(page, site)["oauth_verifier"]


def test_a_session_lasts_across_sites(browser, site, flow):
    """SameSite=Strict would lose it on the way from the client's site."""
    come_from_the_clients_site(browser, site)
    log_in(browser)
    decide(browser, "grant")
    answer_at(browser, site)
    ask_for_access(flow, site)
    come_from(browser, site)
    decide(browser, "grant")
    assert answer_at(browser, site)["oauth_token"] == flow.temporary.token


def test_cannot_be_framed(browser, site, flow):
    browser.get(site.url + "/frame")
    frame = element(browser, "#frame")
    browser.switch_to.frame(frame)
    assert browser.find_elements(By.CSS_SELECTOR, "form") == []
    browser.switch_to.default_content()
    assert any("frame-ancestors" in entry["message"] for entry in browser.get_log("browser"))


def test_shows_a_verifier_to_type_where_there_is_no_callback(page, provider):
    client = provider.create_client("--scope", "photos:read")
    flow = Flow(provider, client)
    flow.initiate("oob")
    page.get(f"{provider.url}/oauth/authorize?oauth_token={flow.temporary.token}")
    log_in(page)
    decide(page, "grant")
    flow.verifier = element(page, "#verifier").text.strip()
    assert 6 <= len(flow.verifier) <= 16
    flow.exchange()


def test_a_request_that_was_used_denied_or_never_made_says_so_and_is_not_decided_again(page, site, provider, flow):
    """A link that is opened once more, from the history or in another tab."""

    def says_why(token):
        page.get(f"{provider.url}/oauth/authorize?oauth_token={token}")
        assert element(page, "#reference").text and page.find_elements(By.NAME, "decision") == []
        return element(page, "#problem").get_attribute("textContent")

    page.get(site.authorize_url)
    log_in(page)
    decide(page, "grant")
    flow.verifier = answer_at(page, site)["oauth_verifier"]
    flow.exchange()
    assert says_why(flow.temporary.token) == "token_used"
    flow.initiate(site.url + "/ready")
    page.get(f"{provider.url}/oauth/authorize?oauth_token={flow.temporary.token}")
    decide(page, "deny")
    answer_at(page, site)
    assert says_why(flow.temporary.token) == "permission_denied"
    assert says_why("never-made") == "token_rejected" and violations(page) == []


@pytest.fixture(scope="module", params=KINDS)
def hasty(request, tmp_path_factory):
    """Where a request for access lives for a few seconds."""
    with running_on(request.param, tmp_path_factory.mktemp(request.param), auths=2, OAUTH1_TEMP_TTL=TEMP_TTL_S,
                    OAUTH1_RATE_LIMIT_LOGIN_PAIR="1000", OAUTH1_RATE_LIMIT_LOGIN_ADDRESS="1000") as running:
        yield running.provider


def come_to_decide(page, flow, site):
    """Again, where this machine was slower than a request lives."""
    for _ in range(5):
        ask_for_access(flow, site)
        come_from(page, site)
        wait(page, lambda b: b.find_elements(By.NAME, "decision") or b.find_elements(By.ID, "problem"))
        if page.find_elements(By.NAME, "decision"):
            return
    raise AssertionError(element(page, "main").text)


def test_who_decides_too_late_is_told_so_grants_nothing_and_starts_again_from_the_client(page, site, hasty):
    flow = Flow(hasty, hasty.create_client("--scope", "photos:read", callback=site.url + "/ready"))
    page.get(hasty.url + "/account/applications")
    log_in(page)
    wait(page, lambda b: b.current_url.endswith("/account/applications"))
    come_to_decide(page, flow, site)
    address = page.current_url
    until = time.monotonic() + TEMP_TTL_S + 10
    while requests.get(address, timeout=10, allow_redirects=False).status_code == 302:  # to log in
        assert time.monotonic() < until
        time.sleep(0.1)
    decide(page, "grant")
    wait(page, lambda b: "has expired. Start again from the application" in element(b, "main").text)
    assert element(page, "#problem").get_attribute("textContent") == "token_expired" and element(page, "#reference").text
    assert page.find_elements(By.NAME, "decision") == []
    assert hasty.expect("token", "list", "--client", flow.client.client_id) == []
    flow.verifier = "never-shown"
    assert send(flow.exchange_request()).status_code == 401
    come_to_decide(page, flow, site)
    assert violations(page) == []


def test_works_without_script(browser, site, flow):
    """Nothing of our pages needs script, so the policy forbids it."""
    browser.get(site.authorize_url)
    assert browser.find_elements(By.TAG_NAME, "script") == []
    assert violations(browser) == []


def test_goes_from_the_login_straight_back_to_a_trusted_client(browser, site, provider):
    """Chromium holds each redirect after the login form, also the last, against the login page's form-action."""
    flow = Flow(provider, provider.create_client("--scope", "photos:read", "--trusted", callback=site.url + "/ready"))
    for granted_before in (False, True):
        ask_for_access(flow, site)
        browser.execute_cdp_cmd("Network.clearBrowserCookies", {})
        come_from_the_clients_site(browser, site)
        log_in(browser)
        if not granted_before:
            decide(browser, "grant")
        flow.verifier = answer_at(browser, site)["oauth_verifier"]
        assert violations(browser) == []
        assert form(flow.exchange())["oauth_token"]


def test_another_user_takes_over_and_decides(browser, site, flow):
    come_from_the_clients_site(browser, site)
    log_in(browser)
    element(browser, ".aside button").click()
    log_in(browser)
    decide(browser, "grant")
    assert answer_at(browser, site)["oauth_token"] == flow.temporary.token
    assert violations(browser) == []


def test_grants_what_was_left_ticked_alone(page, site, provider):
    client = provider.create_client("--scope", "photos:read photos:write", "--optional-scopes", callback=site.url + "/ready")
    flow = Flow(provider, client)
    ask_for_access(flow, site)
    come_from_the_clients_site(page, site)
    assert "Photo printer asks for access" in element(page, "main").text
    log_in(page)
    element(page, "input[name=ticked][value='photos:write']").click()
    decide(page, "grant")
    flow.verifier = answer_at(page, site)["oauth_verifier"]
    flow.exchange()
    assert [token["scope"] for token in provider.expect("token", "list", "--client", client.client_id)] in (
        ["photos:read"], [["photos:read"]])


def test_a_language_is_chosen_without_script_and_stays(without_script, site, flow):
    browser = without_script
    browser.get(site.authorize_url)
    element(browser, "button[name=language][value=de]").click()
    wait(browser, lambda b: element(b, "html").get_attribute("lang") == "de")
    assert element(browser, "button.yes").text == "Anmelden" and "return_to=" in browser.current_url
    log_in(browser)
    wait(browser, lambda b: b.find_elements(By.NAME, "decision"))
    assert element(browser, "button[value=grant]").text == "Erlauben"
    assert violations(browser) == []


def test_a_typed_code_is_good_with_and_without_its_hyphen(browser, provider):
    client = provider.create_client("--scope", "photos:read")
    for typed in (str.lower, lambda code: code.replace("-", ""), lambda code: code.replace("-", " ")):
        flow = Flow(provider, client)
        flow.initiate("oob")
        browser.execute_cdp_cmd("Network.clearBrowserCookies", {})
        browser.get(f"{provider.url}/oauth/authorize?oauth_token={flow.temporary.token}")
        log_in(browser)
        decide(browser, "grant")
        shown = element(browser, "#verifier").text
        assert len(shown) == 9 and shown[4] == "-"
        flow.verifier = typed(shown)
        assert form(flow.exchange())["oauth_token"]
