"""The stores' passwords change while the services run: SIGHUP, and connections from then on log in with the new ones."""

import base64
import time

import pytest
from harness.fleet import SECRETS_KEYS, Stores, new_fleet
from harness.flow import Flow, send
from test_reload import reload

OLD, NEW = "the old: password/?", "the new@ one"
UNKNOWN_KEYS = "unknown:" + base64.b64encode(bytes(range(1, 33))).decode()
pytestmark = pytest.mark.xdist_group("fleet-passwords")


class Locked(Stores):
    """Whose passwords the services have in files."""

    def __init__(self, directory):
        super().__init__(directory)
        self.files = {"DATABASE": directory / "database.password", "REDIS": directory / "redis.password"}
        self.keys = directory / "keys"

    def start(self):
        super().start()
        self.write(OLD)
        self.keys.write_text(SECRETS_KEYS)
        self.database.sql(f"CREATE USER service@'%' IDENTIFIED BY '{OLD}'", user="root")
        self.database.sql(f"GRANT ALL ON {self.database.database}.* TO service@'%'", user="root")
        self.redis.call("ACL", "SETUSER", "service", "on", f">{OLD}", "~*", "&*", "+@all")
        return self

    def write(self, password):
        for file in self.files.values():
            file.write_text(password + "\n")

    def change(self):
        """Nobody gets in with the old one any more."""
        self.database.sql(f"ALTER USER service@'%' IDENTIFIED BY '{NEW}'", user="root")
        self.redis.call("ACL", "SETUSER", "service", f"<{OLD}", f">{NEW}")

    def end_connections(self):
        for (number,) in self.database.sql("SELECT id FROM information_schema.processlist WHERE user = 'service'", user="root"):
            self.database.sql(f"KILL {number}", user="root")
        self.redis.call("CLIENT", "KILL", "USER", "service")

    def variables(self):
        database = f"mysql://service@127.0.0.1:{self.database.port}/{self.database.database}"
        return {
            "OAUTH1_DATABASE_URL": database,
            "OAUTH1_DATABASE_READ_URL": database,
            "OAUTH1_REDIS_URL": f"redis://service@127.0.0.1:{self.redis.port}",
            "OAUTH1_SECRETS_KEYS": None,
            "OAUTH1_SECRETS_KEYS_FILE": self.keys,
            **{f"OAUTH1_{store}_PASSWORD_FILE": file for store, file in self.files.items()},
        }


@pytest.fixture
def fleet(tmp_path):
    with new_fleet(tmp_path, auths=1, introspections=1, stores=Locked(tmp_path), OAUTH1_LOG_LEVEL="info") as made:
        yield made


def soon(call):
    """A connection that was lost is made anew: 503 until then."""
    begin = time.monotonic()
    while (answer := call()).status_code == 503 and time.monotonic() - begin < 3:
        time.sleep(0.05)
    return answer


def test_passwords_change_without_a_restart(fleet):
    client, stores = fleet.create_client(), fleet.stores
    key = fleet.create_resource_server()
    stores.change()
    assert send(Flow(fleet, client).initiate_request()).status_code == 200, "open connections stay"
    stores.write(NEW)
    for service in fleet.services:
        reload(service)
    stores.end_connections()
    answer = soon(lambda: send(Flow(fleet, client).initiate_request()))
    assert answer.status_code == 200, fleet.logs()[-4000:]
    token = Flow(fleet, client).token()
    answer = soon(lambda: fleet.introspect(key, token.sign("GET", "http://api.example/")))
    assert answer.json()["active"], answer.text
    assert OLD not in fleet.logs() and NEW not in fleet.logs()


def test_sealing_keys_are_held_against_the_database_over_connections_that_log_in_anew(fleet):
    """Where they open nothing there, they and the passwords that came with them stay as they were."""
    client, stores = fleet.create_client(), fleet.stores
    stores.end_connections()
    stores.keys.write_text(UNKNOWN_KEYS)
    for service in fleet.services:
        line = reload(service, "the configuration stays as it was")
        assert "OAUTH1_SECRETS_KEYS" in line["why"] and "behind the new" in line["why"], line
    assert soon(lambda: send(Flow(fleet, client).initiate_request())).status_code == 200
    stores.keys.write_text(f"{UNKNOWN_KEYS},{SECRETS_KEYS}")
    stores.change()
    stores.write(NEW)
    stores.end_connections()
    for service in fleet.services:
        reload(service)
    answer = soon(lambda: send(Flow(fleet, fleet.create_client()).initiate_request()))
    assert answer.status_code == 200, fleet.logs()[-4000:]


@pytest.mark.parametrize("store", ["DATABASE", "REDIS"])
def test_a_password_file_that_is_gone_changes_nothing_and_is_named(fleet, store):
    fleet.stores.files[store].unlink()
    line = reload(fleet.auth, "the configuration stays as it was")
    assert f"OAUTH1_{store}_PASSWORD" in line["why"], line
    fleet.stores.end_connections()
    client = soon_created(fleet, store)
    assert soon(lambda: send(Flow(fleet, client).initiate_request())).status_code == 200


def soon_created(fleet, store):
    """Commands read the files now, so it is there again for them."""
    fleet.stores.write(OLD)
    return fleet.create_client()
