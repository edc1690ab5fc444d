"""What a site tells Countersign about a browser that was sent to its login page (OAUTH1_LOGIN_URL). A file to copy."""

import json
import time
import urllib.error
import urllib.parse
import urllib.request

AGAIN_S = 1


class LoginRefused(Exception):
    """Countersign did not take it; the text says why, and is for your log."""

    def __init__(self, status, text):
        super().__init__(f"{status}: {text}")
        self.status = status


class Countersign:
    """`url`: OAUTH1_ADMIN_LISTEN; `token`: of OAUTH1_LOGIN_TOKEN, the part behind the name and the colon."""

    def __init__(self, url, token, timeout=5):
        self.url = url.rstrip("/") + "/admin/v1/"
        self.token = token
        self.timeout = timeout

    def call(self, method, path, body=None):
        """503 says that a store is away for a moment: it is asked again each second, for as long as one answer may take."""
        until = time.monotonic() + self.timeout
        while True:
            try:
                return self.call_once(method, path, body)
            except LoginRefused as refused:
                if refused.status != 503 or time.monotonic() + AGAIN_S > until:
                    raise
            time.sleep(AGAIN_S)

    def call_once(self, method, path, body):
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        data = json.dumps(body or {}).encode() if method == "PUT" else None
        request = urllib.request.Request(self.url + path, data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=self.timeout) as response:
                return json.loads(response.read() or b"null")
        except urllib.error.HTTPError as error:
            raise LoginRefused(error.code, error.read().decode(errors="replace")) from None
        except OSError as error:
            raise LoginRefused(503, str(error)) from None

    def show(self, challenge):
        """Who asks for what: {"kind", "client", "scope", …}."""
        return self.call("GET", f"authorization-requests/{quote(challenge)}")

    def accept(self, challenge, subject, username, consent="ask", scope=None):
        """Where to send the browser. Ask your user yourself before you say `consent="granted"`."""
        said = {"subject": subject, "username": username, "consent": consent}
        if scope is not None:
            said["scope"] = scope  # some of those that were asked for
        return self.call("PUT", f"authorization-requests/{quote(challenge)}/accept", said)["redirect_to"]

    def reject(self, challenge):
        return self.call("PUT", f"authorization-requests/{quote(challenge)}/reject")["redirect_to"]

    def end_sessions(self, subject):
        """When your user logs out. One who never came here is none of Countersign's."""
        try:
            self.call("DELETE", f"users/{quote(subject)}/sessions")
        except LoginRefused as refused:
            if refused.status != 404:
                raise


def quote(text):
    return urllib.parse.quote(text, safe="")
