"""What stands in for kubectl where a runbook is followed without a cluster: it knows the objects of kubernetes/base by name, and
refuses others as a cluster would. A Job's pod is our own binary, with the arguments that the manifest gives it and the stores of
its environment."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = f"#!{sys.executable}\nimport sys\nsys.path.insert(0, {str(ROOT / 'tests')!r})\nfrom harness.kubectl import main\nmain()\n"


class Cluster:
    """The calls' state, in a file; for the test, and for each call."""

    def __init__(self, file):
        self.file = Path(file)
        documents = [d for path in (ROOT / "kubernetes/base").glob("*.yaml") for d in yaml.safe_load_all(path.read_text())]
        self.objects = {(d["kind"].lower(), d["metadata"]["name"]): d for d in documents if "metadata" in d}
        self.state = json.loads(self.file.read_text()) if self.file.exists() else {"replicas": {}, "suspended": False, "jobs": {}}

    @property
    def namespace(self):
        return yaml.safe_load((ROOT / "kubernetes/overlays/production/kustomization.yaml").read_text())["namespace"]

    def install(self, folder):
        """`kubectl` in a folder of PATH; the variables that it needs."""
        folder.mkdir()
        (folder / "kubectl").write_text(SCRIPT)
        (folder / "kubectl").chmod(0o755)
        return {"PATH": f"{folder}:{os.environ['PATH']}", "KUBECTL_STATE": str(self.file)}

    def read(self):
        self.state = json.loads(self.file.read_text())
        return self.state

    def keep(self):
        self.file.write_text(json.dumps(self.state))

    def find(self, kind, name):
        if (kind, name) not in self.objects:
            fail(f'Error from server (NotFound): {kind}s "{name}" not found')
        return self.objects[kind, name]

    # ---- what a runbook asks for

    def scale(self, words, options):
        assert words.pop(0) == "deployment"
        for name in words:
            self.find("deployment", name)
            self.state["replicas"][name] = int(options["replicas"])

    def patch(self, words, options):
        kind, name = words
        self.find(kind, name)
        assert kind == "cronjob"
        self.state["suspended"] = json.loads(options["patch"])["spec"]["suspend"]

    def wait(self, words, options):
        if options["for"] == "delete":
            return self.wait_for_end_of_pods(words, options)
        for word in words:
            kind, _, name = word.partition("/")
            if kind == "job":
                done = self.state["jobs"].get(name, {"code": 1})["code"] == 0
            else:
                self.find(kind, name)
                done = self.state["replicas"].get(name, 1) > 0
            if not done:
                fail(f"error: timed out waiting for the condition on {word}")
        return None

    def wait_for_end_of_pods(self, words, options):
        assert words == ["pod"]
        assert "status.phase!=Succeeded" in options["field-selector"], "the janitor's last pod stays, to be read"
        (names,) = re.findall(r"^app\.kubernetes\.io/name in \((.*)\)$", options["selector"])
        for name in names.split(", "):
            kind = "cronjob" if ("cronjob", name) in self.objects else "deployment"
            spec = self.find(kind, name)["spec"]
            template = spec["jobTemplate"]["spec"]["template"] if kind == "cronjob" else spec["template"]
            assert template["metadata"]["labels"]["app.kubernetes.io/name"] == name
            if not self.state["suspended"] if kind == "cronjob" else self.state["replicas"].get(name, 1):
                fail(f"error: timed out waiting for the end of {name}")

    def create(self, words, options):
        if words:
            kind, name = words
            source, _, of = options["from"].partition("/")
            assert (kind, options["dry-run"], options["output"]) == ("job", "client", "json")
            print(json.dumps({"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": name},
                              "spec": self.find(source, of)["spec"]["jobTemplate"]["spec"]}))
            return
        made = json.load(sys.stdin)
        container = made["spec"]["template"]["spec"]["containers"][0]
        if made["metadata"]["name"] in self.state["jobs"]:
            fail("Error from server (AlreadyExists)")
        assert container["image"] == "countersign/auth-service"
        assert container["envFrom"] and container["volumeMounts"][0]["mountPath"] == "/run/secrets/countersign"
        done = subprocess.run(["auth-service", *container["args"]], capture_output=True, text=True, timeout=60)
        self.state["jobs"][made["metadata"]["name"]] = {"code": done.returncode, "log": done.stdout + done.stderr}

    def logs(self, words, options):
        print(self.state["jobs"][words[0].removeprefix("job/")]["log"], end="")

    def delete(self, words, options):
        kind, name = words
        assert kind == "job"
        del self.state["jobs"][name]


def fail(text):
    print(text, file=sys.stderr)
    sys.exit(1)


def main():
    cluster, words, options = Cluster(os.environ["KUBECTL_STATE"]), [], {}
    short = {"-n": "namespace", "-o": "output", "-f": "file"}
    given = iter(sys.argv[1:])
    for word in given:
        name, _, value = word.removeprefix("--").partition("=")
        if word in short:
            options[short[word]] = next(given)
        elif word.startswith("--"):
            options[name] = value or next(given)
        else:
            words.append(word)
    assert options["namespace"] == cluster.namespace
    getattr(cluster, words.pop(0))(words, options)
    cluster.keep()
