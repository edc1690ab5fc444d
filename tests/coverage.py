"""Which branches of common/FOLDER the unit tests of that folder took: coverage.py BUILD_DIR FOLDER...

Reads what a build with --coverage left below BUILD_DIR. A line for each file: branches taken, of how many, and the lines
that hold one that was never taken. Fails below the goal."""

import json
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

GOAL_PERCENT = 95


def reports(build, folder):
    """gcov's report of each source; one that no test ran has none."""
    objects = build / f"CMakeFiles/{folder}.dir/common/{folder}"
    for notes in sorted(objects.glob("*.gcno")):
        done = subprocess.run(
            ["gcov", "--branch-probabilities", "--json-format", "--stdout", notes.resolve()],
            cwd=build, capture_output=True, text=True, check=True,
        )
        yield json.loads(done.stdout)


def branches_of(build, folder):
    """{file: {line: [how often each branch was taken]}}; an inline function's count in all that include it."""
    found = defaultdict(dict)
    for report in reports(build, folder):
        for source in report["files"]:
            path = Path(report["current_working_directory"], source["file"]).resolve()
            if path.parent.name != folder or path.parent.parent.name != "common":
                continue
            for line in source["lines"]:
                taken = [branch["count"] for branch in line["branches"]]
                before = found[path.name].get(line["line_number"], [0] * len(taken))
                if taken and len(taken) == len(before):
                    found[path.name][line["line_number"]] = [a + b for a, b in zip(before, taken)]
                else:
                    found[path.name].setdefault(line["line_number"], taken)
    return found


def show(name, lines):
    """The line of one file; (taken, all)."""
    counts = [count for branches in lines.values() for count in branches]
    taken, total = sum(count > 0 for count in counts), len(counts)
    missed = [str(line) for line, branches in sorted(lines.items()) if 0 in branches]
    print(f"  {name:24} {taken:4} of {total:4}  {percent(taken, total):5.1f} %  {' '.join(missed)}")
    return taken, total


def percent(taken, total):
    return 100 * taken / total if total else 100


def main(build, *folders):
    enough = True
    for folder in folders:
        print(f"common/{folder}: branches taken, and the lines with one that was not")
        files = {name: lines for name, lines in branches_of(build, folder).items() if any(lines.values())}
        sums = [show(name, lines) for name, lines in sorted(files.items())]
        taken, total = (sum(column) for column in zip(*sums))
        print(f"  {'all':24} {taken:4} of {total:4}  {percent(taken, total):5.1f} %  (goal {GOAL_PERCENT} %)")
        enough = enough and percent(taken, total) >= GOAL_PERCENT
    return 0 if enough else 1


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), *sys.argv[2:]))
