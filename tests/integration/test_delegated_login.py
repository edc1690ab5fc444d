"""A site logs its own users in (OAUTH1_LOGIN_URL): the browser goes there with a challenge and comes back with a secret."""

import http.client
import ipaddress
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from cryptography import x509
from harness.authority import Authority
from harness.flow import Flow, form
from harness.owner import Owner, Page, location_query
from harness.provider import PASSWORD, Provider
from harness.running import KINDS, running_on
from harness.site import ADMIN_TOKEN, LOGIN_TOKEN, VARIABLES, Site, challenge_of

SCOPES = "photos:read photos:write"
CALLBACK = "http://127.0.0.1/ready"
UNKNOWN = "0123456789abcdefghijABCDEFGHIJxy"


@pytest.fixture(scope="module", params=KINDS)
def running(request, tmp_path_factory):
    """Where there are two auth-services, the site talks to one, and the browser to either."""
    with running_on(request.param, tmp_path_factory.mktemp(request.param), auths=2, **VARIABLES) as made:
        yield made


@pytest.fixture(scope="module")
def provider(running):
    return running.provider


@pytest.fixture(scope="module")
def client(provider):
    return provider.create_client("--scope", "photos:read", "--scope", "photos:write", "--default-scope", "photos:read")


@pytest.fixture(scope="module")
def key(provider):
    return provider.create_resource_server("--origin", "http://api.example")


@pytest.fixture
def site(provider):
    return Site(provider)


@pytest.fixture
def flow(provider, client):
    made = Flow(provider, client)
    made.initiate(CALLBACK, scope=SCOPES)
    return made


def begin(flow, owner):
    """The browser opens the authorize page, and is sent to the site."""
    return challenge_of(owner.get(f"/oauth/authorize?oauth_token={flow.temporary.token}"))


def come_back(owner, target):
    return owner.follow_within(owner.get(target))


def who_is(provider, key, flow):
    """What a resource server is told about the token that the flow yields."""
    credentials = form(flow.exchange())
    signer = flow.client.__class__(flow.client.client_id, flow.client.client_secret, token=credentials["oauth_token"],
                                   token_secret=credentials["oauth_token_secret"])
    return provider.introspect(key, signer.sign("GET", "http://api.example/photos")).json()


def grant(flow, owner, page):
    response = owner.decide(page, "grant")
    flow.verifier = dict(location_query(response))["oauth_verifier"]


def assert_refused(response):
    assert response.status_code == 403 and "not begun in this browser" in response.text, response.text
    assert "countersign_session" not in response.headers.get("Set-Cookie", "")


# ---- both ways


def test_the_site_asks_who_wants_what_and_its_user_decides_here(provider, site, flow, key):
    owner = Owner(provider)
    challenge = begin(flow, owner)
    shown = site.show(challenge).json()
    assert shown["kind"] == "authorization" and shown["state"] == "pending"
    assert shown["client"]["client_id"] == flow.client.client_id and shown["client"]["name"] == "Photo printer"
    assert shown["client"]["verified"] is False
    assert (shown["scope"], shown["callback"]) == (SCOPES, CALLBACK)
    page = Page(come_back(owner, site.accepted(challenge, "42", username="jane")))
    assert page.form_with("decision") and "jane" in page.response.text
    grant(flow, owner, page)
    answer = who_is(provider, key, flow)
    assert (answer["sub"], answer["username"], answer["scope"]) == ("42", "jane", SCOPES)


def test_a_site_that_asked_its_user_itself_spares_our_page_and_is_named_in_the_audit_log(running, site, flow, key):
    owner = Owner(running.provider)
    target = site.accepted(begin(flow, owner), "granter", username="Jane", scope="photos:read", consent="granted")
    response = come_back(owner, target)
    query = dict(location_query(response))
    assert response.headers["Location"].startswith(CALLBACK) and query["oauth_token"] == flow.temporary.token
    flow.verifier = query["oauth_verifier"]
    answer = who_is(running.provider, key, flow)
    assert (answer["sub"], answer["scope"]) == ("granter", "photos:read")
    assert running.sql("SELECT who, what FROM audit WHERE subject = 'granter' ORDER BY id") == [
        ["shop", "login.accept-granted"], ["user:granter", "login.site"]]


def test_a_refusal_by_the_site_sends_the_browser_back_to_the_client(provider, site, flow):
    owner = Owner(provider)
    answer = site.reject(begin(flow, owner))
    assert answer.status_code == 200, answer.text
    response = come_back(owner, answer.json()["redirect_to"])
    query = dict(location_query(response))
    assert response.headers["Location"].startswith(CALLBACK)
    assert (query["error"], query["oauth_problem"]) == ("access_denied", "user_refused")
    again = owner.get(f"/oauth/authorize?oauth_token={flow.temporary.token}")
    assert again.status_code == 400 and "refused already" in again.text


def test_scopes_that_the_site_leaves_out_are_neither_shown_nor_granted(provider, site, flow, key):
    owner = Owner(provider)
    page = Page(come_back(owner, site.accepted(begin(flow, owner), scope="photos:read")))
    assert "photos:write" not in page.response.text
    response = owner.submit(page, page.form_with("decision"), decision="grant", scope=SCOPES)  # the browser's own wish
    flow.verifier = dict(location_query(response))["oauth_verifier"]
    assert who_is(provider, key, flow)["scope"] == "photos:read"


def test_a_login_for_one_request_decides_on_no_other(provider, client, site, flow):
    owner = Owner(provider)
    come_back(owner, site.accepted(begin(flow, owner), scope="photos:read"))
    other = Flow(provider, client)
    other.initiate(CALLBACK, scope=SCOPES)
    begin(other, owner)


def test_a_page_of_ours_has_the_sites_login_too_and_no_password_is_taken(provider, site, flow):
    owner = Owner(provider)
    challenge = challenge_of(owner.get("/login?return_to=https%3A%2F%2Fevil.example%2F"))
    assert site.show(challenge).json() == {"challenge": challenge, "kind": "account", "state": "pending"}
    page = come_back(owner, site.accepted(challenge, "42", username="jane"))
    assert page.url == provider.url + "/" and "jane" in page.text
    begin(flow, owner)  # which decides on nothing by itself
    assert owner.session.post(provider.url + "/login", data={"username": "jane"}, timeout=20).status_code == 405


def test_a_refusal_for_a_page_says_so(provider, site):
    owner = Owner(provider)
    answer = site.reject(challenge_of(owner.get("/login")))
    assert "You were not logged in" in owner.get(answer.json()["redirect_to"]).text


def test_two_tabs_of_one_browser_both_come_back(provider, client, site, flow):
    owner = Owner(provider)
    second = Flow(provider, client)
    second.initiate(CALLBACK, scope=SCOPES)
    targets = [site.accepted(begin(each, owner), consent="granted") for each in (flow, second)]
    for each, target in zip((flow, second), targets):
        assert dict(location_query(come_back(owner, target)))["oauth_token"] == each.temporary.token


# ---- secret and cookie


def test_both_the_secret_and_the_cookie_are_needed_and_good_once(provider, site, flow):
    owner, stranger = Owner(provider), Owner(provider)
    challenge = begin(flow, owner)
    target = site.accepted(challenge)
    secret = parse_qs(urlsplit(target).query)["login_secret"][0]
    assert len(secret) >= 22 and secret != challenge
    assert_refused(stranger.get(target))  # no cookie
    assert_refused(owner.get(target.replace(secret, UNKNOWN)))
    assert_refused(owner.get(target.replace(secret, "short")))
    assert_refused(owner.get(target.replace(challenge, UNKNOWN)))
    assert owner.get("/login/continue").status_code == 400
    assert owner.get(target).status_code == 302  # none of that used it up
    assert_refused(owner.get(target))
    assert site.accept(challenge).status_code == 404


def test_a_decision_that_is_brought_twice_at_once_counts_once(provider, site, flow):
    owner = Owner(provider)
    target = site.accepted(begin(flow, owner))
    cookies = owner.session.cookies.get_dict()
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: Owner(provider).session.get(target, cookies=cookies, timeout=20,
                                                                       allow_redirects=False).status_code, range(8)))
    assert sorted(answers) == [302] + [403] * 7


def test_a_challenge_that_is_not_decided_yet_lets_nobody_in(provider, flow):
    owner = Owner(provider)
    challenge = begin(flow, owner)
    assert_refused(owner.get(f"/login/continue?login_challenge={challenge}&login_secret={UNKNOWN}"))


def test_browsers_that_mix_their_challenges_up_are_refused(provider, client, site, flow):
    jane, eve = Owner(provider), Owner(provider)
    other = Flow(provider, client)
    other.initiate(CALLBACK, scope=SCOPES)
    janes, eves = site.accepted(begin(flow, jane), "42"), site.accepted(begin(other, eve), "666")
    assert_refused(jane.get(eves))
    assert_refused(eve.get(janes))
    assert jane.get(janes).status_code == 302 and eve.get(eves).status_code == 302


def test_a_challenge_that_an_attacker_sends_to_a_victim_gets_him_nothing(provider, site, flow):
    attacker, victim = Owner(provider), Owner(provider)
    target = site.accepted(begin(flow, attacker), "victim")  # the victim's site knows the victim, and accepts at once
    assert_refused(victim.get(target))  # the victim's browser has the secret, the attacker's the cookie
    begin(flow, attacker)  # who is not logged in


def test_the_session_is_new_and_the_one_before_is_over(provider, site, flow):
    owner = Owner(provider)
    owner.session.cookies.set("countersign_session", UNKNOWN, domain="127.0.0.1", path="/")
    challenge = begin(flow, owner)
    owner.get(site.accepted(challenge))
    first = owner.session.cookies.get("countersign_session")
    assert first and first != UNKNOWN
    challenge = challenge_of(owner.get("/login"))
    owner.get(site.accepted(challenge))
    assert owner.session.cookies.get("countersign_session") not in (first, UNKNOWN)
    old = Owner(provider)
    old.session.cookies.set("countersign_session", first, domain="127.0.0.1", path="/")
    begin(flow, old)


# ---- users


def test_another_subject_never_gets_an_account_that_was_made_here(running, site, flow):
    provider = running.provider
    (jane,) = [user for user in provider.expect("user", "list") if user["source"] == "here"]
    owner = Owner(provider)
    challenge = begin(flow, owner)
    answer = site.accept(challenge, jane["sub"], username="jane")
    assert answer.status_code == 400 and "local-" in answer.json()["detail"]
    running.sql(f"UPDATE users SET subject = '4711' WHERE subject = '{jane['sub']}'")  # as an earlier version numbered her
    answer = site.accept(challenge, "4711", username="jane")
    assert answer.status_code == 409 and "set-local-subject" in answer.json()["detail"]
    assert provider.command("user", "set-local-subject", "jane").code == 0
    come_back(owner, site.accepted(challenge, "4711", username="jane"))
    users = {user["sub"]: (user["username"], user["source"]) for user in provider.expect("user", "list")}
    assert users["4711"] == ("jane", "site") and users[jane["sub"]] == ("jane", "here")


def test_a_name_that_is_taken_is_no_conflict_and_a_new_name_is_followed(provider, site, client):
    for subject, name in (("a-1", "same"), ("a-2", "same"), ("a-1", "changed")):
        made = Flow(provider, client)
        made.initiate(CALLBACK)
        site.accepted(begin(made, Owner(provider)), subject, username=name)
    users = {user["sub"]: user["username"] for user in provider.expect("user", "list")}
    assert (users["a-1"], users["a-2"]) == ("changed", "same")


def test_a_user_who_is_disabled_here_is_refused(running, site, flow):
    owner = Owner(running.provider)
    challenge = begin(flow, owner)
    other = challenge_of(owner.get("/login"))
    target = site.accepted(challenge, "barred")
    running.sql("UPDATE users SET disabled = 1 WHERE subject = 'barred'")
    answer = site.accept(other, "barred")
    assert answer.status_code == 403 and "disabled" in answer.json()["detail"]
    assert_refused(owner.get(target))  # although it was accepted before
    begin(flow, owner)


def test_a_log_out_at_the_site_ends_the_session_here(provider, site, flow):
    owner = Owner(provider)
    page = Page(come_back(owner, site.accepted(begin(flow, owner), "leaves/ä")))
    assert page.form_with("decision")
    assert site.end_sessions("stranger").status_code == 404
    assert site.end_sessions("leaves%2F%C3%A4").status_code == 204
    begin(flow, owner)
    assert owner.submit(page, page.form_with("decision"), decision="grant").status_code == 302  # to the site again


def test_who_logs_in_and_out_by_the_site_is_in_the_audit_log(provider, site, flow):
    owner = Owner(provider)
    come_back(owner, site.accepted(begin(flow, owner), "audited"))
    assert site.end_sessions("audited").status_code == 204
    rows = provider.expect("audit", "--user", "audited")
    assert [(row["who"], row["what"], row["subject"]) for row in rows] == [
        ("shop", "login.accept-ask", "audited"), ("user:audited", "login.site", "audited"),
        ("shop", "user.end-sessions", "audited")]
    assert {len(row["request_id"]) for row in rows} == {32}


def test_a_log_out_at_the_site_ends_what_it_accepted_and_nobody_brought_yet(provider, site, flow, client):
    owner = Owner(provider)
    target = site.accepted(begin(flow, owner), "gone")
    assert site.end_sessions("gone").status_code == 204
    assert_refused(owner.get(target))
    page = Page(come_back(owner, site.accepted(begin(flow, owner), "gone")))
    assert page.form_with("decision"), "who logs in afterwards is"


def test_a_sites_token_ends_no_session_of_an_account_made_here(provider, site):
    (jane,) = [user for user in provider.expect("user", "list") if user["source"] == "here"]
    assert site.end_sessions(jane["sub"]).status_code == 404
    assert Site(provider, ADMIN_TOKEN).end_sessions(jane["sub"]).status_code == 204


# ---- the port


@pytest.mark.parametrize("header", [
    {}, {"Authorization": ""}, {"Authorization": "Bearer"}, {"Authorization": "Bearer short"},
    {"Authorization": f"Bearer {LOGIN_TOKEN[:-1]}"}, {"Authorization": f"Bearer {LOGIN_TOKEN}x"},
    {"Authorization": f"Bearer shop:{LOGIN_TOKEN}"}, {"Authorization": f"Basic {LOGIN_TOKEN}"},
])
def test_without_a_whole_token_nothing_is_told(provider, flow, header):
    challenge = begin(flow, Owner(provider))
    nobody = Site(provider, token=None)
    for method, path in (("GET", ""), ("PUT", "/accept"), ("PUT", "/reject")):
        answer = nobody.call(method, f"authorization-requests/{challenge}{path}", headers=header)
        assert answer.status_code == 401 and answer.headers["WWW-Authenticate"] == 'Bearer realm="admin"'
        assert answer.headers["Content-Type"] == "application/problem+json"
    assert nobody.call("DELETE", "users/42/sessions", headers=header).status_code == 401


def test_either_kind_of_token_opens_these_calls(provider, flow):
    challenge = begin(flow, Owner(provider))
    for token in (LOGIN_TOKEN, ADMIN_TOKEN):
        assert Site(provider, token).show(challenge).status_code == 200


@pytest.mark.parametrize("body, said", [
    ("", "subject"), ("{}", "subject"), ("[]", "object"), ("{", ""), ('{"subject": 42}', "subject"),
    ('{"subject": null}', "subject"), ('{"subject": ""}', "subject"), ('{"subject": "a\\nb"}', "subject"),
    ('{"subject": "' + "s" * 256 + '"}', "subject"), ('{"subject": "local-1"}', "local-"),
    ('{"subject": "42", "subject": "43"}', "subject"), ('{"subject": "42", "sub": "43"}', "sub"),
    ('{"subject": "42", "username": ""}', "username"), ('{"subject": "42", "username": "a\\u0001"}', "username"),
    ('{"subject": "42", "consent": "no"}', "consent"), ('{"subject": "42", "consent": true}', "consent"),
    ('{"subject": "42", "scope": "photos:read admin"}', "scope"), ('{"subject": "42", "scope": ""}', "scope"),
    ('{"subject": "42", "scope": ["photos:read"]}', "scope"), ('{"subject": "42"} x', ""),
])
def test_what_the_site_says_is_read_strictly(provider, site, flow, body, said):
    challenge = begin(flow, Owner(provider))
    answer = site.call("PUT", f"authorization-requests/{challenge}/accept", data=body,
                       headers={"Content-Type": "application/json"})
    assert answer.status_code == 400 and said in answer.json()["detail"], answer.text
    assert site.show(challenge).json()["state"] == "pending"


def test_scopes_and_consent_are_for_authorizations(provider, site):
    challenge = challenge_of(Owner(provider).get("/login"))
    assert site.accept(challenge, scope="photos:read").status_code == 400
    assert site.accept(challenge, consent="granted").status_code == 400


def test_other_media_types_and_members_of_a_refusal_are_refused(provider, site, flow):
    challenge = begin(flow, Owner(provider))
    path = f"authorization-requests/{challenge}"
    assert site.call("PUT", path + "/accept", data='{"subject": "42"}',
                     headers={"Content-Type": "text/plain"}).status_code == 415
    assert site.call("PUT", path + "/reject", json={"why": "x"}).status_code == 400
    assert site.call("PUT", path + "/reject", json={}).status_code == 200


def test_a_challenge_is_decided_once_and_unknown_ones_are_told(provider, site, flow):
    challenge = begin(flow, Owner(provider))
    site.accepted(challenge)
    assert site.show(challenge).json()["state"] == "accepted"
    for answer in (site.accept(challenge), site.reject(challenge)):
        assert answer.status_code == 409 and "already" in answer.json()["detail"]
    for unknown in (UNKNOWN, "x", "%2e%2e"):
        assert site.show(unknown).status_code == 404
        assert site.accept(unknown).status_code == 404


def test_of_many_who_accept_at_once_one_decides(provider, site, flow):
    challenge = begin(flow, Owner(provider))
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda n: site.accept(challenge, f"racer-{n}").status_code, range(6)))
    assert sorted(answers) == [200] + [409] * 5


def test_a_request_for_access_that_is_decided_meanwhile_is_told(provider, site, flow):
    owner, other = Owner(provider), Owner(provider)
    late = begin(flow, other)
    come_back(owner, site.reject(begin(flow, owner)).json()["redirect_to"])
    for answer in (site.show(late), site.accept(late)):
        assert answer.status_code == 409 and "expired or is decided" in answer.json()["detail"]


def test_the_admin_port_has_no_pages_and_the_public_port_no_admin_calls(provider, site):
    for path in ("/login", "/oauth/authorize?oauth_token=x", "/"):
        connection = http.client.HTTPConnection(urlsplit(provider.admin_url).netloc, timeout=20)
        connection.request("GET", path)
        assert connection.getresponse().status == 404
        connection.close()
    assert Owner(provider).get(f"/admin/v1/authorization-requests/{UNKNOWN}").status_code == 404


def test_the_port_is_closed_without_a_token_and_speaks_tls_where_the_service_does(tmp_path):
    closed = Provider(tmp_path / "closed")
    closed.auth.start()
    with pytest.raises(requests.ConnectionError):
        requests.get(closed.admin_url, timeout=20)
    closed.auth.stop()
    authority = Authority(tmp_path, "authority")
    certificate, key = authority.issue("auth", x509.IPAddress(ipaddress.ip_address("127.0.0.1")))
    secure = Provider(tmp_path / "secure", **VARIABLES, OAUTH1_TLS_CERT=certificate, OAUTH1_TLS_KEY=key)
    secure.auth.start()
    url = secure.admin_url.replace("http:", "https:") + f"/admin/v1/authorization-requests/{UNKNOWN}"
    assert requests.get(url, headers={"Authorization": f"Bearer {LOGIN_TOKEN}"}, verify=authority.file,
                        timeout=20).status_code == 404
    secure.auth.stop()


def test_no_secret_of_a_login_is_logged(provider, site, flow):
    owner = Owner(provider)
    challenge = begin(flow, owner)
    target = site.accepted(challenge)
    come_back(owner, target)
    logs = provider.logs()
    for secret in (LOGIN_TOKEN, ADMIN_TOKEN, parse_qs(urlsplit(target).query)["login_secret"][0], challenge,
                   owner.session.cookies.get("countersign_session")):
        assert secret not in logs
