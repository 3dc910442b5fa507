"""A delay in a host's cable, where the kernel has no netem.

tests/faults/delay.py OUTER BRIDGE MS [JITTER_MS] [SEED]

OUTER is the end of the host's cable that is plugged into BRIDGE. It is unplugged; a tap device takes its place, and this
process carries frames between the two: what the host sends waits, what it receives doesn't. "ready" is printed when it
does so. SIGTERM plugs the cable in again. Frames keep their offload headers, so that nobody has to compute checksums.
"""

import errno
import fcntl
import heapq
import os
import random
import select
import signal
import socket
import struct
import subprocess
import sys
import time

TUNSETIFF, TUNSETOFFLOAD = 0x400454CA, 0x400454D0
IFF_TAP, IFF_NO_PI, IFF_VNET_HDR = 0x0002, 0x1000, 0x4000
OFFLOADS = 0x01 | 0x02 | 0x04  # checksums, segments of TCP over IPv4 and IPv6
SOL_PACKET, PACKET_VNET_HDR, PACKET_IGNORE_OUTGOING = 263, 15, 23
ETH_P_ALL = 0x0003
FRAME = 1 << 17
GONE = (errno.ENODEV, errno.ENETDOWN, errno.ENXIO, errno.EBADFD)


def ip(*words):
    subprocess.run(["ip", *words], check=True, capture_output=True,
                   env=dict(os.environ, PATH=os.environ.get("PATH", "") + ":/usr/sbin:/sbin"))


def open_tap(name):
    tap = os.open("/dev/net/tun", os.O_RDWR | os.O_CLOEXEC | os.O_NONBLOCK)
    fcntl.ioctl(tap, TUNSETIFF, struct.pack("16sH22x", name.encode(), IFF_TAP | IFF_NO_PI | IFF_VNET_HDR))
    fcntl.ioctl(tap, TUNSETOFFLOAD, OFFLOADS)
    return tap


def open_cable(name):
    cable = socket.socket(socket.AF_PACKET, socket.SOCK_RAW | socket.SOCK_NONBLOCK, 0)
    cable.setsockopt(SOL_PACKET, PACKET_VNET_HDR, 1)
    cable.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
    cable.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
    cable.bind((name, ETH_P_ALL))
    return cable


def carry(tap, cable, delay_s, jitter_s, chance):
    """Until the devices are gone. Frames keep their order: none overtakes the one before."""
    waiting, number, last = [], 0, 0.0
    poll = select.poll()
    poll.register(tap, select.POLLIN)
    poll.register(cable.fileno(), select.POLLIN)
    while True:
        pause = max(0.0, waiting[0][0] - time.monotonic()) * 1000 if waiting else None
        for fd, what in poll.poll(pause):
            if what & (select.POLLNVAL | select.POLLHUP):
                return
            for _ in range(64):
                try:
                    frame = os.read(tap, FRAME) if fd == tap else cable.recv(FRAME)
                    if fd == tap:
                        cable.send(frame)
                except BlockingIOError:
                    break
                except OSError as error:
                    if error.errno in GONE:
                        return
                    break  # a frame that the other side doesn't take is lost, as on any cable
                if fd != tap:
                    number += 1
                    last = max(last, time.monotonic() + delay_s + chance.uniform(-jitter_s, jitter_s))
                    heapq.heappush(waiting, (last, number, frame))
        while waiting and waiting[0][0] <= time.monotonic():
            try:
                os.write(tap, heapq.heappop(waiting)[2])
            except OSError as error:
                if error.errno in GONE:
                    return


def main():
    outer, bridge, delay_ms = sys.argv[1:4]
    jitter_ms, seed = (sys.argv[4:] + ["0", "0"])[:2]
    tap_name = "slow-" + outer[-10:]
    tap, cable = open_tap(tap_name), open_cable(outer)

    def plug_in(*_):
        os.close(tap)
        try:
            ip("link", "set", outer, "arp", "on", "master", bridge)
        except subprocess.CalledProcessError:
            pass  # the host is gone
        os._exit(0)

    signal.signal(signal.SIGTERM, plug_in)
    ip("link", "set", tap_name, "master", bridge, "up")
    ip("link", "set", outer, "nomaster", "arp", "off")
    print("ready", flush=True)
    carry(tap, cable, float(delay_ms) / 1000, float(jitter_ms) / 1000, random.Random(seed))


if __name__ == "__main__":
    main()
