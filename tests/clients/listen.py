"""Stands between a client and a server in plaintext, and notes what is asked and how it is answered."""

import socket
import struct
import threading

import bson

OP_REPLY, OP_QUERY, OP_MSG = 1, 2004, 2013
MORE_TO_COME = 2


def read_message(source):
    head = source.recv(16, socket.MSG_WAITALL)
    if len(head) < 16:
        return None
    size, number, answers, code = struct.unpack("<iiii", head)
    body = source.recv(size - 16, socket.MSG_WAITALL)
    return number, answers, code, head, body


def document(code, body):
    """The message's command or reply, without its document sequences."""
    if code == OP_QUERY:
        end = body.index(0, 4)
        return bson.decode(body[end + 9:end + 9 + struct.unpack_from("<i", body, end + 9)[0]])
    at = 20 if code == OP_REPLY else 5
    return bson.decode(body[at:at + struct.unpack_from("<i", body, at)[0]])


class Listener:
    """`asked`: [(database, command, reply)] in the order of the answers."""

    def __init__(self, to):
        self.to, self.asked, self.lock = to, [], threading.Lock()
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def close(self):
        self.socket.close()

    def accept(self):
        while True:
            try:
                client, _ = self.socket.accept()
            except OSError:
                return
            server = socket.create_connection(self.to)
            waiting = {}
            for one, other, note in ((client, server, self.request), (server, client, self.reply)):
                threading.Thread(target=self.carry, args=(one, other, note, waiting), daemon=True).start()

    @staticmethod
    def carry(source, target, note, waiting):
        with source, target:
            try:
                while message := read_message(source):
                    note(waiting, message)
                    target.sendall(message[3] + message[4])
            except OSError:
                pass
            for end in (source, target):
                try:
                    end.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass

    def request(self, waiting, message):
        number, _, code, _, body = message
        command = document(code, body)
        database = command.get("$db") or body[4:body.index(0, 4)].decode().split(".")[0]
        waiting[number] = (database, command)

    def reply(self, waiting, message):
        number, answers, code, _, body = message
        asked = waiting.get(answers)
        if asked is None:
            return
        if code == OP_MSG and struct.unpack_from("<I", body)[0] & MORE_TO_COME:
            waiting[number] = asked
        with self.lock:
            self.asked.append((*asked, document(code, body)))
