"""Schemas that others wrote, from npm: what they find wrong with sets of documents."""

import json
import shutil
import subprocess
from pathlib import Path

from harness.provider import ROOT


def faults(folder: Path, sets):
    """{name: [fault, …]} for {name: documents}; `folder` holds validate.mjs and the packages that it needs."""
    place = ROOT / "build/schemas" / folder.parent.name
    place.mkdir(parents=True, exist_ok=True)
    for name in ("package.json", "package-lock.json", "validate.mjs"):
        shutil.copy(folder / name, place / name)
    subprocess.run(["npm", "ci", "--ignore-scripts", "--omit=peer", "--no-audit", "--no-fund", "--loglevel=error"], cwd=place,
                   check=True, timeout=300)
    done = subprocess.run(["node", "validate.mjs"], cwd=place, input=json.dumps(sets), text=True, capture_output=True,
                          timeout=120)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
