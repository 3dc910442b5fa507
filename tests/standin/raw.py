"""Messages as they are on the wire, where a driver would add something, or rather go elsewhere."""

import socket
import struct

import bson

EXHAUST_ALLOWED, MORE_TO_COME = 1 << 16, 1 << 1


def send_raw(connection, number, flags=0, **command):
    """One OP_MSG, to the database admin unless `$db` says another."""
    body = struct.pack("<I", flags) + b"\0" + bson.encode({**command, "$db": command.get("$db", "admin")})
    connection.sendall(struct.pack("<iiii", 16 + len(body), number, 0, 2013) + body)


def receive_raw(connection):
    """(request id, what it answers, whether another one follows, document)"""
    length, number, answers, _ = struct.unpack("<iiii", connection.recv(16, socket.MSG_WAITALL))
    body = connection.recv(length - 16, socket.MSG_WAITALL)
    return number, answers, bool(struct.unpack("<I", body[:4])[0] & MORE_TO_COME), bson.decode(body[5:])


def ask_raw(connection, **command):
    """One OP_MSG on a socket, where a driver would rather go elsewhere; the reply's document."""
    send_raw(connection, 1, **command)
    return receive_raw(connection)[3]


def query_raw(connection, **command):
    """The same as OP_QUERY."""
    body = struct.pack("<i", 4) + b"admin.$cmd\0" + struct.pack("<ii", 0, -1) + bson.encode(command)
    connection.sendall(struct.pack("<iiii", 16 + len(body), 1, 0, 2004) + body)
    length = struct.unpack("<i", connection.recv(16, socket.MSG_WAITALL)[:4])[0]
    return bson.decode(connection.recv(length - 16, socket.MSG_WAITALL)[20:])


def connected(member):
    return socket.create_connection((member.ip, member.port), 5)
