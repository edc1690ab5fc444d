"""Every case of docs/design/protocol.md, "Signatures", through `auth-service explain`,
each signed by our own signer. A test's name begins with the number of its case."""

import json

import pytest

from harness import signer
from harness.signer import FORM, Request, Signer, authorization

SECRETS = {"client_secret": "sécret & co", "token_secret": "tok+en"}
API = "http://api.example/r"


@pytest.fixture(scope="module")
def explain(provider):
    """explain(request, …): the verdict on one described request."""

    def ask(request, **members):
        line = {"method": request.method, "url": request.url, "authorization": request.authorization, **SECRETS}
        if "Content-Type" in request.headers:
            line["content_type"] = request.headers["Content-Type"]
            line["body"] = (request.body or b"").decode()
        outcome = provider.command("explain", stdin=json.dumps({**line, **members}) + "\n")
        assert outcome.code == 0 and outcome.out.count("\n") == 1, outcome
        return json.loads(outcome.out)

    return ask


def signing(**options):
    return Signer("key", SECRETS["client_secret"], "token", SECRETS["token_secret"], **options)


def refused(verdict, status, problem):
    assert verdict["valid"] is False
    assert (verdict["status"], verdict["problem"]) == (status, problem), verdict


MALFORMED = (400, "parameter_rejected")
WRONG = (401, "signature_invalid")


def test_01_encodes_then_sorts(explain):
    query = "z=1&~=t&a=2&a%5B%5D=x&%C3%A9=1&a-b=1&a=10"
    verdict = explain(signing().sign("GET", f"{API}?{query}"))
    assert verdict["valid"] is True
    ours = [pair for pair in verdict["normalized_parameters"].split("&") if not pair.startswith("oauth_")]
    assert "&".join(ours) == "%C3%A9=1&a=10&a=2&a%5B%5D=x&a-b=1&z=1&~=t"


def test_02_keeps_duplicates_and_empty_parameters(explain):
    verdict = explain(signing().sign("GET", f"{API}?c2&a3=x&a3=x&c@="))
    assert verdict["valid"] is True
    assert verdict["normalized_parameters"].startswith("a3=x&a3=x&c%40=&c2=&oauth_")


def test_02_leaves_realm_out_only_in_the_header(explain):
    in_header = explain(signing(realm="Photos, ours").sign("GET", API))
    assert in_header["valid"] is True and "realm" not in in_header["normalized_parameters"]
    in_query = explain(signing(place="query").sign("GET", f"{API}?realm=x"))
    assert in_query["valid"] is True and "realm=x" in in_query["normalized_parameters"]


def test_03_plus_is_a_space_in_query_and_body_and_itself_in_the_header(explain):
    verdict = explain(signing().sign("POST", f"{API}?q=a+b", body="f=c+d", oauth_nonce="n+1"))
    assert verdict["valid"] is True
    assert "f=c%20d" in verdict["normalized_parameters"] and "q=a%20b" in verdict["normalized_parameters"]
    header = signing().sign("GET", API, oauth_nonce="n+1")
    header.headers["Authorization"] = header.authorization.replace("n%2B1", "n+1")
    assert explain(header)["valid"] is True


def test_03_decodes_exactly_once(explain):
    verdict = explain(signing().sign("GET", f"{API}?b5=%3D%253D"))
    assert verdict["valid"] is True
    assert "b5=%3D%253D" in verdict["normalized_parameters"]


def test_04_encodes_all_but_unreserved_in_upper_case_and_secrets_too(explain):
    verdict = explain(signing().sign("GET", f"{API}?p=*!'()%e2%98%83%7e"))
    assert verdict["valid"] is True
    assert "p=%2A%21%27%28%29%E2%98%83~" in verdict["normalized_parameters"]


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE", "PATCH"])
@pytest.mark.parametrize("media_type", [FORM, "Application/X-WWW-Form-URLencoded", FORM + "; charset=utf-8"])
def test_05_a_form_counts_for_any_method(explain, method, media_type):
    request = signing().sign(method, API, body="c2=&a3=2+q")
    request.headers["Content-Type"] = media_type
    verdict = explain(request)
    assert verdict["valid"] is True
    assert "a3=2%20q" in verdict["normalized_parameters"]


@pytest.mark.parametrize("media_type", ["multipart/form-data; boundary=x", "application/json", "text/plain"])
def test_05_no_other_body_counts(explain, media_type):
    request = signing().sign("POST", API, body="a=1", content_type=media_type)
    verdict = explain(request)
    assert verdict["valid"] is True
    assert "a=1" not in verdict["normalized_parameters"]


@pytest.mark.parametrize(
    "url, uri",
    [
        ("HTTP://EXAMPLE.COM:80/r%20v/X?id=123", "http://example.com/r%20v/X"),
        ("https://www.example.net:8080/?q=1", "https://www.example.net:8080/"),
        ("https://h.example:443/a", "https://h.example/a"),
        ("http://h.example:443/a", "http://h.example:443/a"),
        ("https://h.example:80/a", "https://h.example:80/a"),
        ("http://h.example", "http://h.example/"),
        ("http://h.example?q=1", "http://h.example/"),
        ("http://h.example//a/../b/./c", "http://h.example//a/../b/./c"),
        ("http://h.example/a%2fb/%7Euser;p=1", "http://h.example/a%2fb/%7Euser;p=1"),
        ("http://[2001:DB8::1]:8080/a", "http://[2001:db8::1]:8080/a"),
    ],
)
def test_06_the_base_string_uri(explain, url, uri):
    verdict = explain(signing().sign("GET", url))
    assert verdict["base_string_uri"] == uri
    assert verdict["valid"] is True


@pytest.mark.parametrize("method, first", [("get", "GET&"), ("Purge", "PURGE&"), ("M-SEARCH", "M-SEARCH&"), ("A!", "A%21&")])
def test_07_the_method_in_upper_case_and_encoded(explain, method, first):
    verdict = explain(signing().sign(method, API))
    assert verdict["signature_base_string"].startswith(first)
    assert verdict["valid"] is True


@pytest.mark.parametrize("secrets", [("", ""), ("a", ""), ("", "b")])
@pytest.mark.parametrize("method", ["HMAC-SHA1", "HMAC-SHA256", "HMAC-SHA512", "PLAINTEXT"])
def test_08_the_ampersand_stays_where_a_secret_is_empty(explain, secrets, method):
    request = Signer("key", secrets[0], "token", secrets[1], method).sign("GET", API)
    assert explain(request, client_secret=secrets[0], token_secret=secrets[1])["valid"] is True


def test_08_plaintext_compares_encoded_secrets_and_needs_no_timestamp_or_nonce(explain):
    plain = signing(signature_method="PLAINTEXT")
    assert explain(plain.sign("GET", API, oauth_timestamp=None, oauth_nonce=None))["valid"] is True
    raw = f"{SECRETS['client_secret']}&{SECRETS['token_secret']}"
    refused(explain(plain.sign("GET", API, oauth_signature=raw)), *WRONG)


@pytest.mark.parametrize("version, valid", [(None, True), ("1.0", True), ("1.0a", False), ("2.0", False), ("", False)])
def test_09_the_version(explain, version, valid):
    verdict = explain(signing().sign("GET", API, oauth_version=version))
    assert verdict["valid"] is valid
    if not valid:
        assert verdict["problem"] == "version_rejected"


@pytest.mark.parametrize("stamp", ["0", "+1", "-1", "1e9", " 1", "1 ", "01", "0x1", "1.0", "", "9223372036854775808"])
def test_10_refuses_what_is_no_timestamp(explain, stamp):
    refused(explain(signing().sign("GET", API, oauth_timestamp=stamp)), *MALFORMED)


@pytest.mark.parametrize("stamp", ["1", "137131200", "9223372036854775807"])
def test_10_takes_timestamps_of_any_length(explain, stamp):
    assert explain(signing().sign("GET", API, oauth_timestamp=stamp))["valid"] is True


def test_11_a_nonce_is_for_one_timestamp(provider, key, token):
    """The one case that needs a memory: against introspection."""
    import time

    now = int(time.time())

    def active(**parameters):
        request = token.sign("GET", "http://api.example/photos", **parameters)
        return provider.introspect(key, request).json()["active"]

    assert active(oauth_nonce="same", oauth_timestamp=str(now)) is True
    assert active(oauth_nonce="same", oauth_timestamp=str(now - 1)) is True
    assert active(oauth_nonce="same", oauth_timestamp=str(now)) is False


def test_12_an_empty_token_is_signed_as_such(explain):
    verdict = explain(Signer("key", SECRETS["client_secret"], token="").sign("GET", API), token_secret="")
    assert verdict["valid"] is True
    assert "oauth_token=&" in verdict["normalized_parameters"]


def respelled(change):
    """A good header, written another way."""
    request = signing(realm="Photos").sign("GET", API, oauth_nonce="n")
    return Request("GET", API, {"Authorization": change(request.authorization)})


@pytest.mark.parametrize(
    "change",
    [
        lambda h: h.replace("OAuth ", "oauth ", 1),
        lambda h: h.replace("OAuth ", "OAUTH   ", 1),
        lambda h: h.replace('realm="Photos"', 'realm="Photos, prints, frames"'),
        lambda h: h.replace(", ", " \t,\t "),
        lambda h: h.replace(", ", ","),
        lambda h: h.replace(", ", ",, ,"),
        lambda h: h + ",",
    ],
    ids=["lower-case", "upper-case-and-spaces", "commas-in-realm", "tabs", "bare-commas", "empty-elements", "comma-last"],
)
def test_13_reads_the_header_in_any_allowed_spelling(explain, change):
    assert explain(respelled(change))["valid"] is True


@pytest.mark.parametrize(
    "change",
    [
        lambda h: h.replace('oauth_nonce="n"', "oauth_nonce=n"),
        lambda h: h.replace('oauth_nonce="n"', 'oauth_nonce="n'),
        lambda h: h.replace('oauth_nonce="n"', "oauth_nonce"),
        lambda h: h.replace(", ", ",\r\n "),
        lambda h: h.replace(", ", ",\n"),
        lambda h: h.replace('"n"', '"%zz"'),
    ],
    ids=["unquoted", "unclosed", "no-value", "folded", "newline", "bad-escape"],
)
def test_13_refuses_a_malformed_header(explain, change):
    refused(explain(respelled(change)), *MALFORMED)


@pytest.mark.parametrize("method", ["HMAC-SHA1", "HMAC-SHA256", "HMAC-SHA512", "PLAINTEXT"])
def test_14_checks_a_body_hash(explain, method):
    body, json_type = '{"a": 1}', "application/json"
    signed = signing(signature_method=method)
    right = signer.body_hash(body.encode(), method)
    request = signed.sign("POST", API, body=body, content_type=json_type, oauth_body_hash=right)
    assert explain(request)["valid"] is True
    request.body += b" "
    refused(explain(request), *WRONG)


def test_14_refuses_a_body_hash_with_a_form(explain):
    request = signing().sign("POST", API, body="a=1", oauth_body_hash=signer.body_hash(b"a=1"))
    refused(explain(request), *MALFORMED)


def test_15_judges_the_examples_of_rfc_5849_by_its_errata(explain):
    pairs = [
        ("oauth_consumer_key", "9djdj82h48djs9d2"),
        ("oauth_token", "kkk9d7dh3k39sjv7"),
        ("oauth_signature_method", "HMAC-SHA1"),
        ("oauth_timestamp", "137131201"),
        ("oauth_nonce", "7d8f3e4a"),
    ]
    for signature, valid in (("r6/TJjbCOr97/+UU0NsvSne7s5g=", True), ("bYT5CMsGcbgUdFHObYMEfcx6bsw=", False)):
        header = authorization([*pairs, ("oauth_signature", signature)], realm="Example")
        request = Request(
            "POST",
            "http://example.com/request?b5=%3D%253D&a3=a&c%40=&a2=r%20b",
            {"Authorization": header, "Content-Type": FORM},
            b"c2&a3=2+q",
        )
        verdict = explain(request, client_secret="j49sk3j29djd", token_secret="dh893hdasih9")
        assert verdict["valid"] is valid, verdict


@pytest.mark.parametrize(
    "change",
    [
        lambda s: s.rstrip("="),
        lambda s: s[:-2] + chr(ord(s[-2]) + 1) + "=" if s[-2] not in "Zz9/" else s + "=",
        lambda s: s + "\n",
        lambda s: s.swapcase(),
        lambda s: "",
    ],
    ids=["no-padding", "other-padding-bits", "newline", "other-case", "empty"],
)
def test_16_compares_the_text_of_the_signature(explain, change):
    refused(explain(signing().sign("GET", API, tamper=change)), *WRONG)


def test_every_line_gets_a_line(provider):
    """Not JSON, another shape, a good one: three answers, in order, and exit 0."""
    request = signing().sign("GET", API)
    good = json.dumps({"method": "GET", "url": API, "authorization": request.authorization, **SECRETS})
    outcome = provider.command("explain", stdin=f'not json\n{{"method": 1}}\n{good}\n')
    verdicts = [json.loads(line) for line in outcome.out.splitlines()]
    assert outcome.code == 0
    assert [verdict["valid"] for verdict in verdicts] == [False, False, True]
    assert [verdict["status"] for verdict in verdicts] == [400, 400, 200]
