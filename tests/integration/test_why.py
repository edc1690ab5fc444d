"""What somebody on call asks, each answered by a documented command (docs/operations.md, "Questions on call"); and that no
answer holds a secret."""

import getpass
import json
import re
import subprocess
import time

import pytest
import requests
from harness.flow import Flow, form, send
from harness.owner import Owner, Page
from harness.provider import PASSWORD, clean_environment, describe
from harness.running import KINDS, Embedded, prepared_on

API = "http://api.example/photos"
CHOSEN_ID = "c0ffee" + "0" * 25 + "1"
CANARY_QUERY, CANARY_NAME = "canary-query-81", "canary-typed-as-a-name"
LEAD_S = 60  # OAUTH1_TIMESTAMP_LEAD where nobody sets it
ME = f"cli:{getpass.getuser()}"
VARIABLES = {"OAUTH1_LOG_LEVEL": "debug", "OAUTH1_RATE_LIMIT_LOGIN_PAIR": "100000", "OAUTH1_RATE_LIMIT_LOGIN_ADDRESS": "100000",
             "OAUTH1_RATE_LIMIT_LOGIN_ACCOUNT": "100000"}


class Story:
    """What happened: a grant, a good request, refusals of each kind, wrong passwords, a revocation."""

    def __init__(self, made, folder):
        self.made, self.provider = made, made.provider
        self.sub = self.provider.expect("user", "list")[0]["sub"]
        self.provider.start()
        self.client = self.provider.create_client("--scope", "photos:read")
        self.key = self.provider.create_resource_server("--allow-explain", "--origin", "http://api.example", name="photo-api")
        flow = Flow(self.provider, self.client, Owner(self.provider, password=PASSWORD), signature_method="HMAC-SHA256")
        self.signer = flow.token(scope="photos:read")
        self.jti = self.provider.expect("token", "list", "--client", self.client.client_id)[0]["jti"]
        signed = self.signer.sign("GET", f"{API}?q={CANARY_QUERY}")
        self.ask(signed)
        self.ask(signed)
        self.named = self.ask_with_trace(self.signer.sign("GET", API, tamper=str.swapcase))
        self.ask(self.signer.sign("GET", API, oauth_timestamp=str(int(time.time()) - 1000)))
        self.ask(self.signer.sign("GET", "http://another.example/photos"))
        send(flow.initiate_request(signer=flow.client, oauth_signature="canary-signature-55"))
        for name, password in (("jane", "canary-wrong-password-1"), ("jane", "canary-wrong-password-2"), (CANARY_NAME, "x" * 20)):
            flow.initiate()
            Owner(self.provider, name, password).consent_page(flow.temporary.token)
        self.log_in_and_out(flow)
        assert self.provider.command("token", "revoke", self.jti).code == 0
        self.until_inactive()
        self.metrics = self.text_of_metrics()
        made.provider.stop()
        self.log = folder / "all.log"
        self.log.write_text(self.provider.logs())
        self.secrets = [self.client.client_secret, self.signer.token, self.signer.token_secret, self.key, PASSWORD, CANARY_QUERY,
                        CANARY_NAME, "canary-signature-55", "canary-wrong-password", flow.temporary.token_secret, flow.verifier]

    def ask(self, request):
        return self.provider.introspect(self.key, request).json()

    def log_in_and_out(self, flow):
        owner = Owner(self.provider, password=PASSWORD)
        flow.initiate()
        owner.consent_page(flow.temporary.token)
        home = Page(owner.get("/"))
        (form,) = [form for form in home.forms if form["action"].endswith("/logout")]
        assert owner.submit(home, form).status_code == 302

    def ask_with_trace(self, request):
        headers = {"Authorization": f"Bearer {self.key}", "traceparent": f"00-{CHOSEN_ID}-00f067aa0ba902b7-01"}
        return requests.post(self.provider.introspection_url + "/v1/introspect", json=describe(request), headers=headers,
                             timeout=10).headers["X-Request-Id"]

    def until_inactive(self):
        begin = time.monotonic()
        while self.ask(self.signer.sign("GET", API))["active"]:
            assert time.monotonic() - begin < 30

    def text_of_metrics(self):
        return "".join(requests.get(service.ops + "/metrics", timeout=5).text for service in self.provider.services)

    def decisions(self, **wanted):
        lines = [json.loads(line) for line in self.log.read_text().splitlines()]
        return [line for line in lines if line["message"] == "decision" and wanted.items() <= line.items()]

    def why(self, identifier):
        outcome = self.provider.command("why", identifier, "--log", self.log)
        assert outcome.code == 0, outcome
        return outcome.out

    def audit(self, *options):
        return self.provider.expect("audit", *options)


@pytest.fixture(scope="module", params=KINDS)
def story(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp(request.param)
    with prepared_on(request.param, folder, **VARIABLES) as made:
        yield Story(made, folder)


def kept(made):
    """What the stores hold: the whole database file with its log, or the audit log's rows."""
    if isinstance(made, Embedded):
        return b"".join(path.read_bytes() for path in made.provider.directory.glob("oauth1.db*") if "key" not in path.name)
    return json.dumps(made.sql("SELECT * FROM audit")).encode()


def test_why_was_this_client_refused(story):
    told = story.why(story.client.client_id)
    for code in ("signature_invalid", "nonce_used", "timestamp_refused", "token_revoked"):
        assert f"refused with {code}" in told, (code, told)
    assert "the signature does not match" in told


def test_a_decision_says_what_there_is_to_say(story):
    (line,) = story.decisions(code="signature_invalid", handler="introspect")
    said = {"verdict": "refused", "client_id": story.client.client_id, "jti": story.jti, "sub": story.sub, "caller": "photo-api",
            "method": "GET", "origin": "http://api.example", "path": "/photos", "address": "127.0.0.1", "signature_method": "HMAC-SHA256",
            "request_id": story.named}
    assert said.items() <= line.items(), line
    assert abs(line["clock_difference_s"]) < 30


def test_is_it_us_or_the_clients_clock(story):
    (line,) = story.decisions(code="timestamp_refused")
    assert -1060 < line["clock_difference_s"] < -990
    assert "s behind our clock" in story.why(story.client.client_id)
    assert 'oauth1_client_clock_seconds_count{direction="behind"}' in story.metrics


def test_which_resource_server_asked(story):
    assert {line["caller"] for line in story.decisions(handler="introspect")} == {"photo-api"}
    assert "asked by photo-api" in story.why("photo-api")


def test_was_a_request_sent_twice(story):
    """It is signed and sent at once, so it came within the lead and the age of its timestamp."""
    (line,) = story.decisions(code="nonce_used")
    told = story.why(story.jti)
    assert line["nonce_age_max_s"] == LEAD_S - line["clock_difference_s"] and 0 <= line["nonce_age_max_s"] < LEAD_S + 30
    assert "was sent before" in told and f"; the first of them was accepted at most {line['nonce_age_max_s']} s earlier" in told
    assert not [line for line in story.decisions() if "nonce_age_max_s" in line and line["code"] != "nonce_used"]


def test_what_became_of_this_request(story):
    (line,) = story.decisions(code="nonce_used")
    told = story.why(line["request_id"])
    assert "nonce_used" in told and "GET http://api.example/photos," in told


def test_what_was_decided_about_a_users_requests(story):
    told = story.why(story.sub)
    assert "refused with nonce_used" in told and f", user {story.sub}" in told
    (line,) = story.decisions(code="signature_invalid", handler="introspect")
    assert line["sub"] == story.sub and "sub" not in story.decisions(code="parameter_rejected")[0]


def test_a_refusal_that_names_no_client_is_told_where_it_is_asked_for(story):
    outcome = story.provider.command("why", story.client.client_id, "--log", story.log)
    assert "parameter_rejected" not in outcome.out
    assert "refusals in which no client is known: 1 " in outcome.err and "resource server" in outcome.err, outcome.err
    outcome = story.provider.command("why", "photo-api", "--log", story.log)
    assert "parameter_rejected" in outcome.out and "no client is known" not in outcome.err, outcome


def test_what_happened_within_one_second_comes_in_its_order(story, tmp_path):
    """Lines of two services, whose logs are read one after the other."""
    def line(ms, code):
        return json.dumps({"time": f"2026-11-28T14:02:07.{ms:03}Z", "level": "info", "message": "decision", "client_id": "twin",
                           "verdict": "refused", "code": code, "request_id": "r"}) + "\n"

    (tmp_path / "one.log").write_text(line(250, "nonce_used") + line(900, "token_revoked"))
    (tmp_path / "two.log").write_text(line(40, "token_expired") + line(600, "timestamp_refused"))
    told = story.provider.command("why", "twin", "--log", tmp_path / "one.log", "--log", tmp_path / "two.log").out
    assert re.findall(r"refused with (\w+)", told) == ["token_expired", "nonce_used", "timestamp_refused", "token_revoked"]


def test_a_log_without_an_answer_is_told_of(story, tmp_path):
    def told(text):
        return story.provider.command("why", story.client.client_id, "--log", "-", stdin=text)

    empty = told("")
    assert empty.code == 0 and "--log -: not one line was there to read" in empty.err, empty
    prefixed = "".join(f"auth-service-1  | {line}\n" for line in story.log.read_text().splitlines())
    count = len(prefixed.splitlines())
    assert f"--log -: no decision is among its {count} lines" in told(prefixed).err and "--no-log-prefix" in told(prefixed).err
    plain = told(story.log.read_text()).err
    assert "not one line" not in plain and "no decision is among" not in plain, plain
    (tmp_path / "empty.log").write_text("")
    both = story.provider.command("why", story.client.client_id, "--log", tmp_path / "empty.log", "--log", story.log)
    assert f"--log {tmp_path / 'empty.log'}: not one line" in both.err and "signature_invalid" in both.out
    assert "not one line" not in story.provider.command("why", "nobody", "--log", "-", "--quiet", stdin="").err


def test_a_user_is_found_by_name_too(story):
    assert story.audit("--user", "jane") == story.audit("--user", story.sub) != []
    assert story.audit("--user", "nobody") == []
    assert f"whose sub is {story.sub}" in story.provider.command("why", "jane").err


def test_a_stranger_does_not_choose_what_is_told_of_a_request(story):
    assert story.named != CHOSEN_ID and "signature_invalid" in story.why(story.named)
    assert story.provider.command("why", CHOSEN_ID, "--log", story.log).code == 1


def test_who_revoked_this_token(story):
    (row,) = [row for row in story.audit() if row["what"] == "token.revoke"]
    assert (row["who"], row["subject"]) == (ME, story.jti) and f"{ME} did token.revoke to {story.jti}" in story.why(story.jti)


def test_who_allowed_this_client(story):
    rows = story.audit("--client", story.client.client_id, "--user", story.sub)
    assert "access.grant" in [row["what"] for row in rows]
    assert all(len(row["request_id"]) == 32 for row in rows if row["what"] == "access.grant")


def test_did_somebody_guess_this_users_password(story):
    """One row a minute, however often; the story may have met the turn of one."""
    failed = [row for row in story.audit("--user", story.sub) if row["what"] == "login.failed"]
    assert 1 <= len(failed) <= 2 and {row["subject"] for row in failed} == {story.sub}


def test_who_logged_in_and_out(story):
    rows = [row for row in story.audit("--actor", f"user:{story.sub}", "--user", story.sub) if row["what"] != "access.grant"]
    assert [row["what"] for row in rows] == ["login.password", "login.password", "logout"]
    assert {row["subject"] for row in rows} == {story.sub} and {len(row["request_id"]) for row in rows} == {32}


def test_who_made_this_client(story):
    done = [row for row in story.audit("--actor", ME, "--client", story.client.client_id)]
    assert [row["what"] for row in done] == ["client.create", "token.revoke"]


def test_what_happened_between_two_times(story):
    assert story.audit("--since", "1h") == story.audit() and story.audit("--until", "1h") == []
    assert story.audit("--since", "2026-01-01T00:00", "--until", "2026-01-02") == []
    refused = story.provider.command("audit", "--since", "yesterday")
    assert refused.code == 2 and "--since yesterday: is no time" in refused.err


def test_an_answer_says_what_may_be_missing(story):
    with_log = story.provider.command("why", story.client.client_id, "--log", story.log)
    assert "one in a hundred" in with_log.err
    assert "no log was read" in story.provider.command("why", story.client.client_id).err
    assert story.provider.command("why", "nobody", "--log", story.log).code == 1
    assert story.provider.command("why", "nobody", "--log", "nowhere").code == 2


def test_a_followed_audit_log_shows_new_rows(story):
    if not isinstance(story.made, Embedded):
        pytest.skip("the same code; Redis and MariaDB add nothing")
    follower = subprocess.Popen([story.provider.bin / "auth-service", "audit", "--follow", "--actor", ME, "--format", "table"],
                                stdout=subprocess.PIPE, text=True, cwd=story.provider.directory,
                                env=clean_environment(story.provider.variables))
    try:
        made = story.provider.create_client(name="new")
        assert any(made.client_id in line for line in follower.stdout)
    finally:
        follower.kill()
        follower.communicate()


def test_the_janitor_prunes_the_audit_log(story):
    if not isinstance(story.made, Embedded):
        pytest.skip("the rule is the same statement")
    for days in (31, 401):
        at = int(time.time() * 1000) - days * 24 * 3600 * 1000
        story.made.sql(f"INSERT INTO audit (who, what, subject, at) VALUES ('x', 'too.old', 'y', {at})")
    before = len(story.audit())
    assert story.provider.expect("janitor")["audit"] == 1 and len(story.audit()) == before - 1
    kept = story.provider.command("janitor", "--format", "json", OAUTH1_AUDIT_RETENTION="30")
    assert kept.code == 0 and json.loads(kept.out)["audit"] == 1 and len(story.audit()) == before - 2


def test_no_secret_is_in_a_log_the_audit_log_or_a_metric(story):
    shown = story.log.read_text() + story.metrics + json.dumps(story.audit()) + story.why(story.client.client_id)
    assert len(story.decisions()) > 5
    for secret in story.secrets:
        assert secret not in shown, secret


def test_what_was_typed_as_a_name_is_nowhere(story):
    assert CANARY_NAME.encode() not in kept(story.made)
