"""Lists for people: a line a record below a header, however many there are; no wider than the terminal, and whole elsewhere."""

import fcntl
import json
import os
import pty
import re
import struct
import subprocess
import termios
import time
import unicodedata

import pytest
from harness.fleet import release_binaries
from harness.provider import BIN, PASSWORD, ROOT, Provider, clean_environment

MANY = 5000
LONG = "Häuser 日本語 " * 12  # of 240 bytes


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    made = Provider(tmp_path_factory.mktemp("tables"), bin=release_binaries())
    made.create_user("jane", PASSWORD)
    lines = [{"client_id": f"client-{i}", "client_secret": "s" * 40, "name": f"Client {i}" if i % 7 == 1 else LONG,
              "scope": "photos:read photos:write", "contact": f"{i}@shop.example"} for i in range(MANY)]
    tokens = [{"oauth_token": f"token-{i:040}", "oauth_token_secret": "s" * 40, "client_id": f"client-{i}", "username": f"user {i}"}
              for i in range(300)]
    for what, records in (("client", lines), ("token", tokens)):
        done = made.command(what, "import", stdin="".join(json.dumps(record) + "\n" for record in records))
        assert done.code == 0, done
    return made


def on_terminal(provider, *words, columns=80, told=None):
    """The lines that somebody sees in a terminal of that many columns; `told`: COLUMNS."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    variables = {**provider.variables, **({"COLUMNS": str(told)} if told else {})}
    environment = clean_environment(variables)
    if told is None:
        environment.pop("COLUMNS", None)
    process = subprocess.Popen([provider.bin / "auth-service", *words], stdout=slave, stderr=subprocess.PIPE, env=environment,
                               cwd=provider.directory)
    os.close(slave)
    seen = b""
    while True:
        try:
            seen += os.read(master, 65536)
        except OSError:  # all that held the other side are gone
            break
    os.close(master)
    assert process.wait() == 0, process.stderr.read()
    return seen.decode().replace("\r\n", "\n").splitlines()


def width(line):
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in line)


@pytest.mark.parametrize("columns", [40, 80, 132])
@pytest.mark.parametrize("command", ["client list", "token list", "user list", "audit", "resource-server list"])
def test_no_line_is_wider_than_the_terminal(shop, command, columns):
    lines = on_terminal(shop, *command.split(), columns=columns)
    assert all(width(line) <= columns for line in lines), [line for line in lines if width(line) > columns][:3]
    if command == "client list":
        assert len(lines) == 1 + MANY and "…" in lines[1]
        assert columns < 80 or all(line.split()[0] == f"client-{i}" for i, line in enumerate(lines[1:]))  # to be copied
        if columns >= 80:  # what stands in a column begins below its name
            begin = [m.start() for m in re.finditer(r"\S+", lines[0])]
            assert all(line[at - 1] == " " and line[at] != " " for line in (lines[2], lines[9]) for at in begin[1:])


@pytest.fixture(scope="module")
def long_ids(tmp_path_factory):
    """A provider; and a client, a resource server and a token with ids as they are generated, and what was done to them."""
    shop = Provider(tmp_path_factory.mktemp("ids"))
    client = shop.expect("client", "create", "--name", LONG, "--scope", "photos:read photos:write")["client_id"]
    key = "a-photo-api-in-frankfurt"
    for words in (["client", "rotate-secret", client], ["resource-server", "create", "--name", key, "--origin", "https://a.example"],
                  ["resource-server", "rotate-key", key]):
        assert shop.command(*words).code == 0
    shop.create_user("jane", PASSWORD)
    line = {"oauth_token": "t" * 40, "oauth_token_secret": "s" * 40, "client_id": client, "username": "jane"}
    assert shop.command("token", "import", stdin=json.dumps(line) + "\n").code == 0
    (token,) = shop.expect("token", "list", "--client", client)
    return shop, client, key, token["jti"]


def test_what_a_list_is_read_for_is_not_cut_at_80_columns(long_ids):
    shop, client, key, jti = long_ids
    lines = on_terminal(shop, "audit")
    assert lines[0].split() == ["AT", "WHO", "WHAT", "SUBJECT", "…"]
    assert any(f"  client.rotate-secret  {client}" in re.sub("   +", "  ", line) for line in lines), lines[-4:]
    assert any(f"  resource-server.rotate-key  {key}" in re.sub("   +", "  ", line) for line in lines), lines
    assert all(re.match(r"20\d\d-\d\d-\d\d \d\d:\d\d  \S", line) for line in lines[1:])
    assert any(line.startswith(f"{client}  ") for line in on_terminal(shop, "client", "list")), client
    assert any(jti in line and client in line for line in on_terminal(shop, "token", "list", "--client", client)), jti
    assert any(line.startswith(f"{key}  ") for line in on_terminal(shop, "resource-server", "list"))


def test_a_column_is_left_out_or_cut_only_where_it_has_to_be(long_ids):
    shop, client, *_ = long_ids
    wide = on_terminal(shop, "audit", columns=200)
    assert wide[0].split() == ["AT", "WHO", "WHAT", "SUBJECT", "CLIENT_ID", "SUB", "REQUEST_ID"] and not any("…" in line for line in wide)
    assert on_terminal(shop, "token", "list", "--client", client, columns=200)[0].split()[-1] == "REVOKED_AT"


def test_an_id_is_not_shown_twice_in_a_row_of_the_audit_log(long_ids):
    shop, client, *_ = long_ids
    (row,) = [line for line in shop.command("audit", "--client", client).out.splitlines() if "client.rotate-secret" in line]
    assert re.split(r"  +", row)[3:] == [client, "-", "-", "-"]
    assert shop.expect("audit", "--client", client)[0]["client_id"] == client  # what programs read has all of it


def test_a_row_that_comes_later_is_not_cut_where_the_list_is_read_for_it(long_ids):
    """On a terminal columns stay where they are; of those first rows WHAT is short."""
    shop = long_ids[0]
    client = shop.expect("client", "create", "--name", "x", "--id", "short")["client_id"]
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 100, 0, 0))
    process = subprocess.Popen([shop.bin / "auth-service", "audit", "--client", client, "--follow"], stdout=slave,
                               env=clean_environment(shop.variables), cwd=shop.directory)
    os.close(slave)
    try:
        seen = ""
        while "client.create" not in seen:
            seen += os.read(master, 65536).decode()
        assert shop.command("client", "rotate-secret", client).code == 0
        while "\n" not in seen.partition("client.create")[2].partition("\n")[2]:
            seen += os.read(master, 65536).decode()
        assert "client.rotate-secret  short" in seen, seen
    finally:
        process.terminate()
        process.wait()
        os.close(master)


def test_the_migrations_are_a_line_each_and_the_verdict_comes_last(long_ids):
    shop = long_ids[0]
    count = len(list((ROOT / "common/durable/migrations/sqlite").glob("*.sql")))
    lines = shop.command("migrate", "status").out.splitlines()
    assert lines[0].split() == ["NUMBER", "NAME", "APPLIED_AT"] and len(lines) == 1 + count + 1
    assert lines[-1] == "the schema is the one that this version needs"
    rows = shop.expect("migrate", "status")
    assert len(rows) == count and rows[0]["applied"] is True and rows[0]["number"] == 1 and rows[0]["applied_at"] > 0
    assert shop.command("migrate", "status", "--quiet").out.count("\n") == count


def test_columns_says_how_wide_the_terminal_is(shop):
    wide = on_terminal(shop, "client", "list", columns=40, told=120)
    assert max(map(width, wide)) > 80 and all(width(line) <= 120 for line in wide)


def test_elsewhere_every_value_is_whole_and_on_the_line_of_its_record(shop):
    lines = shop.command("client", "list", COLUMNS="40").out.splitlines()
    assert re.split(r"  +", lines[0]) == ["CLIENT_ID", "NAME", "SCOPE", "DISABLED", "APPROVAL", "CREATED_AT"]
    assert len(lines) == 1 + MANY and not any("…" in line for line in lines)
    assert LONG.strip() in lines[1] and re.split(r"  +", lines[2])[:5] == [
        "client-1", "Client 1", "photos:read photos:write", "false", "approved"]
    assert shop.command("client", "list", "--quiet").out.splitlines()[0].startswith("client-0 ")
    assert re.split(r"  +", shop.command("token", "list", "--client", "client-3").out.splitlines()[1])[6:] == ["-", "-", "-"]


def test_what_programs_read_says_all(shop):
    rows = shop.expect("client", "list")
    assert len(rows) == MANY and rows[3]["contact"] == "3@shop.example" and rows[7]["name"] == LONG
    shown = shop.command("client", "list", "--format", "env").out
    assert shown.count("CONTACT=") == MANY


def test_a_followed_list_is_seen_as_it_grows(shop):
    with subprocess.Popen([BIN / "auth-service", "audit", "--client", "client-9", "--follow"], stdout=subprocess.PIPE, text=True,
                          env=clean_environment(shop.variables), cwd=shop.directory) as process:
        for deed in ("disable", "enable"):
            assert shop.command("client", deed, "client-9").code == 0
            while f"client.{deed}" not in (line := process.stdout.readline()):
                assert line, "it ended"
        process.terminate()


def peak_kb(pid):
    with open(f"/proc/{pid}/status") as status:
        return int(re.search(r"VmHWM:\s+(\d+) kB", status.read()).group(1))


def test_many_rows_take_no_more_memory_than_few_and_no_time_to_speak_of(shop):
    """Its memory is looked at while it waits for a reader: behind the first rows, and before the last ones."""
    begin = time.monotonic()
    with subprocess.Popen([shop.bin / "auth-service", "client", "list"], stdout=subprocess.PIPE, bufsize=0, cwd=shop.directory,
                          env=clean_environment(shop.variables)) as process:
        fcntl.fcntl(process.stdout, fcntl.F_SETPIPE_SZ, 4096)
        rows, peaks = 0, []
        while data := process.stdout.read(4096):
            rows += data.count(b"\n")
            if (not peaks and rows > 400) or (len(peaks) == 1 and rows > MANY - 300):
                peaks.append(peak_kb(process.pid))
    assert process.returncode == 0 and rows == 1 + MANY
    print(peaks, time.monotonic() - begin)
    assert max(peaks) < 13000 and peaks[1] - peaks[0] < 2048, peaks  # SQLite's cache grows to 2 MB
    assert time.monotonic() - begin < 10
