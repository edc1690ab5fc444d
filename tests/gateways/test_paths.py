"""Targets that gateways like to tidy up: signed by clients that others wrote, sent as they are, they reach the API as
they are. Where a gateway spells one anew, it is refused."""

import pytest
from authlib.oauth1 import ClientAuth
from harness.signer import Request
from oauthlib import oauth1
from wire import ORIGIN, connect, head, read_reply, send

TARGETS = {
    "slashes": "//photos///1",
    "trailing_slash": "/photos/",
    "dot": "/./photos/./1",
    "dots": "/a/../photos",
    "dots_encoded": "/a/%2e%2e/photos",
    "slash_encoded": "/photos%2F1",
    "slash_encoded_small": "/photos%2f1",
    "unreserved_encoded": "/%7ejane/%41",
    "parameter": "/photos;p=1;q",
    "braces": "/photos/{id}",
    "braces_encoded": "/photos/%7Bid%7D",
    "bar": "/a|b",
    "sub_delims": "/!$&'()*+,=:@",
    "empty_query": "/photos?",
    "root_query": "/?a=1",
    "query": "/p?a=1&a=&b&c=%20+x&d=1,2&e=%C3%A9",
    "question_marks": "/p?a=?/b",
    "utf8_raw": "/caf\u00e9",
    "utf8_encoded": "/caf%C3%A9",
    "utf8_encoded_small": "/caf%c3%a9",
    "percent_encoded": "/100%25",
    "long": "/" + "x" * 3000,
}


def by_oauthlib(signer, method, url):
    """What requests-oauthlib signs with."""
    client = oauth1.Client(
        signer.client_id, signer.client_secret, signer.token, signer.token_secret,
        signature_method=oauth1.SIGNATURE_HMAC_SHA256,
    )
    _, headers, _ = client.sign(url, method)
    return headers["Authorization"]


def by_authlib(signer, method, url):
    client = ClientAuth(signer.client_id, signer.client_secret, signer.token, signer.token_secret)
    _, headers, _ = client.sign(method, url, {}, b"")
    return headers["Authorization"]


def by_our_own(signer, method, url):
    return signer.sign(method, url).authorization


SIGNERS = {"oauthlib": by_oauthlib, "authlib": by_authlib, "ours": by_our_own}


@pytest.mark.parametrize("signed_by", SIGNERS)
@pytest.mark.parametrize("name", TARGETS)
def test_a_target_reaches_the_api_as_it_was_signed_or_not_at_all(gateway, upstream, token, name, signed_by):
    target, begin = TARGETS[name], len(upstream.seen)
    authorization = SIGNERS[signed_by](token, "GET", ORIGIN + target)
    reply = send(gateway.port, "GET", target, [("Authorization", authorization)])
    if name in gateway.reencodes:
        assert reply.status in (400, 401) and len(upstream.seen) == begin, reply
    else:
        assert reply.status == 200, reply
        assert upstream.last().target.encode("latin-1") == target.encode()


def test_what_was_signed_is_what_was_sent_to_the_last_byte(gateway, upstream, token):
    """A signature for one spelling is not good for another that means the same."""
    begin = len(upstream.seen)
    for signed, sent in (("/a/../photos", "/photos"), ("/photos", "//photos"), ("/photos%2F1", "/photos/1"), ("/~j", "/%7Ej"),
                         ("/caf%C3%A9", "/caf%c3%a9"), ("/photos", "/photos/"), ("/photos", "/Photos"), ("/p?a=1", "/p?a=2")):
        request = Request("GET", ORIGIN + signed, token.sign("GET", ORIGIN + signed).headers)
        reply = send(gateway.port, "GET", sent, list(request.headers.items()))
        assert reply.status == 401, (signed, sent, reply)
    assert len(upstream.seen) == begin


def test_several_requests_on_one_connection_are_each_judged(gateway, upstream, token):
    begin = len(upstream.seen)
    with connect(gateway.port) as connection:
        for i in range(6):
            request = token.sign("GET", f"{ORIGIN}/photos/{i}", **({"oauth_signature": "x"} if i % 2 else {}))
            connection.sendall(head("GET", f"/photos/{i}", list(request.headers.items())))
            assert read_reply(connection).status == (401 if i % 2 else 200)
    assert [seen.target for seen in upstream.seen[begin:]] == ["/photos/0", "/photos/2", "/photos/4"]
