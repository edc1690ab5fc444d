"""A Galera cluster of MariaDBs on loopback."""

import os
import re
import subprocess
from contextlib import contextmanager
from pathlib import Path

from harness.fault_proxy import FaultProxy
from harness.provider import free_port
from harness.stores import MariaDB, wait_for

LIBRARY = Path("/usr/lib/galera/libgalera_smm.so")
# A node that says nothing for so long is given up by the others. The default of 5 s makes tests long.
PATIENCE = ["evs.keepalive_period=PT0.5S", "evs.suspect_timeout=PT2S", "evs.inactive_timeout=PT6S"]


class GaleraNode(MariaDB):
    """`members`: where the others find each node, this one included. `is_first`: it begins the cluster by itself."""

    def __init__(self, directory, name):
        assert LIBRARY.exists(), f"there is no {LIBRARY}: install galera-4, which Debian's mariadb-server comes with"
        super().__init__(directory, name)
        self.place, self.copies, self.updates = (f"127.0.0.1:{free_port()}" for _ in range(3))
        self.members = []
        self.is_first = False
        self.position = None

    def command(self):
        options = [f"gmcast.listen_addr=tcp://{self.place}", f"ist.recv_addr={self.updates}", "gcache.size=32M", *PATIENCE]
        members = "" if self.is_first else ",".join(self.members)
        return [
            "env", f"PATH={Path(__file__).parent}:{os.environ['PATH']}", *super().command(), "--binlog-format=ROW",
            "--innodb-autoinc-lock-mode=2", "--wsrep-on=ON", f"--wsrep-provider={LIBRARY}", f"--wsrep-node-name={self.name}",
            f"--wsrep-cluster-address=gcomm://{members}", f"--wsrep-node-address={self.place}",
            f"--wsrep-node-incoming-address=127.0.0.1:{self.port}", f"--wsrep-sst-receive-address={self.copies}",
            "--wsrep-sst-method=harness", f"--wsrep-provider-options={';'.join(options)}",
            *([f"--wsrep-start-position={self.position}"] if self.position else []),
        ]

    def start(self):
        self.position = self.find_position() if self.data.exists() else None
        return super().start()

    def find_position(self):
        """How far it got; the units of MariaDB ask this before each start."""
        self.position = None
        done = subprocess.run([*map(str, self.command()), "--wsrep-recover"], capture_output=True, text=True, timeout=60)
        found = re.findall(r"Recovered position: *(\S+:-?\d+)", done.stderr)
        assert found, done.stderr
        return found[-1]

    def answers(self):
        return super().answers() and self.is_synced()

    def is_synced(self):
        return self.status("local_state_comment") == "Synced"

    def status(self, name):
        return self.sql(f"SHOW GLOBAL STATUS LIKE 'wsrep_{name}'", user="root")[0][1]

    def conflicts(self):
        """How many of its transactions lost to another node's."""
        return int(self.status("local_cert_failures")) + int(self.status("local_bf_aborts"))

    @contextmanager
    def behind(self):
        """It has what is written at the others, and does not apply it."""
        words = ["mariadb", "--no-defaults", f"--socket={self.socket}", "--user=root", "--unbuffered", "--skip-column-names"]
        with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as client:
            client.stdin.write("FLUSH TABLES WITH READ LOCK; SELECT 'locked';\n")
            client.stdin.flush()
            assert "locked" in client.stdout.readline()
            yield


class Galera:
    """For Stores. Each of the proxies leads to one node, as what an operator puts before a cluster does; services of both
    may be at the same one."""

    database = MariaDB.database

    def __init__(self, directory, nodes=3):
        self.nodes = [GaleraNode(Path(directory) / f"node-{i}", f"node-{i}") for i in range(1, nodes + 1)]
        for node in self.nodes:
            node.members = [other.place for other in self.nodes]
        self.proxies = [FaultProxy(self.nodes[0].port) for _ in range(2)]
        self.port = self.proxies[0].port

    def start(self):
        """All begin with the data of the first, so that none has to be sent a copy."""
        first, *others = self.nodes
        for proxy in self.proxies:
            proxy.start()
        first.is_first = True
        first.start()
        first.stop()
        for node in others:
            subprocess.run(["cp", "-a", "--sparse=always", first.data, node.data], check=True)
            (node.data / "galera.cache").unlink()
        first.start()
        first.is_first = False
        for node in others:
            node.start()
        return self

    def stop(self):
        """At once: what they hold is of no use any more."""
        for proxy in self.proxies:
            proxy.stop()
        for node in self.nodes:
            node.kill()

    def lead_to(self, *nodes):
        """The proxies, to a node each; or all to the one."""
        for proxy, node in zip(self.proxies, nodes * (len(self.proxies) // len(nodes))):
            proxy.point_to(node.port)

    def wait_until_all_are_there(self):
        for node in self.nodes:
            wait_for(lambda: node.is_synced() and node.status("cluster_size") == str(len(self.nodes)),
                     f"{node.name} is not with the others")

    def url_to(self, port):
        return self.nodes[0].url_to(port)

    def sql(self, statement):
        """What all have."""
        answers = [node.sql("SET SESSION wsrep_sync_wait = 7; " + statement) for node in self.nodes]
        assert all(answer == answers[0] for answer in answers), answers
        return answers[0]
