"""Login and consent in a real browser, with the client's callback on another origin: what a client library
cannot show (Content-Security-Policy's form-action, cookies across sites, frames)."""

import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from harness.chromium import element, log_in, violations, wait  # noqa: E402
from harness.flow import Flow, form  # noqa: E402
from harness.running import KINDS, running_on  # noqa: E402
from selenium.webdriver.common.by import By  # noqa: E402


class ClientSite(BaseHTTPRequestHandler):
    """The client's own site: /start links to the provider, /ready is the callback, /frame tries to frame the consent page."""

    def do_GET(self):
        pages = {
            "/start": '<a id="go" href="{0}">Print my photos</a>',
            "/frame": '<iframe id="frame" src="{0}"></iframe>',
            "/ready": '<h1 id="arrived">Thank you</h1>',
        }
        page = pages.get(self.path.partition("?")[0], "")
        body = page.format(self.server.authorize_url).encode()
        self.send_response(200 if page else 404)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module", params=KINDS)
def provider(request, tmp_path_factory):
    with running_on(request.param, tmp_path_factory.mktemp(request.param), auths=2, OAUTH1_RATE_LIMIT_LOGIN_PAIR="1000",
                    OAUTH1_RATE_LIMIT_LOGIN_ADDRESS="1000") as running:
        yield running.provider


@pytest.fixture(scope="module")
def site():
    """On `localhost`, while the provider is on 127.0.0.1: another origin, and another site for cookies."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), ClientSite)
    server.url = f"http://localhost:{server.server_port}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def flow(provider, site):
    client = provider.create_client("--scope", "photos:read", callback=site.url + "/ready")
    flow = Flow(provider, client)
    flow.initiate(site.url + "/ready")
    site.authorize_url = f"{provider.url}/oauth/authorize?oauth_token={flow.temporary.token}"
    return flow


def come_from_the_clients_site(browser, site):
    browser.get(site.url + "/start")
    element(browser, "#go").click()
    element(browser, "input[name=password]")


def decide(browser, value):
    element(browser, f"button[name=decision][value={value}]").click()


def answer_at(browser, site):
    """The query with which the browser arrived at the callback."""
    wait(browser, lambda b: b.current_url.startswith(site.url + "/ready"))
    assert element(browser, "#arrived").text == "Thank you"
    query = browser.current_url.partition("?")[2]
    return dict(pair.split("=", 1) for pair in query.split("&"))


def test_grants_and_comes_back_to_another_origin(browser, site, flow):
    come_from_the_clients_site(browser, site)
    log_in(browser)
    page = element(browser, "main").text
    assert "Photo printer" in page and "photos:read" in page and "jane" in page
    decide(browser, "grant")
    answer = answer_at(browser, site)
    assert answer["oauth_token"] == flow.temporary.token
    assert violations(browser) == []
    flow.verifier = answer["oauth_verifier"]
    assert form(flow.exchange())["oauth_token"]


def test_denies_and_comes_back_to_another_origin(browser, site, flow):
    come_from_the_clients_site(browser, site)
    log_in(browser)
    decide(browser, "deny")
    answer = answer_at(browser, site)
    assert answer["error"] == "access_denied" and answer["oauth_problem"] == "user_refused"
    assert "oauth_verifier" not in answer
    assert violations(browser) == []


def test_a_wrong_password_is_asked_again_and_then_goes_on(browser, site, flow):
    come_from_the_clients_site(browser, site)
    log_in(browser, "wrong")
    assert element(browser, "[role=alert]").text
    assert element(browser, "input[name=password]").get_attribute("value") == ""
    log_in(browser)
    decide(browser, "grant")
    assert answer_at(browser, site)["oauth_verifier"]


def test_a_session_lasts_across_sites(browser, site, flow, provider):
    """SameSite=Strict would lose it on the way from the client's site."""
    come_from_the_clients_site(browser, site)
    log_in(browser)
    decide(browser, "grant")
    answer_at(browser, site)
    flow.initiate(site.url + "/ready")
    site.authorize_url = f"{provider.url}/oauth/authorize?oauth_token={flow.temporary.token}"
    browser.get(site.url + "/start")
    element(browser, "#go").click()
    decide(browser, "grant")
    assert answer_at(browser, site)["oauth_token"] == flow.temporary.token


def test_cannot_be_framed(browser, site, flow):
    browser.get(site.url + "/frame")
    frame = element(browser, "#frame")
    browser.switch_to.frame(frame)
    assert browser.find_elements(By.CSS_SELECTOR, "form") == []
    browser.switch_to.default_content()
    assert any("frame-ancestors" in entry["message"] for entry in browser.get_log("browser"))


def test_shows_a_verifier_to_type_where_there_is_no_callback(browser, provider):
    client = provider.create_client("--scope", "photos:read")
    flow = Flow(provider, client)
    flow.initiate("oob")
    browser.get(f"{provider.url}/oauth/authorize?oauth_token={flow.temporary.token}")
    log_in(browser)
    decide(browser, "grant")
    flow.verifier = element(browser, "#verifier").text.strip()
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


def test_works_without_script(browser, site, flow):
    """Nothing of our pages needs script, so the policy forbids it."""
    browser.get(site.authorize_url)
    assert browser.find_elements(By.TAG_NAME, "script") == []
    assert violations(browser) == []


def test_goes_from_the_login_straight_back_to_a_trusted_client(browser, site, provider):
    """Chromium holds each redirect after the login form, also the last, against the login page's form-action."""
    flow = Flow(provider, provider.create_client("--scope", "photos:read", "--trusted", callback=site.url + "/ready"))
    for granted_before in (False, True):
        flow.initiate(site.url + "/ready")
        site.authorize_url = f"{provider.url}/oauth/authorize?oauth_token={flow.temporary.token}"
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


def test_grants_what_was_left_ticked_alone_without_script(without_script, site, provider):
    browser = without_script
    client = provider.create_client("--scope", "photos:read photos:write", "--optional-scopes", callback=site.url + "/ready")
    flow = Flow(provider, client)
    flow.initiate(site.url + "/ready")
    site.authorize_url = f"{provider.url}/oauth/authorize?oauth_token={flow.temporary.token}"
    come_from_the_clients_site(browser, site)
    assert "Photo printer asks for access" in element(browser, "main").text
    log_in(browser)
    element(browser, "input[name=ticked][value='photos:write']").click()
    decide(browser, "grant")
    flow.verifier = answer_at(browser, site)["oauth_verifier"]
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
