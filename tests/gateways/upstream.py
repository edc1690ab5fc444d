"""The API behind the gateways: it writes down every request as it arrives, byte for byte, and answers 200."""

import socket
import socketserver
import threading
from dataclasses import dataclass


@dataclass
class Seen:
    method: str
    target: str  # latin-1: a character a byte
    headers: list  # pairs, as they came
    body: bytes

    def all(self, name):
        return [value for n, value in self.headers if n.lower() == name.lower()]

    def one(self, name):
        [value] = self.all(name)
        return value

    def names(self):
        return [name.lower() for name, _ in self.headers]


class Upstream:
    def __init__(self):
        self.seen = []
        self.server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler, bind_and_activate=False)
        self.server.allow_reuse_address = self.server.daemon_threads = True
        self.server.seen = self.seen
        self.port = None

    def __enter__(self):
        self.server.server_bind()
        self.server.server_activate()
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()

    def last(self):
        return self.seen[-1]


class Handler(socketserver.StreamRequestHandler):
    def handle(self):
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        while request := self.read_request():
            self.server.seen.append(request)
            head = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nX-Upstream: yes\r\nContent-Length: 3\r\n\r\n"
            self.wfile.write(head.encode() + (b"" if request.method == "HEAD" else b"api"))

    def read_request(self):
        line = self.rfile.readline().decode("latin-1").rstrip("\r\n")
        if not line:
            return None
        method, target, _ = line.split(" ", 2)
        headers = []
        while line := self.rfile.readline().decode("latin-1").rstrip("\r\n"):
            name, _, value = line.partition(":")
            headers.append((name, value.strip()))
        seen = Seen(method, target, headers, b"")
        seen.body = self.read_body(seen)
        return seen

    def read_body(self, seen):
        if seen.all("Transfer-Encoding"):
            pieces = []
            while size := int(self.rfile.readline().split(b";")[0], 16):
                pieces.append(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
            return b"".join(pieces)
        return self.rfile.read(int(([*seen.all("Content-Length")] or ["0"])[0]))
