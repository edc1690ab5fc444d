"""A proxy has logged its user in (OAUTH1_LOGIN_TRUSTED_HEADER): each request says in a header who it is."""

import pytest
import requests
from harness.flow import Flow, form
from harness.owner import Owner, Page, location_query
from harness.provider import Provider
from harness.running import KINDS, running_on

HEADER = "X-Remote-User"
CALLBACK = "http://127.0.0.1/ready"
NEAR = {"OAUTH1_LOGIN_TRUSTED_HEADER": HEADER, "OAUTH1_TRUSTED_PROXIES": "127.0.0.1"}
FAR = {"OAUTH1_LOGIN_TRUSTED_HEADER": HEADER, "OAUTH1_TRUSTED_PROXIES": "192.0.2.0/24"}


class User(Owner):
    """A browser behind a proxy that sends these lines with each of its requests."""

    def __init__(self, provider, *subjects):
        super().__init__(provider)
        self.subjects = list(subjects)

    def get(self, path_or_url, **options):
        return super().get(path_or_url, headers=self.headers(), **options)

    def headers(self):
        assert len(self.subjects) <= 1  # `requests` cannot send a name twice
        return {HEADER: subject for subject in self.subjects}

    def submit(self, page, form, **fields):
        url = self.provider.url + "/oauth/authorize"
        return self.session.post(url, data={**form["fields"], **fields}, headers=self.headers(), timeout=20,
                                 allow_redirects=False)


@pytest.fixture(scope="module", params=KINDS)
def running(request, tmp_path_factory):
    with running_on(request.param, tmp_path_factory.mktemp(request.param), **NEAR) as made:
        made.provider.sql = made.sql
        yield made.provider


@pytest.fixture(scope="module")
def client(running):
    return running.create_client("--scope", "photos:read")


@pytest.fixture
def flow(running, client):
    made = Flow(running, client)
    made.initiate(CALLBACK)
    return made


def page_of(user, flow):
    return Page(user.follow_within(user.get(f"/oauth/authorize?oauth_token={flow.temporary.token}")))


def assert_nobody(response):
    assert response.status_code == 403 and "You are not logged in" in response.text, response.text
    assert "Set-Cookie" not in response.headers


def test_whom_the_header_names_decides(running, flow):
    user = User(running, "42")
    page = page_of(user, flow)
    assert page.form_with("decision") and "<bdi>42</bdi>" in page.response.text
    flow.verifier = dict(location_query(user.decide(page, "grant")))["oauth_verifier"]
    key = running.create_resource_server(name=f"api {id(flow)}")
    credentials = form(flow.exchange())
    signer = flow.client.__class__(flow.client.client_id, flow.client.client_secret, token=credentials["oauth_token"],
                                   token_secret=credentials["oauth_token_secret"])
    answer = running.introspect(key, signer.sign("GET", "http://api.example/photos")).json()
    assert (answer["sub"], answer["username"]) == ("42", "42")


@pytest.mark.parametrize("subjects", [[], [""], ["local-1"], ["s" * 256]], ids=["none", "empty", "ours", "long"])
def test_without_one_usable_header_nobody_is_logged_in(running, flow, subjects):
    assert_nobody(User(running, *subjects).get(f"/oauth/authorize?oauth_token={flow.temporary.token}"))
    assert_nobody(User(running, *subjects).get("/login"))


def test_a_header_that_is_there_twice_is_nobodys(running, flow):
    import http.client
    from urllib.parse import urlsplit

    connection = http.client.HTTPConnection(urlsplit(running.url).netloc, timeout=20)
    connection.putrequest("GET", f"/oauth/authorize?oauth_token={flow.temporary.token}")
    for subject in ("42", "42"):
        connection.putheader(HEADER, subject)
    connection.endheaders()
    response = connection.getresponse()
    assert response.status == 403 and b"You are not logged in" in response.read()
    connection.close()


def test_a_stranger_is_nobody_whatever_he_sends(tmp_path):
    provider = Provider(tmp_path, **FAR)
    client = provider.create_client()
    provider.start()
    flow = Flow(provider, client)
    flow.initiate(CALLBACK)
    for headers in ({HEADER: "42"}, {HEADER: "42", "X-Forwarded-For": "192.0.2.1"}):
        for path in (f"/oauth/authorize?oauth_token={flow.temporary.token}", "/login"):
            response = requests.get(provider.url + path, headers=headers, timeout=20, allow_redirects=False)
            assert_nobody(response)
    assert provider.expect("user", "list") == []
    provider.stop()


def test_another_subject_ends_the_session(running, flow):
    user = User(running, "42")
    page = page_of(user, flow)
    first = user.session.cookies.get("countersign_session")
    user.subjects = ["43"]
    response = user.decide(page, "grant")  # the page was 42's
    assert response.status_code == 302 and "oauth_verifier" not in response.headers["Location"]
    assert user.session.cookies.get("countersign_session") != first
    assert "<bdi>43</bdi>" in page_of(user, flow).response.text
    old = User(running, "42")
    old.session.cookies.set("countersign_session", first, domain="127.0.0.1", path="/")
    assert old.get(f"/oauth/authorize?oauth_token={flow.temporary.token}").status_code == 302  # a new one: it is gone


def test_the_front_page_greets_nobody_else_than_the_header_names(running, flow):
    user = User(running, "42")
    page_of(user, flow)
    for subjects, greets in ((["42"], True), ([], True), (["43"], False)):  # a proxy need not name anybody there
        user.subjects = subjects
        assert ("You are logged in as" in user.get("/").text) is greets


def test_the_decision_needs_its_secret_all_the_same(running, flow):
    user = User(running, "42")
    page = page_of(user, flow)
    fields = page.form_with("decision")["fields"]
    for csrf_token in ("", "x" * 32):
        assert user.submit(page, page.form_with("decision"), decision="grant", csrf_token=csrf_token).status_code == 403
    stranger = User(running, "42")  # another browser, with no session: asked first
    response = stranger.submit(page, page.form_with("decision"), decision="grant", csrf_token=fields["csrf_token"])
    assert response.status_code == 302 and "oauth_verifier" not in response.headers["Location"]
    user.subjects = []
    assert_nobody(user.submit(page, page.form_with("decision"), decision="grant"))


def test_a_user_who_is_disabled_or_an_account_made_here_is_refused(running, flow):
    user = User(running, "barred")
    page_of(user, flow)
    running.sql("UPDATE users SET disabled = 1 WHERE subject = 'barred'")
    response = page_of(user, flow).response
    assert response.status_code == 403 and "disabled" in response.text
    running.sql("UPDATE users SET subject = '4711' WHERE username = 'jane'")
    response = page_of(User(running, "4711"), flow).response
    assert response.status_code == 403 and "set-local-subject" in response.text
    assert running.command("user", "set-local-subject", "jane").code == 0


def test_login_takes_no_password_and_goes_on_with_the_header(running):
    user = User(running, "44")
    response = user.get("/login")
    assert response.status_code == 302 and response.headers["Location"] == "/"
    assert user.session.cookies.get("countersign_session")
    assert requests.post(running.url + "/login", data={"username": "jane"}, headers={HEADER: "44"},
                         timeout=20).status_code == 405


def test_who_comes_by_the_header_is_in_the_audit_log_once_a_session(running, flow):
    user = User(running, "audited")
    page_of(user, flow)
    page_of(user, flow)
    (row,) = running.expect("audit", "--user", "audited")
    assert (row["who"], row["what"], row["subject"]) == ("user:audited", "login.header", "audited")
    assert len(row["request_id"]) == 32


@pytest.mark.parametrize("proxies, wide", [
    ("10.0.0.0/8", True), ("10.0.0.0/23", True), ("10.0.0.0/24", False), ("192.0.2.1", False), ("0.0.0.0/0", True),
    ("2001:db8::/63", True), ("2001:db8::/64", False), ("::/0", True), ("::/64", True), ("unix", False),
])
def test_everybody_is_no_proxy(tmp_path, proxies, wide):
    provider = Provider(tmp_path, **{**NEAR, "OAUTH1_TRUSTED_PROXIES": f"192.0.2.7,{proxies}"})
    checked = provider.command("config", "check")
    assert (checked.code != 0) == wide, checked
    assert ("block 2 is wider" in checked.err) == wide, checked
    if wide:
        served = provider.command("serve")
        assert served.code == 2 and "block 2 is wider" in served.err


def test_there_is_one_door(tmp_path):
    both = {"OAUTH1_LOGIN_URL": "https://site.example/", "OAUTH1_LOGIN_TOKEN": "a:" + "b" * 32}
    for variables, said in ((both, "choose one way to log in"), ({"OAUTH1_TRUSTED_PROXIES": ""}, "needs OAUTH1_TRUSTED_PROXIES")):
        provider = Provider(tmp_path, **{**NEAR, **variables})
        for command in (("config", "check"), ("serve",)):
            outcome = provider.command(*command)
            assert outcome.code == 2 and said in outcome.err, outcome
