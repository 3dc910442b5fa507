"""The mutants: one small change of the rules each, made from the sources as they are.

Nothing here knows what a rule means: every condition is taken for never and for always true, every
part of a condition is left out, every comparison loses or gains its edge, every law and every slot
of a row is left out, every law guards and every kind of step touches one field less, every
assignment of an effect is left out, every phase is left out and changes places with its
neighbour."""

import re
from dataclasses import dataclass
from pathlib import Path

ORDER = "reconciler/order.def"
# Where conditions are rules, and where assignments are.
CONDITIONS = ("reconciler/laws/*.c", "reconciler/laws/*/*.c", "reconciler/kernel/next.c",
              "reconciler/kernel/plan.c", "reconciler/kernel/withhold.c", "reconciler/kernel/step.c",
              "reconciler/kernel/facts.c",
              *(f"reconciler/aspects/*/{name}.c" for name in
                ("phases", "names", "modes", "options", "look", "create", "restarts", "questions", "seen",
                 "fields", "steps")))
EFFECTS = ("reconciler/aspects/*/effects.c",)
# Functions elsewhere that say what a step brings about.
BRINGS_ABOUT = re.compile(r"\b(run_from_files|enact\w*)\(")

# Lists of which each entry counts: the laws of a group, the fields that a law guards or a kind of
# step touches, the fields of an aspect.
LISTS = ((re.compile(r"\.guards =\s+EK_FIELDS\((.*?)\),\n", re.S), "not guarding"),
         (re.compile(r"\.touches = EK_FIELDS\((.*?)\),\n", re.S), "not touching"),
         (re.compile(r"struct ek_law \*const ek_\w+_laws\[\] = \{(.*?)\};", re.S), "without the law"))
# Slots of rows that are rules: left out, a slot is 0.
SLOT = re.compile(r"\.(?:needs_restart|restart_helps|unread|before_start|before_restart|run_from_files"
                  r"|disturbs|restarts|elections|value_of|unread_forbids|fact) =\s+&?\w+(?=[,;} \n])")
ROLE = re.compile(r"\.role = EK_FIELD_(?:PLANNED|PASSING)")
DRIFT = re.compile(r"\.drift = EK_DRIFT_\w+")
PHASE = re.compile(r"^EK_PHASE\((\w+), (\w+), \".*\"\)\n", re.M)
FORWARDS, BACKWARDS = "size_t i = 0; i < EK_ASPECTS; i++", "size_t i = EK_ASPECTS; i-- > 0;"
# Running out of memory is no rule; `make torture` has a test for it.
NO_CONDITION = re.compile(r"\s*(result [!=]= 0.*|ek_state_(clone|digest)\(.*\) != 0|!\w*(steps|digests|state|copy|room|c\.facts)\b.*|c\.failed)\s*$", re.S)
# Formatting of sentences is held by the golden plans, and no rule.
NO_RULES = ("bool ek_broken(", "bool ek_missing(", "struct ek_step *ek_propose(", "bool ek_block(",
            "static void from_now(", "static int append(", "static int out_of_memory(")


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
        if NO_CONDITION.match(was):
            return
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
            if re.match(r"\s*(ek_missing|ek_broken|ek_propose)\(", was) or NO_CONDITION.match(was):
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

    def lists(self):
        for pattern, what in LISTS:
            for match in pattern.finditer(self.text):
                entries = [e.strip() for e in match.group(1).split(",")]
                entries = [e for e in entries if e and e != "NULL"]
                owner = self.owner(match.start())
                for i, entry in enumerate(entries):
                    rest = entries[:i] + entries[i + 1:] + (["NULL"] if "law" in what or not entries[1:] else [])
                    self.add(match.start(1), match.end(1), ", ".join(rest),
                             f"{owner}{what} {entry.lstrip('&')}")

    def owner(self, position):
        """"ek_step_start: ", the row that a slot belongs to."""
        rows = re.findall(r"^(?:static )?const struct \w+ (\w+)(?:\[\])? =", self.text[:position], re.M)
        return f"{rows[-1]}: " if rows else ""

    def slots(self):
        for match in SLOT.finditer(self.plain):
            end = match.end() + (self.plain[match.end()] == ",")
            self.add(match.start(), end, "", f"{self.owner(match.start())}without {squeeze(match.group())}")
        for pattern, other in ((ROLE, ".role = EK_FIELD_TOLD"), (DRIFT, ".drift = EK_NO_DRIFT")):
            for match in pattern.finditer(self.plain):
                self.add(match.start(), match.end(), other,
                         f"{self.owner(match.start())}{other} for {match.group()}")

    def directions(self):
        """In which order the aspects are asked."""
        for was, other in ((FORWARDS, BACKWARDS), (BACKWARDS, FORWARDS)):
            for match in re.finditer(re.escape(was), self.plain):
                function = re.findall(r"^\w[^;{}\n]*?(\w+)\([^;{}]*\)\n\{", self.plain[:match.start()], re.M)[-1]
                self.add(match.start(), match.end(), other, f"{function} asks the aspects the other way round")

    def phases(self):
        rows = list(PHASE.finditer(self.text))
        for row in rows:
            self.add(row.start(), row.end(), "", f"without the phase {row.group(1)}")
            other = {"true": "false", "false": "true"}[row.group(2)]
            self.add(row.start(2), row.end(2), other, f"urgent {other}: {row.group(1)}")
        for first, second in zip(rows, rows[1:]):
            between = self.text[first.end():second.start()]
            self.add(first.start(), second.end(), second.group() + between + first.group(),
                     f"{second.group(1)} before {first.group(1)}")

    def assignments(self, start, end):
        for match in re.finditer(r"^    +(?!\(void\)|return|for|if|else|struct|int|size_t|uint|bool|const)"
                                 r"\w[^;{}]*(?:\{[^;{}]*\})?;\n", self.plain[start:end], re.M):
            was = self.text[start + match.start():start + match.end()]
            if re.search(r" \|?= |snprintf|memcpy|memset|\+", was):
                self.add(start + match.start(), start + match.end(), ";\n", f"without: {squeeze(was)}")

    def effects(self, everywhere):
        for name, start, end in bodies(self.plain):
            if everywhere or BRINGS_ABOUT.search(name):
                self.assignments(start, end)


def files(root, patterns):
    for pattern in patterns:
        yield from sorted(str(p.relative_to(root)) for p in Path(root).glob(pattern))


def all_mutants(root="."):
    made = []
    for file in files(root, (*CONDITIONS, *EFFECTS)):
        maker = Maker(root, file)
        if not Path(file).match("effects.c"):
            maker.rules()
        maker.lists()
        maker.slots()
        maker.effects(Path(file).match("effects.c"))
        if file == "reconciler/kernel/next.c":
            maker.directions()
        made += maker.made
    maker = Maker(root, ORDER)
    maker.phases()
    made += maker.made
    unique = {}
    for mutant in made:
        unique.setdefault((mutant.file, mutant.apply(Path(root, mutant.file).read_text("utf-8"))), mutant)
    return list(unique.values())


if __name__ == "__main__":
    for one in all_mutants():
        print(one.name)
