"""Our own signer against oauthlib's, so that a test that fails blames the service and not the signer."""

import random

import pytest
from oauthlib.oauth1 import rfc5849 as oauthlib

from harness import signer

ALPHABET = "aZ09-._~ +%&=;/?:@!*'()é☃[]"


def oauthlib_signature(method, url, body, signature_method, client_secret, token_secret):
    client = oauthlib.Client(
        "key",
        client_secret=client_secret,
        resource_owner_key="token",
        resource_owner_secret=token_secret,
        signature_method=signature_method,
        nonce="nonce",
        timestamp="1",
    )
    headers = {"Content-Type": signer.FORM} if body else {}
    _, signed, _ = client.sign(url, method, body=body, headers=headers)
    return signed["Authorization"]


@pytest.mark.parametrize("signature_method", ["HMAC-SHA1", "HMAC-SHA256", "HMAC-SHA512", "PLAINTEXT"])
@pytest.mark.parametrize("seed", range(5))
def test_agrees_with_oauthlib(signature_method, seed):
    chance = random.Random(seed)

    def text():
        return "".join(chance.choices(ALPHABET, k=chance.randint(1, 8)))

    query = "&".join(f"{signer.encode(text())}={signer.encode(text())}" for _ in range(4))
    body = "&".join(f"{signer.encode(text())}={signer.encode(text())}" for _ in range(3))
    url = f"http://Example.com:80/p%7Eth/{seed}?{query}"
    secrets = text(), text()
    ours = signer.Signer("key", secrets[0], "token", secrets[1], signature_method)
    request = ours.sign("post", url, body=body, oauth_nonce="nonce", oauth_timestamp="1")
    theirs = oauthlib_signature("POST", url, body, signature_method, *secrets)
    name = 'oauth_signature="'
    assert request.authorization.partition(name)[2] == theirs.partition(name)[2]


def test_signs_the_request_for_a_photo_of_section_1_2():
    pairs = [
        ("oauth_consumer_key", "dpf43f3p2l4k3l03"),
        ("oauth_token", "nnch734d00sl2jdk"),
        ("oauth_signature_method", "HMAC-SHA1"),
        ("oauth_timestamp", "137131202"),
        ("oauth_nonce", "chapoH"),
        ("file", "vacation.jpg"),
        ("size", "original"),
    ]
    text = signer.base_string("GET", "http://photos.example.net/photos", pairs)
    assert signer.sign_text("HMAC-SHA1", text, "kd94hf93k423kf44", "pfkkdhi9sl3r4s00") == "MdpQcU8iPSUjWoN/UDMsK2sui9I="


def test_signs_section_3_1_as_erratum_2550_says():
    pairs = [
        ("oauth_consumer_key", "9djdj82h48djs9d2"),
        ("oauth_token", "kkk9d7dh3k39sjv7"),
        ("oauth_signature_method", "HMAC-SHA1"),
        ("oauth_timestamp", "137131201"),
        ("oauth_nonce", "7d8f3e4a"),
    ]
    url = "http://example.com/request?b5=%3D%253D&a3=a&c%40=&a2=r%20b"
    pairs += signer.decode_pairs("b5=%3D%253D&a3=a&c%40=&a2=r%20b") + signer.decode_pairs("c2&a3=2+q")
    text = signer.base_string("POST", url, pairs)
    assert signer.sign_text("HMAC-SHA1", text, "j49sk3j29djd", "dh893hdasih9") == "r6/TJjbCOr97/+UU0NsvSne7s5g="
