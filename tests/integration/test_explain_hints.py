"""`explain` names what a client did wrong: one row for each mistake, made by a signer that makes it."""

import time
from dataclasses import replace

import pytest
from harness.flow import Flow
from harness.provider import API, Provider, describe
from harness.signer import (
    FORM,
    Request,
    Signer,
    authorization,
    base_string,
    base_string_uri,
    body_hash,
    decode_pairs,
    encode,
    normalize,
    sign_text,
)

AWKWARD = "s&cret+/=%"


class Mistaken:
    """Signs what `mistake` makes of the request, and sends the request itself. Each part may be replaced."""

    def __init__(self, signer):
        self.signer = signer

    def sign(self, method="GET", url=API + "/photos", body=None, content_type=None, signed_method=None, signed_url=None,
             signed_uri=None, signed_body=..., parameters=normalize, key=None, **overrides):
        content_type = content_type or (FORM if body is not None else None)
        protocol = self.signer.protocol_parameters(**overrides)
        pairs = protocol + decode_pairs(url.partition("?")[2])
        signed_body = body if signed_body is ... else signed_body
        if signed_body and (content_type == FORM or signed_body != body):
            pairs = pairs + decode_pairs(signed_body)
        text = "&".join([encode((signed_method or method).upper()), encode(signed_uri or base_string_uri(signed_url or url)),
                         encode(parameters(pairs))])
        signature = self.signature(text, key)
        headers = {"Authorization": authorization(protocol + [("oauth_signature", signature)])}
        if content_type:
            headers["Content-Type"] = content_type
        return Request(method, url, headers, body.encode() if body is not None else None)

    def signature(self, text, key):
        if key is None:
            return sign_text(self.signer.signature_method, text, self.signer.client_secret, self.signer.token_secret,
                             self.signer.rsa_key)
        first, second = key
        return sign_text(self.signer.signature_method, text, first, second)


def hints_of(provider, key, request, **members):
    response = provider.introspect(key, request, explain=True, **members)
    assert response.status_code == 200, response.text
    answer = response.json()
    assert answer["active"] is False, "the mistake was none"
    return answer["explain"]["hints"], answer


def encoded_twice(pairs):
    return "&".join(f"{name}={value}" for name, value in sorted((encode(n), encode(encode(v))) for n, v in pairs))


def one_encoded_twice(pairs):
    rows = [(encode(n), encode(encode(v)) if n == b"q" else encode(v)) for n, v in pairs]
    return "&".join(f"{name}={value}" for name, value in sorted(rows))


def duplicates_as_sent(pairs):
    return "&".join(f"{encode(n)}={encode(v)}" for n, v in sorted(pairs, key=lambda pair: encode(pair[0])))


def as_sent(pairs):
    return "&".join(f"{encode(n)}={encode(v)}" for n, v in pairs)


def joined_then_sorted(pairs):
    return "&".join(sorted(f"{encode(n)}={encode(v)}" for n, v in pairs))


ROWS = {
    "wrong scheme": (dict(signed_url="https://api.example/photos"), "scheme https: the proxy in front does not pass"),
    "port added on the way": (dict(url=API + ":8080/photos", signed_url=API + "/photos"), "without the port"),
    "default port written out": (dict(signed_uri="http://api.example:80/photos"), "default port"),
    "decoded path": (dict(url=API + "/a%20b", signed_url=API + "/a b"), "the path decoded"),
    "path decoded on the way": (dict(url=API + "/a:b", signed_url=API + "/a%3Ab"), "percent-encoded"),
    "trailing slash dropped": (dict(signed_url=API + "/photos/"), "with a trailing slash"),
    "trailing slash added": (dict(url=API + "/photos/", signed_url=API + "/photos"), "without the trailing slash"),
    "body not signed": (dict(method="POST", body="a=1", signed_body=None), "the body left out"),
    "wrong method": (dict(method="POST", signed_method="GET"), "method GET"),
    "method rewritten": (dict(signed_method="DELETE"), "method DELETE"),
    "double-encoded parameter": (dict(url=API + "/p?q=a%20b&r=c%20d", parameters=one_encoded_twice),
                                 "parameter q encoded twice"),
    "all parameters double-encoded": (dict(url=API + "/p?q=a%20b&r=c%20d", parameters=encoded_twice),
                                      "all parameters encoded twice"),
    "unsorted duplicates": (dict(url=API + "/p?a=2&a=1", parameters=duplicates_as_sent), "duplicates in the order sent"),
    "unsorted parameters": (dict(url=API + "/p?z=1&b=2", parameters=as_sent), "in the order sent"),
    "sorted after joining": (dict(url=API + "/p?a-b=1&a=2", parameters=joined_then_sorted), "joined"),
    "lower-case escapes": (dict(url=API + "/p?q=%C3%A9",
                                parameters=lambda pairs: normalize(pairs).replace("%C3%A9", "%c3%a9")), "lower-case"),
    "plus for spaces": (dict(url=API + "/p?q=a+b", parameters=lambda pairs: normalize(pairs).replace("%20", "+")),
                        "'+' for spaces"),
    "empty parameters not signed": (dict(url=API + "/p?q=&r=1", parameters=lambda pairs: normalize(
        [pair for pair in pairs if pair[1]])), "empty parameters left out"),
    "one of two equal names signed": (dict(url=API + "/p?q=1&q=2", parameters=lambda pairs: normalize(
        list(dict(pairs).items()))), "the last of equal names"),
    "marks not encoded": (dict(url=API + "/p?q=a!(b)", parameters=lambda pairs: normalize(pairs).replace(
        "%21", "!").replace("%28", "(").replace("%29", ")")), "! * ' ( ) of the parameters left as they are"),
    "query not signed": (dict(url=API + "/p?q=1", parameters=lambda pairs: normalize(
        [pair for pair in pairs if pair[0] != b"q"])), "the query left out"),
}


@pytest.mark.parametrize("mistake", list(ROWS))
def test_names_the_mistake(provider, open_key, token, mistake):
    options, hint = ROWS[mistake]
    hints, answer = hints_of(provider, open_key, Mistaken(token).sign(**options))
    assert hint in hints[0], hints
    assert answer["problem"]["code"] == "signature_invalid"
    assert hint not in answer["problem"]["www_authenticate"] and hint not in answer["problem"]["description"]


def test_names_a_form_that_was_sent_as_something_else(provider, open_key, token):
    request = token.sign("POST", API + "/", body="a=1")
    sent = replace(request, headers={**request.headers, "Content-Type": "text/plain"})
    assert "signed as a form" in hints_of(provider, open_key, sent)[0][0]


def test_names_a_form_body_that_is_missing(provider, open_key, token):
    """Not handed over at all, or empty because something had read it before."""
    lost = replace(token.sign("POST", API + "/", body="a=1"), body=None)
    response = provider.introspect(open_key, lost, explain=True, body=None)
    problem = response.json()["problem"]
    assert problem["code"] == "parameter_absent" and "was not handed over" in problem["description"]
    hints, answer = hints_of(provider, open_key, lost)
    assert answer["problem"]["code"] == "signature_invalid"
    assert "the body is empty though its type is that of a form" in hints[0]
    hints, _ = hints_of(provider, open_key, replace(token, client_secret="another").sign("POST", API + "/", body="a=1"))
    assert "the body is empty" not in hints[0]


@pytest.mark.parametrize("which, hint", [
    ("token left out", "token secret left out"), ("client left out", "client secret left out"), ("swapped", "swapped")])
def test_names_a_wrong_key(provider, open_key, token, which, hint):
    keys = {"token left out": (token.client_secret, ""), "client left out": ("", token.token_secret),
            "swapped": (token.token_secret, token.client_secret)}
    assert hint in hints_of(provider, open_key, Mistaken(token).sign(key=keys[which]))[0][0]


def secret_of_its_own(provider, directory, secret):
    path = directory / "secret"
    path.write_text(secret)
    made = provider.expect("client", "create", "--name", "Awkward", "--callback", "http://127.0.0.1/ready",
                           "--two-legged", "--secret-file", path)
    return Signer(made["client_id"], secret)


def test_names_secrets_that_were_not_encoded(provider, open_key, tmp_path):
    signer = secret_of_its_own(provider, tmp_path, AWKWARD)
    assert provider.introspect(open_key, signer.sign("GET", API)).json()["active"]

    class Unencoded(Mistaken):
        def signature(self, text, _):
            import base64
            import hashlib
            import hmac

            return base64.b64encode(hmac.new(f"{AWKWARD}&".encode(), text.encode(), hashlib.sha1).digest()).decode()

    hints, answer = hints_of(provider, open_key, Unencoded(signer).sign())
    assert "secrets not encoded" in hints[0]
    assert AWKWARD not in str(answer) and encode(AWKWARD) not in str(answer)


def test_names_a_secret_that_was_rotated_out(provider, open_key):
    client = provider.create_client("--two-legged", name="Rotating")
    old = Signer(client.client_id, client.client_secret)
    provider.expect("client", "rotate-secret", client.client_id, "--overlap", "0")
    deadline = time.monotonic() + 5
    while provider.introspect(open_key, old.sign("GET", API)).json()["active"]:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    hints, answer = hints_of(provider, open_key, old.sign("GET", API))
    assert "rotated out" in hints[0] and client.client_secret not in str(answer)


def test_names_a_timestamp_in_milliseconds(provider, open_key, token):
    request = token.sign("GET", API, oauth_timestamp=str(int(time.time() * 1000)))
    hints, answer = hints_of(provider, open_key, request)
    assert answer["problem"]["code"] == "timestamp_refused"
    assert hints == ["oauth_timestamp is in milliseconds, and must be in seconds"]


def test_names_the_hash_of_a_body_that_is_another_one(provider, open_key, token):
    signer = replace(token, signature_method="HMAC-SHA256")
    other = body_hash(b"{}", "HMAC-SHA512")
    request = signer.sign("POST", API, body="{}", content_type="application/json", oauth_body_hash=other)
    hints, answer = hints_of(provider, open_key, request)
    assert answer["problem"]["code"] == "signature_invalid"
    assert hints == ["would match with the SHA-512 of the body; HMAC-SHA256 takes the base64 of the body's SHA-256 or SHA-1"]


@pytest.mark.parametrize("offset, word", [(-3600, "behind"), (3600, "ahead")])
def test_names_a_clock_that_is_wrong(provider, open_key, token, offset, word):
    request = token.sign("GET", API, oauth_timestamp=str(int(time.time()) + offset))
    hints, answer = hints_of(provider, open_key, request)
    assert answer["problem"]["code"] == "timestamp_refused"
    assert word in hints[0] and "clock" in hints[0]
    assert any(f"{seconds} s" in hints[0] for seconds in range(3590, 3611))


@pytest.mark.parametrize("method", ["RSA-SHA1", "RSA-SHA512"])
def test_names_another_digest_and_works_for_rsa(provider, open_key, rsa_key, method):
    client = provider.create_client("--two-legged", rsa_key=rsa_key, name="RSA two-legged")
    signer = Signer(client.client_id, signature_method=method, rsa_key=rsa_key)

    class OtherDigest(Mistaken):
        def signature(self, text, _):
            return sign_text("RSA-SHA256", text, rsa_key=rsa_key)

    assert "would match as RSA-SHA256" in hints_of(provider, open_key, OtherDigest(signer).sign())[0][0]
    assert "scheme https" in hints_of(provider, open_key,
                                      Mistaken(signer).sign(signed_url="https://api.example/photos"))[0][0]


def test_says_what_was_tried_where_nobody_can_guess(provider, open_key, token):
    hints, answer = hints_of(provider, open_key, replace(token, client_secret="another").sign("GET", API + "/p?a=1"))
    assert hints[0].startswith("nothing that was tried would match")
    for tried in ("the other scheme", "the port", "secrets swapped", "trailing slash", "other methods", "query left out",
                  "client_base_string"):
        assert tried in hints[0], tried
    for secret in (token.client_secret, token.token_secret):
        assert secret not in str(answer)


def test_shows_where_the_clients_base_string_parts_from_ours(provider, open_key, token):
    wrong = replace(token, client_secret="another")
    request = wrong.sign("GET", API + "/photos?size=o")
    protocol = [(n, v) for n, v in decode_header(request)]
    mine = base_string("GET", API + "/photos?size=o", protocol + [("size", "o")])
    theirs = base_string("GET", API + "/photos?size=o", protocol + [("size", "0")])
    hints, _ = hints_of(provider, open_key, request, client_base_string=theirs)
    assert "differ first at byte" in hints[0] and "in the parameters" in hints[0]
    assert 'size%3D0"' in hints[0] and 'size%3Do"' in hints[0]
    hints, _ = hints_of(provider, open_key, request, client_base_string=theirs.replace("api.example", "api.exemple"))
    assert "in the URI" in hints[0]
    hints, _ = hints_of(provider, open_key, request, client_base_string=mine)
    assert "the base strings are equal" in hints[0]


def decode_header(request):
    from urllib.parse import unquote

    items = (item.partition("=") for item in request.authorization.removeprefix("OAuth ").split(", "))
    return [(name, unquote(value.strip('"'))) for name, _, value in items if name != "oauth_signature"]


def test_a_hint_makes_nothing_valid_and_spends_nothing(provider, open_key, token):
    request = token.sign("GET", "https://api.example/photos")
    seen = replace(request, url=API + "/photos")
    for _ in range(2):
        assert "scheme https" in hints_of(provider, open_key, seen)[0][0]
    assert provider.introspect(open_key, request).json()["active"]


def test_plaintext_gets_no_hint(provider, open_key, token):
    plain = replace(token, signature_method="PLAINTEXT", client_secret="another")
    hints, answer = hints_of(provider, open_key, plain.sign("GET", API))
    assert hints == [] and answer["problem"]["code"] == "signature_invalid"


def test_names_another_origin_or_prefix_among_those_that_are_configured(tmp_path):
    configured = Provider(tmp_path, OAUTH1_PUBLIC_URL="http://127.0.0.1:8080/api",
                          OAUTH1_ORIGINS="https://first.example,https://second.example:8443")
    client = configured.create_client("--two-legged")
    signer = Mistaken(Signer(client.client_id, client.client_secret))
    key = configured.create_resource_server("--allow-explain")
    configured.introspection.start()
    try:
        rows = [
            (dict(url="http://127.0.0.1:9000/p", signed_url="https://second.example:8443/p"),
             "origin https://second.example:8443: the host or port was rewritten"),
            (dict(url="https://first.example/p", signed_url="https://first.example/api/p"),
             "with path prefix /api: the proxy in front strips it"),
            (dict(url="https://first.example/api/p", signed_url="https://first.example/p"),
             "without path prefix /api: the proxy in front adds it"),
        ]
        for options, hint in rows:
            hints, _ = hints_of(configured, key, signer.sign(**options))
            assert hint in hints[0], hints
    finally:
        configured.introspection.stop()
