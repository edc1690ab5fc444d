"""Every call of the admin API on what is stored, and every answer to it but 503: as it is meant, with wrong input, without the
right, stale, and about what there is not."""

import json

import requests
from harness.fleet import PASSWORD
from harness.site import ADMIN_TOKEN, LOGIN_TOKEN, READ_TOKEN

VERBS = ("/disable", "/enable", "/reject", "/approve", "/rotate-secret", "/rotate-key")  # of which If-Match is honoured, and not needed
# method, path, a body that is taken (None: it takes none; a text: lines of JSON), whether it needs If-Match; {} is what there is of it
DEEDS = [
    ("GET", "clients", None, False),
    ("POST", "clients", {"name": "x"}, False),
    ("GET", "clients/{client}", None, False),
    ("PATCH", "clients/{client}", {"name": "y"}, True),
    *(("POST", f"clients/{{client}}/{verb}", None, False) for verb in ("disable", "enable", "reject", "approve")),
    ("POST", "clients/{client}/rotate-secret", {}, False),
    ("GET", "clients/{client}/secrets", None, False),
    ("GET", "clients/{client}/keys", None, False),
    ("GET", "clients/{client}/tokens", None, False),
    ("GET", "tokens", None, False),
    ("DELETE", "tokens?client_id=made", None, False),
    ("POST", "tokens", {"client_id": "made", "sub": "{user}"}, False),
    ("GET", "tokens/{token}", None, False),
    ("DELETE", "tokens/{token}", None, True),
    ("GET", "users", None, False),
    ("POST", "users", {"username": "another", "password": PASSWORD}, False),
    ("GET", "users/{user}", None, False),
    *(("POST", f"users/{{user}}/{verb}", None, False) for verb in ("disable", "enable")),
    ("DELETE", "users/{user}", None, True),
    ("GET", "audit", None, False),
    ("GET", "seal", None, False),
    ("POST", "seal", None, False),
    ("POST", "import", '{"client_id": "imported", "client_secret": "s"}\n', False),
    ("GET", "resource-servers", None, False),
    ("POST", "resource-servers", {"name": "another"}, False),
    ("GET", "resource-servers/{server}", None, False),
    ("POST", "resource-servers/{server}/rotate-key", {}, False),
    ("DELETE", "resource-servers/{server}", None, True),
    ("DELETE", "clients/{client}", None, True),
]
MADE = {
    "client": ("clients", {"client_id": "made", "name": "x", "owner": "42"}, "client_id"),
    "user": ("users", {"username": "made", "password": PASSWORD}, "sub"),
    "server": ("resource-servers", {"name": "made"}, "name"),
}


def ask_deed(document, status, method, path, body=None, token=ADMIN_TOKEN, media_type=None, match=None):
    """A body that is a text is sent as it is."""
    is_lines = isinstance(body, str)
    media_type = media_type or ("application/x-ndjson" if is_lines else "application/json")
    headers = [("Authorization", f"Bearer {token}")] if token else []
    headers += [("If-Match", match)] if match else []
    headers += [("Content-Type", media_type)] if body is not None else []
    content = body.encode() if is_lines else None if body is None else json.dumps(body).encode()
    return document.ask(status, method, f"/admin/v1/{path}", headers, content)


def make_what_deeds_need(document, url):
    there = {}
    for name, (folder, members, member) in MADE.items():
        ask_deed(document, 201, "POST", folder, members)
        ask_deed(document, 409, "POST", folder, members)
        listed = requests.get(f"{url}/admin/v1/{folder}?filter=made", timeout=20,
                              headers={"Authorization": f"Bearer {ADMIN_TOKEN}"}).json()
        there[name] = listed[folder.replace("-", "_")][0][member]
    issued = requests.post(f"{url}/admin/v1/tokens", json={"client_id": "made", "sub": there["user"]},
                           timeout=20, headers={"Authorization": f"Bearer {ADMIN_TOKEN}"})
    return {**there, "token": issued.json()["jti"]}


def filled(body, there):
    return body if isinstance(body, str) or not body else {name: value.format(**there) if isinstance(value, str) else value for name, value in body.items()}


def ask_what_is_refused_as_it_is(document):
    """A client for whose approval nobody asked, and rotations while another one is not over."""
    ask_deed(document, 201, "POST", "clients", {"client_id": "ownerless", "name": "x"})
    ask_deed(document, 409, "POST", "clients/ownerless/reject")
    ask_deed(document, 201, "POST", "resource-servers", {"name": "turning"})
    for path in ("clients/ownerless/rotate-secret", "resource-servers/turning/rotate-key"):
        for status, body in ((200, {"overlap": 60}), (409, {}), (200, {"end_former": True}), (200, {"overlap": 0})):
            ask_deed(document, status, "POST", path, body)


def ask_deeds(url, document):
    """At the admin port of `url`. The answers about stores are for others to provoke."""
    there = make_what_deeds_need(document, url)
    ask_deed(document, 200, "DELETE", "tokens?client_id=made&dry_run=true")
    ask_deed(document, 413, "POST", "import", "x" * (2 * 1024 * 1024 + 1))
    ask_what_is_refused_as_it_is(document)
    for method, path, body, needs_match in DEEDS:
        known, unknown = path.format(**there), path.format(**{name: "nobody" for name in there})
        body, more = filled(body, there), "&" if "?" in path else "?"
        ask_deed(document, 401, method, known, body, token=None)
        ask_deed(document, 403, method, known, body, token=LOGIN_TOKEN if method == "GET" else READ_TOKEN, match="*")
        for wrong in ("x=%zz", "x=y"):
            ask_deed(document, 400, method, known + more + wrong, body, match="*")
        if body is not None:
            ask_deed(document, 400, method, known, '{"x": 1}' if isinstance(body, str) else {"x": 1}, match="*")
            ask_deed(document, 415, method, known, body, media_type="text/plain", match="*")
        if needs_match:
            ask_deed(document, 428, method, known, body)
        if needs_match or path.endswith(VERBS):
            ask_deed(document, 412, method, known, body, match='"x"')
        if unknown != known:
            ask_deed(document, 404, method, unknown, body, match="*")
        is_new = method == "POST" and "/" not in path and path not in ("seal", "import")
        is_gone = needs_match and path in ("clients/{client}", "users/{user}") and method == "DELETE"
        ask_deed(document, 201 if is_new else 204 if is_gone else 200, method, known, body, match="*")
