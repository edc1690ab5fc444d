"""Clients that go on asking, each request signed anew, until they are told to stop."""

import threading
import time

import requests


def other_letter(signature):
    """A signature whose first letter is another one."""
    return ("B" if signature.startswith("A") else "A") + signature[1:]


class Load:
    """Four clients, about 25 requests a second each. `failures` holds what was not answered 200."""

    CLIENTS = 4
    PAUSE_S = 0.04

    def __init__(self, signer, url, method="GET", good=(200,)):
        self.signer, self.url, self.method, self.good = signer, url, method, good
        self.sent = 0
        self.failures = []
        self.slowest_s = 0
        self.over = threading.Event()
        self.lock = threading.Lock()
        self.threads = [threading.Thread(target=self.run, daemon=True) for _ in range(self.CLIENTS)]

    def run(self):
        with requests.Session() as session:
            while not self.over.is_set():
                self.ask(session)
                self.over.wait(self.PAUSE_S)

    def ask(self, session):
        request = self.signer.sign(self.method, self.url)
        began = time.monotonic()
        try:
            answer = session.request(request.method, request.url, headers=request.headers, timeout=20, allow_redirects=False)
            fault = None if answer.status_code in self.good else f"{answer.status_code} {answer.text[:200]}"
        except requests.RequestException as error:
            fault = repr(error)
        with self.lock:
            self.sent += 1
            self.slowest_s = max(self.slowest_s, time.monotonic() - began)
            if fault:
                self.failures.append(f"{time.strftime('%H:%M:%S')} {fault}")

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        for thread in self.threads:
            thread.join(30)
