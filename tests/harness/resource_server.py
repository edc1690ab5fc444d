"""A resource server: for each request that it receives it asks the introspection service, and answers
what that says. What a user of ours would write, in the least code."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import requests


class ResourceServer:
    def __init__(self, provider, required_scope=None):
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.origin = f"http://127.0.0.1:{self.server.server_port}"
        self.server.provider = provider
        self.server.origin = self.origin
        self.server.required_scope = required_scope
        self.server.key = provider.create_resource_server("--origin", self.origin)
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        question = {"method": self.command, "url": self.server.origin + self.path}
        for member, header in (("authorization", "Authorization"), ("content_type", "Content-Type")):
            if header in self.headers:
                question[member] = self.headers[header]
        if body or "Content-Type" in self.headers:
            question["body"] = body.decode()
        if self.server.required_scope:
            question["required_scope"] = self.server.required_scope
        response = requests.post(
            self.server.provider.introspection_url + "/v1/introspect",
            json=question,
            headers={"Authorization": f"Bearer {self.server.key}"},
            timeout=10,
        )
        verdict = response.json()
        if verdict.get("active"):
            self.reply(200, verdict)
        elif "problem" in verdict:
            problem = verdict["problem"]
            self.reply(problem["status"], problem, {"WWW-Authenticate": problem.get("www_authenticate")})
        else:
            self.reply(502, verdict)

    do_GET = do_POST = do_PUT = do_DELETE = answer

    def reply(self, status, content, headers=None):
        payload = json.dumps(content).encode()
        self.send_response(status)
        for name, value in (headers or {}).items():
            if value:
                self.send_header(name, value)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(payload)))
        self.end_headers()
        self.wfile.write(payload)

    def log_message(self, *_):
        pass
