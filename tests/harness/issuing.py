"""Owners and clients who go through the three legs all the time, whatever happens to the processes, and keep a ledger
of what was acknowledged to them."""

import os
import random
import sys
import threading
import time
import traceback
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from types import SimpleNamespace

import requests

from harness.flow import form
from harness.owner import Owner, location_query
from harness.signer import Signer

PATIENCE_SECONDS = 30
SLOW_SECONDS = 8  # whoever takes longer for a leg is looked at


class Ledger:
    """What was acknowledged: a line each, on the disk before anybody goes on."""

    def __init__(self, path):
        self.file = path.open("a+")
        self.lock = threading.Lock()
        self.tokens = {}  # temporary credential -> its token and secret

    def add(self, temporary, credentials):
        entry = (credentials["oauth_token"], credentials["oauth_token_secret"])
        with self.lock:
            known = self.tokens.setdefault(temporary.token, entry)
            assert known == entry, f"a second token for {temporary.token}: {entry[0]} after {known[0]}"
            self.file.write(f"{temporary.token}\t{entry[0]}\t{entry[1]}\n")
            self.file.flush()
            os.fsync(self.file.fileno())


class Issuer(threading.Thread):
    """One client and one owner; each call goes to any of the auth-services, and is tried again when nothing came of it.
    An exchange goes to two of them at once. `fault` is what should not have happened."""

    def __init__(self, fleet, client, ledger, password, seed):
        super().__init__(daemon=True)
        self.fleet = fleet
        self.client = Signer(client.client_id, client.client_secret)
        self.owner = Owner(fleet, "jane", password)
        self.ledger = ledger
        self.random = random.Random(seed)
        self.both = ThreadPoolExecutor(2)
        self.ending = threading.Event()
        self.fault = None
        self.done = 0
        self.unacknowledged = 0  # exchanged, but the answer was lost with a process

    def run(self):
        try:
            while not self.ending.is_set():
                self.one_token()
        except Exception as fault:  # noqa: BLE001: the test's thread raises it
            self.fault = fault

    def end(self):
        self.ending.set()
        self.join(SLOW_SECONDS)
        if self.is_alive():
            print(f"an issuer does not end:\n{self.where()}")
        self.join(PATIENCE_SECONDS + 5)
        assert not self.is_alive(), f"an issuer never ended:\n{self.where()}"
        self.both.shutdown()
        if self.fault:
            raise self.fault

    def where(self):
        """What it does now."""
        frame = sys._current_frames().get(self.ident)
        return "".join(traceback.format_stack(frame)) if frame else ""

    # ---- the legs

    def one_token(self):
        temporary = self.initiate()
        verifier = temporary and self.grant(temporary)
        if verifier:
            self.exchange(temporary, verifier)

    def initiate(self):
        answer = self.until(lambda: self.post("/oauth/initiate", self.client, oauth_callback="http://127.0.0.1/ready"),
                            lambda answer: answer.status_code == 200)
        return answer and replace(
            self.client, token=form(answer)["oauth_token"], token_secret=form(answer)["oauth_token_secret"]
        )

    def grant(self, temporary):
        def decide():
            self.owner.provider = SimpleNamespace(url=self.door().url)
            page = self.owner.consent_page(temporary.token)
            return self.owner.decide(page, "grant") if page.form_with("decision") else page.response

        answer = self.until(decide, lambda answer: answer.status_code == 302)
        return answer and dict(location_query(answer))["oauth_verifier"]

    def exchange(self, temporary, verifier):
        begin = time.monotonic()
        while time.monotonic() - begin < PATIENCE_SECONDS:
            answers = [a for a in self.both.map(lambda _: self.exchange_once(temporary, verifier), range(2)) if a]
            good = [answer for answer in answers if answer.status_code == 200]
            for answer in good:
                self.ledger.add(temporary, form(answer))
            if good:
                self.done += 1
                return
            if any(form(answer).get("oauth_problem") == "token_used" for answer in answers):
                self.unacknowledged += 1
                return
            self.expect_unavailable(answers)
            time.sleep(0.05)
        assert self.ending.is_set(), "no exchange for so long"

    def exchange_once(self, temporary, verifier):
        try:
            return self.post("/oauth/token", temporary, oauth_verifier=verifier)
        except requests.RequestException:
            return None

    # ---- what they have in common

    def door(self):
        return self.random.choice(self.fleet.auths)

    def post(self, path, signer, **protocol):
        request = signer.sign("POST", self.fleet.url + path, **protocol)
        return requests.post(self.door().url + path, headers=request.headers, timeout=5)

    def until(self, call, is_good):
        """Tries until an answer is good; None when the issuing ends before."""
        begin = time.monotonic()
        while True:
            try:
                answer = call()
                if is_good(answer):
                    return answer
                self.expect_unavailable([answer])
            except requests.RequestException:
                pass
            if self.ending.is_set():
                return None
            assert time.monotonic() - begin < PATIENCE_SECONDS, "nothing good came for so long"
            time.sleep(0.05)

    def expect_unavailable(self, answers):
        for answer in answers:
            assert answer.status_code == 503, f"{answer.status_code}: {answer.text[:500]}"
