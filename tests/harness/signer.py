"""A signer of our own for RFC 5849, written from its text alone and as plainly as it allows.

It knows nothing of the C code, so that a mistake is not made twice. Every step can be overridden
by the tests that send what no client should."""

import base64
import hashlib
import hmac
import secrets
import time
from dataclasses import dataclass, field
from urllib.parse import unquote_plus, urlsplit

UNRESERVED = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~"
HMAC_HASHES = {"HMAC-SHA1": "sha1", "HMAC-SHA256": "sha256", "HMAC-SHA512": "sha512"}
RSA_HASHES = {"RSA-SHA1": "SHA1", "RSA-SHA256": "SHA256", "RSA-SHA512": "SHA512"}
FORM = "application/x-www-form-urlencoded"


def encode(text):
    """Section 3.6. Text stands for its UTF-8 bytes; bytes stand for themselves."""
    raw = text if isinstance(text, bytes) else text.encode()
    return "".join(chr(b) if b in UNRESERVED else f"%{b:02X}" for b in raw)


def decode_pairs(encoded):
    """The pairs of a query or form body (section 3.4.1.3.1); `c2` is `c2=`."""
    pairs = (piece.partition("=") for piece in encoded.split("&") if piece)
    return [(unquote_bytes(name), unquote_bytes(value)) for name, _, value in pairs]


def unquote_bytes(text):
    return unquote_plus(text, encoding="latin-1").encode("latin-1")


def base_string_uri(url):
    """Section 3.4.1.2; the path as it is, byte for byte."""
    scheme, rest = url.split("://", 1)
    authority = rest.split("/", 1)[0].split("?", 1)[0].lower()
    default = {"http": ":80", "https": ":443"}[scheme.lower()]
    path = rest[len(authority) :].split("#", 1)[0].split("?", 1)[0]
    return f"{scheme.lower()}://{authority.removesuffix(default)}{path or '/'}"


def normalize(pairs):
    """Section 3.4.1.3.2: encode, then sort."""
    return "&".join(f"{name}={value}" for name, value in sorted((encode(n), encode(v)) for n, v in pairs))


def base_string(method, url, pairs):
    return f"{encode(method.upper())}&{encode(base_string_uri(url))}&{encode(normalize(pairs))}"


def sign_text(signature_method, text, client_secret="", token_secret="", rsa_key=None):
    """Sections 3.4.2 to 3.4.4."""
    key = f"{encode(client_secret)}&{encode(token_secret)}"
    if signature_method == "PLAINTEXT":
        return key
    if signature_method in HMAC_HASHES:
        digest = hmac.new(key.encode(), text.encode(), HMAC_HASHES[signature_method]).digest()
    else:
        from cryptography.hazmat.primitives import hashes
        from cryptography.hazmat.primitives.asymmetric import padding

        digest = rsa_key.sign(text.encode(), padding.PKCS1v15(), getattr(hashes, RSA_HASHES[signature_method])())
    return base64.b64encode(digest).decode()


def body_hash(body, signature_method="HMAC-SHA1"):
    name = signature_method.rpartition("-")[2].lower() if "-" in signature_method else "sha1"
    return base64.b64encode(hashlib.new(name, body).digest()).decode()


@dataclass
class Request:
    """What goes over the wire."""

    method: str
    url: str
    headers: dict = field(default_factory=dict)
    body: bytes = None

    @property
    def authorization(self):
        return self.headers.get("Authorization")


@dataclass
class Signer:
    """One client's credentials. sign() takes overrides: a value replaces a protocol parameter, None leaves it out."""

    client_id: str
    client_secret: str = ""
    token: str = None
    token_secret: str = ""
    signature_method: str = "HMAC-SHA1"
    rsa_key: object = None
    place: str = "header"  # or "query", "body"
    realm: str = None

    def protocol_parameters(self, **overrides):
        parameters = {
            "oauth_consumer_key": self.client_id,
            "oauth_token": self.token,
            "oauth_signature_method": self.signature_method,
            "oauth_timestamp": str(int(time.time())),
            "oauth_nonce": secrets.token_hex(8),
            "oauth_version": "1.0",
        }
        parameters.update(overrides)
        return [(name, value) for name, value in parameters.items() if value is not None]

    def sign(self, method, url, body=None, content_type=None, tamper=lambda signature: signature, **overrides):
        """The signed request. `oauth_signature=…` sends that instead, `oauth_signature=None` sends none."""
        content_type = content_type or (FORM if body is not None or self.place == "body" else None)
        sent = [(n, v) for n, v in self.protocol_parameters(**overrides) if n != "oauth_signature"]
        if "oauth_signature" not in overrides:
            sent.append(("oauth_signature", tamper(self.signature(method, url, body, content_type, sent))))
        elif overrides["oauth_signature"] is not None:
            sent.append(("oauth_signature", overrides["oauth_signature"]))
        return self.place_in(method, url, body, content_type, sent)

    def signature(self, method, url, body, content_type, protocol):
        pairs = list(protocol) + decode_pairs(urlsplit(url).query)
        if body and content_type == FORM:
            pairs += decode_pairs(body if isinstance(body, str) else body.decode("latin-1"))
        text = base_string(method, url, pairs)
        return sign_text(self.signature_method, text, self.client_secret, self.token_secret, self.rsa_key)

    def place_in(self, method, url, body, content_type, protocol):
        headers = {"Content-Type": content_type} if content_type else {}
        encoded = "&".join(f"{encode(n)}={encode(v)}" for n, v in protocol)
        body = body.encode() if isinstance(body, str) else body
        if self.place == "query":
            url += ("&" if "?" in url else "?") + encoded
        elif self.place == "body":
            body = (body + b"&" if body else b"") + encoded.encode()
        else:
            headers["Authorization"] = authorization(protocol, self.realm)
        return Request(method, url, headers, body)


def authorization(pairs, realm=None):
    """Section 3.5.1."""
    items = [f'realm="{realm}"'] if realm is not None else []
    items += [f'{encode(name)}="{encode(value)}"' for name, value in pairs]
    return "OAuth " + ", ".join(items)
