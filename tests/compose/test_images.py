"""What is in the images, and what is not."""

import json
import re

import pytest

from harness.compose import BUILT, docker
from harness.provider import ROOT
from harness.spdx import files_of

SIZE_LIMIT = 60 << 20  # above the base image


@pytest.fixture(params=BUILT)
def image(request, stack):
    return stack.image(request.param)


def inspect(image):
    return json.loads(docker("image", "inspect", image).stdout)[0]


def inside(image, *command):
    """A command of the base system, with nothing of ours running; the root file system cannot be written."""
    done = docker("run", "--rm", "--network", "none", "--read-only", "--entrypoint", command[0], image, *command[1:],
                  check=False)
    return done.returncode, done.stdout


def test_an_image_is_small_and_says_what_it_is(image, capsys):
    facts = inspect(image)
    above = facts["Size"] - inspect("debian:trixie-slim")["Size"]
    packages = set(inside(image, "dpkg-query", "-W", "-f", "${Package} ${Version}\n")[1].splitlines())
    added = packages - set(inside("debian:trixie-slim", "dpkg-query", "-W", "-f", "${Package} ${Version}\n")[1].splitlines())
    with capsys.disabled():
        print(f"\n{facts['Config']['Labels']['org.opencontainers.image.title']}: {above / 1e6:.1f} MB above the base, "
              f"user {facts['Config']['User']}; added: {', '.join(sorted(added))}")
    assert above < SIZE_LIMIT
    labels = facts["Config"]["Labels"]
    assert labels["org.opencontainers.image.licenses"] == "Apache-2.0"
    assert all(labels[f"org.opencontainers.image.{name}"] for name in ("title", "description", "version", "revision"))


def test_every_library_that_an_image_installs_by_name_is_one_that_its_binary_loads(image):
    (binary,) = inspect(image)["Config"]["Entrypoint"]
    code, loaded = inside(image, "sh", "-c", f"ldd $(command -v {binary})")
    assert code == 0 and "not found" not in loaded, loaded
    paths = re.findall(r"=> (\S+) ", loaded)
    owners = inside(image, "sh", "-c", 'for path; do dpkg -S "$(readlink -f "$path")"; done', "sh", *paths)[1]
    stages = (ROOT / f"docker/{binary}.Dockerfile").read_text().partition(" AS libraries")[2]
    named = {name for words in re.findall(r"apt-get install(.*?)&& apt-get clean", stages, re.S) for name in re.findall(r"(?<=\s)lib\S+", words)}
    assert named and named <= {line.partition(":")[0] for line in owners.splitlines()}


def test_the_images_share_the_layer_of_the_libraries(stack):
    layers = [inspect(image)["RootFS"]["Layers"] for image in ("debian:trixie-slim", *map(stack.image, BUILT))]
    base, auth, introspection = layers
    assert [one for one, other in zip(auth, introspection) if one == other] == introspection[:len(base) + 1]


def test_auth_service_alone_gets_the_admin_token(stack):
    services = json.loads(stack.compose("--profile", "*", "config", "--format", "json").stdout)["services"]
    told = {name for name, service in services.items() if "OAUTH1_ADMIN_TOKEN_FILE" in (service.get("environment") or {})}
    mounting = {name for name, service in services.items()
                if any(volume["source"] == "admin-secrets" for volume in service.get("volumes", []))}
    assert told == mounting - {"secrets"} == {"auth-service", "auth-service-delegated"}
    files = stack.compose("exec", "-T", "introspection-service", "find", "/run/secrets", "-name", "*-token").stdout
    assert files == ""


def test_the_list_of_what_is_inside_is_true(image):
    """Ours is what neither a Debian package nor the base image knows. (Below /etc and /var Debian's packages make files as they
    are installed.)"""
    (service,) = inspect(image)["Config"]["Entrypoint"]
    place = "/usr/share/doc/countersign/sbom.spdx.json"
    sbom = json.loads(inside(image, "cat", place)[1])
    described = [r["relatedSpdxElement"] for r in sbom["relationships"] if r["relationshipType"] == "DESCRIBES"]
    contained = {r["relatedSpdxElement"] for r in sbom["relationships"] if [r["spdxElementId"]] == described}
    listed = {(element["name"], element["versionInfo"]) for element in sbom["packages"] if element["SPDXID"] in contained}
    shown = inside(image, "dpkg-query", "-W", "-f", "${Package} ${Version}\n")[1].splitlines()
    version = inspect(image)["Config"]["Labels"]["org.opencontainers.image.version"]
    assert listed == {tuple(line.split()) for line in shown} | {(service, version)}
    known = set(inside(image, "sh", "-c", "cat /var/lib/dpkg/info/*.list")[1].splitlines())
    files = ["find", "/usr", "/opt", "/srv", "/home", "-xdev", "-type", "f"]
    known |= set(inside("debian:trixie-slim", *files)[1].splitlines())
    sums = inside(image, *files, "-exec", "sha256sum", "{}", "+")[1]
    there = dict(reversed(line.split("  ")) for line in sums.splitlines())
    ours = {name: digest for name, digest in there.items() if name not in known and name != place}
    assert files_of(sbom, service) == ours


def test_nobody_is_root_and_nothing_needs_a_shell(image):
    config = inspect(image)["Config"]
    assert config["User"] == "65532:65532"
    assert config["Entrypoint"] in ([name] for name in BUILT), "exec form: signals reach the service itself"
    assert config["Healthcheck"]["Test"] == ["CMD", config["Entrypoint"][0], "healthcheck"]
    assert inside(image, "id", "-u")[1].strip() == "65532"


def test_there_is_no_compiler_and_no_source(image):
    found = inside(image, "find", "/usr", "/countersign", "-xdev", "(", "-name", "gcc*", "-o", "-name", "cc", "-o", "-name", "cc1",
                   "-o", "-name", "ld", "-o", "-name", "cmake", "-o", "-name", "*.h", ")", "-type", "f")[1]
    assert found == ""


def test_the_plugin_that_mysql_asks_for_is_there(image):
    found = inside(image, "find", "/usr/lib", "-name", "caching_sha2_password.so")[1]
    assert found.count("\n") == 1


def test_no_secret_is_in_a_layer(image, stack):
    history = docker("image", "history", "--no-trunc", "--format", "{{.CreatedBy}}", image).stdout
    variables = inspect(image)["Config"]["Env"]
    assert not re.search(r"(?i)(password|secret|token|key)\w*=", history + "\n".join(variables)), history
    # Nor in a file: what the first start made is nowhere but in its volumes.
    secret = docker("run", "--rm", "-u", "0", "--network", "none", "-v", f"{stack.name}_secrets:/s:ro", "--entrypoint", "cat",
                    image, "/s/redis-password").stdout.strip()
    assert len(secret) >= 32
    found = docker("run", "--rm", "-u", "0", "--network", "none", "--read-only", "--entrypoint", "grep", image, "-rls", secret,
                   "/etc", "/usr/local", "/var", "/tmp", "/run", check=False)
    assert (found.returncode, found.stdout) == (1, "")


def test_the_root_file_system_can_be_read_only(image):
    name = inspect(image)["Config"]["Entrypoint"][0]
    done = docker("run", "--rm", "--network", "none", "--read-only", "--cap-drop", "ALL", image, "config", "check", check=False)
    assert done.returncode == 2 and "OAUTH1_PUBLIC_URL: is required" in done.stderr, (name, done.stderr)
