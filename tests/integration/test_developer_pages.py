"""Users register clients of their own (OAUTH1_REGISTRATION): what they see, what they may do, and to which clients."""

import json
import re
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest
import requests
from cryptography.hazmat.primitives.asymmetric import rsa
from harness import pictures
from harness.flow import Flow, form, send
from harness.owner import Owner, Page, until_answered
from harness.provider import API, PASSWORD, Client, Provider, public_pem
from harness.running import KINDS, running_on
from harness.signer import Signer

LIST, NEW = "/developer/applications", "/developer/applications/new"
CALLBACK = "http://127.0.0.1/ready"
SCOPES = {
    "photos:read": {"text": "See your photos", "self_service": True},
    "photos:write": {"text": "Change your photos", "self_service": True, "dangerous": True},
    "photos:all": {"text": "Everything"},
}
VARIABLES = {"OAUTH1_REGISTRATION": "approval", "OAUTH1_RATE_LIMIT_LOGIN_PAIR": "100000",
             "OAUTH1_RATE_LIMIT_LOGIN_ADDRESS": "100000", "OAUTH1_RATE_LIMIT_LOGIN_ACCOUNT": "100000"}


def scopes_file(folder):
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "scopes.json"
    path.write_text(json.dumps(SCOPES))
    return path


@pytest.fixture(scope="module", params=KINDS)
def running(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp(request.param)
    with running_on(request.param, folder, users=("jane", "joe", "ann", "many"), OAUTH1_SCOPES_FILE=scopes_file(folder),
                    **VARIABLES) as made:
        yield made


@pytest.fixture(scope="module")
def provider(running):
    return running.provider


@pytest.fixture(scope="module")
def key(provider):
    return provider.create_resource_server("--origin", API)


@pytest.fixture
def jane(provider):
    return Developer(provider, "jane")


@pytest.fixture
def joe(provider):
    return Developer(provider, "joe")


class Developer(Owner):
    """A person on the developer's pages."""

    def open(self, path):
        """The page, after a login if it asks for one."""
        page = Page(self.follow_within(until_answered(partial(self.get, path))))
        login = page.form_with("password")
        if login is None:
            return page
        entered = until_answered(partial(self.submit, page, login, username=self.username, password=self.password))
        return Page(self.follow_within(entered))

    def register(self, **fields):
        page = self.open(NEW)
        fields = {"name": "Photo printer", "callbacks": CALLBACK, "scope": ["photos:read"], "method": [], **fields}
        return Page(self.submit(page, page.form_with("csrf_token"), **fields))

    def registered(self, **fields):
        page = self.register(**fields)
        assert page.response.status_code == 200, page.response.text
        return Client(page.texts["client_id"], page.texts.get("client_secret", ""))

    def do(self, client, what, **fields):
        path = f"{LIST}/{getattr(client, 'client_id', client)}"
        csrf = next(f for f in self.open(LIST + "/new").forms if "csrf_token" in f["fields"])["fields"]["csrf_token"]
        data = {"csrf_token": csrf, "do": what, **fields}
        return self.session.post(self.provider.url + path, data=data, timeout=20, allow_redirects=False)

    def edit(self, client, **fields):
        known = {"name": "Photo printer", "callbacks": CALLBACK, "scope": ["photos:read"]}
        response = self.do(client, "edit", **{**known, **fields})
        assert response.status_code == 302, response.text
        return response


@pytest.fixture(autouse=True)
def clean(provider):
    """Ten clients are soon reached."""
    yield
    for client in provider.expect("client", "list"):
        provider.command("client", "delete", client["client_id"])


def shown(provider, client):
    return provider.expect("client", "get", client.client_id)


def asks(provider, key, signer):
    return provider.introspect(key, signer.sign("GET", f"{API}/photos")).json()


def until_it_says(provider, key, signer, active):
    """What a change means is known everywhere within a second or so."""
    for _ in range(100):
        verdict = asks(provider, key, signer)
        if verdict["active"] is active:
            break
        time.sleep(0.05)
    assert verdict["active"] is active, verdict
    return verdict


def own_token(developer, client):
    page = Page(developer.do(client, "token"))
    assert page.response.headers["Cache-Control"] == "no-store"
    return Signer(client.client_id, client.client_secret, token=page.texts["oauth_token"],
                  token_secret=page.texts["oauth_token_secret"])


# ---- registering


def test_a_client_is_registered_and_its_secret_is_shown_once(provider, jane):
    page = jane.register(website="https://printer.example/", description="Prints\nphotos", scope=["photos:read", "photos:write"])
    client = Client(page.texts["client_id"], page.texts["client_secret"])
    assert page.response.headers["Cache-Control"] == "no-store" and len(client.client_secret) == 40
    again = jane.open(f"{LIST}/{client.client_id}")
    assert client.client_secret not in again.response.text and client.client_id in again.response.text
    made = shown(provider, client)
    assert made["approval"] == "pending" and made["owner"].startswith("local-") and not made["verified"]
    assert made["scope"] == "photos:read photos:write" and made["callbacks"] == [CALLBACK]
    assert (made["name"], made["description"]) == ("Photo printer", "Prints photos")
    assert client.client_id in jane.open(LIST).response.text


# U+061C, U+200E, U+200F, U+202A to U+202E, U+2066 to U+2069: what stands behind them is read in another order
DIRECTION_MARKS = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"


@pytest.mark.parametrize(
    "said, fields",
    [
        ("Give the application a name", {"name": "  "}),
        ("The name has 101 bytes, and 100 are the most", {"name": "x" * 101}),
        ("The name must be", {"name": "a\x07b"}),
        *(("The name must be", {"name": f"Bank{mark}knaB"}) for mark in DIRECTION_MARKS),
        ("The website must be", {"website": "https://a.example/\u202egro.knab"}),
        ("The description must", {"description": "Asks \u2067nothing"}),
        ("The website must be", {"website": "javascript:alert(1)"}),
        ("The website has 2018 bytes, and 2000 are the most", {"website": "https://a.example/" + "x" * 2000}),
        ("The description has 1001 bytes, and 1000 are the most", {"description": "x" * 1001}),
        ("A callback has 2001 bytes, and 2000 are the most", {"callbacks": "https://a.example/" + "x" * 1983}),
        ("cannot be a callback", {"callbacks": "javascript:alert(1)"}),
        ("cannot be a callback", {"callbacks": "http://printer.example/ready"}),
        ("cannot be a callback", {"callbacks": f"{CALLBACK}\nhttps://a.example/#x"}),
        ("Ten callbacks", {"callbacks": "\n".join(f"https://a.example/{i}" for i in range(11))}),
        ("nothing that an application may ask for", {"scope": ["photos:all"]}),
        ("nothing that an application may ask for", {"scope": ["unheard-of"]}),
        ("could never sign", {"method": ["RSA-SHA256"]}),
        ("could never sign", {"method": ["HMAC-MD5"]}),
        ("no RSA public key", {"rsa_public_key": "-----BEGIN PRIVATE KEY-----"}),
    ],
)
def test_what_cannot_be_registered_is_named_and_what_was_typed_stays(provider, jane, said, fields):
    page = jane.register(**{"description": "Typed before", **fields})
    assert page.response.status_code == 400 and said in page.response.text
    assert "Typed before" in page.response.text or "description" in fields
    assert provider.expect("client", "list") == []


@pytest.mark.parametrize("name", ["مطبعة الصور", "מדפסת", "Fotos – „schön“…", "写真\u2011印刷"])
def test_a_name_in_any_writing_is_taken(provider, jane, name):
    assert shown(provider, jane.registered(name=name))["name"] == name


HTML = '"><script>alert(1)</script>\'<b>&amp;{{name}}'


def test_html_in_each_field_is_shown_as_text(provider, jane):
    client = jane.registered(name=HTML[:90], description=HTML, website="https://a.example/?" + HTML.replace(" ", ""))
    flow = Flow(provider, client, owner=jane)
    flow.initiate(CALLBACK)
    pages = [jane.open(LIST), jane.open(f"{LIST}/{client.client_id}"), jane.register(name=HTML, website=HTML, callbacks=HTML),
             jane.consent_page(flow.temporary.token)]
    for page in pages:
        assert "<script" not in page.response.text and "<b>" not in page.response.text.replace("<b>{{", "")
        assert "script-src" not in page.response.headers["Content-Security-Policy"]
        assert "default-src 'none'" in page.response.headers["Content-Security-Policy"]


def test_an_eleventh_client_is_refused_also_in_a_race_of_two_at_nine(provider):
    many = Developer(provider, "many")
    for _ in range(9):
        many.registered()
    page = many.open(NEW)
    with ThreadPoolExecutor(4) as pool:
        codes = sorted(pool.map(lambda _: many.submit(page, page.form_with("csrf_token"), name="x").status_code, range(4)))
    assert codes == [200, 403, 403, 403]
    assert len(provider.expect("client", "list")) == 10
    assert many.register().response.status_code == 403


# ---- approval


def test_an_unapproved_client_works_for_its_owner_alone_until_it_is_approved(provider, key, jane, joe):
    client = jane.registered()
    assert [c["client_id"] for c in provider.expect("client", "list", "--pending")] == [client.client_id]
    janes = Flow(provider, client, owner=jane).token(CALLBACK)
    assert asks(provider, key, janes)["active"]
    refused = Flow(provider, client, owner=joe)
    refused.initiate(CALLBACK)
    page = joe.consent_page(refused.temporary.token)
    assert page.response.status_code == 400 and "have not approved the application yet" in page.response.text
    assert not asks(provider, key, Signer(client.client_id, client.client_secret))["active"]
    assert provider.command("client", "approve", client.client_id).code == 0
    joes = Flow(provider, client, owner=joe).token(CALLBACK)
    until_it_says(provider, key, joes, True)
    jane.edit(client, name="Another name")
    problem = until_it_says(provider, key, joes, False)["problem"]
    assert problem["code"] == "consumer_key_rejected"
    assert asks(provider, key, janes)["active"]


def test_what_was_granted_before_the_approval_ended_is_not_exchanged_after(provider, jane, joe):
    client = jane.registered()
    assert provider.command("client", "approve", client.client_id).code == 0
    flow = Flow(provider, client, owner=joe)
    flow.initiate(CALLBACK)
    flow.grant()
    jane.edit(client, website="https://other.example/")
    response = send(flow.exchange_request())
    assert response.status_code == 401 and "consumer_key_rejected" in response.text


@pytest.mark.parametrize(
    "fields, ends",
    [
        ({"name": "Bank"}, True),
        ({"website": "https://bank.example/"}, True),
        ({"callbacks": f"{CALLBACK}\nhttps://bank.example/"}, True),
        ({"callbacks": "https://bank.example/"}, True),
        ({"scope": ["photos:read", "photos:write"]}, True),
        ({"scope": []}, True),
        ({"description": "Prints them well"}, False),
        ({"method": ["HMAC-SHA256"]}, False),
        ({}, False),
    ],
)
def test_what_a_change_ends(provider, jane, fields, ends):
    client = jane.registered()
    provider.command("client", "approve", client.client_id)
    provider.expect("client", "update", client.client_id, "--verified", "--trusted")
    jane.edit(client, **fields)
    made = shown(provider, client)
    assert (made["approval"], made["verified"], made["trusted"]) == (("pending", False, False) if ends else ("approved", True, True))


def test_a_callback_that_takes_all_below_it_is_another(provider, jane):
    client = jane.registered(callbacks="https://photos.example/cb/")
    provider.command("client", "approve", client.client_id)
    jane.edit(client, callbacks="https://photos.example/cb/", description="Prints")
    assert shown(provider, client)["approval"] == "approved"
    jane.edit(client, callbacks="https://photos.example/cb/*")
    assert shown(provider, client)["approval"] == "pending"


def test_what_an_operator_gave_stays_and_cannot_be_asked_for(provider, jane):
    client = jane.registered()
    provider.expect("client", "update", client.client_id, "--scope", "photos:read photos:all", "--two-legged")
    jane.edit(client, scope=["photos:write"])
    made = shown(provider, client)
    assert made["scope"] == "photos:write photos:all" and made["two_legged"]


@pytest.mark.parametrize(
    "allowed, default, scope, stays",
    [
        ("photos:read photos:all", "photos:all", ["photos:read"], "photos:all"),  # an edit of the description alone
        ("photos:read photos:all", "photos:read", ["photos:write"], ""),
        ("photos:write photos:read photos:all", "photos:all photos:read", ["photos:write"], "photos:all"),
        ("photos:read photos:all", "photos:all photos:read", ["photos:read", "photos:write"], None),  # it is all, and stays so
    ],
)
def test_a_narrower_default_scope_of_an_operator_survives_an_edit(provider, jane, allowed, default, scope, stays):
    client = jane.registered()
    provider.expect("client", "update", client.client_id, "--scope", allowed, "--default-scope", default)
    jane.edit(client, scope=scope, description="Prints them well")
    assert shown(provider, client).get("default_scope") == stays


# ---- credentials


def test_both_secrets_are_good_during_the_overlap_and_one_alone_without(provider, key, jane):
    client = jane.registered()
    token = own_token(jane, client)
    page = Page(jane.do(client, "rotate", overlap="7"))
    assert page.response.headers["Cache-Control"] == "no-store"
    fresh = page.texts["client_secret"]
    for secret in (client.client_secret, fresh):
        until_it_says(provider, key, with_secret(token, secret), True)
    assert "still good until" in jane.open(f"{LIST}/{client.client_id}").response.text
    assert jane.do(client, "rotate", overlap="7").status_code == 409  # two clicks on one button
    until_it_says(provider, key, token, True)
    last = Page(jane.do(client, "rotate", overlap="0")).texts["client_secret"]
    until_it_says(provider, key, with_secret(token, last), True)
    until_it_says(provider, key, with_secret(token, fresh), False)
    assert jane.do(client, "rotate", overlap="31").status_code == 400


def test_a_secret_that_does_not_open_any_more_is_replaced_by_its_owner(running, provider, key, jane):
    client = jane.registered()
    token = own_token(jane, client)
    running.sql("UPDATE client_secrets SET sealed = substr(sealed, 1, LENGTH(sealed) - 1) WHERE client ="
                f" (SELECT id FROM clients WHERE client_id = '{client.client_id}')")
    jane.edit(client, description="Prints them well")
    assert 'value="rotate"' in jane.open(f"{LIST}/{client.client_id}").response.text
    fresh = Page(jane.do(client, "rotate", overlap="7")).texts["client_secret"]
    until_it_says(provider, key, with_secret(token, fresh), True)


def with_secret(signer, secret):
    return Signer(signer.client_id, secret, token=signer.token, token_secret=signer.token_secret)


def test_rsa_keys_are_added_and_removed_but_not_the_last(provider, jane):
    keys = [rsa.generate_private_key(public_exponent=65537, key_size=2048) for _ in range(2)]
    client = jane.registered(rsa_public_key=public_pem(keys[0]))
    assert client.client_secret == "" and jane.do(client, "rotate").status_code == 400
    assert jane.do(client, "add-key", rsa_public_key=public_pem(keys[1]), overlap="7").status_code == 302
    for rsa_key in keys:
        Flow(provider, Client(client.client_id, "", rsa_key), owner=jane, signature_method="RSA-SHA256").initiate(CALLBACK)
    assert jane.do(client, "add-key", rsa_public_key=public_pem(keys[0]), overlap="7").status_code == 409  # would end one now
    ids = re.findall(r'name="key" value="(\d+)"', jane.open(f"{LIST}/{client.client_id}").response.text)
    assert len(ids) == 2
    assert [jane.do(client, "end-key", key=number).status_code for number in ids] == [302, 409]
    assert jane.do(client, "end-key", key="99999").status_code == 409
    assert jane.do(client, "add-key", rsa_public_key="no key").status_code == 400


def test_a_token_for_oneself_is_ones_own(provider, key, jane):
    client = jane.registered(scope=["photos:read", "photos:write"])
    verdict = asks(provider, key, own_token(jane, client))
    assert (verdict["username"], verdict["scope"]) == ("jane", "photos:read photos:write")


# ---- the logo


def upload(developer, client, data, headers=None, **fields):
    csrf = developer.open(NEW).form_with("csrf_token")["fields"]["csrf_token"]
    return developer.session.post(f"{developer.provider.url}{LIST}/{client.client_id}", timeout=20, allow_redirects=False,
                                  headers=headers, data={"csrf_token": csrf, "do": "logo", **fields},
                                  files={"logo": ("a.png", data, "image/png")})


def test_a_logo_is_shown_on_the_consent_page_and_ends_the_approval(provider, jane):
    client = jane.registered()
    provider.command("client", "approve", client.client_id)
    assert upload(jane, client, pictures.png(64, 64)).status_code == 302
    assert shown(provider, client)["approval"] == "pending"
    flow = Flow(provider, client, owner=jane)
    flow.initiate(CALLBACK)
    page = jane.consent_page(flow.temporary.token)
    address = re.search(r'<img src="(/client-logo/\d+)"', page.response.text).group(1)
    picture = requests.get(provider.url + address, timeout=20)
    assert picture.content == pictures.png(64, 64) and picture.headers["Content-Type"] == "image/png"
    assert picture.headers["X-Content-Type-Options"] == "nosniff" and "sandbox" in picture.headers["Content-Security-Policy"]
    assert upload(jane, client, pictures.png(32, 32)).status_code == 302
    assert requests.get(provider.url + address, timeout=20).status_code == 404
    assert jane.do(client, "no-logo").status_code == 302
    assert "<img" not in jane.open(f"{LIST}/{client.client_id}").response.text.replace('<img src="/logo.png', "")


SCRIPT = b"<script>alert(1)</script>"


@pytest.mark.parametrize(
    "name, data",
    [
        ("a script", SCRIPT),
        ("a script behind the end", pictures.png(1, 1) + SCRIPT),
        ("a script in a chunk whose checksum is wrong", pictures.png(1, 1).replace(b"IDAT", b"tEXt")),
        ("a vector graphic", b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'),
        ("too many pixels", pictures.png(513, 1)),
        ("too many bytes", pictures.png(1, 1) + b"\0" * 32768),
        ("nothing", b""),
    ],
)
def test_what_is_no_picture_is_refused(provider, jane, name, data):
    client = jane.registered()
    response = upload(jane, client, data)
    assert response.status_code == 400 and "no picture that can be taken" in response.text, name
    assert "/client-logo/" not in jane.open(f"{LIST}/{client.client_id}").response.text


def test_a_form_of_many_parts_or_of_no_session_sets_no_logo(provider, jane, joe):
    client = jane.registered()
    for count, status in ((1000, 400), (10000, 413)):
        parts = b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n\r\n' * count + b"--x--\r\n"
        response = jane.session.post(f"{provider.url}{LIST}/{client.client_id}", data=parts, timeout=20, allow_redirects=False,
                                     headers={"Content-Type": "multipart/form-data; boundary=x"})
        assert response.status_code == status
    assert upload(jane, client, pictures.png(1, 1), csrf_token="x").status_code == 403
    assert upload(jane, client, pictures.png(1, 1), headers={"Origin": "https://evil.example"}).status_code == 403
    assert upload(joe, client, pictures.png(1, 1)).status_code == 404
    assert "/client-logo/" not in jane.open(f"{LIST}/{client.client_id}").response.text


# ---- disable, enable, delete


def test_an_owner_disables_and_enables_but_not_what_an_operator_disabled(provider, key, jane):
    client = jane.registered()
    token = own_token(jane, client)
    assert jane.do(client, "disable").status_code == 302
    until_it_says(provider, key, token, False)
    assert shown(provider, client)["disabled"]
    assert jane.do(client, "token").status_code == 400
    assert jane.do(client, "enable").status_code == 302 and not shown(provider, client)["disabled"]
    assert not asks(provider, key, token)["active"]
    provider.command("client", "disable", client.client_id)
    assert jane.do(client, "enable").status_code == 409 and shown(provider, client)["disabled"]
    assert "have disabled this application" in jane.open(f"{LIST}/{client.client_id}").response.text


def test_a_client_is_deleted_only_where_that_was_ticked(provider, jane):
    client = jane.registered()
    assert jane.do(client, "delete").status_code == 400
    assert jane.do(client, "delete", confirm="yes").headers["Location"].endswith(LIST)
    assert provider.expect("client", "list") == []


def test_who_did_what_is_in_the_audit_log(running, provider, jane):
    client = jane.registered()
    own_token(jane, client)
    jane.edit(client)
    jane.do(client, "rotate")
    for what in ("disable", "enable"):
        jane.do(client, what)
    jane.do(client, "delete", confirm="yes")
    rows = running.sql("SELECT who, what FROM audit WHERE who LIKE 'user:%' ORDER BY id DESC LIMIT 7")
    subject = provider.expect("user", "list")[0]["sub"]
    assert [row[1] for row in reversed(rows)] == ["client.register", "token.issue-own", "client.update", "client.rotate-secret",
                                                  "client.disable", "client.enable", "client.delete"]
    assert {row[0] for row in rows} == {f"user:{subject}"}


# ---- trying a request


def tried(developer, request, **overrides):
    page = developer.open("/developer/try")
    fields = {"method": request.method, "url": request.url, "authorization": request.authorization, **overrides}
    page = Page(developer.submit(page, page.form_with("csrf_token"), **fields))
    assert page.response.status_code == 200 and page.response.headers["Cache-Control"] == "no-store", page.response.text
    return page


def test_a_pasted_request_is_explained_and_no_secret_is_shown(provider, key, jane):
    client = jane.registered()
    token = own_token(jane, client)
    good = token.sign("GET", f"{API}/photos?size=o", oauth_timestamp="1700000000")
    page = tried(jane, good)
    assert "signature matches" in page.texts["verdict"]
    assert page.texts["base_string"].startswith("GET&http%3A%2F%2Fapi.example%2Fphotos&")
    page = tried(jane, good, url=f"https://api.example/photos?size=o")
    assert page.texts["problem"] == "signature_invalid" and "scheme http" in page.texts["hints"]
    for shown_page in (page, tried(jane, with_secret(token, "wrong").sign("GET", API))):
        assert client.client_secret not in shown_page.response.text and token.token_secret not in shown_page.response.text
    initiate = Flow(provider, client).initiate_request(CALLBACK)
    assert "signature matches" in tried(jane, initiate).texts["verdict"]
    assert tried(jane, good, authorization="").texts["problem"] == "parameter_absent"
    assert "<script" not in tried(jane, good, authorization=HTML, url=HTML, method=HTML, body=HTML).response.text
    fresh = token.sign("GET", f"{API}/photos")
    tried(jane, fresh)
    assert provider.introspect(key, fresh).json()["active"]  # the nonce was not spent


def test_nobody_tries_anothers_client(provider, jane, joe):
    client = jane.registered()
    request = own_token(jane, client).sign("GET", API)
    page = tried(joe, request)
    unknown = tried(joe, Signer("unheard-of", "x").sign("GET", API))
    for refused in (page, unknown):
        assert "None of your own" in refused.texts["verdict"] and "base_string" not in refused.texts and "problem" not in refused.texts


# ---- others


ACTIONS = [("edit", {"name": "Mine now"}), ("rotate", {}), ("add-key", {"rsa_public_key": "x"}), ("end-key", {"key": "1"}),
           ("disable", {}), ("enable", {}), ("delete", {"confirm": "yes"}), ("token", {}), ("logo", {"logo": "x"}), ("no-logo", {})]


@pytest.mark.parametrize("what, fields", ACTIONS)
def test_nobody_sees_or_changes_anothers_client(provider, jane, joe, what, fields):
    client = jane.registered()
    operators = provider.create_client("--id", "operators")
    before = [shown(provider, client), shown(provider, operators)]
    for theirs in (client, operators):
        response = joe.do(theirs, what, **fields)
        assert response.status_code == 404 and "no such application" in response.text
        page = joe.open(f"{LIST}/{theirs.client_id}")
        assert page.response.status_code == 404 and "Photo printer" not in page.response.text
    assert client.client_id not in joe.open(LIST).response.text
    assert [shown(provider, client), shown(provider, operators)] == before


@pytest.mark.parametrize("what, fields", ACTIONS)
def test_a_foreign_form_does_nothing(provider, jane, what, fields):
    client = jane.registered()
    before = shown(provider, client)
    url = f"{provider.url}{LIST}/{client.client_id}"
    csrf = jane.open(NEW).form_with("csrf_token")["fields"]["csrf_token"]
    for data, headers in (
        ({"do": what, **fields}, {}),
        ({"do": what, "csrf_token": "x" * len(csrf), **fields}, {}),
        ({"do": what, "csrf_token": csrf, **fields}, {"Origin": "https://evil.example"}),
        ({"do": what, "csrf_token": csrf, **fields}, {"Sec-Fetch-Site": "cross-site"}),
    ):
        response = jane.session.post(url, data=data, headers=headers, timeout=20, allow_redirects=False)
        assert response.status_code == 403, response.text
    assert jane.session.post(f"{provider.url}{NEW}", data={"name": "x"}, timeout=20).status_code == 403
    assert shown(provider, client) == before


def test_who_is_not_logged_in_is_sent_to_log_in(provider):
    for path in (LIST, NEW, LIST + "/x%2Fy"):
        response = requests.get(provider.url + path, allow_redirects=False, timeout=20)
        assert response.status_code == 302 and "/login?return_to=" in response.headers["Location"]


def test_the_pages_are_away_where_registration_is_off(tmp_path):
    off = Provider(tmp_path).start()
    try:
        assert requests.get(off.url + LIST, timeout=20).status_code == 404
        assert LIST not in requests.get(off.url, timeout=20).text
    finally:
        off.stop()


def test_where_registration_is_open_a_client_works_for_everybody_at_once(tmp_path):
    opened = Provider(tmp_path, OAUTH1_SCOPES_FILE=scopes_file(tmp_path), **{**VARIABLES, "OAUTH1_REGISTRATION": "open"})
    for name in ("jane", "joe"):
        opened.create_user(name, PASSWORD)
    opened.start()
    try:
        jane, joe = Developer(opened, "jane"), Developer(opened, "joe")
        client = jane.registered()
        Flow(opened, client, owner=joe).token(CALLBACK)
        opened.expect("client", "update", client.client_id, "--verified")
        jane.edit(client, name="Bank")
        assert (shown(opened, client)["approval"], shown(opened, client)["verified"]) == ("approved", False)
    finally:
        opened.stop()
