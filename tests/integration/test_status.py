"""status and verify for pull requests and chats, and status --watch, on a terminal and off it."""

import json
import os
import pty
import re
import signal
import subprocess
import time

from patience import patient
import pytest
from fleet import wait_for
from test_command_line import TOP, follow

OK, CHANGES, USAGE = 0, 2, 64


@pytest.fixture(name="shop")
def settled(shop):
    """As the specs say: disabled."""
    shop.specs.set_mode("disabled")
    if shop.tool.run("plan", *shop.git).returncode == CHANGES:
        shop.succeed("apply", "--yes", *shop.git)
    return shop


@pytest.fixture
def specs_in_place(shop):
    """Specs in a plain file, so that a change of them is seen at the next look."""
    path = shop.directory / "specs-in-place.yaml"
    path.write_text("---\n".join(p.read_text(encoding="utf-8")
                                 for p in sorted(shop.specs.directory.glob("*.yaml"))))
    yield path
    path.unlink()


def test_markdown_of_status(shop):
    name = shop.fleet.name
    everything = shop.succeed("status", *shop.git, "--output", "markdown").stdout
    assert everything.startswith("### Evenkeel: status\n")
    row = next(line for line in everything.splitlines() if f"`{name}`" in line)
    assert [cell.strip() for cell in row.strip("|").split("|")] == [
        f"`{name}`", "`acme`", "Synced", "Healthy", "disabled", "3", shop.fleet.primary()]
    detail = shop.succeed("status", *shop.git, "--deployment", name, "--output",
                          "markdown").stdout
    for member in shop.fleet.members:
        assert re.search(rf"\| `{member.name}` \| (PRIMARY|SECONDARY) \| disabled \|", detail)
    assert "mongodb://" in detail


def test_markdown_of_verify(shop):
    done = shop.succeed("verify", *shop.git, "--output", "markdown")
    found = re.search(rf"### Evenkeel: {shop.fleet.name}: (\d+) of (\d+) checks passed", done.stdout)
    assert found and found.group(1) == found.group(2)
    rows = [line for line in done.stdout.splitlines() if line.startswith("| ok |")]
    assert len(rows) == int(found.group(1))
    assert done.stdout.count("<details>") == done.stdout.count("</details>") == 1


def schema(name):
    return json.loads((TOP / f"contrib/schema/{name}.schema.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("verb, name", [("status", "status"), ("verify", "verification")])
def test_json_follows_its_schema(shop, verb, name):
    document = json.loads(shop.succeed(verb, *shop.git, "--output", "json").stdout)
    follow(schema(name), schema(name), document, verb)
    assert document["deployments"][0]["name"] == shop.fleet.name


class Lines:
    """A watch whose output is read line by line from a file."""

    def __init__(self, shop, path, *words):
        self.path = path
        with open(path, "wb") as file:
            self.process = subprocess.Popen(
                [str(shop.tool.program), "status", *map(str, words), "--watch", "--interval",
                 "200ms"], env=shop.tool.environment, stdin=subprocess.DEVNULL, stdout=file,
                stderr=subprocess.STDOUT)

    def lines(self):
        return self.path.read_text(encoding="utf-8").splitlines()

    def wait_for_line(self, pattern):
        return wait_for(lambda: next((line for line in self.lines() if re.search(pattern, line)),
                                     None), pattern, seconds=30)

    def interrupt(self, number=signal.SIGINT):
        began = time.monotonic()
        self.process.send_signal(number)
        status = self.process.wait(timeout=patient(20))
        return status, time.monotonic() - began

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()


def test_off_a_terminal_a_line_for_each_change(shop, specs_in_place, tmp_path):
    with Lines(shop, tmp_path / "out", specs_in_place) as watch:
        watch.wait_for_line(rf"^\d{{4}}-\d\d-\d\dT\S+Z {shop.fleet.name}: Synced, Healthy, sslMode disabled, "
                            rf"primary {shop.fleet.primary()}$")
        time.sleep(1.5)  # several looks
        assert len(watch.lines()) == 1, "nothing changed, yet something was said"
        good = specs_in_place.read_text()
        specs_in_place.write_text(good.replace("sslMode: disabled", "sslMode: preferSSL"))
        watch.wait_for_line(r": OutOfSync, Healthy, .*\d+ steps to do")
        specs_in_place.write_text("kind: nonsense\n")
        watch.wait_for_line(r"\[EK-03\d\d\]$")
        specs_in_place.write_text(good)
        wait_for(lambda: ": Synced" in watch.lines()[-1], "back again")
        assert not any("\x1b" in line for line in watch.lines())
        status, took = watch.interrupt(signal.SIGTERM)
        assert status == OK and took < 5


def test_off_a_terminal_json(shop, specs_in_place, tmp_path):
    with Lines(shop, tmp_path / "out", specs_in_place, "--output", "json") as watch:
        watch.wait_for_line('"type":"deployment"')
        assert watch.interrupt()[0] == OK
        first, second = map(json.loads, watch.lines())
        assert first["type"] == "version" and first["format_version"] == "1.0"
        follow(schema("status"), schema("status")["$defs"]["deployment"], second, "a line")
        assert (second["name"], second["sync"], second["health"]) == (
            shop.fleet.name, "Synced", "Healthy")
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", second["time"])


def test_on_a_terminal_the_screen_is_kept_and_given_back(shop, specs_in_place):
    controller, terminal = pty.openpty()
    environment = dict(shop.tool.environment, TERM="xterm")
    process = subprocess.Popen([str(shop.tool.program), "status", str(specs_in_place), "--watch",
                                "--interval", "100ms"], env=environment, stdin=terminal,
                               stdout=terminal, stderr=terminal, start_new_session=True)
    os.close(terminal)
    seen = b""
    try:
        while seen.count(b"\x1b[H") < 3:
            seen += os.read(controller, 65536)
        began = time.monotonic()
        process.send_signal(signal.SIGINT)
        try:
            while chunk := os.read(controller, 65536):
                seen += chunk
        except OSError:  # the terminal was closed at the other end
            pass
        assert process.wait(timeout=patient(20)) == OK
        assert time.monotonic() - began < patient(5)
    finally:
        process.kill()
        os.close(controller)
    assert seen.startswith(b"\x1b[?1049h\x1b[?25l")
    body, _, after = seen.partition(b"\x1b[?25h\x1b[?1049l")
    name = shop.fleet.name.encode()
    assert name in body and b"Synced" in body
    assert name in after and b"\x1b[H" not in after, "the last look stays readable"


def test_leaving_does_not_wait_for_a_server_that_never_answers(shop, specs_in_place, tmp_path):
    """A frozen secondary: a look at it takes many seconds; who wants to leave, leaves."""
    name = next(m.name for m in shop.fleet.members if m.name != shop.fleet.primary())
    with Lines(shop, tmp_path / "out", specs_in_place) as watch:
        watch.wait_for_line(": Synced, Healthy")
        shop.fleet.freeze(name)
        try:
            time.sleep(1)  # by now a look waits for it
            status, took = watch.interrupt()
            assert status == OK and took < 9, f"{took:.1f} s"
        finally:
            shop.fleet.thaw(name)


def test_watch_and_markdown_do_not_go_together(shop, specs_in_place):
    done = shop.tool.run("status", specs_in_place, "--watch", "--output", "markdown")
    assert done.returncode == USAGE and "EK-0804" in done.stderr
