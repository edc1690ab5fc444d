"""kill -9 of any process of a fleet under load, and what must hold afterwards."""

import random
import time

from harness.fleet import API_URL, PASSWORD, Load
from harness.issuing import Issuer, Ledger

ISSUERS = 3


class KillRounds:
    """Issues tokens and asks for verdicts all the while; `kill` takes any process, `reconcile` looks what is left."""

    def __init__(self, fleet, key, client, credentials, skew, lead, seed, rate=100):
        self.fleet = fleet
        self.key = key
        self.seed = seed
        self.random = random.Random(seed)
        self.ledger = Ledger(fleet.directory / "ledger")
        self.issuers = [
            Issuer(fleet, client, self.ledger, PASSWORD, self.random.random()) for _ in range(ISSUERS)
        ]
        self.load = Load("stream", fleet.introspections, credentials, key=key, seconds=3600, rate=rate, lag=skew,
                         lead=lead, replay=2 * (skew + lead))
        for issuer in self.issuers:
            issuer.start()

    def processes(self):
        stores = self.fleet.stores
        return {"auth": self.fleet.auths, "introspection": self.fleet.introspections, "redis": [stores.redis],
                "database": [stores.database]}

    def round(self, kind=None):
        """One process is killed at a random moment and comes back after another."""
        kind = kind or self.random.choice(sorted(self.processes()))
        victim = self.random.choice(self.processes()[kind])
        time.sleep(self.random.uniform(0, 0.5))
        victim.kill()
        time.sleep(self.random.uniform(0, 0.5))
        victim.start()
        self.assert_others_run()
        self.wait_for_a_token()

    def assert_others_run(self):
        for service in self.fleet.services:
            assert service.running(), f"{service.name} ended with {service.process.returncode}:\n{service.text()}"

    def wait_for_a_token(self):
        """Issuing goes on."""
        before, begin = len(self.ledger.tokens), time.monotonic()
        while len(self.ledger.tokens) == before:
            for issuer in self.issuers:
                if issuer.fault:
                    raise issuer.fault
            assert time.monotonic() - begin < 20, "no token was issued for so long"
            time.sleep(0.02)

    def reconcile(self):
        """Ends the load; what it did, for whoever wants figures."""
        self.load.stop()
        for issuer in self.issuers:
            issuer.end()
        lines = self.load.finish(300)
        summary = lines[-1]
        assert summary["accepted_again"] == 0, [line for line in lines if "event" in line]
        self.assert_nothing_is_lost()
        return {
            "tokens": len(self.ledger.tokens),
            "unacknowledged": sum(issuer.unacknowledged for issuer in self.issuers),
            "requests": summary["requests"], "replays": summary["replays"], "active": summary["first"]["active"],
        }

    def assert_nothing_is_lost(self):
        rows = self.fleet.stores.database.sql("SELECT oauth_token, HEX(temp_digest) FROM tokens")
        held = {row[0] for row in rows}
        lost = {token for token, _ in self.ledger.tokens.values()} - held
        assert not lost, f"acknowledged, and lost (seed {self.seed}): {lost}"
        exchanged = [row[1] for row in rows if row[1] != "NULL"]
        assert len(exchanged) == len(set(exchanged)), f"two tokens for one temporary credential (seed {self.seed})"
        signer = self.issuers[0].client
        for token, secret in random.sample(sorted(self.ledger.tokens.values()), min(20, len(self.ledger.tokens))):
            signer.token, signer.token_secret = token, secret
            answer = self.fleet.introspect(self.key, signer.sign("GET", API_URL))
            assert answer.status_code == 200 and answer.json()["active"] is True, answer.text

    def end(self):
        """For a test that failed."""
        for issuer in self.issuers:
            issuer.ending.set()
        if self.load.process.poll() is None:
            self.load.end()
