"""An import of many tokens that is killed half-way and run again."""

import json
import os
import resource
import subprocess
import time
from pathlib import Path

from harness.provider import ROOT, clean_environment

RELEASE = Path(os.environ.get("COUNTERSIGN_RELEASE_BIN", ROOT / "build/bin"))
MEMORY_BYTES = 160 << 20  # of addresses: a file of a million lines is 200 MB


def write_tokens(path, count):
    """Of one client and a thousand users; every tenth thousandth line is no token."""
    refused = 0
    with path.open("w") as file:
        for i in range(count):
            bad = i % 10000 == 9999
            refused += bad
            file.write(json.dumps({"oauth_token": f"token-{i}", "oauth_token_secret": f"secret {i} " + "s" * 32,
                                   "client_id": "nobody" if bad else "mover", "username": f"user{i % 1000}"}) + "\n")
    return refused


def import_command(provider, path, *options):
    return subprocess.Popen(
        [RELEASE / "auth-service", "token", "import", "--format", "json", *options, path], stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, cwd=provider.directory, env=clean_environment(provider.variables),
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES)))


def wait_for_tokens(process, count_tokens, wanted):
    while count_tokens() < wanted:
        assert process.poll() is None, process.communicate()
        time.sleep(0.02 if wanted < 100000 else 1)  # another process's commits have no event to wait for


def import_killed_half_way(provider, count, count_tokens):
    """count_tokens tells how many the database holds, by whatever it is asked."""
    client = json.dumps({"client_id": "mover", "client_secret": "s", "scope": "photos:read"}) + "\n"
    assert provider.command("client", "import", stdin=client).code == 0
    path = provider.directory / "tokens.ndjson"
    report = provider.directory / "refused.ndjson"
    refused = write_tokens(path, count)
    first = import_command(provider, path, "--report", report)
    wait_for_tokens(first, count_tokens, count // 2)
    first.kill()
    first.communicate()
    there = count_tokens()
    assert count // 2 <= there < count - refused, "it was to be killed on its way"
    second = import_command(provider, path, "--report", report)
    out, said = second.communicate()
    assert second.returncode == 1, said  # some were refused
    counted = json.loads(out)
    assert (counted["skipped"], counted["imported"], counted["refused"]) == (there, count - refused - there, refused)
    assert count_tokens() == count - refused
    assert len(report.read_text().splitlines()) == refused
    third = import_command(provider, path, "--from-line", str(count - 9), "--report", report)
    assert json.loads(third.communicate()[0])["skipped"] == 9
