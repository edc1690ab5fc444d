"""What can be changed in a C file: mutants(FILE, TEXT) yields each change as a Mutant.

A mutant that is caught wherever another of ours is caught is left out: `a && b` made `a || b` differs from the original
only where leaving out `a` or leaving out `b` does."""

import re
from dataclasses import dataclass

TOKEN = re.compile(
    r"(?P<word>[A-Za-z_]\w*)|(?P<number>0[xX][0-9a-fA-F]+|\d+)[uUlL]*"
    r"|(?P<text>\"[^\"]*\"|'[^']*')"
    r"|(?P<sign>\.\.\.|<<=|>>=|->|\+\+|--|&&|\|\||<<|>>|[-+*/%&|^=!<>]=|[^\w\s])"
)
BLANKED = re.compile(  # comments, literals, directives
    r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])+\'|^[ \t]*#(?:[^\n]*\\\n)*[^\n]*', re.S | re.M
)
ASSIGNMENTS = {"=", "+=", "-=", "*=", "/=", "%=", "&=", "|=", "^=", "<<=", ">>="}
COMPARISONS = {"<": "<=", "<=": "<", ">": ">=", ">=": ">", "==": "!=", "!=": "=="}
OPENING, CLOSING = {"(", "[", "{"}, {")", "]", "}"}
# Where an operand of && or || ends, and where one of + - | & does.
LOGIC_ENDS = {"&&", "||", "?", ":", ",", ";", "{", "}", "return"} | ASSIGNMENTS
TERM_ENDS = LOGIC_ENDS | set(COMPARISONS) | {"+", "-", "|", "&", "^"}
NOT_CALLS = {"if", "for", "while", "switch", "return", "sizeof", "assert", "static_assert"}


@dataclass(frozen=True)
class Mutant:
    file: str
    line: int
    function: str  # "" outside of one
    text: str  # of the line, without indentation
    what: str
    start: int
    end: int
    replacement: str

    def apply(self, source):
        return source[: self.start] + self.replacement + source[self.end :]

    def key(self):
        return self.file, self.function, self.text, self.what

    def __str__(self):
        return f"{self.file}:{self.line}: {self.what}  [{self.function or 'file'}: {self.text}]"


@dataclass(frozen=True)
class Token:
    kind: str
    text: str
    start: int
    end: int


def blanked(source):
    """The text at the same places, without what comments, literals and directives say."""

    def blank(match):
        text = match.group()
        if text[0] in "\"'":
            return text[0] + "_" * (len(text) - 2) + text[0]
        return re.sub(r"[^\n]", " ", text)

    return BLANKED.sub(blank, source)


def tokens_of(code):
    return [Token(m.lastgroup, m.group(), m.start(), m.end()) for m in TOKEN.finditer(code)]


def functions_of(code):
    """(start, end, name, return type) of each: by the format of the sources its braces stand in the first column."""
    found = []
    for match in re.finditer(r"^\{\n.*?^\}", code, re.S | re.M):
        head = code[: match.start()].rstrip().rpartition("\n\n")[2]
        head = re.split(r"[;}]\s*\n", head)[-1]
        declared = re.search(r"^([\w\s*]*?)(\w+)\(", head, re.M)
        if declared:
            found.append((match.start(), match.end(), declared.group(2), " ".join(declared.group(1).split())))
    return found


class Finder:
    def __init__(self, file, source):
        self.file, self.source = file, source
        code = blanked(source)
        self.tokens = tokens_of(code)
        self.functions = functions_of(code)
        self.match = self.pairs()
        self.whole_conditions = set()  # tokens == and != that stand or fall with their operand
        self.found = []

    def pairs(self):
        match, open_ = {}, []
        for i, token in enumerate(self.tokens):
            if token.text in OPENING:
                open_.append(i)
            elif token.text in CLOSING and open_:
                match[i] = open_.pop()
                match[match[i]] = i
        return match

    def text(self, i):
        return self.tokens[i].text if 0 <= i < len(self.tokens) else ""

    def words(self, first, last):
        """The source of the tokens first..last, on one line."""
        last = min(last, len(self.tokens) - 1)
        return " ".join(self.source[self.tokens[first].start : self.tokens[last].end].split())

    def function_at(self, position):
        return next((f for f in self.functions if f[0] <= position < f[1]), (0, 0, "", ""))

    def add(self, first, last, replacement, what):
        """The tokens first..last become the replacement."""
        start, end = self.tokens[first].start, self.tokens[last].end
        begin = self.source.rfind("\n", 0, start) + 1
        stop = self.source.find("\n", start)
        self.found.append(
            Mutant(self.file, self.source.count("\n", 0, start) + 1, self.function_at(start)[2],
                   self.source[begin:stop].strip(), what, start, end, replacement)
        )

    def operand_before(self, i, ends):
        """The first token of the operand that ends before token i."""
        first = i
        while first > 0:
            before = first - 1
            if self.text(before) in CLOSING and before in self.match and self.text(before) != "}":
                first = self.match[before]
            elif self.text(before) in OPENING or self.text(before) in ends:
                break
            else:
                first = before
        return first

    def operand_after(self, i, ends):
        """The last token of the operand that begins after token i."""
        last = i
        while last + 1 < len(self.tokens):
            after = last + 1
            if self.text(after) in OPENING and after in self.match:
                last = self.match[after]
            elif self.text(after) in CLOSING or self.text(after) in ends:
                break
            else:
                last = after
        return last

    def top_level(self, first, last, signs):
        """Which of the signs stand between first and last outside of brackets."""
        seen, i = [], first
        while i <= last:
            if self.text(i) in signs:
                seen.append(i)
            i = self.match[i] + 1 if self.text(i) in OPENING and i in self.match else i + 1
        return seen

    def is_binary(self, i):
        before = self.tokens[i - 1]
        if before.text in ("return", "case"):
            return False
        return before.kind in ("word", "number", "text") or before.text in (")", "]")

    # ---- the kinds of mutants ----

    def condition(self, first, last, loops=False):
        """Of a condition as a whole: it never holds, it always does."""
        if last < first:
            return
        text, shown = self.source[self.tokens[first].start : self.tokens[last].end], self.words(first, last)
        either = self.top_level(first, last, {"||"})
        both = self.top_level(first, last, {"&&"})
        if not (either or both):
            self.whole_conditions.update(self.top_level(first, last, {"==", "!="}))
        if not either:
            self.add(first, last, f"(({text}) && false)", f"'{shown}' never")
        if not both and not loops:
            self.add(first, last, f"(({text}) || true)", f"'{shown}' always")

    def logic(self, i):
        """Each operand of && and || is left out."""
        sign = self.text(i)
        neutral = "|| true" if sign == "&&" else "&& false"
        first = self.operand_before(i, LOGIC_ENDS)
        sides = [(i + 1, self.operand_after(i, LOGIC_ENDS))]
        if self.text(first - 1) != sign:
            sides.insert(0, (first, i - 1))
        for first, last in sides:
            if last < first:
                continue
            text = self.source[self.tokens[first].start : self.tokens[last].end]
            self.whole_conditions.update(self.top_level(first, last, {"==", "!="}))
            self.add(first, last, f"(({text}) {neutral})", f"without '{self.words(first, last)}'")

    def controlled(self, i):
        word, open_ = self.text(i), i + 1
        if self.text(open_) != "(" or open_ not in self.match:
            return
        close = self.match[open_]
        if word in ("if", "while"):
            self.condition(open_ + 1, close - 1, loops=word == "while")
        elif word == "for":
            ends = self.top_level(open_ + 1, close - 1, {";"})
            if len(ends) == 2:
                self.condition(ends[0] + 1, ends[1] - 1, loops=True)

    def returned(self, i):
        type_ = self.function_at(self.tokens[i].start)[3].replace("static ", "").replace("inline ", "")
        last = self.operand_after(i, {";"})
        if last <= i:
            return
        value = self.words(i + 1, last)
        if type_ == "enum status" and value != "STATUS_OK":
            self.add(i + 1, last, "STATUS_OK", "returns STATUS_OK")
        elif type_ == "bool" and value not in ("true", "false") and not self.top_level(i + 1, last, {"?"}):
            self.condition(i + 1, last)

    def chosen(self, i):
        """a ? b : c"""
        first = self.operand_before(i, LOGIC_ENDS - {"&&", "||"})
        self.condition(first, i - 1)

    def begins_statement(self, i):
        before = self.text(i - 1)
        if before in (";", "{", "}", "else"):
            return True
        if before == ")" and i - 1 in self.match:
            return self.text(self.match[i - 1] - 1) in ("if", "for", "while")
        return before == ":" and "case" in (self.text(i - 3), self.text(i - 2), self.text(i - 4))

    def statement(self, i):
        """A call or an assignment that is left out; TRY's result that is ignored."""
        if not self.function_at(self.tokens[i].start)[2]:
            return
        end = self.operand_after(i - 1, {";"})
        if self.text(end + 1) != ";" or self.text(i) in NOT_CALLS:
            return
        if self.text(i) == "TRY" and self.text(i + 1) == "(":
            called = self.source[self.tokens[i + 1].start : self.tokens[end].end]
            self.add(i, end, f"(void)!{called}", f"result of '{self.words(i + 2, end - 1)}' ignored")
        elif self.is_call(i, end):
            self.add(i, end, "", f"'{self.words(i, end)}' not called")
        else:
            self.assignment(i, end)

    def is_call(self, first, end):
        if self.words(first, first + 2) in ("(void", "(void)"):  # (void)f(…), (void)!f(…)
            first += 3 + (self.text(first + 3) == "!")
        return self.tokens[first].kind == "word" and self.text(first + 1) == "(" and self.match.get(first + 1) == end

    def assignment(self, first, end):
        signs = self.top_level(first, end, ASSIGNMENTS)
        if not signs:
            return
        left = [t for t in self.tokens[first : signs[0]]]
        declares = any(a.kind == "word" and (b.kind == "word") for a, b in zip(left, left[1:]))
        declares = declares or (len(left) > 2 and left[0].kind == "word" and left[1].text == "*")
        value = self.words(signs[0] + 1, end)
        if not declares and value not in ("true", "false"):
            self.add(first, end, "", f"'{self.words(first, signs[0])} …' dropped")

    def number(self, i):
        token = self.tokens[i]
        text = re.match(r"0[xX][0-9a-fA-F]+|\d+", token.text).group()
        suffix = token.text[len(text) :]
        if self.text(i - 1) == "{" and self.text(i + 1) == "}":
            return  # {0}
        if self.text(i - 1) == "=" and self.text(i + 1) == ";" and token.text == "0" and self.declares(i):
            return  # what a variable holds before anything is put into it
        value = int(text, 0 if text[:2] in ("0x", "0X") or text == "0" else 10)
        for changed in [value + 1] + ([value - 1] if value else []):
            self.add(i, i, f"{changed}{suffix}", f"{token.text} becomes {changed}")

    def compares_to_number(self, i):
        last = self.operand_after(i, TERM_ENDS)
        return last == i + 1 and self.tokens[last].kind == "number"

    def declares(self, i):
        """Whether token i is the value of `TYPE name = …`."""
        return self.tokens[i - 2].kind == "word" and (self.tokens[i - 3].kind == "word" or self.text(i - 3) == "*")

    def term(self, i):
        if not self.is_binary(i):
            return
        last = self.operand_after(i, TERM_ENDS)
        shown = self.words(i, last)
        if last > i and shown not in ("+ 1", "- 1"):
            self.add(i, last, "", f"'{shown}' dropped")

    def one(self, i):
        token = self.tokens[i]
        text = token.text
        inside = bool(self.function_at(token.start)[2])
        if token.kind == "number":
            self.number(i)
        elif not inside and text not in ("|", "&"):
            return
        elif text in ("if", "while", "for"):
            self.controlled(i)
        elif text == "return":
            self.returned(i)
        elif text == "ct_equal":
            self.add(i, i, "slice_eq", "not in constant time")
        elif text in ("true", "false"):
            self.add(i, i, "false" if text == "true" else "true", f"'{text}' flipped")
        elif text in ("&&", "||"):
            self.logic(i)
        elif text == "?":
            self.chosen(i)
        elif text in ("+", "-", "|", "&"):
            self.term(i)

    def all(self):
        for i in range(len(self.tokens)):
            if i and self.begins_statement(i) and self.text(i) not in CLOSING | OPENING - {"("}:
                self.statement(i)
            self.one(i)
        for i, token in enumerate(self.tokens):
            if token.text in COMPARISONS and i not in self.whole_conditions and self.function_at(token.start)[2]:
                if token.text[0] in "<>" and self.compares_to_number(i):
                    continue  # that number, changed by one, is the same
                self.add(i, i, COMPARISONS[token.text], f"'{token.text}' becomes '{COMPARISONS[token.text]}'")
        return self.found


def mutants(file, source):
    """In the order of the text, each result once, and no two of one line named alike."""
    results, names = set(), {}
    for mutant in sorted(Finder(file, source).all(), key=lambda m: (m.start, m.end, m.what)):
        change = (mutant.start, mutant.end, mutant.replacement)
        if change in results:
            continue
        results.add(change)
        place = (mutant.line, mutant.what)
        names[place] = names.get(place, 0) + 1
        if names[place] > 1:
            mutant = Mutant(**{**mutant.__dict__, "what": f"{mutant.what} ({names[place]})"})
        yield mutant
