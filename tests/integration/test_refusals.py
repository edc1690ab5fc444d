"""Every row of the error table (docs/design/protocol.md, "Refusals") that these endpoints can give,
and the introspection rows, against the running services."""

import http.client
import time
from dataclasses import replace
from urllib.parse import quote, urlsplit

import pytest
import requests
from harness.flow import Flow, form, send
from harness.owner import Owner, Page, location_query
from harness.provider import API, PASSWORD, Provider, describe
from harness.signer import Request, Signer, authorization

# ---- initiate and token: status, error, oauth_problem


def refused(response, status, error, problem):
    assert response.status_code == status, response.text
    body = form(response)
    assert (body["error"], body["oauth_problem"]) == (error, problem), body
    assert body["error_description"]
    assert response.headers["Cache-Control"] == "no-store" and response.headers["Pragma"] == "no-cache"
    assert response.headers["Content-Type"].startswith("application/x-www-form-urlencoded")
    challenges = [v for n, v in response.raw.headers.items() if n.lower() == "www-authenticate"]
    if status == 401:
        assert challenges == [f'OAuth realm="127.0.0.1", oauth_problem="{problem}"']
    else:
        assert challenges == []
    return body


DUPLICATED = (400, "duplicated_oauth_protocol_parameter", "parameter_rejected")
ABSENT = (400, "missing_required_parameter", "parameter_absent")
MALFORMED = (400, "invalid_request", "parameter_rejected")
VERSION = (400, "invalid_request", "version_rejected")
METHOD = (400, "unsupported_signature_method", "signature_method_rejected")
SIGNATURE = (401, "invalid_signature", "signature_invalid")
UNKNOWN_CLIENT = (401, "invalid_client", "consumer_key_unknown")
STALE = (401, "invalid_request", "timestamp_refused")
TOKEN = (401, "invalid_token", "token_rejected")


def url_of(flow, path="/oauth/initiate"):
    return flow.provider.url + path


def with_header(flow, text):
    return send(Request("POST", url_of(flow), {"Authorization": text}))


def pairs_of(flow, **overrides):
    return flow.client.protocol_parameters(oauth_callback="oob", oauth_signature="x", **overrides)


@pytest.mark.parametrize("name", ["oauth_nonce", "oauth_consumer_key", "oauth_unknown"])
def test_refuses_a_protocol_parameter_twice_even_if_it_is_the_same(flow, name):
    pairs = pairs_of(flow) + ([] if name != "oauth_unknown" else [(name, "1")])
    response = with_header(flow, authorization(pairs + [(name, dict(pairs)[name])]))
    assert refused(response, *DUPLICATED)["oauth_parameters_rejected"] == name


@pytest.mark.parametrize("query", ["oauth_unknown=1", "oauth%5Fnonce=1", "oauth_nonce=1"])
def test_refuses_protocol_parameters_in_two_places(flow, query):
    request = flow.initiate_request()
    refused(send(replace(request, url=request.url + "?" + query)), *DUPLICATED)


def test_refuses_protocol_parameters_in_header_and_form_body(flow):
    refused(send(flow.initiate_request(body="oauth_verifier=1")), *DUPLICATED)


@pytest.mark.parametrize(
    "name", ["oauth_consumer_key", "oauth_signature_method", "oauth_signature", "oauth_timestamp", "oauth_nonce"]
)
def test_names_a_missing_parameter(flow, name):
    body = refused(send(flow.initiate_request(**{name: None})), *ABSENT)
    assert body["oauth_parameters_absent"] == name


def test_names_all_missing_parameters_at_once(flow):
    body = refused(send(Request("POST", url_of(flow))), *ABSENT)
    assert set(body["oauth_parameters_absent"].split("&")) == {
        "oauth_consumer_key", "oauth_signature_method", "oauth_signature", "oauth_timestamp", "oauth_nonce",
        "oauth_callback"}


def test_needs_a_callback_to_initiate(flow):
    assert refused(send(flow.initiate_request(oauth_callback=None)), *ABSENT)["oauth_parameters_absent"] == "oauth_callback"


def test_needs_a_verifier_and_a_token_to_exchange(flow):
    flow.initiate()
    assert refused(send(flow.exchange_request(oauth_verifier=None)), *ABSENT)["oauth_parameters_absent"] == "oauth_verifier"
    assert refused(send(flow.exchange_request("v", oauth_token=None)), *ABSENT)["oauth_parameters_absent"] == "oauth_token"


@pytest.mark.parametrize(
    "header",
    ["OAuth oauth_nonce=unquoted", 'OAuth oauth_nonce="open', 'OAuth oauth_nonce "x"', 'OAuth ="x"',
     'OAuth oauth_nonce="%zz"', 'OAuth oauth_nonce="%4"', 'OAuth oauth_nonce="a" oauth_timestamp="1"',
     'OAuth realm="a", realm="b", oauth_nonce="1"'],
)
def test_refuses_a_malformed_header(flow, header):
    refused(with_header(flow, header), *MALFORMED)


@pytest.mark.parametrize("nonce", ["a%00b", "%ff", "%C3", "%ED%A0%80", "%C0%80"])
def test_refuses_nul_and_what_is_not_utf8_in_protocol_parameters(flow, nonce):
    header = authorization(pairs_of(flow, oauth_nonce=None)) + f', oauth_nonce="{nonce}"'
    refused(with_header(flow, header), *MALFORMED)


def test_refuses_a_broken_escape_in_the_query(flow):
    # http.client, because requests repairs the escape
    connection = http.client.HTTPConnection(urlsplit(flow.provider.url).netloc, timeout=10)
    connection.request("POST", "/oauth/initiate?a=%zz", headers=flow.initiate_request().headers)
    response = connection.getresponse()
    assert response.status == 400 and b"parameter_rejected" in response.read()
    connection.close()


@pytest.mark.parametrize("version", ["1.1", "2.0", "", "1", "1.0 "])
def test_refuses_another_version(flow, version):
    refused(send(flow.initiate_request(oauth_version=version)), *VERSION)


def test_takes_a_request_without_a_version(flow):
    assert send(flow.initiate_request(oauth_version=None)).status_code == 200


@pytest.mark.parametrize(
    "callback",
    ["", "OOB", "/relative", "javascript:alert(1)", "data:text/html,x", "file:///etc/passwd", "vbscript:x",
     "https://user@app.example/cb/", "https://app.example/cb/#f", "https://app.example/cb/\r\nX: y", "https:///x",
     "http://127.0.0.1/other", "https://evil.example/cb/", "https://app.example.evil.example/cb/",
     "https://app.example/cb", "https://app.example/cb/../x", "https://app.example/cb/%2e%2e/x",
     "https://app.example/cb/%2Fx", "https://app.example/cb/%5Cx", "https://app.example:8443/cb/",
     "http://app.example/cb/", "https://app.example/CB/", "https://app.example/cb\\x"],
)
def test_refuses_a_callback_that_is_not_the_clients(flow, callback):
    refused(send(flow.initiate_request(callback)), *MALFORMED)


@pytest.mark.parametrize(
    "callback", ["oob", "http://127.0.0.1/ready", "http://127.0.0.1:4711/ready", "https://app.example/cb/",
                 "https://app.example/cb/deep?x=1", "https://APP.example:443/cb/x"])
def test_takes_a_callback_that_is_the_clients(flow, callback):
    assert send(flow.initiate_request(callback)).status_code == 200


def test_refuses_an_unregistered_callback_only_after_the_signature_held(flow):
    wrong = replace(flow.client, client_secret="wrong")
    refused(send(flow.initiate_request("https://evil.example/", signer=wrong)), *SIGNATURE)


def test_refuses_an_unknown_client(flow):
    refused(send(flow.initiate_request(signer=replace(flow.client, client_id="nobody"))), *UNKNOWN_CLIENT)


def test_refuses_a_disabled_client(provider):
    client = provider.create_client(name="soon disabled")
    provider.command("client", "disable", client.client_id)
    refused(send(Flow(provider, client).initiate_request()), 401, "invalid_client", "consumer_key_rejected")


@pytest.mark.parametrize("method", ["HMAC-MD5", "hmac-sha1", "", "RSA-SHA1"])
def test_refuses_a_method_that_is_unknown_or_not_for_this_client(flow, method):
    refused(send(flow.initiate_request(oauth_signature_method=method)), *METHOD)


def test_never_verifies_an_rsa_client_by_hmac_over_its_public_key(provider, rsa_client, rsa_key):
    public = provider.public_key_file(rsa_key).read_text()
    signer = Signer(rsa_client.client_id, public, signature_method="HMAC-SHA256")
    refused(send(Flow(provider, rsa_client).initiate_request(signer=signer)), *METHOD)


@pytest.mark.parametrize("stamp", ["0", "-1", "+1", "1e9", " 1", "1 ", "", "abc", "1.5", "01790000000", "9" * 30])
def test_refuses_a_timestamp_that_is_no_positive_integer(flow, stamp):
    refused(send(flow.initiate_request(oauth_timestamp=stamp)), *MALFORMED)


@pytest.mark.parametrize("offset", [-3600, -302, 63, 86400 * 365])
def test_refuses_a_timestamp_outside_the_window_and_says_what_it_is(flow, offset):
    now = int(time.time())
    body = refused(send(flow.initiate_request(oauth_timestamp=str(now + offset))), *STALE)
    first, last = map(int, body["oauth_acceptable_timestamps"].split("-"))
    assert abs(first - (now - 300)) <= 2 and abs(last - (now + 60)) <= 2


@pytest.mark.parametrize("offset", [-297, 58])
def test_takes_a_timestamp_just_inside_the_window(flow, offset):
    assert send(flow.initiate_request(oauth_timestamp=str(int(time.time()) + offset))).status_code == 200


def test_refuses_a_nonce_twice_on_its_decoded_value(flow):
    stamp = str(int(time.time()))
    first = flow.initiate_request(oauth_nonce="abc", oauth_timestamp=stamp)
    assert send(first).status_code == 200
    respelled = first.authorization.replace('oauth_nonce="abc"', 'oauth_nonce="%61bc"')
    refused(with_header(flow, respelled), 401, "invalid_nonce", "nonce_used")
    assert send(flow.initiate_request(oauth_nonce="abc", oauth_timestamp=str(int(stamp) + 1))).status_code == 200


def test_a_wrong_signature_spends_no_nonce(flow):
    stamp = str(int(time.time()))
    wrong = replace(flow.client, client_secret="wrong")
    options = {"oauth_nonce": "mine", "oauth_timestamp": stamp}
    refused(send(flow.initiate_request(signer=wrong, **options)), *SIGNATURE)
    assert send(flow.initiate_request(**options)).status_code == 200


def test_refuses_another_spelling_of_the_right_signature(flow):
    def respell(signature):  # the bits under the padding: other text, the same bytes
        alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
        return signature[:-2] + alphabet[alphabet.index(signature[-2]) ^ 1] + "="

    request = flow.client.sign("POST", url_of(flow), oauth_callback="oob", tamper=respell)
    refused(send(request), *SIGNATURE)


def test_refuses_a_scope_that_is_not_open_to_the_client(flow):
    refused(send(flow.initiate_request(body="scope=photos%3Adelete")), 400, "invalid_scope", "parameter_rejected")


def test_refuses_plain_http_where_tls_is_needed(tmp_path):
    provider = Provider(tmp_path, OAUTH1_DEV=None, OAUTH1_INSECURE_TRANSPORT=None,
                        OAUTH1_PUBLIC_URL="https://auth.example",
                        OAUTH1_SECRETS_KEYS="k1:" + "QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUE=",
                        OAUTH1_TRUSTED_PROXIES="127.0.0.2")
    client = provider.create_client()
    provider.auth.start()
    try:
        url = provider.url + "/oauth/initiate"
        signer = Signer(client.client_id, client.client_secret)
        request = signer.sign("POST", "https://auth.example/oauth/initiate", oauth_callback="oob")
        assert_insecure = form(requests.post(url, headers=request.headers, timeout=10))
        assert assert_insecure["oauth_problem"] == "transport_insecure"
        forged = {**request.headers, "X-Forwarded-Proto": "https"}
        assert requests.post(url, headers=forged, timeout=10).status_code == 400  # not from a trusted proxy
        session = requests.Session()
        session.mount("http://", SourceAddress("127.0.0.2"))
        assert session.post(url, headers=forged, timeout=10).status_code == 200
    finally:
        provider.auth.stop()


class SourceAddress(requests.adapters.HTTPAdapter):
    def __init__(self, address):
        self.address = address
        super().__init__()

    def init_poolmanager(self, *args, **kwargs):
        super().init_poolmanager(*args, source_address=(self.address, 0), **kwargs)


# ---- the token endpoint


def test_refuses_an_unknown_temporary_credential(flow):
    flow.initiate()
    flow.grant()
    refused(send(flow.exchange_request(signer=replace(flow.temporary, token="unknown"))), *TOKEN)


def test_refuses_another_clients_temporary_credential(provider, flow, two_legged):
    flow.initiate()
    flow.grant()
    thief = replace(flow.temporary, client_id=two_legged.client_id, client_secret=two_legged.client_secret)
    refused(send(flow.exchange_request(signer=thief)), *TOKEN)
    assert flow.exchange().status_code == 200  # and it was not harmed


def test_a_forged_request_does_not_harm_the_temporary_credential(flow):
    flow.initiate()
    flow.grant()
    refused(send(flow.exchange_request(signer=replace(flow.temporary, client_secret="x"))), *SIGNATURE)
    assert flow.exchange().status_code == 200


def test_refuses_before_the_owner_has_decided(flow):
    flow.initiate()
    refused(send(flow.exchange_request("v")), 401, "invalid_request", "permission_unknown")


def test_refuses_after_the_owner_denied(provider, flow):
    flow.initiate("https://app.example/cb/x?keep=1")
    response = Owner(provider).deny(flow.temporary.token)
    assert response.headers["Location"].startswith("https://app.example/cb/x?keep=1&oauth_token=")
    query = dict(location_query(response))
    assert query["error"] == "access_denied" and query["oauth_problem"] == "user_refused"
    assert query["oauth_token"] == flow.temporary.token and query["error_description"]
    refused(send(flow.exchange_request("v")), 401, "invalid_token", "permission_denied")


def test_five_wrong_verifiers_kill_the_temporary_credential(flow):
    flow.initiate("oob")
    flow.grant()
    for _ in range(5):
        refused(send(flow.exchange_request("wrong")), 401, "invalid_request", "verifier_invalid")
    refused(send(flow.exchange_request()), *TOKEN)


def test_a_recorded_wrong_verifier_counts_once(flow):
    flow.initiate()
    flow.grant()
    recorded = flow.exchange_request("wrong")
    refused(send(recorded), 401, "invalid_request", "verifier_invalid")
    for _ in range(6):
        refused(send(recorded), 401, "invalid_nonce", "nonce_used")
    assert flow.exchange().status_code == 200


def test_a_temporary_credential_is_exchanged_once(flow):
    flow.initiate()
    flow.grant()
    assert "oauth_expires_in" not in form(flow.exchange())
    refused(send(flow.exchange_request()), 401, "invalid_token", "token_used")


def test_a_new_grant_replaces_the_verifier(provider, flow):
    flow.initiate()
    flow.grant()
    first = flow.verifier
    flow.grant()
    refused(send(flow.exchange_request(first)), 401, "invalid_request", "verifier_invalid")
    assert flow.exchange().status_code == 200


def test_an_expired_temporary_credential_says_so(tmp_path):
    provider = Provider(tmp_path, OAUTH1_TEMP_TTL="2")
    provider.create_user("jane", PASSWORD)
    provider.auth.start()
    try:
        flow = Flow(provider, provider.create_client())
        flow.initiate()
        flow.grant()
        time.sleep(2.1)
        refused(send(flow.exchange_request()), 401, "invalid_token", "token_expired")
        page = Page(Owner(provider).get(f"/oauth/authorize?oauth_token={flow.temporary.token}"))
        assert page.response.status_code == 400 and page.texts["problem"] == "token_expired"
        time.sleep(2)
        assert f'"request_id":"{page.texts["reference"]}"' in provider.auth.text()
        refused(send(flow.exchange_request()), *TOKEN)  # forgotten
    finally:
        provider.auth.stop()


def test_a_token_with_a_lifetime_says_so_and_ends(tmp_path):
    provider = Provider(tmp_path, OAUTH1_TOKEN_TTL="2")
    provider.create_user("jane", PASSWORD)
    provider.start()
    try:
        flow = Flow(provider, provider.create_client())
        flow.initiate()
        flow.grant()
        body = form(flow.exchange())
        assert body["oauth_expires_in"] == "2"
        signer = replace(flow.client, token=body["oauth_token"], token_secret=body["oauth_token_secret"])
        key = provider.create_resource_server("--origin", API)
        answer = provider.introspect(key, signer.sign("GET", API + "/")).json()
        assert answer["active"] and answer["exp"] - answer["iat"] == 2
        time.sleep(2.1)
        assert problem_of(provider, key, signer.sign("GET", API + "/")) == ("token_expired", 401)
    finally:
        provider.stop()


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH", "OPTIONS", "HEAD"])
@pytest.mark.parametrize("path", ["/oauth/initiate", "/oauth/token"])
def test_takes_post_alone(provider, path, method):
    response = requests.request(method, provider.url + path, timeout=10)
    assert response.status_code == 405 and response.headers["Allow"] == "POST"


# ---- introspection


def problem_of(provider, key, request, **members):
    response = provider.introspect(key, request, **members)
    assert response.status_code == 200, response.text
    answer = response.json()
    assert answer["active"] is False, answer
    assert answer["problem"]["www_authenticate"].startswith('OAuth realm="127.0.0.1"')
    return answer["problem"]["code"], answer["problem"]["status"]


def test_verifies_a_token_and_says_whose_it_is(provider, key, token, client):
    answer = provider.introspect(key, token.sign("GET", API + "/photos?size=o")).json()
    assert answer["active"] is True and answer["client_id"] == client.client_id
    assert answer["username"] == "jane" and answer["scope"] == "photos:read" and answer["token_type"] == "oauth1"
    assert answer["iss"] == provider.url and answer["jti"].startswith("tok_") and answer["iat"] <= time.time()
    assert "exp" not in answer
    assert answer["oauth1"]["legs"] == 3 and answer["oauth1"]["signature_method"] == "HMAC-SHA256"


def test_verifies_two_legged_requests_of_marked_clients_alone(provider, key, two_legged, client):
    signer = Signer(two_legged.client_id, two_legged.client_secret)
    for token in (None, ""):
        answer = provider.introspect(key, replace(signer, token=token).sign("GET", API + "/")).json()
        assert answer["active"] and answer["oauth1"]["legs"] == 2
        assert not {"sub", "username", "jti"} & set(answer)
    unmarked = Signer(client.client_id, client.client_secret)
    assert problem_of(provider, key, unmarked.sign("GET", API + "/")) == ("token_rejected", 401)


def test_refuses_a_replay(provider, key, token):
    request = token.sign("GET", API + "/photos")
    assert provider.introspect(key, request).json()["active"]
    assert problem_of(provider, key, request) == ("nonce_used", 401)


def test_refuses_unknown_foreign_and_temporary_tokens(provider, key, token, two_legged, flow):
    assert problem_of(provider, key, replace(token, token="x").sign("GET", API)) == ("token_rejected", 401)
    foreign = replace(token, client_id=two_legged.client_id, client_secret=two_legged.client_secret)
    assert problem_of(provider, key, foreign.sign("GET", API)) == ("token_rejected", 401)
    flow.initiate()
    assert problem_of(provider, key, flow.temporary.sign("GET", API)) == ("token_rejected", 401)


def test_a_revoked_token_says_so_within_a_second(provider, key, client):
    signer = Flow(provider, client).token()
    jti = provider.introspect(key, signer.sign("GET", API)).json()["jti"]
    assert provider.command("token", "revoke", jti).code == 0
    time.sleep(1)
    assert problem_of(provider, key, signer.sign("GET", API)) == ("token_revoked", 401)


def test_needs_the_scope(provider, key, token):
    assert problem_of(provider, key, token.sign("GET", API), required_scope="photos:write") == ("permission_denied", 403)
    assert provider.introspect(key, token.sign("GET", API), required_scope="photos:read").json()["active"]


def test_answers_an_unsigned_request_with_the_bare_challenge(provider, key):
    problem = provider.introspect(key, Request("GET", API + "/")).json()["problem"]
    assert (problem["code"], problem["status"]) == ("parameter_absent", 401)
    assert problem["www_authenticate"] == 'OAuth realm="127.0.0.1"'


def test_refuses_a_form_whose_body_was_not_handed_over(provider, key, token):
    described = describe(token.sign("POST", API + "/", body="a=1"))
    del described["body"]
    response = requests.post(provider.introspection_url + "/v1/introspect", json=described,
                             headers={"Authorization": f"Bearer {key}"}, timeout=10)
    assert response.json()["problem"]["code"] == "parameter_absent"


def test_refuses_a_url_on_another_origin_and_spends_nothing(provider, key, open_key, token):
    request = token.sign("GET", "https://other.example/")
    assert problem_of(provider, key, request) == ("parameter_rejected", 400)
    assert provider.introspect(open_key, request).json()["active"]


@pytest.mark.parametrize(
    "authorization_header, status",
    [(None, 401), ("Bearer wrong", 401), ("Basic x", 401), ("Bearer ", 401)])
def test_wants_a_resource_servers_key(provider, authorization_header, status):
    headers = {"Authorization": authorization_header} if authorization_header else {}
    response = requests.post(provider.introspection_url + "/v1/introspect", json={}, headers=headers, timeout=10)
    assert response.status_code == status
    assert response.headers["Content-Type"] == "application/problem+json"
    assert response.headers["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.parametrize(
    "body, status",
    [(b"", 400), (b"{", 400), (b"[]", 400), (b'{"method":"GET"}', 400), (b'{"method":"GET","url":"u","x":1}', 400),
     (b'{"method":"GET","url":"u","url":"v"}', 400), (b'{"method":"GET","url":"u\\u0000v"}', 400),
     (b'{"method":"GET","url":"\xff"}', 400), (b'{"method":"GET","url":"u"} x', 400),
     (b'{"method":"GET","url":"u","Explain":true}', 400), (b"[" * 1000, 400),
     pytest.param(b'{"method":"GET","url":"' + b"x" * 300000 + b'"}', 413, id="oversize")])
def test_refuses_json_of_another_shape(provider, key, body, status):
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    response = requests.post(provider.introspection_url + "/v1/introspect", data=body, headers=headers, timeout=10)
    assert response.status_code == status, response.text
    if status == 400:
        assert response.headers["Content-Type"] == "application/problem+json"


def test_wants_json(provider, key):
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "text/plain"}
    response = requests.post(provider.introspection_url + "/v1/introspect", data=b"{}", headers=headers, timeout=10)
    assert response.status_code == 415


def test_a_revoked_key_is_refused(provider):
    key = provider.create_resource_server(name="soon revoked")
    provider.command("resource-server", "revoke", "soon revoked")
    response = provider.introspect(key, Request("GET", API))
    assert response.status_code == 401


def test_explains_only_to_keys_that_may(provider, token):
    key = provider.create_resource_server("--origin", API, name="no explain")
    assert provider.introspect(key, token.sign("GET", API), explain=True).status_code == 403


def test_explains_a_mismatch_and_shows_no_secret(provider, key, token):
    request = token.sign("GET", API + "/photos?size=o")
    answer = provider.introspect(key, replace(request, url=request.url.replace("/photos", "/photos/")), explain=True)
    explained = answer.json()["explain"]
    assert "trailing slash" in explained["hints"][0]
    assert explained["base_string_uri"] == API + "/photos/"
    assert {"name": "size", "value": "o", "source": "query"} in explained["parameters"]
    for secret in (token.client_secret, token.token_secret, quote(token.client_secret)):
        assert secret not in answer.text
    assert problem_of(provider, key, request, url=request.url + "&x=1") == ("signature_invalid", 401)


# ---- oauth_body_hash


def body_hash_request(token, body=b'{"a":1}', **overrides):
    from harness.signer import body_hash

    overrides.setdefault("oauth_body_hash", body_hash(body, token.signature_method))
    return token.sign("POST", API + "/", body=body, content_type="application/json", **overrides)


def test_checks_a_body_hash(provider, key, token):
    assert provider.introspect(key, body_hash_request(token)).json()["oauth1"]["body_hash"] == "verified"
    assert problem_of(provider, key, body_hash_request(token), body='{"a":2}') == ("signature_invalid", 401)
    unchecked = provider.introspect(key, body_hash_request(token), body=None).json()
    assert unchecked["active"] and unchecked["oauth1"]["body_hash"] == "unchecked"


def test_wants_a_body_hash_of_marked_clients(provider, key):
    client = provider.create_client("--two-legged", "--body-hash-required", name="hashing")
    signer = Signer(client.client_id, client.client_secret)
    plain = signer.sign("POST", API + "/", body=b"{}", content_type="application/json")
    assert problem_of(provider, key, plain) == ("parameter_absent", 400)
    assert problem_of(provider, key, body_hash_request(signer), body=None) == ("parameter_absent", 400)
    assert provider.introspect(key, body_hash_request(signer)).json()["active"]


def test_refuses_a_body_hash_with_a_form(provider, key, token):
    request = token.sign("POST", API + "/", body="a=1", oauth_body_hash="x")
    assert problem_of(provider, key, request) == ("parameter_rejected", 400)


def test_takes_the_hash_of_an_empty_form_where_it_is_right(provider, key, token):
    """ruby-oauth's post('/x') sends both."""
    from harness.signer import body_hash

    def ask(hashed):
        request = token.sign("POST", API + "/", body="", oauth_body_hash=body_hash(hashed))
        return provider.introspect(key, request).json()

    assert ask(b"")["oauth1"]["body_hash"] == "verified"
    assert ask(b"a=1")["problem"]["code"] == "parameter_rejected"


@pytest.mark.parametrize("method", ["HMAC-SHA1", "HMAC-SHA256", "HMAC-SHA512"])
def test_takes_a_body_hash_by_sha1_whatever_the_method(provider, key, token, method):
    """oauthlib and authenticate-oauth know no other."""
    from harness.signer import body_hash

    signer = replace(token, signature_method=method)
    request = body_hash_request(signer, oauth_body_hash=body_hash(b'{"a":1}'))
    assert provider.introspect(key, request).json()["oauth1"]["body_hash"] == "verified"
    assert problem_of(provider, key, body_hash_request(signer, oauth_body_hash=body_hash(b"{}"))) == ("signature_invalid", 401)
