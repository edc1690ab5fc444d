"""Completion in shells and manual pages: both name every command, option and variable that --help does, and real shells and
a real man read them."""

import os
import pty
import re
import select
import shlex
import subprocess
import time

import pytest

from harness.provider import ALL_METHODS, BIN, SANITIZER_WORDS, clean_environment

BINARIES = ["auth-service", "introspection-service"]


def run(binary, *words, code=0):
    done = subprocess.run([BIN / binary, *words], capture_output=True, text=True, env=clean_environment({}), timeout=60)
    assert done.returncode == code and not any(word in done.stderr for word in SANITIZER_WORDS), done
    return done.stdout if code == 0 else done.stderr


def commands_of(binary):
    return [line[2:28].strip() for line in run(binary, "--help").splitlines() if line.startswith("  ")]


def options_of(binary, command):
    """{its option: the value's name, "" for a flag}, by its --help."""
    shown = run(binary, *command.split(), "--help").partition("Options:\n")[2].partition("\n\n")[0]
    return dict(re.findall(r"^  (--[\w-]+) ?([A-Z]\S*|\S*\|\S*)?", shown, re.M))


def variables_of(binary):
    return re.findall(r"^  (--[\w-]+) \S+, (OAUTH1_\w+)$", run(binary, "serve", "--help"), re.M)


@pytest.fixture(scope="module", params=BINARIES)
def script(request, tmp_path_factory):
    path = tmp_path_factory.mktemp("completion") / f"{request.param}.bash"
    path.write_text(run(request.param, "completion", "bash"))
    return request.param, path


def complete(script, lines):
    """What bash offers for the last word of each line."""
    binary, path = script
    asked = "".join(f"COMP_WORDS=({' '.join(map(shlex.quote, words))}); COMP_CWORD={len(words) - 1}; "
                    f"_{binary.replace('-', '_')}; printf '%s\\n' \"${{COMPREPLY[*]@Q}}\"\n" for words in lines)
    done = subprocess.run(["bash", "--norc", "-c", f"source {path}\n{asked}"], capture_output=True, text=True, cwd=path.parent)
    assert done.returncode == 0 and done.stderr == "", done.stderr
    return [shlex.split(line) for line in done.stdout.split("\n")[:-1]]


def test_bash_offers_every_command_and_every_option_of_it(script):
    binary = script[0]
    commands = commands_of(binary)
    assert len(commands) > 5
    (first,) = complete(script, [[binary, ""]])
    assert set(first) == {"--help", "--version"} | {command.split()[0] for command in commands}
    groups = {command.split()[0] for command in commands if " " in command}
    for group, offered in zip(groups, complete(script, [[binary, group, ""] for group in groups])):
        assert set(offered) == {"--help"} | {command.split()[1] for command in commands if command.startswith(f"{group} ")}
    for command, offered in zip(commands, complete(script, [[binary, *command.split(), "--"] for command in commands])):
        assert set(offered) == set(options_of(binary, command)), command


def test_bash_offers_the_configuration_where_the_command_takes_one(script):
    binary = script[0]
    flags = variables_of(binary)
    assert len(flags) > 30
    begun = [[binary, "serve", flag] for flag, _ in flags]
    assert all({flag, f"{flag}-file"} <= set(offered) for (flag, _), offered in zip(flags, complete(script, begun)))
    assert complete(script, [[binary, "healthcheck", "--database-u"], [binary, "man", "--database-u"]]) == [
        ["--database-url", "--database-url-file"], []]
    assert complete(script, [[binary, "serve", "--log-level", "w"], [binary, "serve", "--log-level", "=", "w"]]) == [["warn"]] * 2


def test_bash_offers_the_values_that_there_are(script):
    binary, path = script
    (path.parent / "a key.pem").write_text("")
    (path.parent / "a folder").mkdir(exist_ok=True)
    offered = complete(script, [[binary, "config", "print", "--format", ""], [binary, "config", "print", "--format", "="],
                                [binary, "completion", ""], [binary, "serve", "--tls-key", "a "],
                                [binary, "serve", "--secrets-keys-file", "a k"], [binary, "man", "--into", "a"],
                                [binary, "serve", "--realm", ""]])
    assert offered == [["table", "json", "env", "markdown"], ["table", "json", "env", "markdown"], ["bash", "fish"],
                       ["a folder", "a key.pem"], ["a key.pem"], ["a folder"], []]


def test_bash_offers_the_signature_methods(script):
    if script[0] == "auth-service":
        methods = ALL_METHODS.split(",")
        begun = [["auth-service", *words, "--signature-method", ""] for words in (["sign"], ["client", "create"], ["client", "update"],
                                                                                ["perform", "three-legged"])]
        assert complete(script, begun) == [methods] * len(begun)


def test_a_script_is_good_shell(script):
    print(subprocess.run(["shellcheck", script[1]], check=True, capture_output=True, text=True).stdout)


class Terminal:
    """A bash that somebody types into."""

    def __init__(self, folder):
        self.shown = ""
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.chdir(folder)
            os.execvpe("bash", ["bash", "--norc", "--noprofile", "-i"], {"PATH": f"{BIN}:{os.environ['PATH']}", "TERM": "dumb",
                                                                        "PS1": "> ", "HISTFILE": "/dev/null"})

    def type(self, text, until):
        os.write(self.fd, text.encode())
        begin, end = len(self.shown), time.monotonic() + 20
        while until not in self.shown[begin:]:
            assert time.monotonic() < end, self.shown
            if select.select([self.fd], [], [], 0.2)[0]:
                self.shown += os.read(self.fd, 4096).decode()
        return self.shown[begin:]

    def close(self):
        os.write(self.fd, b"\x03\x04")
        os.close(self.fd)
        os.waitpid(self.pid, 0)


def test_somebody_who_presses_tab_gets_there(tmp_path):
    (tmp_path / "the secret").write_text("kept\n")
    terminal = Terminal(tmp_path)
    try:
        terminal.type("source <(auth-service completion bash); echo so'urced'\n", "sourced")
        terminal.type("auth-service cli\t", "client ")
        terminal.type("cr\t", "eate ")
        terminal.type("--secret-f\t", "ile ")
        terminal.type("the\t", "\\ secret ")
        terminal.type("--format js\t", "on ")
    finally:
        terminal.close()


def test_fish_and_zsh_offer_the_same(tmp_path):
    for binary in BINARIES:
        (tmp_path / f"{binary}.fish").write_text(run(binary, "completion", "fish"))
        (tmp_path / f"{binary}.bash").write_text(run(binary, "completion", "bash"))
        asked = [f"{binary} ", *(f"{binary} {command} --" for command in commands_of(binary))]
        script = f"source {tmp_path}/{binary}.fish\n" + "".join(f"complete -C {shlex.quote(line)}\necho =\n" for line in asked)
        done = subprocess.run(["fish", "--no-config", "-c", script], capture_output=True, text=True, cwd=tmp_path,
                              env={**os.environ, "HOME": str(tmp_path)}, check=True)
        assert done.stderr == ""
        first, *rest = [{line.split("\t")[0] for line in part.splitlines()} for part in done.stdout.split("=\n")[:-1]]
        assert first == {command.split()[0] for command in commands_of(binary)}
        for command, offered in zip(commands_of(binary), rest):
            flags = {flag for flag, _ in variables_of(binary)} if command == "serve" else set()
            assert offered == set(options_of(binary, command)) | flags, command
        subprocess.run(["zsh", "-fc", f"autoload -U compinit bashcompinit && compinit -u -D && bashcompinit && "
                        f"source {tmp_path}/{binary}.bash && (( $+_comps[{binary}] ))"], check=True, cwd=tmp_path)


# ---- manual pages


def rendered(page):
    """As a reader sees it; any warning is a fault."""
    environment = {**os.environ, "LC_ALL": "C.UTF-8", "MANWIDTH": "100", "MAN_KEEP_FORMATTING": ""}
    done = subprocess.run(["man", "--warnings", "--encoding=UTF-8", "--local-file", page], capture_output=True, text=True,
                          env=environment)
    assert done.returncode == 0 and done.stderr == "", (page, done.stderr)
    return re.sub(r"\x1b\[[\d;]*m|.\x08", "", done.stdout)


@pytest.mark.parametrize("binary", BINARIES)
def test_manual_pages_name_every_command_option_and_variable(binary, tmp_path):
    run(binary, "man", "--into", str(tmp_path))
    commands = commands_of(binary)
    names = {command: f"{binary}-{command.replace(' ', '-')}" for command in commands}
    assert {page.name for page in tmp_path.iterdir()} == {f"{binary}.1"} | {f"{name}.1" for name in names.values()}
    whole = rendered(tmp_path / f"{binary}.1")
    assert all(f"\n       {command}" in whole and f"{names[command]}(1)" in whole for command in commands)
    assert all(f"{variable}, {flag} " in whole for flag, variable in variables_of(binary))
    assert (tmp_path / f"{binary}.1").read_text() == run(binary, "man")
    for command in commands:
        page = rendered(tmp_path / f"{names[command]}.1")
        assert page.startswith(f"{names[command]}(1)") and f"{binary} {command}" in page, command
        for option, value in options_of(binary, command).items():
            assert re.search(rf"^       {option}{' ' + re.escape(value) if value else ''}", page, re.M), (command, option)
        assert (tmp_path / f"{names[command]}.1").read_text() == run(binary, "man", *command.split())


def test_an_example_in_a_manual_page_can_be_copied(tmp_path):
    page = tmp_path / "page.1"
    page.write_text(run("auth-service", "man", "sign"))
    example = run("auth-service", "sign", "--help").partition("Example:\n")[2].partition("\n\nExit")[0]
    lines = [line.strip() for line in rendered(page).splitlines()]
    assert all(line.strip() in lines for line in example.splitlines() if line.strip()), example


def test_what_there_is_no_page_or_script_of_is_said():
    assert 'did you mean "client create"?' in run("auth-service", "man", "client", "craete", code=2)
    assert "bashcompinit" in run("auth-service", "completion", "zsh", code=2)
    assert "it needs bash|fish" in run("auth-service", "completion", code=2)
    assert "--into /nonexistent: there is no such folder; make it first (mkdir -p)" in run(
        "auth-service", "man", "--into", "/nonexistent", code=1)
    assert "--into /dev/null: it is no folder" in run("auth-service", "man", "--into", "/dev/null", code=1)
    assert "leave out the command" in run("auth-service", "man", "client", "create", "--into", "/tmp", code=2)
