"""Who may include whom: the arrows of the house, each row a rule with its reason.

A rule is a pattern of the files that it binds, a pattern of what they must not include, what is allowed
nevertheless, and why. Patterns are regular expressions of whole paths from the top; a group named in the
first (`aspect`) may be used in the others."""

import re
from typing import NamedTuple

import text

PARTS = ("reconciler", "specs", "drivers")


class Arrow(NamedTuple):
    files: str
    forbidden: str
    reason: str
    allowed: str = "nothing"


ASPECT = r"reconciler/aspects/(?P<aspect>[^/]+)/"
DECIDING = r"(?:state|fields|steps|phases|effects)[^/]*"
ARROWS = (
    # The house.
    Arrow(r"reconciler/kernel/.*", r"reconciler/aspects/.*", "the kernel knows no aspect"),
    Arrow(r"reconciler/laws/.*", r"reconciler/aspects/[^/]+/(?:phases|effects|observe|act)[^/]*",
          "the laws share the structs with the aspects, never their rules"),
    Arrow(r"reconciler/laws/.*", r"reconciler/kernel/(?:next|effect)[^/]*",
          "the laws are written without looking at the planner"),
    Arrow(ASPECT + ".*", r"reconciler/aspects/(?!{aspect}/)[^/]+/phases[^/]*",
          "an aspect proposes by itself: it includes no other's phases"),
    # What is pure.
    Arrow(r"reconciler/(?:kernel|laws)/.*", r"drivers/.*", "what decides knows nothing of how things are done"),
    Arrow(ASPECT + r"(?!observe|act)[^/]*", r"drivers/.*", "only observe and act of an aspect include drivers"),
    Arrow(r"reconciler/(?:kernel|laws)/.*|" + ASPECT + DECIDING,
          r"reconciler/(?:execute|consent|lease|report|loop|command)/.*", "what decides knows nobody who uses it"),
    # Until everything has a room: the files at the top of reconciler/ are pure.
    Arrow(r"reconciler/[^/]+", r"drivers/.*", "the core decides; it knows nothing of how things are done"),
    Arrow(r"specs/.*", r"drivers/.*", "specs are text and values"),
    # Everybody else.
    Arrow(r"reconciler/(?:document|report|catalogue|base)/.*", r"drivers/.*", "reports are made from structs"),
    Arrow(r"reconciler/document/.*", r"reconciler/report/.*", "a document knows nobody who shows it"),
    Arrow(r"reconciler/lease/.*", r"reconciler/report/.*", "a lease says nothing to people"),
    Arrow(r"reconciler/consent/.*", r"reconciler/report/.*", "consent says nothing to people"),
    Arrow(r"reconciler/import/.*", r"reconciler/(?:kernel|aspects|laws|execute|consent|lease|document|report|loop|"
          r"command)/.*", "import looks at what is there through drivers, and judges nothing: plan does"),
    Arrow(r"reconciler/(?!import/|command/).*", r"reconciler/import/.*", "specs are imported once, by hand"),
    Arrow(r"specs/.*", r"reconciler/consent/.*", "specs are read before anybody consents"),
    Arrow(r"(?:drivers|specs)/.*", r"reconciler/.*", "drivers and specs know nothing above them",
          allowed=r"reconciler/(?:base/.*|ssl_mode\.h)"),
    Arrow(r"reconciler/base/.*", r"(?:reconciler|specs)/.*", "the base stands on nothing",
          allowed=r"reconciler/base/.*"),
)


def target(path, name, top):
    """The included file as a path from the top, or None if it is none of ours."""
    beside = (path.parent / name).as_posix()
    if (top / beside).is_file():
        return re.sub(r"[^/]+/\.\./", "", beside)
    return name if name.split("/")[0] in PARTS else None


def broken(top):
    """{(file, included file): reason} of every include that an arrow forbids."""
    found = {}
    for part in PARTS:
        for path in sorted((top / part).rglob("*")):
            if path.suffix not in (".c", ".h", ".def"):
                continue
            file = path.relative_to(top)
            for name in text.includes(path.read_text("utf-8")):
                included = target(file, name, top)
                if not included:
                    continue
                for arrow in ARROWS:
                    bound = re.fullmatch(arrow.files, file.as_posix())
                    if bound and forbids(arrow, bound.groupdict(), included):
                        found.setdefault((file.as_posix(), included), arrow.reason)
    return found


def forbids(arrow, groups, included):
    def matches(pattern):
        for name, value in groups.items():
            pattern = pattern.replace("{%s}" % name, re.escape(value or ""))
        return re.fullmatch(pattern, included)
    return matches(arrow.forbidden) and not matches(arrow.allowed)
