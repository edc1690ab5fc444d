"""Who may ask /v1/introspect and its batch: keys, certificates, and how strangers are answered."""

import ipaddress
import time

import pytest
import requests
from cryptography import x509
from harness.authority import Authority
from harness.provider import API, Provider, describe
from harness.signer import Signer

PATHS = ("/v1/introspect", "/v1/introspect/batch")


class Mutual:
    """An introspection-service with TLS that asks for certificates."""

    def __init__(self, directory):
        self.authority = Authority(directory, "clients")
        server, server_key = Authority(directory, "servers").issue(
            "localhost", x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1")))
        self.server_ca = str(directory / "servers.pem")
        self.provider = Provider(directory / "provider", OAUTH1_TLS_CERT=server, OAUTH1_TLS_KEY=server_key,
                                 OAUTH1_TLS_CLIENT_CA=self.authority.file)
        client = self.provider.create_client("--two-legged")
        self.signer = Signer(client.client_id, client.client_secret)
        self.key = self.provider.create_resource_server("--origin", API, "--tls-san", "photos.internal",
                                                        "--tls-san", "spiffe://example/Photos")
        self.provider.create_resource_server("--origin", "https://other.example", "--tls-san", "other.internal",
                                             name="other")

    def ask(self, certificate=None, key=None, url=API + "/"):
        headers = {} if key is None else {"Authorization": key}
        return requests.post(self.provider.introspection_url.replace("http:", "https:") + "/v1/introspect",
                             json=describe(self.signer.sign("GET", url)), headers=headers, cert=certificate,
                             verify=self.server_ca, timeout=10)


@pytest.fixture(scope="module")
def mutual(tmp_path_factory):
    made = Mutual(tmp_path_factory.mktemp("mutual"))
    made.provider.introspection.start()
    yield made
    made.provider.introspection.stop()


@pytest.mark.parametrize(
    "name, sans",
    [("by name", [x509.DNSName("photos.internal")]), ("in capitals", [x509.DNSName("Photos.Internal")]),
     ("by URI", [x509.UniformResourceIdentifier("spiffe://example/Photos")]),
     ("one of several", [x509.DNSName("a.internal"), x509.DNSName("photos.internal")])])
def test_a_certificate_with_a_registered_name_is_the_resource_server(mutual, name, sans):
    answer = mutual.ask(mutual.authority.issue(name, *sans))
    assert answer.status_code == 200 and answer.json()["active"], answer.text


@pytest.mark.parametrize(
    "name, sans",
    [("photos.internal", []), ("other name", [x509.DNSName("b.internal")]),
     ("subdomain", [x509.DNSName("x.photos.internal")]), ("wildcard", [x509.DNSName("*.internal")]),
     ("other case", [x509.UniformResourceIdentifier("spiffe://example/photos")]),
     ("as URI", [x509.UniformResourceIdentifier("photos.internal")]),
     ("URI as DNS name", [x509.DNSName("spiffe://example/Photos")]),
     ("as e-mail", [x509.RFC822Name("photos.internal")]),
     ("two names in one", [x509.DNSName("b.internal photos.internal")])])
def test_another_certificate_of_the_authority_is_nobody(mutual, name, sans):
    """A common name is no subject alternative name either."""
    answer = mutual.ask(mutual.authority.issue(name, *sans))
    assert answer.status_code == 401 and answer.headers["WWW-Authenticate"].startswith("Bearer")


def test_a_certificate_has_its_own_servers_origins(mutual):
    other = mutual.authority.issue("other", x509.DNSName("other.internal"))
    assert mutual.ask(other, url="https://other.example/").json()["active"]
    assert mutual.ask(other).json()["problem"]["code"] == "parameter_rejected"


def test_a_key_needs_no_certificate_and_a_wrong_key_is_not_saved_by_one(mutual):
    good = mutual.authority.issue("good", x509.DNSName("photos.internal"))
    assert mutual.ask(key=f"Bearer {mutual.key}").json()["active"]
    assert mutual.ask().status_code == 401
    for wrong in ("Bearer wrong", "Bearer ", "Basic x", ""):
        assert mutual.ask(good, key=wrong).status_code == 401, wrong


def test_a_certificate_of_another_authority_is_refused_by_tls(mutual, tmp_path):
    with pytest.raises(requests.exceptions.ConnectionError):
        mutual.ask(Authority(tmp_path, "strangers").issue("photos", x509.DNSName("photos.internal")))


@pytest.mark.parametrize("san", ["photos.internal", "DNS:Photos.Internal", "URI:spiffe://example/Photos"])
def test_the_name_of_a_live_servers_certificate_is_not_given_to_another(mutual, san):
    refused = mutual.provider.command("resource-server", "create", "--name", "thief", "--tls-san", "a.internal",
                                      "--tls-san", san)
    assert refused.code == 1 and not refused.out, refused
    for words in ("resource server photos is live", "DNS:photos.internal URI:spiffe://example/Photos", "revoke"):
        assert words in refused.err, refused.err
    certificate = mutual.authority.issue("still", x509.DNSName("photos.internal"))
    assert mutual.ask(certificate).json()["active"]


def test_the_name_of_a_live_server_is_not_given_to_another(mutual):
    refused = mutual.provider.command("resource-server", "create", "--name", "photos")
    assert refused.code == 1 and not refused.out, refused
    assert "there is a live one of that name" in refused.err, refused.err


def test_the_name_of_a_revoked_server_is_free(mutual):
    for _ in range(2):
        mutual.provider.create_resource_server("--tls-san", "again.internal", name="again")
        assert mutual.provider.command("resource-server", "revoke", "again").code == 0


def test_a_revoked_servers_certificate_is_nobody(mutual):
    mutual.provider.create_resource_server("--origin", API, "--tls-san", "soon.internal", name="soon")
    certificate = mutual.authority.issue("soon", x509.DNSName("soon.internal"))
    assert mutual.ask(certificate).json()["active"]
    mutual.provider.command("resource-server", "revoke", "soon")
    time.sleep(1)
    assert mutual.ask(certificate).status_code == 401


def soon(mutual, status, **asked):
    """A change is seen everywhere within a second."""
    until = time.monotonic() + 1
    while (answer := mutual.ask(**asked)).status_code != status and time.monotonic() < until:
        time.sleep(0.02)
    return answer


def test_a_key_that_was_rotated_out_is_good_for_the_overlap(mutual):
    """And its certificate stays that server's; the key before it ends with the next rotation."""
    old = mutual.provider.create_resource_server("--origin", API, "--tls-san", "turn.internal", name="turn")
    certificate = mutual.authority.issue("turn", x509.DNSName("turn.internal"))

    def rotate(*options):
        return mutual.provider.expect("resource-server", "rotate-key", "turn", *options)

    made = rotate("--overlap", "3")
    assert 0 < made["former_key_until"] - time.time() <= 3
    for key in (old, made["key"]):
        assert mutual.ask(key=f"Bearer {key}").json()["active"]
    assert mutual.ask(certificate).json()["active"]
    time.sleep(max(0, made["former_key_until"] + 1 - time.time()))
    assert mutual.ask(key=f"Bearer {old}").status_code == 401
    assert mutual.ask(key=f"Bearer {made['key']}").json()["active"]
    after_a_leak = rotate("--overlap", "0")
    assert soon(mutual, 401, key=f"Bearer {made['key']}").status_code == 401
    assert mutual.ask(key=f"Bearer {after_a_leak['key']}").json()["active"]
    last = rotate()
    assert mutual.provider.command("resource-server", "revoke", "turn").code == 0
    for key in (after_a_leak["key"], last["key"]):
        assert soon(mutual, 401, key=f"Bearer {key}").status_code == 401
    done = [row["what"] for row in mutual.provider.expect("audit") if row["subject"] == "turn"]
    assert done == ["resource-server.create", *["resource-server.rotate-key"] * 3, "resource-server.revoke"], done


def test_calls_without_a_valid_key_slow_their_address_down(tmp_path):
    limited = Provider(tmp_path, OAUTH1_RATE_LIMIT_ADDRESS="3")
    key = limited.create_resource_server("--origin", API)
    client = limited.create_client("--two-legged")
    signer = Signer(client.client_id, client.client_secret)
    limited.introspection.start()
    try:
        def status(path="/v1/introspect", authorization="Bearer wrong"):
            headers = {"Authorization": authorization} if authorization else {}
            return requests.post(limited.introspection_url + path, json={}, headers=headers, timeout=10)

        assert [status().status_code, status(PATHS[1]).status_code, status(authorization=None).status_code] == [401] * 3
        for path in PATHS:
            response = status(path)
            assert response.status_code == 429 and 1 <= int(response.headers["Retry-After"]) <= 60
            assert response.headers["Content-Type"] == "application/problem+json"
            assert response.json()["error"] == "slow_down"
        for _ in range(5):  # what a resource server asks about is not counted, whatever the verdict
            assert limited.introspect(key, signer.sign("GET", API, oauth_signature="x")).status_code == 200
        assert limited.introspect(key, signer.sign("GET", API)).json()["active"]
    finally:
        limited.introspection.stop()
