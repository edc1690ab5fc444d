"""Who guesses passwords at the login page."""

import requests

from harness.owner import Page, until_answered


class Guesser:
    """One browser's form, sent as from any address."""

    def __init__(self, provider):
        self.session = requests.Session()
        self.page = Page(self.session.get(f"{provider.url}/login", timeout=20))
        self.form = self.page.form_with("password")
        self.url = f"{provider.url}/login"

    def guess(self, username, address, password="x"):
        data = {**self.form["fields"], "username": username, "password": password}
        response = until_answered(lambda: self.session.post(
            self.url, data=data, headers={"X-Forwarded-For": address}, timeout=20, allow_redirects=False
        ))
        if response.status_code == 429:
            assert 1 <= int(response.headers["Retry-After"]) <= 60
        if response.status_code == 302:  # the form's secret ended with it
            self.form = Page(self.session.get(self.url, timeout=20)).form_with("password")
        return response.status_code
