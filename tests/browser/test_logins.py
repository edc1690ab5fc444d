"""The three doors in a real browser: a password while a stranger guesses, the site's own login, and a proxy's header."""

import json
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from harness.chromium import element, log_in, violations, wait  # noqa: E402
from harness.flow import Flow, form  # noqa: E402
from harness.guesser import Guesser  # noqa: E402
from harness.local_site import ClientSite, LoginSite, answer_at, ask_for_access, come_from, decide, serving  # noqa: E402
from harness.provider import PASSWORD  # noqa: E402
from harness.running import KINDS, running_on  # noqa: E402
from harness.site import VARIABLES, Site  # noqa: E402
from selenium.webdriver.common.by import By  # noqa: E402

APPLICATIONS, SECURITY, DEVELOPER = "/account/applications", "/account/security", "/developer/applications"
HEADER = "X-Remote-User"
TRIES_AT_AN_ACCOUNT = 8  # a minute, by strangers


@pytest.fixture(scope="module")
def client_site():
    with serving(ClientSite) as made:
        yield made


@pytest.fixture(scope="module")
def shop():
    with serving(LoginSite) as made:
        yield made


@pytest.fixture(scope="module", params=KINDS)
def delegated(request, shop, tmp_path_factory):
    """Where the shop logs users in. The browser goes to the first of the services, and the shop asks that one too."""
    folder = tmp_path_factory.mktemp(request.param)
    (folder / "scopes.json").write_text(json.dumps({"photos:read": {"text": "See your photos", "self_service": True}}))
    variables = {**VARIABLES, "OAUTH1_LOGIN_URL": f"{shop.url}/login?lang=en", "OAUTH1_REGISTRATION": "approval",
                 "OAUTH1_SCOPES_FILE": folder / "scopes.json"}
    with running_on(request.param, folder, users=(), **variables) as running:
        shop.told = Site(running.provider)
        yield running.provider


@pytest.fixture(scope="module", params=KINDS)
def proxied(request, tmp_path_factory):
    """Where a proxy logs users in; the browser stands for both."""
    with running_on(request.param, tmp_path_factory.mktemp(request.param), users=(), OAUTH1_LOGIN_TRUSTED_HEADER=HEADER,
                    OAUTH1_TRUSTED_PROXIES="127.0.0.1") as running:
        yield running.provider


def begin(provider, client_site, browser):
    """A client asks for access, and the browser goes where its site sends it."""
    flow = Flow(provider, provider.create_client("--scope", "photos:read", callback=client_site.url + "/ready"))
    ask_for_access(flow, client_site)
    come_from(browser, client_site)
    return flow


def token_of(flow, browser, client_site):
    """By the verifier with which the browser came back to the client's site."""
    flow.verifier = answer_at(browser, client_site)["oauth_verifier"]
    return form(flow.exchange())["oauth_token"]


def log_in_at(browser, shop, whose, answer="accept", subject="42"):
    """By the shop's page, which says what for."""
    wait(browser, lambda b: b.current_url.startswith(shop.url + "/login?lang=en&login_challenge="))
    assert element(browser, "#for").text == f"For {whose}"
    element(browser, "[name=subject]").send_keys(subject)
    element(browser, f"button[value={answer}]").click()


# ---- the site's own login


def test_a_sites_user_logs_in_there_and_decides_here(page, delegated, shop, client_site):
    flow = begin(delegated, client_site, page)
    log_in_at(page, shop, "Photo printer")
    assert "42 of the shop" in element(page, "form.aside").text
    decide(page, "grant")
    assert token_of(flow, page, client_site)
    assert violations(page) == []


def test_a_site_that_asked_its_user_itself_sends_him_straight_to_the_client(page, delegated, shop, client_site):
    flow = begin(delegated, client_site, page)
    log_in_at(page, shop, "Photo printer", "granted")
    assert token_of(flow, page, client_site)
    assert violations(page) == []


def test_who_cancels_at_the_site_comes_back_to_the_client_without_access(page, delegated, shop, client_site):
    begin(delegated, client_site, page)
    log_in_at(page, shop, "Photo printer", "reject")
    answer = answer_at(page, client_site)
    assert answer["error"] == "access_denied" and "oauth_verifier" not in answer
    assert violations(page) == []


def test_the_site_logs_in_for_a_page_and_his_session_there_ends_it_here(page, delegated, shop, client_site):
    flow = begin(delegated, client_site, page)
    log_in_at(page, shop, "Photo printer", "granted", subject="43")
    token_of(flow, page, client_site)
    page.get(delegated.url + APPLICATIONS)
    log_in_at(page, shop, "your own pages", subject="43")
    wait(page, lambda b: b.current_url == delegated.url + APPLICATIONS)
    assert element(page, ".grant h2").text == "Photo printer"
    element(page, f"a[href='{SECURITY}']").click()
    wait(page, lambda b: shop.url in element(b, "main").text)
    assert page.find_elements(By.CSS_SELECTOR, "input[type=password]") == []
    page.get(delegated.url + DEVELOPER)
    element(page, f"a[href='{DEVELOPER}/new']").click()
    assert element(page, "#register") and shop.told.end_sessions("43").status_code == 204
    page.get(delegated.url + SECURITY)
    log_in_at(page, shop, "your own pages", "reject")
    assert "You were not logged in" in element(page, "main").text
    assert violations(page) == []


def test_browsers_that_mix_their_challenges_up_are_refused_and_each_goes_on_with_its_own(page, stranger, delegated, shop, client_site):
    """What the site says of one browser is no login for another, whoever sent its address there."""
    ways, shop.sends_on = [], False
    for browser, subject in ((page, "44"), (stranger, "666")):
        flow = begin(delegated, client_site, browser)
        log_in_at(browser, shop, "Photo printer", subject=subject)
        wait(browser, lambda b: b.current_url == shop.url + "/decide")
        ways.append((flow, shop.sent_to))
    shop.sends_on = True
    (janes, to_jane), (eves, to_eve) = ways
    for browser, target in ((page, to_eve), (stranger, to_jane)):
        browser.get(target)
        assert "not begun in this browser" in element(browser, "main").text
        assert [cookie for cookie in browser.get_cookies() if "session" in cookie["name"]] == []
    for browser, flow, target, subject in ((page, janes, to_jane, "44"), (stranger, eves, to_eve, "666")):
        browser.get(target)
        assert f"{subject} of the shop" in element(browser, "form.aside").text
        decide(browser, "grant")
        assert token_of(flow, browser, client_site)
    assert violations(page) == []


# ---- the proxy's header


@pytest.fixture
def behind_proxy(page):
    """Sets whom the proxy names from then on; None: nobody."""

    def name_user(subject):
        page.execute_cdp_cmd("Network.enable", {})
        page.execute_cdp_cmd("Network.setExtraHTTPHeaders", {"headers": {HEADER: subject} if subject else {}})

    yield name_user
    name_user(None)


def test_whom_the_proxy_names_decides_and_sees_his_pages(page, behind_proxy, proxied, client_site):
    behind_proxy("jane@corp.example")
    flow = begin(proxied, client_site, page)
    assert "jane@corp.example" in element(page, "form.aside").text
    decide(page, "grant")
    assert token_of(flow, page, client_site)
    page.get(proxied.url + APPLICATIONS)
    element(page, ".grant button[value=revoke]").click()
    wait(page, lambda b: "you have not allowed anything" in b.find_element(By.TAG_NAME, "main").text)
    element(page, f"a[href='{SECURITY}']").click()
    wait(page, lambda b: b.current_url == proxied.url + SECURITY)
    assert "jane@corp.example" in element(page, "main").text
    assert page.find_elements(By.CSS_SELECTOR, "input[type=password]") == []
    assert violations(page) == []


def test_another_whom_the_proxy_names_does_not_decide_by_the_page_of_the_first(page, behind_proxy, proxied, client_site):
    behind_proxy("jane")
    flow = begin(proxied, client_site, page)
    element(page, "button[value=grant]")
    behind_proxy("joe")
    decide(page, "grant")
    wait(page, lambda b: "joe" in element(b, "form.aside").text)
    assert proxied.expect("token", "list", "--client", flow.client.client_id) == []
    decide(page, "grant")
    token_of(flow, page, client_site)
    assert [token["sub"] for token in proxied.expect("token", "list", "--client", flow.client.client_id)] == ["joe"]


def test_whom_the_proxy_does_not_name_is_told_so(page, behind_proxy, proxied, client_site):
    behind_proxy(None)
    begin(proxied, client_site, page)
    assert "You are not logged in" in element(page, "main").text and element(page, "#reference").text
    assert page.find_elements(By.NAME, "decision") == [] and page.find_elements(By.NAME, "password") == []
    assert [cookie for cookie in page.get_cookies() if "session" in cookie["name"]] == []


# ---- a password, while a stranger guesses


@pytest.fixture(scope="module", params=KINDS)
def guessed_at(request, tmp_path_factory):
    with running_on(request.param, tmp_path_factory.mktemp(request.param), OAUTH1_TRUSTED_PROXIES="127.0.0.1",
                    OAUTH1_RATE_LIMIT_LOGIN_ACCOUNT=TRIES_AT_AN_ACCOUNT, OAUTH1_RATE_LIMIT_LOGIN_PAIR=5) as running:
        yield running.provider


def guess_until(over, provider, name, refused, statuses):
    """From an address after another, at one account; `refused` is set once no more guess is looked at."""
    guesser = Guesser(provider)
    while not over.is_set():
        statuses.append(guesser.guess(name, f"203.0.113.{len(statuses) % 250}"))
        if statuses[-1] == 429:
            refused.set()


def test_the_owner_logs_in_where_he_did_before_while_a_stranger_guesses(page, stranger, guessed_at):
    name = f"owner-{time.monotonic_ns()}"
    guessed_at.create_user(name, PASSWORD)
    over, refused, statuses, begun = threading.Event(), threading.Event(), [], time.monotonic()
    page.get(guessed_at.url + SECURITY)
    log_in(page, username=name)
    wait(page, lambda b: b.current_url == guessed_at.url + SECURITY)
    page.get(guessed_at.url)
    element(page, "form.aside button").click()
    with ThreadPoolExecutor(1) as pool:
        guessing = pool.submit(guess_until, over, guessed_at, name, refused, statuses)
        try:
            assert refused.wait(60), (statuses, guessing.exception(1) if guessing.done() else "still guessing")
            stranger.get(guessed_at.url + SECURITY)
            log_in(stranger, username=name)  # although he has the right one by now
            assert "Too many" in element(stranger, "[role=alert]").text
            page.get(guessed_at.url + SECURITY)
            log_in(page, "wrong", name)
            assert "Too many" not in element(page, "[role=alert]").text
            log_in(page, username=name)
            wait(page, lambda b: b.current_url == guessed_at.url + SECURITY)
        finally:
            over.set()
        guessing.result()
    minutes = int((time.monotonic() - begun) // 60) + 1  # a busy machine takes more than one, and answers 503 at times
    assert {403, 429} <= set(statuses) <= {403, 429, 503} and statuses.count(403) <= (minutes + 1) * TRIES_AT_AN_ACCOUNT
    assert violations(page) == []
