"""What a user sees of what he authorized, and how he takes it back: the next call of the application fails."""

import re
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from harness.flow import Flow
from harness.owner import Owner, Page, until_answered
from harness.provider import API, PASSWORD
from harness.running import KINDS, Served, running_on
from harness.site import VARIABLES, Site, challenge_of

APPLICATIONS, SECURITY, PASSWORD_PATH = "/account/applications", "/account/security", "/account/password"
SCOPES = "photos:read photos:write"
LOSE_LISTS = "return redis.call('DEL', unpack(redis.call('KEYS', 'i:*')))"
LAG_SECONDS = 1.0  # in which a revocation is known everywhere (the cache's TTL is 300 s here)
OPEN = {"OAUTH1_CACHE_TTL": 300, **{f"OAUTH1_RATE_LIMIT_LOGIN_{name}": 100000 for name in ("ACCOUNT", "PAIR", "ADDRESS")}}


@pytest.fixture(scope="module", params=KINDS)
def running(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp(request.param)
    with running_on(request.param, folder, users=("jane", "joe"), auths=2, introspections=2, **OPEN) as made:
        yield made


@pytest.fixture(scope="module")
def provider(running):
    return running.provider


@pytest.fixture(scope="module")
def key(provider):
    return provider.create_resource_server("--origin", API)


@pytest.fixture(scope="module")
def client(provider):
    return provider.create_client("--scope", "photos:read", "--scope", "photos:write", "--website", "https://p.example/")


@pytest.fixture
def jane(provider):
    return Owner(provider, "jane", PASSWORD)


def logged_in(owner, path=APPLICATIONS):
    """The page, after the login that it leads to."""
    page = Page(owner.follow_within(until_answered(lambda: owner.get(path))))
    login = page.form_with("username")
    if login:
        response = until_answered(lambda: owner.submit(page, login, username=owner.username, password=owner.password))
        page = Page(owner.follow_within(response))
    assert page.response.status_code == 200 and page.response.url == owner.provider.url + path, page.response.text
    return page


def token_of(provider, key, client, owner):
    """A signer for a new token, and the name of the token."""
    signer = Flow(provider, client, owner).token(scope=SCOPES)
    return signer, told(provider, key, signer)["jti"]


def told(provider, key, signer):
    """What a resource server is told of the next request."""
    return until_answered(lambda: provider.introspect(key, signer.sign("GET", API + "/photos"))).json()


def send_form(owner, page, deed, jti=None, **fields):
    csrf = page.form_with("deed")["fields"]["csrf_token"]
    data = {"csrf_token": csrf, "deed": deed, **({"jti": jti} if jti else {}), **fields}
    return until_answered(lambda: owner.session.post(owner.provider.url + APPLICATIONS, data=data, timeout=20,
                                                     allow_redirects=False))


def assert_in_time(happened):
    begin = time.monotonic()
    while not happened():
        assert time.monotonic() - begin < 20 * LAG_SECONDS, "it did not happen at all"
        time.sleep(0.01)
    lag = time.monotonic() - begin
    assert lag < LAG_SECONDS, f"{lag:.2f} s"


def code_of(answer):
    return None if answer["active"] else answer["problem"]["code"]


def test_what_is_taken_back_is_of_no_use_within_a_second(provider, key, client, jane):
    signer, jti = token_of(provider, key, client, jane)
    other, _ = token_of(provider, key, client, jane)
    page = logged_in(jane)
    assert "Photo printer" in page.response.text and jti in page.response.text and "https://p.example/" in page.response.text
    answer = send_form(jane, page, "revoke", jti)
    assert answer.headers["Location"].endswith("?done=revoked")
    assert_in_time(lambda: code_of(told(provider, key, signer)) == "token_revoked")
    assert told(provider, key, other)["active"]
    after = jane.follow_within(answer).text
    assert jti not in after and "can no longer use your account" in after


def test_fewer_scopes_are_in_force_within_a_second(provider, key, client, jane):
    signer, jti = token_of(provider, key, client, jane)
    assert told(provider, key, signer)["scope"] == SCOPES
    answer = send_form(jane, logged_in(jane), "narrow", jti, ticked="photos:read")
    assert answer.headers["Location"].endswith("?done=narrowed")
    assert_in_time(lambda: told(provider, key, signer)["scope"] == "photos:read")
    request = signer.sign("GET", API + "/photos")
    refused = provider.introspect(key, request, required_scope="photos:write").json()
    assert code_of(refused) == "permission_denied" and refused["problem"]["status"] == 403


def test_all_is_taken_back_at_once_and_others_keep_theirs(provider, key, client, jane):
    joe = Owner(provider, "joe", PASSWORD)
    signers = [token_of(provider, key, client, jane)[0] for _ in range(2)]
    joes, _ = token_of(provider, key, client, joe)
    assert send_form(jane, logged_in(jane), "revoke_all").headers["Location"].endswith("?done=all")
    for signer in signers:
        assert_in_time(lambda: code_of(told(provider, key, signer)) == "token_revoked")
    assert told(provider, key, joes)["active"]


@pytest.mark.parametrize("deed", ["revoke", "narrow"])
def test_nobody_sees_or_touches_anothers_tokens(provider, key, client, jane, deed):
    joe = Owner(provider, "joe", PASSWORD)
    joes, jti = token_of(provider, key, client, joe)
    token_of(provider, key, client, jane)
    page = logged_in(jane)
    assert jti not in page.response.text
    assert send_form(jane, page, deed, jti, ticked="photos:read").headers["Location"].endswith("?done=gone")
    time.sleep(LAG_SECONDS)  # in which it would have become known
    assert told(provider, key, joes)["scope"] == SCOPES
    stolen = logged_in(joe)  # his form's secret, in her browser
    assert send_form(jane, stolen, deed, jti, ticked="photos:read").status_code == 403


def test_who_was_disabled_meanwhile_is_led_to_the_login_and_changes_nothing(provider, key, client):
    provider.create_user(f"ann-{id(client)}", PASSWORD)
    ann = Owner(provider, f"ann-{id(client)}", PASSWORD)
    _, jti = token_of(provider, key, client, ann)
    page = logged_in(ann)
    assert provider.command("user", "disable", ann.username).code == 0
    answer = send_form(ann, page, "revoke", jti)
    assert answer.status_code == 302 and "/login?" in answer.headers["Location"]


def test_a_token_that_was_revoked_in_between_is_told_to_be_over(provider, key, client, jane):
    signer, jti = token_of(provider, key, client, jane)
    page = logged_in(jane)
    assert provider.command("token", "revoke", jti).code == 0
    for deed in ("narrow", "revoke"):
        assert send_form(jane, page, deed, jti, ticked="photos:read").headers["Location"].endswith("?done=gone")
    assert_in_time(lambda: code_of(told(provider, key, signer)) == "token_revoked")


def test_the_consent_page_and_the_front_page_lead_here(provider, client, jane):
    flow = Flow(provider, client, jane)
    flow.initiate()
    consent = jane.consent_page(flow.temporary.token).response.text
    assert re.search(r'href="/account/applications">You can take it back', consent)
    assert 'href="/account/applications"' in jane.get("/").text


# ---- sessions and password


def browser(provider, name):
    """A browser of this user's, logged in."""
    owner = Owner(provider, name, PASSWORD)
    return owner, logged_in(owner, SECURITY)


def is_logged_in(owner):
    return owner.get(SECURITY).status_code == 200


def sessions_of(page):
    return [form["fields"]["session"] for form in page.forms if "session" in form["fields"]]


def new_user(provider, name):
    provider.create_user(name, PASSWORD)
    return name


def post(owner, path, page, **fields):
    csrf = page.form_with("csrf_token")["fields"]["csrf_token"]
    return until_answered(lambda: owner.session.post(owner.provider.url + path, data={"csrf_token": csrf, **fields}, timeout=20,
                                                     allow_redirects=False))


def test_a_user_sees_his_sessions_and_ends_them(provider):
    name = new_user(provider, f"eva-{id(provider)}")
    (here, _), (there, _), (elsewhere, _) = [browser(provider, name) for _ in range(3)]
    page = logged_in(here, SECURITY)
    shown = sessions_of(page)
    assert len(shown) == 3 and page.response.text.count("This one") == 1 and "127.0.0.x" in page.response.text
    assert not any(cookie.value in page.response.text for cookie in here.session.cookies if "session" in cookie.name)
    own = [handle for handle in sessions_of(logged_in(there, SECURITY)) if handle in shown]
    assert sorted(own) == sorted(shown)
    newest = shown[1]  # behind this one the newest comes first: elsewhere's
    assert post(here, SECURITY, page, deed="end", session=newest).headers["Location"].endswith("?done=ended")
    assert not is_logged_in(elsewhere) and is_logged_in(there) and is_logged_in(here)
    assert post(here, SECURITY, page, deed="end_others").headers["Location"].endswith("?done=others")
    assert is_logged_in(here) and not is_logged_in(there)
    assert len(sessions_of(logged_in(here, SECURITY))) == 1
    assert "You are logged in as" in here.get("/").text and "You are logged in as" not in there.get("/").text


def test_all_other_sessions_end_also_where_the_store_lost_the_list_of_them(running):
    """As where the node of a Cluster that had it was replaced."""
    if not isinstance(running, Served):
        pytest.skip("memory loses the list together with the sessions")
    name = new_user(running.provider, f"lea-{id(running)}")
    (here, _), (there, _) = browser(running.provider, name), browser(running.provider, name)
    assert running.stores.redis.call("EVAL", LOSE_LISTS, 0) != "0"
    page = logged_in(here, SECURITY)
    assert len(sessions_of(page)) == 1 and "This one" in page.response.text and page.form_with("deed")
    assert is_logged_in(there)
    assert post(here, SECURITY, page, deed="end_others").headers["Location"].endswith("?done=others")
    assert is_logged_in(here) and not is_logged_in(there)


def test_nobody_ends_anothers_session(provider):
    joe, joes = browser(provider, new_user(provider, f"jim-{id(provider)}"))
    ann, anns = browser(provider, new_user(provider, f"amy-{id(provider)}"))
    (handle,) = sessions_of(joes)
    assert handle not in anns.response.text
    assert post(ann, SECURITY, anns, deed="end", session=handle).headers["Location"].endswith("?done=gone")
    assert post(ann, SECURITY, joes, deed="end_others").status_code == 403
    assert is_logged_in(joe)


def test_of_several_changes_by_one_old_password_the_first_alone_counts(provider):
    name = new_user(provider, f"racer-{id(provider)}")
    owners = [Owner(provider, name, PASSWORD) for _ in range(4)]
    pages = [logged_in(owner, SECURITY) for owner in owners]

    def change(number):
        fresh = f"granite otter lamp {number}"
        return post(owners[number], PASSWORD_PATH, pages[number], current=PASSWORD, password=fresh, again=fresh)

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(change, range(4)))
    assert [answer.status_code for answer in answers] == [302] * 4
    changed = [number for number, answer in enumerate(answers) if "because=changed" in answer.headers["Location"]]
    assert len(changed) == 1
    winner = Owner(provider, name, f"granite otter lamp {changed[0]}")
    logged_in(winner, SECURITY)


def test_a_new_password_ends_all_sessions_and_the_device_and_the_old_one_is_good_no_more(provider):
    name = new_user(provider, f"zoe-{id(provider)}")
    here, page = browser(provider, name)
    there, _ = browser(provider, name)
    fresh = "granite otter lamp 7"
    wrong = post(here, PASSWORD_PATH, page, current="no", password=fresh, again=fresh)
    assert wrong.headers["Location"].endswith("?done=wrong") and is_logged_in(there)
    weak = post(here, PASSWORD_PATH, page, current=PASSWORD, password="short", again="short")
    assert "15 characters" in here.follow_within(weak).text and is_logged_in(there)
    answer = post(here, PASSWORD_PATH, page, current=PASSWORD, password=fresh, again=fresh)
    assert "because=changed" in answer.headers["Location"]
    assert not [cookie.name for cookie in here.session.cookies if "session" in cookie.name or "device" in cookie.name]
    assert not is_logged_in(there)
    login = Page(here.follow_within(answer))
    assert "Your password was changed" in login.response.text
    assert here.submit(login, login.form_with("password"), username=name, password=PASSWORD).status_code == 403
    back = here.follow_within(here.submit(login, login.form_with("password"), username=name, password=fresh))
    assert back.url == provider.url + SECURITY and back.status_code == 200
    assert sessions_of(Page(back)) and len(sessions_of(Page(back))) == 1


@pytest.fixture(scope="module")
def delegated(tmp_path_factory):
    with running_on("embedded", tmp_path_factory.mktemp("delegated"), users=(), **OPEN, **VARIABLES) as running:
        yield running.provider


def test_a_sites_user_comes_by_his_site_and_takes_back(delegated):
    client = delegated.create_client("--scope", "photos:read", "--scope", "photos:write")
    key = delegated.create_resource_server("--origin", API)
    site, owner = Site(delegated), Owner(delegated)
    flow = Flow(delegated, client)
    flow.initiate(scope=SCOPES)
    challenge = challenge_of(owner.get(f"/oauth/authorize?oauth_token={flow.temporary.token}"))
    back = owner.follow_within(owner.get(site.accepted(challenge, "42", consent="granted")))
    flow.verifier = back.headers["Location"].rpartition("oauth_verifier=")[2]
    credentials = dict(pair.split("=") for pair in flow.exchange().text.split("&"))
    signer = flow.client.__class__(client.client_id, client.client_secret, token=credentials["oauth_token"],
                                   token_secret=credentials["oauth_token_secret"])
    jti = told(delegated, key, signer)["jti"]
    # the session of that request for access opens no page: the site is asked for the account
    challenge = challenge_of(owner.follow_to_site(APPLICATIONS))
    assert site.show(challenge).json()["kind"] == "account"
    page = Page(owner.follow_within(owner.get(site.accepted(challenge, "42"))))
    assert page.response.url.endswith(APPLICATIONS) and jti in page.response.text
    assert send_form(owner, page, "revoke", jti).headers["Location"].endswith("?done=revoked")
    assert_in_time(lambda: code_of(told(delegated, key, signer)) == "token_revoked")
    # whose password is kept elsewhere, and who is told where
    security = owner.get(SECURITY)
    assert security.status_code == 200 and "https://site.example" in security.text and "new-password" not in security.text
