#!/usr/bin/python3
"""Tries every wall between the rooms: walls.py BUILD_DIR

CMakeLists.txt's library() lines say who may see what. For each room (and each service) a file that includes across a wall is
compiled as the room's own files are, and must not compile: one for each room that it does not use, and one for each header that
another room keeps behind its door. A file that includes what the room may see must compile, or the trial would prove nothing.
Prints cmocka's closing lines, one test for each room. Run by ctest."""

import json
import shlex
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import check  # noqa: E402

SERVICES = ("auth-service", "introspection-service")


def compilers(build):
    """{room or service: the words that compile one of its files, without the file}."""
    found = {}
    for entry in json.loads((build / "compile_commands.json").read_text()):
        parts = Path(entry["file"]).relative_to(check.ROOT).parts if check.ROOT in Path(entry["file"]).parents else ()
        if len(parts) < 3 or parts[0] not in ("common", "services") or parts[-1] == "main.c":
            continue
        words = shlex.split(entry["command"])
        words = words[1:] if Path(words[0]).name == "ccache" else words
        end = words.index("-o")
        found.setdefault(parts[1], (words[:end], entry["directory"]))
    return found


def compiles(compiler, source):
    words, directory = compiler
    done = subprocess.run([*words, "-fsyntax-only", "-x", "c", "-"], input=source, cwd=directory, capture_output=True, text=True)
    return done.returncode == 0, done.stderr


def seen_from(room, rooms):
    """Those that it uses, and whom they use."""
    seen, left = set(), [room]
    while left:
        for used in rooms[left.pop()][1] - seen:
            seen.add(used)
            left.append(used)
    return seen


def headers_of(rooms):
    """{room: (those at its door, those behind it)}; a room without a door shows all."""
    found = {}
    for room, (door, _) in rooms.items():
        names = {Path(name).stem for name in check.HEADERS if name.startswith(f"common/{room}/")}
        found[room] = (names & door if door else names, names - door if door else set())
    return found


def visible(compiler, names):
    """Which of the headers an #include would find; all in one compilation."""
    source = "".join(f'#if __has_include("{name}")\n#warning "seen: {name}"\n#endif\n' for name in names)
    _, said = compiles((compiler[0] + ["-Wno-error"], compiler[1]), source)
    return [name for name in names if f'"seen: {name}"' in said]


def breaches(room, compiler, rooms, headers, used):
    """What can be included from `room` and must not be; what must be and cannot."""
    mine = {f"{room}/{name}.h" for name in (sum(map(list, headers[room]), []) if room in headers else ())}
    allowed = mine | {f"{other}/{name}.h" for other in used for name in headers[other][0]}
    forbidden = {other: sorted(f"{other}/{name}.h" for name in (headers[other][0] if other not in used else set()) | headers[other][1])
                 for other in rooms if other != room}
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
    build = Path(sys.argv[1]).resolve()
    rooms = check.rooms()
    found, headers = compilers(build), headers_of(rooms)
    service_uses = set(check.re.search(r"\$\{name\}-parts PUBLIC ([a-z ]+)\)", check.text("CMakeLists.txt")).group(1).split())
    failed = passed = 0
    for room in [*rooms, *SERVICES]:
        used = seen_from(room, rooms) if room in rooms else service_uses | set().union(*(seen_from(r, rooms) for r in service_uses))
        said = list(breaches(room, found[room], rooms, headers, used))
        if room in SERVICES:
            other = SERVICES[1 - SERVICES.index(room)]
            own = {Path(name).name for name in check.HEADERS if name.startswith(f"services/{room}/")}
            theirs = sorted({Path(name).name for name in check.HEADERS if name.startswith(f"services/{other}/")} - own)
            said += [f'{other}\'s "{name}" can be seen' for name in visible(found[room], theirs)]
        failed, passed = failed + bool(said), passed + (not said)
        print("\n".join(f"[  ERROR   ] from {room}: {line}" for line in said) or f"[       OK ] walls_of_{room}")
    print(f"[  PASSED  ] {passed} test(s).")
    if failed:
        print(f"[  FAILED  ] {failed} test(s).")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
