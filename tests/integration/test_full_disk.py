"""Where the database cannot be written the service is not ready, says why, and is ready again by itself."""

import os
import subprocess
import time

import pytest
import requests
from harness.fleet import Stores, new_fleet
from harness.flow import Flow, send
from harness.provider import PASSWORD, Provider, clean_environment

SECONDS = 10


def readiness(service):
    answer = requests.get(service.ops + "/readyz?verbose", timeout=5)
    return answer.status_code, answer.text


def wait_until(service, status, text=""):
    begin = time.monotonic()
    while True:
        said = readiness(service)
        if said[0] == status and text in said[1]:
            return
        assert time.monotonic() - begin < SECONDS, said
        time.sleep(0.05)


@pytest.fixture
def small_disk(tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", disk], capture_output=True).returncode != 0:
        pytest.skip("this user may not mount a small disk")
    yield disk
    subprocess.run(["umount", "--lazy", disk], check=True)


def fill(disk, but_bytes=0):
    """All of it, or all but some bytes."""
    with (disk / "filler").open("wb", buffering=0) as filler:
        try:
            while True:
                filler.write(bytes(4096))
        except OSError:
            filler.truncate(filler.tell() - but_bytes)


def test_a_full_disk_makes_the_services_unready_until_there_is_room_again(small_disk):
    provider = Provider(small_disk / "provider").start()
    try:
        provider.create_user("jane", PASSWORD)
        flow = Flow(provider, provider.create_client())
        flow.initiate()
        flow.grant()
        fill(small_disk)
        for service in provider.services:
            wait_until(service, 503, "[-] database: database ")
            wait_until(service, 503, "the disk is full: free some space")
            assert requests.get(service.ops + "/livez", timeout=5).status_code == 200
        (small_disk / "filler").unlink()
        for service in provider.services:
            wait_until(service, 200, "[+] database\n")
        assert send(flow.exchange_request()).status_code == 200
    finally:
        (small_disk / "filler").unlink(missing_ok=True)
        provider.stop()


@pytest.mark.parametrize("free_bytes", [0, 40960], ids=["full", "a few pages are left"])
def test_a_start_on_a_full_disk_names_the_database_and_the_disk(small_disk, free_bytes):
    provider = Provider(small_disk / "provider", OAUTH1_LOG_LEVEL="warn").start()
    provider.stop()
    fill(small_disk, free_bytes)
    for service in provider.services:
        command = [service.program, "serve"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=20, env=clean_environment(service.variables))
        said = done.stdout + done.stderr
        assert done.returncode == 3 and f"database {provider.database}: the disk is full: free some space" in said, said


@pytest.fixture
def unchangeable():
    """Makes a file that not even root can write, for a while."""
    done = []

    def make(path):
        if os.geteuid() != 0 or subprocess.run(["chattr", "+i", path], capture_output=True).returncode != 0:
            pytest.skip("this user, or this file system, has no immutable files")
        done.append(path)

    yield make
    for path in done:
        subprocess.run(["chattr", "-i", path], check=True)


def test_a_database_that_became_read_only_makes_the_services_unready(tmp_path, unchangeable):
    provider = Provider(tmp_path / "provider").start()
    try:
        unchangeable(provider.database)
        for service in provider.services:
            wait_until(service, 503, "it cannot be written any more")
        subprocess.run(["chattr", "-i", provider.database], check=True)
        for service in provider.services:
            wait_until(service, 200)
    finally:
        provider.stop()


@pytest.mark.xdist_group("full-disk")
def test_a_server_that_became_read_only_makes_the_services_unready(tmp_path):
    stores = Stores(tmp_path)
    with new_fleet(tmp_path, stores=stores, auths=1, introspections=1) as fleet:
        stores.database.sql("SET GLOBAL read_only = 1", user="root")
        for service in fleet.services:
            wait_until(service, 503, "the server is read-only: name the primary in OAUTH1_DATABASE_URL")
        stores.database.sql("SET GLOBAL read_only = 0", user="root")
        for service in fleet.services:
            wait_until(service, 200, "[+] database\n")
