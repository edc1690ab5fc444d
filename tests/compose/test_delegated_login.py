"""docker compose --profile delegated-login: a site logs its own user in, who grants at the provider."""

from types import SimpleNamespace
from urllib.parse import urljoin

import requests

from demo_client import demo_token
from harness.flow import Flow, form
from harness.owner import Page
from harness.provider import Client


def test_a_user_of_the_site_grants(stack):
    held = demo_token(stack)
    client = Client(held["CLIENT_ID"], held["CLIENT_SECRET"])
    stack.compose("--profile", "delegated-login", "up", "-d", "--wait", "login-site", timeout=600)
    url = f"http://localhost:{stack.environment['COUNTERSIGN_DELEGATED_PORT']}"
    flow = Flow(SimpleNamespace(url=url), client, owner=object(), signature_method="HMAC-SHA256")
    flow.initiate("oob")
    browser = requests.Session()
    page = Page(browser.get(f"{url}/oauth/authorize?oauth_token={flow.temporary.token}", timeout=20))
    assert page.response.url.startswith(f"http://localhost:{stack.environment['COUNTERSIGN_LOGIN_PORT']}/login")
    fields = {**page.forms[0]["fields"], "username": "jane", "password": "a password of the site", "decision": "login"}
    consent = Page(browser.post(page.response.url, data=fields, timeout=20))
    decision = consent.form_with("decision")
    assert consent.response.url.startswith(url) and decision, consent.response.text
    granted = browser.post(urljoin(url, decision["action"]), data={**decision["fields"], "decision": "grant"}, timeout=20)
    flow.verifier = Page(granted).texts["verifier"].strip()
    assert form(flow.exchange())["oauth_token"]
