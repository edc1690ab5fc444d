"""Sites that a browser goes to, on `localhost` while the provider is on 127.0.0.1: another origin, and another site for cookies."""

import threading
from contextlib import contextmanager
from html import escape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs

from harness.chromium import element, wait


class Pages(BaseHTTPRequestHandler):
    """What the handlers of both kinds of sites share; `self.server` holds what a test said of its site."""

    def answer(self, status, page="", **headers):
        body = page.encode()
        self.send_response(status)
        for name, value in {"Content-Type": "text/html; charset=utf-8", "Content-Length": len(body), **headers}.items():
            self.send_header(name, str(value))
        self.end_headers()
        self.wfile.write(body)

    def query(self):
        return {name: value for name, (value,) in parse_qs(self.path.partition("?")[2]).items()}

    def log_message(self, *_):
        pass


class ClientSite(Pages):
    """A client's own site: /start links to the provider (`authorize_url`), /ready is the callback, /frame tries to frame the
    consent page."""

    def do_GET(self):
        pages = {
            "/start": '<a id="go" href="{0}">Print my photos</a>',
            "/frame": '<iframe id="frame" src="{0}"></iframe>',
            "/ready": '<h1 id="arrived">Thank you</h1>',
        }
        page = pages.get(self.path.partition("?")[0], "")
        self.answer(200 if page else 404, page.format(self.server.authorize_url))


class LoginSite(Pages):
    """A site that has accounts of its own (OAUTH1_LOGIN_URL): its page asks who is there, and tells the provider by `told`, a
    harness.site.Site."""

    def do_GET(self):
        challenge = self.query()["login_challenge"]
        asked = self.server.told.show(challenge).json()
        whose = asked["client"]["name"] if asked["kind"] == "authorization" else "your own pages"
        self.answer(200, f"""<h1>Log in at the shop</h1><p id="for">For {escape(whose)}</p>
            <form method="post" action="/decide"><input type="hidden" name="challenge" value="{escape(challenge)}">
            <input name="subject"><button name="answer" value="accept">Log in</button>
            <button name="answer" value="granted">Log in and allow</button>
            <button name="answer" value="reject">Cancel</button></form>""")

    def do_POST(self):
        length = int(self.headers["Content-Length"])
        fields = {name: value for name, (value,) in parse_qs(self.rfile.read(length).decode()).items()}
        told, challenge, answer = self.server.told, fields["challenge"], fields["answer"]
        if answer == "reject":
            target = told.reject(challenge).json()["redirect_to"]
        else:
            consent = {"consent": "granted"} if answer == "granted" else {}
            target = told.accepted(challenge, fields["subject"], username=f"{fields['subject']} of the shop", **consent)
        self.server.sent_to = target
        self.answer(303 if self.server.sends_on else 200, Location=target)


@contextmanager
def serving(handler):
    """A site of this kind; it has a `url`."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.url = f"http://localhost:{server.server_port}"
    server.sends_on = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()


def ask_for_access(flow, site):
    """The client begins, and its site links to the provider."""
    flow.initiate(site.url + "/ready")
    site.authorize_url = f"{flow.provider.url}/oauth/authorize?oauth_token={flow.temporary.token}"


def come_from(browser, site):
    browser.get(site.url + "/start")
    element(browser, "#go").click()


def decide(browser, value):
    element(browser, f"button[name=decision][value={value}]").click()


def answer_at(browser, site):
    """The query with which the browser arrived at the callback."""
    wait(browser, lambda b: b.current_url.startswith(site.url + "/ready"))
    assert element(browser, "#arrived").text == "Thank you"
    query = browser.current_url.partition("?")[2]
    return dict(pair.split("=", 1) for pair in query.split("&"))
