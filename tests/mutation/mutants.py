"""The mutants: one small change of the rules each, made from the sources as they are.

Nothing here knows what a rule means: every condition is taken for never and for always true, every
part of a condition is left out, every comparison loses or gains its edge, every row of a table of
rules and every assignment of an effect is left out, and neighbouring phases change places."""

import re
from dataclasses import dataclass
from pathlib import Path

PLANNER = ("reconciler/next.c", "reconciler/next_inspect.c", "reconciler/next_modes.c",
           "reconciler/next_consent.c")
LAWS = ("reconciler/permit.c", "reconciler/permit_talk.c")
SEEN = ("reconciler/seen.c",)
EFFECTS = ("reconciler/effect.c",)
ROW = re.compile(r"^    \{(\"EK-02\d\d\"|EK_FACET_\w+), \w+\},\n", re.M)
# Formatting of sentences is held by the golden plans, and no rule.
NO_RULES = ("static bool broken(", "static bool missing(", "struct ek_step *ek_propose(",
            "bool ek_block(")


@dataclass(frozen=True)
class Mutant:
    file: str
    line: int
    start: int
    end: int
    new: str
    what: str

    @property
    def name(self):
        return f"{self.file}:{self.line}: {self.what}"

    def apply(self, text):
        return text[:self.start] + self.new + text[self.end:]


def squeeze(text, most=72):
    text = " ".join(text.split())
    return text if len(text) <= most else text[:most - 1] + "…"


def blank_out(text):
    """The text with comments, strings and characters as blanks, at the same places."""
    def blanks(match):
        return re.sub(r"[^\n]", " ", match.group())
    return re.sub(r'/\*.*?\*/|"(?:\\.|[^"\\])*"|\'(?:\\.|[^\'\\])+\'', blanks, text, flags=re.S)


def closing(text, opening):
    depth = 0
    for i in range(opening, len(text)):
        depth += {"(": 1, ")": -1}.get(text[i], 0)
        if depth == 0:
            return i
    raise ValueError("unbalanced")


def parts(text, start, end):
    """(operator start, operator end, operator) of && and || outside of inner parentheses, and
    those inside of parentheses that hold a condition themselves."""
    found, depth = [], 0
    for i in range(start, end):
        depth += {"(": 1, ")": -1}.get(text[i], 0)
        if text[i:i + 2] in ("&&", "||"):
            found.append((i, i + 2, text[i:i + 2], depth))
    return found


def bodies(plain):
    """(name, start, end) of functions that hold rules."""
    for match in re.finditer(r"^(?!#|typedef|struct \w+ \{|enum)[^\n;{}]*?(\w+)\([^;{}]*\)\n\{\n",
                             plain, re.M):
        end = plain.index("\n}\n", match.end())
        yield match.group(), match.end(), end


class Maker:
    def __init__(self, root, file):
        self.file = file
        self.text = Path(root, file).read_text(encoding="utf-8")
        self.plain = blank_out(self.text)
        self.made = []

    def add(self, start, end, new, what):
        line = self.text.count("\n", 0, start) + 1
        self.made.append(Mutant(self.file, line, start, end, new, what))

    def conditions(self, start, end):
        """Every condition of if and return in the function."""
        for match in re.finditer(r"\bif \(", self.plain[start:end]):
            opening = start + match.end() - 1
            yield opening + 1, closing(self.plain, opening)
        for match in re.finditer(r"\breturn ([^;]*);", self.plain[start:end]):
            inner = self.plain[start + match.start(1):start + match.end(1)]
            if inner.startswith("(struct "):
                continue
            if "&&" in inner or "||" in inner or re.search(r"[=!<>]=|[<>] ", inner):
                yield start + match.start(1), start + match.end(1)

    def never_and_always(self, begin, end):
        was = self.text[begin:end]
        self.add(begin, end, f"({was}) && 0", f"never: {squeeze(was)}")
        self.add(begin, end, f"({was}) || 1", f"always: {squeeze(was)}")

    def left_out(self, begin, end):
        """Each operand of the outermost operators left out."""
        operators = parts(self.plain, begin, end)
        if not operators:
            return
        depths = {d for *_, d in operators}
        outer = [o for o in operators if o[3] == min(depths)]
        kinds = {o[2] for o in outer}
        # `a && b || c`: the operands of the loosest operator.
        loosest = "||" if "||" in kinds else "&&"
        edges = [o for o in outer if o[2] == loosest]
        starts = [begin, *(o[1] for o in edges)]
        ends = [*(o[0] for o in edges), end]
        neutral = "1" if loosest == "&&" else "0"
        for s, e in zip(starts, ends):
            was = self.text[s:e]
            if re.match(r"\s*(missing|ek_propose)\(", was):
                continue  # says something and is what it stands beside
            kept = len(was) - len(was.lstrip()), len(was.rstrip())
            self.add(s + kept[0], s + kept[1], neutral, f"without: {squeeze(was)}")
            inner = s + kept[0], s + kept[1]
            if parts(self.plain, *inner):
                bare = inner
                while self.plain[bare[0]] == "(" and closing(self.plain, bare[0]) == bare[1] - 1:
                    bare = bare[0] + 1, bare[1] - 1
                if "(" not in self.plain[bare[0]:bare[1]] or bare != inner or loosest == "||":
                    self.left_out(*bare)

    def edges(self, start, end):
        others = {"<": "<=", ">": ">=", "<=": "<", ">=": ">"}
        for match in re.finditer(r" (<=|>=|<|>) (?!<|>)", self.plain[start:end]):
            begin = start + match.start(1)
            line_start = self.plain.rindex("\n", 0, begin)
            line = self.plain[line_start:self.plain.index("\n", begin)]
            if " for (" in line or "snprintf" in line:
                continue
            self.add(begin, start + match.end(1), others[match.group(1)],
                     f"{match.group(1)} for {others[match.group(1)]}: {squeeze(line)}")

    def rules(self):
        for name, start, end in bodies(self.plain):
            if any(word in self.text[start - len(name):start] for word in NO_RULES):
                continue
            for begin, stop in self.conditions(start, end):
                self.never_and_always(begin, stop)
                self.left_out(begin, stop)
            self.edges(start, end)

    def rows(self):
        for match in ROW.finditer(self.text):
            self.add(match.start(), match.end(), "", f"without the row {squeeze(match.group())}")

    def phases(self):
        match = re.search(r"phases\[\] = \{(.*?)\};", self.text, re.S)
        if not match:
            return
        names = [n.strip() for n in match.group(1).split(",") if n.strip()]
        for i, name in enumerate(names):
            rest = names[:i] + names[i + 1:]
            self.add(match.start(1), match.end(1), ", ".join(rest), f"without the phase {name}")
        for i in range(len(names) - 1):
            swapped = names[:i] + [names[i + 1], names[i]] + names[i + 2:]
            self.add(match.start(1), match.end(1), ", ".join(swapped),
                     f"{names[i + 1]} before {names[i]}")

    def assignments(self):
        for match in re.finditer(r"^    +(?!\(void\)|return|for|if|else|struct|int|size_t|uint|bool|const)"
                                 r"\w[^;{}]*;\n", self.plain, re.M):
            was = self.text[match.start():match.end()]
            if " = " in was or "snprintf" in was or "memcpy" in was or "memset" in was or "+" in was:
                self.add(match.start(), match.end(), ";\n", f"without: {squeeze(was)}")


def all_mutants(root="."):
    made = []
    for file in (*LAWS, *PLANNER, *SEEN):
        maker = Maker(root, file)
        maker.rules()
        maker.rows()
        maker.phases()
        made += maker.made
    for file in EFFECTS:
        maker = Maker(root, file)
        maker.assignments()
        made += maker.made
    unique = {}
    for mutant in made:
        unique.setdefault((mutant.file, mutant.apply(Path(root, mutant.file).read_text("utf-8"))), mutant)
    return list(unique.values())


if __name__ == "__main__":
    for one in all_mutants():
        print(one.name)
