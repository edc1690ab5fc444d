"""A small stream of signed requests to some services, each sent again and again: whatever becomes of it the first time,
it may be accepted once."""

import http.client
import itertools
import json
import random
import threading
import time
from dataclasses import dataclass, field

from harness.fleet import API_URL
from harness.provider import describe

BATCH = 100
NO_ANSWER = "no answer"


class Caller:
    """A resource server's connection to one service."""

    def __init__(self, service, key):
        self.connection = http.client.HTTPConnection("127.0.0.1", service.port, timeout=3)
        self.headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}

    def post(self, path, body):
        """The parsed answer, or None."""
        try:
            self.connection.request("POST", path, body, self.headers)
            answer = self.connection.getresponse()
            text = answer.read()
            return json.loads(text) if answer.status == 200 else {"problem": {"status": answer.status, **json.loads(text)}}
        except (OSError, http.client.HTTPException, ValueError):
            self.connection.close()
            return None

    def judge(self, bodies):
        """A word for each request: "active", the problem's code, its status where that is no verdict, or no answer."""
        if len(bodies) == 1:
            return [word_of(self.post("/v1/introspect", bodies[0]))]
        answer = self.post("/v1/introspect/batch", '{"requests":[' + ",".join(bodies) + "]}")
        if answer is None or "results" not in answer:
            return [word_of(answer)] * len(bodies)
        return [word_of(result) for result in answer["results"]]


class Watcher:
    """Asks one service's /readyz."""

    def __init__(self, service):
        self.connection = http.client.HTTPConnection("127.0.0.1", service.ops_port, timeout=3)

    def ready(self):
        """Its status and what it says; None: no answer."""
        try:
            self.connection.request("GET", "/readyz?verbose")
            answer = self.connection.getresponse()
            return answer.status, answer.read().decode()
        except (OSError, http.client.HTTPException):
            self.connection.close()
            return None, ""


def word_of(answer):
    if answer is None:
        return NO_ANSWER
    if answer.get("active"):
        return "active"
    problem = answer["problem"]
    return problem["code"] if problem["status"] == 401 else str(problem["status"])


@dataclass
class Sent:
    """A request, and when it was accepted by the steady clock."""

    body: str
    kind: str
    stamp: int
    first: str = ""
    accepted: list = field(default_factory=list)


class Replays:
    """On a thread of its own. In each turn every service gets a request of now, and one of them a request of a client
    whose clock is wrong within the bounds, one of a client that follows each clock that was set, and everything again.
    """

    def __init__(self, services, key, signer, skew, lead, clocks=(), every_s=0.3, seed=0):
        self.services = list(services)
        self.key, self.signer = key, signer
        self.skew, self.lead = skew, lead
        self.clocks = clocks
        self.every_s = every_s
        self.behind_s = 0  # how far behind a clock is, or will be set
        self.random = random.Random(seed)
        self.callers = [Caller(service, key) for service in self.services]
        self.watchers = [Watcher(service) for service in self.services]
        self.expected = set(range(len(self.callers)))  # which run
        self.follows = True
        self.turns = itertools.cycle(range(len(self.callers)))
        self.sent = []
        self.fresh = []  # (when answered, index of the service, word, when sent) of the requests of now
        self.followed = []  # (when, word) of those that follow a clock that is wrong
        self.ready = []  # (when, index of the service, status, text) of /readyz
        self.total = self.again = self.turns_done = 0
        self.twice = []
        self.fault = None
        self.ending = threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.begun = time.monotonic()

    def start(self):
        self.thread.start()
        return self

    def stop(self):
        self.ending.set()
        self.thread.join(30)
        if self.fault:
            raise self.fault

    def run(self):
        try:
            while not self.ending.is_set():
                begun = time.monotonic()
                self.turn()
                self.turns_done += 1
                self.ending.wait(max(0, self.every_s - (time.monotonic() - begun)))
        except Exception as fault:  # for whoever stops it
            self.fault = fault

    def turn(self):
        earlier = list(self.sent)
        self.send_what_is_new(next(self.turns))
        self.drop_what_is_over()
        alive = set(map(id, self.sent))
        earlier = [sent for sent in earlier if id(sent) in alive]
        caller = self.callers[next(self.turns) if len(self.callers) > 1 else 0]
        for i in range(0, len(earlier), BATCH):
            self.judge(caller, earlier[i:i + BATCH])
            self.again += len(earlier[i:i + BATCH])
        if earlier:  # a call for one alone, too
            self.judge(caller, [self.random.choice(earlier)])
        for index, watcher in enumerate(self.watchers):
            self.ready.append((time.monotonic(), index, *watcher.ready()))

    # ---- requests

    def sign(self, kind, stamp):
        request = self.signer.sign("GET", API_URL, oauth_timestamp=str(int(stamp)))
        sent = Sent(json.dumps(describe(request)), kind, int(stamp))
        self.sent.append(sent)
        self.total += 1
        return sent

    def send_what_is_new(self, turn):
        for index, caller in enumerate(self.callers):
            sent, asked = self.sign("now", time.time()), time.monotonic()
            self.judge(caller, [sent])
            self.fresh.append((time.monotonic(), index, sent.first, asked))
        stray = self.random.choice((-self.skew, self.random.randint(-self.skew, self.lead), self.lead))
        others = [self.sign(f"{stray:+d} s", time.time() + stray)]
        for ahead_s in {clock.ahead_s for clock in self.clocks if clock.ahead_s and self.follows}:
            others.append(self.sign(f"follows {ahead_s:+d} s", time.time() + ahead_s))
        self.judge(self.callers[turn], others)
        self.followed += [(time.monotonic(), sent.first) for sent in others[1:]]

    def judge(self, caller, some):
        for sent, word in zip(some, caller.judge([sent.body for sent in some])):
            sent.first = sent.first or word
            if word == "active":
                sent.accepted.append(time.monotonic())
                if len(sent.accepted) == 2:
                    self.twice.append(sent)

    def drop_what_is_over(self):
        """What no clock that is right, or as wrong as it will be, takes again."""
        limit = time.time() - self.behind_s - 2 * self.skew - 2
        self.sent = [sent for sent in self.sent if sent.stamp >= limit]

    # ---- what came of it

    def seconds_away(self, index, since):
        """For how long the service surely did not serve: until the last request was sent that it refused, and whether it has
        accepted one since. A machine that is busy asks seldom, and lets the answers wait: that is not the service's."""
        away_s = 0
        for when, i, word, asked in list(self.fresh):
            if i == index and when > since and word == "active":
                return away_s, True
            if i == index and when > since:
                away_s = max(away_s, asked - since)
        return away_s, False

    def away(self, since):
        """Of all services that run: the longest, and whether each is back."""
        each = [self.seconds_away(index, since) for index in self.expected]
        return max((seconds for seconds, _ in each), default=0), all(is_back for _, is_back in each)

    def wait_until_back(self, since, at_most):
        """Answers for how many seconds one of the services that run did not serve, or None: it was more than at_most."""
        while True:
            seconds, are_back = self.away(since)
            if seconds > at_most or not self.thread.is_alive():
                return None
            if are_back:
                return seconds
            time.sleep(0.05)

    def wait_for_turns(self, count=1):
        """Whole ones from now on."""
        begun, before = time.monotonic(), self.turns_done
        while self.turns_done < before + count + 1 and time.monotonic() - begun < 10:
            time.sleep(0.02)

    def words(self, since=0):
        """How often which word answered a request of now."""
        counts = {}
        for when, _, word, _ in list(self.fresh):
            if when > since:
                counts[word] = counts.get(word, 0) + 1
        return counts

    def untrue_readiness(self):
        """What /readyz went on saying, for more than a second (for so long it may repeat what the stores answered), of a
        service that long before and some time after answered nothing but the contrary: 200 where every request is answered
        503, 503 where all are accepted."""
        untrue, since = [], {}
        for when, index, status, text in self.ready:
            contrary = self.contrary(when, index, status, text)
            if not contrary:
                since.pop(index, None)
            elif when - since.setdefault(index, when) > 1:
                untrue.append(f"{when - self.begun:5.1f} s /readyz {status} while all is {contrary}: {text!r}")
        return untrue

    def contrary(self, when, index, status, text):
        """The word that all requests about then were answered with, if it is not what /readyz said; else None."""
        before_s, after_s = max(2.5, 5 * self.every_s), 1.2
        words = [word for at, i, word, _ in self.fresh if i == index and when - before_s < at < when + after_s]
        contrary = {200: "503", 503: "active"}.get(status)
        is_sure = len(words) > 5 and set(words) == {contrary} and "stopping" not in text
        return contrary if is_sure else None

    def describe_twice(self):
        return [f"{sent.kind} ({sent.stamp}), accepted at " +
                " and ".join(f"{when - self.begun:.1f} s" for when in sent.accepted) for sent in self.twice]
