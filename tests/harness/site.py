"""A site that has accounts of its own: what it says at the admin port about a browser that was sent to it."""

from urllib.parse import parse_qs, urlsplit

import requests

from harness.owner import until_answered

LOGIN_URL = "https://site.example/login?lang=en"
LOGIN_TOKEN = "site-token-0123456789abcdef0123456789"
ADMIN_TOKEN = "admin-token-0123456789abcdef012345678"
READ_TOKEN = "read-token-0123456789abcdef0123456789"
VARIABLES = {
    "OAUTH1_LOGIN_URL": LOGIN_URL,
    "OAUTH1_LOGIN_TOKEN": f"shop:{LOGIN_TOKEN}",
    "OAUTH1_ADMIN_TOKEN": f"operator:{ADMIN_TOKEN},auditor:read:{READ_TOKEN}",
}


class Site:
    def __init__(self, provider, token=LOGIN_TOKEN):
        self.admin_url = provider.admin_url
        self.headers = {"Authorization": f"Bearer {token}"} if token else {}

    def call(self, method, path, **options):
        headers = {**self.headers, **options.pop("headers", {})}
        url = f"{self.admin_url}/admin/v1/{path}"
        return until_answered(lambda: requests.request(method, url, headers=headers, timeout=20, **options))

    def show(self, challenge):
        return self.call("GET", f"authorization-requests/{challenge}")

    def accept(self, challenge, subject="42", **members):
        return self.call("PUT", f"authorization-requests/{challenge}/accept", json={"subject": subject, **members})

    def reject(self, challenge):
        return self.call("PUT", f"authorization-requests/{challenge}/reject")

    def end_sessions(self, subject):
        return self.call("DELETE", f"users/{subject}/sessions")

    def accepted(self, challenge, subject="42", **members):
        """Where the browser is to be sent; it must have been accepted."""
        answer = self.accept(challenge, subject, **members)
        assert answer.status_code == 200, answer.text
        return answer.json()["redirect_to"]


def challenge_of(response, login_url=LOGIN_URL):
    """Of the redirect that sends a browser to the site."""
    assert response.status_code == 302, f"{response.status_code}: {response.text}"
    target = response.headers["Location"]
    assert target.startswith(login_url.partition("?")[0] + "?"), target
    (challenge,) = parse_qs(urlsplit(target).query)["login_challenge"]
    return challenge
