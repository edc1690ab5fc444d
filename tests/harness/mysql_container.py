"""MySQL 9.7 from its image, for those tests that want the very thing; what `MariaDB` (stores.py) offers."""

import socket
import subprocess
import time
from urllib.parse import quote

from harness.provider import free_port

IMAGE = "mysql:9.7"
ROOT_PASSWORD = "root"
READY_SECONDS = 900  # nothing is judged by it: a machine that is busy with much else takes minutes to make the database
# Names of addresses are asked of nobody, who might take longer than what a test waits for.
ARGUMENTS = ("--skip-name-resolve", "--mysqlx=OFF", "--performance-schema=OFF")


def docker(*words, timeout=60, check=True):
    done = subprocess.run(["docker", *map(str, words)], capture_output=True, text=True, timeout=timeout)
    assert not check or done.returncode == 0, f"docker {words[0]}: {done.stderr}"
    return done.stdout.strip()


def why_not():
    """Why this machine cannot run it; None if it can."""
    try:
        subprocess.run(["docker", "info"], capture_output=True, timeout=10, check=True)
    except (OSError, subprocess.SubprocessError):
        return "no docker engine answers"
    if not docker("image", "ls", "--quiet", IMAGE):
        return f"no image {IMAGE} here (docker pull {IMAGE})"
    return None


class MySQLContainer:
    """On a port of loopback; gone, with its data, after `remove`."""

    user, password, database = "countersign", "a password: with /odd?characters", "countersign"

    def __init__(self):
        self.port = free_port()
        self.container = docker(
            "create", "--rm=false", "--publish", f"127.0.0.1:{self.port}:3306", "--env", "MYSQL_ROOT_PASSWORD=" + ROOT_PASSWORD,
            "--env", f"MYSQL_DATABASE={self.database}", "--env", f"MYSQL_USER={self.user}",
            "--env", f"MYSQL_PASSWORD={self.password}", IMAGE, *ARGUMENTS,
        )

    def url_to(self, port):
        return f"mysql://{self.user}:{quote(self.password, safe='')}@127.0.0.1:{port}/{self.database}"

    def start(self):
        docker("start", self.container)
        begin = time.monotonic()
        while not self.greets():
            assert self.runs() and time.monotonic() - begin < READY_SECONDS, \
                f"MySQL did not answer:\n{docker('logs', self.container, check=False)[-2000:]}"
            time.sleep(0.2)
        return self

    def greets(self):
        """Whoever connects is greeted, once it serves. While it makes its database the first time it listens on its socket
        alone. Docker takes the connection before that, and ends it."""
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=5) as connection:
                return len(connection.recv(1)) > 0
        except OSError:
            return False

    def runs(self):
        return docker("inspect", "--format", "{{.State.Running}}", self.container) == "true"

    def sql(self, statement, user=user, password=password):
        rows = docker("exec", self.container, "mysql", "--protocol=TCP", "--host=127.0.0.1", f"--user={user}",
                      f"--password={password}", "--batch", "--skip-column-names", "--execute", statement,
                      self.database)
        return [line.split("\t") for line in rows.splitlines()]

    def root(self, statement):
        return self.sql(statement, "root", ROOT_PASSWORD)

    def kill(self):
        docker("kill", "--signal", "KILL", self.container, check=False)

    def hang(self):
        docker("pause", self.container)

    def go_on(self):
        docker("unpause", self.container)

    def stop(self):
        docker("rm", "--force", "--volumes", self.container)
