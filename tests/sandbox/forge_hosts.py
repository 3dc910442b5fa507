"""Git hosts that hold every request against the documented REST interface of GitHub, GitLab and
Gitea, over TLS. What a request does wrong is answered as the host would, and kept in `wrong`."""

import datetime
import ipaddress
import json
import re
import ssl
import threading
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from patience import patient

SHA = re.compile(r"[0-9a-f]{40}")


class Authority:
    """Signs certificates for hosts on the loopback."""

    def __init__(self, directory, name="Forge test authority"):
        self.directory = directory
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self.file = directory / (name.replace(" ", "-") + ".pem")
        certificate = self.sign(self.name, self.key.public_key(), x509.BasicConstraints(True, None))
        self.file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))

    def sign(self, subject, key, *extensions):
        now = datetime.datetime.utcnow()
        builder = (x509.CertificateBuilder().subject_name(subject).issuer_name(self.name)
                   .public_key(key).serial_number(x509.random_serial_number())
                   .not_valid_before(now - datetime.timedelta(days=1))
                   .not_valid_after(now + datetime.timedelta(days=30)))
        for extension in extensions:
            builder = builder.add_extension(extension, critical=True)
        return builder.sign(self.key, hashes.SHA256())

    def for_host(self, *names):
        """(certificate file, key file) for a server of these names and addresses."""
        key = ec.generate_private_key(ec.SECP256R1())
        alternatives = [x509.IPAddress(ipaddress.ip_address(n)) if n[0].isdigit()
                        else x509.DNSName(n) for n in names]
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0])])
        certificate = self.sign(subject, key.public_key(),
                                x509.SubjectAlternativeName(alternatives))
        stem = self.directory / f"server-{certificate.serial_number:x}"
        paths = (stem.with_suffix(".crt"), stem.with_suffix(".key"))
        paths[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        paths[1].write_bytes(key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption()))
        return paths


class Answer(Exception):
    def __init__(self, status, body=None, **headers):
        super().__init__(status)
        self.status, self.body = status, body
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}


class Host:
    """One host with one repository `acme/fleet` and one pull request, number 7."""

    repository, number = "acme/fleet", "7"
    commit = "3f2c1ab7d0c94a55b1e2f60718293a4b5c6d7e8f"
    prefix, token_header, token_word = "", "Authorization", "Bearer "
    update_method, page = "PATCH", 100
    # What other software calls it.
    name = kind = None

    def __init__(self, authority, names=("127.0.0.1", "localhost")):
        self.requests, self.wrong, self.faults = [], [], []
        self.comments, self.statuses = [], []
        self.next_id = 1000
        self.tokens = {"bot-token-3c1f": {"id": 41, "login": "evenkeel-bot", "may": {"write"}},
                       "reader-token-77aa": {"id": 42, "login": "reader", "may": set()},
                       "stranger-token-90bd": {"id": 66, "login": "stranger", "may": {"write"}}}
        self.ca_file = authority.file
        self.lock = threading.Lock()
        handler = type("Handler", (Handler,), {"host": self})
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*authority.for_host(*names))
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True,
                                                 do_handshake_on_connect=False)
        self.port = self.server.server_address[1]
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True)
        self.thread.start()

    @property
    def root(self):
        return f"https://127.0.0.1:{self.port}"

    @property
    def url(self):
        return self.root + self.prefix

    def close(self):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()

    # -- what tests ask and do --------------------------------------------------------------

    token, reader_token, stranger_token = ("bot-token-3c1f", "reader-token-77aa",
                                           "stranger-token-90bd")

    def shown(self):
        """[(login, body)] in the order of the pull request."""
        return [(c["by"]["login"], c["body"]) for c in self.comments]

    def add_comment(self, body, token=None):
        self.comments.append({"id": self.new_id(), "body": body,
                              "by": self.tokens[token or self.stranger_token]})

    def delete_all(self):
        self.comments.clear()

    def new_id(self):
        self.next_id += 1
        return self.next_id

    def status(self, context):
        """The newest status of that context: (state, description, target URL)."""
        for status in reversed(self.statuses):
            if status["context"] == context:
                return status["state"], status["description"], status.get("target_url")
        return None

    def writes(self):
        return [r for r in self.requests if r[0] != "GET"]

    # -- answering --------------------------------------------------------------------------

    def complain(self, what):
        self.wrong.append(what)
        return what

    def answer(self, method, target, headers, body):
        """The Answer to one request."""
        path, _, query = target.partition("?")
        with self.lock:
            self.requests.append((method, target))
            for fault in list(self.faults):
                answer = fault(self, method, path, body)
                if answer:
                    return answer
            try:
                self.check_headers(method, headers, body)
                who = self.authenticate(headers)
                data = self.read_body(method, headers, body)
                return self.route(method, path, dict(urllib.parse.parse_qsl(query)), data, who)
            except Answer as answer:
                return answer

    def check_headers(self, method, headers, body):
        if not re.fullmatch(r"evenkeel/\d+\.\d+\.\d+", headers.get("User-Agent", "")):
            raise Answer(403, {"message": self.complain("no User-Agent that says who asks")})
        if body and headers.get("Content-Type") != "application/json":
            raise Answer(415, {"message": self.complain(f"{method} without a Content-Type")})

    def authenticate(self, headers):
        value = headers.get(self.token_header, "")
        if not value.startswith(self.token_word):
            self.complain(f"no {self.token_header}: {self.token_word}…")
        who = self.tokens.get(value[len(self.token_word):])
        if not who:
            raise Answer(401, {"message": "Bad credentials"})
        return who

    def read_body(self, method, headers, body):
        del headers
        if method in ("GET", "DELETE"):
            if body:
                self.complain(f"{method} with a body")
            return None
        try:
            return json.loads(body)
        except ValueError:
            raise Answer(400, {"message": self.complain("Problems parsing JSON")}) from None

    def keys(self, data, required, optional=()):
        """A JSON object with texts under exactly these keys."""
        if not isinstance(data, dict) or not all(isinstance(v, str) for v in data.values()):
            raise Answer(422, {"message": self.complain(f"no object of texts: {data!r}")})
        if not set(required) <= set(data) or set(data) - set(required) - set(optional):
            raise Answer(422, {"message": self.complain(f"keys {sorted(data)}")})
        return data

    def may_write(self, who):
        if "write" not in who["may"]:
            raise self.not_allowed()

    def find(self, comment_id, who):
        for comment in self.comments:
            if str(comment["id"]) == comment_id:
                if comment["by"] is not who:
                    self.complain("somebody else's comment was changed")
                return comment
        raise self.not_found()

    def paged(self, query, target):
        """The comments of one page and the Link header that tells of the next."""
        size = int(query.get("per_page", 30))
        page = int(query.get("page", 1))
        if not 1 <= size <= 100:
            self.complain(f"per_page={size}")
        last = max(1, -(-len(self.comments) // size))
        link = None
        if page < last:
            following = dict(query, page=page + 1)
            final = dict(query, page=last)
            link = (f'<{self.url}{target}?{urllib.parse.urlencode(following)}>; rel="next", '
                    f'<{self.url}{target}?{urllib.parse.urlencode(final)}>; rel="last"')
        return self.comments[(page - 1) * size:page * size], ({"Link": link} if link else {})

    def not_allowed(self):
        return Answer(403, {"message": "Resource not accessible by personal access token"})

    def not_found(self):
        return Answer(404, {"message": "Not Found"})


class GitHub(Host):
    name = kind = "github"
    limit, description_max = 65536, 140

    def check_headers(self, method, headers, body):
        super().check_headers(method, headers, body)
        if headers.get("Accept") != "application/vnd.github+json":
            self.complain(f"Accept: {headers.get('Accept')}")
        if headers.get("X-GitHub-Api-Version") != "2022-11-28":
            self.complain("no X-GitHub-Api-Version")

    def shape(self, comment):
        by = comment["by"]
        return {"id": comment["id"], "body": comment["body"], "user": {
            "login": by["login"], "id": by["id"], "type": by.get("type", "User")}}

    def text(self, data):
        body = self.keys(data, ["body"])["body"]
        if len(body) > self.limit:
            raise Answer(422, {"message": "Validation Failed", "errors": [
                {"resource": "IssueComment", "code": "custom", "field": "body",
                 "message": "body is too long (maximum is 65536 characters)"}]})
        return body

    def route(self, method, path, query, data, who):
        repository = "/repos/acme/fleet"
        comments = f"{repository}/issues/{self.number}/comments"
        # Addresses of later pages go by the repository's number.
        path = path.replace("/repositories/99/", f"{repository}/")
        if (method, path) == ("GET", "/user"):
            if who.get("type") == "Bot":
                raise Answer(403, {"message": "Resource not accessible by integration"})
            return Answer(200, {"id": who["id"], "login": who["login"]})
        if (method, path) == ("GET", comments):
            found, headers = self.paged(query, "/repositories/99/issues/7/comments")
            return Answer(200, [self.shape(c) for c in found], **headers)
        if (method, path) == ("POST", comments):
            self.may_write(who)
            comment = {"id": self.new_id(), "body": self.text(data), "by": who}
            self.comments.append(comment)
            return Answer(201, self.shape(comment))
        one = re.fullmatch(rf"{repository}/issues/comments/(\d+)", path)
        if one and method in (self.update_method, "DELETE"):
            self.may_write(who)
            comment = self.find(one[1], who)
            if method == "DELETE":
                self.comments.remove(comment)
                return Answer(204)
            comment["body"] = self.text(data)
            return Answer(200, self.shape(comment))
        if method == "POST" and path.startswith(f"{repository}/statuses/"):
            return self.set_status(path.rsplit("/", 1)[1], data, who)
        raise self.not_found()

    def set_status(self, commit, data, who):
        self.may_write(who)
        self.keys(data, ["state", "context", "description"], ["target_url"])
        if not SHA.fullmatch(commit) or commit != self.commit:
            raise Answer(422, {"message": f"No commit found for SHA: {commit}"})
        if data["state"] not in ("pending", "success", "failure", "error"):
            raise Answer(422, {"message": self.complain(f"state {data['state']}")})
        if len(data["description"]) > self.description_max:
            raise Answer(422, {"message": self.complain("description too long")})
        self.statuses.append(data)
        return Answer(201, dict(data, id=len(self.statuses)))


class Gitea(GitHub):
    name = kind = "gitea"
    prefix, token_word, limit, description_max = "/api/v1", "token ", 65535, 255

    def check_headers(self, method, headers, body):
        Host.check_headers(self, method, headers, body)
        if headers.get("Accept") != "application/json":
            self.complain(f"Accept: {headers.get('Accept')}")

    def shape(self, comment):
        by = comment["by"]
        return {"id": comment["id"], "body": comment["body"],
                "user": {"login": by["login"], "id": by["id"]}}

    def paged(self, query, target):
        """Comments of an issue are not paged."""
        if query:
            self.complain(f"a query that is not documented: {query}")
        return self.comments, {}

    def not_allowed(self):
        return Answer(403, {"message": "token does not have at least one of required scope(s), "
                                       "required=[write:issue], token scope=read:issue",
                            "url": f"{self.root}/api/swagger"})

    def not_found(self):
        return Answer(404, {"message": "The target couldn't be found.", "errors": [],
                            "url": f"{self.root}/api/swagger"})

    def route(self, method, path, query, data, who):
        """As 1.26 answers, held against a real one."""
        other = re.fullmatch(r"/repos/acme/fleet/issues/(\d+)/comments", path)
        if other and other[1] != self.number:
            raise Answer(500, {"message": f"issue does not exist [id: 0, repo_id: 1, index: {other[1]}]",
                               "url": f"{self.root}/api/swagger"})
        return super().route(method, path, query, data, who)

    def set_status(self, commit, data, who):
        if commit != self.commit:
            raise Answer(500, {"message": f"GetCommit[{commit}]: object does not exist [id: {commit}, "
                                          "rel_path: ]", "url": f"{self.root}/api/swagger"})
        return super().set_status(commit, data, who)


class GitLab(Host):
    name = kind = "gitlab"
    prefix, token_header, token_word, update_method = "/api/v4", "PRIVATE-TOKEN", "", "PUT"
    limit = 1000000

    def check_headers(self, method, headers, body):
        super().check_headers(method, headers, body)
        if "Authorization" in headers:
            self.complain("two ways to say who asks")

    def shape(self, comment):
        by = comment["by"]
        return {"id": comment["id"], "body": comment["body"], "system": comment.get("system", False),
                "author": {"id": by["id"], "username": by["login"]}}

    def text(self, data):
        body = self.keys(data, ["body"])["body"]
        if len(body) > self.limit:
            raise Answer(400, {"message": {"note": [
                "is too long (1000001 characters). The maximum size is 1000000 characters."]}})
        return body

    def route(self, method, path, query, data, who):
        # The path of a project is one segment.
        path = path.replace("/projects/acme%2Ffleet", "/projects/23")
        if not path.startswith("/projects/23/") and path != "/user":
            raise self.not_found()
        notes = f"/projects/23/merge_requests/{self.number}/notes"
        if (method, path) == ("GET", "/user"):
            return Answer(200, {"id": who["id"], "username": who["login"]})
        if (method, path) == ("GET", notes):
            if (query.get("sort"), query.get("order_by")) != ("asc", "created_at"):
                self.complain(f"notes in no order: {query}")
            found, headers = self.paged(query, notes)
            return Answer(200, [self.shape(c) for c in found], **headers)
        if (method, path) == ("POST", notes):
            self.may_write(who)
            comment = {"id": self.new_id(), "body": self.text(data), "by": who}
            self.comments.append(comment)
            return Answer(201, self.shape(comment))
        one = re.fullmatch(rf"{notes}/(\d+)", path)
        if one and method in ("PUT", "DELETE"):
            self.may_write(who)
            comment = self.find(one[1], who)
            if method == "DELETE":
                self.comments.remove(comment)
                return Answer(204)
            comment["body"] = self.text(data)
            return Answer(200, self.shape(comment))
        if method == "POST" and path.startswith("/projects/23/statuses/"):
            return self.set_status(path.rsplit("/", 1)[1], data, who)
        raise self.not_found()

    def set_status(self, commit, data, who):
        self.may_write(who)
        self.keys(data, ["state", "name", "description"], ["target_url"])
        if commit != self.commit:
            raise self.not_found()
        if data["state"] not in ("pending", "running", "success", "failed", "canceled"):
            raise Answer(400, {"error": self.complain("state does not have a valid value")})
        if len(data["description"]) > 255:
            raise Answer(400, {"message": {"description": ["is too long"]}})
        before = self.status(data["name"])
        now = {"success": "success", "failed": "failure"}.get(data["state"], data["state"])
        if before and before[0] == now == "pending":
            raise Answer(400, {"message": 'Cannot transition status via :enqueue from :pending '
                                          '(Reason(s): Status cannot transition via "enqueue")'})
        self.statuses.append({"state": now, "context": data["name"], "target_url":
                              data.get("target_url"), "description": data["description"]})
        return Answer(201, dict(data, id=len(self.statuses), status=data["state"]))

    def not_allowed(self):
        return Answer(403, {"error": "insufficient_scope", "error_description":
                            "The request requires higher privileges than provided by the access "
                            "token.", "scope": "api"})

    def not_found(self):
        return Answer(404, {"message": "404 Not found"})


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    host = None

    def setup(self):
        self.request.settimeout(patient(20))
        self.request.do_handshake()
        super().setup()

    def respond(self):
        length = int(self.headers.get("Content-Length", 0))
        body = self.rfile.read(length)
        host = self.host
        if not self.path.startswith(host.prefix):
            answer = Answer(404, {"message": host.complain(f"path {self.path}")})
        else:
            answer = host.answer(self.command, self.path[len(host.prefix):], self.headers, body)
        if answer.status is None:  # hang up
            self.close_connection = True
            return
        raw = answer.body if isinstance(answer.body, bytes) else (
            b"" if answer.body is None else json.dumps(answer.body).encode())
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        if answer.status != 204:
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        if answer.status != 204:
            self.wfile.write(raw)

    do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = respond

    def log_message(self, *_):  # pylint: disable=arguments-differ
        pass

    def handle(self):
        try:
            super().handle()
        except (OSError, ssl.SSLError):
            pass
