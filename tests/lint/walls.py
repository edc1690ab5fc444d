#!/usr/bin/python3
"""Tries every wall between the rooms: walls.py BUILD_DIR

CMakeLists.txt's library() and service() lines say who may see what. For each room (and what stands in a service's own folder) a
file that includes across a wall is compiled as the room's own files are, and must not compile: one for each room that it does not
use or that keeps headers behind its door, and from common/ one for all services. The preprocessor is asked for every other header,
too. A file that includes what the room may see must compile, or the trial would prove nothing. Prints cmocka's closing lines, one
test for each room. Run by ctest."""

import json
import shlex
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import check  # noqa: E402


def compilers(build):
    """{folder: the words that compile one of its files, without the file}."""
    found = {}
    for entry in json.loads((build / "compile_commands.json").read_text()):
        path = Path(entry["file"])
        if check.ROOT not in path.parents:
            continue
        words = shlex.split(entry["command"])
        words = words[1:] if Path(words[0]).name == "ccache" else words
        end = words.index("-o")
        found[path.relative_to(check.ROOT).parent.as_posix()] = words[:end], entry["directory"]
    return found


def compiles(compiler, source):
    words, directory = compiler
    done = subprocess.run([*words, "-fsyntax-only", "-x", "c", "-"], input=source, cwd=directory, capture_output=True, text=True)
    return done.returncode == 0, done.stderr


def seen_from(room, rooms):
    """Those that it uses, and whom these show."""
    seen, left = set(room.used), list(room.used)
    while left:
        for shown in rooms[left.pop()].shown - seen:
            seen.add(shown)
            left.append(shown)
    return seen


def headers_of(rooms):
    """{room: (those at its door, those behind it)}; a room without a door shows all."""
    found = {}
    for name, room in rooms.items():
        names = {Path(header).stem for header in check.HEADERS if Path(header).parent.as_posix() == room.folder}
        found[name] = (names & room.door if room.door else names, names - room.door if room.door else set())
    return found


def visible(compiler, names):
    """Which of the headers an #include would find; all in one compilation."""
    source = "".join(f'#if __has_include("{name}")\n#warning "seen: {name}"\n#endif\n' for name in names)
    _, said = compiles((compiler[0] + ["-Wno-error"], compiler[1]), source)
    return [name for name in names if f'"seen: {name}"' in said]


def walls_of(room, used, rooms, headers):
    """{whom the wall keeps out: the headers that must not be seen}."""
    found = {}
    for other in rooms.values():
        wall = "services" if room.folder.startswith("common/") and other.folder.startswith("services/") else other.name
        shown, kept = headers[other.name]
        if other != room:
            found.setdefault(wall, []).extend(f"{other.name}/{name}.h" for name in sorted(kept if other.name in used else shown | kept))
    for service in check.services().values():  # what stands beside main.c is included by its bare name, there alone
        if service != room:
            found[f"beside {service.name}"] = sorted(
                Path(name).name for name in check.HEADERS if Path(name).parent.as_posix() == service.folder)
    return found


def breaches(room, compiler, rooms, headers):
    """What can be included from `room` and must not be; what must be and cannot."""
    used = seen_from(room, rooms)
    mine = {f"{room.name}/{name}.h" for name in sum(map(list, headers.get(room.name, ())), [])}
    allowed = mine | {f"{other}/{name}.h" for other in used for name in headers[other][0]}
    forbidden = walls_of(room, used, rooms, headers)
    for name in sorted(allowed - set(visible(compiler, sorted(allowed)))):
        yield f'"{name}" cannot be seen, and should be'
    for name in visible(compiler, sorted(sum(forbidden.values(), []))):
        yield f'"{name}" can be seen'
    for tried in sorted({others[0] for others in forbidden.values() if others}):
        if compiles(compiler, f'#include "{tried}"\nint wall;\n')[0]:
            yield f'a file with #include "{tried}" compiles'
    probe = f'#include "{min(allowed - mine) if allowed - mine else min(mine)}"\nint wall;\n'
    good, said = compiles(compiler, probe)
    if not good:
        yield f"{probe.splitlines()[0]} does not compile: {said}"


def main():
    found, rooms = compilers(Path(sys.argv[1]).resolve()), check.rooms()
    headers = headers_of(rooms)
    failed = passed = 0
    for room in [*rooms.values(), *check.services().values()]:
        said = list(breaches(room, found[room.folder], rooms, headers))
        failed, passed = failed + bool(said), passed + (not said)
        print("\n".join(f"[  ERROR   ] from {room.name}: {line}" for line in said) or f"[       OK ] walls_of_{room.name}")
    print(f"[  PASSED  ] {passed} test(s).")
    if failed:
        print(f"[  FAILED  ] {failed} test(s).")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
