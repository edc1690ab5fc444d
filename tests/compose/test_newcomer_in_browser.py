"""docker compose up, and a newcomer who touches no command line: he registers a client of his own on the demo's pages, in a real
browser, and calls the demo API with it."""

import pytest
import requests

from harness.chromium import element, log_in, running_chromium, violations
from harness.flow import send
from harness.signer import Signer


@pytest.fixture(scope="module")
def browser():
    with running_chromium() as made:
        yield made


def register(browser):
    """From the front page to the key and the secret."""
    element(browser, "a[href='/developer/applications/new']").click()
    element(browser, "#name").send_keys("Newcomer's album")
    element(browser, "#callbacks").send_keys("http://127.0.0.1/ready")
    element(browser, "input[name=scope][value='photos:read']").click()
    element(browser, "#register").click()
    return element(browser, "#client_id").text, element(browser, "#client_secret").text


def test_a_newcomer_registers_a_client_and_calls_the_api_by_the_pages_alone(stack, jane, browser):
    browser.get(stack.url)
    element(browser, "a[href='/developer/applications']").click()
    log_in(browser, jane.password)
    assert "Photo Garden" in element(browser, "header").text
    client_id, secret = register(browser)
    element(browser, "#go_on").click()
    assert element(browser, "#approval").text
    element(browser, "button[name=do][value=token]").click()
    token, token_secret = element(browser, "#oauth_token").text, element(browser, "#oauth_token_secret").text
    signer = Signer(client_id, secret, token=token, token_secret=token_secret, signature_method="HMAC-SHA256")
    request = signer.sign("GET", f"{stack.url}/api/photos")
    answer = send(request)
    assert answer.status_code == 200, answer.text
    assert answer.json()["asked_by"] == {"client": client_id, "user": "jane", "scope": "photos%3Aread"}
    assert send(request).status_code == 401 and requests.get(f"{stack.url}/api/photos", timeout=20).status_code == 401
    assert violations(browser) == []
