"""A real git repository with the specs of one deployment, committed to as people do."""

import subprocess
from pathlib import Path

ACCOUNT = """\
apiVersion: evenkeel/v1
kind: Account
metadata: { name: acme }
spec:
  technicalContact: dba@example.net
"""

AUTHORITY = """\
apiVersion: evenkeel/v1
kind: CertificateAuthority
metadata: { name: acme-ca, account: acme }
spec:
  type: builtIn
  commonName: Acme fleet authority
"""

DEPLOYMENT = """\
apiVersion: evenkeel/v1
kind: Deployment
metadata: {{ name: {name}, account: acme }}
spec:
  plan: dedicated
  provider: {provider}
  replicaSet:
    name: {set_name}
    members:
{members}
  sslMode: {ssl_mode}
  sslDomain:
    base: fleet.example.net
    dns: {{ provider: hostsFile, path: {hosts} }}
  certificates: {{ authority: acme-ca }}
"""

# No watch over clients before requireSSL: the tests that are about it set a window of their own, and
# the others, and the demo, would only wait.
NO_WATCH = "  maintenance: { plaintextWindow: 0s }\n"

MEMBER = ("      - {{ name: {name}, host: {host}, port: 27017, priority: {priority}, "
          "address: {address}, networkNamespace: {namespace} }}")


def deployment_text(fleet, ssl_mode, set_name=None, members=None):
    rows = [MEMBER.format(name=m.name, host=m.host, priority=m.priority, address=m.address,
                          namespace=m.namespace) for m in (members or fleet.members)]
    return DEPLOYMENT.format(name=fleet.name, ssl_mode=ssl_mode, hosts="/etc/hosts",
                             provider=f"{{ name: local, directory: {fleet.directory}, server: {fleet.server} }}",
                             set_name=set_name or fleet.set_name, members="\n".join(rows))


class SpecsRepository:
    def __init__(self, directory, fleet):
        self.directory = Path(directory)
        self.fleet = fleet
        self.directory.mkdir(parents=True)
        self._git("init", "--quiet", "--initial-branch=main")
        self.write("account.yaml", ACCOUNT)
        self.write("authority.yaml", AUTHORITY)

    def _git(self, *arguments):
        identity = ["-c", "user.name=Dana Baker", "-c", "user.email=dba@example.net"]
        return subprocess.run(["git", "-C", str(self.directory), *identity, *arguments],
                              check=True, capture_output=True, text=True).stdout.strip()

    def write(self, name, text):
        (self.directory / name).write_text(text, encoding="utf-8")

    def commit(self, message):
        """Commit everything; the commit's full id."""
        self._git("add", "--all")
        self._git("commit", "--quiet", "--allow-empty", "-m", message)
        return self._git("rev-parse", "HEAD")

    def set_mode(self, ssl_mode, message=None):
        self.write("orders.yaml", deployment_text(self.fleet, ssl_mode) + NO_WATCH)
        return self.commit(message or f"orders: sslMode {ssl_mode}")

    def last_change(self):
        """What the newest commit changed, as a reviewer sees it."""
        lines = self._git("show", "--format=commit %h  %s", "--unified=1").splitlines()
        return "\n".join(line for line in lines
                         if not line.startswith(("index ", "diff ", "--- ", "new file", "+++ /dev")))
