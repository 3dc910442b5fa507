"""How the server starts or refuses to: options, certificates, key files. No replica set."""

import base64
import os
import pathlib
import shutil
import socket
import subprocess
import sys

import pymongo
import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "standin"))
from patience import patient  # noqa: E402
import processes as fleet  # noqa: E402

IP = "127.0.4.1"


@pytest.fixture
def ca(tmp_path):
    return fleet.Authority(tmp_path)


@pytest.fixture
def make(tmp_path):
    made = []

    def new(tls=None, extra="", keyfile=False, **more):
        m = fleet.Member(tmp_path / "m", IP, replset=None, keyfile=keyfile, tls=tls, extra=extra, **more)
        made.append(m)
        return m
    yield new
    for m in made:
        if m.process and m.process.poll() is None:
            m.kill()


def refused(member, *more):
    done = subprocess.run(member.command(*more), stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=patient(60))
    return done.returncode, done.stdout + done.stderr + member.log_text()


def tls(ca, **more):
    return {"mode": "requireTLS", "certificateKeyFile": ca.issue("a.pem", [IP, "a.test"]), "CAFile": ca.path,
            "allowConnectionsWithoutCertificates": True, **more}


def test_certificate_missing(make, ca):
    status, text = refused(make(tls(ca, certificateKeyFile="/nonexistent.pem")))
    assert status == 1
    assert ("cannot read certificate file: /nonexistent.pem error:FFFFFFFF80000002:system library::No such file or "
            "directory") in text
    assert "Failed global initialization: InvalidSSLConfiguration: Can not set up PEM key file." in text


def test_authority_not_pem(make, ca, tmp_path):
    other = tmp_path / "text"
    other.write_text("nothing\n")
    status, text = refused(make(tls(ca, CAFile=other)))
    assert status == 1
    assert f"cannot read certificate authority file: {other} error:0480006C:PEM routines::no start line" in text


def test_expired_certificate(make, ca):
    status, text = refused(make(tls(ca, certificateKeyFile=ca.issue("old.pem", [IP], days=-1))))
    assert status == 14
    assert "The provided SSL certificate is expired or not yet valid." in text
    assert "Fatal Assertion 28652" in text


@pytest.mark.parametrize("change, message", [
    ({"mode": "requireSSL"}, "unsupported value for tlsMode requireSSL"),
    ({"mode": "bogus"}, "unsupported value for tlsMode bogus"),
    ({"mode": "disabled"}, "need to enable TLS via the sslMode/tlsMode flag when using TLS configuration parameters"),
    ({"disabledProtocols": "TLS9"}, "Unrecognized disabledProtocols 'TLS9'"),
])
def test_bad_values(make, ca, change, message):
    status, text = refused(make(tls(ca, **change)))
    assert status == 1
    assert f"F  CONTROL  [main] Failed global initialization: BadValue: {message}" in text


def test_unknown_key(make):
    status, text = refused(make(extra="nonsense:\n  key: 1\n"))
    assert status == 2
    assert "Unrecognized option: nonsense.key" in text
    assert f"try '{fleet.BINARY} --help' for more information" in text


def test_encrypted_key(make, ca):
    sealed = ca.issue("sealed.pem", [IP], password="s3cret")
    status, text = refused(make(tls(ca, certificateKeyFile=sealed, certificateKeyFilePassword="nope")))
    assert status == 1
    assert f"cannot read PEM key file: {sealed} error:1C800064:Provider routines::bad decrypt" in text
    status, text = refused(make(tls(ca, certificateKeyFile=sealed)))
    assert status == 1
    assert "Can not set up PEM key file." in text


def test_password_from_a_command(make, ca):
    m = make(tls(ca, certificateKeyFile=ca.issue("sealed.pem", [IP], password="s3cret")))
    m.conf.write_text(m.conf.read_text().replace(
        "    CAFile", "    certificateKeyFilePassword:\n      __exec: \"echo s3cret\"\n      type: string\n"
                      "      trim: whitespace\n    CAFile"))
    status, text = refused(m)
    assert status == 2
    assert "net.tls.certificateKeyFilePassword.__exec support has not been enabled" in text
    m.start("--configExpand", "exec")
    assert "Processing __exec config expansion for: net.tls.certificateKeyFilePassword" in m.out_text()
    with m.client(user=None, tls={"tls": True, "tlsCAFile": str(ca.path)}) as c:
        opts = c.admin.command("getCmdLineOpts")
    assert opts["parsed"]["net"]["tls"]["certificateKeyFilePassword"] == "<password>"
    assert opts["parsed"]["configExpand"] == "exec"
    assert list(opts["parsed"]) == ["config", "configExpand", "net", "storage", "systemLog"]
    m.kill()
    m.conf.chmod(0o666)
    status, text = refused(m, "--configExpand", "exec")
    assert status == 2
    assert ("When using --configExpand=exec, config file must be exclusively writable by current process user. "
            "File is writable by non-owner users") in text


def test_old_spelling(make, ca):
    m = make()
    pem = ca.issue("a.pem", [IP])
    m.conf.write_text(m.conf.read_text() + f"  ssl:\n    mode: requireSSL\n    PEMKeyFile: {pem}\n    CAFile: {ca.path}\n"
                                           "    allowConnectionsWithoutCertificates: true\n")
    m.start()
    for old, new in (("CAFile", "CAFile"), ("PEMKeyFile", "certificateKeyFile"),
                     ("allowConnectionsWithoutCertificates", "allowConnectionsWithoutCertificates")):
        assert f"Option: net.ssl.{old} is deprecated. Please use net.tls.{new} instead." in m.out_text()
    with m.client(user=None, tls={"tls": True, "tlsCAFile": str(ca.path)}) as c:
        parsed = c.admin.command("getCmdLineOpts")["parsed"]
    assert list(parsed["net"]) == ["bindIp", "port", "tls"]
    assert list(parsed["net"]["tls"]) == ["CAFile", "allowConnectionsWithoutCertificates", "certificateKeyFile", "mode"]
    assert parsed["net"]["tls"]["mode"] == "requireTLS"
    assert f"waiting for connections on port {m.port} ssl" in m.log_text()


def test_key_file(make):
    m = make()
    m.key = m.dir / "keyfile"
    m.key.write_text("ab")
    m.key.chmod(0o600)
    m.write_conf()
    status, text = refused(m)
    assert status == 1
    assert f" security key in {m.key} has length 2, must be between 6 and 1024 chars" in text
    m.key.write_text(fleet.KEY)
    m.key.chmod(0o640)
    status, text = refused(m)
    assert status == 1
    assert f"permissions on {m.key} are too open" in text


def test_address_in_use(make, tmp_path):
    m = make()
    m.start()
    n = fleet.Member(tmp_path / "n", IP, replset=None, keyfile=False)
    n.port = m.port
    n.write_conf()
    status, text = refused(n)
    assert status == 48
    assert "Failed to set up listener: SocketException: Address already in use" in text
    assert m.stop() == 0
    assert "got signal 15 (Terminated), will terminate after current cmd ends" in m.log_text()


def kept_out(member, heard, said="", **tls_options):
    """What a client hears, which finds no server however often it looks, and what the member's log says of it."""
    def error():
        with pytest.raises(pymongo.errors.ServerSelectionTimeoutError) as e:
            with member.client(user=None, tls=tls_options, serverSelectionTimeoutMS=300) as c:
                c.admin.command("ping")
        return str(e.value)
    fleet.wait_for(lambda: heard in error(), 30)
    fleet.wait_for(lambda: said in member.log_text(), 30)


def test_clients_that_connect_wrongly(make, ca, tmp_path):
    good = {"tls": True, "tlsCAFile": str(ca.path)}
    other = fleet.Authority(tmp_path, "other CA")
    m = make(tls(ca, allowConnectionsWithoutCertificates=False))
    m.start()
    kept_out(m, "connection closed",
             "SSLHandshakeFailed: The server is configured to only allow SSL connections. Ending connection")
    kept_out(m, "connection closed", "no SSL certificate provided by peer; connection rejected", **good)
    kept_out(m, "connection closed", "SSL peer certificate validation failed: unable to verify the first certificate",
             **good, tlsCertificateKeyFile=str(other.issue("x.pem", ["x"])))
    with m.client(user=None, tls={**good, "tlsCertificateKeyFile": str(ca.issue("client.pem", ["client"]))}) as c:
        assert c.admin.command("ping") == {"ok": 1.0}
        status = c.admin.command("serverStatus")
    assert status["security"]["SSLServerSubjectName"] == f"CN={IP},OU=fleet,O=Lab"
    assert status["transportSecurity"]["1.3"] > 0
    m.kill()
    m.tls = {}
    m.write_conf()
    m.start()
    kept_out(m, "EOF", "SSL handshake received but server is started without SSL support", **good)


def test_mode_changes_while_running(make, ca):
    m = make(tls(ca, mode="allowTLS"))
    m.start()
    with m.client(user=None) as plain:
        plain.admin.command("ping")

        def set_to(**change):
            return plain.admin.command("setParameter", 1, **change)

        def error(**change):
            with pytest.raises(pymongo.errors.OperationFailure) as e:
                set_to(**change)
            assert e.value.code == 2
            return e.value.details["errmsg"]
        assert error(tlsMode="requireTLS") == \
            "Illegal state transition for tlsMode, attempt to change from allowTLS to requireTLS"
        assert error(sslMode="requireTLS") == ("Invalid sslMode setting 'requireTLS', expected one of: 'disabled', "
                                               "'allowSSL', 'preferSSL', or 'requireSSL'")
        assert set_to(tlsMode="preferTLS") == {"was": "allowTLS", "ok": 1.0}
        assert 'successfully set parameter tlsMode to "preferTLS" (was "allowTLS")' in m.log_text()
        assert "SSL mode is set to 'preferred'" not in m.log_text()
        with m.client(user=None) as another:
            another.admin.command("ping")
        assert "SSL mode is set to 'preferred' and connection" in m.log_text()
        assert set_to(sslMode="requireSSL") == {"was": "preferSSL", "ok": 1.0}
        assert plain.admin.command("getParameter", 1, tlsMode=1) == {"tlsMode": "requireTLS", "ok": 1.0}
        kept_out(m, "connection closed")
        assert plain.admin.command("ping") == {"ok": 1.0}
    with m.client(user=None, tls={"tls": True, "tlsCAFile": str(ca.path)}) as c:
        ops = c.admin.command("currentOp", 1, **{"$all": True})["inprog"]
    assert any(op["desc"].startswith("conn") and "clientMetadata" in op for op in ops)


def test_a_taken_address_and_a_missing_directory(make):
    m = make()
    with socket.socket() as taken:
        taken.bind((m.ip, m.port))
        taken.listen()
        status, text = refused(m)
        assert status == 48 and "Failed to set up listener: SocketException: Address already in use" in text
    m = make()
    shutil.rmtree(m.dir / "db")
    status, text = refused(m)
    assert status == 100 and f"NonExistentPath: Data directory {m.dir}/db not found., terminating" in text
    if not os.environ.get("MONGOD"):
        assert text.rstrip().endswith("shutting down with code:100")


@pytest.mark.parametrize("text, mode, message", ids=[
        "short", "long", "letters", "three", "empty", "mapping", "group", "open", "missing"], argvalues=[
    ("ab\n", 0o600, "security key in {} has length 2, must be between 6 and 1024 chars"),
    ("a" * 1025, 0o600, "has length 1025, must be between 6 and 1024 chars"),
    ("no key!\n", 0o600, " I  ACCESS   [main] invalid char in key file {}: no key!"),
    ("- aaaaaa\n- bbbbbb\n- cccccc\n", 0o600,
     " E  ACCESS   [main] Only two keys are supported in the security key file, 3 are specified in {}"),
    ("", 0o600, " I  ACCESS   [main] Security key file {} does not contain any valid keys"),
    ("a: b\n", 0o600, " I  ACCESS   [main] Only strings and sequences are supported for YAML key files"),
    ("abcdef\n", 0o640, " I  ACCESS   [main] permissions on {} are too open"),
    ("abcdef\n", 0o644, " I  ACCESS   [main] permissions on {} are too open"),
    (None, 0, " I  ACCESS   [main] Error reading file {}: No such file or directory"),
])
def test_bad_key_files(make, text, mode, message):
    m = make(keyfile=True)
    m.key.unlink()
    if text is not None:
        m.key.write_text(text)
        m.key.chmod(mode)
    status, said = refused(m)
    assert status == 1 and message.format(m.key) in said


def test_what_members_show_each_other_changes_while_it_runs(make, ca):
    """clusterAuthMode goes from sendKeyFile to x509 in two steps, the first of which wants TLS outwards."""
    m = make(tls(ca, mode="allowTLS"), keyfile=True, extra="  clusterAuthMode: sendKeyFile\n")
    m.start()
    with m.client(user="__system", password=fleet.KEY, source="local") as c:
        def change(**fields):
            try:
                return c.admin.command("setParameter", 1, **fields)["was"]
            except pymongo.errors.OperationFailure as error:
                return error.code, error.details["errmsg"]
        assert change(clusterAuthMode="sendX509") == (
            2, "Illegal state transition for clusterAuthMode, need to enable SSL for outgoing connections")
        assert change(tlsMode="preferTLS") == "allowTLS"
        assert change(clusterAuthMode="x509") == (
            2, "Illegal state transition for clusterAuthMode, change from sendKeyFile to x509")
        assert change(clusterAuthMode="nonsense")[0] == 2
        assert change(clusterAuthMode="sendX509") == "sendKeyFile"
        assert change(clusterAuthMode="sendX509")[0] == 2 and change(clusterAuthMode="keyFile")[0] == 2
        assert change(clusterAuthMode="x509") == "sendX509"
        assert c.admin.command("getParameter", clusterAuthMode=1)["clusterAuthMode"] == "x509"
        parsed = c.admin.command("getCmdLineOpts")["parsed"]
        assert parsed["security"]["clusterAuthMode"] == "sendKeyFile"  # what it was started with


def test_commands_that_are_there_want_a_login(make):
    """Of a command that the server has, who isn't logged in hears that; of another one, that there is none."""
    m = make(keyfile=True)
    m.start()
    with m.client(user="__system", password=fleet.KEY, source="local") as c:
        c.admin.command("createUser", "root", pwd="secret", roles=["root"])
    with m.client(user=None) as c:
        for name in ("top", "dbStats", "rolesInfo", "serverStatus", "replSetMaintenance", "killOp"):
            with pytest.raises(pymongo.errors.OperationFailure) as e:
                c.admin.command(name)
            assert (e.value.code, e.value.details["errmsg"]) == (13, f"command {name} requires authentication")
        for name in ("nonsense", "hello", "rotateCertificates", "getDefaultRWConcern"):
            with pytest.raises(pymongo.errors.OperationFailure) as e:
                c.admin.command(name)
            assert (e.value.code, e.value.details["errmsg"]) == (59, f"no such command: '{name}'"), name
        for name in ("getParameter", "replSetGetStatus", "shutdown"):
            with pytest.raises(pymongo.errors.OperationFailure) as e:
                c.x.command(name)
            assert (e.value.code, e.value.details["errmsg"]) == (13, f"{name} may only be run against the admin database.")
        assert c.admin.command("saslStart", mechanism="SCRAM-SHA-256", payload=b"n,,n=root,r=abc")["done"] is False
    with m.client() as c:
        with pytest.raises(pymongo.errors.OperationFailure) as e:
            c.admin.command("saslContinue", conversationId=1, payload=b"")
        assert (e.value.code, e.value.details["codeName"]) == (17, "ProtocolError")
        assert c.admin.command("getParameter", saslServiceName=1)["saslServiceName"] == "mongodb"
        assert c.admin.command("getParameter", cursorTimeoutMillis=1)["cursorTimeoutMillis"] == 600000


@pytest.mark.parametrize("mechanism, iterations, salt", [("SCRAM-SHA-256", 15000, 28), ("SCRAM-SHA-1", 10000, 16)])
def test_how_often_and_with_what_salt(make, mechanism, iterations, salt):
    """Drivers insist on these lengths."""
    m = make(keyfile=True)
    m.start()
    with m.client(user="__system", password=fleet.KEY, source="local") as c:
        c.admin.command("createUser", "root", pwd="secret", roles=["root"])
        for user, db in (("root", "admin"), ("__system", "local")):
            with m.client(user=None) as d:
                reply = d[db].command("saslStart", mechanism=mechanism, payload=f"n,,n={user},r=abc".encode())
                told = dict(part.split("=", 1) for part in reply["payload"].decode().split(","))
                assert (int(told["i"]), len(base64.b64decode(told["s"]))) == (iterations, salt)
                assert told["r"].startswith("abc") and len(told["r"]) > 20
