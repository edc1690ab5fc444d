"""The samples of sites that log their own users in (OAUTH1_LOGIN_URL): a browser goes there and comes back."""

import json
import threading
import time
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urljoin, urlsplit, urlunsplit

import pytest
import requests
from harness.flow import Flow, form
from harness.owner import Owner, Page, location_query
from harness.provider import Provider
from harness.site import LOGIN_TOKEN, VARIABLES
from services import LOGIN_SITES

PASSWORD = "a password of the site's"
FALLBACK = "http://127.0.0.1/not-yet"


class Browser(Owner):
    """One that goes to the site, too; its address is known once it runs."""

    site = None

    def go(self, response):
        """Follows redirects at both, never on to a client's callback."""
        while response.is_redirect:
            target = response.headers["Location"]
            if target.startswith(FALLBACK):
                target = urlunsplit(urlsplit(self.site + "/login")._replace(query=urlsplit(target).query))
            target = urljoin(response.url, target)
            if not target.startswith((self.provider.url + "/", self.site + "/")):
                break
            response = self.get(target)
        return response

    def post(self, page, **fields):
        data = {**page.forms[0]["fields"], **fields}
        return self.session.post(self.site + "/login", data=data, timeout=20, allow_redirects=False)


@pytest.fixture(scope="module", params=LOGIN_SITES, ids=lambda example: example.name)
def site(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp(request.param.name)
    provider = Provider(folder / "provider", **{**VARIABLES, "OAUTH1_LOGIN_URL": FALLBACK})
    example = replace(request.param, environment={
        "ADMIN_URL": provider.admin_url, "LOGIN_TOKEN": LOGIN_TOKEN, "JANES_PASSWORD": PASSWORD,
        "SITE_SECRET": "a secret of the site's", "SITE_IS_HTTPS": "false",
    })
    client = provider.create_client("--scope", "photos:read")
    provider.start()
    with example.started(folder / "site", provider.introspection_url, lambda _origin: "unused") as running:
        yield provider, client, running.origin
    provider.stop()


@pytest.fixture
def browser(site):
    provider, _, origin = site
    made = Browser(provider)
    made.site = origin
    return made


@pytest.fixture
def flow(site):
    provider, client, _ = site
    made = Flow(provider, client)
    made.initiate()
    return made


def login_page(browser, flow):
    return Page(browser.go(browser.get(f"/oauth/authorize?oauth_token={flow.temporary.token}")))


def test_its_user_logs_in_there_and_decides_here(site, browser, flow):
    provider = site[0]
    page = login_page(browser, flow)
    assert page.response.url.startswith(browser.site) and "Photo printer" in page.response.text
    consent = Page(browser.go(browser.post(page, username="jane", password=PASSWORD, decision="login")))
    assert consent.response.url.startswith(provider.url) and consent.form_with("decision")
    flow.verifier = dict(location_query(browser.decide(consent, "grant")))["oauth_verifier"]
    assert form(flow.exchange())["oauth_token"]
    (listed,) = provider.expect("token", "list", "--sub", "42")
    assert (listed["sub"], listed["scope"]) == ("42", "photos:read")


def test_who_is_logged_in_there_is_not_asked_again_until_he_logs_out(site, browser, flow):
    page = login_page(browser, flow)
    browser.go(browser.post(page, username="jane", password=PASSWORD, decision="login"))
    second = Flow(site[0], site[1])
    second.initiate()
    consent = login_page(browser, second)
    assert consent.response.url.startswith(site[0].url) and consent.form_with("decision")
    assert browser.session.post(browser.site + "/logout", timeout=20).status_code == 200
    again = login_page(browser, second)
    assert again.response.url.startswith(browser.site)  # the session here is over, too
    page = browser.decide(consent, "grant")
    assert page.status_code == 302 and "oauth_verifier" not in page.headers["Location"]


def test_a_wrong_password_and_a_cancelled_login(site, browser, flow):
    page = login_page(browser, flow)
    for username, password in (("jane", "wrong"), ("jane", ""), ("nobody", ""), ("nobody", PASSWORD)):
        assert browser.post(page, username=username, password=password, decision="login").status_code == 403
    response = browser.go(browser.post(page, decision="cancel"))
    assert dict(location_query(response))["error"] == "access_denied"


def test_a_challenge_that_is_over_is_told_and_nothing_of_it_is_html(site, browser):
    for challenge in ("x" * 32, "<script>", "../../x", ""):
        response = requests.get(browser.site + "/login", params={"login_challenge": challenge}, timeout=20)
        assert response.status_code == 400 and "Start again" in response.text and "<script>" not in response.text


# ---- where the admin port is away for a moment

CALLS_MOST = 6
MOST_S = 10


class AdminDouble(BaseHTTPRequestHandler):
    """Answers what stands in `server.statuses`, one after the other, the last one for ever."""

    def do_GET(self):
        statuses = self.server.statuses
        self.server.calls.append(self.path)
        status = statuses.pop(0) if len(statuses) > 1 else statuses[0]
        body = json.dumps({"kind": "account"} if status == 200 else {"status": status}).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        if status == 503:
            self.send_header("Retry-After", "1")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module", params=LOGIN_SITES, ids=lambda example: example.name)
def alone(request, tmp_path_factory):
    """A site, and what stands in for the admin port."""
    double = ThreadingHTTPServer(("127.0.0.1", 0), AdminDouble)
    threading.Thread(target=double.serve_forever, daemon=True).start()
    example = replace(request.param, environment={
        "ADMIN_URL": f"http://127.0.0.1:{double.server_port}", "LOGIN_TOKEN": LOGIN_TOKEN, "JANES_PASSWORD": PASSWORD,
        "SITE_SECRET": "a secret of the site's", "SITE_IS_HTTPS": "false",
    })
    with example.started(tmp_path_factory.mktemp(request.param.name), "unused", lambda _origin: "unused") as running:
        yield running.origin, double
    double.shutdown()
    double.server_close()


def ask_alone(alone, *statuses):
    origin, double = alone
    double.statuses, double.calls = list(statuses), []
    begun = time.monotonic()
    response = requests.get(origin + "/login", params={"login_challenge": "x" * 32}, timeout=2 * MOST_S)
    return response, len(double.calls), time.monotonic() - begun


def test_what_is_away_for_a_moment_is_asked_again(alone):
    response, calls, _ = ask_alone(alone, 503, 503, 200)
    assert (response.status_code, calls) == (200, 3) and "Log in" in response.text


def test_what_stays_away_is_given_up(alone):
    response, calls, took = ask_alone(alone, 503)
    assert response.status_code == 503 and "Try again later" in response.text
    assert 2 < calls <= CALLS_MOST and took < MOST_S


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 500])
def test_no_other_answer_is_asked_for_twice(alone, status):
    response, calls, _ = ask_alone(alone, status)
    assert calls == 1 and response.status_code == {403: 403, 404: 400, 409: 400}.get(status, 503)
    assert ("disabled" in response.text) == (status == 403)
