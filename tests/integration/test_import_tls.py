"""import from a fleet with certificates of a company's own: checked, told for what they are, left alone."""

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from fleet import Fleet, find_server, wait_for
from forge_hosts import Authority
from importing import Imported, secret_file

ERROR, BLOCKED = 1, 6
REAL = find_server()[1] == "mongod"


class House:
    """The company's authority, and what it signed."""

    def __init__(self, directory):
        directory.mkdir()
        self.directory = directory
        self.authority = Authority(directory, "House authority")
        self.subject = x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, "House"),
                                  x509.NameAttribute(NameOID.COMMON_NAME, "importer")])
        self.client = self._client(directory / "client.pem")

    def server(self, host):
        path = self.directory / f"{host}.pem"
        path.write_bytes(b"".join(file.read_bytes() for file in self.authority.for_host(host)))
        return path

    def _client(self, path):
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = self.authority.sign(self.subject, key.public_key())
        path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM) + key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
        path.chmod(0o600)
        return path


@pytest.fixture(name="house", scope="module")
def the_house(sandbox):
    return House(sandbox / "house")


@pytest.fixture(name="fleet", scope="module")
def the_fleet(sandbox, server, house):
    fleet = Fleet(sandbox / "housed", server, names="ab", name="housed")
    fleet.provision()
    for member in fleet.members:
        text = member.configuration.read_text(encoding="utf-8")
        member.configuration.write_text(text.replace("net:\n", (
            f"net:\n  tls:\n    mode: requireTLS\n    certificateKeyFile: {house.server(member.host)}\n"
            f"    CAFile: {house.authority.file}\n    allowConnectionsWithoutCertificates: true\n")), encoding="utf-8")
    fleet.start()
    fleet.initiate()
    yield fleet
    fleet.destroy()


@pytest.fixture(name="imported")
def the_import(fleet, tmp_path, request):
    return Imported(tmp_path, request.config.rootpath / "build", fleet)


def test_certificates_of_the_house_are_checked_and_told(fleet, house, imported):
    before = {m.name: m.configuration.read_bytes() for m in fleet.members}, fleet.processes()
    done = imported.take("--ca-file", house.authority.file, "--out", imported.file, status=BLOCKED)
    assert "[EK-1408]" in done.stdout and "[EK-1407]" not in done.stdout, done.stdout
    text = imported.file.read_text(encoding="utf-8")
    assert "sslMode: requireSSL\n" in text and "approval: required\n" in text and "# IN THE WAY: " in text
    imported.run("validate", str(imported.repository))
    assert ({m.name: m.configuration.read_bytes() for m in fleet.members}, fleet.processes()) == before


def test_first_plan_is_not_to_replace_them(house, imported):
    imported.take("--ca-file", house.authority.file, "--out", imported.file, status=BLOCKED)
    done = imported.tool.run("plan", str(imported.repository))
    assert done.returncode not in (0, 2), done.stdout + done.stderr


def test_authority_of_somebody_else(house, imported, tmp_path):
    other = Authority(tmp_path, "Another authority")
    done = imported.take("--ca-file", other.file, status=BLOCKED)
    assert done.stderr.count("[EK-1407]") == 2 and "does not hold against" in done.stderr
    assert house.authority.file.name not in done.stderr


def test_nobody_checked(imported):
    assert "[EK-1407]" in imported.take(status=BLOCKED).stderr


@pytest.mark.skipif(not REAL, reason="the stand-in knows no login by certificate")
def test_login_by_client_certificate(fleet, house, imported):
    primary = wait_for(fleet.primary, "a primary")
    with fleet.client(primary) as client:
        client["$external"].command("createUser", house.subject.rfc4514_string(), roles=[
            {"role": "clusterMonitor", "db": "admin"}, {"role": "userAdminAnyDatabase", "db": "admin"}])
    done = imported.take("--certificate-key-file", house.client, "--ca-file", house.authority.file,
                         "--out", imported.file, status=BLOCKED)
    assert "Could not be seen" not in done.stdout, done.stdout
    assert "CN=importer,O=House@$external (clusterMonitor on admin" in imported.file.read_text(encoding="utf-8")


def test_client_certificate_that_nobody_knows(house, imported, tmp_path):
    stranger = House(tmp_path / "elsewhere")
    done = imported.take("--certificate-key-file", stranger.client, "--ca-file", house.authority.file, status=ERROR)
    assert "EK-04" in done.stderr, done.stderr


def test_user_is_asked_for_over_tls(fleet, house, imported, tmp_path):
    password = secret_file(tmp_path / "password", fleet.root_password)
    done = imported.take("--user", "root", "--password-file", password, "--ca-file", house.authority.file,
                         "--out", imported.file, status=BLOCKED)
    assert "Could not be seen" not in done.stdout, done.stdout
    assert fleet.root_password not in done.stdout + done.stderr + imported.file.read_text(encoding="utf-8")
