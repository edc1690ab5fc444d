"""What each component of kubernetes/components makes of the production overlay, and what kubernetes/render makes of the Job."""

import json
import re
import shutil
import subprocess

import pytest
import yaml
from manifests import COMPONENTS, of_kind, pod_specs

from harness.compose import copy_tree, docker
from harness.provider import ROOT, clean_environment

OURS = ("auth-service", "introspection-service", "migrate", "janitor")
FILES = {"sealing-keys", "database-password", "redis-password", "mysql-ca.pem"}


def files_of(spec, mount):
    """{file: (Secret, key)} of what a pod has at a mount, where the manifest says it."""
    (volume,) = [m["name"] for m in spec["containers"][0]["volumeMounts"] if m["mountPath"] == mount]
    (source,) = [v for v in spec["volumes"] if v["name"] == volume]
    return {item["path"]: (part["secret"]["name"], item["key"])
            for part in source["projected"]["sources"] for item in part["secret"]["items"]}


def ports_out(manifests):
    (stores,) = [d for d in of_kind(manifests, "NetworkPolicy") if d["metadata"]["name"] == "countersign-stores"]
    (rule,) = stores["spec"]["egress"]
    return {number for port in rule["ports"] for number in range(port["port"], port.get("endPort", port["port"]) + 1)}


def test_every_component_is_tested_and_named_in_the_documentation():
    there = {path.parent.name for path in (ROOT / "kubernetes/components").glob("*/kustomization.yaml")}
    assert there == {*COMPONENTS, "monitoring"}
    text = (ROOT / "docs/deployment.md").read_text()
    assert all(f"| `{name}` |" in text for name in there)


def test_existing_secrets_are_read_by_every_pod_and_none_is_made(rendered):
    manifests = rendered["existing-secrets"]
    assert of_kind(manifests, "Secret") == []
    for name in OURS:
        found = files_of(pod_specs(manifests)[name], "/run/secrets/countersign")
        assert found == {"sealing-keys": ("countersign-sealing-keys", "sealing-keys"),
                         "database-password": ("countersign-database", "password"), "mysql-ca.pem": ("countersign-database", "ca.crt"),
                         "redis-password": ("countersign-redis", "password")}, name
    said = (ROOT / "kubernetes/components/existing-secrets/kustomization.yaml").read_text()
    assert all(re.search(rf"^#   {secret} .*\b{re.escape(key)}", said, re.M) for secret, key in found.values())


def test_external_secrets_make_the_secrets_that_the_pods_mount(rendered):
    manifests = rendered["external-secrets"]
    made = {d["spec"]["target"]["name"]: {row["secretKey"] for row in d["spec"]["data"]} for d in of_kind(manifests, "ExternalSecret")}
    assert of_kind(manifests, "Secret") == [] and made == {"countersign": FILES, "countersign-admin": {"admin-token"}}
    mounted = {v["secret"]["secretName"] for spec in pod_specs(manifests).values() for v in spec["volumes"]}
    assert mounted == set(made)
    assert all(d["spec"]["secretStoreRef"] == {"kind": "SecretStore", "name": "countersign"} for d in of_kind(manifests, "ExternalSecret"))


@pytest.mark.parametrize("name, ports", [("redis-sentinel", {26379}), ("redis-cluster", set(range(7000, 7006)))])
def test_pods_may_reach_every_redis_that_the_url_leads_to(rendered, tmp_path, name, ports):
    assert ports_out(rendered[name]) == ports_out(rendered["production"]) | ports
    said = (ROOT / f"kubernetes/components/{name}/kustomization.yaml").read_text()
    url = re.search(r"OAUTH1_REDIS_URL=(\S+)", said).group(1)
    assert {int(port) for port in re.findall(r":(\d+)", url)} <= ports
    for service in ("auth-service", "introspection-service"):  # the URL of the comment is one that they take
        done = subprocess.run([ROOT / "build/asan/bin" / service, "config", "check"], capture_output=True, text=True, timeout=60,
                              env=clean_environment({"OAUTH1_DEV": "true", "OAUTH1_REDIS_URL": url, "HOME": str(tmp_path)}),
                              cwd=tmp_path)
        assert done.returncode == 0, done.stderr


def test_the_janitor_works_once_an_hour_wherever_it_runs(rendered):
    """docs/operations.md, the timer of the packages and the CronJob."""
    assert "`auth-service janitor`, once an hour," in (ROOT / "docs/operations.md").read_text()
    (timer,) = re.findall(r"^OnCalendar=(.*)$", (ROOT / "packaging/systemd/countersign-janitor.timer").read_text(), re.M)
    assert re.fullmatch(r"\*-\*-\* \*:\d\d:00", timer)
    (job,) = of_kind(rendered["production"], "CronJob")
    assert re.fullmatch(r"\d+ \* \* \* \*", job["spec"]["schedule"]) and job["spec"]["concurrencyPolicy"] == "Forbid"
    assert job["spec"]["jobTemplate"]["spec"]["activeDeadlineSeconds"] < 3600


# ---- kubernetes/render


@pytest.fixture(scope="module")
def render(tree, kustomize, tmp_path_factory):
    """Renders production of a copy of the tree, after a change to one of its files."""
    here = copy_tree(tmp_path_factory.mktemp("render") / "countersign")
    overlay = here / "kubernetes/overlays/production"
    (overlay / "secrets").mkdir()
    for name in (*FILES, "admin-token"):
        (overlay / "secrets" / name).write_text("-----BEGIN-----\ntheirs\n-----END-----\n---\n")

    def call(file=None, old="", new=""):
        kept = (overlay / file).read_text() if file else ""
        if file:
            assert old in kept
            (overlay / file).write_text(kept.replace(old, new))
        try:
            text = docker("run", "--rm", "--network", "none", "-v", f"{here / 'kubernetes'}:/kubernetes:ro", kustomize,
                          "/kubernetes/render", "production").stdout
        finally:
            if file:
                (overlay / file).write_text(kept)
        return [d for d in yaml.safe_load_all(text) if d]

    return call


def test_a_job_is_another_where_its_image_configuration_or_secrets_are(render, rendered):
    def name(manifests):
        (job,) = of_kind(manifests, "Job")
        return job["metadata"]["name"]

    first = render()
    assert re.fullmatch(r"migrate-[0-9a-f]{10}", name(first)) and render() == first
    env = "countersign.env"
    others = [render(env, "OAUTH1_DATABASE_POOL=8", "OAUTH1_DATABASE_POOL=9"), render("secrets/database-password", "theirs", "new"),
              render("kustomization.yaml", "patches:", "images: [{name: countersign/auth-service, newTag: 0.2.0}]\npatches:")]
    assert len({name(first), *map(name, others)}) == 4
    # what is no part of the Job is no reason for another name
    assert name(render("kustomization.yaml", "value: 20", "value: 21")) == name(first)
    others = [{**d, "metadata": {**d["metadata"], "name": "migrate"}} if d["kind"] == "Job" else d for d in first]
    kinds = sorted((d["kind"], d["metadata"]["name"].rpartition("-")[0]) for d in rendered["production"])
    assert sorted((d["kind"], d["metadata"]["name"].rpartition("-")[0]) for d in others) == kinds


def test_an_overlay_that_there_is_not_is_told_with_those_that_there_are(kustomize):
    done = docker("run", "--rm", "--network", "none", "-v", f"{ROOT / 'kubernetes'}:/kubernetes:ro", kustomize, "/kubernetes/render",
                  "mine", check=False)
    assert done.returncode == 2 and "development production" in done.stderr


# ---- what is wrong is said before kustomize says it


@pytest.fixture
def scripts(tmp_path):
    """The scripts of a copy of the tree, each run with a PATH that has a kubectl which may not be asked."""
    here = copy_tree(tmp_path / "countersign") / "kubernetes"
    stand_in = tmp_path / "bin/kubectl"
    stand_in.parent.mkdir()
    stand_in.write_text("#!/bin/sh\necho asked >&2\nexit 1\n")
    stand_in.chmod(0o755)

    def call(*words, path=f"{stand_in.parent}:/usr/bin:/bin"):
        return subprocess.run([here / words[0], *words[1:]], capture_output=True, text=True, timeout=60, env={"PATH": path})

    call.folder = here
    return call


def test_secrets_that_are_missing_are_named_with_what_makes_them(scripts):
    told = scripts("render", "production")
    assert told.returncode == 1 and "asked" not in told.stderr, told.stderr
    assert all(f" secrets/{name}" in told.stderr for name in (*FILES, "admin-token")), told.stderr
    assert f"{scripts.folder}/make-secrets production" in told.stderr
    made = scripts("make-secrets", "production")
    assert made.returncode == 0 and "there are now: admin-token sealing-keys" in made.stdout
    told = scripts("render", "production")
    assert "secrets/mysql-ca.pem" in told.stderr and "sealing-keys" not in told.stderr, told.stderr
    for name in FILES:
        (scripts.folder / "overlays/production/secrets" / name).write_text("theirs")
    assert "asked" in scripts("render", "production").stderr


def test_a_secret_that_an_overlay_takes_besides_is_asked_for_and_one_that_it_does_not_take_is_not(scripts):
    file = scripts.folder / "overlays/production/kustomization.yaml"
    file.write_text(file.read_text().replace("- secrets/mysql-ca.pem", "- redis-url=secrets/redis-url # whole"))
    said = scripts("make-secrets", "production").stdout
    assert re.findall(r"now write \S*/secrets/(\S+)", said) == ["database-password", "redis-password", "redis-url"]
    assert " secrets/redis-url" in scripts("render", "production").stderr


def test_what_is_wrong_with_a_call_is_said(scripts):
    for script in ("render", "make-secrets"):
        for words, told in ((["mine"], "there is no overlays/mine/kustomization.yaml"), ([], "usage: ")):
            done = scripts(script, *words)
            assert done.returncode == 2 and told in done.stderr and "overlays: development production\n" in done.stderr, done.stderr
    (bare := scripts.folder / "bare").mkdir()
    for name in ("bash", "sed", "sort", "awk", "dirname", "env"):
        (bare / name).symlink_to(shutil.which(name))
    done = scripts("render", "production", path=str(bare))
    assert done.returncode == 1 and "neither kubectl nor kustomize" in done.stderr and "https://" in done.stderr
