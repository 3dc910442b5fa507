"""The rules find what they should: each offence planted in a tree of its own."""

from pathlib import Path

import pytest

import arrows
import catalogue
import rules
import sizes
import text

TOP = Path(__file__).resolve().parents[2]


def plant(top, file, *lines):
    path = top / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(line + "\n" for line in lines), "utf-8")


def include(name):
    return f'#include "{name}"'


FORBIDDEN = (
    ("reconciler/kernel/next.c", "reconciler/aspects/firewall/state.h"),
    ("reconciler/kernel/state.h", "drivers/host/host.h"),
    ("reconciler/laws/pairs_talk.c", "reconciler/aspects/transport/phases.h"),
    ("reconciler/laws/pairs_talk.c", "reconciler/aspects/transport/effects.h"),
    ("reconciler/laws/pairs_talk.c", "reconciler/kernel/next.h"),
    ("reconciler/laws/pairs_talk.h", "reconciler/report/plan_report.h"),
    ("reconciler/aspects/firewall/phases.c", "reconciler/aspects/transport/phases.h"),
    ("reconciler/aspects/firewall/phases.c", "drivers/firewall/firewall.h"),
    ("reconciler/aspects/firewall/fields.c", "drivers/firewall/firewall.h"),
    ("reconciler/aspects/firewall/show.c", "drivers/firewall/firewall.h"),
    ("reconciler/aspects/firewall/effects.c", "reconciler/loop/loop.h"),
    ("drivers/host/fence.c", "reconciler/lease/decide.h"),
    ("drivers/host/host.h", "reconciler/kernel/state.h"),
    ("specs/values.c", "reconciler/consent/window.h"),
    ("specs/keys.c", "drivers/host/host.h"),
    ("reconciler/lease/holder.c", "reconciler/report/plan_report.h"),
    ("reconciler/consent/consent.h", "reconciler/report/plan_report.h"),
    ("reconciler/document/plan_file.c", "reconciler/report/plan_report.h"),
    ("reconciler/document/view.c", "drivers/store/store.h"),
    ("reconciler/import/discover.c", "reconciler/execute/world.h"),
    ("reconciler/loop/keep.c", "reconciler/import/import.h"),
    ("reconciler/base/file.c", "specs/specs.h"),
    ("reconciler/next.c", "drivers/host/host.h"),
)
ALLOWED = (
    ("reconciler/laws/pairs_talk.c", "reconciler/aspects/transport/state.h"),
    ("reconciler/laws/pairs_talk.c", "reconciler/kernel/state.h"),
    ("reconciler/aspects/firewall/observe.c", "drivers/firewall/firewall.h"),
    ("reconciler/aspects/firewall/act_rules.c", "drivers/firewall/firewall.h"),
    ("reconciler/aspects/firewall/phases.c", "reconciler/aspects/firewall/phases.h"),
    ("reconciler/aspects/firewall/phases.c", "reconciler/aspects/transport/state.h"),
    ("reconciler/aspects/firewall/phases.c", "reconciler/kernel/next.h"),
    ("reconciler/execute/world.c", "drivers/host/host.h"),
    ("drivers/host/host.h", "reconciler/base/error.h"),
    ("specs/specs.h", "reconciler/ssl_mode.h"),
    ("reconciler/document/view.c", "reconciler/kernel/plan.h"),
    ("reconciler/import/discover.c", "drivers/host/host.h"),
    ("reconciler/command/import.c", "reconciler/import/import.h"),
    ("reconciler/consent/consent.h", "reconciler/document/plan_file.h"),
)


@pytest.mark.parametrize("file,included", FORBIDDEN)
def test_a_planted_include_is_found(tmp_path, file, included):
    plant(tmp_path, file, "/* it */", include(included))
    assert list(arrows.broken(tmp_path)) == [(file, included)]
    assert arrows.broken(tmp_path)[file, included] in rules.wrong(tmp_path, [])[0]


@pytest.mark.parametrize("file,included", ALLOWED)
def test_what_is_allowed_is_not(tmp_path, file, included):
    plant(tmp_path, file, include(included))
    assert arrows.broken(tmp_path) == {}


def test_an_include_from_beside_is_seen_as_what_it_is(tmp_path):
    plant(tmp_path, "reconciler/aspects/firewall/phases.c", include("../transport/phases.h"))
    plant(tmp_path, "reconciler/aspects/transport/phases.h", "")
    assert list(arrows.broken(tmp_path)) == [
        ("reconciler/aspects/firewall/phases.c", "reconciler/aspects/transport/phases.h")]


def test_every_arrow_has_an_include_that_it_forbids():
    for arrow in arrows.ARROWS:
        assert any(arrows.re.fullmatch(arrow.files, file) and
                   arrows.forbids(arrow, arrows.re.fullmatch(arrow.files, file).groupdict(), included)
                   for file, included in FORBIDDEN), arrow


@pytest.mark.parametrize("source,found", [
    ("static int f(int a, int b)\n{\n    g(a, b, 1, 2, 3, 4, 5);\n}\n", [("f", 2)]),
    ("int f(void);\nvoid g(struct a *b, int (*call)(int, int), char c[3]);\n", [("f", 0), ("g", 3)]),
    ("struct d {\n    int (*put)(void *a, int b, int c, int d, int e, int f);\n    int n;\n};\n", [("put", 6)]),
    ("typedef int call(int a, int b);\n", [("call", 2)]),
    ("void say(int a, const char *format, ...);\n", [("say", 2)]),
    ("ROW(A, \"b\", c,\n    d)\nROW(B, \"b\", c, d)\n", []),
    ("#define M(a, b, c, d, e, f) g(a, b, c, d, e, f)\n", []),
    ("/* int f(int a, int b); */ static const char *t = \"int g(int a)\";\n", []),
    ("int f(int a, /* b, c */ int d) { return (int)(a); }\n", [("f", 2)]),
])
def test_functions_are_counted(source, found):
    assert text.functions(source) == found


def test_too_many_parameters_and_lines(tmp_path):
    plant(tmp_path, "specs/a.c", "int f(int a, int b, int c, int d, int e, int g);", "int h(int a, int b, int c, int d, int e);")
    plant(tmp_path, "tests/b.py", *["pass"] * 601)
    plant(tmp_path, "tests/c.py", *["pass"] * 600)
    assert sizes.wide_functions(tmp_path) == {("specs/a.c", "f"): 6}
    assert sizes.long_files(tmp_path) == {"tests/b.py": 601}
    assert len(rules.wrong(tmp_path, [])) == 2
    assert rules.wrong(tmp_path, ["parameters specs/a.c f", "lines tests/b.py"]) == []


def test_the_list_only_shrinks(tmp_path):
    plant(tmp_path, "tests/b.py", *["pass"] * 601)
    known = "# Files.\nlines tests/b.py\nlines tests/gone.py  # long ago\n"
    assert rules.entries(known) == ["lines tests/b.py", "lines tests/gone.py"]
    said, = rules.wrong(tmp_path, rules.entries(known))
    assert "lines tests/gone.py" in said
    assert rules.shrunk(known, rules.offences(tmp_path)) == "# Files.\nlines tests/b.py\n"


def test_ids_and_endings(tmp_path):
    plant(tmp_path, "reconciler/catalogue/some.def", '    EK_ROW("EK-0101", "said")', '    EK_ROW("EK-0102", "not said")',
          '    EK_ROW("EK-0103", "twice")', '    EK_ROW("EK-0103", "twice")')
    plant(tmp_path, "specs/a.c", 'say("EK-0101"); say("EK-0103"); say("EK-0104");')
    assert catalogue.wrong(tmp_path) == [
        "EK-0103 has more than one row in the catalogue", "EK-0104 (specs/a.c) has no row in the catalogue",
        "EK-0102 of the catalogue is used by no source"]
    plant(tmp_path, "specs/b.c", "void f(void) { abort(); }", "/* ---- in the child ---- */", "void g(void) { _exit(1); }",
          "/* ---- in the parent ---- */", "void h(void) { exit(1); }")
    plant(tmp_path, "reconciler/command/c.c", "void f(void) { exit(1); }")
    assert rules.endings(tmp_path) == ["specs/b.c:1 ends the process, which library code never does",
                                       "specs/b.c:5 ends the process, which library code never does"]


def test_what_the_readme_names_is_there(tmp_path):
    plant(tmp_path, "README.md", "| where | what |", "| `tests/unit/`, `reconciler/next.c` | what `reconciler/gone.c` was |")
    plant(tmp_path, "tests/unit/one.c", "")
    assert rules.gone(tmp_path) == ["README.md names reconciler/next.c, which is not there"]
    plant(tmp_path, "reconciler/next.c", "")
    assert rules.gone(tmp_path) == []
    assert len(rules.MAPPED.findall((TOP / "README.md").read_text("utf-8"))) > 20


def test_our_own_sources_are_read():
    """Else nothing would ever be found."""
    shown = {name for name, _ in sizes.files(TOP, sizes.CODE)}
    assert len(shown) > 300 and "reconciler/base/memory.h" in shown
    assert ("ek_file_read", 5) in text.functions((TOP / "reconciler/base/file.c").read_text("utf-8"))
