"""README.md's steps, typed as they stand there: they work, and what they leave is for its owner's eyes alone and in a folder
that no commit takes."""

import re
import stat
import subprocess

import pytest

from harness.provider import BIN, ROOT, clean_environment, free_port


@pytest.fixture
def checkout(tmp_path):
    """A tree that has the binaries where README.md's reader has them, and nothing else."""
    (tmp_path / "build").mkdir()
    (tmp_path / "build/bin").symlink_to(BIN)
    return tmp_path


def steps():
    """The block behind "The three legs with curl", up to where a browser is needed."""
    section = (ROOT / "README.md").read_text(encoding="utf-8").partition("## The three legs with curl")[2]
    return re.search(r"```sh\n(.*?)# 2: ", section, re.S).group(1)


def test_the_steps_with_curl_keep_their_secrets_to_their_owner_and_out_of_commits(checkout):
    public, ops, asked, asked_ops = (free_port() for _ in range(4))
    script = steps().replace("127.0.0.1:8080", f"127.0.0.1:{public}")
    script = script.replace("build/bin/auth-service serve 2> build/try/auth-service.log &",
                            f"build/bin/auth-service serve 2> build/try/auth-service.log --listen 127.0.0.1:{public}"
                            f" --admin-listen 127.0.0.1:{free_port()} --ops-listen 127.0.0.1:{ops} & services=$!")
    script = script.replace("build/bin/introspection-service serve 2> build/try/introspection-service.log &",
                            "build/bin/introspection-service serve 2> build/try/introspection-service.log"
                            f" --listen 127.0.0.1:{asked} --ops-listen 127.0.0.1:{asked_ops} & services=\"$services $!\"")
    script = script.replace("127.0.0.1:9090", f"127.0.0.1:{ops}").replace("127.0.0.1:9091", f"127.0.0.1:{asked_ops}")
    script = f"umask 022\ntrap 'kill $services; wait' EXIT\nexport OAUTH1_PUBLIC_URL=http://127.0.0.1:{public}\n{script}"
    done = subprocess.run(["bash", "-eu", "-c", script], cwd=checkout, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=120, env=clean_environment({}))
    assert done.returncode == 0, done.stderr
    assert "oauth_callback_confirmed=true" in done.stdout, done.stdout + done.stderr
    left = [path for path in checkout.rglob("*") if path.is_file() and "bin" not in path.parts]
    assert any(path.name == "demo.env" for path in left) and any(path.suffix == ".db" for path in left), left
    for path in left:
        name = path.relative_to(checkout).as_posix()
        assert not stat.S_IMODE(path.stat().st_mode) & 0o077, f"others may read {name}"
        assert subprocess.run(["git", "check-ignore", "-q", name], cwd=ROOT).returncode == 0, f"a commit would take {name}"


def test_no_commit_takes_what_the_steps_of_the_examples_write():
    page = (ROOT / "docs/examples/README.md").read_text(encoding="utf-8")
    (database,) = re.findall(r"DJANGO_DATABASE=(\S+)", page)
    assert "`javac *.java && java Demo`" in page and "`npm ci && node demo.js`" in page
    for name in (f"django/{database}", "java/Demo.class", "express/node_modules/express/index.js"):
        assert subprocess.run(["git", "check-ignore", "-q", f"docs/examples/{name}"], cwd=ROOT).returncode == 0, name
