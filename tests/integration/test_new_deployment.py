"""A new deployment has SSL from its first start: no restart at all (S1)."""

import subprocess

import pytest

from watcher import Watcher

CHANGES = 2


@pytest.fixture(scope="module")
def created(bare_hosts):
    """What was seen while Evenkeel made the deployment on empty hosts."""
    shop = bare_hosts
    for member in shop.fleet.members:
        assert not list(member.directory.iterdir()), "nothing is installed"
    with Watcher(shop.fleet, first_term=0) as seen:
        shop.succeed("apply", "--yes", *shop.git)
        # Nobody has told us the set's key: it is where the server's configuration says.
        key_file = shop.server_options("a")["security"]["keyFile"]
        with open(key_file, encoding="ascii") as key:
            shop.fleet.key = "".join(key.read().split())
        shop.fleet.log_in_as_system = True
        shop.fleet.wait_healthy()
    return shop, seen


def test_it_serves_over_tls_only(created):
    shop, _ = created
    assert set(shop.fleet.running_modes().values()) == {"requireTLS"}
    assert not any(shop.fleet.accepts(m.name, tls=False) for m in shop.fleet.members)
    shop.litmus()


def test_no_restart(created):
    shop, seen = created
    assert seen.restarts == {m.name: 0 for m in shop.fleet.members}


def test_nothing_is_left_to_do(created):
    shop, _ = created
    shop.succeed("plan", *shop.git)
    shop.succeed("verify", *shop.git)


def test_authentication_is_on(created):
    shop, _ = created
    for member in shop.fleet.members:
        assert shop.server_options(member.name)["security"]["keyFile"]
    with pytest.raises(Exception, match="requires authentication"):
        shop.fleet.anonymous_command("a", "replSetGetStatus")


def key_of(shop, name):
    """The algorithm of the key that the member's certificate is for."""
    text = subprocess.run(["openssl", "x509", "-noout", "-text", "-in", shop.certificate_key_file(name)],
                          check=True, capture_output=True, text=True).stdout
    return "RSA" if "rsaEncryption" in text else "EC" if "id-ecPublicKey" in text else text


def test_another_algorithm_gives_the_members_new_keys(created):
    shop, _ = created
    members = [m.name for m in shop.fleet.members]
    assert {key_of(shop, name) for name in members} == {"EC"}
    specs = shop.specs.directory / "orders.yaml"
    shop.specs.write("orders.yaml", specs.read_text("utf-8").replace(
        "authority: acme-ca }", "authority: acme-ca, algorithm: RSA-3072 }"))
    shop.specs.commit("RSA, for an auditor")
    text = shop.succeed("plan", *shop.git, status=CHANGES).stdout
    assert "the key of the installed one is of another algorithm" in text and "RSA-3072" in text
    with Watcher(shop.fleet) as seen:
        shop.succeed("apply", "--yes", *shop.git)
        shop.fleet.wait_healthy()
    assert seen.restarts == {name: 1 for name in members} and seen.down_together == 1
    assert {key_of(shop, name) for name in members} == {"RSA"}
    shop.succeed("plan", *shop.git)
    shop.litmus()
