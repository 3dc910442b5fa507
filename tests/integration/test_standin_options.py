"""Options that the server doesn't understand, that don't go together, or that are given twice: what it says, and its status.

What can't be understood ends with 2 and a hint at --help, before there is a log; values that are refused, with "BadValue: " before
them, likewise; what doesn't go together is a failed initialization, with 1. After mongod 4.2's options_parser.cpp,
mongod_options.cpp and ssl_options_server.cpp, and boost's program_options; recordings/06 has some of them.
"""

import pathlib
import subprocess
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "standin"))
import processes as fleet  # noqa: E402

IP = "127.0.4.9"


@pytest.fixture
def member(tmp_path):
    return fleet.Member(tmp_path / "m", IP, replset=None, keyfile=False)


@pytest.fixture
def ca(tmp_path):
    return fleet.Authority(tmp_path)


def refused(member, *more):
    done = subprocess.run(member.command(*more), stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
    return done.returncode, done.stdout, done.stderr, member.log_text()


def says(status, text, hint=True):
    """Status 2, the text as the whole of standard error, and the hint."""
    expected = text + (f"\ntry '{fleet.BINARY} --help' for more information\n" if hint else "")
    return status, "", expected, ""


def failed(outcome):
    """The status, and the text of the only line: the initialization failed before there was a log file."""
    status, out, err, log = outcome
    assert (err, log) == ("", "") and len(out.splitlines()) == 1, outcome
    return status, out.split(" F  CONTROL  [main] Failed global initialization: ")[1].rstrip()


def append(member, text):
    member.conf.write_text(member.conf.read_text() + text)


PARSING = "Error parsing command line: "


@pytest.mark.parametrize("given, message", [
    (["--nonsense"], PARSING + "unrecognised option '--nonsense'"),
    (["--nonsense=1"], PARSING + "unrecognised option '--nonsense=1'"),
    (["-x"], PARSING + "unrecognised option '-x'"),
    (["--port"], PARSING + "the required argument for option '--port' is missing"),
    (["--port", "--fork"], PARSING + "the required argument for option '--port' is missing"),
    (["--port="], PARSING + "the argument for option '--port' should follow immediately after the equal sign"),
    (["--fork=1"], PARSING + "option '--fork' does not take any arguments"),
    (["--bind_ip", "127.0.0.1", "--bind_ip", "127.0.0.2"], PARSING + ' Multiple occurrences of option "--bind_ip"'),
    (["-bind_ip", "127.0.0.1", "--bind_ip=127.0.0.2"], PARSING + ' Multiple occurrences of option "--bind_ip"'),
    (["--ipv6", "--ipv6"], PARSING + ' Multiple occurrences of option "--ipv6"'),
    (["--port", "many"], 'Error parsing option "port" as int: Bad digit "m" while parsing many'),
    (["--port", "27017x"], 'Error parsing option "port" as int: Bad digit "x" while parsing 27017x'),
    (["--wiredTigerCacheSizeGB", "x"],
     'Error parsing option "wiredTigerCacheSizeGB" as double in: Did not consume whole number.'),
    (["--enableMajorityReadConcern", "perhaps"],
     "Expected boolean but found string: perhaps for option: enableMajorityReadConcern"),
    (["--setParameter", "logLevel"], 'Illegal option assignment: "logLevel"'),
    (["--setParameter", "logLevel=1", "--setParameter", "logLevel=2"],
     "Key Value Option: setParameter has a duplicate key from the same source: logLevel"),
    (["one", "two", "three", "four"],
     PARSING + "too many positional options have been specified on the command line"),
    (["--configExpand", "all"], "Invalid value for --configExpand: 'all'"),
])
def test_a_command_line_that_cannot_be_understood(member, given, message):
    assert refused(member, *given) == says(2, message)


@pytest.mark.parametrize("given, message", [
    (["--port", "70000"], "bad --port number"),
    (["--oplogSize", "0"], "bad --oplogSize, arg must be greater than 0,found: 0"),
    (["--maxConns", "4"], "maxConns has to be at least 5"),
    (["--transitionToAuth"], "--transitionToAuth must be used with keyFile or x509 authentication"),
    (["--clusterAuthMode", "X509"], "unsupported value for clusterAuthMode X509"),
    (["--logRotate", "never"], "unsupported value for logRotate never"),
    (["--setParameter", "nonsense=1"], 'Illegal --setParameter parameter: "nonsense"'),
    (["--setParameter", "tlsMode=preferTLS"], 'Cannot use --setParameter to set "tlsMode" at startup'),
])
def test_a_value_that_is_refused(member, given, message):
    assert refused(member, *given) == says(2, f"BadValue: {message}")


@pytest.mark.parametrize("given, message", [
    (["--clusterAuthMode", "nonsense"],
     "security.clusterAuthMode expects one of 'keyFile', 'sendKeyFile', 'sendX509', or 'X509'"),
    (["--clusterAuthMode", "x509"], "need to enable TLS via the tlsMode flag"),
    (["--auth", "--noauth"], "auth is not allowed when noauth is specified"),
    (["--noauth", "--keyFile", "/nowhere"], "security.keyFile is not allowed when noauth is specified"),
    (["--syslog"], "syslog is not allowed when systemLog.path is specified"),
    (["--tlsMode", "requireTLS", "--sslMode", "requireSSL"], "net.ssl.mode is not allowed when net.tls.mode is specified"),
    (["--tlsMode", "requireTLS"], "need tlsCertificateKeyFile or certificateSelector when TLS is enabled"),
])
def test_options_that_do_not_go_together(member, given, message):
    status, out, err, log = refused(member, *given)
    last = out.splitlines()[-1]
    assert (status, err, log) == (1, "", "")
    assert last.split(" F  CONTROL  [main] ")[1] == f"Failed global initialization: BadValue: {message}"


@pytest.mark.parametrize("text, message", [
    ("nonsense: 1\n", "Unrecognized option: nonsense"),
    ("net.bogus: 1\n", "Unrecognized option: net.bogus"),
    ("net.port.number: 1\n", "Unrecognized option: net.port.number"),
    ("storage.wiredTiger:\n  engineConfig:\n    color: red\n", "Unrecognized option: storage.wiredTiger.engineConfig.color"),
    ("security:\n", "Unrecognized option: security"),
    ("nonsense: [1]\n", "Unrecognized option: nonsense"),
    ("replication.oplogSizeMB: many\n",
     'Error parsing option "replication.oplogSizeMB" as int: Bad digit "m" while parsing many'),
    ("replication.oplogSizeMB:\n", 'Error parsing option "replication.oplogSizeMB" as int: No digits'),
    ("replication.oplogSizeMB: 99999999999999999999\n",
     'Error parsing option "replication.oplogSizeMB" as int: Overflow'),
    ("replication.oplogSizeMB: [1, 2]\n", "Scalar option 'replication.oplogSizeMB' must be a single value"),
    ("storage.syncPeriodSecs: often\n",
     'Error parsing option "storage.syncPeriodSecs" as double in: Did not consume whole number.'),
    ("processManagement.fork: perhaps\n",
     "Expected boolean switch but found string: perhaps for option: processManagement.fork"),
    ("security.javascriptEnabled: 1\n", "Expected boolean but found string: 1 for option: security.javascriptEnabled"),
    ("net.port: 1\n", "Error parsing YAML config: duplicate key: net.port"),
    ("setParameter: 1\n",
     "Option: setParameter is of type StringMap, but value in YAML config is not a map type"),
    ("setParameter: {logLevel: [1]}\n", "setParameter has a map with non scalar values, which is not allowed"),
    ("setParameter: {logLevel: 1, logLevel: 2}\n",
     "String Map Option: setParameter has duplicate keys in YAML Config: logLevel"),
    ('"": 1\n', "Found empty key in YAML config file"),
])
def test_a_file_that_cannot_be_understood(member, text, message):
    append(member, text)
    assert refused(member) == says(2, message)


@pytest.mark.parametrize("text, message", [
    ("[1, 2]\n", "No map found at top level of YAML config"),
    ("nonsense\n", "Error parsing INI config file: the options configuration file contains an invalid line 'nonsense'"),
])
def test_a_file_that_is_none(member, text, message):
    member.conf.write_text(text)
    assert refused(member) == says(2, message)


@pytest.mark.parametrize("version, missing", [
    ("4.2", "Error opening config file: Is a directory"),
    ("4.4", "Error opening config file: Is a directory"),
    ("5.0", "Error opening config file '{}': No such file or directory"),
])
def test_a_file_that_is_not_there(member, monkeypatch, version, missing):
    monkeypatch.setenv("STANDIN_VERSION", version)
    member.conf.unlink()
    assert refused(member) == says(2, missing.format(member.conf))


@pytest.mark.parametrize("version, status, text", [
    ("4.2", 2, 'BadValue: Illegal --setParameter parameter: "nonsense"'),
    ("4.4", 1, "Unknown --setParameter 'nonsense'"),
    ("8.0", 1, "Unknown --setParameter 'nonsense'"),
])
def test_a_parameter_that_there_is_not(member, monkeypatch, version, status, text):
    monkeypatch.setenv("STANDIN_VERSION", version)
    got, out, err, _ = refused(member, "--setParameter", "nonsense=1")
    assert got == status and text in out + err


def test_both_spellings_in_one_file(member, ca):
    """Of the mode they exclude each other; all else is the same option said twice."""
    tls = f"  tls:\n    mode: requireTLS\n    certificateKeyFile: {ca.issue('a.pem', [IP])}\n    CAFile: {ca.path}\n"
    before = member.conf.read_text()
    member.conf.write_text(before + tls + "net.ssl.mode: requireSSL\n")
    assert failed(refused(member)) == (1, "BadValue: net.ssl.mode is not allowed when net.tls.mode is specified")
    member.conf.write_text(before + tls + f"net.ssl.CAFile: {ca.path}\n")
    status, out, err, log = refused(member)
    assert "Option: net.ssl.CAFile is deprecated. Please use net.tls.CAFile instead." in out
    assert (status, "", err, log) == says(
        2, "Error parsing YAML config: duplicate key: net.ssl.CAFile(canonical key: net.tls.CAFile)")


def test_both_spellings_on_the_command_line(member, ca):
    status, out, err, log = refused(member, "--tlsCAFile", str(ca.path), "--sslCAFile", str(ca.path))
    assert "Option: sslCAFile is deprecated. Please use tlsCAFile instead." in out
    assert (status, "", err, log) == says(2, PARSING + ' Multiple occurrences of option "sslCAFile"')
    assert refused(member, "--tlsCAFile", str(ca.path), "--tlsCAFile", str(ca.path)) == says(
        2, PARSING + ' Multiple occurrences of option "--tlsCAFile"')


def test_the_command_line_goes_before_the_file(member, ca):
    """Also when the two call an option by its two names; but the modes exclude each other wherever they stand."""
    pem = ca.issue("a.pem", [IP])
    append(member, f"  tls:\n    mode: allowTLS\n    certificateKeyFile: /nowhere\n    CAFile: {ca.path}\n"
                   "setParameter: {logLevel: 1, notablescan: true}\n")
    status, out, _, _ = refused(member, "--sslMode", "allowSSL")
    assert status == 1 and out.rstrip().endswith("BadValue: net.ssl.mode is not allowed when net.tls.mode is specified")
    member.start("--sslPEMKeyFile", str(pem), "--setParameter", "logLevel=2", "--tlsMode", "preferTLS")
    try:
        with member.client(user=None) as c:
            told = c.admin.command("getCmdLineOpts")
    finally:
        member.kill()
    assert told["parsed"]["net"]["tls"] == {"CAFile": str(ca.path), "certificateKeyFile": str(pem), "mode": "preferTLS"}
    assert told["parsed"]["setParameter"] == {"logLevel": "2", "notablescan": "true"}


def test_a_password_is_shown_nowhere(member, ca):
    pem = ca.issue("sealed.pem", [IP], password="s3cret")
    append(member, f"  tls:\n    mode: preferTLS\n    certificateKeyFile: {pem}\n    CAFile: {ca.path}\n")
    for given in (["--tlsCertificateKeyFilePassword=s3cret"], ["--tlsCertificateKeyFilePassword", "s3cret"]):
        member.start(*given)
        with member.client(user=None) as c:
            told = c.admin.command("getCmdLineOpts")
        member.kill()
        assert "s3cret" not in str(told) and "<password>" in told["argv"][-1]
        assert told["parsed"]["net"]["tls"]["certificateKeyFilePassword"] == "<password>"


@pytest.mark.parametrize("without, message", [
    ("  destination:", "Can only use systemLog.path if systemLog.destination is to a file"),
    ("  path:", "systemLog.path is required if systemLog.destination is to a file"),
])
def test_a_log_is_a_path_and_a_destination(member, without, message):
    lines = [line for line in member.conf.read_text().splitlines() if not line.startswith(without)]
    member.conf.write_text("\n".join(lines) + "\n")
    assert refused(member) == says(2, f"BadValue: {message}")


def test_words_that_were_commands(member):
    status, out, _, _ = refused(member, "dbpath")
    assert (status, out) == (0, f"{member.dir}/db\n")
    status, out, _, _ = refused(member, "serve")
    assert (status, out.splitlines()[0]) == (1, "Invalid command: serve")


@pytest.mark.parametrize("address, status, words", [
    ("192.0.2.1", 48, "E  STORAGE  [main] Failed to set up listener: SocketException: Cannot assign requested address"),
    ("no.such.name.invalid", 48, "E  STORAGE  [main] Failed to set up listener: SocketException: No available addresses/ports "
                                 "to bind to"),
])
def test_an_address_that_cannot_be_bound(member, address, status, words):
    got, _, _, log = refused(member, "--bind_ip", address)
    assert got == status and words.replace("[main]", "[initandlisten]") in log, log
    assert log.splitlines()[-1].endswith("shutting down with code:48")


def test_no_authority_is_warned_of(member, ca):
    """In the log, and not among the warnings that one can ask for."""
    append(member, f"  tls:\n    mode: preferTLS\n    certificateKeyFile: {ca.issue('a.pem', [IP])}\n"
                   "    allowConnectionsWithoutCertificates: true\n")
    member.start()
    try:
        with member.client(user=None) as c:
            warnings = c.admin.command("getLog", "startupWarnings")["log"]
    finally:
        member.kill()
    words = "No client certificate validation can be performed since no CA file has been provided"
    assert f"I  CONTROL  [initandlisten] ** WARNING: {words}" in member.log_text()
    assert not any(words in line for line in warnings)
