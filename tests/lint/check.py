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
from typing import NamedTuple

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
    for name in [name for name in ALL_C if name.endswith(".h")]:
        if not text(name).startswith(f"/* {Path(name).stem}: "):
            yield f"{name}:1: begin with a comment that says what this is for: /* {Path(name).stem}: ..."


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


# Names in comments that are no identifiers of ours, and whose they are.
NAMES_OF_OTHERS = {
    "master_replid": "Redis's INFO",
    "wait_timeout": "a variable of MySQL",
    "RUN_ID": "stands for any",
    "tok_3MPmZZLRP4UgjhvAbRjhSH": "an example",
}


def comments_name_what_there_is():
    """An identifier of two parts or more, `x_y` or the beginning of some, `x_*`, is one of the code, a text in it, or a file of the
    tree; so is a source or a header. A part NAME or VERB stands for any."""
    known = {Path(part).name.split(".")[0] for name in listed() for part in Path(name).parts}
    for name in TEXTS:
        if not name.endswith(".md") and name != "tests/lint/check.py":
            body = re.sub(r"/\*.*?\*/", "", text(name), flags=re.S) if name in ALL_C else text(name)
            known.update(re.findall(r"\w+", body))
    files = {Path(name).name for name in ALL_C}
    for name in ALL_C:
        body = text(name)
        for match in re.finditer(r"/\*.*?\*/|\"(?:\\.|[^\"\\\n])*\"", body, re.S):
            comment = match.group() if match.group().startswith("/*") else ""
            cited = re.findall(r"(?<![\w*…/.{-])([A-Za-z][A-Za-z0-9]*(?:_[A-Za-z0-9]+)+)(?![\w…])(\*?)", comment)
            absent = [word for word, star in cited if word not in known and word not in NAMES_OF_OTHERS and
                      not re.search(r"(^|_)(NAME|VERB)(_|$)", word) and
                      not (star and any(other.startswith(word) for other in known))]
            absent += [file for file in re.findall(r"(?<![\w*…/.-])\w+\.[ch]\b", comment) if file not in files]
            for word in absent:
                line = body.count("\n", 0, body.index(word, match.start())) + 1
                yield f"{name}:{line}: there is no {word}: name what there is, or say in NAMES_OF_OTHERS whose it is"


def includes_follow_the_design():
    """CMakeLists.txt's library(FOLDER SHOWS... USES...) and service() lines are the one list of who may use whom, each room named
    that is seen."""
    for name, line, room, included in includes_of_rooms():
        if "/" in included and included.partition("/")[0] not in {*room.used, room.name}:
            yield f'{name}:{line}: {room.name}/ may not see "{included}"'


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
    scheme = r'(?:slice_(?:eq|starts_with)|str(?:n|case|ncase)?cmp|strstr)\([^;]*?"((?:memory|sqlite|mysql|rediss?):)[^"]*"\)'
    yield from matches(others, scheme, "{} is compared: ask durable_kind_of() or ephemeral_kind_of()", read=text)


def the_schema_names_the_signature_methods():
    """Who reads an answer of introspection finds there the methods that signature_method.h lists."""
    methods = re.findall(r'X\("([A-Z0-9-]+)", \w+, \w+\)', text("common/oauth/signature_method.h"))
    named = json.loads(text("proto/schemas/oauth1.schema.json"))["properties"]["signature_method"]["enum"]
    if named != methods:
        yield f"proto/schemas/oauth1.schema.json:1: signature_method must be one of {methods}"


def the_schemas_name_the_members_of_a_client():
    """What the admin API gives and takes of a client is what its own schemas allow: the lists of durable/clients.h, and those members
    of CLIENT_INPUTS that are no columns. A list that names another list stands for it."""
    lists = {}
    for name in ("common/durable/clients.h", "services/auth-service/shapes/client_shape.h"):
        lists.update(re.findall(r"^#define (CLIENT_\w+)\([^)]*\)((?:.*\\\n)*.*)$", re.sub(r"/\*.*?\*/", "", text(name), flags=re.S), re.M))

    def members_of(listed_as):
        found = set(re.findall(r"\b(?:X|TEXT|LIST)\(([a-z]\w*)", lists[listed_as])) if listed_as != "CLIENT_FLAGS" else set(
            re.findall(r"\bX\([A-Z_]+,\s*\d+,\s*\w+,\s*(\w+)", lists[listed_as]))
        return found.union(*(members_of(other) for other in re.findall(r"\b(CLIENT_\w+)\(", lists[listed_as])))

    meant = {"client": members_of("CLIENT_PLAIN_TEXTS") | members_of("CLIENT_FLAGS"), "client-input": members_of("CLIENT_INPUTS")}
    for schema, members in meant.items():
        named = set(json.loads(text(f"proto/schemas/{schema}.schema.json"))["properties"])
        for member in sorted(members - named):
            yield f"proto/schemas/{schema}.schema.json:1: a client has {member}: name it here"
        for member in sorted(named - members if schema == "client-input" else ()):
            yield f"proto/schemas/{schema}.schema.json:1: the admin API takes no {member}"


def every_variable_is_read():
    """By each service that it is for: none is accepted and ignored. What reads it is not what parses it."""
    rows = text("common/config/config_rows.c")
    variables = re.findall(r'ROW\("(\w+)",\s*"[\w-]+",\s*\w+,\s*(\w+),\s*(\w+)\)', rows)
    if len(variables) != rows.count("{ROW("):
        yield "common/config/config_rows.c:1: a row is written otherwise than the others"
    bodies = {name: code(name) for name in C_FILES if not name.startswith("common/config/")}

    def is_read(member, folder):
        return any(re.search(rf"(->|\.){member}\b", body) for name, body in bodies.items() if name.startswith(folder))

    folders = {"AUTH": ["services/auth-service/"], "INTROSPECTION": ["services/introspection-service/"]}
    folders["BOTH"] = folders["AUTH"] + folders["INTROSPECTION"]
    for variable, services_of, member in variables:
        if member == "dev":  # it says what the others are where nobody sets them
            continue
        for folder in [] if is_read(member, "common/") else folders[services_of]:
            if not is_read(member, folder):
                yield f"common/config/config_rows.c:1: OAUTH1_{variable} is accepted, and nothing in {folder} reads {member}"


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


def every_route_is_documented():
    """Each method of each path that a service answers stands in its proto/*.openapi.yaml. (That each of those is answered is a matter
    of the integration tests.)"""
    constants = dict(re.findall(r'#define (\w+_PATH) +"([^"]*)"', "".join(text(name) for name in HEADERS)))
    for service in ("auth", "introspection"):
        documented, path = set(), None
        for line in text(f"proto/{service}.openapi.yaml").splitlines():
            if match := re.match(r"  (/\S*?)(/\{path\})?:( [&*]\w+)?$", line):
                path = match.group(1)
                documented |= {(path, None)} | ({(path, "GET")} if "*" in (match.group(3) or "") else set())
            elif match := re.match(r"    (get|head|post|put|patch|delete):", line):
                documented.add((path, match.group(1).upper()))
        main = f"services/{service}-service/main.c"
        for name in (main, "common/service/ops.c"):
            routes = re.findall(r'(?:SLICE\(|\.path = |, )(ADMIN )?("[^"]+"|\w+_PATH|config->\w+_path)\)?,\s*'
                                r'(?:\.methods = "([A-Z,]+)"|"([A-Z,]+)"|\.steps|\.is_prefix)', text(name))
            if sum(bool(a or b) for _, _, a, b in routes) != len(re.findall(r'"(?:GET|HEAD|POST|PUT|PATCH|DELETE)[A-Z,]*"', text(name))):
                yield f"{name}:1: a route is written otherwise than the others"
            for admin, written, *methods in routes:
                word = constants.get(written) or re.sub(r"config->(\w+)_path", r"/oauth/\1", written).strip('"')
                path = word if word.startswith("/") and not admin else f"/admin/v1/{word}"
                for method in "".join(methods).split(",") if any(methods) else [None]:
                    if (path, method) not in documented and method != "HEAD":
                        yield f"{name}:1: {method or 'any method'} {path} is not in proto/{service}.openapi.yaml"


def every_sentence_is_on_a_page():
    """A line that a template lost is told by the sentence that it had, and translators are asked for nothing that nobody reads."""
    english = "services/auth-service/catalogues/en.json"
    pages = "".join(map(text, listed("services/auth-service/pages/*.html")))
    sources = "".join(map(text, C_FILES))
    for group, sentences in json.loads(text(english)).items():
        for key in (f"{group}.{name}" for name in sentences):
            if f"{{{{t:{key}}}}}" not in pages and f'"{key}"' not in sources:
                yield f"{english}:1: no page has {key}"


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


def columns_have_migrations():
    """A column that a list names and no migration makes: every statement would fail, and say so of itself alone."""
    lists = {"clients": r"CLIENT_(?:SHOWN_TEXTS|OWNER_TEXT|PAGE_TEXTS|CHECK_TEXTS)", "resource_servers": "RESOURCE_SERVER_TEXTS"}
    made = {engine: "".join(map(text, listed(f"common/durable/migrations/{engine}/*.sql"))) for engine in ("mysql", "sqlite")}
    for table, names in lists.items():
        header = f"common/durable/{table}.h"
        blocks = re.findall(rf"^#define {names}\(X\)((?:.*\\\n)*.*)", text(header), re.M)
        columns = set(re.findall(r"\bX\((\w+)", "".join(blocks)))
        if table == "clients":
            columns |= set(re.findall(r"\bX\([A-Z_]+, \d+, (\w+)", text(header)))
        if not columns:
            yield f"{header}:1: its lists are not found: tests/lint/check.py looks for {names}"
        for engine, statements in made.items():
            for column in sorted(column for column in columns if not re.search(rf"\b{column}\b", statements)):
                yield (f"{header}:1: no migration of {engine} makes the column {column}: CONTRIBUTING.md says how one is added")


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


def users_of(function, words):
    return {name for name, counts in words.items() if counts[function]}


def exported_functions_have_a_caller():
    """A prototype and a definition are not enough: somebody in common/ or services/ must call it; and another file than its own,
    be it a test or what its header has inline."""
    words = {name: collections.Counter(re.findall(r"\b(?<!struct )(?<!enum )\w+", code(name))) for name in ALL_C}
    prototype = re.compile(r"^(?!typedef\b|struct \w+ \{|#|\}|static )[A-Za-z][\w *]*?\b(\w+)\s*\([^;{]*\)[^;{]*;", re.M)
    for name in HEADERS:
        body, own = code(name), {name, name.removesuffix(".h") + ".c"}
        for match in prototype.finditer(body):
            function, line = match.group(1), body.count("\n", 0, match.start()) + 1
            if any(re.fullmatch(known, function) for known in NO_CALLER_YET):
                continue
            if sum(words[file][function] for file in C_FILES) <= 2:
                yield f"{name}:{line}: {function}() has no caller: drop it, or say in NO_CALLER_YET why not"
            elif words[name][function] == 1 and users_of(function, words) <= own:
                yield f"{name}:{line}: {function}() is called in its own file alone: make it static"


def functions_stand_in_the_room_of_their_header():
    """Else whoever sees the header calls another room, which it may not know."""
    prototype = re.compile(r"^(?!typedef\b|struct \w+ \{|#|\}|static )[A-Za-z][\w *]*?\b(\w+)\s*\([^;{]*\)[^;{]*;", re.M)
    definition = re.compile(r"^(?!static\b)[A-Za-z][\w *]*?\b(\w+)\s*\([^;{}]*\)\s*\{", re.M)
    homes = {}
    for name in C_FILES:
        if name.endswith(".c"):
            for match in definition.finditer(code(name)):
                homes.setdefault(match.group(1), set()).add(Path(name).parent.as_posix())
    for name in HEADERS:
        for match in prototype.finditer(code(name)):
            there = homes.get(match.group(1), set())
            if there and Path(name).parent.as_posix() not in there:
                yield f"{name}:1: {match.group(1)}() is defined in {', '.join(sorted(there))}: define it in the room of its header"


class Room(NamedTuple):
    """A folder with its own line in CMakeLists.txt."""

    name: str
    folder: str
    door: set  # the headers that others see; empty: all of them
    shown: set  # the rooms whose headers those include
    used: set  # the rooms that it may see, these among them


def rooms():
    """{name: Room}, an ordered dict: nobody uses who comes later."""
    found = {}
    for name, service, rest in re.findall(r"^library\((\w+)(?: OF ([\w-]+))?([^)]*)\)", text("CMakeLists.txt"), re.M):
        part = dict.fromkeys(("DOOR", "SHOWS", "USES"), "")
        part.update(re.findall(r"\b(DOOR|SHOWS|USES)\b((?:\s+(?!(?:SHOWS|USES)\b)[\w:]+)*)", rest))
        folder = f"services/{service}/{name}" if service else f"common/{name}"
        shown = set(part["SHOWS"].split())
        used = {word for word in part["USES"].split() if word.islower()}
        found[name] = Room(name, folder, set(part["DOOR"].split()), shown, shown | used)
    return found


def services():
    """{name: Room} of what stands in a service's own folder: main.c, and whatever is in no room."""
    lines = re.findall(r"^service\(([\w-]+)\s+USES ([^)]*)\)", text("CMakeLists.txt"), re.M)
    return {name: Room(name, f"services/{name}", set(), set(), set(used.split())) for name, used in lines}


def includes_of_rooms():
    """(file, line, its Room, what is included) of each include of ours."""
    homes = {room.folder: room for room in [*rooms().values(), *services().values()]}
    for name in C_FILES:
        room = homes.get(Path(name).parent.as_posix())
        for line, included in included_by(name, '"') if room else ():
            yield name, line, room, included


def every_folder_is_a_room():
    """Else its files are built nowhere."""
    homes = {room.folder for room in [*rooms().values(), *services().values()]}
    for folder in sorted({Path(name).parent.as_posix() for name in C_FILES} - homes):
        yield f"CMakeLists.txt:1: {folder} has no library() line"


def rooms_stand_in_order():
    """No circle: a room uses those above it in CMakeLists.txt."""
    above = set()
    for name, room in rooms().items():
        for later in sorted(room.used - above):
            yield f"CMakeLists.txt:1: {name} uses {later}, which stands below it"
        above.add(name)


def rooms_use_what_they_name():
    """Who may be seen and is not need not be named."""
    seen = {}
    for _, _, room, included in includes_of_rooms():
        seen.setdefault(room.name, set()).add(included.partition("/")[0])
    for name, room in {**rooms(), **services()}.items():
        for idle in sorted(room.used - seen.get(name, set())):
            yield f"CMakeLists.txt:1: {name} does not use {idle}"


def rooms_show_what_their_headers_include():
    """Who names a room sees also what that SHOWS, so it shows no more than it must."""
    included = {name: set() for name in rooms()}
    for name, _, room, other in includes_of_rooms():
        if name.endswith(".h") and room.name in included and (not room.door or Path(name).stem in room.door):
            included[room.name].add(other.partition("/")[0])
    for name, room in rooms().items():
        for idle in sorted(room.shown - included[name]):
            yield f"CMakeLists.txt:1: {name} SHOWS {idle}, and none of the headers that others see includes it: name it after USES"


# Whose headers stay inside which folder or file.
FOREIGN = {
    "event2/http": ("common/http/transport_evhttp",),
    "event2/": ("common/loop/", "common/http/", "common/redis/"),
    "hiredis/": ("common/redis/",),
    "sqlite3.h": ("common/sql/sqlite",),
    "mysql": ("common/sql/mysql",),
    "mariadb/": (),
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
    """No circle of headers: a header may be read, and moved, with those that it includes and nothing else. In common/ a source may
    include whom its own header serves: that is how an interface calls what stands behind it. In a service it may not."""
    includes = {}
    for name in HEADERS:
        service, source = "/".join(name.split("/")[:2]), name.removesuffix(".h") + ".c"
        files = [name, source] if name.startswith("services/") and source in C_FILES else [name]
        paths = [f"{base}/{included}" for file in files for _, included in included_by(file, '"') for base in {"common", service}]
        includes[name] = [path for path in paths if path in HEADERS and path != name]
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
    meant = [(name, ", ".join(sorted(room.used))) for name, room in rooms().items()]
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
    comments_name_what_there_is,
    exported_functions_have_a_caller,
    functions_stand_in_the_room_of_their_header,
    includes_follow_the_design,
    nobody_goes_round_a_wall,
    only_store_url_tells_stores_apart,
    the_schema_names_the_signature_methods,
    the_schemas_name_the_members_of_a_client,
    every_variable_is_read,
    why_knows_each_code,
    migrations_stand_in_both_folders,
    columns_have_migrations,
    migrations_only_add,
    every_route_is_documented,
    every_sentence_is_on_a_page,
    every_folder_is_a_room,
    rooms_stand_in_order,
    rooms_use_what_they_name,
    rooms_show_what_their_headers_include,
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
