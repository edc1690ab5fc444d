"""Asks Countersign's introspection service whether a signed request is good. No framework in here:
../django and ../flask build on it, and so can anything else that speaks WSGI.

Needs urllib3 (python3-urllib3; whoever has `requests` has it).
"""

import base64
import json
import logging
from urllib.parse import unquote

import urllib3

log = logging.getLogger(__name__)

FORM = "application/x-www-form-urlencoded"
BODY_MAX_BYTES = 180_000  # what the service takes, less base64 and the rest of the call


class Refused(Exception):
    """Answer your client with this status, these headers and this content."""

    def __init__(self, status, error, description="", www_authenticate=None, retry_after=None):
        super().__init__(f"{status} {error}: {description}")
        self.status = status
        self.content = {"error": error, "error_description": description}
        self.headers = {"Cache-Control": "no-store"}
        if www_authenticate:
            self.headers["WWW-Authenticate"] = www_authenticate
        if retry_after:
            self.headers["Retry-After"] = retry_after


class IntrospectionService:
    """url: of the service. key: from `auth-service resource-server create`. origin: `https://api.example.com`, the
    scheme, host and port that your clients sign.

    The origin is configured, never taken from the Host header: whoever receives a request that was signed for his own
    server could otherwise send it here, with his Host, and it would verify.
    """

    def __init__(self, url, key, origin, timeout=3.0):
        self.url = url.rstrip("/") + "/v1/introspect"
        self.origin = origin.rstrip("/")
        self.headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
        # One pool for all threads, its connections kept alive. retries=False: a call whose answer was lost may have
        # spent the nonce, so asking again would turn a good request into a replay.
        self.pool = urllib3.PoolManager(maxsize=16, retries=False, timeout=urllib3.Timeout(timeout))

    def judge(self, method, target, authorization=None, content_type=None, read_body=lambda: b"", scope=None):
        """What the service says of a good request: client_id, sub, username, scope … Raises Refused for any other.

        target: the request target byte for byte as the client sent it (raw_target below).
        read_body: gives the raw body; called only if the signature has to do with it.
        """
        question = {"method": method, "url": self.origin + target}  # joined as it is: urljoin() would follow `//host`
        if authorization is not None:
            question["authorization"] = authorization
        if content_type:
            question["content_type"] = content_type
        if is_form(content_type) or names_body_hash(authorization, target):
            question["body_base64"] = base64.b64encode(checked_body(read_body())).decode()
        if scope:
            question["required_scope"] = scope
        return self.verdict(self.ask(question))

    def ask(self, question):
        """The service's JSON. Whatever goes wrong ends in 503, never in letting the request through."""
        try:
            response = self.pool.request("POST", self.url, headers=self.headers, body=json.dumps(question).encode())
        except urllib3.exceptions.HTTPError as error:
            log.error("the introspection service does not answer: %s", error)
            raise unavailable() from error
        if response.status != 200:  # 503: a store is down; 401, 403, 400: this server's key or configuration is wrong
            log.error("the introspection service answered %s: %s", response.status, response.data[:500])
            raise unavailable(response.headers.get("Retry-After"))
        try:
            return json.loads(response.data)
        except ValueError as error:
            log.error("the introspection service did not answer with JSON")
            raise unavailable() from error

    @staticmethod
    def verdict(answer):
        if answer.get("active") is True:
            if answer["oauth1"].get("body_hash") == "unchecked":
                raise Refused(401, "signature_invalid", "oauth_body_hash was not checked", "OAuth")
            return answer
        problem = answer["problem"]
        status = problem["status"]
        raise Refused(status, problem["code"], problem.get("description", ""), problem.get("www_authenticate"),
                      "1" if status == 503 else None)


def unavailable(retry_after=None):
    return Refused(503, "temporarily_unavailable", "The signature could not be checked. Sign a new request.",
                   retry_after=retry_after or "1")


def is_form(content_type):
    """In any case and with any parameter, for any method: a form body is part of the signature."""
    return (content_type or "").partition(";")[0].strip().lower() == FORM


def names_body_hash(authorization, target):
    return "oauth_body_hash" in unquote(f"{authorization} {target}")


def checked_body(body):
    if len(body) > BODY_MAX_BYTES:
        raise Refused(413, "invalid_request", f"A signed body may have {BODY_MAX_BYTES} bytes.")
    return body


def raw_target(environ):
    """The request target as it stood in the request line; None if this WSGI server does not pass it.

    WSGI's own PATH_INFO is decoded (`%2F` and `/` look the same in it), and so is all that frameworks make of it, but
    the path is signed byte for byte. gunicorn and Werkzeug pass RAW_URI, uWSGI, mod_wsgi and waitress REQUEST_URI;
    wsgiref, and with it Django's runserver, passes neither.
    """
    target = environ.get("RAW_URI") or environ.get("REQUEST_URI")
    if target is None:
        return None
    if not target.startswith("/"):  # GET http://other.example/ HTTP/1.1, or OPTIONS *
        raise Refused(400, "invalid_request", "The request target must be a path.")
    try:  # WSGI's strings hold a byte a character
        return target.encode("latin-1").decode("utf-8")
    except UnicodeError as error:
        raise Refused(400, "invalid_request", "The request target must be UTF-8.") from error
