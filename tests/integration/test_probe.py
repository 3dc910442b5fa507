"""The probe and the watcher see what is wrong: otherwise their good news would mean nothing."""

import os
import signal
import time

from fleet import wait_for
from probe import COLLECTION, DATABASE, Probe
from watcher import Watcher


def test_a_pause_a_restart_an_election_and_a_loss_are_seen(shop, tmp_path):
    fleet = shop.fleet
    with Probe(tmp_path, fleet.plain_uri()) as probe:
        with Watcher(fleet) as seen:
            wait_for(lambda: probe.writing(seen.began, 300), "clients write", 180)
            primary = fleet.processes()[fleet.primary()].pid
            os.kill(primary, signal.SIGSTOP)
            time.sleep(2)
            os.kill(primary, signal.SIGCONT)
            resumed = time.monotonic()
            wait_for(lambda: probe.writing(resumed), "clients write again")
            fleet.kill("c")
            fleet.start("c")
            fleet.wait_healthy()
            handed_over = 0
            while handed_over == 0 or fleet.primary() != "a":  # whoever has caught up is elected
                before = fleet.primary()
                fleet.command(before, "replSetStepDown", 15)
                wait_for(lambda b=before: fleet.primary() not in (None, b), "another leads", 20)
                fleet.command(before, "replSetFreeze", 0)
                handed_over += 1
            fleet.wait_settled()
        wait_for(lambda: probe.writing(seen.ended), "clients still write")
        probe.stop()
        longest, percentile = probe.pauses(seen.began, seen.ended)
        assert longest >= 1.2
        assert percentile < longest
        assert seen.restarts == {"a": 0, "b": 0, "c": 1}
        assert seen.elections == handed_over
        with fleet.client(fleet.primary()) as client:
            assert probe.lost(client) == []
            victim = probe.acknowledged()[1][7][1]
            client[DATABASE][COLLECTION].delete_one({"_id": victim})
            assert probe.lost(client) == [victim]
