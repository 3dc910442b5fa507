"""What is shipped to watch Evenkeel with: alert rules, dashboard, unit. They name what there is."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

from patience import patient
import pytest
import yaml
from conftest import BUILD
from tool import Evenkeel

TOP = Path(__file__).resolve().parents[2]
METRIC = re.compile(r"\b(?:evenkeel|process)_[a-z_]+")
HISTOGRAM_SERIES = re.compile(r"_(bucket|sum|count)$")


def metrics():
    """{name: (type, labels)} of the table."""
    text = (TOP / "reconciler/loop/metrics.def").read_text(encoding="utf-8")
    rows = re.findall(r'EK_METRIC\(\w+, "(\w+)",\s+(\w+),\s+"([\w,]*)"', text)
    assert len(rows) == text.count("\nEK_METRIC(")
    return {name: (kind, labels.split(",")) for name, kind, labels in rows}


def named_metrics(text):
    """The metrics that an expression names, each of which is in the table."""
    table, found = metrics(), set()
    for name in METRIC.findall(text):
        base = HISTOGRAM_SERIES.sub("", name)
        name = base if table.get(base, ("",))[0] == "HISTOGRAM" else name
        assert name in table, f"{name} is not in metrics.def"
        found.add(name)
    return found


def check_labels(expression):
    """Labels that are asked for are labels of their metric."""
    table = metrics()
    for name, matchers in re.findall(r"\b(evenkeel_\w+)\{([^}]*)\}", expression):
        name = name if name in table else HISTOGRAM_SERIES.sub("", name)
        for label in re.findall(r"(\w+)\s*(?:=~|!=|!~|=)", matchers):
            assert label in table[name][1] + ["le"], f"{name} has no label {label}"


@pytest.fixture(scope="module")
def promtool():
    program = Path(BUILD, "promtool").resolve()
    if not program.exists():
        pytest.skip("promtool is not here: tests/promtool fetches it")

    def run(*words, text=None):
        done = subprocess.run([str(program), *map(str, words)], input=text, text=True,
                              capture_output=True, timeout=patient(120), check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    return run


# ---- alert rules --------------------------------------------------------------------------


def alerts():
    document = yaml.safe_load((TOP / "contrib/prometheus/alerts.yaml").read_text(encoding="utf-8"))
    return [rule for group in document["groups"] for rule in group["rules"]]


@pytest.mark.parametrize("rule", alerts(), ids=lambda rule: rule["alert"])
def test_an_alert_says_what_to_do(rule, tmp_path):
    assert named_metrics(rule["expr"])
    check_labels(rule["expr"])
    assert rule["labels"]["severity"] in ("critical", "warning", "info")
    assert set(rule["annotations"]) == {"summary", "description", "runbook"}
    runbook = rule["annotations"]["runbook"]
    explained = re.findall(r"evenkeel explain (\{\{[^}]*\}\}|'[^']*'|[\w.-]*\w)", runbook)
    assert explained, "the runbook names evenkeel explain"
    for what in explained:
        if what not in ("ID", "'LOG LINE'", "{{ $labels.id }}"):
            done = Evenkeel(tmp_path, BUILD).run("explain", what)
            assert done.returncode == 0, f"{what}: {done.stderr}"


def test_every_alert_is_seen_to_fire():
    fires = set()
    for path in (TOP / "contrib/prometheus").glob("*_test.yaml"):
        text = path.read_text(encoding="utf-8")
        fires |= set(re.findall(r'ALERTS\{[^}]*alertname="(\w+)",alertstate="firing"', text))
        for test in yaml.safe_load(text)["tests"]:
            fires |= {one["alertname"] for one in test.get("alert_rule_test", ())
                      if one["exp_alerts"]}
    assert fires == {rule["alert"] for rule in alerts()}


def test_the_alert_rules(promtool):
    promtool("check", "rules", "--lint=all", TOP / "contrib/prometheus/alerts.yaml")
    tests = sorted((TOP / "contrib/prometheus").glob("*_test.yaml"))
    assert promtool("test", "rules", *tests).count("SUCCESS") == len(tests)


# ---- dashboard ----------------------------------------------------------------------------

KINDS = {"stat": "reduceOptions", "timeseries": "legend", "table": "showHeader",
         "bargauge": "reduceOptions"}
UNITS = {"short", "s", "bytes", "ops", "reqps", "dateTimeAsIso"}


def dashboard():
    return json.loads((TOP / "contrib/grafana/evenkeel.json").read_text(encoding="utf-8"))


def panels(kind=None):
    return [one for one in dashboard()["panels"]
            if (one["type"] == "row") == (kind == "row") or kind == "all"]


@pytest.mark.parametrize("panel", panels(), ids=lambda panel: panel["title"])
def test_a_panel_is_complete(panel):
    assert KINDS[panel["type"]] in panel["options"]
    assert panel["title"] and panel["description"].endswith(".")
    assert panel["fieldConfig"]["defaults"]["unit"] in UNITS
    steps = panel["fieldConfig"]["defaults"]["thresholds"]["steps"]
    assert steps[0]["value"] is None
    assert [s["value"] for s in steps[1:]] == sorted(s["value"] for s in steps[1:])
    assert panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
    for target in panel["targets"]:
        assert target["datasource"] == panel["datasource"]
        assert named_metrics(target["expr"])
        check_labels(target["expr"])
        labels = set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"]))
        known = {label for name in named_metrics(target["expr"]) for label in metrics()[name][1]}
        assert labels <= known | {"instance"}, target["legendFormat"]
        names_a_second = "_seconds" in target["expr"] and "_total" not in target["expr"]
        if names_a_second and "process_" not in target["expr"]:
            assert panel["fieldConfig"]["defaults"]["unit"] == "s"
    assert len({target["refId"] for target in panel["targets"]}) == len(panel["targets"])


def test_the_dashboard_as_a_whole():
    board = dashboard()
    assert board["id"] is None and board["uid"] and board["schemaVersion"] >= 36
    assert [v["name"] for v in board["templating"]["list"]] == ["datasource", "account",
                                                                "deployment"]
    for variable in board["templating"]["list"][1:]:
        assert named_metrics(variable["definition"])
        check_labels(variable["definition"])
    everything = panels("all")
    assert len({one["id"] for one in everything}) == len(everything)
    cells = set()
    for one in everything:
        at = one["gridPos"]
        assert 0 <= at["x"] and at["x"] + at["w"] <= 24
        mine = {(x, y) for x in range(at["x"], at["x"] + at["w"])
                for y in range(at["y"], at["y"] + at["h"])}
        assert not mine & cells, f"{one['title']} lies over another panel"
        cells |= mine
    text = json.dumps(board)
    assert named_metrics(text) == set(metrics()), "a metric that nobody would see"


def test_the_dashboards_queries(promtool, tmp_path):
    rules = []
    for panel in panels():
        for target in panel["targets"]:
            expression = target["expr"].replace("$__rate_interval", "5m")
            expression = re.sub(r"\$(account|deployment)", ".*", expression)
            rules.append({"record": f"panel:{panel['id']}:{target['refId']}", "expr": expression})
    path = tmp_path / "rules.yaml"
    path.write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": rules}]}))
    promtool("check", "rules", path)


# ---- the unit -----------------------------------------------------------------------------


def analyze(directory, *words):
    return subprocess.run(["systemd-analyze", *words], capture_output=True, text=True, check=False,
                          env=dict(os.environ, SYSTEMD_UNIT_PATH=f"{directory}:"), timeout=patient(60))


@pytest.fixture
def units(tmp_path):
    """The unit with the program that was built."""
    if not shutil.which("systemd-analyze"):
        pytest.skip("systemd-analyze is in the Debian package systemd")
    text = (TOP / "contrib/systemd/evenkeel.service").read_text(encoding="utf-8")
    program = Path(BUILD, "evenkeel").resolve()
    assert "/usr/local/bin/evenkeel run" in text
    (tmp_path / "evenkeel.service").write_text(text.replace("/usr/local/bin/evenkeel",
                                                            str(program)))
    return tmp_path


def complaints(units):
    """systemd before 253 does not know the type that the second line asks for, and keeps the first."""
    done = analyze(units, "verify", "--man=no", units / "evenkeel.service")
    return [line for line in (done.stdout + done.stderr).splitlines()
            if "ignoring: notify-reload" not in line]


def test_the_unit_is_right(units):
    assert complaints(units) == []
    text = (units / "evenkeel.service").read_text()
    (units / "evenkeel.service").write_text(text.replace("WatchdogSec=2min", "WatchdogSec=soon"))
    assert complaints(units) != []


def test_the_unit_is_walled_in(units):
    done = analyze(units, "security", "--offline=yes", "--threshold=15", "--no-pager",
                   units / "evenkeel.service")
    assert done.returncode == 0, done.stdout[-300:]


def test_the_configuration_that_the_unit_names(tmp_path):
    """It is read; what it names is not here."""
    text = (TOP / "contrib/systemd/controller.yaml").read_text(encoding="utf-8")
    unit = (TOP / "contrib/systemd/evenkeel.service").read_text(encoding="utf-8")
    for name in re.findall(r"/run/credentials/evenkeel.service/([\w-]+)", text):
        assert f"LoadCredential={name}:" in unit
    path = tmp_path / "controller.yaml"
    path.write_text(text.replace("https://git.example.net/acme/specs.git", "/nowhere/at/all")
                    .replace("127.0.0.1:9464", "127.0.0.1:0"))
    done = Evenkeel(tmp_path, BUILD).run("run", "--once", "--config", path)
    assert done.returncode == 1
    assert "fetch-failed" in done.stderr and re.search(r"\[EK-06\d\d\]", done.stderr)


def test_the_unit_for_this_machine(units):
    folder = units / "evenkeel.service.d"
    folder.mkdir()
    shutil.copy(TOP / "contrib/systemd/this-machine.conf", folder)
    assert complaints(units) == []
    drop_in = folder / "this-machine.conf"
    drop_in.write_text(drop_in.read_text().replace("ProtectProc=default", "ProtectProc=a bit"))
    assert complaints(units) != [], "the drop-in was not read at all"
