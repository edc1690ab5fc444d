#!/usr/bin/python3
"""sbom.py FOLDER NAME VERSION --depends LINE: what is in a Debian package that is about to be built, as SPDX 2.3 in JSON.
sbom.py FOLDER NAME VERSION --beside ADMINDIR: the same of an image, which holds FOLDER's files and Debian's packages.

Our own files come with their digests. The packages that a package depends on are those of the machine that built it; those of
an image are the ones that dpkg's ADMINDIR in it knows. SOURCE_DATE_EPOCH is the time that the document bears."""

import argparse
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


def installed(admindir):
    asked = subprocess.run(["dpkg-query", f"--admindir={admindir}", "-W", "-f", "${Package} ${Version}\n"],
                           capture_output=True, text=True, check=True)
    return sorted(tuple(line.split()) for line in asked.stdout.splitlines())


def debian_element(name, version):
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


def own_element(name, version, files):
    sha1s = "".join(sorted(digests["SHA1"] for _, digests in files))
    return {
        "SPDXID": element("Package", name),
        "name": name,
        "versionInfo": version,
        "downloadLocation": "NOASSERTION",
        "filesAnalyzed": True,
        "packageVerificationCode": {"packageVerificationCodeValue": hashlib.sha1(sha1s.encode()).hexdigest()},
        "licenseConcluded": LICENSE,
        "licenseDeclared": LICENSE,
        "licenseInfoFromFiles": ["NOASSERTION"],
        "copyrightText": "NOASSERTION",
    }


def image_element(name, version):
    """Its files are those of the packages in it, so it has none of its own."""
    return {
        "SPDXID": element("Image", name),
        "name": f"countersign/{name}",
        "versionInfo": version,
        "primaryPackagePurpose": "CONTAINER",
        "downloadLocation": "NOASSERTION",
        "filesAnalyzed": False,
    }


def package_parts(folder, name, version, depends):
    """What a Debian package's document lists: packages, files and who has to do with whom. The first package is described."""
    files, needed = list(files_in(folder)), list(dependencies(depends))
    own = element("Package", name)
    related = [(own, "CONTAINS", element("File", file)) for file, _ in files]
    related += [(own, "DEPENDS_ON", element("Package", other)) for other, _ in needed]
    return [own_element(name, version, files)] + [debian_element(*item) for item in needed], files, related


def image_parts(folder, name, version, admindir):
    """The same of an image's."""
    files, others = list(files_in(folder)), installed(admindir)
    image, own = element("Image", name), element("Package", name)
    related = [(image, "CONTAINS", own)] + [(own, "CONTAINS", element("File", file)) for file, _ in files]
    related += [(image, "CONTAINS", element("Package", other)) for other, _ in others]
    packages = [image_element(name, version), own_element(name, version, files)]
    return packages + [debian_element(*item) for item in others], files, related


def document(name, version, packages, files, related):
    created = datetime.datetime.fromtimestamp(int(os.environ["SOURCE_DATE_EPOCH"]), datetime.timezone.utc)
    listed = [file_element(*item) for item in files]
    content = hashlib.sha1(json.dumps([packages, listed]).encode()).hexdigest()
    related = [("SPDXRef-DOCUMENT", "DESCRIBES", packages[0]["SPDXID"])] + related
    return {
        "spdxVersion": "SPDX-2.3",
        "dataLicense": "CC0-1.0",
        "SPDXID": "SPDXRef-DOCUMENT",
        "name": f"{name}-{version}",
        "documentNamespace": f"https://spdx.org/spdxdocs/{name}-{version}-{content}",
        "creationInfo": {"created": created.strftime("%Y-%m-%dT%H:%M:%SZ"), "creators": ["Organization: Countersign"]},
        "packages": packages,
        "files": listed,
        "relationships": [
            {"spdxElementId": a, "relationshipType": kind, "relatedSpdxElement": b} for a, kind, b in related
        ],
    }


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    for name in ("folder", "name", "version"):
        parser.add_argument(name)
    kind = parser.add_mutually_exclusive_group(required=True)
    kind.add_argument("--depends")
    kind.add_argument("--beside")
    told = parser.parse_args()
    folder, name, version = pathlib.Path(told.folder), told.name, told.version
    if told.beside:
        parts = image_parts(folder, name, version, told.beside)
    else:
        parts = package_parts(folder, name, version, told.depends)
    json.dump(document(name, version, *parts), sys.stdout, indent=1)
    print()


if __name__ == "__main__":
    main()
