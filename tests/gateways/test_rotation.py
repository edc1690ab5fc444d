"""Every secret is rotated and retired while requests go on through nginx, by the steps of docs/operations.md, and nginx's
own log says that none of them failed.

Two processes of each service, on MariaDB and a Redis that a Sentinel watches, all of which ask for passwords; nginx speaks
TLS with the services and verifies their certificates. Release binaries, since there is much to do at once.

A machine that is too busy for a store's deadline of 200 ms makes a 503 too, which clients try again. On one with room
there is none. Here they are counted apart: each must have waited for a store for that long, by the services' logs. A 503 that
comes sooner is a connection or a key that a rotation took away, and so is what ROTATION_FAULTS has."""

import base64
import ipaddress
import itertools
import json
import os
import ssl
import subprocess
import threading
import time
from contextlib import contextmanager
from dataclasses import replace
from urllib.parse import quote

import pytest
import requests
from cryptography import x509
from harness.authority import Authority
from harness.document import commands_of
from harness.fleet import PASSWORD, Fleet, Stores, release_binaries
from harness.flow import Flow, send
from harness.owner import Owner, until_answered
from harness.provider import free_port
from harness.stores import Sentinel
from integration.test_reload import reload
from running import Nginx
from upstream import Upstream
from wire import ORIGIN, send_signed

TEMP_TTL = OVERLAP = 10  # s: a machine that is busy with much else needs some for the three legs, and for go_on()
STORE_TIMEOUT_MS = 200
ROTATION_FAULTS = ("does not open", "refused our user or password", "WRONGPASS", "NOAUTH", "refuses the user or the password", "certificate verify failed")
FRONT = """
    upstream auth {{ server {auths[0]}; server {auths[1]}; }}
    upstream admin {{ server {admins[0]}; server {admins[1]}; }}
    proxy_ssl_trusted_certificate {ca};
    proxy_ssl_verify on;
    proxy_ssl_name localhost;
    proxy_ssl_session_reuse off;
    log_format status '$status $request_method $uri $upstream_addr';
    access_log {log} status;
    server {{
        listen 127.0.0.1:{port};
        location / {{ proxy_pass https://auth; proxy_set_header Host $http_host; }}
        location /admin/ {{ proxy_pass https://admin; }}
        location /v1/ {{ proxy_pass https://introspection; }}
    }}
"""


def secret():
    return base64.urlsafe_b64encode(os.urandom(24)).decode()


class Locked(Stores):
    """All ask for passwords, those that the services have in files."""

    def __init__(self, directory):
        super().__init__(directory)
        self.sentinel = None
        self.directory = directory
        self.old = {name: secret() for name in ("database", "redis", "sentinel")}

    def start(self):
        super().start()
        self.sentinel = Sentinel(self.directory / "sentinel", self.redis.port).start()
        self.root(f"CREATE USER service@'%' IDENTIFIED BY '{self.old['database']}'")
        self.root(f"GRANT ALL ON {self.database.database}.* TO service@'%'")
        for name in ("redis", "sentinel"):
            getattr(self, name).call("ACL", "SETUSER", "service", "on", f">{self.old[name]}", "~*", "&*", "+@all")
        return self

    def stop(self):
        if self.sentinel:
            self.sentinel.stop()
        super().stop()

    def root(self, statement):
        return self.database.sql(statement, user="root")

    def redis_url(self, password):
        return f"redis+sentinel://service@127.0.0.1:{self.sentinel.port}/mymaster?sentinel_user=service&sentinel_password={quote(password)}"

    def end_connections(self):
        for (number,) in self.root("SELECT id FROM information_schema.processlist WHERE user = 'service'"):
            self.root(f"KILL {number}")
        self.redis.call("CLIENT", "KILL", "USER", "service")


class Files:
    """The secrets of the services, each in a file of its own."""

    def __init__(self, directory):
        directory.mkdir()
        self.directory = directory

    def __getitem__(self, name):
        return self.directory / name

    def write(self, name, text):
        """At once: commands read it at any moment."""
        new = self[name].with_suffix(".new")
        new.write_text(text)
        new.rename(self[name])


class Shop:
    def __init__(self, directory):
        self.directory = directory
        self.stores, self.files = Locked(directory), Files(directory / "secrets")
        self.authority = Authority(directory, "ca")
        self.names = itertools.count()
        self.tokens = {"ADMIN": secret(), "LOGIN": secret()}
        self.sealing = f"old:{base64.b64encode(os.urandom(32)).decode()}"
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = directory / "access.log"

    def start(self, upstream):
        self.stores.start()
        self.write_secrets()
        self.fleet = Fleet(self.directory / "fleet", self.stores_with(), auths=2, introspections=2, bin=release_binaries(),
                           **self.variables())
        self.fleet.url, self.fleet.introspection_url = self.url, self.url
        self.fleet.start()
        self.fleet.create_user("jane", PASSWORD)
        self.nginx = Front(self.directory / "nginx", self, upstream.port).start()

    def stop(self):
        for part in ("nginx", "fleet"):
            if hasattr(self, part):
                getattr(self, part).stop()
        self.stores.stop()

    def write_secrets(self):
        self.files.write("keys", self.sealing)
        self.files.write("database", self.stores.old["database"])
        self.files.write("redis", self.stores.old["redis"])
        self.files.write("redis-url", self.stores.redis_url(self.stores.old["sentinel"]))
        for name, token in self.tokens.items():
            self.files.write(name, f"first:{token}")
        self.issue_certificate()

    def issue_certificate(self):
        made = self.authority.issue(f"server {next(self.names)}", x509.DNSName("localhost"),
                                    x509.IPAddress(ipaddress.ip_address("127.0.0.1")))
        for name, path in zip(("certificate", "certificate-key"), made):
            self.files.write(name, open(path).read())

    def stores_with(self):
        self.stores.variables = lambda: {
            "OAUTH1_DATABASE_URL": f"mysql://service@127.0.0.1:{self.stores.database.port}/{self.stores.database.database}"}
        return self.stores

    def variables(self):
        files = {"SECRETS_KEYS": "keys", "DATABASE_PASSWORD": "database", "REDIS_PASSWORD": "redis", "REDIS_URL": "redis-url",
                 "ADMIN_TOKEN": "ADMIN", "LOGIN_TOKEN": "LOGIN"}
        return {**{f"OAUTH1_{name}_FILE": self.files[file] for name, file in files.items()},
                "OAUTH1_SECRETS_KEYS": None, "OAUTH1_TLS_CERT": self.files["certificate"],
                "OAUTH1_TLS_KEY": self.files["certificate-key"], "OAUTH1_PUBLIC_URL": self.url,
                "OAUTH1_ORIGINS": ORIGIN, "OAUTH1_TRUSTED_PROXIES": "127.0.0.1", "OAUTH1_TEMP_TTL": TEMP_TTL,
                "OAUTH1_CACHE_TTL": 1, "OAUTH1_LOG_LEVEL": "info"}

    def reload(self):
        for service in self.fleet.services:
            reload(service)

    def assert_none_failed(self):
        """By nginx's log, and by the services'; the number of requests, and of those that came too late for a store."""
        lines = self.log.read_text().splitlines()
        late = [line for line in lines if line.startswith("503 ")]
        failed = [line for line in lines if int(line.split()[0]) >= 400 and line not in late]
        assert [line for line in failed if not line.startswith("404 DELETE /admin/v1/users/nobody-of-ours/")] == []
        assert len(late) <= len(lines) / 50, (len(late), len(lines))
        logs = self.fleet.logs()
        answered = (json.loads(line) for line in logs.splitlines() if '"message":"request"' in line and '"status":503' in line)
        assert [line for line in answered if line["duration_ms"] < 0.9 * STORE_TIMEOUT_MS] == []
        assert not [words for words in ROTATION_FAULTS if words in logs], logs[-3000:]
        return len(lines), len(late)


class Front(Nginx):
    """The shipped configuration for the API, and in front of the services what an operator would write."""

    def __init__(self, directory, shop, api):
        self.shop = shop
        super().__init__(directory, shop.fleet.introspections[0].port, api)

    def prepare(self, service, api):
        super().prepare(service, api)
        fleet = self.shop.fleet
        shipped = (self.directory / "api.conf").read_text()
        for old, new in (("http://introspection/", "https://introspection/"),
                         (f"server {service};", "".join(f"server 127.0.0.1:{each.port};" for each in fleet.introspections)),
                         ("keepalive_timeout 4s;", "keepalive_timeout 4s; keepalive_requests 20;"),
                         ("photos:read;", '"";')):
            assert old in shipped, old
            shipped = shipped.replace(old, new)
        front = FRONT.format(
            auths=[f"127.0.0.1:{auth.port}" for auth in fleet.auths], ca=self.shop.authority.file, log=self.shop.log,
            admins=[auth.variables["OAUTH1_ADMIN_LISTEN"] for auth in fleet.auths], port=self.shop.port)
        self.write("api.conf", front + shipped)
        self.main.write_text(self.main.read_text().replace("access_log off;", ""))


class Crowd:
    """Clients that go on meanwhile, each with what it holds just now; a 503 alone is tried again."""

    def __init__(self, shop):
        self.shop, self.fleet, self.failures, self.over = shop, shop.fleet, [], threading.Event()
        self.client = self.fleet.create_client()
        self.rotated = self.fleet.create_client()
        self.key = self.fleet.create_resource_server()
        self.sub = self.fleet.expect("user", "list")[0]["sub"]
        owner = Owner(self.fleet, "jane", PASSWORD)
        self.signer, self.rotated_signer = (Flow(self.fleet, each, owner).token() for each in (self.client, self.rotated))
        self.tokens = dict(shop.tokens)
        self.calls = {"api": self.ask_api, "introspect": self.introspect, "initiate": self.initiate, "issue": self.issue,
                      "admin": self.ask_admin, "login site": self.ask_as_login_site}
        self.counts = dict.fromkeys(self.calls, 0)
        self.threads = [threading.Thread(target=self.repeat, args=(name,)) for name in self.calls]

    def ask_api(self):
        for _ in range(3):
            reply = send_signed(self.shop.nginx.port, self.rotated_signer.sign("GET", ORIGIN + "/photos"))
            if reply.status != 503:
                break
            time.sleep(1)
        assert reply.from_api, reply

    def introspect(self):
        answer = until_answered(lambda: self.fleet.introspect(self.key, self.signer.sign("GET", "http://api.example/")))
        assert answer.status_code == 200 and answer.json()["active"], answer.text

    def initiate(self):
        answer = until_answered(lambda: send(Flow(self.fleet, self.rotated).initiate_request()))
        assert answer.status_code == 200, answer.text

    def issue(self):
        Flow(self.fleet, self.client, Owner(self.fleet, "jane", PASSWORD)).token()

    def admin(self, method, path, token):
        return until_answered(lambda: requests.request(method, f"{self.shop.url}/admin/v1/{path}", timeout=10,
                                                       headers={"Authorization": f"Bearer {token}"}))

    def ask_admin(self):
        answer = self.admin("GET", "clients", self.tokens["ADMIN"])
        assert answer.status_code == 200, answer.text

    def ask_as_login_site(self):
        answer = self.admin("DELETE", "users/nobody-of-ours/sessions", self.tokens["LOGIN"])
        assert answer.status_code == 404, answer.text  # the token is good, and no session of jane's ends by it

    def repeat(self, name):
        while not self.over.wait(0.03):
            try:
                self.calls[name]()
            except Exception as failure:  # a thread's failure would be nobody's
                self.failures.append(f"{name}: {failure!r}")
            self.counts[name] += 1

    def go_on(self, count=4):
        """Until each has begun and ended that many more; what failed up to now fails the test where it belongs."""
        wanted = {name: done + count for name, done in self.counts.items()}
        until = time.monotonic() + 60
        while any(self.counts[name] < wanted[name] for name in wanted):
            assert time.monotonic() < until, (self.counts, wanted)
            time.sleep(0.02)
        assert self.failures == [], self.failures[:5]


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    made = Shop(tmp_path_factory.mktemp("rotation"))
    with Upstream() as upstream:
        try:
            made.start(upstream)
            yield made
        finally:
            made.stop()


@pytest.fixture(scope="module")
def crowd(shop):
    made = Crowd(shop)
    for thread in made.threads:
        thread.start()
    yield made
    made.over.set()
    for thread in made.threads:
        thread.join(60)


@contextmanager
def nothing_fails(shop, crowd):
    crowd.go_on()
    before = dict(crowd.counts)
    yield
    crowd.go_on()
    assert crowd.failures == []
    print("%d requests by now, %d late;" % shop.assert_none_failed(), {name: crowd.counts[name] - count for name, count in before.items()})


def test_sealing_keys(shop, crowd):
    new = f"new:{base64.b64encode(os.urandom(32)).decode()}"
    with nothing_fails(shop, crowd):
        for keys in (f"{shop.sealing},{new}", f"{new},{shop.sealing}"):
            shop.files.write("keys", keys)
            shop.reload()
            crowd.go_on()
        assert shop.fleet.expect("seal", "rewrite")["in_use"] == ["new"]
        time.sleep(TEMP_TTL)
        shop.files.write("keys", new)
        shop.reload()
    assert [row["key"] for row in shop.fleet.expect("seal", "status") if row["in_use"]] == ["new"]


def test_the_key_of_a_resource_server(shop, crowd):
    old = crowd.key
    with nothing_fails(shop, crowd):
        made = shop.fleet.expect("resource-server", "rotate-key", "photos", "--overlap", str(OVERLAP))
        crowd.go_on()
        crowd.key = made["key"]
        crowd.go_on()
        time.sleep(max(0, made["former_key_until"] + 1 - time.time()))
    answer = requests.post(shop.fleet.introspections[0].url.replace("http:", "https:") + "/v1/introspect", json={},
                           headers={"Authorization": f"Bearer {old}"}, verify=shop.authority.file, timeout=10)
    assert answer.status_code == 401


def test_the_secret_of_a_client(shop, crowd):
    with nothing_fails(shop, crowd):
        made = shop.fleet.expect("client", "rotate-secret", crowd.rotated.client_id, "--overlap", str(OVERLAP))
        crowd.go_on()
        crowd.rotated = replace(crowd.rotated, client_secret=made["client_secret"])
        crowd.rotated_signer = replace(crowd.rotated_signer, client_secret=made["client_secret"])
        crowd.go_on()
        time.sleep(max(0, made["former_secret_until"] + 1 - time.time()))


@pytest.mark.parametrize("name", ["ADMIN", "LOGIN"])
def test_tokens_of_the_admin_port(shop, crowd, name):
    old, new = crowd.tokens[name], secret()
    with nothing_fails(shop, crowd):
        shop.files.write(name, f"first:{old},second:{new}")
        shop.reload()
        crowd.tokens[name] = new
        crowd.go_on()
        shop.files.write(name, f"second:{new}")
        shop.reload()
    admin = shop.fleet.auths[0].variables["OAUTH1_ADMIN_LISTEN"]
    answer = requests.delete(f"https://{admin}/admin/v1/users/x/sessions", headers={"Authorization": f"Bearer {old}"},
                             verify=shop.authority.file, timeout=10)
    assert answer.status_code == 401


def served_certificate(service):
    return ssl.get_server_certificate(("127.0.0.1", service.port))


def test_certificates(shop, crowd):
    before = [served_certificate(service) for service in shop.fleet.services]
    with nothing_fails(shop, crowd):
        shop.issue_certificate()
        shop.reload()
    after = [served_certificate(service) for service in shop.fleet.services]
    assert len(set(before)) == len(set(after)) == 1 and set(before) != set(after)


def rotate_database_password(shop, crowd):
    old, new = shop.stores.old["database"], secret()
    plugin = "mysql_native_password USING PASSWORD"
    shop.stores.root(f"ALTER USER service@'%' IDENTIFIED VIA {plugin}('{old}') OR {plugin}('{new}')")
    crowd.go_on()
    shop.files.write("database", new)
    shop.reload()
    crowd.go_on()
    shop.stores.root(f"ALTER USER service@'%' IDENTIFIED VIA {plugin}('{new}')")


def look_at_redis(shop, file):
    """By the command of the page."""
    command = commands_of("operations.md", "look at redis")
    for word, here in (("FILE", shop.files[file]), ("HOST", "127.0.0.1"), ("PORT", shop.stores.redis.port), ("countersign", "service")):
        command = command.replace(word, str(here))
    return subprocess.run(["bash", "-c", command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=10).stdout


def rotate_redis_password(shop, crowd):
    old, new = shop.stores.old["redis"], secret()
    shop.stores.redis.call("ACL", "SETUSER", "service", f">{new}")
    shop.files.write("redis", new)
    shop.reload()
    crowd.go_on()
    assert look_at_redis(shop, "redis") == "PONG\n"
    shop.stores.redis.call("ACL", "SETUSER", "service", f"<{old}")
    shop.files.write("old-redis", old)
    assert "AUTH failed" in look_at_redis(shop, "old-redis")


def rotate_sentinel_password(shop, crowd):
    old, new = shop.stores.old["sentinel"], secret()
    shop.stores.sentinel.call("ACL", "SETUSER", "service", f">{new}")
    shop.files.write("redis-url", shop.stores.redis_url(new))
    shop.reload()
    crowd.go_on()
    shop.stores.sentinel.call("ACL", "SETUSER", "service", f"<{old}")


@pytest.mark.parametrize("rotate", [rotate_database_password, rotate_redis_password, rotate_sentinel_password])
def test_the_passwords_of_the_stores(shop, crowd, rotate):
    with nothing_fails(shop, crowd):
        rotate(shop, crowd)


def test_at_the_end_all_connections_log_in_with_the_new_passwords(shop, crowd):
    """The crowd has gone: what a lost connection costs is not asked here."""
    crowd.over.set()
    for thread in crowd.threads:
        thread.join(60)
    shop.stores.end_connections()
    until = time.monotonic() + 10
    while (answer := send(Flow(shop.fleet, crowd.client).initiate_request())).status_code != 200:
        assert time.monotonic() < until, (answer.text, shop.fleet.logs()[-3000:])
        time.sleep(0.1)
    for service in shop.fleet.services:
        answer = requests.get(service.ops + "/readyz?verbose", timeout=5)
        assert answer.status_code == 200 and "degraded" not in answer.text, answer.text
    assert crowd.failures == []
    logs = shop.fleet.logs()
    assert not any(word in logs for word in (*shop.stores.old.values(), *shop.tokens.values(), shop.sealing.split(":")[1]))
