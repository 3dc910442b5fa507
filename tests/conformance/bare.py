"""A connection to a member that no driver looks after: it is not opened again, and sends what it is given and nothing else."""

import socket
import ssl
import struct
import threading

import bson

import lab
from compare import as_recorded

import raw  # beside processes.py


class Bare:
    def __init__(self, member):
        self.socket, self.failure = None, None
        try:
            self.socket = socket.create_connection((member.address, lab.PORT), 10)
            if member.tls:
                self.socket = any_certificate().wrap_socket(self.socket)
            self.socket.settimeout(lab.patient(40))
        except OSError as error:
            self.failure = error

    def ask(self, command):
        """The reply in the notation of the recordings; what became of the connection when there is none."""
        try:
            if self.failure:
                raise self.failure
            raw.send_raw(self.socket, 1, **command)
            return as_recorded(self.document())
        except Exception as error:  # pylint: disable=broad-except
            self.failure = error
            return {"exception": "ConnectionError", "message": "timed out" if isinstance(error, socket.timeout) else "connection closed"}

    def document(self):
        length = struct.unpack("<i", self.bytes(16)[:4])[0]
        return bson.decode(self.bytes(length - 16)[5:])

    def bytes(self, n):
        got = b""
        while len(got) < n:
            more = self.socket.recv(n - len(got))
            if not more:
                raise ConnectionResetError("connection closed")
            got += more
        return got

    def ask_while(self, command, act):
        """The same, and something happens when the server has had a moment to begin to wait."""
        timer = threading.Timer(lab.patient(1), act)
        timer.start()
        reply = self.ask(command)
        timer.join()
        return reply

    def close(self):
        if self.socket:
            self.socket.close()


def any_certificate():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context
