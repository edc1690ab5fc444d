"""What one request costs the stores: its turns with Redis, its SQL statements, the steps that wait for them.

Counted by proxies between the services and the stores. A turn is what a service sends to Redis until it waits for the
answers: the proxy gives the answers back all at once, when the last is in. What services do by themselves (the clock, the
epoch's renewal, what changed) is told apart by its commands and tables."""

import asyncio
import re
from dataclasses import dataclass, replace

import requests

from harness.fault_proxy import CHUNK_BYTES, FaultProxy
from harness.fleet import API_URL, PASSWORD, Fleet, Stores
from harness.flow import Flow, form, send
from harness.owner import Owner, Page, location_query, until_answered

DELAY_S = 0.01
OF_NO_REQUEST = re.compile(r"(TIME|INFO|PING|SELECT|AUTH|CLIENT|CONFIG|SUBSCRIBE|PTTL e|EVAL e)\b")
STATEMENTS_OF_NO_REQUEST = re.compile(
    r"\b(changes|nonce_\w+|schema_\w+|information_schema)\b|^UPDATE tokens SET last_used_at|^SELECT 1$|^SET "
    r"|^SELECT id, proof FROM sealing_keys\b", re.IGNORECASE)  # the last: /readyz


class Proxy(FaultProxy):
    """Hands what clients send and what they get to `from_client` and `from_store`, which pass it on."""

    def state(self):
        raise NotImplementedError

    async def copy(self, reader, writer, back, state, from_client):
        if "mine" not in state:
            state["mine"] = self.state()
        take = self.from_client if from_client else self.from_store
        while piece := await reader.read(CHUNK_BYTES):
            await take(state["mine"], piece, writer)
            await writer.drain()


class RedisTurns(Proxy):
    """`turns`: for each what was sent in it, such as ["GET t:", "GETEX x:c:"]."""

    def __init__(self, target):
        super().__init__(target)
        self.turns = []

    def state(self):
        return {"sent": b"", "got": b"", "held": b"", "unanswered": 0, "is_feed": False}

    async def from_client(self, state, piece, writer):
        state["sent"] += piece
        while (command := take_command(state)) is not None:
            state["is_feed"] |= command[0] == b"SUBSCRIBE"
            if state["unanswered"] == 0:
                self.turns.append([])
            self.turns[-1].append(describe_command(command))
            state["unanswered"] += 1
        writer.write(piece)

    async def from_store(self, state, piece, writer):
        state["held"] += piece
        state["got"] += piece
        while (rest := skip_reply(state["got"])) is not None:
            state["got"] = rest
            state["unanswered"] = max(state["unanswered"] - 1, 0)
        if state["unanswered"] and not state["is_feed"]:
            return
        await asyncio.sleep(DELAY_S)
        if state["unanswered"] == 0 or state["is_feed"]:
            writer.write(state["held"])
            state["held"] = b""

    def since(self, begin):
        """Turns with something of a request in them: GET e alone is a request's too, beside its SADD."""
        turns = [[c for c in turn if not OF_NO_REQUEST.match(c)] for turn in self.turns[begin:]]
        return [turn for turn in turns if set(turn) - {"GET e", "EXPIREAT n:"}]


def take_command(state):
    """The words of the next command, which is then out of state["sent"]; None: not all of it is there."""
    line, end, rest = state["sent"].partition(b"\r\n")
    words = []
    for _ in range(int(line[1:])) if end else ():
        length, end, rest = rest.partition(b"\r\n")
        size = int(length[1:]) if end else 0
        if not end or len(rest) < size + 2:
            return None
        words.append(rest[:size])
        rest = rest[size + 2:]
    if not words:
        return None
    state["sent"] = rest
    return words


def describe_command(words):
    """Its name, and its key as far as it is no digest."""
    name = words[0].decode()
    key = words[3] if name == "EVAL" else words[1] if len(words) > 1 else b""
    kind = re.match(rb"(x:[cu]:|[a-z]:)", key)
    return " ".join(filter(None, [name, kind[0].decode() if kind else key.decode("ascii", "replace")]))


def skip_reply(data):
    """What follows the first reply; None: not all of it is there."""
    line, end, rest = data.partition(b"\r\n")
    if not end:
        return None
    if line[:1] == b"$" and line != b"$-1":
        size = int(line[1:]) + 2
        return rest[size:] if len(rest) >= size else None
    for _ in range(max(int(line[1:]), 0)) if line[:1] == b"*" else ():
        rest = skip_reply(rest)
        if rest is None:
            return None
    return rest


class Statements(Proxy):
    """`statements`: the connection and the text of each that was carried out."""

    PREPARE, EXECUTE, QUERY = 0x16, 0x17, 0x03

    def __init__(self, target):
        super().__init__(target)
        self.statements = []

    def state(self):
        return {"sent": b"", "preparing": None, "prepared": {}, "last": None}

    async def from_client(self, state, piece, writer):
        state["sent"] += piece
        while len(state["sent"]) >= 4:
            size = int.from_bytes(state["sent"][:3], "little") + 4
            if len(state["sent"]) < size:
                break
            packet, state["sent"] = state["sent"][:size], state["sent"][size:]
            if packet[3] == 0 and size > 4:  # what begins an exchange is a command
                self.note(state, packet[4], packet[5:])
        await asyncio.sleep(DELAY_S)
        writer.write(piece)

    async def from_store(self, state, piece, writer):
        if state["preparing"] is not None and len(piece) >= 9 and piece[4] == 0:
            state["last"] = int.from_bytes(piece[5:9], "little")
            state["prepared"][state["last"]] = state["preparing"]
            state["preparing"] = None
        writer.write(piece)

    def note(self, state, command, rest):
        if command == self.PREPARE:
            state["preparing"] = rest.decode()
        elif command == self.EXECUTE:
            number = int.from_bytes(rest[:4], "little")
            self.statements.append((id(state), state["prepared"][number if number != 0xFFFFFFFF else state["last"]]))
        elif command == self.QUERY:
            self.statements.append((id(state), rest.decode()))

    def since(self, begin):
        """Without those that no request asked for, and without the transactions that hold nothing else."""
        left, opened = [], {}
        for i, (connection, text) in enumerate(self.statements):
            text = " ".join(text.split())
            if text == "START TRANSACTION":
                opened[connection] = [(i, text)]
            elif text in ("COMMIT", "ROLLBACK"):
                transaction = opened.pop(connection, [])
                left += [*transaction, (i, text)] if len(transaction) > 1 else []
            elif not STATEMENTS_OF_NO_REQUEST.search(text):
                opened.get(connection, left).append((i, text))
        return [text for i, text in left if i >= begin]


@dataclass
class Trace:
    """Of one request: the commands of each turn, the statements, the steps that took as long as a store."""

    turns: list
    statements: list
    waits: list


class TracedFleet:
    """One process of each service, one loop each, with proxies before MariaDB and Redis. Statements are prepared anew by
    each connection of the pool, which has one."""

    def __init__(self, directory, **options):
        self.stores = Stores(directory)
        self.stores.database_proxy = Statements(self.stores.database.port)
        self.stores.redis_proxy = RedisTurns(self.stores.redis.port)
        self.fleet = Fleet(directory / "fleet", self.stores, auths=1, introspections=1, OAUTH1_WORKERS=1,
                           OAUTH1_DATABASE_POOL=1, **options)

    def __enter__(self):
        self.stores.start()
        self.fleet.start()
        self.fleet.create_user("jane", PASSWORD)
        return self

    def __exit__(self, *_):
        try:
            self.fleet.stop()
        finally:
            self.stores.stop()

    def trace(self, service, call):
        """The trace of what `call` asks the service for, and its answer."""
        turns, statements, before = (len(self.stores.redis_proxy.turns), len(self.stores.database_proxy.statements),
                                     phase_seconds(service))
        answer = call()
        after = phase_seconds(service)
        waits = [name for name in after if after[name] - before.get(name, 0) > 0.9 * DELAY_S and name != "other"]
        return Trace(self.stores.redis_proxy.since(turns), self.stores.database_proxy.since(statements), waits), answer


def phase_seconds(service):
    lines = re.findall(r'^oauth1_verify_phase_seconds_sum\{phase="(\w+)"\} (\S+)$',
                       requests.get(service.ops + "/metrics", timeout=10).text, re.MULTILINE)
    return {name: float(seconds) for name, seconds in lines}


def with_token(flow, answer):
    credentials = form(answer)
    return replace(flow.client, token=credentials["oauth_token"], token_secret=credentials["oauth_token_secret"])


def warm_up(fleet, key):
    """Each service's first nonce waits for the epoch's record in the database, and its first statement connects."""
    signer = Flow(fleet, fleet.create_client(name="Warm"), signature_method="HMAC-SHA256").token()
    until_answered(lambda: fleet.introspect(key, signer.sign("GET", API_URL)))


def trace_endpoints(traced):
    """Each endpoint's trace by its name, in the order of the three legs; caches are warm where it says nothing else.

    Twice, because on a busy machine a step may take as long as a store, and an answer may be so late that it is asked for
    again: what waited both times waits, and the fewer turns and statements are the endpoint's own."""
    fleet = traced.fleet
    key = fleet.create_resource_server()
    warm_up(fleet, key)
    traces, again = (trace_three_legs(traced, key, fleet.create_client()) for _ in range(2))
    for name, trace in traces.items():
        trace.waits = [wait for wait in trace.waits if wait in again[name].waits]
        trace.turns = min(trace.turns, again[name].turns, key=len)
        trace.statements = min(trace.statements, again[name].statements, key=len)
    return traces


def trace_three_legs(traced, key, client):
    fleet, traces = traced.fleet, {}
    auth, introspection = fleet.auth, fleet.introspection

    def take(name, service, call):
        def ask():
            traces[name], answer = traced.trace(service, call)
            return answer

        answer = until_answered(ask)
        assert answer.status_code in (200, 302), f"{name}: {answer.status_code} {answer.text}"
        return answer

    owner = Owner(fleet, "jane", PASSWORD)
    flow = Flow(fleet, client, owner, signature_method="HMAC-SHA256")
    take("POST /oauth/initiate, client not cached", auth, lambda: send(flow.initiate_request()))
    flow.temporary = with_token(flow, take("POST /oauth/initiate", auth, lambda: send(flow.initiate_request())))
    path = f"/oauth/authorize?oauth_token={flow.temporary.token}"
    answer = take("GET /oauth/authorize, not logged in", auth, lambda: owner.get(path))
    login = Page(take("GET /login", auth, lambda: owner.get(answer.headers["Location"])))
    take("POST /login", auth, lambda: owner.submit(login, login.form_with("password"), username="jane", password=PASSWORD))
    consent = Page(take("GET /oauth/authorize", auth, lambda: owner.get(path)))
    answer = take("POST /oauth/authorize", auth,
                  lambda: owner.submit(consent, consent.form_with("decision"), decision="grant"))
    flow.verifier = dict(location_query(answer))["oauth_verifier"]
    signer = with_token(flow, take("POST /oauth/token", auth, lambda: send(flow.exchange_request())))

    def introspect():
        answer = fleet.introspect(key, signer.sign("GET", API_URL))
        assert answer.json()["active"], answer.text
        return answer

    take("POST /v1/introspect, token not cached", introspection, introspect)
    take("POST /v1/introspect", introspection, introspect)
    return traces


def write_traces(traces, out):
    print(f"{'':42}{'turns':>6}{'SQL':>5}{'waits':>7}", file=out)
    for name, trace in traces.items():
        print(f"{name:42}{len(trace.turns):6}{len(trace.statements):5}{len(trace.waits):7}   {', '.join(trace.waits)}", file=out)
        for turn in trace.turns:
            print(f"{'':18}Redis: {', '.join(turn)}", file=out)
        for statement in trace.statements:
            print(f"{'':20}SQL: {statement[:96]}", file=out)
