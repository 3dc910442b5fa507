"""Ids of messages: each that a source names has one row in the catalogue, and each row is named."""

import re

PARTS = ("reconciler", "specs", "drivers")
ERROR_ID = re.compile(r'"(EK-\d{4})"')
NAMED_ID = re.compile(r"\bEK-\d{4}\b")
ROW = re.compile(r'^\s*EK_[A-Z_]*ROW\(\s*"(EK-\d{4})"', re.M)
# Rows that explain another program's log lines: nothing in our sources raises them.
LOG_LINE_IDS = re.compile(r"EK-09\d\d")


def sources(top):
    for part in PARTS:
        for path in sorted((top / part).rglob("*")):
            if path.suffix in (".c", ".h", ".def"):
                yield path.relative_to(top), path.read_text("utf-8")


def is_row(file):
    return file.parent.as_posix() == "reconciler/catalogue" and file.suffix == ".def"


def wrong(top):
    rows = [name for file, text in sources(top) if is_row(file) for name in ROW.findall(text)]
    raised, named = {}, set()
    for file, text in sources(top):
        if not is_row(file):
            for name in ERROR_ID.findall(text):
                raised.setdefault(name, file)
            named.update(NAMED_ID.findall(text))
    found = [f"{row} has more than one row in the catalogue" for row in sorted({r for r in rows if rows.count(r) > 1})]
    found += [f"{name} ({raised[name]}) has no row in the catalogue" for name in sorted(set(raised) - set(rows))]
    return found + [f"{row} of the catalogue is used by no source" for row in sorted(set(rows) - named)
                    if not LOG_LINE_IDS.match(row)]
