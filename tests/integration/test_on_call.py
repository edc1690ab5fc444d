"""Each command of "Questions on call" (docs/operations.md), as it stands there, answers its question."""

import getpass
import os
import re
import stat
import subprocess
import time

import pytest
import requests
from harness.provider import ROOT, clean_environment
from harness.running import KINDS, Embedded, prepared_on
from harness.signer import Signer
from test_why import VARIABLES, Story

# What must be in the answer, a regular expression each; CLIENT, JTI and SUB stand for those of the story.
ANSWERS = {
    "Why was this client refused at 14:02?": ["refused with signature_invalid: the signature does not match"],
    "Why was this user's request refused?": ["refused with nonce_used.*user SUB"],
    "Is it us, or the client's clock?": [r"its timestamp is (99\d|100\d) s behind our clock"],
    "Which resource server asked?": ["asked by photo-api"],
    "What did this resource server ask, and what was refused to it?": ["refused with parameter_rejected.*asked by photo-api"],
    "Was a request sent twice?": ["nonce_used: the same request was sent before"],
    "What became of this request?": [r"signature_invalid.*client CLIENT.*\(request REQUEST-ID\)"],
    "Which clients are refused most, or not decided about?": [r'^ *\d+ "client_id":"CLIENT"$'],
    "Which client makes this load?": [r'^ *\d+ "client_id":"CLIENT"$'],
    "Who revoked this token?": [r"token\.revoke.*cli:jo|cli:jo.*token\.revoke"],
    "What does this token allow, and whose is it?": ["photos:read", "JTI", "SUB"],
    "Who allowed this client, and when?": [r"^20\d\d-\d\d-\d\d \S+ UTC +user:SUB +access\.grant "],
    "Does somebody guess this user's password?": ["login.failed"],
    "Who logged in as this user, how, and when out?": ["login.password", "logout"],
    "Who made or changed this client?": [r"UTC +cli:jo +client\.create "],
    "Who made this account, or set its password?": [r"UTC +cli:jo +user\.create "],
    "What did this operator do since yesterday?": ["client.create", "resource-server.create"],
    "Which sealing key is still in use?": [r"(?m)^\S+ +(true|yes)"],
    "Is the schema the one that this version wants?": [r"^the schema is the one that this version needs$"],
    "Is a store away or slow?": [r'^oauth1_store_up\{store="database"\} 1$', r'^oauth1_store_command_seconds_count\{.*database.*\} [1-9]'],
    "Why are requests answered 503, and for how long?": [r"lost, so for \d+ s more"],
}


def documented():
    """Question to command, out of the table."""
    text = (ROOT / "docs/operations.md").read_text()
    table = text[text.index("## Questions on call"):].partition("\n## ")[0]
    rows = [re.split(r"(?<!\\) \| ", line.strip("| ")) for line in table.splitlines() if line.startswith("| ")]
    return {question: re.match(r"`([^`]+)`", told)[1].replace("\\|", "|") for question, told in rows[1:]}


class Desk(Story):
    """The story, and the services on the air again; whoever asks has the documented commands."""

    def __init__(self, made, folder):
        super().__init__(made, folder)
        self.folder = folder / "bin"
        self.folder.mkdir()
        self.stand_in("journalctl", f'cat "{self.log}"')
        for program in ("auth-service", "introspection-service"):
            (self.folder / program).symlink_to(self.provider.bin / program)
        self.provider.start()
        batch = self.provider.create_client("--two-legged")
        request = Signer(batch.client_id, batch.client_secret).sign("GET", "http://api.example/photos")
        assert self.ask(request)["active"]  # so that there is something to lose

    def stand_in(self, name, command):
        """The tests' machine has no journal."""
        path = self.folder / name
        path.write_text(f"#!/bin/sh\n{command}\n")
        path.chmod(path.stat().st_mode | stat.S_IXUSR)

    def filled(self, text):
        (refused,) = [line for line in self.decisions(code="signature_invalid") if line["handler"] == "introspect"]
        names = {"CLIENT": self.client.client_id, "JTI": self.jti, "SUB": self.sub, "FILE": str(self.log),
                 "REQUEST-ID": refused["request_id"], "cli:jo": f"cli:{getpass.getuser()}",
                 "http://127.0.0.1:9091": self.provider.introspection.ops}
        for name, value in names.items():
            text = text.replace(name, value)
        return text

    def answer(self, question):
        environment = clean_environment(self.provider.variables)
        done = subprocess.run(["bash", "-o", "pipefail", "-c", self.filled(documented()[question])], capture_output=True, text=True,
                              timeout=60, cwd=self.provider.directory,
                              env={**environment, "PATH": f"{self.folder}:{os.environ['PATH']}"})
        assert done.returncode == 0, (done.returncode, done.stdout, done.stderr)
        return done.stdout


@pytest.fixture(scope="module", params=KINDS)
def desk(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp(request.param)
    with prepared_on(request.param, folder, **VARIABLES) as made:
        yield Desk(made, folder)


def begin_a_guard(desk):
    service = desk.provider.introspection
    if isinstance(desk.made, Embedded):
        service.kill()
        service.launch()
        service.wait_until_alive()
    else:
        desk.made.stores.redis.call("FLUSHALL")
    until = time.monotonic() + 10
    while requests.get(service.ops + "/readyz", timeout=5).status_code != 503:
        assert time.monotonic() < until
        time.sleep(0.05)


def test_every_question_has_an_answer_here():
    assert set(documented()) == set(ANSWERS) and len(ANSWERS) >= 10


@pytest.mark.parametrize("question", ANSWERS)
def test_the_documented_command_answers(desk, question):
    if "503" in question:
        begin_a_guard(desk)
    told = desk.answer(question)
    for words in ANSWERS[question]:
        assert re.search(desk.filled(words), told, re.M), (words, told)
    for secret in desk.secrets:
        assert secret not in told
