"""Many clients at once that mean no good, as a process of its own, so that they do not slow down who measures.

    crowd.py pipeline PORT COUNT REQUEST   each sends the request again and again without waiting, and reads what comes
    crowd.py idle PORT COUNT               each connects and says nothing
    crowd.py slow PORT COUNT               each sends the beginning of a request, and a byte more every second

Their addresses are spread over 127.0.0.0/8. Prints "there" once all are connected; ends with its standard input, or after
a minute.
"""

import http.client
import json
import resource
import selectors
import socket
import statistics
import subprocess
import sys
import time

MOST_SECONDS = 60
BLOCK = 65536
BEGINNING = b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: "


class Crowd:
    """Started and ended by a with statement."""

    def __init__(self, kind, port, count, request=b""):
        self.words = [sys.executable, __file__, kind, str(port), str(count), request.decode()]

    def __enter__(self):
        self.process = subprocess.Popen(self.words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        return self

    def wait_until_there(self):
        assert self.process.stdout.readline() == "there\n"

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait(20)


class Times:
    """How long answers took, in milliseconds."""

    def __init__(self):
        self.all = []

    def ask(self, port, path, body=None, headers=None, patience=10):
        """One call over a connection of its own; the status."""
        begin = time.perf_counter()
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=patience)
        try:
            connection.request("POST" if body else "GET", path, body, headers or {})
            answer = connection.getresponse()
            answer.read()
        finally:
            connection.close()
        self.all.append((time.perf_counter() - begin) * 1000)
        return answer.status

    def quantile(self, share):
        return sorted(self.all)[min(len(self.all) - 1, int(len(self.all) * share))]

    def __str__(self):
        return (f"{len(self.all)} calls: least {min(self.all):.1f}, median {statistics.median(self.all):.1f}, "
                f"p99 {self.quantile(0.99):.1f}, most {max(self.all):.1f} ms")


def introspection(key):
    """The body and the headers of a call that is answered 200: the signature that it asks about does not hold."""
    described = {"method": "GET", "url": "http://api.example/photos", "authorization": 'OAuth oauth_consumer_key="nobody"'}
    return json.dumps(described), {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}


# ---- the process


def connect(port, index):
    one = socket.socket()
    one.bind((f"127.{1 + index // 250 % 200}.{index // 50000}.{1 + index % 250}", 0))
    one.settimeout(10)
    one.connect(("127.0.0.1", port))
    one.setblocking(False)
    return one


def flood(selector, ones, request):
    block = request * (BLOCK // len(request))
    sent = dict.fromkeys(ones, 0)
    for one in ones:
        selector.register(one, selectors.EVENT_READ | selectors.EVENT_WRITE)
    while True:
        for key, events in selector.select(1):
            one = key.fileobj
            if one is sys.stdin:
                return
            try:
                if events & selectors.EVENT_READ and not one.recv(1 << 20):
                    selector.unregister(one)
                elif events & selectors.EVENT_WRITE:
                    sent[one] = (sent[one] + one.send(block[sent[one] :])) % len(block)
            except BlockingIOError:
                pass
            except OSError:
                selector.unregister(one)


def crawl(selector, ones):
    while ones and not selector.select(1):
        for one in list(ones):
            try:
                one.send(b"x")
            except OSError:
                ones.remove(one)
    selector.select(MOST_SECONDS)


def main(kind, port, count, request):
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    ones = []
    for index in range(int(count)):
        ones.append(connect(int(port), index))
        if kind == "slow":
            ones[-1].send(BEGINNING)
    print("there", flush=True)
    selector = selectors.DefaultSelector()
    selector.register(sys.stdin, selectors.EVENT_READ)
    if kind == "pipeline":
        flood(selector, ones, request.encode())
    elif kind == "slow":
        crawl(selector, ones)
    else:
        selector.select(MOST_SECONDS)


if __name__ == "__main__":
    main(*sys.argv[1:])
