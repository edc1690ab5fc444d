"""What a client sends, byte for byte, over TLS: nothing normalises a target or mends a header."""

import contextlib
import http.client
import io
import socket
import ssl
from dataclasses import dataclass

HOST = "api.example.com"
ORIGIN = f"https://{HOST}"
SECONDS = 30


@dataclass
class Reply:
    status: int
    headers: list
    body: bytes

    def all(self, name):
        return [value for n, value in self.headers if n.lower() == name.lower()]

    @property
    def from_api(self):
        return "x-upstream" in [name.lower() for name, _ in self.headers]


def connect(port, seconds=SECONDS):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_alpn_protocols(["http/1.1"])
    plain = socket.create_connection(("127.0.0.1", port), seconds)
    return context.wrap_socket(plain, server_hostname=HOST)


def head(method, target, headers):
    """Headers are pairs; a Host among them replaces ours. Text is UTF-8."""
    if not any(name.lower() == "host" for name, _ in headers):
        headers = [("Host", HOST), *headers]
    lines = [f"{method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in headers)]
    return "\r\n".join([*lines, "", ""]).encode()


def read_reply(connection, method="GET"):
    response = http.client.HTTPResponse(connection, method=method)
    response.begin()
    return Reply(response.status, response.getheaders(), response.read())


def exchange(port, raw, method="GET"):
    """One request on a connection of its own, and its reply, which may come, and the connection end, before all is sent."""
    with connect(port) as connection:
        with contextlib.suppress(OSError):
            connection.sendall(raw)
        return read_reply(connection, method)


def send(port, method, target, headers=(), body=None):
    headers = list(headers)
    if body is not None:
        headers.append(("Content-Length", str(len(body))))
    return exchange(port, head(method, target, headers) + (body or b""), method)


def everything_after(port, raw, seconds):
    """All that comes back until the other side closes or falls silent."""
    received = io.BytesIO()
    with connect(port, seconds) as connection:
        try:
            connection.sendall(raw)
            while piece := connection.recv(65536):
                received.write(piece)
        except (TimeoutError, OSError):
            pass
    return received.getvalue()


def send_signed(port, request, *more):
    """A signer.Request, its target as it stands in its URL."""
    target = request.url.removeprefix(ORIGIN) or "/"
    return send(port, request.method, target, [*request.headers.items(), *more], request.body)
