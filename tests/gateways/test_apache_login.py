"""Apache asks an LDAP directory who is there, and auth-service believes its header: the configuration of
docs/delegated-login.md, put to a directory and a service on this machine."""

import os
import re
import shutil
import subprocess
import time
from urllib.parse import urljoin

import pytest
import requests
from harness.flow import Flow, form
from harness.owner import Page, location_query
from harness.provider import ROOT, Provider, free_port

MISSING = [program for program in ("apache2", "slapd", "slapadd") if not shutil.which(program)]
pytestmark = pytest.mark.skipif(bool(MISSING), reason=f"NOT RUN, this machine has no {', '.join(MISSING)}")

HEADER = "X-Remote-User"
PASSWORD = "jane's password"
SECONDS = 20

SLAPD = """
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
modulepath /usr/lib/ldap
moduleload back_mdb
pidfile {folder}/slapd.pid
database mdb
suffix dc=example,dc=com
directory {folder}/data
access to attrs=userPassword by anonymous auth
access to * by * read
"""
PEOPLE = f"""
dn: dc=example,dc=com
objectClass: dcObject
objectClass: organization
o: Example
dc: example

dn: ou=people,dc=example,dc=com
objectClass: organizationalUnit
ou: people

dn: uid=jane,ou=people,dc=example,dc=com
objectClass: inetOrgPerson
uid: jane
cn: Jane
sn: Doe
userPassword: {PASSWORD}
"""
APACHE = """
ServerRoot {folder}
PidFile {folder}/apache.pid
ErrorLog {folder}/apache.log
DefaultRuntimeDir {folder}
{user}
{modules}
LDAPSharedCacheSize 0
Listen 127.0.0.1:{port}
{site}
"""
MODULES = ("mpm_event", "authn_core", "authz_core", "authz_user", "auth_basic", "ldap", "authnz_ldap", "headers", "proxy",
           "proxy_http")


def documented_site(port, service, directory):
    """The first configuration of the page, with this machine's names, and without TLS."""
    page = (ROOT / "docs/delegated-login.md").read_text()
    site = re.search(r"```apache\n(<VirtualHost.*?</VirtualHost>)\n```", page, re.S).group(1)
    site = re.sub(r"^ *SSL.*\n", "", site, flags=re.M)
    changes = {"*:443": f"127.0.0.1:{port}", "http://auth-service:8080": service, "ldaps://ldap.example.com": directory}
    for name, ours in changes.items():
        assert site.count(name) == 1, name
        site = site.replace(name, ours)
    return site


def wait_until(answers, log):
    deadline = time.monotonic() + SECONDS
    while not answers():
        assert time.monotonic() < deadline, log.read_text(errors="replace") if log.exists() else "no log"
        time.sleep(0.05)


def is_open(port):
    import socket

    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
        return True
    except OSError:
        return False


def launch(command, log):
    with log.open("ab") as out:
        return subprocess.Popen(["setpriv", "--pdeathsig", "KILL", *map(str, command)], stdin=subprocess.DEVNULL,
                                stdout=out, stderr=out)


@pytest.fixture(scope="module")
def directory(tmp_path_factory):
    folder = tmp_path_factory.mktemp("ldap")
    (folder / "data").mkdir()
    (folder / "slapd.conf").write_text(SLAPD.format(folder=folder))
    (folder / "people.ldif").write_text(PEOPLE)
    subprocess.run(["slapadd", "-f", folder / "slapd.conf", "-l", folder / "people.ldif"], check=True, capture_output=True)
    port = free_port()
    log = folder / "slapd.log"
    process = launch(["slapd", "-f", folder / "slapd.conf", "-h", f"ldap://127.0.0.1:{port}", "-d", "0"], log)
    wait_until(lambda: is_open(port), log)
    yield f"ldap://127.0.0.1:{port}"
    process.terminate()
    process.wait(SECONDS)


@pytest.fixture(scope="module")
def provider(directory, tmp_path_factory):
    """Reached through Apache, which is its one proxy."""
    folder = tmp_path_factory.mktemp("apache")
    port = free_port()
    made = Provider(folder / "provider", OAUTH1_LOGIN_TRUSTED_HEADER=HEADER, OAUTH1_TRUSTED_PROXIES="127.0.0.1",
                    OAUTH1_PUBLIC_URL=f"http://127.0.0.1:{port}")
    modules = "".join(f"LoadModule {name}_module /usr/lib/apache2/modules/mod_{name}.so\n" for name in MODULES)
    user = "User www-data\nGroup www-data" if os.geteuid() == 0 else ""
    (folder / "apache.conf").write_text(APACHE.format(folder=folder, user=user, modules=modules, port=port,
                                                      site=documented_site(port, made.url, directory)))
    made.start()
    made.url = f"http://127.0.0.1:{port}"
    process = launch(["apache2", "-f", folder / "apache.conf", "-D", "FOREGROUND"], folder / "apache.log")
    wait_until(lambda: is_open(port), folder / "apache.log")
    yield made
    process.terminate()
    process.wait(SECONDS)
    made.stop()


@pytest.fixture(scope="module")
def client(provider):
    return provider.create_client("--scope", "photos:read")


@pytest.fixture
def flow(provider, client):
    made = Flow(provider, client)
    made.initiate()  # which needs no user
    return made


def open_page(provider, flow, session, **options):
    response = session.get(f"{provider.url}/oauth/authorize?oauth_token={flow.temporary.token}", timeout=20,
                           allow_redirects=False, **options)
    while response.is_redirect and response.headers["Location"].startswith("/"):
        response = session.get(urljoin(provider.url, response.headers["Location"]), timeout=20, allow_redirects=False, **options)
    return response


@pytest.mark.parametrize("spelling", ["jane", "JANE"])
def test_whom_the_directory_knows_grants_and_is_one_user_however_he_spells_it(provider, flow, spelling):
    session = requests.Session()
    session.auth = (spelling, PASSWORD)
    page = Page(open_page(provider, flow, session))
    fields = page.form_with("decision")["fields"]
    response = session.post(f"{provider.url}/oauth/authorize", data={**fields, "decision": "grant"}, timeout=20,
                            allow_redirects=False)
    flow.verifier = dict(location_query(response))["oauth_verifier"]
    assert form(flow.exchange())["oauth_token"]
    assert [user["sub"] for user in provider.expect("user", "list")] == ["jane"]


@pytest.mark.parametrize("auth", [None, ("jane", "wrong"), ("jane", ""), ("nobody", PASSWORD), ("", "")])
def test_whom_the_directory_does_not_know_sees_no_page(provider, flow, auth):
    response = open_page(provider, flow, requests.Session(), auth=auth, headers={HEADER: "jane"})
    assert response.status_code == 401 and "decision" not in response.text


def test_a_client_cannot_name_a_user(provider, flow):
    session = requests.Session()
    session.auth = ("jane", PASSWORD)
    page = open_page(provider, flow, session, headers={HEADER: "mallory"})
    assert page.status_code == 200 and "mallory" not in page.text and "jane" in page.text
    assert requests.get(f"{provider.url}/", headers={HEADER: "mallory"}, timeout=20).status_code == 200
    assert [user["sub"] for user in provider.expect("user", "list") if user["sub"] == "mallory"] == []
