"""What the rules read of a C file: its includes, and its functions with their parameters."""

import re

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]+[<"]([^>"]+)[>"]', re.M)
NOT_CODE = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)
DIRECTIVE = re.compile(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*", re.M)
NAMED = re.compile(r"(\w+)\s*$")
SLOT = re.compile(r"\(\s*\*\s*(?:const\s+)?(\w+)\s*(?:\[\w*\]\s*)?\)\s*$")
KEYWORDS = {"if", "for", "while", "switch", "return", "sizeof", "typeof", "_Static_assert", "__attribute__", "defined"}


def includes(text):
    return INCLUDE.findall(text)


def code(text):
    """Without comments, literals and directives; as long as it was."""
    def blank(match):
        return re.sub(r"[^\n]", " ", match.group())
    return DIRECTIVE.sub(blank, NOT_CODE.sub(blank, text))


def closing(text, at):
    """Where the bracket that opens at `at` is closed; None if it is not."""
    depth = 0
    for i in range(at, len(text)):
        if text[i] == "(":
            depth += 1
        elif text[i] == ")":
            depth -= 1
            if depth == 0:
                return i
    return None


def count(parameters):
    """Those that are named: how many more stand for an ellipsis, a format or the like tells."""
    depth, number = 0, 1
    for c in parameters:
        depth += (c in "([{") - (c in ")]}")
        number += c == "," and depth == 0
    number -= parameters.rstrip().endswith("...")
    return number if parameters.strip() not in ("", "void") else 0


def functions(text):
    """(name, how many parameters) of the functions that are defined or declared outside of functions, and of the
    pointers to functions in structures and types."""
    text = code(text)
    found, depth, at, of_data = [], 0, 0, []
    while at < len(text):
        c = text[at]
        if c == "{":
            before = text[max(0, at - 300):at]
            # a structure's slots count, the inside of a function does not
            of_data.append(re.search(r"\b(?:struct|union)\s*\w*\s*$", before) is not None)
            depth += 1
        elif c == "}":
            depth, of_data = depth - 1, of_data[:-1]
        elif c == "(" and all(of_data):
            end = closing(text, at)
            if end is None:
                break
            before = text[max(0, at - 100):at]
            name = SLOT.search(before) or (NAMED.search(before) if depth == 0 else None)
            # a variable's initialiser or a macro's use has no type before it; a row of a table is a macro's
            if name and not name.group(1).isupper() and name.group(1) not in KEYWORDS and re.search(r"[\w*)]\s*$", before[:name.start()]):
                found.append((name.group(1), count(text[at + 1:end])))
            if not re.match(r"\s*\(?\s*\*", text[at + 1:end + 1]):
                at = end
        at += 1
    return found
