"""How large files and functions may be."""

import text

PARAMETERS_MOST, LINES_MOST = 5, 600
PARTS = ("reconciler", "specs", "drivers", "tests")
CODE = (".c", ".h", ".def")
LINED = (*CODE, ".py", "")  # "": scripts
NOT_OURS = ("tests/conformance/recordings/", "tests/fuzz/corpus/", "tests/golden/", "tests/clients/lock/")


def files(top, endings):
    for part in PARTS:
        for path in sorted((top / part).rglob("*")):
            name = path.relative_to(top).as_posix()
            if path.is_file() and path.suffix in endings and "__pycache__" not in name and not name.startswith(NOT_OURS):
                yield name, path


def long_files(top):
    """{file: lines} of those above the limit."""
    found = {name: path.read_text("utf-8").count("\n") for name, path in files(top, LINED)}
    return {name: lines for name, lines in found.items() if lines > LINES_MOST}


def wide_functions(top):
    """{(file, function): parameters} of those above the limit."""
    return {(name, function): number for name, path in files(top, CODE)
            for function, number in text.functions(path.read_text("utf-8")) if number > PARAMETERS_MOST}
