"""The written case table of the golden plans: README.md's list of cases, held against the cases
themselves, and the cells that they fill, made from it.

`table.py` says what is wrong (nothing: all is well); `table.py --write` writes the cells anew, and the
texts of as few cases as show every sentence (sentences.py)."""

import argparse
import json
import re
import sys
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import yaml

import sentences

HERE = Path(__file__).resolve().parent
CATALOGUE = HERE.parents[1] / "reconciler" / "catalogue"
README = HERE / "README.md"
BEGIN, END = "<!-- cells: made by table.py -->\n", "<!-- end of cells -->\n"
FILES = ("spec.yaml", "observed.json", "plan.json")
FIXED = {"disabled-to-prefer", "window-closed"}  # their texts are read by tests/integration
LISTED = re.compile(r"^\| \[([a-z0-9-]+)\]\(\1/plan\.json\) \| (.*?) \| (.*?) \| (.*?) \| (.*?) ?\| (.*) \|$",
                    re.M)
MODES = ("disabled", "allowSSL", "preferSSL", "requireSSL")
SHAPES = ("1 member", "2 members", "3 members", "3 members, one preferred", "PSA",
          "3 members, one hidden", "3 members, one of priority 0", "4 members", "5 members")
JOURNEYS = ("up to allow or prefer", "up to require", "raised at run time", "back to disabled",
            "renewed", "new", "interruption refused")
CERTIFICATES = ("certificates due", "one due", "not served yet", "key in the open", "other authority")
WAYS = ("no change of mode", "up from disabled", "raised at run time", "back to disabled")

# Cells without a case, and why.
EMPTY = {
    ("interruption refused", "3 members"): "nothing is interrupted: there is a member to spare",
    ("not served yet", "up from disabled"): "in `disabled` no certificate is served",
}
SPARE = ("3 members, one preferred", "3 members, one hidden", "3 members, one of priority 0",
         "4 members", "5 members")
EMPTY.update({("interruption refused", shape): EMPTY["interruption refused", "3 members"] for shape in SPARE})

# Ids that no plan made from an observation can be blocked by, and why.
BY_NO_PLAN = {
    "EK-0113": "explains restarts, blocks nothing: it stands in the text of plans",
    "EK-0127": "the executor's: a step was done and its effect did not come",
    "EK-0128": "the executor's: the fleet moved away from an approved plan",
    "EK-0129": "the executor's: a signal came",
    "EK-0190": "a bug: the plan does not end, which the model excludes",
}
LAWS = "a law's: it refuses a step that the planner proposed; the model shows that from states that can be, it proposes none"
# Ids of laws are raised by permit; tests/unit/permit_laws.c and permit_edges.c have a case for each.
LAW = re.compile(r"EK-02\d\d")
ROW = re.compile(r'^\s*EK_[A-Z_]*ROW\(\s*"(EK-(?:0[12]|11)\d\d)",\s*"([^"]*)"', re.M)
ID = re.compile(r'"(EK-\d{4})"')
PLANNER = sorted((HERE.parents[1] / "reconciler/kernel").glob("*.c"))


class Case:
    def __init__(self, row, program):
        self.name, self.shape, self.start, self.end, self.matter, self.says = row
        directory = HERE / self.name
        self.missing = [f for f in FILES if not (directory / f).is_file()]
        if self.missing:
            return
        documents = yaml.safe_load_all((directory / "spec.yaml").read_text("utf-8"))
        self.spec = next(d["spec"] for d in documents if d["kind"] == "Deployment")
        self.observed = json.loads((directory / "observed.json").read_text("utf-8"))["observed"]
        self.text = sentences.shown(program, self.name, "text")
        plan = json.loads((directory / "plan.json").read_text("utf-8"))["deployments"][0]
        self.stops = {(plan.get("blocked") or {}).get("id"), *(w["id"] for w in plan.get("waits") or [])}

    def real_shape(self):
        members = self.spec["replicaSet"]["members"]
        count = f"{len(members)} member" + ("s" if len(members) > 1 else "")
        if any(m.get("arbiter") for m in members):
            return "PSA"
        if len(members) != 3:
            return count
        for key, of, word in (("hidden", (True,), ", one hidden"), ("priority", (0,), ", one of priority 0"),
                              ("priority", (2,), ", one preferred")):
            if any(m.get(key) in of for m in members):
                return count + word
        return count

    def real_start(self):
        """The mode that the first member runs in which nothing is the matter with."""
        if not self.observed.get("initiated", True):
            return "disabled"
        running = [m.get("ssl_mode_running") for m in self.observed["members"]]
        return self.start if self.start in running else running[0]

    def real_end(self):
        return self.spec["sslMode"].replace("TLS", "SSL")

    def wrong(self):
        if self.missing:
            return f"{self.name}: without {', '.join(self.missing)}"
        for what, said, real in (("set", self.shape, self.real_shape()), ("from", self.start, self.real_start()),
                                 ("to", self.end, self.real_end())):
            if said != real:
                return f"{self.name}: the list has {what} {said}, its files {real}"
        if self.says not in self.text:
            return f"{self.name}: its plan does not say \"{self.says}\""
        return None

    def way(self):
        start, end = MODES.index(self.start), MODES.index(self.end)
        if start == end:
            return "no change of mode"
        if start == 0:
            return "up from disabled"
        if end == 0:
            return "back to disabled"
        return "raised at run time" if end > start else "lowered"

    def journey(self):
        if self.matter in ("bare", "interruption refused", "certificates due"):
            renewed = "renewed" if self.way() == "no change of mode" else None
            return {"bare": "new", "certificates due": renewed}.get(self.matter, self.matter)
        if self.matter not in ("", "newer servers") or self.way() == "no change of mode":
            return None
        if self.way() == "up from disabled":
            return "up to require" if self.end == "requireSSL" else "up to allow or prefer"
        return self.way()

    def domain(self):
        return "known" if self.observed.get("domain_label") else "none yet"


def links(cases):
    return ", ".join(f"[{c.name}]({c.name}/plan.json)" for c in cases)


def matrix(title, rows, columns, cells, problems):
    """A table of links; a cell without a case must be in EMPTY."""
    reasons = []
    lines = [f"### {title}", "", "| | " + " | ".join(columns) + " |", "|---" * (len(columns) + 1) + "|"]
    for row in rows:
        line = []
        for column in columns:
            if cells[row, column]:
                line.append(links(cells[row, column]))
                continue
            reason = EMPTY.get((row, column)) or EMPTY.get((column, row))
            if not reason:
                problems.append(f"{title}: no case for {row} / {column}")
                reason = "missing"
            if reason not in reasons:
                reasons.append(reason)
            line.append(f"none ({reasons.index(reason) + 1})")
        lines.append(f"| {row} | " + " | ".join(line) + " |")
    lines += ["", *(f"({i}) {reason}." for i, reason in enumerate(reasons, 1))]
    return lines if reasons else lines[:-1]


def cells_of(cases, coordinates):
    found = defaultdict(list)
    for case in cases:
        place = coordinates(case)
        if place:
            found[place].append(case)
    return found


def blocked_table(cases, problems):
    lines = ["### Reasons to stop", "", "| id | | case |", "|---|---|---|"]
    given = {name for path in PLANNER for name in ID.findall(path.read_text("utf-8"))}
    for path in ("planning.def", "laws.def", "consent.def"):
        for name, title in ROW.findall((CATALOGUE / path).read_text("utf-8")):
            if path == "consent.def" and name not in given:
                continue  # of commands
            having = [c for c in cases if name in c.stops]
            reason = BY_NO_PLAN.get(name) or (LAWS if LAW.match(name) else None)
            if not having and not reason:
                problems.append(f"{name} ({title}): no case is stopped by it, and there is no reason why not")
            if having and name in BY_NO_PLAN:
                problems.append(f"{name}: {having[0].name} is stopped by it, which was said to be impossible")
            lines.append(f"| {name} | {title} | {links(having) or 'none: ' + (reason or '')} |")
    return lines


def cells(cases, problems):
    plain = [c for c in cases if c.shape == "3 members" and c.matter in ("", "newer servers")]
    modes = {domain: cells_of(plain, lambda c, d=domain: c.domain() == d and (c.start, c.end))
             for domain in ("none yet", "known")}
    lines = matrix("Modes: three settled members without an SSL domain, from (rows) to (columns)",
                   MODES[:1], MODES, modes["none yet"], problems)
    lines += ["", *matrix("Modes: three settled members with an SSL domain, from (rows) to (columns)",
                          MODES, MODES, modes["known"], problems)]
    lines += ["", *matrix("Shapes of sets and what happens to them", SHAPES, JOURNEYS,
                          cells_of(cases, lambda c: (c.shape, c.journey())), problems)]
    lines += ["", *matrix("Certificates of three members and the change of mode that meets them",
                          CERTIFICATES, WAYS,
                          cells_of([c for c in cases if c.shape == "3 members"],
                                   lambda c: (c.matter, c.way())), problems)]
    return lines + ["", *blocked_table(cases, problems), ""]


def text_problems(program, names):
    """A sentence that no text shows any more, or half a pair of texts."""
    said, having = sentences.of_all(program, names), sentences.kept(names)
    missing = sentences.without_text(said, having)
    problems = [f"no {file} shows \"{words}\" as {case} does: make golden-accept"
                for (file, words), case in sorted(missing.items())]
    halves = {n for n in names if any((HERE / n / f).exists() for f in sentences.TEXTS)} - having
    return problems + [f"{n}: has one of {', '.join(sentences.TEXTS)} only" for n in sorted(halves)]


def write_texts(program):
    names = sorted(p.parent.name for p in HERE.glob("*/plan.json"))
    said, having = sentences.of_all(program, names), sentences.kept(names)
    sentences.write(program, names, sentences.choose(said, FIXED | having))


def look(program):
    """(what is wrong, README as it should be)."""
    text = README.read_text("utf-8")
    with ThreadPoolExecutor(2) as pool:
        cases = list(pool.map(lambda row: Case(row, program), LISTED.findall(text)))
    names = [c.name for c in cases]
    folders = {p.name for p in HERE.iterdir() if p.is_dir() and p.name != "__pycache__"}
    problems = [f"{n}: not in the list of README.md" for n in sorted(folders - set(names))]
    problems += [f"{n}: listed and not there" for n in sorted(set(names) - folders)]
    problems += [f"{n}: listed twice" for n in sorted({n for n in names if names.count(n) > 1})]
    cases = [c for c in cases if c.name in folders]
    problems += [w for w in (c.wrong() for c in cases) if w]
    problems += text_problems(program, sorted(c.name for c in cases if not c.missing))
    if problems:
        return problems, text
    before, rest = text.split(BEGIN)
    after = rest.split(END)[1]
    return problems, before + BEGIN + "\n".join(cells(cases, problems)) + END + after


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", default="build")
    parser.add_argument("--write", action="store_true")
    arguments = parser.parse_args()
    program = Path(arguments.build, "evenkeel").resolve()
    if arguments.write:
        write_texts(program)
    problems, text = look(program)
    for problem in problems:
        print(problem)
    if arguments.write:
        README.write_text(text, "utf-8")
    elif text != README.read_text("utf-8"):
        print("the cells in README.md are others than the cases fill: make golden-accept")
        return 1
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
