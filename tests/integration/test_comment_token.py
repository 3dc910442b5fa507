"""`evenkeel comment`: where the token goes, and what it takes from the environment of CI."""

import json

import pytest

import forge_hosts
from forge_hosts import Answer
from test_comment import (ERROR, OK, USAGE, CommentJob, authority, github,  # noqa: F401  pylint: disable=unused-import
                          plan, refused)


# ---- where the token goes --------------------------------------------------------------------


def test_a_moved_repository_is_followed(github):
    def moved(host, method, path, body):
        if path.startswith("/repos/acme/old/"):
            return Answer(307 if method != "GET" else 301, {"message": "Moved"},
                          Location=host.url + path.replace("/acme/old/", "/acme/fleet/"))
        return None
    github.host.faults.append(moved)
    assert github.said(plan(), "--plan-status", "0", repository="acme/old") == (1, 0, 0, 0)
    assert github.host.status("evenkeel")[0] == "success"
    assert github.host.wrong == []


@pytest.mark.parametrize("how", ["redirect", "next page"])
def test_no_token_for_another_host(github, authority, how):
    other = forge_hosts.GitHub(authority)
    url = f"{other.url}/repos/acme/fleet/issues/7/comments"
    github.host.faults.append(lambda *_: Answer(302, b"", Location=url) if how == "redirect" else
                              Answer(200, [], Link=f'<{url}>; rel="next"'))
    refused(github, "EK-1213")
    assert other.requests == []
    other.close()


def test_a_changing_request_is_not_sent_elsewhere(github):
    github.host.faults.append(lambda host, m, p, b: Answer(302, b"", Location=host.url + p + "x")
                              if m == "POST" else None)
    refused(github, "EK-1213")
    assert [r[0] for r in github.host.requests] == ["GET", "POST"]


def test_redirects_without_end(github):
    github.host.faults.append(lambda host, m, p, b: Answer(302, b"", Location=host.url + p))
    refused(github, "EK-1213")
    assert len(github.host.requests) <= 5


@pytest.mark.parametrize("why", ["authority", "name", "no authority"])
def test_hosts_that_are_not_trusted(github, tmp_path, authority, why):
    if why == "name":
        other = forge_hosts.GitHub(authority, names=("forge.example.net",))
        done = refused(github, "EK-1207", forge_url=other.url)
        assert other.requests == []
        other.close()
    else:
        stranger = forge_hosts.Authority(tmp_path, "Somebody else").file
        done = refused(github, "EK-1207", ca_file=stranger if why == "authority" else "/dev/null")
        assert github.host.requests == []
    assert "cause:" in done.stderr


@pytest.mark.parametrize("url", ["http://127.0.0.1:3000/api/v1", "https://dana:pw@127.0.0.1/api",
                                 "ftp://x", "https://", "https://x/?a=b"])
def test_addresses_that_are_not_used(github, url):
    done = refused(github, "EK-1204", forge_url=url)
    assert "pw" not in done.stderr


@pytest.mark.parametrize("text", [None, "", "\n", "zwei worte\n", "tab\tbed"])
def test_token_files(github, text):
    token = github.directory / "other-token"
    if text is not None:
        token.write_text(text, encoding="utf-8")
    done = refused(github, "EK-1205", token_file=token)
    assert "zwei w" not in done.stderr


@pytest.mark.parametrize("other", [{"repository": "fleet"}, {"repository": "a/b/c"},
                                   {"repository": "../b"}, {"pull_request": "7/../8"},
                                   {"commit": "3f2c1ab"}, {"commit": "main"}])
def test_places_that_make_no_sense(github, other):
    refused(github, "EK-1204", "--status", "success", **other)
    assert github.host.requests == []


def test_a_host_that_repeats_the_token(github):
    github.host.faults.append(lambda host, *_: Answer(
        422, {"message": f"bad header: Authorization: Bearer {host.token}\n\x1b[31m"}))
    done = refused(github, "EK-1211")
    assert "Bearer ****" in done.stderr and "\x1b" not in done.stderr


def test_nothing_to_say(github):
    assert github.run(*github.place()).returncode == USAGE
    assert github.run("--status", "none", *github.place()).returncode == USAGE
    both = github.run("--status", "success", "--plan-status", "2", *github.place())
    assert both.returncode == USAGE
    assert github.run("--plan-status", "two", *github.place()).returncode == USAGE
    assert github.run("-", "--fleet", "f" * 201, *github.place(), stdin="x").returncode == USAGE
    for text in ("", "a\0b"):
        assert "EK-1215" in github.comment(text).stderr
    missing = github.run("nowhere.md", *github.place())
    assert missing.returncode == ERROR and "EK-1215" in missing.stderr
    assert github.host.requests == []


# ---- the environment of CI -------------------------------------------------------------------


def test_in_github_actions(github):
    """The bot of a workflow may not ask who it is."""
    host = github.host
    host.tokens["ghs-workflow-token"] = {"id": 41898282, "login": "github-actions[bot]",
                                         "type": "Bot", "may": {"write"}}
    github.secrets.add("ghs-workflow-token")
    event = github.file("event.json", json.dumps(
        {"action": "synchronize", "number": 7,
         "pull_request": {"number": 7, "head": {"sha": host.commit}, "base": {"sha": "b" * 40}}}))
    environment = {"GITHUB_ACTIONS": "true", "GITHUB_API_URL": host.url,
                   "GITHUB_REPOSITORY": "acme/fleet", "GITHUB_REF": "refs/pull/7/merge",
                   "GITHUB_SHA": "c" * 40, "GITHUB_EVENT_PATH": str(event),
                   "GITHUB_SERVER_URL": "https://github.example", "GITHUB_RUN_ID": "815",
                   "EVENKEEL_FORGE_TOKEN_FILE": str(github.file("token", "ghs-workflow-token")),
                   "EVENKEEL_FORGE_CA_FILE": str(host.ca_file)}
    forged = plan(words="forged")
    host.add_comment(forged)
    for words in ("one", "two"):
        done = github.run(github.file("plan.md", plan(words=words)), "--plan-status", "2",
                          **environment)
        assert done.returncode == OK, done.stderr
    assert host.shown() == [("stranger", forged), ("github-actions[bot]", plan(words="two"))]
    assert host.status("evenkeel") == (
        "success", "3 steps for orders (3 restarts, 1 election)",
        "https://github.example/acme/fleet/actions/runs/815")
    assert host.wrong == []
    event.write_text("no JSON", encoding="utf-8")
    broken = github.run("plan.md", **environment)
    assert broken.returncode == ERROR and "EK-1216" in broken.stderr
    del environment["GITHUB_EVENT_PATH"]
    assert github.run("plan.md", **environment).returncode == OK, "the reference tells the number"
    environment["GITHUB_REF"] = "refs/heads/main"
    push = github.run("plan.md", **environment)
    assert push.returncode == ERROR and "EK-1204" in push.stderr and "--pull-request" in push.stderr


def test_in_gitea_actions(tmp_path, authority):
    host = forge_hosts.Gitea(authority)
    job = CommentJob(tmp_path, host)
    event = job.file("event.json", json.dumps(
        {"action": "synchronized", "number": 7, "pull_request": {"number": 7, "head":
                                                                {"sha": host.commit}}}))
    for flag in ("GITEA_ACTIONS", "FORGEJO_ACTIONS"):
        done = job.run(job.file("plan.md", plan(flag)), "--plan-status", "0", **{
            "GITHUB_ACTIONS": "true", flag: "true", "GITHUB_REPOSITORY": "acme/fleet",
            "GITHUB_SERVER_URL": host.root, "GITHUB_EVENT_PATH": str(event),
            "GITHUB_RUN_NUMBER": "3", "GITHUB_RUN_ID": "99",
            "EVENKEEL_FORGE_TOKEN_FILE": str(job.file("token", host.token)),
            "EVENKEEL_FORGE_CA_FILE": str(host.ca_file)})
        assert done.returncode == OK, done.stderr
    assert host.status("evenkeel: GITEA_ACTIONS")[2] == f"{host.root}/acme/fleet/actions/runs/3"
    assert len(host.shown()) == 2 and host.wrong == []
    host.close()


def test_in_gitlab_ci(tmp_path, authority):
    host = forge_hosts.GitLab(authority)
    job = CommentJob(tmp_path, host)
    environment = {"GITLAB_CI": "true", "CI": "true", "CI_API_V4_URL": host.url,
                   "CI_PROJECT_ID": "23", "CI_MERGE_REQUEST_PROJECT_ID": "23",
                   "CI_MERGE_REQUEST_IID": "7", "CI_COMMIT_SHA": host.commit,
                   "CI_JOB_URL": "https://gitlab.example/acme/fleet/-/jobs/5",
                   "EVENKEEL_FORGE_TOKEN_FILE": str(job.file("token", host.token)),
                   "EVENKEEL_FORGE_CA_FILE": str(host.ca_file)}
    done = job.run(job.file("plan.md", plan()), "--plan-status", "2", **environment)
    assert done.returncode == OK, done.stderr
    assert host.status("evenkeel")[2] == "https://gitlab.example/acme/fleet/-/jobs/5"
    environment.update(CI_COMMIT_SHA="d" * 40, CI_MERGE_REQUEST_SOURCE_BRANCH_SHA=host.commit)
    assert job.run("plan.md", "--plan-status", "1", **environment).returncode == OK
    assert host.status("evenkeel")[0] == "failure"
    assert len(host.shown()) == 1 and host.wrong == []
    host.close()
