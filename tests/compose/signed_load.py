"""Clients that go on asking, each request signed anew, until they are told to stop."""

import threading
import time

import requests

from harness.signer import Signer


def other_letter(signature):
    """A signature whose first letter is another one."""
    return ("B" if signature.startswith("A") else "A") + signature[1:]


class InitiateSigner:
    """Signs requests for a temporary credential."""

    def __init__(self, signer):
        self.signer = Signer(signer.client_id, signer.client_secret, signature_method="HMAC-SHA256")

    def sign(self, method, url):
        return self.signer.sign(method, url, oauth_callback="oob")


class Load:
    """Four clients, about 25 requests a second each. `failures` holds what was not answered 200, or without the word `holds`."""

    CLIENTS = 4
    PAUSE_S = 0.04

    def __init__(self, signer, url, method="GET", good=(200,), holds=""):
        self.signer, self.url, self.method, self.good, self.holds = signer, url, method, good, holds
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
            answer = session.request(request.method, request.url, headers=request.headers, data=request.body, timeout=20,
                                     allow_redirects=False)
            is_good = answer.status_code in self.good and self.holds in answer.text
            fault = None if is_good else f"{answer.status_code} {answer.text[:200]}"
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
