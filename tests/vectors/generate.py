#!/usr/bin/python3
"""Writes signatures.jsonl: described requests, signed by oauthlib, an implementation by others.

    /usr/bin/python3 tests/vectors/generate.py

needs Debian's python3-oauthlib, python3-jwt and python3-cryptography. The same input gives the
same file: the choices come from a seed and RSA signatures (PKCS#1 v1.5) are deterministic; the keys
are rsa_2048.pem and rsa_4096.pem beside this file, made when they are missing. README.md says what
a line holds.

oauthlib computes what is signed from the decoded parameters (normalize_parameters, base_string_uri,
signature_base_string) and the signature; the request itself is spelled here, in ways that oauthlib's
own client never would. One part of the file is oauthlib's client alone, request and all.

Left out, because oauthlib 3.2 is wrong there by RFC 5849 or has no say (cases.jsonl has these):
  * values that begin with "oauth_" names in a query or body are decoded twice; parameters of the
    header that are not "oauth_" ones are not decoded at all (collect_parameters): so its verifying
    side is not used;
  * a path that ends with an empty parameter ("/a;") loses the ';', a space in a path is encoded by
    it (urlparse, base_string_uri);
  * IPv6 addresses are rewritten to their shortest form (ipaddress): only such ones are used;
  * bytes that are not UTF-8: it signs text;
  * "oauth_body_hash" is always SHA-1 in its client: made here;
  * its client keeps the charset parameter of a form's media type from counting as a form: not used.
"""

import base64
import hashlib
import json
import random
from pathlib import Path

import oauthlib.oauth1
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from oauthlib.oauth1.rfc5849 import signature

HERE = Path(__file__).resolve().parent
FORM = "application/x-www-form-urlencoded"
HMAC = ["HMAC-SHA1", "HMAC-SHA256", "HMAC-SHA512"]
RSA = ["RSA-SHA1", "RSA-SHA256", "RSA-SHA512"]
SIGN = {
    "HMAC-SHA1": signature.sign_hmac_sha1_with_client,
    "HMAC-SHA256": signature.sign_hmac_sha256_with_client,
    "HMAC-SHA512": signature.sign_hmac_sha512_with_client,
    "RSA-SHA1": signature.sign_rsa_sha1_with_client,
    "RSA-SHA256": signature.sign_rsa_sha256_with_client,
    "RSA-SHA512": signature.sign_rsa_sha512_with_client,
    "PLAINTEXT": signature.sign_plaintext_with_client,
}
UNRESERVED = set(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
rng = random.Random(5849)


class Key:
    """An RSA key: the private PEM, and its public half in the forms that a client may register."""

    def __init__(self, bits):
        path = HERE / f"rsa_{bits}.pem"
        if not path.exists():
            made = rsa.generate_private_key(public_exponent=65537, key_size=bits)
            path.write_bytes(
                made.private_bytes(
                    serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
                )
            )
        self.private = path.read_text(encoding="ascii")
        public = serialization.load_pem_private_key(self.private.encode(), None).public_key()
        formats = (serialization.PublicFormat.SubjectPublicKeyInfo, serialization.PublicFormat.PKCS1)
        self.public = [public.public_bytes(serialization.Encoding.PEM, f).decode() for f in formats]


KEYS = [Key(2048), Key(4096)]

# ---- spelling: one decoded text, written as clients may write it -----------------------------------


def escape(byte):
    return f"%{byte:02X}" if rng.random() < 0.7 else f"%{byte:02x}"


def spell(text, also="", space=("%20",)):
    """Percent-encodes, now and then more than needed, and less where `also` names characters that may
    stand for themselves."""
    out = []
    for byte in text.encode():
        if byte == 0x20 and "%20" not in (choice := rng.choice(space)):
            out.append(choice)
        elif byte in UNRESERVED:
            out.append(escape(byte) if rng.random() < 0.02 else chr(byte))
        elif chr(byte) in also and rng.random() < 0.5:
            out.append(chr(byte))
        else:
            out.append(escape(byte))
    return "".join(out)


def spell_form(pairs):
    """A query or form body."""
    out = []
    for name, value in pairs:
        piece = spell(name, "!*'():@/?$,;", ("%20", "+"))
        if value or rng.random() < 0.5 or not piece:
            piece += "=" + spell(value, "!*'():@/?$,;=", ("%20", "+"))
        out.append(piece)
    text = "&".join(out)
    return text if rng.random() < 0.9 else f"&{text}&&"


def spell_header(pairs, realm):
    """The value of an Authorization header."""
    parts = [f'{spell(name)}="{spell(value, "+!*()/:$;")}"' for name, value in pairs]
    if realm is not None:
        parts.insert(rng.randrange(len(parts) + 1), f'realm="{realm}"')
    comma = rng.choice([", ", ",", " ,  ", ",\t", ", , "])
    return rng.choice(["OAuth ", "OAuth ", "oauth ", "OAUTH  "]) + comma.join(parts)


# ---- choices ----------------------------------------------------------------------------------------

WORDS = [
    "a", "b", "c2", "A", "Z", "a-b", "a.b", "a_b", "a~", "~", "a[]", "a[0]", "file", "size", "scope", "state", "x" * 40,
    "%", "%20", "%2520", "+", "&", "=", "a=b&c", "a b", " ", "é", "日本語", "☃", "𝄞", "ß", "\u00a0", "\ufeff", "e\u0301",
    "\t", "\n", "\x01", "\x7f", "'", '"', "\\", "<>", "{}", "|", "^", "`", "!*'()", ";", "/", "//", "?", "#", "@", ":",
    "http://client.example/ready?x=1&y=2", "0", "10", "2", "true", "null", "oauth", "Oauth_token", "xoauth_token",
    "realm", "\U0010ffff", "a\x00b",
]
PATHS = [
    "", "/", "/photos", "/photos/", "//photos//1", "/a/../b/./c", "/%7Ejane", "/~jane", "/a%2Fb", "/a%2fb", "/a;p=1/b",
    "/a;p=1", "/a:b@c", "/%E6%97%A5%E6%9C%AC", "/caf%c3%a9", "/a+b", "/a%20b", "/(a)*!'", "/%25", "/%zz", "/1.1/x.json",
    "/a,b=c&d", "/" + "long/" * 30,
]
HOSTS = [
    "example.com", "EXAMPLE.com", "api.Example.COM", "localhost", "127.0.0.1", "[::1]", "[2001:DB8::8:800:200C:417A]",
    "xn--caf-dma.example", "a-b.c-d.example", "h", "x" * 63 + ".example",
]
PORTS = {"http": ["", "", ":80", ":443", ":8080", ":1", ":65535", ":"], "https": ["", "", ":443", ":80", ":8443", ":"]}
METHODS = ["GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "get", "Post", "M-SEARCH", "x!y*z'"]
SECRETS = ["", "kd94hf93k423kf44", "s" * 100, "a b&c=d%", "日本語", "+/=", "~-._", "p&", "0" * 161]
REALMS = [None, None, "", "Photos", "a, b=\\\"c\\\", d", "http://photos.example.net/", "Größe", "%zz"]
FORM_TYPES = [FORM, FORM.upper(), FORM + "; charset=UTF-8", FORM + " ;charset=iso-8859-1"]
OTHER_TYPES = ["application/json", "multipart/form-data; boundary=x", "text/plain", None]


def pairs(most):
    return [(rng.choice(WORDS), rng.choice(WORDS + [""] * 8)) for _ in range(rng.randrange(most + 1))]


def nonce():
    return "".join(rng.choice("abcdefghijklmnopqrstuvwxyz0123456789") for _ in range(rng.choice([1, 8, 32])))


def protocol_parameters(method):
    out = [
        ("oauth_consumer_key", rng.choice(["dpf43f3p2l4k3l03", "k", "日本語", "a b", "9djdj82h48djs9d2"])),
        ("oauth_signature_method", method),
        ("oauth_timestamp", str(rng.choice([1, 137131201, 1790000000, 2**63 - 1]))),
        ("oauth_nonce", nonce()),
    ]
    if method == "PLAINTEXT" and rng.random() < 0.5:
        del out[2:]
    if rng.random() < 0.7:
        out.append(("oauth_token", rng.choice(["", "nnch734d00sl2jdk", "t/t+t=", "ключ"])))
    if rng.random() < 0.5:
        out.append(("oauth_version", "1.0"))
    if rng.random() < 0.2:
        out.append(("oauth_verifier", "hfdp7dh39dks9884"))
    if rng.random() < 0.1:
        out.append(("oauth_callback", "http://client.example/ready?a=1&b=%20"))
    if rng.random() < 0.1:
        out.append(("oauth_x_vendor", rng.choice(["", "a b", "é"])))
    rng.shuffle(out)
    return out


# ---- one vector ---------------------------------------------------------------------------------------


class Client:
    """What oauthlib's sign_…_with_client look at."""

    def __init__(self, client_secret, token_secret, key):
        self.client_secret = client_secret
        self.resource_owner_secret = token_secret
        self.rsa_key = key.private if key else None


def expected(request, parameters, valid):
    uri = signature.base_string_uri(request["url"])
    normalized = signature.normalize_parameters(parameters)
    verdict = {"valid": valid, "status": 200} if valid else {
        "valid": False, "status": 401, "problem": "signature_invalid"}
    return verdict | {
        "base_string_uri": uri,
        "normalized_parameters": normalized,
        "signature_base_string": signature.signature_base_string(request["method"], uri, normalized),
    }


def random_url():
    scheme = rng.choice(["http", "https"])
    written = rng.choice([scheme, scheme, scheme.upper(), scheme.capitalize()])
    return f"{written}://{rng.choice(HOSTS)}{rng.choice(PORTS[scheme])}{rng.choice(PATHS)}"


def body_hash(method, body):
    name = {"1": "sha1", "6": "sha256", "2": "sha512"}.get(method[-1], "sha1")
    return base64.b64encode(hashlib.new(name, body.encode()).digest()).decode()


class Draft:
    """A request before its signature: the decoded parameters, place by place."""

    def __init__(self, method):
        self.method = method
        self.key = rng.choice(KEYS) if method in RSA else None
        self.client_secret = None if self.key else rng.choice(SECRETS)
        self.token_secret = rng.choice(SECRETS)
        self.place = rng.choice(["header", "header", "query", "body"])
        self.url = random_url()
        self.http_method = rng.choice(METHODS)
        self.realm = rng.choice(REALMS)
        self.query = pairs(5)
        self.form = pairs(5) if self.place == "body" or rng.random() < 0.4 else None
        self.other_body = rng.choice(["", "{}", "a=1&b=2", "Hello World!"]) if self.form is None else None
        self.header = [("x y", "1+2 3")] if self.place == "header" and rng.random() < 0.1 else []
        self.protocol = protocol_parameters(method)
        self.content_type = rng.choice(FORM_TYPES if self.form is not None else OTHER_TYPES)
        if self.form is None and rng.random() < 0.3:
            self.protocol.append(("oauth_body_hash", body_hash(method, self.other_body)))

    def parameters(self):
        """All that is signed."""
        return self.query + (self.form or []) + self.header + self.protocol

    def base(self):
        return expected({"url": self.url, "method": self.http_method}, self.parameters(), True)["signature_base_string"]

    def sign(self):
        return SIGN[self.method](self.base(), Client(self.client_secret, self.token_secret, self.key))

    def request(self, signed_with):
        protocol = self.protocol + [("oauth_signature", signed_with)]
        query = self.query + (protocol if self.place == "query" else [])
        out = {"method": self.http_method, "url": self.url + ("?" + spell_form(query) if query else "")}
        if self.place == "header":
            out["authorization"] = spell_header(self.header + protocol, self.realm)
        if self.content_type:
            out["content_type"] = self.content_type
        if self.form is not None:
            out["body"] = spell_form(self.form + (protocol if self.place == "body" else []))
        else:
            out["body"] = self.other_body
        if self.key:
            out["rsa_public_key"] = rng.choice(self.key.public)
        else:
            out["client_secret"] = self.client_secret
        out["token_secret"] = self.token_secret
        return out


def has_nul(draft):
    return any("\0" in part for pair in draft.protocol for part in pair)


def drafted(method):
    while True:
        draft = Draft(method)
        if not has_nul(draft):
            return draft


def vector(name, draft, signed_with, valid):
    request = draft.request(signed_with)
    return {"name": name, "request": request, "expected": expected(request, draft.parameters(), valid)}


def good_vectors(count):
    methods = HMAC * 4 + RSA * 2 + ["PLAINTEXT"] * 2
    for number in range(count):
        method = methods[number % len(methods)]
        draft = drafted(method)
        yield vector(f"good_{number:03}_{method.lower()}_in_{draft.place}", draft, draft.sign(), True)


# ---- oauthlib's own client ------------------------------------------------------------------------------


def client_vectors(count):
    places = ["AUTH_HEADER", "QUERY", "BODY"]
    for number in range(count):
        method = (HMAC + RSA + ["PLAINTEXT"])[number % 7]
        key = KEYS[0] if method in RSA else None
        place = places[number % 3]
        client = oauthlib.oauth1.Client(
            "dpf43f3p2l4k3l03",
            client_secret=None if key else rng.choice(SECRETS[:4]),
            resource_owner_key=rng.choice([None, "nnch734d00sl2jdk"]),
            resource_owner_secret=rng.choice(SECRETS[:4]),
            callback_uri=rng.choice([None, "http://client.example/ready?a=1"]),
            verifier=rng.choice([None, "hfdp7dh39dks9884"]),
            realm=rng.choice([None, "Photos"]) if place == "AUTH_HEADER" else None,
            signature_method=method,
            signature_type=place,
            rsa_key=key.private if key else None,
            nonce=nonce(),
            timestamp="1790000000",
        )
        url = f"https://api.example.com:8443/photos/{number}?size=original&title=a%20b&c%40=&a=1&a=0"
        body = rng.choice(["c2=&a3=2+q", "title=%E6%97%A5&x=%2B"]) if place == "BODY" or number % 2 else None
        headers = {"Content-Type": FORM} if body else {}
        signed_url, signed_headers, signed_body = client.sign(url, "POST" if body else "GET", body, headers)
        request = {"method": "POST" if body else "GET", "url": signed_url}
        if "Authorization" in signed_headers:
            request["authorization"] = signed_headers["Authorization"]
        if body:
            request |= {"content_type": FORM, "body": signed_body}
        if key:
            request["rsa_public_key"] = key.public[0]
        else:
            request["client_secret"] = client.client_secret
        request["token_secret"] = client.resource_owner_secret
        name = f"client_{number:03}_{method.lower()}_in_{place.lower()}"
        yield {"name": name, "request": request, "expected": {"valid": True, "status": 200}}


# ---- tampering: signed, then changed --------------------------------------------------------------------


def change_signature(draft, made):
    at = rng.randrange(len(made))
    other = rng.choice([c for c in "ABCDEFabcdef0123456789" if c != made[at]])
    return made[:at] + other + made[at + 1 :]


def cut_signature(draft, made):
    return made[:-1]


def lengthen_signature(draft, made):
    return made + rng.choice("A= ")


def change_http_method(draft, made):
    draft.http_method = "TRACE"
    return made


def change_scheme(draft, made):
    secure = draft.url.lower().startswith("https")
    draft.url = ("http" if secure else "https") + draft.url[draft.url.index(":") :]
    return made


def change_host(draft, made):
    draft.url = "http://evil.example/" if "evil" not in draft.url else "http://example.com/"
    return made


def change_port(draft, made):
    draft.url = "http://example.com:4711/photos"
    return made


def change_path(draft, made):
    draft.url += "x" if "/" in draft.url[8:] else "/x"
    return made


def add_query(draft, made):
    draft.query.append(("admin", "true"))
    return made


def add_form(draft, made):
    draft.form = (draft.form or []) + [("admin", "true")]
    draft.content_type = FORM
    draft.protocol = [pair for pair in draft.protocol if pair[0] != "oauth_body_hash"]
    return made


def change_protocol(draft, made):
    at = next(i for i, (name, _) in enumerate(draft.protocol) if name == "oauth_consumer_key")
    draft.protocol[at] = ("oauth_consumer_key", draft.protocol[at][1] + "x")
    return made


def change_nonce(draft, made):
    draft.protocol = [(n, v + "x" if n == "oauth_nonce" else v) for n, v in draft.protocol]
    return made


def change_timestamp(draft, made):
    draft.protocol = [(n, "1790000001" if n == "oauth_timestamp" else v) for n, v in draft.protocol]
    return made


def add_token(draft, made):
    draft.protocol = [pair for pair in draft.protocol if pair[0] != "oauth_token"] + [("oauth_token", "another")]
    return made


def swap_values(draft, made):
    """The same bytes in other parameters."""
    draft.query += [("first", "1"), ("second", "2")]
    made = draft.sign()
    draft.query[-2:] = [("first", "2"), ("second", "1")]
    return made


def move_border(draft, made):
    """a=b&c against a=b%26c: the same joined text if nobody encodes."""
    draft.query += [("first", "1"), ("second", "2")]
    made = draft.sign()
    draft.query[-2:] = [("first", "1&second=2")]
    return made


def change_client_secret(draft, made):
    if draft.key:
        draft.key = KEYS[1 - KEYS.index(draft.key)]
    else:
        draft.client_secret += "x"
    return made


def change_token_secret(draft, made):
    draft.token_secret += "x"
    return made if not draft.key else cut_signature(draft, made)


def other_digest(draft, made):
    others = [m for m in (RSA if draft.key else HMAC) if m != draft.method]
    draft.protocol = [(n, others[0] if n == "oauth_signature_method" else v) for n, v in draft.protocol]
    draft.protocol = [pair for pair in draft.protocol if pair[0] != "oauth_body_hash"]
    return made


TAMPER = [
    change_signature, cut_signature, lengthen_signature, change_http_method, change_scheme, change_host, change_port,
    change_path, add_query, add_form, change_protocol, change_nonce, change_timestamp, add_token, swap_values,
    move_border, change_client_secret, change_token_secret, other_digest,
]


def tampered_vectors(rounds):
    methods = HMAC + RSA[:2]
    for number in range(rounds * len(TAMPER)):
        tamper = TAMPER[number % len(TAMPER)]
        draft = drafted(methods[number % len(methods)])
        made = draft.sign()
        before = draft.base()
        changed = tamper(draft, made)
        if changed == made and draft.base() == before and tamper not in (change_client_secret, change_token_secret):
            changed = change_signature(draft, made)  # the change hit what it was already
        yield vector(f"tampered_{number:03}_{tamper.__name__}", draft, changed, False)


def main():
    vectors = list(good_vectors(260)) + list(client_vectors(63)) + list(tampered_vectors(6))
    with open(HERE / "signatures.jsonl", "w", encoding="ascii") as out:
        for line in vectors:
            out.write(json.dumps(line) + "\n")


if __name__ == "__main__":
    main()
