"""./dev package: what an operator installs, configures, upgrades and removes, on Debian 13 with systemd."""

import json
import re

import pytest

from harness.compose import copy_tree, docker
from harness.spdx import files_of

PARTS = ["common", "auth-service", "introspection-service"]
SERVICES = PARTS[1:]


def test_two_builds_in_two_folders_give_the_same_bytes(host):
    assert host.sh("cd /packages/first && sha256sum *") == host.sh("cd /packages/again && sha256sum *")


def test_the_programs_are_those_of_the_images_byte_by_byte(host, tmp_path):
    """Two builds of the same sources at different times, in different folders, on different hosts. The engine still has the
    stage that builds for the images where it has made them."""
    stage = docker("build", "--quiet", "--target", "build", "--file", "docker/auth-service.Dockerfile", ".",
                   cwd=copy_tree(tmp_path / "tree"), timeout=900).stdout.strip()
    sums = ["sha256sum", *SERVICES]
    of_images = docker("run", "--rm", "--network", "none", "--workdir", "/countersign/build/bin", stage, *sums).stdout
    assert host.sh(f"cd /usr/bin && {' '.join(sums)}") == of_images


def test_a_first_start_needs_a_configuration_and_says_which(host):
    assert host.try_sh("systemctl is-active countersign-auth-service").returncode != 0  # nothing starts by itself
    refused = host.try_sh("countersign config check")
    assert refused.returncode != 0 and "OAUTH1_PUBLIC_URL" in refused.stderr
    host.start()
    made = host.sh("countersign client create --name Photos --callback https://photos.example.com/ready --format json")
    assert json.loads(made)["client_id"] in host.sh("countersign client list")
    host.sh("systemctl start countersign-janitor && systemctl show -p Result countersign-janitor | grep -qx Result=success")
    assert "countersign-janitor.timer" in host.sh("systemctl list-timers --no-pager")


def test_the_command_says_what_is_wrong_with_the_configuration_and_with_who_calls_it(host):
    assert "run it as root (sudo countersign client list)" in host.try_sh("setpriv --reuid=65534 countersign client list").stderr
    host.configure(OAUTH1_REALM='"Photos"')
    assert re.search(r"countersign\.env, line \d+: a value bears no quotes", host.try_sh("countersign client list").stderr)
    host.sh("sed -i '/REALM/d' /etc/countersign/countersign.env && echo PATH=/tmp >>/etc/countersign/countersign.env")
    assert "this is no OAUTH1_NAME=value" in host.try_sh("countersign client list").stderr


def test_the_secrets_and_the_database_are_the_services_alone(host):
    host.start()
    assert host.sh("stat -c '%U:%G %a' /etc/countersign/secrets/sealing-keys").strip() == "root:countersign 640"
    assert host.sh("stat -c '%U:%G %a' /var/lib/countersign").strip() == "countersign:countersign 700"
    assert host.sh("stat -c '%U' /var/lib/countersign/oauth1.db").strip() == "countersign"
    host.sh("printf 'admin:%s' $(head -c 32 /dev/urandom | base64 -w 0) >/etc/countersign/secrets/admin-token")
    host.sh("chgrp countersign /etc/countersign/secrets/admin-token && chmod 640 /etc/countersign/secrets/admin-token")
    host.sh("sed -i 's/^#OAUTH1_ADMIN_TOKEN_FILE/OAUTH1_ADMIN_TOKEN_FILE/' /etc/countersign/auth-service.env")
    host.sh("systemctl restart countersign-auth-service countersign-introspection-service")
    host.wait_for("curl -s http://127.0.0.1:8081/admin/v1/clients | grep -q status")
    for service in SERVICES:
        pid = host.main_pid(service)
        assert ("ADMIN_TOKEN" in host.sh(f"tr '\\0' '\\n' </proc/{pid}/environ")) == (service == "auth-service")
        assert host.sh(f"stat -c %U /proc/{pid}").strip() in ("countersign", "root")  # root where it cannot be dumped
        status = host.sh(f"cat /proc/{pid}/status")
        assert re.search(r"^CapBnd:\s+0+$", status, re.M) and re.search(r"^NoNewPrivs:\s+1$", status, re.M)
        assert re.search(r"^Seccomp:\s+2$", status, re.M)


@pytest.mark.parametrize("unit", ["auth-service", "introspection-service", "janitor"])
def test_each_unit_is_locked_up(host, unit):
    print(host.sh(f"systemd-analyze security --no-pager --threshold=20 countersign-{unit}.service"))


def test_a_configuration_that_is_refused_is_not_tried_again_and_again(host):
    host.configure(OAUTH1_PUBLIC_URL="https://auth.example.com", OAUTH1_TIMESTAMP_SKEW="soon")
    host.try_sh("systemctl start countersign-auth-service")
    host.wait_for("systemctl is-failed countersign-auth-service")
    assert "NRestarts=0" in host.sh("systemctl show -p NRestarts countersign-auth-service")
    assert "ExecMainStatus=2" in host.sh("systemctl show -p ExecMainStatus countersign-auth-service")


def test_an_upgrade_leaves_what_runs_alone_and_says_what_comes_next(host):
    host.start()
    keys = host.sh("cat /etc/countersign/secrets/sealing-keys")
    pids = [host.main_pid(service) for service in SERVICES]
    said = host.sh("dpkg --install /packages/second/*.deb")
    assert "the old version goes on until: systemctl restart countersign-auth-service" in said
    assert [host.main_pid(service) for service in SERVICES] == pids
    assert host.sh("cat /etc/countersign/secrets/sealing-keys") == keys
    assert "OAUTH1_PUBLIC_URL=https://auth.example.com" in host.sh("cat /etc/countersign/countersign.env")
    host.sh("systemctl reload countersign-auth-service && countersign migrate up")
    for service, port, old in zip(SERVICES, (9090, 9091), pids):
        host.sh(f"systemctl restart countersign-{service}")
        host.wait_for(f"curl -fs http://127.0.0.1:{port}/readyz")
        assert host.main_pid(service) != old


def test_removing_stops_the_services_and_a_purge_keeps_keys_and_database(host):
    host.start()
    names = " ".join(f"countersign-{part}" for part in PARTS)
    host.sh(f"dpkg --remove {names}")
    assert host.try_sh("pidof auth-service introspection-service").returncode == 1
    host.sh("test -s /etc/countersign/countersign.env && test ! -e /usr/lib/systemd/system/countersign-auth-service.service")
    said = host.sh(f"dpkg --purge {names}")
    assert "/var/lib/countersign is kept" in said and "/etc/countersign/secrets is kept" in said
    host.sh("test ! -e /etc/countersign/countersign.env && test -s /etc/countersign/secrets/sealing-keys")
    host.sh("dpkg --install /packages/first/*.deb")
    host.start()  # with the keys and the database that were there


def test_links_between_the_installed_documents_lead_somewhere(host):
    root = "/usr/share/doc/countersign-common"
    pages = host.sh(f"find {root} -name '*.md'").split()
    assert f"{root}/docs/operations.md" in pages and len(pages) > 15
    for page in pages:
        for target in re.findall(r"\]\(([^)#:\s]+)[^)]*\)", host.sh(f"cat {page}")):
            if target.startswith(("docs/", "../docs/", "../proto/", "moving-in/", "design/")) or re.fullmatch(r"[\w-]+\.md", target):
                host.sh(f"test -e $(dirname {page})/{target}")
    for unit in ("auth-service", "introspection-service", "janitor"):
        shown = host.sh(f"systemctl show -p Documentation countersign-{unit}").strip()
        host.sh(f"test -s {shown.split('file://')[1]}")


def test_a_shell_completes_the_commands_and_man_has_a_page_of_each(host):
    completions = "/usr/share/bash-completion/completions"
    for command in (*SERVICES, "countersign"):
        words = f"COMP_WORDS=({command} config ch); COMP_CWORD=2"
        tell = 'f=$(complete -p $C); f=${f#*-F }; ${f%% *}; printf "%s\n" "${COMPREPLY[@]}"'
        assert host.sh(f"bash -c 'C={command}; source {completions}/$C; {words}; {tell}'").strip() == "check"
        host.sh(f"zcat /usr/share/man/man1/{command}.1.gz | grep -x '.TH.*Countersign'")
    for service in SERVICES:
        host.sh(f"test -s /usr/share/fish/vendor_completions.d/{service}.fish")
        for line in host.sh(f"{service} --help").splitlines():
            if line.startswith("  "):
                command = line[2:28].strip()
                page = f"/usr/share/man/man1/{service}-{command.replace(' ', '-')}.1.gz"
                assert host.sh(f"zcat {page}") == host.sh(f"{service} man {command}")
                assert host.sh(f"stat -c '%U %a' {page}").strip() == "root 644"


@pytest.mark.parametrize("part", PARTS)
def test_the_list_of_what_is_inside_is_true(host, part):
    sbom = json.loads(host.sh(f"cat /usr/share/doc/countersign-{part}/sbom.spdx.json"))
    assert sbom["creationInfo"]["created"] == "2026-09-21T14:13:20Z"
    digests = dict(reversed(line.split("  ")) for line in host.sh(
        f"dpkg -L countersign-{part} | while read f; do test -f $f && sha256sum $f; done; true").splitlines())
    del digests[f"/usr/share/doc/countersign-{part}/sbom.spdx.json"]
    assert files_of(sbom, f"countersign-{part}") == digests
    if part in SERVICES:
        needed = set(re.findall(r"NEEDED\s+(\S+)", host.sh(f"objdump -p /usr/bin/{part}")))
        packages = {host.sh(f"dpkg -S '*/{name}' | head -n 1").split(":")[0] for name in needed}
        versions = {package["name"]: package["versionInfo"] for package in sbom["packages"]}
        for package in packages:
            assert versions[package] == host.sh(f"dpkg-query -W -f '${{Version}}' {package}").strip()
