"""What a client's developer, a site, a user or a stranger can write somewhere, and would have work elsewhere: as HTML, a header, a
style, a redirect, a form of another site. Each is refused, or shown as text. The bytes of a logo have their table in
test_developer_pages.py, and so do the forms of a client's page; that other sites cannot frame a page is seen by a browser too
(tests/browser)."""

import json
from html.parser import HTMLParser
from urllib.parse import quote, urljoin, urlsplit

import pytest
import requests

from harness import site as sites
from harness.flow import Flow, send
from harness.owner import Owner, Page, until_answered
from harness.provider import PASSWORD, Client, Provider
from harness.running import KINDS, running_on
from test_developer_pages import LIST, NEW, Developer

EVIL = """'"><evil evil=1></title></textarea>`&lt;{{title}}{{{title}}}"""
SCOPES = {"photos:read": {"text": "Read " + EVIL, "group": "Group " + EVIL, "self_service": True,
                          "languages": {"de": {"text": "Lies " + EVIL, "group": "Gruppe " + EVIL}}}}
CALLBACK = "https://a.example/cb"
ACCOUNT, SECURITY, CHANGE, TRY = "/account/applications", "/account/security", "/account/password", "/developer/try"


@pytest.fixture(scope="module", params=KINDS)
def provider(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp(request.param)
    (folder / "scopes.json").write_text(json.dumps(SCOPES), encoding="utf-8")
    with running_on(request.param, folder, OAUTH1_SCOPES_FILE=folder / "scopes.json", OAUTH1_BRAND_NAME=EVIL[:60],
                    OAUTH1_REGISTRATION="open", OAUTH1_RATE_LIMIT_LOGIN_PAIR="100000", OAUTH1_RATE_LIMIT_LOGIN_ADDRESS="100000",
                    OAUTH1_RATE_LIMIT_LOGIN_ACCOUNT="100000") as made:
        yield made.provider


@pytest.fixture
def jane(provider):
    yield Developer(provider, "jane")
    for client in provider.expect("client", "list"):
        provider.command("client", "delete", client["client_id"])


class Markup(HTMLParser):
    """The tags, the attributes and all text of a page, as a browser takes them."""

    def __init__(self, html):
        super().__init__(convert_charrefs=True)
        self.tags, self.attributes, self.links, self.text = set(), set(), [], ""
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        for name, value in attrs:
            self.attributes.add(name)
            self.text += f" {value}"
            if name in ("href", "src", "action"):
                self.links.append(value or "")

    def handle_data(self, data):
        self.text += data


def assert_harmless(response, shown=""):
    """A page that has nothing of EVIL but as text; with `shown` it says that."""
    assert response.headers["Content-Type"].startswith("text/html"), response.text
    markup = Markup(response.text)
    assert not markup.tags & {"evil", "script", "style", "iframe", "svg", "base"}, response.text
    assert not [name for name in markup.attributes if name in ("evil", "style") or name.startswith("on")], response.text
    for link in markup.links:
        assert urlsplit(link).scheme in ("", "http", "https") and not link.startswith(("//", "/\\")), link
    assert shown in markup.text, response.text  # its {{title}} too: templates are not filled twice
    policy = response.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy and "frame-ancestors 'none'" in policy and "evil" not in policy
    assert response.headers["Referrer-Policy"] == "no-referrer" and response.headers["Cache-Control"] == "no-store"
    assert "unsafe" not in policy and "script-src" not in policy and "evil" not in str(response.headers)


def pages_about(jane, client):
    """Every page that shows something of a client."""
    asked, oob = Flow(jane.provider, client, owner=jane), Flow(jane.provider, client, owner=jane)
    asked.initiate(CALLBACK)
    oob.initiate("oob")
    login = f"/login?return_to={quote('/oauth/authorize?oauth_token=' + asked.temporary.token)}"
    pages = [jane.open(path).response for path in (LIST, f"{LIST}/{client.client_id}")]
    pages += [Owner(jane.provider).get(login), jane.consent_page(asked.temporary.token).response]
    pages += [oob.grant()]
    oob.exchange()
    return [*pages, jane.get(ACCOUNT)]


@pytest.mark.parametrize("field, written, shown", [
    ("name", EVIL, EVIL), ("description", EVIL, EVIL), ("name", "a\r\nSet-Cookie: a=b\r\n\r\n<evil>", "a  Set-Cookie: a=b    <evil>"),
    ("website", "https://a.example/?q=" + EVIL.replace(" ", "+"), "https://a.example/?q=" + EVIL.replace(" ", "+")),
])
def test_what_a_developer_says_of_his_client_is_text(jane, field, written, shown):
    page = jane.register(**{"callbacks": CALLBACK, field: written})
    if page.response.status_code == 400:  # a website that is no address
        assert_harmless(page.response, shown)
        return
    pages = pages_about(jane, Client(page.texts["client_id"], page.texts["client_secret"]))
    for each in pages:
        assert_harmless(each)
    assert any(shown in Markup(each.text).text for each in pages)


@pytest.mark.parametrize("field, written", [
    ("website", "javascript:alert(1)//" + EVIL), ("website", EVIL), ("callbacks", "https://a.example/" + EVIL),
    ("callbacks", "https://*;script-src/"), ("callbacks", "javascript:alert(1)"), ("callbacks", "data:text/html," + EVIL),
    ("callbacks", "https://a.example/\x0bSet-Cookie:a=b"), ("name", "a\x0bSet-Cookie: a=b"), ("name", "a\0b"),
    ("scope", EVIL), ("scope", "photos:read\nphotos:all"), ("method", EVIL), ("rsa_public_key", EVIL),
])
def test_what_cannot_be_is_refused_and_what_was_typed_is_text(provider, jane, field, written):
    response = jane.register(**{"callbacks": CALLBACK, field: written}).response
    assert response.status_code == 400 and response.headers.get("Set-Cookie") is None
    assert_harmless(response)
    assert provider.expect("client", "list") == []


@pytest.mark.parametrize("callback", [
    "https://evil.example/", "https://evil.example/cb", "https://a.example.evil.example/cb", "https://a.example@evil.example/cb",
    "https://a.example\\@evil.example/cb", "//a.example/cb", "javascript:alert(1)", "https://a.example/cb\r\nSet-Cookie: a=b",
    "https://a.example/cb/../../x", "https://a.example/cb" + EVIL, "https://a.example:444/cb", "http://a.example/cb", "https://*/cb",
    "https://a.example;script-src/cb", "data:text/html,x", "", " https://a.example/cb",
])
def test_a_browser_is_sent_to_registered_callbacks_alone(provider, jane, callback):
    client = provider.create_client(callback=CALLBACK)
    response = send(Flow(provider, client).initiate_request(callback))
    assert response.status_code in (400, 401) and "oauth_token_secret" not in response.text, response.text
    assert "Set-Cookie" not in response.headers


@pytest.mark.parametrize("scope", [EVIL, "photos:read\r\nSet-Cookie: a=b", "<evil>", "photos:read;script-src *"])
def test_a_scope_that_was_not_registered_is_refused_by_its_name_alone(provider, jane, scope):
    client = provider.create_client("--scope", "photos:read", callback=CALLBACK)
    response = send(Flow(provider, client).initiate_request(CALLBACK, body="scope=" + quote(scope)))
    assert response.status_code in (400, 401) and "evil" not in response.text and "Set-Cookie" not in response.headers


@pytest.mark.parametrize("language", ["en", "de", "ja"])
def test_the_words_of_scopes_and_the_brand_are_text(provider, jane, language):
    client = provider.create_client("--scope", "photos:read", callback=CALLBACK)
    flow = Flow(provider, client)
    flow.initiate(CALLBACK)
    jane.consent_page(flow.temporary.token)
    jane.session.cookies.set("countersign_language", language)
    page = jane.consent_page(flow.temporary.token).response
    assert f'lang="{language}"' in page.text
    words = SCOPES["photos:read"]["languages"].get(language, SCOPES["photos:read"])
    for shown in (words["text"], words["group"], EVIL[:60]):
        assert_harmless(page, shown)


@pytest.mark.parametrize("path", ["/login", "/nowhere", "/problems", "/", "/oauth/authorize?oauth_token=" + quote(EVIL),
                                  f"/login?because={quote(EVIL)}&return_to={quote(EVIL)}", "/" + quote(EVIL),
                                  f"/language?language={quote(EVIL)}"])
def test_what_a_stranger_puts_into_an_address_is_text_and_no_page_is_framed(provider, path):
    response = requests.get(provider.url + path, timeout=20, allow_redirects=False, headers={"Accept": "text/html"})
    if response.headers["Content-Type"].startswith("text/html"):
        assert_harmless(response)
    assert "Set-Cookie: a" not in str(response.headers) and response.headers.get("Location", "/").startswith("/")


def test_a_user_name_is_text(provider, jane):
    page = Page(jane.get("/login"))
    answer = jane.submit(page, page.form_with("password"), username=EVIL, password="x")
    assert answer.status_code == 403
    assert_harmless(answer, EVIL)


def test_what_is_tried_on_the_developers_page_is_text(jane):
    jane.open(NEW)
    page = jane.open(TRY)
    answer = jane.submit(page, page.form_with("content_type"), method="GET", url="https://a.example/?" + EVIL, body=EVIL,
                         authorization=f'OAuth oauth_consumer_key="{quote(EVIL)}"', content_type=EVIL)
    assert_harmless(answer)
    assert EVIL in Markup(answer.text).text


@pytest.mark.parametrize("subject, username", [(EVIL, EVIL), ("42", EVIL), (EVIL, "ann"), ("42", "a\r\nSet-Cookie: a=b")])
def test_the_subject_and_the_user_name_that_a_site_gives_are_text(tmp_path_factory, subject, username):
    with running_on("embedded", tmp_path_factory.mktemp("site"), users=(), **sites.VARIABLES) as running:
        flow = Flow(running.provider, running.provider.create_client(callback=CALLBACK))
        flow.initiate(CALLBACK)
        owner = Owner(running.provider)
        challenge = sites.challenge_of(owner.get(f"/oauth/authorize?oauth_token={flow.temporary.token}"))
        answer = sites.Site(running.provider).accept(challenge, subject, username=username)
        if answer.status_code == 400:
            assert "\r" in username and "Set-Cookie" not in answer.headers
            return
        page = owner.follow_within(owner.get(answer.json()["redirect_to"]))
        assert page.status_code == 200
        assert_harmless(page, username)


# ---- what an operator may write into variables

@pytest.mark.parametrize("name, value", [
    ("OAUTH1_BRAND_COLOR", "red;} body {display: none"), ("OAUTH1_BRAND_COLOR", "#12345;"), ("OAUTH1_BRAND_COLOR", "url(//evil.example)"),
    ("OAUTH1_BRAND_NAME", "a\r\nSet-Cookie: a=b"), ("OAUTH1_TERMS_URL", "javascript:alert(1)"), ("OAUTH1_PRIVACY_URL", "data:text/html,x"),
    ("OAUTH1_HELP_URL", "//evil.example"), ("OAUTH1_FORGOTTEN_PASSWORD_URL", "javascript:alert(1)"),
])
def test_a_variable_that_would_break_a_page_is_refused_by_its_name(tmp_path, name, value):
    outcome = Provider(tmp_path, **{name: value}).command("config", "check")
    assert outcome.code != 0 and name in outcome.err, outcome


@pytest.mark.parametrize("name", ["OAUTH1_TERMS_URL", "OAUTH1_HELP_URL"])
def test_an_odd_address_of_the_operator_is_text(tmp_path, name):
    made = Provider(tmp_path, **{name: "https://a.example/?" + EVIL.replace(" ", "")})
    if made.command("config", "check").code != 0:
        return
    try:
        made.start()
        assert_harmless(requests.get(made.url + "/login", timeout=20))
    finally:
        made.stop()


def test_a_name_of_the_brand_writes_no_style(provider):
    style = requests.get(provider.url + "/brand.css", timeout=20)
    assert style.headers["Content-Type"].startswith("text/css") and style.headers["X-Content-Type-Options"] == "nosniff"
    assert "evil" not in style.text and "url(" not in style.text


# ---- where a form sends the browser

ELSEWHERE = ["//evil.example/", "https://evil.example/", "/\\evil.example/", "\\\\evil.example", "/\t/evil.example", "javascript:alert(1)",
             "/%0d%0aSet-Cookie:a=b\r\nSet-Cookie: a=b", "https:evil.example", "///evil.example", "/..//evil.example", "@evil.example", EVIL]


def assert_stays(provider, response):
    if response.is_redirect:
        target = urlsplit(urljoin(provider.url + "/", response.headers["Location"].replace("\\", "/")))
        assert f"{target.scheme}://{target.netloc}" == provider.url, response.headers["Location"]
    assert "a=b" not in response.headers.get("Set-Cookie", "")


@pytest.mark.parametrize("target", ELSEWHERE)
def test_no_form_sends_a_browser_elsewhere(provider, target):
    owner = Owner(provider, "jane", PASSWORD)
    login = Page(owner.get("/login?return_to=" + quote(target)))
    assert_harmless(login.response)
    entered = until_answered(lambda: owner.submit(login, login.form_with("password"), username="jane", password=PASSWORD,
                                                  return_to=target))
    assert entered.status_code == 302, entered.text
    assert_stays(provider, entered)
    home = Page(owner.get("/"))
    language = owner.session.post(provider.url + "/language", data={"language": "de", "return_to": target}, timeout=20,
                                  allow_redirects=False)
    assert_stays(provider, language)
    assert_stays(provider, owner.submit(home, home.form_with("csrf_token"), return_to=target))


@pytest.mark.parametrize("header", ["Host", "X-Forwarded-Host", "Forwarded", "X-Original-URL", "X-Rewrite-URL"])
def test_no_header_sends_a_browser_elsewhere(provider, header):
    value = "host=evil.example" if header == "Forwarded" else "evil.example"
    response = requests.get(provider.url + ACCOUNT, headers={header: value}, timeout=20, allow_redirects=False)
    assert "evil" not in str(response.headers) and "evil.example" not in response.text


# ---- forms of other sites

FORMS = {  # the page that has the form, a field or button of it, what is sent
    "revoke": (ACCOUNT, ACCOUNT, {"deed": "revoke_all"}),
    "end sessions": (SECURITY, SECURITY, {"deed": "end_others"}),
    "password": (SECURITY, CHANGE, {"current": PASSWORD, "password": "granite otter lamp 7", "again": "granite otter lamp 7"}),
    "log out": ("/", "/logout", {}),
    "register": (NEW, NEW, {"name": "x"}),
    "try": (TRY, TRY, {"method": "GET", "url": "https://a.example/"}),
    "log in": ("/login", "/login", {"username": "jane", "password": PASSWORD}),
}


@pytest.mark.parametrize("name", FORMS)
def test_a_form_of_another_site_does_nothing(provider, jane, name):
    page, action, fields = FORMS[name]
    jane.open(NEW)
    signer = Flow(provider, provider.create_client(), jane).token()
    before = provider.expect("client", "list")
    token = Page(jane.get(page)).form_with("csrf_token")["fields"]["csrf_token"]
    other = Developer(provider, "jane")
    foreign = Page(other.get("/login")).form_with("csrf_token")["fields"]["csrf_token"]
    for data, headers in (
        ({}, {}), ({"csrf_token": ""}, {}), ({"csrf_token": "x" * len(token)}, {}), ({"csrf_token": foreign}, {}),
        ({"csrf_token": token}, {"Origin": "https://evil.example"}),
        ({"csrf_token": token}, {"Sec-Fetch-Site": "cross-site"}),
    ):
        answer = jane.session.post(provider.url + action, data={**fields, **data}, headers=headers, timeout=20, allow_redirects=False)
        assert answer.status_code in (400, 403, 415), (data, headers, answer.status_code)
    by_address = requests.get(provider.url + action, params={**fields, "csrf_token": token}, cookies=jane.session.cookies, timeout=20,
                              allow_redirects=False)
    assert by_address.status_code in (200, 302, 404, 405)
    assert jane.get(ACCOUNT).status_code == 200, "still logged in, and no other password"
    assert provider.expect("client", "list") == before
    assert not any(token.get("revoked_at") for token in provider.expect("token", "list", "--client", signer.client_id))
    Flow(provider, provider.create_client(), Owner(provider, "jane", PASSWORD)).token()


@pytest.mark.parametrize("decision", ["grant", "deny"])
def test_a_decision_of_another_site_decides_nothing(provider, jane, decision):
    flow = Flow(provider, provider.create_client())
    flow.initiate()
    page = jane.consent_page(flow.temporary.token)
    fields = {**page.form_with("decision")["fields"], "decision": decision}
    for data, headers in (({**fields, "csrf_token": "x" * 32}, {}), ({**fields, "csrf_token": ""}, {}),
                          (fields, {"Origin": "https://evil.example"}), (fields, {"Sec-Fetch-Site": "cross-site"})):
        answer = jane.session.post(provider.url + "/oauth/authorize", data=data, headers=headers, timeout=20, allow_redirects=False)
        assert answer.status_code in (400, 403), answer.text
    assert jane.grant(flow.temporary.token).status_code == 302, "nobody had decided yet"


def test_a_session_that_somebody_else_prepared_is_not_the_one_after_the_login(provider):
    attacker = Owner(provider, "jane", PASSWORD)
    attacker.get("/login")
    planted = dict(attacker.session.cookies)
    victim = Owner(provider, "jane", PASSWORD)
    for cookie, value in {**planted, "countersign_session": "A" * 43, "countersign_device": "B" * 43}.items():
        victim.session.cookies.set(cookie, value, domain="127.0.0.1", path="/")
    page = Page(victim.get("/login"))
    assert victim.submit(page, page.form_with("password"), username="jane", password=PASSWORD).status_code == 302
    assert victim.get(ACCOUNT).status_code == 200
    assert victim.session.cookies["countersign_session"] not in ("A" * 43, *planted.values())
    for cookies in (planted, {"countersign_session": "A" * 43}):
        answer = requests.get(provider.url + ACCOUNT, cookies=cookies, timeout=20, allow_redirects=False)
        assert answer.status_code == 302, "the attacker is not in"
