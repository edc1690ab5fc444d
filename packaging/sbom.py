#!/usr/bin/python3
"""sbom.py FOLDER NAME VERSION DEPENDS: what is in a package that is about to be built, as SPDX 2.3 in JSON.

The package's own files come with their digests; the packages that it depends on are those of the machine that built it."""

import datetime
import hashlib
import json
import os
import pathlib
import re
import subprocess
import sys

LICENSE = "Apache-2.0"


def element(kind, name):
    return f"SPDXRef-{kind}-" + re.sub(r"[^A-Za-z0-9.-]", "-", name)


def files_in(folder):
    for path in sorted(folder.rglob("*")):
        name = "./" + path.relative_to(folder).as_posix()
        if path.is_file() and not name.startswith("./DEBIAN/") and not name.endswith(".spdx.json"):
            data = path.read_bytes()
            yield name, {"SHA1": hashlib.sha1(data).hexdigest(), "SHA256": hashlib.sha256(data).hexdigest()}


def file_element(name, digests):
    return {
        "SPDXID": element("File", name),
        "fileName": name,
        "checksums": [{"algorithm": kind, "checksumValue": value} for kind, value in digests.items()],
        "licenseConcluded": LICENSE,
        "copyrightText": "NOASSERTION",
    }


def dependencies(depends):
    """Of a Depends line: the names, and the versions that are installed here; our own packages have none."""
    for name in sorted({re.split(r"[ (|]", item.strip())[0] for item in depends.split(",")}):
        if name.startswith("countersign-"):
            continue
        asked = subprocess.run(["dpkg-query", "-W", "-f", "${Version}", name], capture_output=True, text=True, check=True)
        yield name, asked.stdout


def dependency_element(name, version):
    return {
        "SPDXID": element("Package", name),
        "name": name,
        "versionInfo": version,
        "downloadLocation": "NOASSERTION",
        "filesAnalyzed": False,
        "externalRefs": [{
            "referenceCategory": "PACKAGE-MANAGER",
            "referenceType": "purl",
            "referenceLocator": f"pkg:deb/debian/{name}@{version.replace('+', '%2B').replace(':', '%3A').replace('~', '%7E')}",
        }],
    }


def document(folder, name, version, depends):
    files = list(files_in(folder))
    needed = list(dependencies(depends))
    own = element("Package", name)
    sha1s = "".join(sorted(digests["SHA1"] for _, digests in files))
    verification = hashlib.sha1(sha1s.encode()).hexdigest()
    created = datetime.datetime.fromtimestamp(int(os.environ["SOURCE_DATE_EPOCH"]), datetime.timezone.utc)
    related = [("SPDXRef-DOCUMENT", "DESCRIBES", own)]
    related += [(own, "CONTAINS", element("File", file)) for file, _ in files]
    related += [(own, "DEPENDS_ON", element("Package", other)) for other, _ in needed]
    return {
        "spdxVersion": "SPDX-2.3",
        "dataLicense": "CC0-1.0",
        "SPDXID": "SPDXRef-DOCUMENT",
        "name": f"{name}-{version}",
        "documentNamespace": f"https://spdx.org/spdxdocs/{name}-{version}-{verification}",
        "creationInfo": {"created": created.strftime("%Y-%m-%dT%H:%M:%SZ"), "creators": ["Organization: Countersign"]},
        "packages": [{
            "SPDXID": own,
            "name": name,
            "versionInfo": version,
            "downloadLocation": "NOASSERTION",
            "filesAnalyzed": True,
            "packageVerificationCode": {"packageVerificationCodeValue": verification},
            "licenseConcluded": LICENSE,
            "licenseDeclared": LICENSE,
            "licenseInfoFromFiles": ["NOASSERTION"],
            "copyrightText": "NOASSERTION",
        }] + [dependency_element(*item) for item in needed],
        "files": [file_element(*item) for item in files],
        "relationships": [
            {"spdxElementId": a, "relationshipType": kind, "relatedSpdxElement": b} for a, kind, b in related
        ],
    }


def main():
    folder, name, version, depends = sys.argv[1:]
    json.dump(document(pathlib.Path(folder), name, version, depends), sys.stdout, indent=1)
    print()


if __name__ == "__main__":
    main()
