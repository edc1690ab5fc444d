"""What keeps a service from starting is said in one clear message, with an exit code (1 refused, 2 usage or
configuration, 3 a store), and leaves nothing half-started."""

import os
import shutil
import socket
import sqlite3
import subprocess
import time
from pathlib import Path

import pytest
import requests

from harness.authority import Authority
from harness.flow import Flow, send
from harness.provider import BIN, SANITIZER_WORDS, Provider, clean_environment, free_port

REFUSED, USAGE, STORE = 1, 2, 3


@pytest.fixture
def fresh(tmp_path):
    """A provider that is not started; whatever a test started of it is stopped."""
    provider = Provider(tmp_path / "provider")
    yield provider
    for service in provider.services:
        service.stop()


def fails_to_serve(service, **variables):
    """Starts the service, which must end by itself within seconds; its exit code and all that it said."""
    done = subprocess.run(
        [BIN / service.name, "serve"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=15,
        cwd=service.log.parent,
        env=clean_environment({**service.variables, **variables}),
    )
    said = done.stdout + done.stderr
    assert not any(word in said for word in SANITIZER_WORDS), said
    assert '"message":"ready"' not in said
    with pytest.raises(requests.ConnectionError):
        requests.get(service.ops + "/livez", timeout=2)
    return done.returncode, said


def test_a_file_that_is_no_database(fresh):
    fresh.database.write_bytes(os.urandom(8192))
    before = fresh.database.read_bytes()
    code, said = fails_to_serve(fresh.auth)
    assert code == STORE and str(fresh.database) in said and "not an SQLite database" in said
    assert fresh.database.read_bytes() == before


def test_a_database_with_a_damaged_page(fresh):
    """SQLite finds most damage only when it reads the page; the schema's is read at once."""
    assert fresh.command("migrate", "up").code == 0
    damaged = bytearray(fresh.database.read_bytes())
    damaged[100:200] = b"\xff" * 100
    fresh.database.write_bytes(damaged)
    code, said = fails_to_serve(fresh.auth)
    assert code == STORE and str(fresh.database) in said


def test_a_database_that_cannot_be_written(fresh, tmp_path):
    """A folder where its files belong: what root cannot write either."""
    code, said = fails_to_serve(fresh.auth, OAUTH1_DATABASE_URL=f"sqlite:{tmp_path}")
    assert code == USAGE and str(tmp_path) in said


def test_a_read_only_database(fresh):
    assert fresh.command("migrate", "up").code == 0
    if os.geteuid() == 0:
        if subprocess.run(["chattr", "+i", fresh.database], capture_output=True).returncode != 0:
            fresh.database.unlink()  # this file system knows no immutable files: a missing folder will do
            code, said = fails_to_serve(fresh.auth, OAUTH1_DATABASE_URL="sqlite:/proc/oauth1.db")
            assert code in (REFUSED, STORE) and "/proc/oauth1.db" in said
            return
    else:
        fresh.database.chmod(0o400)
    try:
        code, said = fails_to_serve(fresh.auth)
        assert code == STORE and str(fresh.database) in said
    finally:
        subprocess.run(["chattr", "-i", fresh.database], capture_output=True)


def test_a_folder_that_does_not_exist(fresh, tmp_path):
    missing = tmp_path / "nowhere/oauth1.db"
    code, said = fails_to_serve(fresh.auth, OAUTH1_DATABASE_URL=f"sqlite:{missing}")
    assert code == USAGE and str(missing) in said and "OAUTH1_DATABASE_URL" in said
    assert not missing.parent.exists()


def test_a_schema_that_a_later_version_broke(fresh):
    assert fresh.command("migrate", "up").code == 0
    with sqlite3.connect(fresh.database) as database:
        (table,) = next(
            row for row in database.execute("SELECT name FROM sqlite_master WHERE type='table' AND name LIKE '%migration%'")
        )
        columns = [row[1] for row in database.execute(f"PRAGMA table_info({table})")]
        values = [row for row in database.execute(f"SELECT * FROM {table} ORDER BY 1 DESC LIMIT 1")][0]
        newer = (9999, "9999_breaks_9998_all.sql", *values[2:])
        database.execute(f"INSERT INTO {table} VALUES ({','.join('?' * len(columns))})", newer)
    code, said = fails_to_serve(fresh.auth)
    assert code in (REFUSED, STORE) and "9999" in said


@pytest.mark.parametrize("port", ["OAUTH1_LISTEN", "OAUTH1_OPS_LISTEN"])
def test_a_port_that_is_taken_even_with_port_sharing(fresh, port):
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        address = f"127.0.0.1:{free_port()}"
        other.bind(("127.0.0.1", int(address.rpartition(":")[2])))
        other.listen()
        code, said = fails_to_serve(fresh.auth, **{port: address})
    assert code == REFUSED and address in said and "in use" in said


def test_a_second_serve_on_the_same_database(fresh, tmp_path):
    fresh.auth.start()
    other = Provider(tmp_path / "other", OAUTH1_DATABASE_URL=f"sqlite:{fresh.database}")
    code, said = fails_to_serve(other.auth)
    assert code in (REFUSED, STORE) and str(fresh.database) in said
    assert requests.get(fresh.auth.ops + "/readyz", timeout=5).status_code == 200


def test_the_lock_of_a_killed_process_holds_up_nobody(fresh):
    fresh.auth.start()
    fresh.auth.kill()
    fresh.auth.start()


@pytest.mark.parametrize(
    "variables, words",
    [
        ({"OAUTH1_TIMESTAMP_SKEWW": "300"}, ["OAUTH1_TIMESTAMP_SKEWW", "OAUTH1_TIMESTAMP_SKEW"]),
        ({"OAUTH1_TIMESTAMP_SKEW": "soon"}, ["OAUTH1_TIMESTAMP_SKEW", "soon"]),
        ({"OAUTH1_PUBLIC_URL": "https://auth.example"}, ["OAUTH1_PUBLIC_URL", "OAUTH1_DEV"]),
        ({"OAUTH1_LISTEN": "0.0.0.0:0"}, ["OAUTH1_LISTEN"]),
        ({"OAUTH1_REALM": "a", "OAUTH1_REALM_FILE": "/dev/null"}, ["OAUTH1_REALM", "OAUTH1_REALM_FILE"]),
        ({"OAUTH1_ADMIN_TOKEN_FILE": "/nonexistent/token"}, ["OAUTH1_ADMIN_TOKEN_FILE", "/nonexistent/token"]),
        ({"OAUTH1_ADMIN_TOKEN": "ops:short"}, ["OAUTH1_ADMIN_TOKEN", "32"]),
        ({"OAUTH1_SIGNATURE_METHODS": "HMAC-MD5"}, ["OAUTH1_SIGNATURE_METHODS", "HMAC-MD5"]),
        ({"OAUTH1_WORKERS": "0"}, ["OAUTH1_WORKERS"]),
        ({"OAUTH1_DATABASE_URL": "oracle:x"}, ["OAUTH1_DATABASE_URL"]),
        ({"OAUTH1_LOGIN_TRUSTED_HEADER": "X-User"}, ["OAUTH1_LOGIN_TRUSTED_HEADER", "OAUTH1_TRUSTED_PROXIES"]),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_a_configuration_that_is_not_usable(fresh, variables, words):
    code, said = fails_to_serve(fresh.auth, **variables)
    assert code == USAGE, said
    assert all(word in said for word in words), said
    if "short" in str(variables):
        assert "short" not in said.replace("shorter", ""), "a token must not be shown"


def test_all_problems_of_a_configuration_at_once(fresh):
    code, said = fails_to_serve(fresh.auth, OAUTH1_WORKERS="x", OAUTH1_TEMP_TTL="y", OAUTH1_LOG_LEVEL="z")
    assert code == USAGE
    assert all(name in said for name in ("OAUTH1_WORKERS", "OAUTH1_TEMP_TTL", "OAUTH1_LOG_LEVEL"))


def test_a_missing_sealing_key_outside_development(fresh):
    code, said = fails_to_serve(fresh.auth, OAUTH1_DEV="false", OAUTH1_PUBLIC_URL="https://auth.example")
    assert code == USAGE and "OAUTH1_SECRETS_KEYS" in said


def test_a_certificate_that_cannot_be_read(fresh):
    code, said = fails_to_serve(fresh.auth, OAUTH1_TLS_CERT="nowhere.pem", OAUTH1_TLS_KEY="nowhere.key")
    assert code == USAGE and "OAUTH1_TLS_CERT: nowhere.pem: cannot be read: No such file" in said
    assert "OAUTH1_TLS_KEY: nowhere.key: cannot be read" in said and "OAUTH1_TLS_CLIENT_CA" not in said


def test_what_is_wrong_beside_tls_is_not_laid_at_its_door(fresh, tmp_path):
    fresh.variables["OAUTH1_SECRETS_KEYS"] = "k1:" + "QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUE="
    fresh.create_client()
    certificate, key = Authority(tmp_path, "servers").issue("server")
    code, said = fails_to_serve(fresh.auth, OAUTH1_TLS_CERT=certificate, OAUTH1_TLS_KEY=key,
                                OAUTH1_SECRETS_KEYS="k2:" + "QkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkI=")
    assert code == REFUSED and '"why":"OAUTH1_SECRETS_KEYS: ' in said and "OAUTH1_TLS" not in said


MYSQL = "mysql://u:CANARY@127.0.0.1/d"


@pytest.mark.parametrize("name", ["auth-service", "introspection-service"])
@pytest.mark.parametrize(
    "variables, why",
    [
        ({"OAUTH1_REDIS_URL": "redis://127.0.0.1:99999"}, "OAUTH1_REDIS_URL: the port must be a number"),
        ({"OAUTH1_REDIS_URL": "redis://[::1"}, "OAUTH1_REDIS_URL: the ] behind an IPv6 address is missing"),
        ({"OAUTH1_REDIS_URL": "redis://127.0.0.1/x"}, "OAUTH1_REDIS_URL: the database must be a number"),
        ({"OAUTH1_REDIS_URL": "redis+sentinel://127.0.0.1"}, "OAUTH1_REDIS_URL: it does not say which primary"),
        ({"OAUTH1_REDIS_URL": "rediss://127.0.0.1?ca=nowhere.pem"}, "nowhere.pem"),
        ({"OAUTH1_DATABASE_URL": MYSQL + "?tls=nonsense"}, "OAUTH1_DATABASE_URL: tls must be disabled, required"),
        ({"OAUTH1_DATABASE_URL": MYSQL + "?tls=verify-ca"}, "OAUTH1_DATABASE_URL: tls=verify-ca needs ca=FILE"),
        ({"OAUTH1_DATABASE_URL": "mysql://u:CANARY@127.0.0.1:0/d"}, "OAUTH1_DATABASE_URL: the port must be"),
        ({"OAUTH1_DATABASE_URL": "sqlite::memory:"}, "sqlite::memory: is for one connection alone"),
        ({"OAUTH1_DATABASE_URL": MYSQL + "?tls=verify-full&ca=nowhere.pem"},
         "OAUTH1_DATABASE_URL: nowhere.pem: is no readable file of CA certificates in PEM form"),
        ({"OAUTH1_DATABASE_URL": MYSQL + "?tls=verify-full&ca=/dev/null"},
         "OAUTH1_DATABASE_URL: /dev/null: is no readable file of CA certificates in PEM form"),
        ({"OAUTH1_DATABASE_URL": "sqlite:nowhere/oauth1.db"},
         "nowhere/oauth1.db: its directory does not exist: create it, or name another path"),
        ({"OAUTH1_DATABASE_URL": "sqlite:."}, "it is a directory: name a file in it"),
        ({"OAUTH1_OPS_LISTEN": "unix:/nowhere/ops.sock"},
         "unix:/nowhere/ops.sock: its directory does not exist: create it, or name another path"),
        ({"OAUTH1_OPS_LISTEN": "unix:/dev/null"}, "unix:/dev/null: there is a file of this name that is not a socket"),
        ({"OAUTH1_TLS_CERT": "nowhere.pem", "OAUTH1_TLS_KEY": "nowhere.key"}, "nowhere.pem: cannot be read"),
        ({"OAUTH1_SECRETS_KEYS": "k1:CANARY"}, "OAUTH1_SECRETS_KEYS: "),
    ],
)
def test_config_check_refuses_what_serve_refuses(fresh, name, variables, why):
    service = fresh.auth if name == "auth-service" else fresh.introspection
    checked = fresh.command("config", "check", binary=name, **variables)
    assert checked.code == USAGE and why in checked.err and "usable" not in checked.out, checked
    code, said = fails_to_serve(service, **variables)
    assert code == USAGE and why in said and "CANARY" not in said + checked.err


SEALED = {"OAUTH1_DEV": "false", "OAUTH1_PUBLIC_URL": "https://auth.example",
          "OAUTH1_SECRETS_KEYS": "k1:QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUE="}


@pytest.mark.parametrize("name", ["auth-service", "introspection-service"])
@pytest.mark.parametrize(
    "listen, ops, do_meet",
    [
        ("127.0.0.1:{port}", "127.0.0.1:{port}", True),
        ("localhost:{port}", "{localhost}:{port}", True),
        ("0.0.0.0:{port}", "127.0.0.1:{port}", True),
        ("127.0.0.1:{port}", ":{port}", True),
        (":{port}", "[::1]:{port}", True),
        ("[::1]:{port}", "[::]:{port}", True),
        ("unix:{folder}/s", "unix:{folder}/./s", True),
        ("unix:{folder}/link/s", "unix:{folder}/s", True),
        ("[::]:{port}", "0.0.0.0:{port}", False),
        ("127.0.0.1:{port}", "127.0.0.2:{port}", False),
        ("unix:{folder}/s", "unix:{folder}/t", False),
    ],
)
def test_config_check_sees_addresses_that_meet_however_they_are_spelled(fresh, tmp_path, name, listen, ops, do_meet):
    (tmp_path / "link").symlink_to(tmp_path)
    family, *_, where = socket.getaddrinfo("localhost", 1, type=socket.SOCK_STREAM)[0]
    names = {"port": free_port(), "folder": tmp_path,
             "localhost": f"[{where[0]}]" if family == socket.AF_INET6 else where[0]}
    service = fresh.auth if name == "auth-service" else fresh.introspection
    variables = {**SEALED, "OAUTH1_LISTEN": listen.format(**names), "OAUTH1_OPS_LISTEN": ops.format(**names)}
    checked = fresh.command("config", "check", binary=name, **variables)
    if do_meet:
        why = "OAUTH1_OPS_LISTEN: is the address of OAUTH1_LISTEN too; give each its own port"
        assert checked.code == USAGE and why in checked.err, checked
        code, said = fails_to_serve(service, **variables)
        assert code == USAGE and why in said
    else:
        assert checked.code == 0, checked


@pytest.mark.parametrize("variable", ["OAUTH1_LISTEN", "OAUTH1_OPS_LISTEN", "OAUTH1_ADMIN_LISTEN"])
def test_config_check_refuses_an_address_that_this_machine_does_not_have(fresh, variable):
    variables = {**SEALED, variable: "192.0.2.1:8080"}
    why = f"{variable}: 192.0.2.1:8080: no interface of this machine has this address"
    checked = fresh.command("config", "check", **variables)
    assert checked.code == USAGE and why in checked.err, checked
    code, said = fails_to_serve(fresh.auth, **variables)
    assert code == USAGE and why in said


def test_config_check_goes_by_the_configuration_while_the_service_runs(fresh):
    fresh.auth.start()
    checked = fresh.command("config", "check", **fresh.auth.variables)
    assert checked.code == 0, checked


def test_config_check_refuses_a_development_key_that_others_can_read(fresh):
    fresh.create_client()
    (key,) = fresh.directory.glob("*.dev-key")
    key.chmod(0o644)
    said = f"OAUTH1_SECRETS_KEYS: the development key {key} must be a file that only its owner can read (chmod 600)"
    checked = fresh.command("config", "check")
    assert checked.code == USAGE and said in checked.err, checked
    code, told = fails_to_serve(fresh.auth)
    assert code == USAGE and told.count("OAUTH1_SECRETS_KEYS") == 1 and said in told


def test_plain_http_can_be_refused_in_development_too(fresh):
    fresh.variables["OAUTH1_INSECURE_TRANSPORT"] = "false"
    fresh.auth.variables["OAUTH1_INSECURE_TRANSPORT"] = "false"
    client = fresh.create_client()
    fresh.auth.start()
    answer = send(Flow(fresh, client).initiate_request())
    assert answer.status_code == 400 and "https" in answer.text, answer.text


def test_config_check_makes_no_file(fresh):
    checked = fresh.command("config", "check")
    assert checked.code == 0, checked
    assert not [path for path in fresh.directory.iterdir() if path.name.startswith("oauth1.db")]


def test_config_check_refuses_the_replicas_file_too(fresh):
    url = MYSQL + "?tls=verify-full&ca=nowhere.pem"
    checked = fresh.command("config", "check", OAUTH1_DATABASE_URL=MYSQL, OAUTH1_DATABASE_READ_URL=url)
    assert checked.code == USAGE and "OAUTH1_DATABASE_READ_URL: nowhere.pem: is no readable file" in checked.err, checked


def test_config_check_names_what_each_store_would_refuse_at_once(fresh):
    checked = fresh.command("config", "check", OAUTH1_REDIS_URL="redis://[::1", OAUTH1_DATABASE_URL=MYSQL + "?tls=x",
                            OAUTH1_DATABASE_READ_URL=MYSQL + "?tls=y")
    assert checked.code == USAGE and checked.err.startswith("auth-service: the configuration is not usable:\n")
    for name in ("OAUTH1_REDIS_URL: ", "OAUTH1_DATABASE_URL: ", "OAUTH1_DATABASE_READ_URL: "):
        assert len([line for line in checked.err.splitlines() if line.startswith(name)]) == 1, checked.err


def test_config_check_names_problems_of_every_kind_at_once(fresh):
    """What cannot be parsed, what does not fit together, what a store would refuse: nobody has to mend one to be told of
    the next."""
    checked = fresh.command("config", "check", OAUTH1_WORKERS="x", OAUTH1_LOGIN_TRUSTED_HEADER="X-User",
                            OAUTH1_REDIS_URL="redis://[::1", OAUTH1_DATABASE_URL="mysql://u:CANARY@h/d?tls=x",
                            OAUTH1_DATABASE_PASSWORD="CANARY", OAUTH1_TLS_CERT="nowhere.pem")
    lines = checked.err.splitlines()[1:]
    assert checked.code == USAGE and "CANARY" not in checked.err, checked
    about = [line.partition(":")[0] for line in lines]
    assert sorted(about) == ["OAUTH1_DATABASE_PASSWORD", "OAUTH1_DATABASE_URL", "OAUTH1_LOGIN_TRUSTED_HEADER",
                             "OAUTH1_REDIS_URL", "OAUTH1_TLS_CERT", "OAUTH1_TLS_KEY", "OAUTH1_WORKERS"], lines
    assert any("needs OAUTH1_TRUSTED_PROXIES" in line for line in lines)


def test_another_sealing_key_than_the_rows_have(fresh):
    """Said for what it is, never taken for a wrong signature or an unknown client; nothing is sealed with it either."""
    fresh.variables["OAUTH1_SECRETS_KEYS"] = "k1:" + "QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUE="
    client = fresh.create_client()
    other = fresh.variables["OAUTH1_SECRETS_KEYS"] = "k2:" + "QkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkI="
    shown = fresh.command("client", "get", client.client_id)
    assert shown.code == 0 and "put it back behind the new one" in shown.out, shown
    outcome = fresh.command("client", "create", "--name", "Another")
    assert outcome.code == STORE and "put it back behind the new one" in outcome.err, outcome
    for service in fresh.services:
        code, said = fails_to_serve(service, OAUTH1_SECRETS_KEYS=other)
        assert code == REFUSED and "the key k1 is missing" in said and "auth-service seal rewrite" in said


def test_a_development_key_that_is_gone(fresh):
    fresh.create_client()
    (key,) = fresh.directory.glob("*.dev-key")
    key.unlink()
    code, said = fails_to_serve(fresh.auth)
    assert code == REFUSED and ".dev-key beside the database" in said


def test_an_unknown_command_and_option(fresh):
    for arguments in (["srve"], ["serve", "--prot", "1"], ["client", "create", "--nmae", "x"], []):
        outcome = fresh.command(*arguments)
        assert outcome.code == USAGE, arguments
        assert outcome.err and not outcome.out


def test_a_variable_of_the_other_service_is_accepted(fresh):
    fresh.introspection.variables["OAUTH1_INITIATE_PATH"] = "/x"
    fresh.introspection.start()


def test_a_legacy_variable_of_authlib_is_understood(fresh):
    del fresh.variables["OAUTH1_INSECURE_TRANSPORT"]
    outcome = fresh.command("config", "print", AUTHLIB_INSECURE_TRANSPORT="true")
    (line,) = (line for line in outcome.out.splitlines() if line.startswith("OAUTH1_INSECURE_TRANSPORT"))
    assert outcome.code == 0 and "true" in line


def test_start_to_ready_is_quick(fresh, capsys):
    """The goal is 100 ms for release binaries (./dev bench measures it); sanitizers cost a multiple."""
    begin = time.monotonic()
    fresh.start()
    with capsys.disabled():
        for service in fresh.services:
            print(f"\n{service.name}: ready after {service.ready_ms:.0f} ms", end="")
    assert time.monotonic() - begin < 5


def test_disk_full_is_said(fresh):
    """/dev/full stands for it: every write fails."""
    if not os.path.exists("/dev/full"):
        pytest.skip("no /dev/full here")
    shutil.rmtree(fresh.directory, ignore_errors=True)
    fresh.directory.mkdir()
    os.symlink("/dev/full", fresh.database)
    code, said = fails_to_serve(fresh.auth)
    assert code == USAGE and str(fresh.database) in said


def test_passwords_take_no_more_threads_than_there_are_workers(fresh):
    """Each takes 16 MB and a core, and a container sees every core of its machine."""
    fresh.auth.variables["OAUTH1_WORKERS"] = "1"
    fresh.auth.start()
    names = [path.read_text().strip() for path in Path(f"/proc/{fresh.auth.process.pid}/task").glob("*/comm")]
    assert names.count("passwords") == 1, names

@pytest.mark.parametrize("words", ["client list", "client create --name x", "user list", "seal status", "janitor", "why x", "nonces guard"])
def test_no_command_makes_a_database_where_nobody_named_one(tmp_path, words):
    """As in another folder than the services', or without their environment."""
    provider = Provider(tmp_path / "provider", OAUTH1_DATABASE_URL=None)
    done = provider.command(*words.split())
    assert done.code == STORE and "OAUTH1_DATABASE_URL is not set" in done.err and "migrate up" in done.err, done
    assert not list(provider.directory.iterdir())
    assert provider.command("migrate", "up").code == 0 and provider.database.exists()
    assert provider.command(*words.split()).code in (0, REFUSED)
    provider.database.unlink()
    named = provider.command(*words.split(), OAUTH1_DATABASE_URL="sqlite:oauth1.db")  # whoever names one means it
    assert named.code in (0, REFUSED) and provider.database.exists()
