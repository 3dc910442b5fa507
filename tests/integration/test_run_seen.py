"""`evenkeel run` as monitoring, git hosts and the service manager see it."""

import hashlib
import hmac
import http.server
import json
import re
import signal
import socket
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path

from patience import patient
import pytest
from fleet import wait_for
from loop import Loop
from test_command_line import follow
from test_watching import metrics, promtool  # noqa: F401  pylint: disable=unused-import

TOP = Path(__file__).resolve().parents[2]
SECRET = "not a very secret secret"
SLOWLY = "1h"  # what is fetched sooner was asked for

CONTROLLER = """\
apiVersion: evenkeel/v1
kind: Controller
metadata: {{ name: test }}
spec:
  listen: 127.0.0.1:0
  observeEvery: 1s
  repositories:
    - name: specs
      url: {url}
      interval: {interval}
      webhookSecretFile: {secret}
"""


class Manager:
    """What the service manager is to a service."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(str(path))
        self.socket.setblocking(False)
        self.said = []

    def hear(self):
        while True:
            try:
                now = time.monotonic()
                self.said += [(now, line) for line in self.socket.recv(65536).decode().split("\n")]
            except BlockingIOError:
                return [line for _, line in self.said]

    def wait(self, line, after=0, seconds=30):
        wait_for(lambda: line in self.hear()[after:], f"{line} in {self.said}", seconds)


class Collector(http.server.ThreadingHTTPServer):
    """Takes OpenTelemetry traces."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Collecting)
        self.spans = []
        threading.Thread(target=self.serve_forever, daemon=True).start()


class Collecting(http.server.BaseHTTPRequestHandler):
    def do_POST(self):  # pylint: disable=invalid-name
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        good = self.path == "/v1/traces" and self.headers["Content-Type"] == "application/json"
        self.send_response(200 if good else 400)
        self.end_headers()
        self.wfile.write(b"{}")
        for resource in body["resourceSpans"]:
            for scope in resource["scopeSpans"]:
                self.server.spans += scope["spans"]

    def log_message(self, *_):  # pylint: disable=arguments-differ
        pass


@pytest.fixture(scope="module")
def collector():
    with Collector() as running:
        yield running
        running.shutdown()


@pytest.fixture(scope="module")
def seen(shop, collector):
    """A loop under a service manager, with a webhook; in sync."""
    shop.specs.set_mode("disabled")
    secret = shop.directory / "webhook.secret"
    secret.write_text(SECRET + "\n")
    secret.chmod(0o600)
    configuration = shop.directory / "controller.yaml"
    configuration.write_text(CONTROLLER.format(url=shop.specs.directory, interval=SLOWLY,
                                               secret=secret))
    manager = Manager(shop.directory / "notify")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NOTIFY_SOCKET", str(shop.directory / "notify"))
        patch.setenv("WATCHDOG_USEC", "2000000")
        with Loop(shop.tool, shop.directory, "--config", configuration, "--traces",
                  f"http://127.0.0.1:{collector.server_port}", listen=False) as loop:
            loop.shop, loop.manager, loop.configuration = shop, manager, configuration
            wait_for(lambda: loop.get("/readyz")[0] == 200 and loop.metric(
                "evenkeel_deployment_sync_status", deployment=shop.fleet.name,
                status="Synced") == 1, "in sync", 120)
            yield loop
    manager.socket.close()


def post(loop, body, path="/webhook/specs", **headers):
    request = urllib.request.Request(loop.address + path, data=body.encode(), method="POST")
    for name, value in headers.items():
        request.add_header(name.replace("_", "-"), value)
    try:
        with urllib.request.urlopen(request, timeout=patient(10)) as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read())


def push(loop, **more):
    return json.dumps(dict({"ref": "refs/heads/main", "after": "0123456789" * 4, "repository": {
        "full_name": "acme/specs", "clone_url": str(loop.shop.specs.directory)}}, **more))


def signature(body, secret=SECRET):
    return hmac.new(secret.encode(), body.encode(), hashlib.sha256).hexdigest()


# ---- metrics ------------------------------------------------------------------------------


def test_metrics_are_what_the_table_says(seen):
    assert seen.get("/metrics")[0] == 200
    text = seen.get("/metrics")[1]
    table, families = metrics(), {}
    for line in text.splitlines():
        if line.startswith("# TYPE "):
            _, _, name, kind = line.split()
            families[name] = kind
        elif not line.startswith("#"):
            found = re.fullmatch(r'([a-z_]+)(?:\{((?:\w+="(?:[^"\\]|\\.)*",?)+)\})? (\S+)', line)
            assert found, line
            name = found.group(1)
            name = name if name in table else re.sub("_(bucket|sum|count)$", "", name)
            labels = re.findall(r'(\w+)="', found.group(2) or "")
            assert [x for x in labels if x != "le"] == [x for x in table[name][1] if x], line
            float(found.group(3))
    assert list(families) == [name for name in table if name in families], "in the table's order"
    never_yet = set(table) - set(families)
    assert never_yet <= {
        "evenkeel_steps_total", "evenkeel_step_duration_seconds", "evenkeel_errors_total",
        "evenkeel_deployment_drift_total", "evenkeel_deployment_blocked_info",
        "evenkeel_deployment_error_info", "evenkeel_deployment_lease_held",
        "evenkeel_deployment_authority_not_after_timestamp_seconds",
        "evenkeel_deployment_certificate_not_after_timestamp_seconds",
        "evenkeel_webhooks_total", "evenkeel_traces_total"}, never_yet
    name = seen.shop.fleet.name
    assert seen.metric("evenkeel_deployment_members", deployment=name, state="SECONDARY") == 2
    assert seen.metric("evenkeel_deployment_last_observed_timestamp_seconds",
                       deployment=name) == pytest.approx(time.time(), abs=10)
    assert seen.metric("evenkeel_deployment_paused", deployment=name) == 0


def test_metrics_pass_promtool(seen, promtool):  # noqa: F811  pylint: disable=redefined-outer-name
    said = promtool("check", "metrics", text=seen.get("/metrics")[1])
    assert said.strip() == ""


def test_openmetrics(seen):
    request = urllib.request.Request(seen.address + "/metrics", headers={
        "Accept": "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5"})
    with urllib.request.urlopen(request, timeout=patient(10)) as answer:
        assert answer.headers["Content-Type"].startswith("application/openmetrics-text")
        text = answer.read().decode()
    assert text.endswith("\n# EOF\n")
    assert "# TYPE evenkeel_repository_fetches counter\n" in text


# ---- webhooks -----------------------------------------------------------------------------

HOSTS = {
    "github": lambda body: {"X_Hub_Signature_256": "sha256=" + signature(body),
                            "X_GitHub_Event": "push"},
    "gitea": lambda body: {"X_Gitea_Signature": signature(body), "X_Gitea_Event": "push",
                           "X_Hub_Signature_256": "sha256=" + signature(body),
                           "X_GitHub_Event": "push"},
    "forgejo": lambda body: {"X_Forgejo_Signature": signature(body), "X_Forgejo_Event": "push",
                             "X_Gitea_Signature": signature(body), "X_Gitea_Event": "push"},
    "gitlab": lambda body: {"X_Gitlab_Token": SECRET, "X_Gitlab_Event": "Push Hook"},
}


@pytest.mark.parametrize("host", HOSTS)
def test_a_signed_push_is_fetched_at_once(seen, host):
    """And a second time, when it is sent again: it does no harm."""
    commit = seen.shop.specs.commit(f"pushed by {host}")
    body = push(seen)
    began = time.monotonic()
    assert post(seen, body, **HOSTS[host](body))[0] == 202
    seen.wait("commit", commit=commit, seconds=10)
    assert time.monotonic() - began < patient(5)
    told = seen.events("webhook")[-1]
    assert told["message"].startswith(f"{host} said that refs/heads/main")
    before = seen.metric("evenkeel_repository_fetches_total", repository="specs", result="done")
    assert post(seen, body, **HOSTS[host](body))[0] == 202
    wait_for(lambda: seen.metric("evenkeel_repository_fetches_total", repository="specs",
                                 result="done") > before, "fetched again")
    assert len(seen.events("commit", commit=commit)) == 1


def test_a_wrong_signature_changes_nothing(seen):
    body, shop = push(seen), seen.shop
    shop.specs.commit("nobody is told of it")
    before, fetched = shop.world(), len(seen.events("fetched", "commit"))
    status, answer = post(seen, body, X_Hub_Signature_256="sha256=" + signature(body, "wrong"),
                          X_GitHub_Event="push")
    assert status == 401 and answer["status"] == "failed" and "EK-1352" in answer["reason"]
    assert post(seen, body)[0] == 401
    assert post(seen, body + " ", X_Gitea_Signature=signature(body), X_Gitea_Event="push")[0] == 401
    assert seen.metric("evenkeel_webhooks_total", hook="specs", result="denied") == 3
    refused = seen.wait("webhook-refused")
    assert refused["id"] == "EK-1352" and SECRET not in seen.log.read_text()
    shop.explained(["EK-1352", "EK-1353", "EK-1354", "EK-1355", "EK-1350", "EK-1351"])
    assert len(seen.events("webhook-refused")) == 1, "once a minute at most"
    time.sleep(1)
    assert len(seen.events("fetched", "commit")) == fetched
    assert shop.world() == before


def test_other_events_and_rubbish(seen):
    ping = json.dumps({"zen": "Keep it logically awesome."})
    assert post(seen, ping, X_Hub_Signature_256="sha256=" + signature(ping),
                X_GitHub_Event="ping")[0] == 202
    assert post(seen, "{}", X_Gitea_Signature=signature("{}"), X_Gitea_Event="push")[0] == 400
    assert post(seen, push(seen), path="/webhook/nobody")[0] == 404
    assert post(seen, push(seen), path="/webhook")[0] == 404
    assert seen.metric("evenkeel_webhooks_total", hook="specs", result="ignored") == 1
    assert seen.metric("evenkeel_webhooks_total", hook="specs", result="invalid") == 1


def test_a_repository_that_is_gone(seen):
    """Counted, told once, and no reason to be unready or unhealthy; back again, it is followed."""
    here = seen.shop.specs.directory
    away = here.with_name("away")
    body = push(seen)
    here.rename(away)
    try:
        for count in (1, 2):
            assert post(seen, body, **HOSTS["github"](body))[0] == 202
            wait_for(lambda: (seen.metric("evenkeel_repository_fetches_total", repository="specs",
                                          result="failed") or 0) >= count, f"{count} failed fetches")
        told = seen.wait("fetch-failed")
        counts = re.findall(r"^evenkeel_(?:repository_fetches_total{.*failed|errors_total{.*%s).* (.+)$"
                            % told["id"], seen.get("/metrics")[1], re.M)
        assert len(counts) == 2 and counts[0] == counts[1]  # it also tries again by itself
        assert len(seen.events("fetch-failed")) == 1
        assert seen.get("/healthz")[0] == seen.get("/readyz")[0] == 200
    finally:
        away.rename(here)
    commit = seen.shop.specs.commit("back again")
    assert post(seen, body, **HOSTS["github"](body))[0] == 202
    seen.wait("commit", commit=commit, seconds=20)


# ---- traces -------------------------------------------------------------------------------


def test_an_act_is_a_trace(seen, collector):
    """A file that somebody changed is put back: a span for that, and one for its step."""
    before, earlier = len(seen.events("reconciled")), list(collector.spans)
    path = seen.shop.fleet["b"].configuration
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("net:\n", "net:\n  tls:\n    mode: allowTLS\n"), encoding="utf-8")
    done = seen.wait("reconciled", after=before)
    root = wait_for(lambda: next((span for span in collector.spans if span not in earlier
                                  and span["name"] == "reconcile"), None), "its trace", 20)
    steps = [span for span in collector.spans if span.get("parentSpanId") == root["spanId"]]
    assert [span["name"] for span in steps] == ["write-configuration"]
    assert {span["traceId"] for span in steps} == {root["traceId"]}
    said = {one["key"]: one["value"]["stringValue"] for one in root["attributes"]}
    assert said == {"evenkeel.account": "acme", "evenkeel.deployment": seen.shop.fleet.name,
                    "evenkeel.commit": done["commit"], "evenkeel.plan": done["plan"]}
    times = [int(span[key]) for span in (root, *steps)
             for key in ("startTimeUnixNano", "endTimeUnixNano")]
    assert times[0] <= times[2] <= times[3] <= times[1]
    assert root["status"]["code"] == steps[0]["status"]["code"] == 1
    assert path.read_text(encoding="utf-8").count("allowTLS") == 0
    wait_for(lambda: seen.metric("evenkeel_traces_total", result="sent") >= 1, "counted")


# ---- the service manager ------------------------------------------------------------------


def test_ready_status_and_watchdog(seen):
    seen.manager.wait("READY=1")
    wait_for(lambda: any(re.match(r"STATUS=1 deployments: 1 synced", line)
                         for line in seen.manager.hear()), "its status")
    begun = len(seen.manager.hear())
    seen.manager.wait("WATCHDOG=1", after=begun, seconds=5)


def test_reload(seen):
    said = len(seen.manager.hear())
    text = seen.configuration.read_text()
    seen.configuration.write_text(text.replace("observeEvery: 1s", "observeEvery: 2s"))
    seen.process.send_signal(signal.SIGHUP)
    seen.manager.wait("READY=1", after=said)
    new = seen.manager.hear()[said:]
    at = new.index("RELOADING=1")
    assert new[at + 1].startswith("MONOTONIC_USEC=") and new.index("READY=1") > at
    seen.wait("reloaded")
    seen.configuration.write_text(text.replace("kind: Controller", "kind: Nonsense"))
    seen.process.send_signal(signal.SIGHUP)
    told = seen.wait("reload-failed")
    assert told["level"] == "error" and 'controller.yaml:2:7: unknown kind "Nonsense"' in told["message"]
    assert seen.get("/healthz")[0] == 200, "the old settings stay"
    seen.configuration.write_text(text)


def test_a_frozen_process_is_not_fed_for(seen):
    """Stopped, it says nothing: the manager's watchdog would end it."""
    seen.process.send_signal(signal.SIGSTOP)
    try:
        time.sleep(0.3)
        said = len(seen.manager.hear())
        time.sleep(1.2)
        assert len(seen.manager.hear()) == said
    finally:
        seen.process.send_signal(signal.SIGCONT)
    seen.manager.wait("WATCHDOG=1", after=said, seconds=10)


def test_stopping_is_said(seen):
    """It ends the loop."""
    said = len(seen.manager.hear())
    assert seen.stop() == 0
    new = seen.manager.hear()[said:]
    assert "STOPPING=1" in new
    assert any(line.startswith("EXTEND_TIMEOUT_USEC=") for line in new)
    assert seen.events("stopped")


def test_the_log_follows_its_schema(seen):
    """All that was logged, by a loop that has ended."""
    schema = json.loads((TOP / "contrib/schema/log.schema.json").read_text(encoding="utf-8"))
    lines = [line for line in seen.log.read_text(encoding="utf-8").splitlines() if line]
    assert len(lines) > 5
    for line in lines:
        follow(schema, schema, json.loads(line), line)
    first = json.loads(lines[0])
    assert first["event"] == "started" and first["format_version"] == "1.0"
