"""Redis and MariaDB as processes of a test's own, on free ports and in a folder of the test's.

Each can be stopped, killed, hung (SIGSTOP) and started again on its port with what it kept. They end with the test
process, also when that is killed."""

import fcntl
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from harness.provider import ROOT, free_port

READY_SECONDS = 30
TEMPLATES = ROOT / "build/harness"


class Server:
    """One process and its log. It ends with the thread that started it: start servers on the main thread, or on one that
    outlives them. `clock`: its host's (harness/wall_clock.py), else this machine's."""

    def __init__(self, name, directory, clock=None):
        self.name = name
        self.clock = clock
        self.directory = Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        self.log = self.directory / f"{name}.log"
        self.port = free_port()
        self.process = None

    def command(self):
        raise NotImplementedError

    def answers(self):
        raise NotImplementedError

    def start(self):
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", *map(str, self.command())],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.directory,
                env={**os.environ, **(self.clock.variables() if self.clock else {})},
            )
        begin = time.monotonic()
        while not self.answers():
            text = self.log.read_text(errors="replace")
            assert self.process.poll() is None, f"{self.name} ended with {self.process.returncode}:\n{text}"
            assert time.monotonic() - begin < READY_SECONDS, f"{self.name} did not answer:\n{text}"
            time.sleep(0.01)
        return self

    def running(self):
        return self.process is not None and self.process.poll() is None

    def signal(self, number):
        self.process.send_signal(number)

    def kill(self):
        if self.running():
            self.signal(signal.SIGKILL)
            self.process.wait()

    def stop(self):
        """A clean end."""
        if self.running():
            self.signal(signal.SIGCONT)
            self.signal(signal.SIGTERM)
            try:
                self.process.wait(READY_SECONDS)
            except subprocess.TimeoutExpired:
                self.kill()
                raise AssertionError(f"{self.name} did not stop") from None

    def hang(self):
        self.signal(signal.SIGSTOP)

    def go_on(self):
        self.signal(signal.SIGCONT)

    @contextmanager
    def hung(self):
        self.hang()
        try:
            yield
        finally:
            self.go_on()


class Redis(Server):
    """`aof`: what it acknowledged survives kill -9 of the process. Nothing is evicted."""

    def __init__(self, directory, aof=False, name="redis", options=(), clock=None):
        super().__init__(name, directory, clock)
        self.aof = aof
        self.options = list(options)

    @property
    def url(self):
        return f"redis://127.0.0.1:{self.port}"

    def command(self):
        return [
            "redis-server", "--port", self.port, "--bind", "127.0.0.1", "--save", "", "--dir", self.directory,
            "--appendonly", "yes" if self.aof else "no", "--appendfsync", "everysec",
            "--maxmemory-policy", "noeviction", *self.options,
        ]

    def call(self, *words, timeout=5):
        """One command; the reply as text (errors raise)."""
        with socket.create_connection(("127.0.0.1", self.port), timeout) as connection:
            stream = connection.makefile("rwb")
            stream.write(b"*%d\r\n" % len(words))
            for word in map(str, words):
                stream.write(b"$%d\r\n%s\r\n" % (len(word.encode()), word.encode()))
            stream.flush()
            return self.reply(stream)

    def reply(self, stream):
        line = stream.readline().rstrip(b"\r\n").decode()
        kind, rest = line[:1], line[1:]
        if kind == "-":
            raise RuntimeError(rest)
        if kind == "$":
            return None if rest == "-1" else stream.read(int(rest) + 2)[:-2].decode(errors="replace")
        if kind == "*":
            return [self.reply(stream) for _ in range(int(rest))]
        if kind not in ("+", ":"):
            raise ConnectionError(f"no reply: {line!r}")
        return rest

    def info(self, section):
        lines = self.call("INFO", section).splitlines()
        return dict(line.split(":", 1) for line in lines if ":" in line)

    def answers(self):
        try:
            return self.call("PING") == "PONG"
        except OSError:
            return False
        except RuntimeError as refusal:
            return str(refusal).startswith("NOAUTH")

    def forget(self):
        """What a disk that was lost leaves: nothing. The server must be down."""
        shutil.rmtree(self.directory / "appendonlydir", ignore_errors=True)
        for path in [*self.directory.glob("*.aof"), *self.directory.glob("*.rdb")]:
            path.unlink()

    def replicate(self, primary, port=None):
        """Follows the primary (through a proxy's port, if given) and waits until it has its data."""
        self.call("REPLICAOF", "127.0.0.1", port or primary.port)
        begin = time.monotonic()
        while self.info("replication")["master_link_status"] != "up":
            assert time.monotonic() - begin < READY_SECONDS, self.log.read_text()
            time.sleep(0.02)

    def promote(self):
        self.call("REPLICAOF", "NO", "ONE")


class Sentinel(Redis):
    """Watches a primary under the name `mymaster`; two of three agree that it is gone after half a second."""

    def __init__(self, directory, primary_port, name="sentinel", lines=""):
        super().__init__(directory, name=name)
        self.file = self.directory / f"{name}.conf"
        self.file.write_text(f"""
            port {self.port}
            bind 127.0.0.1
            dir {self.directory}
            sentinel monitor mymaster 127.0.0.1 {primary_port} 2
            sentinel down-after-milliseconds mymaster 500
            sentinel failover-timeout mymaster 1000
            {lines}
        """)

    def command(self):
        return ["redis-server", self.file, "--sentinel"]


class WatchedRedis:
    """A primary and a replica, watched by three Sentinels."""

    def __init__(self, directory):
        self.first = Redis(directory / "first", name="first")
        self.second = Redis(directory / "second", name="second")
        self.sentinels = []
        self.directory = directory

    @property
    def url(self):
        places = ",".join(f"127.0.0.1:{sentinel.port}" for sentinel in self.sentinels)
        return f"redis+sentinel://{places}/mymaster"

    def start(self):
        self.first.start()
        self.second.start()
        self.second.replicate(self.first)
        self.sentinels = [
            Sentinel(self.directory / f"sentinel-{i}", self.first.port).start() for i in range(3)
        ]
        for sentinel in self.sentinels:
            self.wait_until_it_knows_the_others(sentinel)
        return self

    def wait_until_it_knows_the_others(self, sentinel):
        begin = time.monotonic()
        while True:
            words = sentinel.call("SENTINEL", "MASTER", "mymaster")
            told = dict(zip(words[::2], words[1::2]))
            if told["num-slaves"] == "1" and told["num-other-sentinels"] == "2":
                return
            assert time.monotonic() - begin < READY_SECONDS, told
            time.sleep(0.05)

    def stop(self):
        for server in [*self.sentinels, self.second, self.first]:
            server.stop()


class ClusterNode(Redis):
    """One of a Redis Cluster's; a primary counts as gone after a second."""

    def __init__(self, directory, name, options=()):
        super().__init__(directory, name=name, options=[
            "--cluster-enabled", "yes", "--cluster-port", free_port(), "--cluster-node-timeout", 1000,
            "--cluster-require-full-coverage", "no", "--repl-diskless-sync-delay", 0, *options])

    @property
    def place(self):
        return f"127.0.0.1:{self.port}"

    def known(self):
        """The lines of CLUSTER NODES, by place: id, flags, the primary's id, slots."""
        lines = [line.split() for line in self.call("CLUSTER", "NODES").splitlines()]
        return {words[1].split("@")[0]: (words[0], words[2].split(","), words[3], words[8:]) for words in lines}


class RedisCluster:
    """Three primaries with a replica each, made by redis-cli. `options` are for each node."""

    def __init__(self, directory, nodes=6, replicas=1, options=()):
        self.nodes = [ClusterNode(Path(directory) / f"node-{i}", f"node-{i}", options) for i in range(nodes)]
        self.replicas = replicas

    @property
    def url(self):
        return "redis+cluster://" + ",".join(node.place for node in self.nodes)

    def start(self):
        for node in self.nodes:
            node.start()
        self.cli("create", *(node.place for node in self.nodes), "--cluster-replicas", self.replicas)
        for node in self.nodes:
            wait_for(lambda: "cluster_state:ok" in node.call("CLUSTER", "INFO"), "the Cluster is not ready")
        wait_for(lambda: len(self.with_flag("slave")) == self.replicas * len(self.with_flag("master")),
                 "the replicas are not there")
        for node in self.with_flag("slave"):
            wait_for(lambda: node.info("replication")["master_link_status"] == "up", "a replica has no data")
        return self

    def cli(self, action, *words, timeout=120):
        done = subprocess.run(["redis-cli", "--cluster", action, *map(str, words), "--cluster-yes"], text=True,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              timeout=timeout)
        assert done.returncode == 0, done.stdout[-2000:]
        return done.stdout

    def up(self):
        return [node for node in self.nodes if node.running()]

    def with_flag(self, flag):
        """Those that run and say so of themselves."""
        return [node for node in self.up() if flag in node.known()[node.place][1]]

    def move_slots(self, source, target, count):
        known = source.known()
        self.cli("reshard", source.place, "--cluster-from", known[source.place][0], "--cluster-to",
                 known[target.place][0], "--cluster-slots", count)

    def stop(self):
        for node in self.nodes:
            node.stop()


def wait_for(condition, why, seconds=READY_SECONDS):
    begin = time.monotonic()
    while not condition():
        assert time.monotonic() - begin < seconds, why
        time.sleep(0.05)


class MariaDB(Server):
    """A database `countersign` whose owner may come from anywhere; every commit is on the disk."""

    user, password, database = "countersign", "a password: with /odd?characters", "countersign"

    def __init__(self, directory, name="mariadb"):
        super().__init__(name, directory)
        self.data = self.directory / "data"
        # A socket's path is at most 107 bytes, and those of tests' folders are long.
        self.socket = Path(tempfile.gettempdir()) / f"countersign-{os.getpid()}-{self.port}.sock"

    def url_to(self, port, options=""):
        return f"mysql://{self.user}:{quote(self.password, safe='')}@127.0.0.1:{port}/{self.database}{options}"

    @property
    def url(self):
        return self.url_to(self.port)

    def command(self):
        return [
            "mariadbd", "--no-defaults", f"--datadir={self.data}", f"--socket={self.socket}", f"--port={self.port}",
            "--bind-address=127.0.0.1", f"--pid-file={self.directory}/pid", f"--tmpdir={self.directory}", *MARIADB_OPTIONS,
        ]

    def start(self):
        if not self.data.exists():
            subprocess.run(["cp", "-a", "--sparse=always", mariadb_template(), self.data], check=True)
        return super().start()

    def kill(self):
        super().kill()
        self.socket.unlink(missing_ok=True)

    def stop(self):
        super().stop()
        self.socket.unlink(missing_ok=True)

    def sql(self, statement, timeout=20, user=user):
        """Rows as lists of texts, by the socket: what stands between the services and the port does not matter."""
        password = [f"--password={self.password}"] if user == self.user else []
        done = subprocess.run(
            ["mariadb", "--no-defaults", f"--socket={self.socket}", f"--user={user}", *password, "--batch",
             "--skip-column-names", self.database],
            input=statement, capture_output=True, text=True, timeout=timeout,
        )
        assert done.returncode == 0, done.stderr
        return [line.split("\t") for line in done.stdout.splitlines()]

    def dump(self, database=database):
        """All that is in it, as statements."""
        return subprocess.run(["mariadb-dump", "--no-defaults", f"--socket={self.socket}", "--user=root", "--hex-blob", database],
                              check=True, capture_output=True, timeout=60).stdout

    def answers(self):
        try:
            with socket.create_connection(("127.0.0.1", self.port), 1):
                return self.sql("SELECT 1") == [["1"]]
        except (OSError, AssertionError):
            return False


MARIADB_OPTIONS = [
    *(["--user=root"] if os.geteuid() == 0 else []), "--skip-log-bin", "--skip-name-resolve", "--character-set-server=utf8mb4",
    "--innodb-buffer-pool-size=32M", "--innodb-log-file-size=8M", "--innodb-flush-log-at-trx-commit=1",
    "--innodb-fast-shutdown=1", "--performance-schema=OFF", "--max-connections=300",
]


def mariadb_template():
    """A data folder as mariadb-install-db makes it, with our database and user; made once, then copied."""
    TEMPLATES.mkdir(parents=True, exist_ok=True)
    version = subprocess.run(["mariadbd", "--version"], capture_output=True, text=True, check=True).stdout.split()[2]
    folder = TEMPLATES / f"mariadb-{version}"
    with (TEMPLATES / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            unfinished = TEMPLATES / "mariadb-unfinished"
            shutil.rmtree(unfinished, ignore_errors=True)
            make_mariadb_template(unfinished)
            unfinished.rename(folder)
    return folder


def make_mariadb_template(folder):
    subprocess.run(
        ["mariadb-install-db", "--no-defaults", f"--datadir={folder}", "--auth-root-authentication-method=normal",
         "--skip-test-db", f"--tmpdir={TEMPLATES}", *MARIADB_OPTIONS],
        check=True, stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT,
    )
    statements = f"""
        FLUSH PRIVILEGES;
        DELETE FROM mysql.global_priv WHERE User = '';
        CREATE DATABASE {MariaDB.database};
        CREATE USER {MariaDB.user}@'%' IDENTIFIED BY '{MariaDB.password}';
        GRANT ALL ON {MariaDB.database}.* TO {MariaDB.user}@'%';
        FLUSH PRIVILEGES;
    """
    statements = "\n".join(" ".join(s.split()) + ";" for s in statements.split(";") if s.strip())
    subprocess.run(
        ["mariadbd", "--no-defaults", "--bootstrap", f"--datadir={folder}", f"--tmpdir={TEMPLATES}", *MARIADB_OPTIONS],
        input=statements, text=True, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT,
    )
