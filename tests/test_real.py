"""What `make real` makes of what its suites say."""

import pytest

import real


@pytest.mark.parametrize("name, status, text, told", [
    ("demo", 0, "", (1, 0, 0, "")),
    ("demo", 1, "", (0, 1, 0, "")),
    ("conformance", 1, "x\nconformance: 170 of 171\n", (170, 1, 0, "")),
    ("conformance", 0, "conformance: 236 of other versions\nconformance: 171 of 171\n",
     (171, 0, 236, real.RECORDED)),
    ("conformance", 2, "conformance: 171 of 171\n", (171, 1, 0, "")),
    ("conformance", 1, "Traceback", (0, 1, 0, "it did not get to its end")),
    ("integration", 0, "integration: 4 skipped\nintegration: 9 passed, 0 failed (3 s)\n9 passed, 0 failed\n",
     (9, 0, 4, real.STANDIN_ONLY)),
    ("integration", 1, "8 passed, 1 failed\n", (8, 1, 0, "")),
    ("clients", "stopped: the time was up after 9 s", "....", (0, 1, 0, "it did not get to its end")),
    ("hazards", 1, "hazards: 8 rules, 1 not held by their test\n", (7, 1, 0, "")),
    ("chaos", 0, "chaos: 100 points (any 3), mishaps: …\n", (100, 0, 0, "")),
    ("chaos", 1, "chaos: failed at point 3 of seed 1; kept in x\n", (0, 1, 0, "a point of the seed was not survived")),
])
def test_what_a_suite_said_is_counted(name, status, text, told):
    assert real.SUITES[name][2](text, status) == told


@pytest.mark.parametrize("mode, words", [(None, "there is no such file"), (0o644, "it can't be executed"), (0o755, None)])
def test_a_server_that_can_not_run_is_refused(tmp_path, mode, words):
    path = tmp_path / "mongod"
    if mode:
        path.write_text("#!/bin/sh\necho hello\n")
        path.chmod(mode)
    assert real.refusal(str(path)) == (words and f"make real: MONGOD={path}: {words}")
    assert "MONGOD=/path/to/mongod" in real.refusal("")
    if words is None:
        assert real.version_of(str(path)) == (None, "hello")
