"""Requests to a fleet on a Redis Cluster, of each of which is known which shard keeps its nonce (proto/redis-keys.md)."""

import binascii
import hashlib
import hmac
import json
import secrets
import threading
import time
from dataclasses import dataclass

from harness.fleet import API_URL
from harness.provider import describe
from harness.replays import Caller

PARTS = 64
SLOTS = 16384
UNAVAILABLE = "503"


def part_of(signer, nonce):
    text = "".join(f"{len(word)}:{word}" for word in (signer.client_id, signer.token or "", nonce))
    code = hmac.new(b"countersign".ljust(16, b"\0"), text.encode(), hashlib.sha256).digest()
    return int.from_bytes(code[8:12], "little") % PARTS


def slot_of(part):
    return binascii.crc_hqx(str(part).encode(), 0) % SLOTS


def slots_of(node):
    """What this primary serves, as it says itself."""
    ranges = [words.split("-") for words in node.known()[node.place][3] if not words.startswith("[")]
    return {slot for each in ranges for slot in range(int(each[0]), int(each[-1]) + 1)}


def parts_of(node):
    served = slots_of(node)
    return {part for part in range(PARTS) if slot_of(part) in served}


@dataclass
class Asked:
    """When, by the steady clock, and what the answer was (harness.replays.word_of)."""

    part: int
    sent: float
    answered: float
    word: str


class Asking:
    """Fresh requests, one after the other at each service, on a thread for each."""

    def __init__(self, services, key, signers, every_s=0.02):
        self.signers, self.every_s = signers, every_s
        self.asked = []
        self.ending = threading.Event()
        self.threads = [threading.Thread(target=self.run, args=[Caller(service, key)], daemon=True) for service in services]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.ending.set()
        for thread in self.threads:
            thread.join(30)

    def run(self, caller):
        while not self.ending.wait(self.every_s):
            signer, nonce = secrets.choice(self.signers), secrets.token_hex(8)
            body = json.dumps(describe(signer.sign("GET", API_URL, oauth_nonce=nonce)))
            sent = time.monotonic()
            (word,) = caller.judge([body])
            self.asked.append(Asked(part_of(signer, nonce), sent, time.monotonic(), word))

    def refused(self, parts, begin, end):
        """The share of what was answered in between that was told to come back later."""
        words = [each.word for each in list(self.asked) if each.part in parts and begin <= each.answered < end]
        return words.count(UNAVAILABLE) / len(words) if words else 0

    def active_since(self, begin):
        """The parts of which a nonce was spent."""
        return {each.part for each in list(self.asked) if each.sent > begin and each.word == "active"}

    def last_away(self, parts, since):
        """The end of the last half second in which the shard was away; `since`, if it was not. A single 503 is a busy machine's."""
        end = since
        for i in range(int(2 * (time.monotonic() - since)) + 1):
            if self.refused(parts, since + i / 2, since + (i + 1) / 2) > 0.2:
                end = since + (i + 1) / 2
        return end
