"""Stands in for the introspection service where a test needs it to fail: HTTP/1.1 by hand, so that connections can be
counted, kept, or closed at any point."""

import json
import socket
import threading

ACTIVE = {"active": True, "client_id": "printer", "sub": "local-1", "username": "jane", "scope": "photos:read",
          "token_type": "oauth1", "oauth1": {"legs": 3, "signature_method": "HMAC-SHA1"}}


class IntrospectionDouble:
    """mode: "answer" (status, content), "silent" (reads, never answers), "close" (reads, then closes),
    "hang up" (answers, then closes the idle connection without having said so)."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = self.listener.getsockname()
        self.url = f"http://127.0.0.1:{self.address[1]}"
        self.reset()

    def __enter__(self):
        threading.Thread(target=self.accept, args=(self.listener,), daemon=True).start()
        return self

    def __exit__(self, *_):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()

    def reset(self, mode="answer", status=200, content=ACTIVE):
        self.mode, self.status, self.content = mode, status, content
        self.calls = []
        self.targets = []
        self.connections = 0

    def accept(self, listener):
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        with connection, connection.makefile("rb") as stream:
            while call := self.read_call(stream):
                body, closes = call
                self.calls.append(json.loads(body))
                if self.mode == "close":
                    return
                if self.mode == "silent":
                    stream.read()  # until the caller gives up
                    return
                self.answer(connection)
                if closes or self.mode == "hang up":
                    return

    def read_call(self, stream):
        """The body, and whether the caller wants no other on this connection; None at the end."""
        lines = iter(stream.readline, b"\r\n")
        try:
            target = (stream.readline().split() + [b"", b""])[1]
            headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(b":") for line in lines if line)}
        except OSError:
            return None
        if not headers:
            return None
        self.targets.append(target.decode())
        chunked = b"chunked" in headers.get(b"transfer-encoding", b"")
        body = read_chunks(stream) if chunked else stream.read(int(headers[b"content-length"]))
        return body, headers.get(b"connection", b"").lower() == b"close"

    def answer(self, connection):
        content = self.content if isinstance(self.content, bytes) else json.dumps(self.content).encode()
        head = f"HTTP/1.1 {self.status} X\r\nContent-Type: application/json\r\nContent-Length: {len(content)}\r\n\r\n"
        try:
            connection.sendall(head.encode() + content)
        except OSError:
            pass


def read_chunks(stream):
    body = b""
    while size := int(stream.readline(), 16):
        body += stream.read(size)
        stream.readline()
    stream.readline()
    return body
