"""Faults on demand (tests/faults): each does what its name says, to real processes in the sandbox."""

import pathlib
import subprocess
import sys
import time

import pymongo
import pytest

sys.path[:0] = [str(pathlib.Path(__file__).resolve().parents[1] / d) for d in ("standin", "faults")]
import faults  # noqa: E402
from patience import patient  # noqa: E402
import processes  # noqa: E402

QUICK = {"electionTimeoutMillis": 1000, "heartbeatIntervalMillis": 200}
STEADY = dict(QUICK, electionTimeoutMillis=10000)  # whoever leads goes on
KEEPS_LITTLE = 1  # a seed that leaves less than a key
COMMAND = pathlib.Path(faults.__file__)


def insert(client, number):
    return client.x.command("insert", "t", documents=[{"_id": number}],
                            writeConcern={"w": "majority", "wtimeout": 60000}, check=False)


def state(s, member, seen_by):
    return s.states(seen_by)[member.host]


def test_kill_and_freeze(tmp_path):
    with processes.Set(tmp_path, settings=dict(QUICK, heartbeatTimeoutSecs=1)) as s:
        chance = faults.Faults(3)
        p = s.primary()
        frozen = chance.one_of(s.others(p))
        subprocess.run([COMMAND, "freeze", str(frozen.process.pid)], check=True)
        processes.wait_for(lambda: state(s, frozen, p) == "(not reachable/healthy)", 60)
        with p.client() as c:
            assert "writeConcernError" not in insert(c, 1)  # the other one is enough
        subprocess.run([COMMAND, "thaw", str(frozen.process.pid)], check=True)
        # It may stand for election at once: it did not notice the time.
        processes.wait_for(lambda: state(s, frozen, p) in ("PRIMARY", "SECONDARY"), 60)
        p = s.primary()
        chance.kill(p.process.pid)
        assert p.process.wait(patient(60)) == -9
        assert s.primary(60) is not p


def preload(monkeypatch, shim):
    for name, value in shim.environment.items():
        monkeypatch.setenv(name, value)


def test_disk(tmp_path, monkeypatch):
    everybody, one = faults.Shim(tmp_path), tmp_path / "one"
    preload(monkeypatch, everybody)
    with processes.Set(tmp_path, settings=STEADY) as s:
        p = s.primary()
        with p.client() as c:
            def took(number):
                began = time.monotonic()
                reply = insert(c, number)
                assert reply["n"] == 1 and "writeConcernError" not in reply
                return time.monotonic() - began

            def quick():
                return took(time.monotonic()) < 0.4
            processes.wait_for(quick, 60)
            everybody.set(sync_ms=400)
            assert took(2) >= 0.4
            everybody.set(sync_ms=0)
            processes.wait_for(quick, 60)
            one.mkdir()
            full = faults.Shim(one)
            preload(monkeypatch, full)
            m = s.others(p)[0]
            m.kill()
            m.start()
            processes.wait_for(lambda: state(s, m, p) == "SECONDARY")
            full.set(full_from=-1)
            took(3)  # the other one is enough
        assert m.process.wait(patient(60)) == 14  # what can't be written any more ends the process
        assert "No space left on device" in m.log_text()


def test_clock_and_start(tmp_path, monkeypatch):
    shim = faults.Shim(tmp_path, start_ms=700)
    preload(monkeypatch, shim)
    m = processes.Member(tmp_path / "m", "127.0.6.1", replset=None, keyfile=False)
    began = time.monotonic()
    m.start()
    try:
        assert time.monotonic() - began > 0.7
        with m.client(user=None) as c:
            def ahead():
                return c.admin.command("isMaster")["localTime"].timestamp() - time.time() + time.timezone
            before = ahead()
            shim.set(clock_ms=3600000)
            assert 3540 < ahead() - before < 3660
            shim.set(clock_ms=-86400000)
            assert -86460 < ahead() - before < -86340
    finally:
        m.kill()


def test_crash_during_start_and_truncated_files(tmp_path):
    chance = faults.Faults(11)
    with processes.Set(tmp_path, settings=STEADY) as s:
        p = s.primary()
        m = s.others(p)[0]
        with s.uri_client() as c:
            c.x.t.insert_many({"_id": i} for i in range(200))
        m.kill()
        for _ in range(6):
            m.start(wait=False)
            assert chance.crash_during_start(m.process) < 0.3
        log = m.dir / "db" / "standin.log"
        if log.exists():  # the end of the log is gone: fetched again from the others
            size = log.stat().st_size
            assert chance.truncate(log) < size
        m.start()
        processes.wait_for(lambda: state(s, m, p) == "SECONDARY")

        def count():
            with m.client() as d:
                return d.x.t.count_documents({})
        processes.wait_for(lambda: count() == 200)
        m.stop()
        assert faults.Faults(KEEPS_LITTLE).truncate(m.key) < 6
        m.start(wait=False)
        assert m.process.wait(patient(60)) == 1 and "security key" in m.log_text() + m.out_text()


def test_seeds_repeat():
    first, second = faults.Faults(8), faults.Faults(8)
    assert [first.one_of("abcdef") for _ in range(20)] == [second.one_of("abcdef") for _ in range(20)]


def test_refusing_to_lead(tmp_path):
    with processes.Set(tmp_path, settings=QUICK) as s:
        p = s.primary()
        stubborn, other = s.others(p)
        with stubborn.client() as c:
            faults.refuse_to_lead(c, 600)
        p.kill()
        assert s.primary(60) is other


def test_expired_certificate(tmp_path):
    ca = processes.Authority(tmp_path)
    path = ca.issue("m.pem", ["127.0.6.2"])
    m = processes.Member(tmp_path / "m", "127.0.6.2", replset=None, keyfile=False, tls={
        "mode": "requireTLS", "certificateKeyFile": path, "CAFile": ca.path, "allowConnectionsWithoutCertificates": True})
    m.start()
    faults.expire(ca, path, ["127.0.6.2"])
    with m.client(user=None, tls={"tls": True, "tlsCAFile": str(ca.path)}) as c:
        assert c.admin.command("ping")["ok"] == 1  # what runs goes on
    m.stop()
    m.start(wait=False)
    assert m.process.wait(patient(60)) == 14


# ---- network: two hosts of their own --------------------------------------------------------


@pytest.fixture(scope="module")
def hosts():
    """A bridge's two hosts, each with a server: [(namespace, address)…]."""
    made = []
    for number in (1, 2):
        name, address = f"fault{number}", f"10.77.0.{240 + number}"
        for command in (f"ip netns add {name}", f"ip link add {name} type veth peer name eth0 netns {name}",
                        f"ip link set {name} master ek0 up", f"ip -n {name} link set lo up",
                        f"ip -n {name} address add {address}/24 dev eth0", f"ip -n {name} link set eth0 up"):
            subprocess.run(command.split(), check=True)
        made.append((name, address))
    yield made
    for name, _ in made:
        subprocess.run(["ip", "link", "del", name], check=True)
        subprocess.run(["ip", "netns", "del", name], check=True)


@pytest.fixture
def link(hosts):
    cable = faults.Link(hosts[0][0])
    yield cable
    cable.mend()


def pings(hosts, count=1, each_s=60):
    """How many of `count` attempts get an answer (a refusal by the kernel) from host 2 in host 1."""
    program = ("import socket, sys\n"
               "answered = 0\n"
               "for i in range(int(sys.argv[2])):\n"
               "    s = socket.socket()\n"
               "    s.settimeout(float(sys.argv[3]))\n"
               "    try:\n"
               "        s.connect((sys.argv[1], 9))\n"
               "    except ConnectionRefusedError:\n"
               "        answered += 1\n"
               "    except socket.timeout:\n"
               "        pass\n"
               "print(answered)\n")
    done = subprocess.run(["ip", "netns", "exec", hosts[0][0], sys.executable, "-c", program, hosts[1][1], str(count),
                           str(each_s)], capture_output=True, text=True, check=True)
    return int(done.stdout)


@pytest.mark.parametrize("way", ["in", "out", "both"])
def test_partition(hosts, link, way):
    assert pings(hosts) == 1
    subprocess.run([COMMAND, "cut", hosts[0][0], hosts[1][1], way], check=True)
    assert pings(hosts, each_s=0.4) == 0
    subprocess.run([COMMAND, "mend", hosts[0][0]], check=True)
    assert pings(hosts) == 1


def test_a_cut_in_one_direction(hosts, link):
    """With only the way back cut, what host 1 sends still arrives at host 2."""
    link.cut(hosts[1][1], "in")
    with subprocess.Popen(["ip", "netns", "exec", hosts[1][0], sys.executable, "-c",
                           "import socket; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.settimeout(60); "
                           f"s.bind(('{hosts[1][1]}', 9)); print('ready', flush=True); print(s.recv(1))"],
                          stdout=subprocess.PIPE, text=True) as listen:
        assert listen.stdout.readline() == "ready\n"
        assert pings(hosts, each_s=0.4) == 0
        subprocess.run(["ip", "netns", "exec", hosts[0][0], sys.executable, "-c", "import socket; socket.socket("
                        f"socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('{hosts[1][1]}', 9))"], check=True)
        assert listen.communicate(timeout=patient(90))[0] == "b'x'\n" and listen.returncode == 0


def arrived(hosts, count):
    """Which of so many datagrams from host 2 arrive at host 1."""
    with subprocess.Popen(["ip", "netns", "exec", hosts[0][0], sys.executable, "-c",
                           "import select, socket\n"
                           "s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n"
                           "s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)\n"
                           f"s.bind(('{hosts[0][1]}', 9)); print('ready', flush=True)\n"
                           "while s in select.select([s, 0], [], [])[0] or select.select([s], [], [], 0.5)[0]:\n"
                           "    print(s.recv(9).decode())\n"],
                          stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as listen:
        assert listen.stdout.readline() == "ready\n"
        subprocess.run(["ip", "netns", "exec", hosts[1][0], sys.executable, "-c",
                        "import socket, time\n"
                        "s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n"
                        f"for i in range({count}):\n"
                        f"    s.sendto(str(i).encode(), ('{hosts[0][1]}', 9))\n"
                        "    time.sleep(0.001)\n"], check=True)
        return [int(line) for line in listen.communicate(timeout=patient(60))[0].split()]  # by the end of its input


def test_loss(hosts, link):
    """As much as asked for, and the same packets for the same seed."""
    assert arrived(hosts, 400) == list(range(400))
    link.loss(30)
    first = arrived(hosts, 1000)
    assert 650 < len(first) < 750
    link.mend()
    faults.Link(hosts[0][0]).loss(30)
    assert len(set(arrived(hosts, 1000)) ^ set(first)) < 40  # but for what else the host got meanwhile
    link.mend()
    faults.Link(hosts[0][0], seed=5).loss(30)
    assert len(set(arrived(hosts, 1000)) ^ set(first)) > 250
    link.mend()
    assert arrived(hosts, 400) == list(range(400))


def round_trips(hosts, count=5):
    """How long it takes in host 1 until host 2 has said no, in ms."""
    program = ("import socket, sys, time\n"
               "for i in range(int(sys.argv[2])):\n"
               "    s = socket.socket()\n"
               "    s.settimeout(60)\n"
               "    began = time.monotonic()\n"
               "    try:\n"
               "        s.connect((sys.argv[1], 9))\n"
               "    except ConnectionRefusedError:\n"
               "        print((time.monotonic() - began) * 1000)\n")
    done = subprocess.run(["ip", "netns", "exec", hosts[0][0], sys.executable, "-c", program, hosts[1][1], str(count)],
                          capture_output=True, text=True, check=True)
    found = sorted(map(float, done.stdout.split()))
    assert len(found) == count
    return found


def test_latency(hosts, link):
    """Of what leaves, so every round trip is longer by that much; from both ends, by the sum."""
    back = faults.Link(hosts[1][0])
    assert round_trips(hosts)[0] < 100
    subprocess.run([COMMAND, "latency", hosts[0][0], "120"], check=True)
    try:
        found = round_trips(hosts)
        assert 120 <= found[0] < 2000, found
        back.latency(200)
        found = round_trips(hosts, 3)
        assert 320 <= found[0] < 2000, found
        link.latency(20, jitter_ms=15)  # another one takes the place of the first
        back.mend()
        found = round_trips(hosts, 20)
        assert found[0] >= 5 and found[-1] - found[0] > 8 and found[0] < 100, found
        assert bulk(hosts) == 3000000  # segments larger than a frame come through whole
    finally:
        back.mend()
        subprocess.run([COMMAND, "mend", hosts[0][0]], check=True)
    assert round_trips(hosts)[0] < 100 and bulk(hosts) == 3000000


def bulk(hosts):
    """So many bytes arrive when host 1 sends three million to host 2, in one connection."""
    with subprocess.Popen(["ip", "netns", "exec", hosts[1][0], sys.executable, "-c",
                           "import socket\n"
                           "l = socket.socket(); l.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)\n"
                           f"l.bind(('{hosts[1][1]}', 99)); l.listen(); print('ready', flush=True)\n"
                           "c = l.accept()[0]; n = 0\n"
                           "while (piece := c.recv(1 << 16)):\n"
                           "    n += len(piece)\n"
                           "print(n)\n"], stdout=subprocess.PIPE, text=True) as listen:
        assert listen.stdout.readline() == "ready\n"
        subprocess.run(["ip", "netns", "exec", hosts[0][0], sys.executable, "-c",
                        f"import socket; s = socket.create_connection(('{hosts[1][1]}', 99)); s.sendall(bytes(3000000)); "
                        "s.close()"], check=True, timeout=patient(120))
        return int(listen.communicate(timeout=patient(120))[0])


def test_a_narrow_link(hosts, link):
    try:
        link.narrow(64)
    except faults.Unsupported as why:
        pytest.skip(f"this kernel can't: {why}")
    assert pings(hosts) == 1
