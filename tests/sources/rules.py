"""The sources' own rules: `make lint` and `make check` ask for them.

Prints what is wrong: an include against an arrow (arrows.py), a file or a function that is too large (sizes.py),
an id of the catalogue (catalogue.py), library code that ends the process, a place that the README names and that is
not there. What was so when the rule came stands in known.txt; that list only shrinks: an entry that is not needed
any more is wrong as well, and `rules.py --shrink` takes such entries out. Nothing adds to it but an editor, with a
reason."""

import argparse
import re
import sys
from pathlib import Path

import arrows
import catalogue
import sizes

TOP = Path(__file__).resolve().parents[2]
KNOWN = Path(__file__).with_name("known.txt")
ENDING = re.compile(r"\b(abort|exit|_exit|_Exit|quick_exit)\(")
CHILD = re.compile(r"\bin the child")
MAPPED = re.compile(r"`((?:reconciler|drivers|specs|tests|contrib)/[\w./]*)`")


def endings(top):
    """Library code never ends the process. What a fork became may, in the section of its file that is called
    "in the child"."""
    found = []
    for file, text in catalogue.sources(top):
        if file.suffix != ".c" or file.parent == Path("reconciler/command"):
            continue
        in_child = False
        for number, line in enumerate(text.splitlines(), 1):
            if line.startswith("/* ----"):
                in_child = bool(CHILD.search(line))
            if ENDING.search(line) and not in_child:
                found.append(f"{file}:{number} ends the process, which library code never does")
    return found


def gone(top):
    """What the README's map of the sources names is there."""
    readme = top / "README.md"
    lines = readme.read_text("utf-8").splitlines() if readme.exists() else []
    rows = [line for line in lines if line.startswith("| `")]
    named = [name for row in rows for name in MAPPED.findall(row.split("|")[1])]
    return [f"README.md names {name}, which is not there" for name in named if not (top / name).exists()]


def offences(top):
    """{the entry of known.txt that would allow it: what is wrong}"""
    found = {}
    for (file, included), reason in arrows.broken(top).items():
        found[f"include {file} {included}"] = f"{file} includes {included}, but {reason}"
    for file, lines in sizes.long_files(top).items():
        found[f"lines {file}"] = f"{file} has {lines} lines; {sizes.LINES_MOST} are the most"
    for (file, function), number in sizes.wide_functions(top).items():
        found[f"parameters {file} {function}"] = (
            f"{file}: {function} has {number} parameters; more than {sizes.PARAMETERS_MOST} become a struct")
    return found


def entries(text):
    """Entries of known.txt: a line each, without what stands behind a #."""
    lines = (line.split("#")[0].strip() for line in text.splitlines())
    return [line for line in lines if line]


def wrong(top, known):
    found, known = offences(top), set(known)
    said = [words for entry, words in found.items() if entry not in known]
    said += [f"known.txt: \"{entry}\" is so no more: take it out (rules.py --shrink)" for entry in sorted(known - set(found))]
    return sorted(said) + catalogue.wrong(top) + endings(top) + gone(top)


def shrunk(text, found):
    """known.txt without what is so no more."""
    def stays(line):
        named = entries(line)
        return not named or named[0] in found
    return "".join(line for line in text.splitlines(True) if stays(line))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--shrink", action="store_true", help="take out of known.txt what is so no more")
    arguments = parser.parse_args()
    text = KNOWN.read_text("utf-8")
    if arguments.shrink:
        text = shrunk(text, offences(TOP))
        KNOWN.write_text(text, "utf-8")
    found = wrong(TOP, entries(text))
    for words in found:
        print(words)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
