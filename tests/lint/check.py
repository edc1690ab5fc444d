#!/usr/bin/python3
"""The rules for our sources that no compiler checks. Prints each breach as FILE:LINE: what, and
ends with `N passed, N failed`, one for each rule. Run by `./dev lint`, from the top of the tree."""

import collections
import json
import re
import subprocess
import sys
from fnmatch import fnmatch
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def listed(*patterns):
    """The tree's files, committed or about to be, never what a build left. In a copy without a repository: all but build/."""
    if (ROOT / ".git").exists():
        command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--", *patterns]
        names = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout.splitlines()
    else:
        every = (str(path.relative_to(ROOT)) for path in ROOT.rglob("*"))
        names = [name for name in every if not name.startswith("build/") and
                 (not patterns or any(fnmatch(name, pattern) for pattern in patterns))]
    return [name for name in names if (ROOT / name).is_file()]


def text(name):
    return (ROOT / name).read_text(encoding="utf-8")


def code(name):
    """The text with comments and string literals blanked, so that words in them are not calls."""
    pattern = r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])+\''
    return re.sub(pattern, lambda match: re.sub(r"[^\n]", " ", match.group()), text(name), flags=re.S)


def matches(names, pattern, message, read=code):
    """A breach for each match of the pattern in the files."""
    for name in names:
        body = read(name)
        for match in re.finditer(pattern, body):
            line = body.count("\n", 0, match.start()) + 1
            yield f"{name}:{line}: {message.format(match.group(match.lastindex or 0))}"


HEADERS = listed("common/*.h", "services/*.h")
C_FILES = listed("common/*.c", "services/*.c") + HEADERS
ALL_C = C_FILES + listed("tests/*.c", "tests/*.h")
TEXTS = [name for name in listed() if name not in ("LICENSE",) and b"\0" not in (ROOT / name).read_bytes()]

# ---- rules: generators of breaches ---------------------------------------------------------------


def no_banned_calls():
    calls = "strcpy|stpcpy|strcat|strncat|sprintf|vsprintf|strtok|atoi|atol|atoll|atof|gets|alloca|rand|srand"
    yield from matches(ALL_C, rf"(?<![\w.>])({calls})\s*\(", "{}() is banned")


SECRET_ROOMS = ("oauth", "explain", "crypto", "verify", "cache", "sql", "redis", "guard", "durable", "ephemeral", "changes", "provider")


def secrets_are_compared_in_constant_time():
    secret = [n for n in C_FILES if n.split("/")[1] in SECRET_ROOMS]
    why = "{}() may end early: ct_equal() for secrets, slice_equal() for what anybody may know"
    yield from matches(secret, r"(?<!\w)(memcmp|bcmp)\s*\(", why)


def nothing_is_left_open():
    markers = "|".join(("TO" + "DO", "FIX" + "ME", "XX" + "X", "HA" + "CK"))
    yield from matches(TEXTS, rf"\b({markers})\b", "{}: finish it or drop it", read=text)


def files_are_short():
    """Sources, tests and scripts: who reads one finds its way about in it."""
    python = [name for name in TEXTS if name.endswith(".py") or text(name).startswith("#!/usr/bin/python3")]
    for name in ALL_C + python:
        lines = text(name).count("\n")
        if lines > 800:
            yield f"{name}:801: {lines} lines, more than 800: cut it by subject"


def headers_are_guarded_by_their_path():
    for name in HEADERS:
        path = name.removeprefix("common/").removeprefix("services/")
        guard = "COUNTERSIGN_" + re.sub(r"\W", "_", path).upper()
        if f"#ifndef {guard}\n#define {guard}\n" not in text(name):
            yield f"{name}:1: the guard must be {guard}"


def headers_begin_with_what_they_are_for():
    for name in HEADERS:
        if not text(name).startswith("/* "):
            yield f"{name}:1: begin with a comment that says what this is for"


def exported_functions_are_documented():
    """A prototype needs a comment right above it, or above the unbroken group that it stands in.
    X_free() and X_done() say it all in their names."""
    prototype = re.compile(r"^(?!typedef\b|struct \w+ \{|#|\}|static )[A-Za-z][\w *]*?\b(\w+)\s*\([^;{]*\)[^;{]*;", re.M)
    for name in HEADERS:
        body = text(name)
        plain = code(name)
        for match in prototype.finditer(plain):
            if match.group(1).endswith(("_free", "_done")):
                continue
            group = body[: match.start()].rpartition("\n\n")[2]
            if "/*" not in group and "//" not in group:
                line = plain.count("\n", 0, match.start()) + 1
                yield f"{name}:{line}: {match.group(1)}() has no comment"


def includes_follow_the_design():
    """CMakeLists.txt's library(FOLDER USES...) lines are the one list of who may use whom, each room named that is seen."""
    uses = rooms()
    for folder, (_, used) in uses.items():
        for name in C_FILES:
            if not name.startswith(f"common/{folder}/"):
                continue
            for line, included in included_by(name, '"'):
                if included.partition("/")[0] not in used | {folder}:
                    yield f'{name}:{line}: {folder}/ may not see "{included}"'


def nobody_goes_round_a_wall():
    """An include that climbs out of its room, or hides what it names, and a prototype that is written by hand reach what the room
    may not see. What embed() makes is an array, which has no header."""
    directive = re.compile(r"\s*(?:#|%:|\?\?=)\s*include\b(.*)")
    for name in C_FILES:
        for line, written in enumerate(text(name).splitlines(), 1):
            match = directive.match(written)
            if match and not re.fullmatch(r' (?:"[^"]+"|<[^>]+>)(?: */\*.*)?', match.group(1)):
                yield f'{name}:{line}: write #include "room/header.h" or #include <header.h>'
            elif match and (".." in match.group(1) or not re.match(r"\s*#include", written)):
                yield f"{name}:{line}: name the header by its room, and let CMakeLists.txt say that this room may see it"
    sources = [name for name in C_FILES if name.endswith(".c")]
    yield from matches(sources, r"(?m)^(?!static\b|typedef\b)[A-Za-z][\w \t*]*?\b(\w+)\([^;{}=]*\)[^;{}=]*;",
                       "{}() is declared by hand: include the header that has it")


def only_store_url_tells_stores_apart():
    """Who a URL means is asked of store_url; a backend takes its own URL to pieces."""
    others = [name for name in C_FILES if not name.startswith(("common/store/store_url", "common/redis/url"))]
    scheme = r'slice_(?:eq|starts_with)\([^;]*?SLICE\("((?:memory|sqlite|mysql|rediss?)[^"]*:)[^"]*"\)'
    yield from matches(others, scheme, "{} is compared: ask durable_kind_of() or ephemeral_kind_of()", read=text)


def the_schema_names_the_signature_methods():
    """Who reads an answer of introspection finds there the methods that signature_method.h lists."""
    methods = re.findall(r'X\("([A-Z0-9-]+)", \w+, \w+\)', text("common/oauth/signature_method.h"))
    named = json.loads(text("proto/schemas/oauth1.schema.json"))["properties"]["signature_method"]["enum"]
    if named != methods:
        yield f"proto/schemas/oauth1.schema.json:1: signature_method must be one of {methods}"


def why_knows_each_code():
    """Who asks `why` is told what each code of a decision means, and of no code that is in no decision. A store that is down, or a
    fault of our own, has no word of the protocol but the other one (common/decision/decision_log.c)."""
    statuses = re.findall(r'X\(\w+, (\d+), "(\w*)", "(\w*)"', text("common/base/status.h"))
    codes = {error if int(http) >= 500 else problem for http, error, problem in statuses} - {""}
    table = re.search(r"meaning_of\(.*?\n}\n", text("services/auth-service/cli/why.c"), re.S).group()
    told = re.findall(r'\{"(\w+)",', table)
    for word in sorted(codes.symmetric_difference(told)):
        yield (f"services/auth-service/cli/why.c:1: {word} is in no decision: common/base/status.h has no such code"
               if word in told else f"services/auth-service/cli/why.c:1: meaning_of() must say what {word} means")


def migrations_stand_in_both_folders():
    """An engine without its half of a change would be found by whoever runs it. MySQL's carry a mark by which a migration that a
    crash left without its record is known, or may run twice and say so."""
    folder = "common/durable/migrations"
    engines = {engine: {Path(name).name for name in listed(f"{folder}/{engine}/*.sql")} for engine in ("mysql", "sqlite")}
    for engine, other in (("mysql", "sqlite"), ("sqlite", "mysql")):
        for name in sorted(engines[engine] - engines[other]):
            yield f"{folder}/{engine}/{name}:1: there is no {other}/{name}"
    numbers = [int(name[:4]) for name in sorted(engines["mysql"])]
    if numbers != list(range(1, len(numbers) + 1)):
        twice = sorted({f"{number:04d}" for number in numbers if numbers.count(number) > 1})
        yield f"{folder}/mysql:1: the numbers are not 1 to {len(numbers)}, each once{': twice ' if twice else ''}{' '.join(twice)}"
    for name in sorted(engines["mysql"]):
        body = " ".join(text(f"{folder}/mysql/{name}").split())
        if not re.search(rf"COMMENT\s*=?\s*'countersign {name[:4]}'", body) and "to run it twice does no harm" not in body.lower():
            yield (f"{folder}/mysql/{name}:1: give what it makes COMMENT 'countersign {name[:4]}', or say in a comment that "
                   "to run it twice does no harm")


FIRST_RELEASE_BESIDE_ANOTHER = 49  # up to here no program ran on a schema that is newer than itself


def migrations_only_add():
    """Else replicas of the release before fail on the new schema. What breaks them says so in its name (CONTRIBUTING.md)."""
    takes_away = re.compile(r"\b(DROP|RENAME|MODIFY|CHANGE COLUMN|UNIQUE INDEX)\b|\bADD COLUMN (?!.*\bDEFAULT\b).*\bNOT NULL\b", re.I)
    for name in listed("common/durable/migrations/*/*.sql"):
        file = Path(name).name
        mark = re.fullmatch(r"\d{4}_breaks_(\d{4})_\w+\.sql", file)
        if "_breaks_" in file and not (mark and int(mark.group(1)) < int(file[:4])):
            yield f"{name}:1: the name must be NNNN_breaks_MMMM_what.sql, MMMM lower than NNNN"
        body = " ".join(re.sub(r"--.*", "", text(name)).split())
        if int(file[:4]) > FIRST_RELEASE_BESIDE_ANOTHER and not mark and (found := takes_away.search(body)):
            yield f"{name}:1: '{found.group()[:40]}' breaks older programs: name it {file[:4]}_breaks_MMMM_… (CONTRIBUTING.md)"


# Exported functions that only tests call, by pattern, and why they are there all the same.
NO_CALLER_YET = {
    r"fake_clock_\w+|random_fail_next": "what tests put in the place of clocks and of randomness that fails",
    r"http_server_(connections|requests)|(credential_cache|worker_pool)_stats": "what tests wait for",
    r"keyed_hash_rounds": "the paper's own vectors have other rounds",
    r"status_name": "tests print it",
}


def exported_functions_have_a_caller():
    """A prototype and a definition are not enough: somebody in common/ or services/ must call it."""
    words = collections.Counter(word for name in C_FILES for word in re.findall(r"\b(?<!struct )(?<!enum )\w+", code(name)))
    prototype = re.compile(r"^(?!typedef\b|struct \w+ \{|#|\}|static )[A-Za-z][\w *]*?\b(\w+)\s*\([^;{]*\)[^;{]*;", re.M)
    for name in HEADERS:
        body = code(name)
        for match in prototype.finditer(body):
            if words[match.group(1)] <= 2 and not any(re.fullmatch(known, match.group(1)) for known in NO_CALLER_YET):
                line = body.count("\n", 0, match.start()) + 1
                yield f"{name}:{line}: {match.group(1)}() has no caller: drop it, or say in NO_CALLER_YET why not"


def functions_stand_in_the_room_of_their_header():
    """Else whoever sees the header calls another room, which it may not know."""
    prototype = re.compile(r"^(?!typedef\b|struct \w+ \{|#|\}|static )[A-Za-z][\w *]*?\b(\w+)\s*\([^;{]*\)[^;{]*;", re.M)
    definition = re.compile(r"^(?!static\b)[A-Za-z][\w *]*?\b(\w+)\s*\([^;{}]*\)\s*\{", re.M)
    homes = {}
    for name in C_FILES:
        if name.endswith(".c"):
            for match in definition.finditer(code(name)):
                homes.setdefault(match.group(1), set()).add("/".join(name.split("/")[:2]))
    for name in HEADERS:
        for match in prototype.finditer(code(name)):
            there = homes.get(match.group(1), set())
            if there and "/".join(name.split("/")[:2]) not in there:
                yield f"{name}:1: {match.group(1)}() is defined in {', '.join(sorted(there))}: define it in the room of its header"


def rooms():
    """{folder: (its DOOR or nothing, the folders that it USES)}, an ordered dict: nobody uses who comes later."""
    found = {}
    for folder, rest in re.findall(r"^library\((\w+)([^)]*)\)", text("CMakeLists.txt"), re.M):
        door, _, used = rest.partition("USES")
        found[folder] = (set(door.split()[1:]), {word for word in used.split() if word.islower()})
    return found


def rooms_stand_in_order():
    """No circle: a room uses those above it in CMakeLists.txt."""
    above = set()
    for folder, (_, used) in rooms().items():
        for later in sorted(used - above):
            yield f"CMakeLists.txt:1: {folder} uses {later}, which stands below it"
        above.add(folder)


def rooms_use_what_they_name():
    """Who may be seen and is not need not be named."""
    for folder, (_, used) in rooms().items():
        seen = {included.partition("/")[0] for name in C_FILES if name.startswith(f"common/{folder}/")
                for _, included in included_by(name, '"')}
        for idle in sorted(used - seen):
            yield f"CMakeLists.txt:1: {folder} does not use {idle}"


# Whose headers stay inside which folder or file.
FOREIGN = {
    "event2/http": ("common/http/transport_evhttp",),
    "event2/": ("common/loop/", "common/http/", "common/redis/"),
    "hiredis/": ("common/redis/",),
    "sqlite3.h": ("common/sql/sqlite",),
    "mysql": ("common/sql/mysql",),
    "cjson/": ("common/json/",),
    "openssl/": ("common/crypto/", "common/http/", "common/redis/tls", "services/auth-service/cli/http_client"),
    "crypt.h": ("common/crypto/",),
    "argon2.h": ("common/crypto/password_kind",),
}


def foreign_headers_stay_at_home():
    for name in C_FILES:
        for line, included in included_by(name, "<"):
            homes = next((homes for prefix, homes in FOREIGN.items() if included.startswith(prefix)), None)
            if homes and not name.startswith(homes):
                yield f"{name}:{line}: <{included}> belongs in {' or '.join(homes)}"


def included_by(name, quote):
    for number, line in enumerate(text(name).splitlines(), 1):
        match = re.match(rf'\s*#\s*include\s*{quote}([^">]+)[">]', line)
        if match:
            yield number, match.group(1)


def headers_stand_in_order():
    """No circle of headers: a header may be read, and moved, with those that it includes and nothing else. A source may include whom
    its own header serves: that is how an interface calls what stands behind it."""
    includes = {}
    for name in HEADERS:
        base = "common" if name.startswith("common/") else "/".join(name.split("/")[:2])
        paths = [f"{root}/{included}" for _, included in included_by(name, '"') for root in (base, "common")]
        includes[name] = [path for path in paths if path in HEADERS]
    done = set()

    def circle_from(name, way):
        if name in way:
            return way[way.index(name) :] + [name]
        found = None
        if name not in done:
            done.add(name)
            for included in includes[name]:
                found = found or circle_from(included, way + [name])
        return found

    for name in HEADERS:
        circle = circle_from(name, [])
        if circle:
            yield f"{circle[0]}:1: includes itself by {' -> '.join(circle[1:])}: declare the struct that is needed, or move it"


def headers_have_telling_names():
    for name in HEADERS:
        if re.search(r"(^|[/_])(utils?|common|misc|helpers?)(_|\.h$)", name.removeprefix("common/")):
            yield f"{name}:1: name it after what it is, not util, common, misc or helper"


def static_functions(name):
    """{function: line} of what a file defines for itself alone."""
    plain = re.sub(r"__attribute__\s*\(\(.*?\)\)(?=\s)", "", code(name))
    definitions = re.finditer(r"^static\s[^;={}]*?\b(\w+)\s*\([^;{}]*\)\s*\{", plain, re.M)
    return {match.group(1): plain.count("\n", 0, match.start(1)) + 1 for match in definitions}


def static_names_tell_one_place():
    """A breakpoint, a profile and a backtrace show a static function by its name alone: a verb and its object, in two files at most."""
    places = {}
    for name in C_FILES:
        for function, line in static_functions(name).items():
            places.setdefault(function, {})[name] = line
    for function, files in sorted(places.items()):
        where = "{}:{}".format(*next(iter(files.items())))
        if "_" not in function:
            yield f"{where}: {function}(): name it by a verb and its object"
        elif len(files) > 2:
            yield f"{where}: {function}() stands in {', '.join(files)}: name it after what it works on in each"


# Where a function is handed over that is called when something has happened: a flow's end, a timer, a message, an answer.
EVENTS = (
    r"\bflow_start\((?:[^;]*,)\s*(\w+)\);",
    r"\bloop_timer_init\([^;,]*,[^;,]*,\s*(\w+)\s*,",
    r"\bredis_send\((?:[^;]*,)\s*(\w+)\s*,[^;,]*\)",
    r"\.deliver = (\w+)",
    r"\bevent_(?:new|assign)\([^;]*,\s*(\w+)\s*,[^;,]*\)",
)


def callbacks_begin_with_on():
    """What is asked for a decision, visits rows or is an operation of a table keeps its verb."""
    for name in C_FILES:
        own = static_functions(name)
        for pattern in EVENTS:
            for breach in matches([name], pattern, "{}"):
                where, _, function = breach.rpartition(": ")
                if function in own and not function.startswith("on_"):
                    yield f"{where}: {function}() is called when something has happened: name it on_..."


def no_paths_or_hosts_of_one_machine():
    machine = r"(?<![\w./:-])/(?:work|farm|root|home/\w+)/"
    hosts = r"\b(?:deb\.debian|registry\.(?:npmjs|yarnpkg)|pypi\.(?:org|python))\b"
    yield from matches(TEXTS, machine, "{} is a path of one machine", read=text)
    yield from matches(TEXTS, hosts, "{} is a package registry's host", read=text)


def python_is_debians():
    scripts = [name for name in TEXTS if not name.endswith(".md")]
    yield from matches(scripts, r"^#!.*(env python\d?)", "{}: use /usr/bin/python3, which has the packages", read=text)


def references_lead_somewhere():
    """A Markdown file that is named is in the tree: by its path from the top, or beside what names it (a bare name may also be
    anywhere, but for README.md). With it the "Heading", the #anchor, the number in a list behind a heading, or the rules that are named."""
    documents = {name: text(name) for name in TEXTS if name.endswith(".md")}
    pattern = r"(?<![\w/.:-])((?:[\w.-]+/)*[\w-]+\.md)\b(#[\w-]+)?(?:, \"([^\"]+)\")?(?:, (?:rules? )?(\d+(?:(?:, | and )\d+)*))?"
    for name in TEXTS:
        for match in re.finditer(pattern, unwrapped(text(name))):
            cited = resolved(name, match.group(1), documents)
            line = text(name).count("\n", 0, text(name).find(match.group(1))) + 1
            if not cited:
                yield f"{name}:{line}: there is no {match.group(1)}"
            elif match.string[match.end() :].startswith(" §"):
                yield f"{name}:{line}: cite a heading of {cited}, which stays true when a section moves"
            else:
                for missing in absent_from(documents[cited], *match.groups()[1:]):
                    yield f"{name}:{line}: {cited} has no {missing}"


def unwrapped(body):
    """A comment's or a paragraph's lines in one, so that a reference may stand on two."""
    return re.sub(r"[ \t]*\n[ \t]*(?:\*|#|//)?[ \t]*", " ", body)


def resolved(name, cited, documents):
    beside = (Path(name).parent / cited).as_posix()
    flat = Path("/", beside).resolve().relative_to("/").as_posix()
    known = [path for path in (cited, flat) if path in documents]
    if "/" not in cited:
        known += [path for path in documents if Path(path).name == cited != "README.md"]
    return known[0] if known else None


def absent_from(document, anchor, heading, numbers):
    headings = re.findall(r"^#+ (.+)$", document, re.M)
    if anchor and anchor[1:] not in [re.sub(r"[^\w -]", "", title).strip().lower().replace(" ", "-") for title in headings]:
        yield f"heading {anchor}"
    if heading and heading not in headings:
        yield f'heading "{heading}"'
    elif numbers:
        body = re.split(r"^## ", document.partition(f"# {heading}\n")[2] if heading else document, flags=re.M)
        listed_in = body[0] if heading else document
        for number in re.findall(r"\d+", numbers):
            if not re.search(rf"^{number}\. ", listed_in, re.M):
                yield f"number {number}"


def documents_name_what_there_is():
    """A path in backticks is in the tree (but for names in capitals, which stand for any), and so are the tests that are named behind their file: `FILE` (`name`, `name`)."""
    names = listed()
    folders = {parent.as_posix() for name in names for parent in Path(name).parents}
    for name in [name for name in TEXTS if name.endswith(".md") and not name.startswith("CHANGELOG")]:
        body = unwrapped(text(name))
        for match in re.finditer(r"`((?:common|services|tests|proto|docs|docker|kubernetes)/[\w./*-]*)`(?: \(((?:`\w+`(?:, )?)+)\))?", body):
            path = match.group(1).rstrip("/")
            found = [known for known in names if known == path or Path(known).match(path) or known.startswith(path + ".")]
            if not found and path not in folders and not re.search(r"ROOM|SERVICE|NAME|ENDPOINT|NNNN|_X\b|\bX\b", path):
                yield f"{name}:1: there is no {path}"
            for test in re.findall(r"\w+", match.group(2) or ""):
                if not any(re.search(rf"\b{test}\b", text(known)) for known in found):
                    yield f"{name}:1: {path} has no {test}"


def every_source_has_a_test():
    """One of its own name, or a row of tests/README.md that names tests which are there."""
    rows = re.findall(r"^\| `((?:common|services)/[^`]*)` \| ([\w, ]+) \| ([^|]*) \|$", text("tests/README.md"), re.M)
    listed_files = {f"{folder}/{name}.c": re.findall(r"`([^`]+)`", tests) for folder, names, tests in rows for name in names.split(", ")}
    sources = [name for name in C_FILES if name.endswith(".c")]
    for name in sources:
        mirror = f"tests/{name.split('/')[1]}/test_{Path(name).name}"
        if not (ROOT / mirror).is_file() and name not in listed_files:
            yield f"{name}:1: there is no {mirror}; name the tests that cover it in tests/README.md"
    for name in sorted(set(listed_files) - set(sources)):
        yield f"tests/README.md:1: there is no {name}"
    for test in sorted({test for tests in listed_files.values() for test in tests}):
        if not (ROOT / test).is_file():
            yield f"tests/README.md:1: there is no {test}"


def the_picture_shows_the_rooms():
    """docs/design/architecture.md's table of rooms is CMakeLists.txt's list, in its order."""
    shown = re.findall(r"^\| `(\w+)` \| [^|]+ \| ([^|]+) \|$", text("docs/design/architecture.md"), re.M)
    shown = [(room, ", ".join(re.findall(r"`(\w+)`", uses))) for room, uses in shown]
    meant = [(room, ", ".join(sorted(uses))) for room, (_, uses) in rooms().items()]
    for room, uses in sorted(set(meant) - set(shown)):
        yield f"docs/design/architecture.md:1: the table of rooms needs the row {room}, which uses {uses}"
    for room, uses in sorted(set(shown) - set(meant)):
        yield f"docs/design/architecture.md:1: by CMakeLists.txt there is no {room} that uses {uses}"
    if not set(shown) ^ set(meant) and shown != meant:
        yield "docs/design/architecture.md:1: the rooms stand in another order in CMakeLists.txt"


RULES = [
    no_banned_calls,
    secrets_are_compared_in_constant_time,
    nothing_is_left_open,
    files_are_short,
    headers_are_guarded_by_their_path,
    headers_begin_with_what_they_are_for,
    exported_functions_are_documented,
    exported_functions_have_a_caller,
    functions_stand_in_the_room_of_their_header,
    includes_follow_the_design,
    nobody_goes_round_a_wall,
    only_store_url_tells_stores_apart,
    the_schema_names_the_signature_methods,
    why_knows_each_code,
    migrations_stand_in_both_folders,
    migrations_only_add,
    rooms_stand_in_order,
    rooms_use_what_they_name,
    foreign_headers_stay_at_home,
    headers_stand_in_order,
    headers_have_telling_names,
    static_names_tell_one_place,
    callbacks_begin_with_on,
    no_paths_or_hosts_of_one_machine,
    python_is_debians,
    references_lead_somewhere,
    documents_name_what_there_is,
    every_source_has_a_test,
    the_picture_shows_the_rooms,
]


def main():
    failed = 0
    for rule in RULES:
        breaches = list(rule())
        failed += bool(breaches)
        for breach in breaches:
            print(f"{breach}  [{rule.__name__}]")
    print(f"{len(RULES) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
