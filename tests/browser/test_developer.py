"""A newcomer registers a client of his own in a real browser, with script and without, and calls an API with it."""

import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import requests

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from harness import pictures  # noqa: E402
from harness.chromium import element, log_in, violations, wait  # noqa: E402
from harness.flow import Flow, form  # noqa: E402
from harness.local_site import ClientSite, answer_at, ask_for_access, come_from, decide, serving  # noqa: E402
from harness.provider import Client  # noqa: E402
from harness.resource_server import ResourceServer  # noqa: E402
from harness.running import KINDS, running_on  # noqa: E402
from harness.signer import Signer  # noqa: E402
from selenium.webdriver.common.by import By  # noqa: E402

HTML = '<b id="evil">Printer</b>'
SCOPES = {"photos:read": {"text": "See your photos", "self_service": True}, "photos:all": {"text": "Everything"}}


@pytest.fixture(scope="module", params=KINDS)
def provider(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp(request.param)
    (folder / "scopes.json").write_text(json.dumps(SCOPES))
    with running_on(request.param, folder, users=("jane", "joe"), OAUTH1_REGISTRATION="approval", OAUTH1_SCOPES_FILE=folder / "scopes.json",
                    OAUTH1_RATE_LIMIT_LOGIN_PAIR="1000", OAUTH1_RATE_LIMIT_LOGIN_ADDRESS="1000") as running:
        yield running.provider


@pytest.fixture(scope="module")
def api(provider):
    with ResourceServer(provider, required_scope="photos:read") as server:
        yield server


def fill(browser, field, text):
    found = element(browser, f"[name={field}]")
    found.clear()
    found.send_keys(text)


def press(browser, deed):
    element(browser, f"button[name=do][value={deed}]").click()


def register(browser, provider, callback="http://127.0.0.1/ready"):
    """From the front page to the client's key and secret."""
    browser.get(provider.url)
    element(browser, "a[href='/developer/applications']").click()
    log_in(browser)
    element(browser, "a[href='/developer/applications/new']").click()
    fill(browser, "name", HTML)
    fill(browser, "callbacks", f"{callback}\nhttps://app.example/cb/*")
    element(browser, "input[name=scope][value='photos:read']").click()
    assert browser.find_elements(By.CSS_SELECTOR, "input[value='photos:all']") == []
    element(browser, "#register").click()
    return element(browser, "#client_id").text, element(browser, "#client_secret").text


@pytest.fixture(scope="module")
def site():
    with serving(ClientSite) as made:
        yield made


def test_a_client_that_waits_for_approval_asks_nobody_else_until_an_operator_approves_it(provider, api, page, stranger, site):
    client_id, secret = register(page, provider, site.url + "/ready")
    element(page, "#go_on").click()
    assert "works for you alone" in element(page, "#approval").text
    assert page.title.startswith(f"My application “{HTML}”") and element(page, "h1").text == f"My application “{HTML}”"
    flow = Flow(provider, Client(client_id, secret))
    ask_for_access(flow, site)
    come_from(stranger, site)
    log_in(stranger, username="joe")
    wait(stranger, lambda b: "have not approved the application yet" in element(b, "main").text)
    assert stranger.find_elements(By.NAME, "decision") == [] and element(stranger, "#reference").text
    assert [row["client_id"] for row in provider.expect("client", "list", "--pending")] == [client_id]
    seen = provider.expect("client", "get", client_id)["version"]
    assert provider.command("client", "approve", client_id, "--version", seen).code == 0
    stranger.refresh()
    wait(stranger, lambda b: HTML in element(b, "main").text)
    decide(stranger, "grant")
    flow.verifier = answer_at(stranger, site)["oauth_verifier"]
    credentials = form(flow.exchange())
    signer = replace(flow.client, token=credentials["oauth_token"], token_secret=credentials["oauth_token_secret"])
    wait(stranger, lambda _: called(api, signer) == 200)
    page.refresh()
    assert page.find_elements(By.ID, "approval") == []
    assert provider.command("client", "delete", client_id).code == 0
    assert violations(page) == [] and violations(stranger) == []


def called(api, signer):
    request = signer.sign("GET", api.origin + "/photos")
    return requests.get(request.url, headers=request.headers, timeout=10).status_code


def test_a_newcomer_registers_his_client_and_calls_the_api_without_the_command_line(provider, api, page, tmp_path):
    client_id, secret = register(page, provider)
    element(page, "#go_on").click()
    assert "works for you alone" in element(page, "#approval").text
    assert secret not in page.page_source and page.find_elements(By.ID, "evil") == []
    press(page, "token")
    token, token_secret = element(page, "#oauth_token").text, element(page, "#oauth_token_secret").text
    request = Signer(client_id, secret, token=token, token_secret=token_secret).sign("GET", api.origin + "/photos")
    answer = requests.get(request.url, headers=request.headers, timeout=10)
    assert answer.status_code == 200 and answer.json()["username"] == "jane"
    assert requests.get(request.url, headers=request.headers, timeout=10).status_code == 401  # a second time
    element(page, "#go_on").click()
    element(page, "#logo_file").send_keys(str(pictures.write_logo(tmp_path / "logo.png")))
    press(page, "logo")
    wait(page, lambda b: b.execute_script("return document.getElementById('logo')?.naturalWidth") == 96)
    assert element(page, "#saved").text == "Saved."
    press(page, "rotate")
    fresh = element(page, "#client_secret").text
    for live in (secret, fresh):
        wait(page, lambda _, signer=Signer(client_id, live, token=token, token_secret=token_secret): called(api, signer) == 200)
    element(page, "#go_on").click()
    press(page, "rotate")  # once more: what is in use would end
    wait(page, lambda b: "still good for some days" in element(b, "main").text)
    page.get(f"{provider.url}/developer/applications/{client_id}")
    press(page, "disable")
    assert "You have disabled" in element(page, "#state").text, element(page, "main").text
    press(page, "delete")  # without the tick, for which the browser asks
    element(page, "input[name=confirm]").click()
    press(page, "delete")
    wait(page, lambda b: b.current_url.endswith("/developer/applications"))
    assert client_id not in page.page_source and violations(page) == []
