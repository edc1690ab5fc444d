"""Holds answers against proto/*.openapi.yaml: status, media type, headers, and the body by its JSON Schema.

`watch` makes every answer that comes through `requests` from a service that a test started be judged, so that each
integration test tests the contract too. `judge` is for those who speak HTTP themselves."""

import json
import re
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import jsonschema
import requests
import yaml

from harness.provider import LAUNCHED

PROTO = Path(__file__).resolve().parents[2] / "proto"
ANY_REQUEST = "x-answers-to-any-request"
METHODS = ("get", "head", "post", "put", "patch", "delete", "options", "trace")


class Broken(AssertionError):
    """An answer that the contract does not have."""


@lru_cache(maxsize=None)
def load(path):
    text = path.read_text(encoding="utf-8")
    return json.loads(text) if path.suffix == ".json" else yaml.safe_load(text)


def resolved(node, path):
    """The node with every $ref in it replaced by what it names. (None of ours names itself.)"""
    if isinstance(node, list):
        return [resolved(item, path) for item in node]
    if not isinstance(node, dict):
        return node
    if "$ref" in node:
        file, _, pointer = node["$ref"].partition("#")
        path = (path.parent / file).resolve() if file else path
        target = load(path)
        for step in pointer.split("/")[1:]:
            target = target[step.replace("~1", "/").replace("~0", "~")]
        return resolved(target, path)
    return {name: resolved(value, path) for name, value in node.items()}


@dataclass
class Document:
    """One OpenAPI document, and which of its answers were seen."""

    name: str
    seen: set = field(default_factory=set)

    def __post_init__(self):
        path = PROTO / f"{self.name}.openapi.yaml"
        self.content = resolved(load(path), path)

    def documented(self):
        """(path, method, status) of every documented answer; those that any request may get have no path."""
        answers = {(None, None, status) for status in self.content[ANY_REQUEST]}
        for path, item in self.content["paths"].items():
            for method in METHODS:
                answers |= {(path, method, status) for status in item.get(method, {}).get("responses", {})}
        return answers

    def find_path(self, path):
        """The template that the path fits; the most exact one."""
        fits = [template for template in self.content["paths"] if self.fits(template, path)]
        return max(fits, key=lambda template: len(re.sub(r"{.*?}", "", template)), default=None)

    def fits(self, template, path):
        return re.fullmatch(".+".join(map(re.escape, re.split(r"{.*?}", template))), path)

    def find_answer(self, method, path, status):
        """What is documented for it, and under which key."""
        template = self.find_path(path)
        operation = self.content["paths"].get(template, {}).get(method.lower())
        if operation and str(status) in operation["responses"]:
            return (template, method.lower(), str(status)), operation["responses"][str(status)]
        answer = self.content[ANY_REQUEST].get(str(status))
        is_misplaced = (status == 404 and template) or (status == 405 and operation)
        if answer is None or is_misplaced:
            raise Broken(f"{self.name}: {method} {path} answered {status}, which is not documented")
        return (None, None, str(status)), answer


def check_schema(schema, value, where):
    errors = sorted(jsonschema.Draft202012Validator(schema).iter_errors(value), key=lambda error: error.json_path)
    if errors:
        raise Broken(f"{where}: {errors[0].json_path}: {errors[0].message[:500]}")


def check_headers(answer, headers, where):
    for name, header in answer.get("headers", {}).items():
        values = [value for given, value in headers if given.lower() == name.lower()]
        if len(values) > 1 or (header.get("required") and not values):
            raise Broken(f"{where}: {name} is there {len(values)} times")
        for value in values:
            check_schema(header["schema"], value, f"{where}: {name}")


def decoded(media_type, body):
    if media_type.endswith("json"):
        return json.loads(body)
    if media_type == "application/x-www-form-urlencoded":
        pairs = parse_qsl(body.decode(), keep_blank_values=True, strict_parsing=True)
        if len(dict(pairs)) != len(pairs):
            raise Broken(f"a name comes twice: {body!r}")
        return dict(pairs)
    if media_type.startswith("image/"):
        return body.decode("latin-1")
    return body.decode()


def check_body(answer, method, headers, body, where):
    types = [value.partition(";")[0].strip() for name, value in headers if name.lower() == "content-type"]
    content = answer.get("content", {})
    if types != [] and types[0] not in content or len(types) > 1 or (content and not types):
        raise Broken(f"{where}: Content-Type {types}, documented: {sorted(content)}")
    if method == "HEAD" or not content:
        if body:
            raise Broken(f"{where}: a body where there is none: {body[:200]!r}")
    else:
        check_schema(content[types[0]]["schema"], decoded(types[0], body), where)


def judge(document, method, target, status, headers, body):
    """Raises Broken unless the answer is as documented. `headers` are pairs."""
    path = urlsplit(target).path if "://" in target else target.partition("?")[0]
    key, answer = document.find_answer(method, path or "/", status)
    where = f"{document.name}: {method} {path} {status}"
    check_headers(answer, headers, where)
    check_body(answer, method, headers, body, where)
    document.seen.add(key)


# ---- every answer that comes through requests

DOCUMENTS = {name: Document(name) for name in ("auth", "introspection")}


def document_of(url):
    """Of the service that listens there; None if it is none of ours."""
    service = LAUNCHED.get(urlsplit(url).netloc)
    return DOCUMENTS[service.name.removesuffix("-service")] if service and service.running() else None


def judge_response(response):
    document = document_of(response.url)
    if document:
        headers = list(response.raw.headers.iteritems())
        judge(document, response.request.method, response.url, response.status_code, headers, response.content)


def watch():
    """From now on, for the process."""
    plain_send = requests.adapters.HTTPAdapter.send

    def send(self, request, *args, **kwargs):
        response = plain_send(self, request, *args, **kwargs)
        judge_response(response)
        return response

    requests.adapters.HTTPAdapter.send = send
