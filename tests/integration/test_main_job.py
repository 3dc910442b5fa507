"""The main job: commits move a live set through disabled, preferSSL, requireSSL and back, while
two clients write. The tests of this file build on each other, in order."""

import os
import ssl

import pytest
from cryptography import x509

import wire
from change import Changes
from probe import Probe
from shop import opens, possible_passwords

NOTHING_TO_DO, CHANGES, VERIFY_FAILED = 0, 2, 9


@pytest.fixture(scope="module")
def changes(shop):
    with Probe(shop.directory, shop.fleet.plain_uri()) as probe:
        yield Changes(shop.fleet, probe, shop.tool.authority_certificate)


def carry_out(shop, changes, before, mode):
    """Commit, plan, apply the plan; the report of the change."""
    assert changes.mode == before, "the test before this one did not get there"
    shop.specs.set_mode(mode)
    path = shop.directory / f"{mode}.plan"
    shop.succeed("plan", *shop.git, "--out", path, status=CHANGES)
    done = changes.carry_out(mode, lambda: shop.succeed("apply", path))
    assert "Apply complete!" in done.stdout + done.stderr
    shop.succeed("plan", *shop.git, status=NOTHING_TO_DO)
    shop.succeed("verify", *shop.git)
    assert changes.probe.writing(changes.seen.ended, count=1) or changes.probe.writing(
        changes.seen.began)
    return changes.done[-1]


def all_members(shop, value):
    return {m.name: value for m in shop.fleet.members}


def test_enabling_takes_one_restart_each(shop, changes):
    report = carry_out(shop, changes, "disabled", "preferSSL")
    assert report["restarts"] == all_members(shop, 1)
    assert report["elections"] <= 2
    assert changes.seen.down_together == 1
    assert shop.fleet.running_modes() == all_members(shop, "preferTLS")
    assert shop.configured_modes() == all_members(shop, "preferTLS")


def test_members_are_named_in_one_ssl_domain(shop, changes):
    assert changes.mode == "preferSSL"
    hosts = shop.set_hosts()
    domains = {host.split(".", 1)[1] for host in hosts.values()}
    assert len(domains) == 1 and domains.pop().endswith(".fleet.example.net")
    assert [host.split(".")[0] for host in hosts.values()] == list(hosts)
    label = next(iter(hosts.values())).split(".")[1]
    assert len(label) >= 12, "60 random bits take twelve letters of base 32"


def test_litmus_by_name_works_by_address_fails(shop, changes):
    assert changes.mode == "preferSSL"
    shop.litmus()


def test_certificates_carry_the_new_name_only(shop, changes):
    assert changes.mode == "preferSSL"
    keys = set()
    for name, host in shop.set_hosts().items():
        served = x509.load_der_x509_certificate(wire.served_certificate(host))
        names = served.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        assert names.get_values_for_type(x509.DNSName) == [host]
        assert names.get_values_for_type(x509.IPAddress) == []
        assert (served.not_valid_after - served.not_valid_before).days <= 731
        installed = x509.load_pem_x509_certificate(shop.certificate_key_file(name).read_bytes())
        assert served == installed
        keys.add(served.public_key().public_numbers())
    assert len(keys) == len(shop.fleet.members), "one key pair per member"


def test_no_secret_lies_around(shop, changes):
    """Keys are encrypted, and nothing on the hosts' disks, in the processes or the logs opens them."""
    assert changes.mode == "preferSSL"
    candidates = set()
    for directory, names, files in os.walk(shop.fleet.directory):
        names[:] = [n for n in names if n != "db"]
        for file in files:
            with open(os.path.join(directory, file), "rb") as content:
                candidates |= possible_passwords(content.read())
    for process in shop.fleet.processes().values():
        for what in ("cmdline", "environ"):
            with open(f"/proc/{process.pid}/{what}", "rb") as content:
                for word in content.read().split(b"\0"):
                    candidates |= possible_passwords(word) | possible_passwords(
                        word.partition(b"=")[2])
    for path in shop.directory.glob("*.plan"):
        candidates |= possible_passwords(path.read_bytes())
    for words in (("plan",), ("status",), ("verify",), ("plan", "--output", "json")):
        done = shop.tool.run(*words, *shop.git)
        candidates |= possible_passwords((done.stdout + done.stderr).encode())
    for member in shop.fleet.members:
        pem = shop.certificate_key_file(member.name).read_bytes()
        assert b"BEGIN ENCRYPTED PRIVATE KEY" in pem and pem.count(b"PRIVATE KEY-----") == 2
        key = pem[pem.index(b"-----BEGIN ENCRYPTED"):]
        assert opens(key, candidates) is None, "a host can open its own key"
        for directory, _, files in os.walk(shop.fleet.directory):
            for file in files:
                with open(os.path.join(directory, file), "rb") as content:
                    assert b"BEGIN PRIVATE KEY" not in content.read()
                    assert b"BEGIN EC PRIVATE KEY" not in content.read()


def test_the_authority_key_is_sealed(shop, changes):
    assert changes.mode == "preferSSL"
    assert shop.tool.master_key.stat().st_mode & 0o777 == 0o600
    for directory, _, files in os.walk(shop.tool.state):
        for file in files:
            with open(os.path.join(directory, file), "rb") as content:
                assert b"PRIVATE KEY" not in content.read(), f"{file} holds a key in the open"


def test_require_takes_no_restart_and_no_election(shop, changes):
    report = carry_out(shop, changes, "preferSSL", "requireSSL")
    assert report["restarts"] == all_members(shop, 0)
    assert report["elections"] == 0
    assert shop.fleet.running_modes() == all_members(shop, "requireTLS")
    assert shop.configured_modes() == all_members(shop, "requireTLS")
    assert not any(shop.fleet.accepts(m.name, tls=False) for m in shop.fleet.members)
    shop.litmus()


def test_verify_sees_a_file_that_disagrees(shop, changes):
    assert changes.mode == "requireSSL"
    path = shop.fleet.members[1].configuration
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("requireTLS", "preferTLS"), encoding="utf-8")
    try:
        done = shop.tool.run("verify", *shop.git)
        assert done.returncode == VERIFY_FAILED
        assert "preferSSL" in done.stdout + done.stderr
        shop.succeed("plan", *shop.git, status=CHANGES)
    finally:
        path.write_text(text, encoding="utf-8")


def test_disabling_keeps_every_pair_talking(shop, changes):
    report = carry_out(shop, changes, "requireSSL", "disabled")
    assert all(1 <= count <= 3 for count in report["restarts"].values())
    assert changes.seen.down_together == 1
    assert shop.fleet.running_modes() == all_members(shop, "disabled")
    assert shop.configured_modes() == all_members(shop, "disabled")
    assert shop.fleet.primary() == "a", "who was primary is primary again"
    for member in shop.fleet.members:
        with pytest.raises((wire.Refused, ssl.SSLError)):
            wire.served_certificate(member.address)


def test_nothing_was_lost(changes):
    assert changes.mode == "disabled"
    report = changes.report("", "")
    assert report["acknowledged"] > 1000
    assert report["lost"] == 0
    longest = max(change["longest_pause_ms"] for change in report["changes"])
    assert longest < 15000, "longer than an election by time-out: something broke on the way"


@pytest.mark.parametrize("damage", ["missing", "too open", "another"])
def test_a_master_key_that_does_not_open_the_authority(shop, changes, damage):
    assert changes.mode == "disabled"
    key = shop.tool.master_key
    content = key.read_bytes()
    shop.specs.set_mode("preferSSL")
    try:
        if damage == "missing":
            key.unlink()
        elif damage == "too open":
            key.chmod(0o644)
        else:
            key.write_bytes(b"0" * 64)
        shop.refused("apply", "--yes", *shop.git)
    finally:
        key.unlink(missing_ok=True)
        key.touch(mode=0o600)
        key.write_bytes(content)
        shop.specs.set_mode("disabled")
