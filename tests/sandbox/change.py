"""One change of sslMode, carried out while the probe writes, and what it did to the service."""

from watcher import Watcher


def uses_tls(mode):
    return mode != "disabled"


class Changes:
    """The changes of one fleet, one after the other, and their report."""

    def __init__(self, fleet, probe, authority_certificate):
        self.fleet, self.probe = fleet, probe
        self.authority_certificate = authority_certificate
        self.mode = "disabled"
        self.done = []

    def carry_out(self, mode, apply):
        """Call apply(), which returns when the change to `mode` is done, and watch. The change
        counts as over when the fleet is settled: an election that comes later is its own too."""
        fleet, probe = self.fleet, self.probe
        to_plain = None
        if uses_tls(self.mode) and not uses_tls(mode):
            # Clients go back to plaintext when every member takes it, or when they must.
            probe.move([fleet.tls_uri(self.authority_certificate), fleet.plain_uri()])
            to_plain = lambda: probe.move([fleet.plain_uri()])
        with Watcher(fleet, to_plain) as seen:
            result = apply()
            fleet.wait_settled()
        longest, percentile = probe.pauses(seen.began, seen.ended)
        self.done.append({
            "from": self.mode, "to": mode, "restarts": seen.restarts,
            "elections": seen.elections, "longest_pause_ms": round(longest * 1000, 1),
            "p99_pause_ms": round(percentile * 1000, 1), "seconds": round(seen.seconds, 1)})
        self.seen = seen
        if uses_tls(mode) and not uses_tls(self.mode):
            # The application is deployed anew with the connection string that plan has shown.
            probe.move([fleet.tls_uri(self.authority_certificate)])
        self.mode = mode
        return result

    def report(self, kind, version):
        """Stops the probe and counts. The form of build/demo/report.json."""
        self.probe.stop()
        with self.fleet.client(self.fleet.primary()) as client:
            lost = self.probe.lost(client)
        return {"format_version": "1.0", "changes": self.done,
                "acknowledged": sum(map(len, self.probe.acknowledged())), "lost": len(lost),
                "server": {"kind": kind, "version": version}}
