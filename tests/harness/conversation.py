"""Requests that `requests` would not send, to one service; each answer is held against the OpenAPI documents."""

import http.client
from urllib.parse import urlsplit

from harness.contract import DOCUMENTS, judge


class Conversation:
    def __init__(self, document, url):
        self.document = DOCUMENTS[document]
        self.netloc = urlsplit(url).netloc
        self.address = 0

    def ask(self, status, method, target, headers=(), body=None, version=11):
        connection = http.client.HTTPConnection(self.netloc, timeout=20)
        connection._http_vsn, connection._http_vsn_str = version, f"HTTP/{version / 10}"
        connection.putrequest(method, target, skip_host=any(n == "Host" for n, _ in headers), skip_accept_encoding=True)
        for name, value in headers:
            connection.putheader(name, value)
        if body is not None:
            connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body)
        response = connection.getresponse()
        content = response.read()
        assert response.status == status, f"{method} {target}: {response.status} {content[:500]}"
        judge(self.document, method, target, response.status, response.getheaders(), content)
        connection.close()
        return response

    def somebody(self):
        """A client's address that nobody had before: what is refused counts against it."""
        self.address += 1
        return "X-Forwarded-For", f"198.51.100.{self.address}"

    def until_slowed_down(self, status, method, target, headers=(), body=None, limit=5):
        somebody = self.somebody()
        for _ in range(limit):
            self.send_quietly(method, target, [*headers, somebody], body)
        self.ask(status, method, target, [*headers, somebody], body)

    def send_quietly(self, method, target, headers, body):
        connection = http.client.HTTPConnection(self.netloc, timeout=20)
        connection.request(method, target, body, dict(headers))
        connection.getresponse().read()
        connection.close()

    def ask_what_any_request_may_get(self, path, post_path, large_path, host="x"):
        self.ask(404, "GET", "/nowhere")
        self.ask(405, "DELETE", post_path)
        self.ask(400, "GET", path, [("Host", host), ("Host", host)])
        self.ask(431, "GET", path, [("X-Long", "x" * 20000)])
        self.ask(501, "BREW", path)
        self.ask(505, "GET", path, version=12)
        self.ask(413, "POST", large_path, body=b"x" * 70000)
