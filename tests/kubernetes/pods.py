"""The pods of the manifests, run by `podman kube play`.

What podman 4.3 does otherwise than a cluster is bridged here, and nothing else is changed: a Deployment's and a Job's pod
is played by itself; a Secret's volume becomes a folder with the mode and the group that a kubelet would give it (podman
hands out the base64 text); a Service's name is an entry in /etc/hosts; probes by HTTP, which podman makes with a curl that
it expects in the image, are asked by the service's own healthcheck (and over HTTP by the tests).
"""

import json
import os
import secrets
import shutil
import subprocess
import time

import yaml

from harness.compose import docker
from manifests import of_kind, opened

STORE_IMAGES = ("mysql:9.7", "redis:8.0")


def missing_podman():
    """Why no pod can run here; None if one can."""
    if not shutil.which("podman"):
        return "no podman here"
    done = subprocess.run(["podman", "info"], capture_output=True, text=True, timeout=60)
    return None if done.returncode == 0 else f"podman does not work here: {done.stderr.strip()[-200:]}"


def podman(*arguments, check=True, timeout=180, **options):
    done = subprocess.run(["podman", *map(str, arguments)], capture_output=True, text=True, timeout=timeout, **options)
    assert not check or done.returncode == 0, f"podman {arguments}: {done.stdout}\n{done.stderr}"
    return done


def load(image):
    """Copies an image of the docker engine, unless podman has that very one."""
    wanted = docker("image", "inspect", "-f", "{{.Id}}", image).stdout.strip().removeprefix("sha256:")
    if podman("image", "inspect", "-f", "{{.Id}}", f"localhost/{image}", check=False).stdout.strip() == wanted:
        return
    save = subprocess.Popen(["docker", "save", image], stdout=subprocess.PIPE)
    subprocess.run(["podman", "load", "-q"], stdin=save.stdout, check=True, capture_output=True, timeout=300)
    assert save.wait(60) == 0


class Cluster:
    """Some pods on a network of their own. close() leaves nothing of them."""

    def __init__(self, directory, manifests, images):
        self.name = f"cstest{secrets.token_hex(4)}"
        self.directory = directory
        self.manifests = manifests
        self.images = images  # ours, by the name that the manifests use
        self.addresses = {}  # of what runs already, by the name of its Service
        self.played = []
        podman("network", "create", self.name)

    def pod(self, name):
        return f"{self.name}-{name}"

    def volume(self, name):
        """Podman makes an emptyDir by its name, and would take one that an earlier run left."""
        return f"{self.name}-{name}"

    def container(self, name):
        return f"{self.pod(name)}-{name}"

    # ---- from the manifests to what podman plays

    def template(self, name):
        made = next(d for d in of_kind(self.manifests, "Deployment", "Job") if d["metadata"]["name"] == name)
        return json.loads(json.dumps(made["spec"]["template"]))

    def image(self, name):
        ours = name.rpartition(":")[0]
        return f"localhost/{self.images.get(ours, name)}"

    def folder(self, volume, group):
        """What a kubelet makes of a Secret's volume."""
        source = volume.pop("secret")
        secret = next(d for d in of_kind(self.manifests, "Secret") if d["metadata"]["name"] == source["secretName"])
        folder = self.directory / source["secretName"]
        folder.mkdir(exist_ok=True)
        folder.chmod(0o755)
        for name, data in opened(secret).items():
            (folder / name).write_bytes(data)
            os.chown(folder / name, 0, group)
            (folder / name).chmod(source["defaultMode"])
        volume["hostPath"] = {"path": str(folder), "type": "Directory"}

    def playable(self, name):
        template = self.template(name)
        spec = template["spec"]
        for volume in spec["volumes"]:
            if "secret" in volume:
                self.folder(volume, spec.get("securityContext", {}).get("fsGroup", 0))
            volume["name"] = self.volume(volume["name"])
        for container in spec["containers"]:
            for mount in container.get("volumeMounts", []):
                mount["name"] = self.volume(mount["name"])
            container["image"] = self.image(container["image"])
            container.pop("ports", None)  # podman would open them on this machine
            for probe in ("startupProbe", "readinessProbe"):
                container.pop(probe, None)
            if "livenessProbe" in container:
                assert container["livenessProbe"].pop("httpGet")["path"] == "/livez"
                container["livenessProbe"]["exec"] = {"command": [name, "healthcheck", "--live"]}
        spec["hostAliases"] = [{"ip": address, "hostnames": [host]} for host, address in self.addresses.items()]
        metadata = {"name": self.pod(name), "labels": template["metadata"]["labels"]}
        return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}

    # ---- running

    def play(self, name):
        """Starts a pod; its address is known to those that come later."""
        maps = [{**d, "metadata": {"name": d["metadata"]["name"]}} for d in of_kind(self.manifests, "ConfigMap")]
        path = self.directory / f"{name}.yaml"
        path.write_text(yaml.safe_dump_all([*maps, self.playable(name)]))
        podman("kube", "play", "--network", self.name, path)
        self.played.append(name)
        infra = json.loads(podman("pod", "inspect", self.pod(name)).stdout)["InfraContainerID"]
        networks = json.loads(podman("inspect", infra).stdout)[0]["NetworkSettings"]["Networks"]
        self.addresses[name] = networks[self.name]["IPAddress"]
        return self.addresses[name]

    def facts(self, name):
        return json.loads(podman("inspect", self.container(name)).stdout)[0]

    def run(self, name, *command, check=True, stdin=""):
        """A command in a pod's container."""
        return podman("exec", "-i", self.container(name), *command, check=check, input=stdin)

    def wait_for(self, condition, seconds, what):
        deadline = time.monotonic() + seconds
        while not condition():
            logs = "\n".join(f"{name}: {self.log(name)}" for name in self.played)
            assert time.monotonic() < deadline, f"{what}\n{logs}"
            time.sleep(0.5)

    def log(self, name):
        done = podman("logs", "--tail", "20", self.container(name), check=False)
        return done.stdout + done.stderr

    def close(self):
        for name in reversed(self.played):
            podman("pod", "rm", "-f", "-t", "1", self.pod(name), check=False)
        for volume in self.volumes():
            podman("volume", "rm", "-f", volume, check=False)
        podman("network", "rm", "-f", self.name, check=False)
        for image in self.images.values():
            podman("image", "rm", "-f", f"localhost/{image}", check=False)

    def volumes(self):
        """Those of the pods' emptyDir, which podman keeps."""
        for name in self.played:
            for volume in self.template(name)["spec"]["volumes"]:
                if "emptyDir" in volume:
                    yield self.volume(volume["name"])
