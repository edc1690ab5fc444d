"""Reading rendered manifests."""

import base64

OVERLAYS = ("development", "production")
COMPONENTS = ("existing-secrets", "external-secrets", "redis-sentinel", "redis-cluster")


def opened(secret):
    """A Secret's data, decoded."""
    return {name: base64.b64decode(text) for name, text in secret["data"].items()}


def of_kind(manifests, *kinds):
    return [manifest for manifest in manifests if manifest["kind"] in kinds]


def pod_specs(manifests):
    """The pods that the manifests make, by the name of what makes them."""
    specs = {}
    for manifest in of_kind(manifests, "Deployment", "Job", "CronJob"):
        spec = manifest["spec"]
        spec = spec["jobTemplate"]["spec"] if manifest["kind"] == "CronJob" else spec
        specs[manifest["metadata"]["name"]] = spec["template"]["spec"]
    return specs
