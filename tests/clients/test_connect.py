"""Connecting in each mode, logging in, everyday work, and the errors that clients must get."""

import re

import pytest

from lab import GIVE_UP_MS, HEAR_WHY_MS, Lab

# What each client says when the certificate is by another authority, or names somebody else.
UNTRUSTED = re.compile(r"certificate verify failed|self[- ]signed|unable to (verify|get)", re.I)
MISNAMED = re.compile(r"IP address mismatch|IP does not match|not valid for|altnames", re.I)
CLOSED = re.compile(r"closed|reset|EOF|handshake|disconnected|socket error|Failed to (read|send)|timed out|No suitable servers", re.I)


def failing(lab: Lab, member, ms=GIVE_UP_MS, **options):
    return direct(lab, member, serverSelectionTimeoutMS=ms, **options)


def direct(lab: Lab, member, **options):
    return lab.uri(member.host, directConnection=True, **options)


def job(name, uri, *steps):
    return {"name": name, "uri": uri, "steps": [s if isinstance(s, dict) else {"do": s} for s in steps]}


def jobs_for(lab: Lab, client):
    """Everything that one client does to a lab's servers, in one process."""
    primary = lab.set.primary()
    secondary = lab.set.others(primary)[0]
    tls, into = lab.with_tls(), f"rows_{client.name}"
    one_seed = {"replicaSet": "rs0", "retryWrites": True}

    def put(number):
        return {"do": "insert", "into": into, "id": number}

    by_address = lab.uri(f"{lab.require.ip}:{lab.require.port}", serverSelectionTimeoutMS=HEAR_WHY_MS,
                         directConnection=True, **tls)
    return [
        job("disabled, plaintext", lab.uri(lab.disabled.host), "status", put(1)),
        job("disabled, TLS", failing(lab, lab.disabled, **tls), "status"),
        job("preferred, plaintext", lab.uri(secondary.host, **one_seed), "role", put(1), "status",
            {"do": "documents", "into": f"things_{client.name}"}),
        job("preferred, TLS", lab.uri(secondary.host, **one_seed, **tls), "role", put(2), "status"),
        job("required, plaintext", failing(lab, lab.require), "status"),
        job("required, TLS", lab.uri(lab.require.host, **tls), "status", put(1)),
        job("with a certificate", lab.uri(lab.require.host, tlsCertificateKeyFile=lab.client_pem, **tls), "status"),
        job("another authority", failing(lab, lab.require, HEAR_WHY_MS, **lab.with_tls(lab.other_ca)), "status"),
        job("by address", by_address, "status"),
        job("another name for the set", lab.uri(
            primary.host, replicaSet="other", serverSelectionTimeoutMS=GIVE_UP_MS), "status"),
        *(job(f"{user} {mechanism}", lab.uri(primary.host, user=user, replicaSet="rs0", **(
            {"authMechanism": mechanism} if mechanism else {})), "status")
          for user, mechanism in (("old", "SCRAM-SHA-1"), ("old", ""), ("new", "SCRAM-SHA-256"), ("new", ""),
                                  ("app", "SCRAM-SHA-1"), ("app", "SCRAM-SHA-256"))),
        job("a mechanism without credentials", direct(lab, primary, user="old", authMechanism="SCRAM-SHA-256"),
            "status"),
        job("wrong password", direct(lab, primary, password="wrong"), "status"),
        job("unknown user", direct(lab, primary, user="nobody"), "status"),
        job("no login", direct(lab, primary, user=None), "role", put(3)),
        job("errors", lab.uri(primary.host, replicaSet="rs0"), put(4), put(4), "forbidden"),
        job("to a secondary", direct(lab, secondary), "role", put(5)),
    ]


@pytest.fixture(scope="module")
def all_results(lab, programs, tmp_path_factory):
    """Every client at once: most of the time they wait for what must not come."""
    directory = tmp_path_factory.mktemp(f"connect-{lab.version}")
    running = {name: c.start(directory, jobs_for(lab, c)) for name, c in programs.items()}
    return {name: r.results() for name, r in running.items()}


@pytest.fixture
def results(all_results, client):
    return all_results[client.name]


def good(steps):
    errors = [s["error"] for s in steps if "error" in s]
    assert steps and not errors, errors
    return steps


def bad(step):
    assert "error" in step, step
    return step["error"]


@pytest.mark.parametrize("name", ["disabled, plaintext", "required, TLS"])
def test_it_gets_in(results, name):
    assert good(results[name])[0]["users"] == ["app@admin"]


@pytest.mark.parametrize("name", ["preferred, plaintext", "preferred, TLS"])
def test_it_finds_the_set_from_one_seed(lab, results, name):
    role, _, status = good(results[name])[:3]
    assert role["primary"] is True and role["set"] == "rs0"
    assert role["hosts"] == sorted(m.host for m in lab.set.members)
    assert status["users"] == ["app@admin"]


def test_a_certificate_of_its_own_does_no_harm(results):
    assert good(results["with a certificate"])[0]["users"] == ["app@admin"]


@pytest.mark.parametrize("name", ["disabled, TLS", "required, plaintext", "another authority", "by address"])
def test_it_is_kept_out(results, name):
    words = {"another authority": UNTRUSTED, "by address": MISNAMED}.get(name, CLOSED)
    text = bad(results[name][0])["text"]
    assert words.search(text), text


def test_a_set_of_another_name_is_refused(results):
    text = bad(results["another name for the set"][0])["text"]
    assert re.search(r"other|No (suitable servers|replica set members)|selection", text, re.I), text


@pytest.mark.parametrize("name", ["old SCRAM-SHA-1", "old ", "new SCRAM-SHA-256", "new ", "app SCRAM-SHA-1",
                                  "app SCRAM-SHA-256"])
def test_it_logs_in_by(results, name):
    assert good(results[name])[0]["users"] == [name.split()[0] + "@admin"]


@pytest.mark.parametrize("name", ["wrong password", "unknown user", "a mechanism without credentials"])
def test_a_wrong_login_is_refused(results, client, name):
    error = bad(results[name][0])
    if client.name == "libmongoc":  # has a code of its own for it
        assert error["code"] == 11 and "Authentication failed" in error["text"]
    else:
        assert error["code"] == 18 and error["name"] == "AuthenticationFailed", error


def test_errors_have_the_servers_codes(results):
    first, twice, elsewhere = results["errors"]
    good([first])
    assert bad(twice)["code"] == 11000 and "E11000 duplicate key error collection: shop.rows_" in bad(twice)["text"]
    assert bad(elsewhere)["code"] == 13 and "not authorized on elsewhere to execute command" in bad(elsewhere)["text"]


def test_without_a_login_nothing_is_written(results):
    role, put = results["no login"]
    assert role["primary"] is True
    assert bad(put)["code"] == 13 and "requires authentication" in bad(put)["text"]


def test_a_secondary_takes_no_writes(lab, results):
    role, put = results["to a secondary"]
    assert role["primary"] is False
    assert bad(put)["code"] == 10107, bad(put)
    assert ("not master" if lab.version in ("4.2", "4.4") else "not primary") in bad(put)["text"]


def test_everyday_work(results):
    out = good(results["preferred, plaintext"])[3]
    expected = {"inserted": 500, "read": 334, "first": 499, "changed": [166, 166], "upserted": "new", "found": 6,
                "deleted": 100, "counted": [401, 401], "indexes": ["_id_", "by_group"], "collections": True,
                "dropped": True}
    assert {k: out.get(k) for k in expected} == expected
