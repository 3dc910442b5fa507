"""Recordings of which commands clients send (12): each is sent as it was first seen, and has to be answered."""

import bson
import pymongo

import lab

SESSION = {"id": bson.Binary(b"\1" * 16, 4)}
WITHOUT_ANSWER = {"saslStart", "saslContinue"}  # part of every login here


def sent(text, number):
    """The command of a recorded line, with values for what was masked."""
    command = parse(text, number)
    command.pop("$clusterTime", None)
    command.pop("$db", None)
    return command


class Reader:
    """Documents as the server's log shows them."""

    def __init__(self, text, number):
        self.text, self.at, self.number = text, 0, number

    def skip(self):
        while self.at < len(self.text) and self.text[self.at] in " ,":
            self.at += 1

    def word(self, ends):
        start = self.at
        while self.at < len(self.text) and self.text[self.at] not in ends:
            self.at += 1
        return self.text[start:self.at].strip()

    def value(self):
        self.skip()
        c = self.text[self.at]
        if c == "{":
            return self.document()
        if c == "[":
            self.at += 1
            found = []
            while True:
                self.skip()
                if self.text[self.at] == "]":
                    self.at += 1
                    return found
                found.append(self.value())
        if c == '"':
            end = self.text.index('"', self.at + 1)
            value, self.at = self.text[self.at + 1:end], end + 1
            return value
        word = self.word(",}](")
        if self.text[self.at] == "(":
            self.at = self.text.index(")", self.at) + 1
            return {"UUID": SESSION["id"], "BinData": bson.Binary(b"\2" * 20), "ObjectId": bson.ObjectId(),
                    "Timestamp": bson.Timestamp(1, 1)}[word]
        return {"true": True, "false": False, "null": None}.get(word, float(word) if "." in word else
                                                               int(word) if word.lstrip("-").isdigit() else word)

    def document(self):
        self.at += 1
        found = bson.SON()
        while True:
            self.skip()
            if self.text[self.at] == "}":
                self.at += 1
                return found
            name = self.word(":")
            self.at += 1
            found[name] = self.value()


def parse(text, number):
    command = Reader(text, number).value()
    if "txnNumber" in command:
        command["txnNumber"] = bson.Int64(number)
    if next(iter(command)) == "insert" and "documents" not in command:
        command["documents"] = [{"n": number}]
    return command


def command_order(recorded, check):
    with lab.Set("preferTLS") as s:
        s.settled()
        number = 0
        for label, entry in recorded.items():
            found = []
            for row in entry["commands in order of first use"]:
                if row["command"] in WITHOUT_ANSWER:
                    continue
                number += 1
                database = row["on"].split(".")[0]
                internal = row["command"] == "replSetGetRBID" or (
                    row["command"] == "insert" and '"system.keys"' in row["first seen as"])
                if internal and row["command"] == "insert":
                    continue  # the server's own, not a client's
                user = "__system" if internal or database == "config" else "root"
                reply = send(s["a"], user, database, sent(row["first seen as"], number))
                if reply.get("ok") != 1.0:
                    found.append(f"{row['command']} on {database}: {reply}")
            check(label, found + driver(s, label))


def send(member, user, database, command):
    name = next(iter(command))
    if name in ("ismaster", "isMaster"):  # only the first of a connection may tell about the client
        user, _ = None, command.pop("client", None)
    with member.client(user=user, tls=lab.CLIENT_TLS) as client:
        try:
            return client[database].command(command, check=False)
        except pymongo.errors.PyMongoError as error:
            return {"ok": 0.0, "error": str(error)}


def driver(s, label):
    """The client itself where it is at hand."""
    if not label.startswith("pymongo"):
        return []
    with s.uri_client(**lab.CLIENT_TLS) as client:
        client.x.p.insert_one({"a": 1})
        return [] if client.x.p.count_documents({}) >= 1 else ["pymongo doesn't find what it wrote"]
