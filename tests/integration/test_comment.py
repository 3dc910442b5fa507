"""Comments on pull requests and statuses of commits: against hosts that hold every request against
the documented interface, and with GITEA=/path/to/gitea against that too."""

import json
import os
import re
import subprocess
import time
from pathlib import Path

import pytest

import forge_hosts
from forge_hosts import Answer
from patience import patient
from real_gitea import RealGitea
from test_command_line import follow
from tool import Evenkeel

BUILD = os.environ.get("EVENKEEL_BUILD", "build")
TOP = Path(__file__).resolve().parent.parent.parent
GITEA = os.environ.get("GITEA")
SCHEMA = json.loads((TOP / "contrib/schema/comment.schema.json").read_text(encoding="utf-8"))
OK, ERROR, USAGE = 0, 1, 64
CI = re.compile(r"(GITHUB|GITLAB|GITEA|FORGEJO|CI|EVENKEEL)(_|$)")

PLAN = """\
<!-- evenkeel:plan {fleet} 1/1 -->
## Evenkeel: 3 steps for `orders` (3 restarts, 1 election)

{words}

<details><summary>3 steps, in this order</summary>

```diff
+ 1  bind names  a b c  (not bound yet)
! 2  restart  b  (größer, "quoted", \\ and ${{x}})
```

</details>
"""


class CommentJob:
    """The tool, and a host that it talks to."""

    def __init__(self, directory, host):
        self.directory, self.host = directory, host
        self.tool = Evenkeel(directory / "evenkeel", TOP / BUILD)
        self.words = []
        self.secrets = {host.token, host.reader_token, host.stranger_token}

    def file(self, name, text):
        path = self.directory / name
        path.write_text(text, encoding="utf-8")
        return path

    def run(self, *words, stdin="", **environment):
        """No token may ever be seen."""
        clean = {k: v for k, v in self.tool.environment.items() if not CI.match(k)}
        done = subprocess.run([str(self.tool.program), "comment", *map(str, words)],
                              cwd=self.directory, env=dict(clean, **environment), input=stdin,
                              capture_output=True, text=True, timeout=patient(120), check=False)
        for secret in self.secrets:
            assert secret not in done.stdout + done.stderr
        return done

    def place(self, token=None, **other):
        token = self.file("token", (token or self.host.token) + "\n")
        place = {"forge": self.host.kind, "forge-url": self.host.url,
                 "repository": self.host.repository, "pull-request": self.host.number,
                 "commit": self.host.commit, "token-file": token, "ca-file": self.host.ca_file,
                 "forge-timeout": f"{patient(10):.0f}s"}
        place.update({k.replace("_", "-"): v for k, v in other.items()})
        return [word for key, value in place.items() for word in (f"--{key}", str(value))]

    def comment(self, text, *words, **other):
        return self.run(self.file("plan.md", text), *words, *self.place(**other))

    def said(self, text, *words, **other):
        done = self.comment(text, *words, "--output", "json", **other)
        assert done.returncode == OK, done.stderr
        told = json.loads(done.stdout)
        follow(SCHEMA, SCHEMA, told, "comment")
        return tuple(told[k] for k in ("made", "changed", "kept", "removed"))


CHECKING = {"github": forge_hosts.GitHub, "gitlab": forge_hosts.GitLab, "gitea": forge_hosts.Gitea}


@pytest.fixture(scope="session")
def authority(tmp_path_factory):
    return forge_hosts.Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="session")
def real_gitea(tmp_path_factory, authority):
    real = RealGitea(GITEA, tmp_path_factory.mktemp("gitea"), authority)
    yield real
    real.close()


@pytest.fixture(params=[*CHECKING, *(["real gitea"] if GITEA else [])])
def job(request, tmp_path, authority):
    """Each host in turn; nothing that a test asks of a checking one may be wrong."""
    if request.param == "real gitea":
        host = request.getfixturevalue("real_gitea").fresh_pull_request()
        yield CommentJob(tmp_path, host)
        return
    host = CHECKING[request.param](authority)
    yield CommentJob(tmp_path, host)
    host.close()
    assert host.wrong == []


@pytest.fixture
def github(tmp_path, authority):
    host = forge_hosts.GitHub(authority)
    yield CommentJob(tmp_path, host)
    host.close()


def plan(fleet=".", words="Words."):
    return PLAN.format(fleet=fleet, words=words)


# ---- one comment, kept up to date ------------------------------------------------------------


def test_made_then_changed_then_left(job):
    assert job.said(plan()) == (1, 0, 0, 0)
    (_, body), = job.host.shown()
    assert body == plan()
    assert job.said(plan(words="Other words, @all.")) == (0, 1, 0, 0)
    (_, body), = job.host.shown()
    assert body == plan(words="Other words, @all.")
    assert job.said(plan(words="Other words, @all.")) == (0, 0, 1, 0)


def test_from_standard_input(job):
    done = job.run("-", *job.place(), stdin=plan())
    assert done.returncode == OK
    assert "1 made, 0 changed, 0 as before, 0 removed." in done.stdout
    assert len(job.host.shown()) == 1


def test_a_plan_file(job):
    """Its comment is the one that plan printed."""
    case = TOP / "tests/golden/disabled-to-prefer"
    place = [*job.place(), "--fleet", "prod", "--output", "json"]
    done = job.run(case / "plan.json", *place)
    assert done.returncode == OK, done.stderr
    (_, body), = job.host.shown()
    assert body.startswith("<!-- evenkeel:plan prod 1/1 -->\n## Evenkeel: `prod`: 22 steps for `rs0`")
    expected = (case / "plan.md").read_text(encoding="utf-8").replace(
        "evenkeel apply orders.plan", f"evenkeel apply {case / 'plan.json'}")
    assert body.split("\n", 2)[2] == expected.split("\n", 2)[2]
    assert json.loads(job.run(case / "plan.json", *place).stdout)["kept"] == 1
    broken = job.run(job.file("broken.plan", '{"type": "plan"}'), *job.place())
    assert broken.returncode == ERROR and "EK-0808" in broken.stderr


def test_fleets_do_not_overwrite_each_other(job):
    assert job.said(plan("fleets/prod")) == (1, 0, 0, 0)
    assert job.said(plan("fleets/test")) == (1, 0, 0, 0)
    assert job.said(plan("fleets/prod", "newer")) == (0, 1, 0, 0)
    assert [body for _, body in job.host.shown()] == [plan("fleets/prod", "newer"),
                                                      plan("fleets/test")]
    assert job.said("## Anything\n", "--fleet", "fleets/test") == (0, 1, 0, 0)
    assert job.host.shown()[1][1] == "<!-- evenkeel:plan fleets/test 1/1 -->\n## Anything\n"


def test_comments_of_others_are_left_alone(job):
    forged = plan(words="All is well, merge at once.")
    job.host.add_comment(forged)
    job.host.add_comment("words\n\n" + plan())
    assert job.said(plan()) == (1, 0, 0, 0)
    assert job.said(plan(words="newer")) == (0, 1, 0, 0)
    shown = job.host.shown()
    assert [body for _, body in shown] == [forged, "words\n\n" + plan(), plan(words="newer")]
    assert len({login for login, _ in shown}) == 2


def test_found_behind_many_pages(job):
    job.host.add_comment("the first")
    assert job.said(plan()) == (1, 0, 0, 0)
    for i in range(20 if isinstance(job.host, RealGitea) else 230):
        job.host.add_comment(f"comment {i}")
    assert job.said(plan("other")) == (1, 0, 0, 0)
    assert job.said(plan("other", "newer")) == (0, 1, 0, 0)
    assert job.said(plan(words="newer")) == (0, 1, 0, 0)


def long_plan(host, parts):
    limit = {"github": 65536, "gitlab": 1000000, "gitea": 65535}[host.kind]
    line = "+ {}  restart  a  (and a reason that is neither short nor long)\n"
    lines = (limit * parts - limit // 2) // (len(line) + 3)
    return ("<!-- evenkeel:plan . 1/1 -->\n## Evenkeel: many steps\n\n<details><summary>All"
            "</summary>\n\n```diff\n" + "".join(line.format(i) for i in range(lines)) +
            "```\n\n</details>\n\nThe end.\n"), lines


def test_long_comments_have_parts_and_lose_them(job):
    text, lines = long_plan(job.host, 3)
    assert job.said(text) == (3, 0, 0, 0)
    shown = [body for _, body in job.host.shown()]
    assert [body.split("\n", 1)[0] for body in shown] == [
        f"<!-- evenkeel:plan . {i}/3 -->" for i in (1, 2, 3)]
    assert sum(len(re.findall(r"^\+ \d", body, re.M)) for body in shown) == lines
    assert all(body.count("```") == 2 for body in shown)
    assert job.said(text) == (0, 0, 3, 0)
    assert job.said(plan()) == (0, 1, 0, 2)
    assert [body for _, body in job.host.shown()] == [plan()]


def test_a_comment_that_somebody_deleted_is_made_again(job):
    job.said(plan())
    job.host.delete_all()
    assert job.said(plan(words="newer")) == (1, 0, 0, 0)
    assert len(job.host.shown()) == 1


HOSTILE = """\
apiVersion: evenkeel/v1
kind: Account
metadata: { name: "<img src=x onerror=alert(1)>" }
"@stranger #1 [x](https://evil.example) **b** `": 1
"` <script>alert(1)</script> </details> @stranger ``` ": 2
"https://evil.example/ www.evil.example !1 ~~~": 3
"/close": 4
spec: {}
"""


@pytest.mark.parametrize("rendered", [False, *([True] if GITEA else [])])
def test_what_specs_say_does_nothing(tmp_path, request, rendered):
    """Words of whoever opened the pull request are shown, and are neither markup nor mentions."""
    specs = tmp_path / "specs"
    specs.mkdir()
    (specs / "a`<b>`@stranger.yaml").write_text(HOSTILE, encoding="utf-8")
    tool = Evenkeel(tmp_path / "evenkeel", TOP / BUILD)
    done = tool.run("plan", specs, "--output", "markdown")
    assert done.returncode == ERROR and done.stdout.count("@stranger") >= 4
    if not rendered:
        plain = re.sub(r"^(`{3,})\w*\n.*?^\1$", "", done.stdout, flags=re.S | re.M)
        plain = re.sub(r"(?<!`)(`+)(?!`).*?(?<!`)\1(?!`)", "", plain)
        for word in ("@stranger", "<img", "<script", "evil", "[x]", "#1"):
            assert word not in plain
        assert not re.search(r"^/", plain, re.M)
        return
    html = request.getfixturevalue("real_gitea").render(done.stdout)
    assert "@stranger" in html and "evil.example" in html
    for sign in ("<img", "<script", "<strong>b", "<a ", "mention", "<b>"):
        assert sign not in html, sign
    assert html.count("<details>") == html.count("</details>") == 1


# ---- statuses --------------------------------------------------------------------------------


def test_status_of_the_commit(job):
    words = ["--status", "pending", *job.place(target_url="https://ci.example.net/runs/12")]
    for _ in range(2):
        done = job.run(*words)
        assert done.returncode == OK, done.stderr
        assert done.stdout == f"Status of commit {job.host.commit[:7]}: pending.\n"
    assert job.host.status("evenkeel") == ("pending", "planning", "https://ci.example.net/runs/12")
    done = job.comment(plan("fleets/prod"), "--plan-status", "2")
    assert done.returncode == OK
    assert job.host.status("evenkeel: fleets/prod")[:2] == (
        "success", "3 steps for orders (3 restarts, 1 election)")
    job.comment(plan(), "--plan-status", "6", context="mine", description="x" * 150 + "é" * 200)
    state, description, _ = job.host.status("mine")
    assert state == "failure" and description.endswith("…")
    assert description.startswith("x" * 139)
    done = job.run("--plan-status", "0", "--output", "json", *job.place())
    assert done.returncode == OK
    told = json.loads(done.stdout)
    follow(SCHEMA, SCHEMA, told, "comment")
    assert (told["status"], told["pull_request"]) == ("success", None)
    assert job.host.status("evenkeel")[:2] == ("success", "done")


# ---- what hosts refuse -----------------------------------------------------------------------


def refused(job, error_id, *words, text=None, **other):
    done = job.comment(text or plan(), *words, **other)
    assert done.returncode == ERROR
    assert error_id in done.stderr and done.stdout == ""
    assert done.stderr.count("error:") == 1 or "--status" in words
    explained = subprocess.run([str(job.tool.program), "explain", error_id], capture_output=True,
                               check=False)
    assert explained.returncode == OK
    return done


def test_a_token_that_is_not_known(job):
    job.secrets.add("a-token-that-ended-42")
    refused(job, "EK-1208", token="a-token-that-ended-42")


def test_a_token_that_may_only_read(job):
    done = refused(job, "EK-1209", token=job.host.reader_token)
    assert "fork" in done.stderr
    assert job.host.shown() == []
    done = job.run("--status", "success", *job.place(token=job.host.reader_token))
    assert done.returncode == ERROR and "EK-1209" in done.stderr


def test_a_pull_request_that_is_not_there(job):
    refused(job, "EK-1210", pull_request="4711")
    refused(job, "EK-1210", repository="acme/fleets")


def test_a_commit_that_is_not_there(job):
    done = job.run("--status", "success", *job.place(commit="0123456789" * 4))
    assert done.returncode == ERROR
    assert re.search("EK-12(10|11)", done.stderr), done.stderr


def test_the_status_is_set_though_the_comment_fails(github):
    github.host.faults.append(lambda h, m, p, b: Answer(410, {"message": "Issues are disabled"})
                              if p.endswith("/comments") else None)
    done = github.comment(plan(), "--plan-status", "2")
    assert done.returncode == ERROR and "EK-1211" in done.stderr and "Issues are disabled" in done.stderr
    assert github.host.status("evenkeel")[0] == "success"


# ---- bad days --------------------------------------------------------------------------------


def once(answer, method=None, after=None):
    """A fault that happens one time; `after` is done first."""
    left = [1]

    def fault(host, asked, path, body):
        if left and (method is None or method == asked):
            left.pop()
            if after:
                after(host, path, body)
            return answer
        return None
    return fault


@pytest.mark.parametrize("status", [429, 502, 503])
def test_a_busy_host_is_asked_again(github, status):
    github.host.faults.append(once(Answer(status, {"message": "busy"}), "GET"))
    assert github.said(plan()) == (1, 0, 0, 0)


def test_as_long_as_the_host_wants(github):
    github.host.faults.append(once(Answer(429, {"message": "slow"}, Retry_After="2"), "GET"))
    began = time.monotonic()
    assert github.said(plan()) == (1, 0, 0, 0)
    assert time.monotonic() - began >= 2


def test_but_not_longer_than_it_may(github):
    github.host.faults.append(lambda *_: Answer(429, {"message": "slow"}, Retry_After="3600"))
    began = time.monotonic()
    done = refused(github, "EK-1212")
    assert time.monotonic() - began < patient(5)
    assert "again in 3600 seconds" in done.stderr
    assert len(github.host.requests) == 1


def test_a_host_that_stays_busy(github):
    github.host.faults.append(lambda *_: Answer(503, b"<html>"))
    began = time.monotonic()
    refused(github, "EK-1206", forge_timeout="2s")
    assert time.monotonic() - began < patient(6)
    assert len(github.host.requests) >= 3


def test_the_limit_that_github_tells_by_403(github):
    github.host.faults.append(lambda *_: Answer(
        403, {"message": "API rate limit exceeded"}, X_RateLimit_Remaining="0",
        X_RateLimit_Reset=str(int(time.time()) + 1800)))
    done = refused(github, "EK-1212")
    assert re.search(r"again in 1[78]\d\d seconds", done.stderr)


def make_it(host, _, body):
    host.add_comment(json.loads(body)["body"], host.token)


@pytest.mark.parametrize("made", [True, False])
def test_no_comment_is_made_twice(github, made):
    """A gateway's 502 does not tell whether the comment was made."""
    github.host.faults.append(once(Answer(502, b"<html>"), "POST", make_it if made else None))
    github.said(plan())
    assert [body for _, body in github.host.shown()] == [plan()]


def test_two_runs_at_once(github):
    """Both saw no comment and made one: the next run leaves one."""
    for _ in range(2):
        github.host.add_comment(plan(), github.host.token)
    assert github.said(plan(words="newer")) == (0, 1, 0, 1)
    assert [body for _, body in github.host.shown()] == [plan(words="newer")]


def test_gone_between_looking_and_changing(github):
    github.said(plan())
    github.host.faults.append(once(Answer(404, {"message": "Not Found"}), "PATCH",
                                   lambda host, *_: host.comments.clear()))
    github.said(plan(words="newer"))
    assert [body for _, body in github.host.shown()] == [plan(words="newer")]


@pytest.mark.parametrize("answer", [Answer(200, b"<html>hello</html>"), Answer(200, {"a": 1}),
                                    Answer(200, b""), Answer(204), Answer(304)])
def test_answers_that_make_no_sense(github, answer):
    github.host.faults.append(lambda *_: answer)
    refused(github, "EK-1214")


def test_a_host_that_hangs_up_and_one_that_does_not_answer(github):
    github.host.faults.append(lambda *_: Answer(None))
    refused(github, "EK-1206")
    github.host.faults[:] = [lambda *_: time.sleep(4)]
    done = refused(github, "EK-1206", forge_timeout="1s")
    assert "in time" in done.stderr


def test_nobody_listens(github):
    done = refused(github, "EK-1206", forge_url="https://127.0.0.1:1")
    assert "127.0.0.1" in done.stderr
    refused(github, "EK-1206", forge_url="https://no-such-host.invalid")


def test_pages_without_end(github):
    github.host.faults.append(lambda host, m, p, b: Answer(
        200, [], Link=f'<{host.url}{p}?page=2>; rel="next"'))
    refused(github, "EK-1214")
    assert len(github.host.requests) <= 100
