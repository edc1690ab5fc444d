"""The real gateways, started from the files in docker/gateways.

Of a file nothing changes but these texts, each of which must be in it: names and ports of the two servers behind it, the
port that it listens on, and where its certificate and its script lie. What the file leaves to the installation (where
to log, what user to run as) comes from a few lines around it."""

import getpass
import os
import socket
import subprocess

from harness.provider import ROOT
from harness.stores import Server

FOLDER = ROOT / "docker/gateways"


def substituted(name, **texts):
    """The file with each text replaced; `texts` are pairs."""
    content = (FOLDER / name).read_text()
    for old, new in texts.values():
        assert old in content, f"{name}: no {old!r} to replace"
        content = content.replace(old, new)
    return content


def make_certificate(folder):
    """A key and a self-signed certificate, apart and in one file."""
    key, certificate, both = folder / "api.key", folder / "api.pem", folder / "both.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
         "-subj", "/CN=api.example.com", "-addext", "subjectAltName=DNS:api.example.com",
         "-keyout", key, "-out", certificate],
        check=True, capture_output=True,
    )
    both.write_text(certificate.read_text() + key.read_text())
    return key, certificate, both


class Gateway(Server):
    """One gateway. `service` and `api` are the ports of what is behind it."""

    can_forward_body = False
    repeats_checks = False
    knows_no_length_as_no_body = True  # an HTTP/1 request with neither Content-Length nor Transfer-Encoding
    shows_advice = True  # the text of a refusal gets to the client, not the status and the challenge alone
    reencodes = ()  # targets that it spells anew or refuses by itself, so that they are never let in

    def __init__(self, directory, service, api):
        super().__init__(self.name, directory)
        self.key, self.certificate, self.both = make_certificate(self.directory)
        self.prepare(f"127.0.0.1:{service}", f"127.0.0.1:{api}")

    name = None

    def write(self, name, text):
        path = self.directory / name
        path.write_text(text)
        return path

    def answers(self):
        try:
            socket.create_connection(("127.0.0.1", self.port), 1).close()
            return True
        except OSError:
            return False

    def __repr__(self):
        return self.name


class Nginx(Gateway):
    name = "nginx"
    shows_advice = False

    def prepare(self, service, api):
        self.write("api.conf", substituted(
            "nginx.conf",
            service=("introspection-service:8082", service),
            api=("server api:8000", f"server {api}"),
            listen=("listen 443", f"listen 127.0.0.1:{self.port}"),
            certificate=("/etc/ssl/api.example.com.pem", str(self.certificate)),
            key=("/etc/ssl/api.example.com.key", str(self.key)),
        ))
        folders = "".join(f"{kind}_temp_path {self.directory}/{kind};\n"
                          for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        self.main = self.write("main.conf", f"""
            daemon off;
            {f'user {getpass.getuser()};' if os.geteuid() == 0 else ''}
            worker_processes 1;
            pid {self.directory}/pid;
            error_log stderr info;
            events {{}}
            http {{
                access_log off;
                {folders}
                include {self.directory}/api.conf;
            }}
        """)

    def command(self):
        return ["nginx", "-e", "stderr", "-p", self.directory, "-c", self.main]


class Caddy(Gateway):
    name = "caddy"
    repeats_checks = True
    knows_no_length_as_no_body = False
    reencodes = ("braces", "bar", "utf8_raw")

    def prepare(self, service, api):
        self.main = self.write("Caddyfile", substituted(
            "Caddyfile",
            service=("introspection-service:8082", service),
            api=("reverse_proxy api:8000", f"reverse_proxy {api}"),
            listen=("api.example.com {", f"api.example.com:{self.port} {{\n\tbind 127.0.0.1\n"
                    f"\ttls {self.certificate} {self.key}"),
            automatic=("admin off", "admin off\n\tauto_https off"),  # it would ask an authority for a certificate
        ))

    def command(self):
        folders = [f"XDG_DATA_HOME={self.directory}", f"XDG_CONFIG_HOME={self.directory}"]
        return ["env", *folders, "caddy", "run", "--config", self.main, "--adapter", "caddyfile"]


class HAProxy(Gateway):
    name = "haproxy"
    can_forward_body = True
    reencodes = ("utf8_raw",)

    def prepare(self, service, api):
        script = self.write("countersign.lua", substituted(
            "countersign.lua", socket=("'abns@countersign'", f"'abns@countersign-{self.port}'")))
        self.main = self.write("haproxy.cfg", substituted(
            "haproxy.cfg",
            service=("introspection-service:8082", service),
            api=("server api api:8000", f"server api {api}"),
            listen=("bind :443", f"bind 127.0.0.1:{self.port}"),
            certificate=("/etc/haproxy/api.example.com.pem", str(self.both)),
            socket=("abns@countersign", f"abns@countersign-{self.port}"),
            script=("/etc/haproxy/countersign.lua", str(script)),
        ))

    def command(self):
        return ["haproxy", "-db", "-f", self.main]


GATEWAYS = (Nginx, Caddy, HAProxy)
