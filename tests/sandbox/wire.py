"""The least of MongoDB's wire protocol: one isMaster on a connection of its own.

Used where a driver would get in the way: no monitors, no retries, no pools, and the way in
(plaintext or TLS) is chosen by the caller."""

import socket
import ssl
import struct

import bson
from patience import patient

OP_REPLY, OP_QUERY = 1, 2004
SECONDARY_OK = 4


class Refused(Exception):
    """The server can't be reached this way; the text says why."""


class Silent(Refused):
    """It may be let in, but nothing comes back: another way would be no better."""


def trusting_context():
    """TLS that looks at nothing: for watchers that only want to be let in."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def verifying_context(ca_file):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(ca_file)
    return context


def _exactly(connection, count):
    data = b""
    while len(data) < count:
        chunk = connection.recv(count - len(data))
        if not chunk:
            raise Refused("connection closed")
        data += chunk
    return data


def is_master(host, port=27017, tls=None, name=None, timeout=5.0):
    """The isMaster reply. `tls` is an ssl.SSLContext or None; `name` what the certificate must say."""
    body = bson.encode({"isMaster": 1})
    query = struct.pack("<i", SECONDARY_OK) + b"admin.$cmd\0" + struct.pack("<ii", 0, -1) + body
    message = struct.pack("<iiii", 16 + len(query), 1, 0, OP_QUERY) + query
    try:
        with socket.create_connection((host, port), patient(timeout)) as plain:
            connection = tls.wrap_socket(plain, server_hostname=name or host) if tls else plain
            connection.sendall(message)
            length, _, _, opcode = struct.unpack("<iiii", _exactly(connection, 16))
            reply = _exactly(connection, length - 16)
            if tls:
                connection.close()
    except TimeoutError as error:
        raise Silent(str(error)) from error
    except OSError as error:  # ssl.SSLError is one
        raise Refused(str(error) or type(error).__name__) from error
    if opcode != OP_REPLY:
        raise Refused(f"answered with opcode {opcode}")
    return bson.decode(reply[20:])


def served_certificate(host, port=27017, timeout=5.0):
    """The certificate (DER) that the server presents, unverified."""
    try:
        with socket.create_connection((host, port), patient(timeout)) as plain:
            with trusting_context().wrap_socket(plain, server_hostname=host) as connection:
                return connection.getpeercert(binary_form=True)
    except OSError as error:
        raise Refused(str(error) or type(error).__name__) from error
