"""`make demo`: three servers, and a commit that moves them between SSL modes while clients write.
With --hosts ssh each is a unit of a machine of its own, which Evenkeel reaches by SSH.

Runs inside tests/sandbox/enter, the latter inside tests/sandbox/enter --root."""

import argparse
import json
import os
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import evidence
from change import Changes
from fleet import Fleet, find_server, server_version
from machines import MachineFleet, MachineSpecs
from probe import Probe
from specs_repository import SpecsRepository
from tool import Evenkeel

NOTHING_TO_DO, CHANGES = 0, 2


class Stage:
    """What the audience sees."""

    def __init__(self):
        self.colour = (sys.stdout.isatty() and not os.environ.get("NO_COLOR")
                       and os.environ.get("TERM") != "dumb")

    def paint(self, code, text):
        return f"\033[{code}m{text}\033[0m" if self.colour else text

    def heading(self, text):
        print("\n" + self.paint("1;36", f"== {text} " + "=" * max(4, 90 - len(text))) + "\n",
              flush=True)

    def say(self, text):
        print(textwrap.fill(" ".join(text.split()), 94) + "\n", flush=True)

    def show(self, text):
        print(textwrap.indent(text, "    ") + "\n", flush=True)

    def typed(self, *words):
        print(self.paint("1", "$ " + " ".join(words)), flush=True)


class Failure(Exception):
    pass


class Demo:
    def __init__(self, build, mongod, hosts):
        self.hosts = hosts
        if mongod:
            os.environ["MONGOD"] = mongod
        self.build = Path(build).resolve()
        self.stage = Stage()
        self.directory = Path(os.environ["EVENKEEL_SANDBOX_DIR"])
        self.server, self.kind = find_server(build)
        self.version = server_version(self.server)
        self.tool = Evenkeel(self.directory / "evenkeel", build)
        self.environment = {k: v for k, v in self.tool.environment.items() if k != "NO_COLOR"}
        self.environment["PATH"] = f"{self.build}:{os.environ['PATH']}"
        if os.environ.get("NO_COLOR"):
            self.environment["NO_COLOR"] = os.environ["NO_COLOR"]

    def run(self, *words, expected=(0,)):
        self.stage.typed("evenkeel", *words)
        status = subprocess.run(["evenkeel", *words], env=self.environment, cwd=self.directory,
                                stdin=subprocess.DEVNULL, check=False).returncode
        print(flush=True)
        if status not in expected:
            raise Failure(f"evenkeel {' '.join(words)}: exit status {status}")
        return status

    def open(self):
        stage = self.stage
        stage.heading("A fleet that somebody set up by hand")
        started = time.monotonic()
        fleet, specs = {"local": (Fleet, SpecsRepository),
                        "ssh": (MachineFleet, MachineSpecs)}[self.hosts]
        self.fleet = fleet(self.directory / "fleet", self.server, priorities={"a": 2})
        self.fleet.provision()
        self.fleet.start()
        self.fleet.initiate()
        self.fleet.wait_settled()
        where = "reached by SSH, " if self.hosts == "ssh" else ""
        what = "the stand-in for mongod" if self.kind == "stand-in" else self.server
        stage.say(f"""Three servers ({what}, version {self.version}) run, each on a host of its
            own, {where}as replica set {self.fleet.set_name}: authentication on, SSL disabled.
            It took {time.monotonic() - started:.0f} s.""")
        stage.show("\n".join(f"{m.name}  {m.host}:27017  {m.address}  priority {m.priority}"
                             for m in self.fleet.members))
        stage.say("Their specs are in a git repository:")
        self.specs = specs(self.directory / "specs", self.fleet)
        self.specs.set_mode("disabled", "orders: the fleet as it is")
        stage.show((self.specs.directory / "orders.yaml").read_text(encoding="utf-8").rstrip())
        self.run("validate", "--git", "specs")
        if self.run("plan", "--git", "specs", "--out", "0.plan",
                    expected=(NOTHING_TO_DO, CHANGES)) == CHANGES:
            self.run("apply", "0.plan")

    def change(self, number, changes, mode, words):
        stage = self.stage
        stage.heading(f"{number}. {changes.mode} -> {mode}")
        stage.say(words)
        self.specs.set_mode(mode)
        stage.typed("git show")
        stage.show(self.specs.last_change())
        self.run("validate", "--git", "specs")
        self.run("plan", "--git", "specs", "--out", f"{number}.plan", expected=(CHANGES,))
        changes.carry_out(mode, lambda: self.run("apply", f"{number}.plan"))
        self.run("verify", "--git", "specs")
        if self.run("plan", "--git", "specs", expected=(NOTHING_TO_DO, CHANGES)) == CHANGES:
            raise Failure(f"after the change to {mode} there is still something to do")

    def close(self, changes):
        stage = self.stage
        stage.heading("What the clients and the servers went through")
        report = changes.report(self.kind, self.version)
        row = "{:<26}{:>16}{:>11}{:>15}{:>12}{:>10}"
        print(stage.paint("1", row.format("change", "restarts", "elections", "longest pause",
                                          "p99 pause", "took")))
        for change in report["changes"]:
            restarts = " ".join(f"{name}:{count}" for name, count in change["restarts"].items())
            print(row.format(f"{change['from']} -> {change['to']}", restarts,
                             change["elections"], f"{change['longest_pause_ms']:.0f} ms",
                             f"{change['p99_pause_ms']:.0f} ms", f"{change['seconds']:.0f} s"))
        errors = self.probe.errors()
        print(f"\n{report['acknowledged']} writes acknowledged with majority concern, "
              f"{stage.paint('1', str(report['lost']) + ' lost')}; "
              f"{len(errors)} writes failed visibly and were not acknowledged.")
        for text in sorted(set(errors))[:5]:
            print(f"    {text}")
        path = self.build / "demo" / "report.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
        print(f"The same as JSON: {os.path.relpath(path)}", flush=True)
        if report["lost"]:
            raise Failure(f"{report['lost']} acknowledged writes are lost")

    def play(self):
        self.open()
        self.probe = Probe(self.directory, self.fleet.plain_uri())
        changes = Changes(self.fleet, self.probe, self.tool.authority_certificate)
        self.stage.heading("Two clients begin to write")
        self.stage.say("""Each waits for a majority to acknowledge a document and writes the next one
            5 ms later, until the end of this demonstration.""")
        self.change(1, changes, "preferSSL", """Enabling SSL: clients in plaintext go on as before,
            new ones may use TLS.""")
        self.stage.say("""The application is deployed anew with the connection string that was
            shown: its clients use TLS from here on.""")
        self.change(2, changes, "requireSSL", "No client uses plaintext any more: it can be shut.")
        self.change(3, changes, "disabled", """And all the way back. The clients go back to plaintext
            as soon as every member takes it.""")
        self.close(changes)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", default="build")
    parser.add_argument("--mongod")
    parser.add_argument("--hosts", choices=["local", "ssh"], default="local")
    arguments = parser.parse_args()
    demo = Demo(arguments.build, arguments.mongod, arguments.hosts)
    try:
        demo.play()
    except KeyboardInterrupt:
        print("\nInterrupted; the fleet is stopped and removed.", file=sys.stderr)
        return 130
    except (Failure, AssertionError) as error:
        print(f"\nThe demonstration failed: {error}", file=sys.stderr)
        return 1
    finally:
        kept = evidence.keep(demo.directory, demo.build / "demo" / "evidence")
        print(f"\nThe servers' logs are in {os.path.relpath(kept)}.", file=sys.stderr)
    print("\nThe fleet is stopped and removed.")
    return 0


if __name__ == "__main__":
    # Servers and clients are this sandbox's: they end with it.
    code = main()
    sys.stdout.flush()
    os._exit(code)
