"""The resource owner's browser, as far as our pages need one: cookies, forms and no script."""

import time
from functools import partial
from html.parser import HTMLParser
from urllib.parse import parse_qsl, urljoin, urlsplit

import requests

from harness.provider import PASSWORD


def until_answered(ask):
    """As people and clients do: after a 503 they try again. A disk that is busy for 200 ms is no fault of what a test is
    about; tests about stores that are down ask once, by themselves."""
    for _ in range(3):
        response = ask()
        if response.status_code != 503:
            break
        time.sleep(int(response.headers["Retry-After"]))
    return response


class Page(HTMLParser):
    """The forms of a page, and the text of every element that has an id."""

    def __init__(self, response):
        super().__init__()
        self.response = response
        self.forms = []
        self.texts = {}
        self.open = []  # (tag, id) of the elements that we are inside of
        self.feed(response.text)

    def handle_starttag(self, tag, attrs):
        attributes = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.forms.append({"action": attributes.get("action", ""), "fields": {}, "buttons": []})
        elif tag in ("input", "button") and self.forms and "name" in attributes:
            form = self.forms[-1]
            if tag == "button" or attributes.get("type") == "submit":
                form["buttons"].append((attributes["name"], attributes.get("value", "")))
            else:
                form["fields"][attributes["name"]] = attributes.get("value", "")
        if tag not in ("input", "meta", "link", "br", "img", "hr"):
            self.open.append((tag, attributes.get("id")))

    def handle_endtag(self, tag):
        while self.open and self.open.pop()[0] != tag:
            pass

    def handle_data(self, data):
        for _, name in self.open:
            if name:
                self.texts[name] = self.texts.get(name, "") + data

    def form_with(self, field):
        """The form that has a field or a button of this name; None if no form has it."""
        for form in self.forms:
            if field in form["fields"] or field in (name for name, _ in form["buttons"]):
                return form
        return None


class Owner:
    """A person with a browser session at one provider."""

    def __init__(self, provider, username="jane", password=PASSWORD):
        self.provider = provider
        self.username = username
        self.password = password
        self.session = requests.Session()

    def get(self, path_or_url, **options):
        url = urljoin(self.provider.url, path_or_url)
        return self.session.get(url, timeout=20, allow_redirects=False, **options)

    def submit(self, page, form, **fields):
        url = urljoin(page.response.url, form["action"] or page.response.url)
        return self.session.post(url, data={**form["fields"], **fields}, timeout=20, allow_redirects=False)

    def follow_within(self, response):
        """Follows redirects as long as they stay at the provider, never on to a client's callback."""
        while response.is_redirect and urljoin(response.url, response.headers["Location"]).startswith(
            self.provider.url + "/"
        ):
            target = urljoin(response.url, response.headers["Location"])
            response = until_answered(partial(self.get, target))
        return response

    def follow_to_site(self, path):
        """The answer that sends the browser to the site's own login."""
        return self.follow_within(until_answered(partial(self.get, path)))

    def consent_page(self, temporary_token, path="/oauth/authorize"):
        """Opens the authorize page, logs in if asked, and arrives at the question (or at an error page)."""
        first = until_answered(partial(self.get, f"{path}?oauth_token={temporary_token}"))
        page = Page(self.follow_within(first))
        login = page.form_with("password")
        if login is None:
            return page
        response = until_answered(partial(self.submit, page, login, username=self.username, password=self.password))
        return Page(self.follow_within(response))

    def decide(self, page, decision):
        form = page.form_with("decision")
        assert form is not None, f"no consent form: {page.response.status_code} {page.response.text}"
        return until_answered(partial(self.submit, page, form, decision=decision))

    def grant(self, temporary_token):
        """The answer to the grant: a redirect to the callback, or the page with the verifier."""
        return self.decide(self.consent_page(temporary_token), "grant")

    def deny(self, temporary_token):
        return self.decide(self.consent_page(temporary_token), "deny")


def location_query(response):
    """The query of the redirect, as pairs."""
    assert response.status_code == 302, f"{response.status_code}: {response.text}"
    return parse_qsl(urlsplit(response.headers["Location"]).query, keep_blank_values=True)
