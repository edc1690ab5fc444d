"""Imports by the admin port (docs/admin-api.md): all lines of a call or none, and the import commands with --server."""

import json
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from harness.provider import API, BIN, clean_environment
from harness.running import KINDS, running_on
from harness.signer import Signer
from harness.site import ADMIN_TOKEN, LOGIN_TOKEN, READ_TOKEN
from test_admin_api import VARIABLES, Admin, audit_of

DONE, REFUSED, USAGE, STORE = 0, 1, 2, 3
TABLES = ("clients", "users", "tokens", "audit", "changes")
LINES = {"Content-Type": "application/x-ndjson"}


@pytest.fixture(scope="module", params=KINDS)
def running(request, tmp_path_factory):
    with running_on(request.param, tmp_path_factory.mktemp(request.param), **VARIABLES) as made:
        (made.provider.directory / "token").write_text(ADMIN_TOKEN)
        yield made


@pytest.fixture(scope="module")
def admin(running):
    return Admin(running.provider.admin_url)


def text_of(*records):
    return "".join((record if isinstance(record, str) else json.dumps(record)) + "\n" for record in records)


def send(admin, *records, status=200, query="", **options):
    return admin.call("POST", f"import{query}", status, data=text_of(*records).encode(), headers=LINES, **options).json()


def client(name, **more):
    return {"client_id": name, "client_secret": f"secret of {name}", "scope": "photos:read", **more}


def token(name, of, username="kim", **more):
    return {"oauth_token": name, "oauth_token_secret": f"secret of {name}", "client_id": of, "username": username, **more}


def counts(**numbers):
    return {"imported": 0, "skipped": 0, "users_created": 0, "dry_run": False, "refused": [], **numbers}


def rows_of(running):
    return {table: running.sql(f"SELECT COUNT(*) FROM {table}") for table in TABLES}


# ---- the call


def test_clients_users_and_tokens_of_another_provider_go_on(running, admin):
    provider, key = running.provider, running.provider.create_resource_server(name="whole-api")
    lines = (client("whole"), {"username": "whole-kim", "email": "kim@a.example"}, "", token("whole-t", "whole", "whole-kim"),
             token("whole-u", "whole", None, sub="site-7"))
    assert send(admin, *lines) == counts(imported=4, users_created=1)
    for name, user in (("whole-t", "whole-kim"), ("whole-u", "site-7")):
        signer = Signer("whole", "secret of whole", name, f"secret of {name}")
        answer = provider.introspect(key, signer.sign("GET", API + "/photos")).json()
        assert answer["active"] and answer["username"] == user, answer
    assert audit_of(running, "whole") == [["operator", "client.import"]]
    assert audit_of(running, "whole-kim") == [["operator", "user.import"]]
    before = rows_of(running)
    assert send(admin, *lines) == counts(skipped=4)
    assert rows_of(running) == before


def test_one_line_that_is_refused_lets_none_be_imported(running, admin):
    before = rows_of(running)
    answer = send(admin, client("none-a"), "", {"username": "none@b"}, token("none-t", "none-a"), token("none-u", "nobody"), "{",
                  client("none-c", callbacks=["javascript:x"]), status=400)
    assert [row["line"] for row in answer["refused"]] == [3, 5, 6, 7]
    for row, words in zip(answer["refused"], ("has an '@'", "there is no client nobody", "JSON", "callback javascript:x")):
        assert words in row["why"], row
    assert "4 of 6 lines" in answer["detail"], answer
    assert rows_of(running) == before
    assert send(admin, client("none-a"), token("none-t", "none-a")) == counts(imported=2, users_created=1)


def test_a_dry_run_says_what_would_become_of_each_line_and_writes_nothing(running, admin):
    before = rows_of(running)
    lines = client("dry"), client("dry"), token("dry-t", "dry", "dry-kim"), {}
    for query in ("?dry_run=true", "?dry_run=true&kind=client"):
        of_kind = "kind" in query
        answer = send(admin, *lines, query=query)
        refused = [row["line"] for row in answer.pop("refused")]
        assert refused == ([3, 4] if of_kind else [4])
        assert answer == {"imported": 1 if of_kind else 2, "skipped": 1, "users_created": 0 if of_kind else 1, "dry_run": True}
    assert rows_of(running) == before


def test_a_line_is_read_as_what_its_members_say_or_the_call(admin):
    def why(record, query="?dry_run=true"):
        return send(admin, record, query=query)["refused"][0]["why"]

    assert why({"oauth_token": "t"}) == "read as a token: oauth_token_secret is required"
    assert why({"client_id": "c", "x": 1}).startswith("read as a client: ")
    assert why({"name": "c"}).startswith("read as a user: ")
    assert why([]).startswith("read as a user: ")
    assert "username" in why({"username": "u"}, "?dry_run=true&kind=client")
    for kind in ("user", "token"):
        assert "unknown member" in why(client("of-kind"), f"?dry_run=true&kind={kind}")


@pytest.mark.parametrize("status, words, query, body, headers", [
    (400, "there is no line", "", b"", LINES),
    (400, "there is no line", "", b"\n \n\n", LINES),
    (400, "at most", "", None, LINES),
    (400, "kind: it is client, user or token", "?kind=clients", b"{}", LINES),
    (400, "kind: it is client, user or token", "?kind=", b"{}", LINES),
    (400, "dry_run: it is true or false", "?dry_run=yes", b"{}", LINES),
    (400, "no such parameter", "?dryrun=true", b"{}", LINES),
    (400, "twice", "?kind=user&kind=user", b"{}", LINES),
    (415, "application/x-ndjson", "", b"{}", {"Content-Type": "application/json"}),
    (415, "application/x-ndjson", "", b"{}", {}),
])
def test_a_wrong_call_is_told(running, admin, status, words, query, body, headers):
    before = rows_of(running)
    if body is None:
        body, words = text_of(*(client(f"many {i}") for i in range(501))).encode(), "a call takes 500 lines"
    answer = admin.call("POST", f"import{query}", status, data=body, headers=headers).json()
    assert words in answer["detail"] and "refused" not in answer, answer
    assert rows_of(running) == before


def test_a_body_has_a_bound_and_so_has_a_line(running, admin):
    before = rows_of(running)
    admin.call("POST", "import", 413, data=b"x" * (2 * 1024 * 1024 + 1), headers=LINES)
    answer = send(admin, client("bound", description="d" * 66000), client("bound-2"), status=400)
    assert [row["line"] for row in answer["refused"]] == [1] and "longer than 65536 bytes" in answer["refused"][0]["why"]
    assert rows_of(running) == before


def test_who_may_not_manage_imports_nothing(running, admin):
    before = rows_of(running)
    for bearer, words in ((READ_TOKEN, "role read"), (LOGIN_TOKEN, "OAUTH1_LOGIN_TOKEN")):
        for query in ("", "?dry_run=true"):
            assert words in send(admin, client("rights"), status=403, query=query, token=bearer)["detail"]
    send(admin, client("rights"), status=401, token="x" * 40)
    assert rows_of(running) == before


def test_who_imports_the_same_at_once_gets_each_line_once(running, admin):
    lines = [client("at-once"), *(token(f"at-once-{i}", "at-once", f"at-once-{i % 9}") for i in range(120))]
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda _: send(admin, *lines), range(6)))
    assert sum(answer["imported"] for answer in answers) == len(lines)
    assert sum(answer["users_created"] for answer in answers) == 9
    assert all(answer["imported"] + answer["skipped"] == len(lines) for answer in answers)
    assert running.sql("SELECT COUNT(*) FROM tokens WHERE jti IN (SELECT subject FROM audit WHERE what = 'token.import') AND "
                       "client = (SELECT id FROM clients WHERE client_id = 'at-once')") in ([["120"]], [[120]])


# ---- the commands with --server


def there(running, *words, **options):
    return running.provider.command(*words, "--server", running.provider.admin_url, "--admin-token-file", "token",
                                    OAUTH1_DATABASE_URL="sqlite:/nowhere/at/all.db", **options)


def both(running, what, lines, *options):
    """On the stores and by the server, WAY a name of its own: what is printed and said."""
    outcomes, reports = [], []
    for way, run in (("store", running.provider.command), ("remote", lambda *words, **more: there(running, *words, **more))):
        report = running.provider.directory / f"report {way}"
        report.unlink(missing_ok=True)
        words = [option.replace("WAY", way) for option in options]
        done = run(what, "import", *words, "--format", "json", stdin=lines.replace("WAY", way))
        said = "".join(line for line in done.err.splitlines(True) if ": up to line " not in line)  # where it takes long
        outcomes.append((done.code, done.out, said.replace(way, "WAY")))
        reports.append(report.read_text().replace(way, "WAY") if report.exists() else None)
    assert outcomes[1] == outcomes[0]
    assert reports[1] == reports[0]
    return outcomes[0], reports[0]


def test_the_commands_do_by_the_server_what_they_do_on_the_stores(running):
    good = [client(f"WAY {i}") for i in range(3)]
    bad = "", "{", client("WAY 1", client_secret="another"), {"client_id": "WAY x"}, token("t", "WAY 0"), client("WAY y", description="d" * 66000)
    (code, out, err), _ = both(running, "client", text_of(*good[:2], *bad[:2], good[1], *bad[2:], good[2]))
    assert code == REFUSED and json.loads(out) == {"imported": 3, "skipped": 1, "refused": 5, "users_created": 0, "dry_run": False}
    for number, words in ((4, "JSON"), (6, "another secret"), (7, "client_secret or"), (8, "oauth_token"), (9, "longer than")):
        assert f"client import: line {number}: " in err and words in err, err
    assert both(running, "client", text_of(*good))[0][:1] == (DONE,)
    users = text_of({"username": "WAY"}, {"username": "a@WAY"}, {"username": "WAY", "email": "WAY@a.example"})
    assert both(running, "user", users)[0][0] == REFUSED
    tokens = text_of(token("WAY t", "WAY 0", "WAY"), token("WAY u", "WAY 0", "WAY new"), token("WAY v", "nobody"), token("WAY t", "WAY 0", "WAY"))
    for options in (["--dry-run"], ["--report", "report WAY"], ["--from-line", "3"], ["--dry-run", "--quiet"]):
        (code, out, err), report = both(running, "token", tokens, *options)
        assert code == REFUSED and json.loads(out)["refused"] == 1, (out, err)
        assert (report is None) != (options[0] == "--report")
    assert both(running, "token", "")[0][0] == DONE
    assert both(running, "token", text_of(token("WAY w", "nobody")), "--from-line", "2")[0][0] == DONE


def test_a_file_of_more_than_a_call_takes_is_sent_in_several(running):
    tokens = [token(f"WAY big {i}", "WAY big", f"WAY {i % 7}") for i in range(1203)]
    assert both(running, "client", text_of(client("WAY big")))[0][0] == DONE
    (code, out, err), _ = both(running, "token", text_of(*tokens[:600], "", "no JSON", *tokens[600:]))
    assert code == REFUSED and json.loads(out)["imported"] == 1203 and json.loads(out)["users_created"] == 7
    assert err.startswith("token import: line 602: ") and err.count("\n") == 1, err
    large = [client(f"WAY large {i}", description="d" * 8000) for i in range(400)]  # 3 MB
    assert json.loads(both(running, "client", text_of(*large))[0][1])["imported"] == 400


def test_a_text_that_is_too_long_refuses_its_line_alone_on_either_store(running):
    """MySQL's columns have a length, SQLite's none."""
    lines = [client("WAY fits", description="d" * 8192), client("WAY long", description="d" * 9000), client("WAY fits too")]
    (code, out, err), _ = both(running, "client", text_of(*lines))
    assert code == REFUSED and json.loads(out)["imported"] == 2
    assert err == "client import: line 2: description: it has 9000 bytes, and 8192 are the most\n"
    assert running.provider.command("client", "get", "remote long").code == REFUSED


@pytest.mark.parametrize("bearer", [READ_TOKEN, LOGIN_TOKEN, "x" * 40])
def test_the_commands_need_the_right_to_manage(running, bearer):
    (running.provider.directory / "other").write_text(bearer)
    before = rows_of(running)
    done = running.provider.command("client", "import", "--server", running.provider.admin_url, "--admin-token-file", "other",
                                    stdin=text_of(client("right")))
    assert (done.code, done.out) == (REFUSED, "") and "--admin-token-file other: the server" in done.err, done
    assert rows_of(running) == before


def test_a_run_that_the_server_left_goes_on_where_it_was(running):
    """The service goes away between two calls of one run."""
    provider = running.provider
    lines = [text_of(client(f"left {i}")) for i in range(1200)]
    run = subprocess.Popen([BIN / "auth-service", "client", "import", "--server", provider.admin_url, "--admin-token-file", "token"],
                           stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=provider.directory,
                           env=clean_environment(provider.variables))
    run.stdin.writelines(lines[:501])
    run.stdin.flush()
    until = time.monotonic() + 30
    while running.sql("SELECT COUNT(*) FROM clients WHERE client_id LIKE 'left %'")[0][0] not in ("500", 500):
        assert time.monotonic() < until
        time.sleep(0.05)
    auth = getattr(provider, "auths", None) or [provider.auth]
    for service in auth:
        service.stop()
    out, err = run.communicate("".join(lines[501:]), timeout=60)
    assert run.returncode == STORE and "up to line 500 stays" in err and "--from-line 501" in err, (out, err)
    for service in auth:
        service.start()
    done = there(running, "client", "import", "--from-line", "501", "--format", "json", stdin="".join(lines))
    assert done.code == DONE and json.loads(done.out)["imported"] == 700, done
    assert running.sql("SELECT COUNT(*) FROM clients WHERE client_id LIKE 'left %'") in ([["1200"]], [[1200]])
