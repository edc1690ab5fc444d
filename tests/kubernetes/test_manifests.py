"""What kustomize renders, against Kubernetes' schemas and against what we promise of it."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from manifests import COMPONENTS, OVERLAYS, of_kind, opened, pod_specs

from harness import schemas
from harness.authority import Authority
from harness.compose import copy_tree, docker
from harness.provider import ROOT, clean_environment

HERE = Path(__file__).resolve().parent
SERVICES = ("auth-service", "introspection-service")
OURS = (*SERVICES, "migrate", "janitor")


EXAMPLES = sorted(path.name for path in (ROOT / "kubernetes/examples").glob("*.yaml"))
KNOWN_GROUPS = ("", "apps", "networking.k8s.io", "gateway.networking.k8s.io", "traefik.io")  # of examples; Envoy's is not


def spoiled(manifests):
    """With a capital too many in a field's name, and a text where a number belongs."""
    manifests = json.loads(json.dumps(manifests))
    container = pod_specs(manifests)["auth-service"]["containers"][0]
    container["securityContext"]["readOnlyRootFileSystem"] = True
    container["ports"][0]["containerPort"] = "http"
    return manifests


def example(name):
    documents = yaml.safe_load_all((ROOT / "kubernetes/examples" / name).read_text())
    return [d for d in documents if d["apiVersion"].rpartition("/")[0] in KNOWN_GROUPS]


@pytest.fixture(scope="session")
def faults(rendered):
    """What Kubernetes' schemas say of each overlay, component and example, and of a spoiled overlay."""
    sets = {**rendered, **{name: example(name) for name in EXAMPLES}, "spoiled": spoiled(rendered["production"])}
    for secret in of_kind(sum(sets.values(), []), "Secret"):  # kustomize folds long lines; Kubernetes reads across them
        secret["data"] = {name: "".join(text.split()) for name, text in secret["data"].items()}
    return schemas.faults(HERE / "schemas", sets)


@pytest.mark.parametrize("name", [*OVERLAYS, *COMPONENTS, *EXAMPLES])
def test_kubernetes_schemas_find_no_fault(name, faults, rendered):
    assert len(rendered.get(name) or example(name)) > 0
    assert faults[name] == []


def test_kubernetes_schemas_would_tell(faults):
    told = "\n".join(faults["spoiled"])
    assert "readOnlyRootFileSystem" in told and "containerPort must be integer" in told


def test_every_pod_of_ours_is_confined(overlay):
    specs = pod_specs(overlay)
    for name in OURS:
        spec = specs[name]
        assert spec["enableServiceLinks"] is False, "an unknown OAUTH1_ variable is an error"
        assert spec["automountServiceAccountToken"] is False
        assert spec["securityContext"]["runAsNonRoot"] and spec["securityContext"]["runAsUser"] == 65532
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        for container in spec["containers"]:
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}}
            assert container["resources"]["limits"]["memory"] and container["resources"]["requests"]["cpu"]


def test_services_have_all_that_scaling_and_rolling_need(overlay):
    for name in SERVICES:
        deployment = next(d for d in of_kind(overlay, "Deployment") if d["metadata"]["name"] == name)
        pod = deployment["spec"]["template"]["spec"]
        container = pod["containers"][0]
        assert "replicas" not in deployment["spec"], "the autoscaler's; an apply would undo it"
        assert {kind for kind in ("HorizontalPodAutoscaler", "PodDisruptionBudget", "Service", "NetworkPolicy")
                if any(d["metadata"]["name"] == name for d in of_kind(overlay, kind))} == {
                    "HorizontalPodAutoscaler", "PodDisruptionBudget", "Service", "NetworkPolicy"}
        assert pod["terminationGracePeriodSeconds"] > 25, "the delay of 5 s and the time-out of 20 s"
        assert len(pod["topologySpreadConstraints"]) == 2
        probes = {probe: container[probe]["httpGet"]["path"] for probe in ("startupProbe", "livenessProbe", "readinessProbe")}
        assert probes == {"startupProbe": "/startupz", "livenessProbe": "/livez", "readinessProbe": "/readyz"}


def selects(selector, labels):
    """A selector without expressions, of labels."""
    return selector.get("matchLabels", {}).items() <= labels.items()


def test_nothing_goes_in_or_out_of_a_pod_of_ours_but_what_is_listed(overlay):
    policies = {d["metadata"]["name"]: d["spec"] for d in of_kind(overlay, "NetworkPolicy")}
    deny = policies["countersign-default-deny"]
    assert set(deny["policyTypes"]) == {"Ingress", "Egress"} and "ingress" not in deny and "egress" not in deny
    templates = [d["spec"].get("jobTemplate", d)["spec"]["template"] for d in of_kind(overlay, "Deployment", "Job", "CronJob")]
    labels = {template["spec"]["containers"][0]["name"]: template["metadata"]["labels"] for template in templates}
    assert all(selects(deny["podSelector"], labels[name]) for name in OURS)
    stores = policies["countersign-stores"]
    assert set(OURS) == set(stores["podSelector"]["matchExpressions"][0]["values"])
    assert {port["port"] for rule in stores["egress"] for port in rule["ports"]} == {53, 3306, 6379}


def test_monitoring_finds_both_services(rendered):
    (monitor,) = of_kind(rendered["production"], "ServiceMonitor")
    found = [d for d in of_kind(rendered["production"], "Service") if selects(monitor["spec"]["selector"], d["metadata"]["labels"])]
    assert {d["metadata"]["name"] for d in found} == set(SERVICES)
    (endpoint,) = monitor["spec"]["endpoints"]
    assert all(endpoint["port"] in [port["name"] for port in d["spec"]["ports"]] for d in found)
    assert of_kind(rendered["production"], "PrometheusRule")


def test_auth_service_alone_sees_the_admin_token(overlay):
    told = {name for name, spec in pod_specs(overlay).items() if "OAUTH1_ADMIN_TOKEN" in json.dumps(spec)}
    holding = {d["metadata"]["name"] for d in of_kind(overlay, "Secret") if "admin-token" in d["data"]}
    mounting = {name for name, spec in pod_specs(overlay).items() for v in spec.get("volumes", [])
                if v.get("secret", {}).get("secretName") in holding}
    assert told == mounting == {"auth-service"}
    assert not any("ADMIN_TOKEN" in json.dumps(d) for d in of_kind(overlay, "ConfigMap"))


def test_references_meet(overlay):
    """Every ConfigMap, Secret and key that a pod names is there."""
    maps = {d["metadata"]["name"]: d["data"] for d in of_kind(overlay, "ConfigMap")}
    secrets = {d["metadata"]["name"]: opened(d) for d in of_kind(overlay, "Secret")}
    for name, spec in pod_specs(overlay).items():
        volumes = {v["name"]: v["secret"]["secretName"] for v in spec.get("volumes", []) if "secret" in v}
        for container in spec["containers"]:
            for source in container.get("envFrom", []):
                variables = {**maps[source["configMapRef"]["name"]],
                             **{v["name"]: v["value"] for v in container.get("env", [])}}
                mounts = {m["mountPath"]: secrets[volumes[m["name"]]] for m in container["volumeMounts"]}
                for variable, path in variables.items():
                    if variable.endswith("_FILE"):
                        folder, _, key = path.rpartition("/")
                        assert mounts[folder][key], f"{name}: {variable}"


def test_our_own_binary_takes_the_configuration(overlay, tmp_path):
    """`config check` of what a pod gets, with the Secret's files where the pod has them."""
    (variables,) = [d["data"] for d in of_kind(overlay, "ConfigMap")]
    secret = next(d for d in of_kind(overlay, "Secret") if "sealing-keys" in d["data"])
    for name, data in opened(secret).items():
        (tmp_path / name).write_bytes(Path(Authority(tmp_path, "theirs").file).read_bytes() if name.endswith(".pem") else data)
    here = {name: value.replace("/run/secrets/countersign", str(tmp_path)) for name, value in variables.items()}
    for service in SERVICES:
        done = subprocess.run([ROOT / "build/asan/bin" / service, "config", "check"], env=clean_environment(here),
                              capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr


def test_secrets_are_random_and_nowhere_but_in_secrets(overlay):
    found = [data for secret in of_kind(overlay, "Secret") for data in opened(secret).values() if data != b"theirs"]
    others = json.dumps([d for d in overlay if d["kind"] != "Secret"])
    assert all(len(data) >= 32 for data in found)
    assert not any(data.decode() in others for data in found)
    assert "changeme" not in others


def test_an_overlay_of_ones_own_is_made_as_the_documentation_says(tree, kustomize, tmp_path):
    """docs/deployment.md, "For others to rely on"."""
    here = copy_tree(tmp_path / "countersign")
    shutil.copytree(here / "kubernetes/overlays/production", here / "kubernetes/overlays/mine")
    said = subprocess.run([here / "kubernetes/make-secrets", "mine"], check=True, capture_output=True, text=True, timeout=60).stdout
    wanted = re.findall(r"now write \S*/overlays/mine/secrets/(\S+)", said)
    assert wanted == ["database-password", "redis-password", "mysql-ca.pem"]
    for name in wanted:
        (here / "kubernetes/overlays/mine/secrets" / name).write_text("theirs")
    edits = [f"kustomize edit set image countersign/{name}=registry.example.com/countersign/{name}:1.2.3" for name in SERVICES]
    script = " && ".join(["cd /kubernetes/overlays/mine", *edits, "kustomize build ."])
    text = docker("run", "--rm", "--network", "none", "-v", f"{here / 'kubernetes'}:/kubernetes", kustomize, "sh", "-ec", script)
    made = [d for d in yaml.safe_load_all(text.stdout) if d]
    images = {container["image"] for spec in pod_specs(made).values() for container in spec["containers"]}
    assert images == {f"registry.example.com/countersign/{name}:1.2.3" for name in SERVICES}
    assert (here / "kubernetes/overlays/mine/.gitignore").read_text() == "/secrets/\n"
