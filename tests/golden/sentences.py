"""The sentences of all golden plans, and which cases keep them as text.

Every case keeps its plan as JSON. Text and Markdown are rendered from that (`evenkeel show`), so a few
cases keep them, chosen so that together they show every sentence that any case shows. What stands word by
word in the JSON (why a plan is blocked, what it waits for, what was observed) is not a sentence of the text."""

import json
import re
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
HERE = ROOT / "tests" / "golden"
TEXTS = {"plan.txt": "text", "plan.md": "markdown"}
NEXT_COMMAND = "evenkeel apply orders.plan"  # as tests/unit/report_golden.c has it
VERBATIM = ("blocked", "observed", "waits")

# What differs from case to case, and what stands for it in a sentence.
VARIABLE = tuple((re.compile(pattern), word) for pattern, word in (
    (r"mongodb://\S+", "URI"),
    (r"\b[\w-]+(\.[\w-]+)+:\d+", "HOST"),
    (r"\b(?:disabled|(?:allow|prefer|require)(?:SSL|TLS))\b", "MODE"),
    (r"\b(?=\w*\d)[\da-z]{7,}\b", "#"),
    (r"\bEK-\d{4}\b", "ID"),
    (r"\d+", "#"),
    (r"#(?:[.:-]#)+", "#"),
    (r"`", ""),
    (r"(?<![\w.'])[a-e](?:,? [a-e])*(?![\w.])", "M"),
    (r"M: #(, M: #)+", "M: #"),
    (r"HOST -> HOST(?: M HOST -> HOST)+", "HOST -> HOST"),
    (r"M MODE(, M MODE)+", "M MODE"),
    (r"\b(?:mon|tue|wed|thu|fri|sat|sun)\b", "DAY"),
    (r"\bmembers?\b", "members"), (r"\belections?\b", "elections"), (r"\brestarts?\b", "restarts"),
))


def shown(program, case, output):
    """What `evenkeel show` makes of the case's plan.json."""
    path = HERE / case / "plan.json"
    done = subprocess.run([str(program), "show", str(path), "--output", output], cwd=ROOT, capture_output=True,
                          text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{case}: {program} show: {done.stderr}")
    return done.stdout.replace(f"evenkeel apply {path}", NEXT_COMMAND)


def strings(value):
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for one in value:
            yield from strings(one)
    elif isinstance(value, str):
        yield value


def verbatim(case):
    deployment = json.loads((HERE / case / "plan.json").read_text("utf-8"))["deployments"][0]
    found = {s for key in VERBATIM for s in strings(deployment.get(key)) if " " in s}
    return sorted(found, key=len, reverse=True)


def paragraphs(text):
    """Lines with those that go on below them, in one."""
    found = []
    for line in text.splitlines():
        if found and re.match(r"\s{7,}\S", line) and "mongodb://" not in line:
            found[-1] += " " + line.strip()
        else:
            found.append(line)
    return found


def sentences(text, known=()):
    found = set()
    for line in paragraphs(text):
        for words in known:
            line = line.replace(words, "...")
        for part in re.split(r"\s{2,}|; ", line):
            for pattern, word in VARIABLE:
                part = pattern.sub(word, part)
            found.add(part.strip())
    return found - {""}


def of_all(program, cases):
    """{case: the sentences of its text and of its Markdown}"""
    def both(case):
        known = verbatim(case)
        return {(file, s) for file, output in TEXTS.items() for s in sentences(shown(program, case, output), known)}
    with ThreadPoolExecutor(2) as pool:
        return dict(zip(cases, pool.map(both, cases)))


def kept(cases):
    return {c for c in cases if all((HERE / c / file).is_file() for file in TEXTS)}


def without_text(said, having):
    """The sentences that no case with a text shows, each with a case that shows it."""
    seen = set().union(*(said[c] for c in having))
    return {s: case for case in sorted(said) for s in said[case] - seen}


def choose(said, fixed):
    """A small set of cases, with the fixed ones, that shows every sentence."""
    chosen = set(fixed)
    left = set().union(*said.values()) - set().union(*(said[c] for c in chosen))
    while left:
        best = max(sorted(said), key=lambda c: len(said[c] & left))
        chosen.add(best)
        left -= said[best]
    for case in sorted(chosen - set(fixed), key=lambda c: len(said[c])):
        rest = set().union(*(said[c] for c in chosen - {case}))
        if said[case] <= rest:
            chosen.discard(case)
    return chosen


def write(program, cases, chosen):
    """The texts of the chosen, and of no other."""
    for case in cases:
        for file, output in TEXTS.items():
            path = HERE / case / file
            if case in chosen:
                path.write_text(shown(program, case, output), "utf-8")
            else:
                path.unlink(missing_ok=True)
