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
from harness.provider import BIN, PASSWORD, Provider, clean_environment

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
