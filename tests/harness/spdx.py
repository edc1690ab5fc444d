"""Lists of what is inside (SPDX 2.3, https://spdx.github.io/spdx-spec/v2.3/), as packages and images bear them."""

import hashlib


def files_of(sbom, package):
    """The files of one of its packages, each with its SHA-256; the document fits together (its names, and the code of clause 7.9)."""
    assert sbom["spdxVersion"] == "SPDX-2.3" and sbom["dataLicense"] == "CC0-1.0"
    known = {"SPDXRef-DOCUMENT"} | {element["SPDXID"] for element in sbom["packages"] + sbom["files"]}
    assert len(known) == 1 + len(sbom["packages"]) + len(sbom["files"])
    related = [(r["spdxElementId"], r["relationshipType"], r["relatedSpdxElement"]) for r in sbom["relationships"]]
    assert all(a in known and b in known for a, _, b in related)
    (own,) = [element for element in sbom["packages"] if element["name"] == package]
    held = {b for a, kind, b in related if (a, kind) == (own["SPDXID"], "CONTAINS")}
    sums = {file["fileName"][1:]: {sum["algorithm"]: sum["checksumValue"] for sum in file["checksums"]}
            for file in sbom["files"] if file["SPDXID"] in held}
    code = hashlib.sha1("".join(sorted(each["SHA1"] for each in sums.values())).encode()).hexdigest()
    assert own["packageVerificationCode"]["packageVerificationCodeValue"] == code
    return {name: each["SHA256"] for name, each in sums.items()}
