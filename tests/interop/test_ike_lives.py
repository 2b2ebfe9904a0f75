# SPDX-License-Identifier: BSD-2-Clause
"""SAs with strongSwan and libreswan above Linux XFRM that live on: rekeyed, proven anew, deleted, and after a peer's death."""
import threading
import time

import pytest

from lib.peers.daemon import SECRET, assert_one_child, ends, every_echo, ping, up
from lib.wait import patiently


@pytest.fixture(scope="module")
def bed(own_bed):
    return own_bed


def spis(daemon, what):
    """Of what may be rekeyed: "child" or "ike"."""
    c = daemon.connection()
    return [child["spi_in"] for child in c["children"]] if what == "child" else [sa["spi_i"] for sa in c["ike"]]


@pytest.mark.parametrize("initiator", ["we", "they"])
def test_rekeys_lose_nothing(bed, peer, cas, initiator):
    """The child and the IKE SA, from each side, twice, under a ping: every echo comes back."""
    with ends(bed, peer, cas, "psk") as daemon:
        up(daemon, peer, initiator)
        # As responder we send by the first child a moment after it is there.
        patiently(lambda: ping(bed, 1), "traffic")
        with every_echo(bed):
            for _ in range(2):
                for side in (daemon, peer):
                    for what in ("child", "ike"):
                        before = spis(daemon, what)
                        side.rekey(what)
                        # A peer's command may return before anything has changed.
                        patiently(lambda: spis(daemon, what) != before, f"another {what}")  # noqa: B023
                        # Before the old child is gone, the new one is rekeyed by nobody (TEMPORARY_FAILURE).
                        assert_one_child(daemon, peer)


@pytest.mark.parametrize("initiator", ["we", "they"])
def test_proven_anew_loses_nothing(bed, peer, cas, initiator):
    """By our reauth-time, whoever began: another IKE SA and child by a full exchange, and then the old ones go."""
    with ends(bed, peer, cas, "ecdsa", reauth_time="5s") as daemon:
        up(daemon, peer, initiator)
        patiently(lambda: ping(bed, 1), "traffic")
        before = daemon.connection()["ike"][0]["spi_i"]
        with every_echo(bed):
            patiently(lambda: len(i := daemon.connection()["ike"]) == 1 and i[0]["spi_i"] != before, "another IKE SA alone", 60)  # fmt: skip
        assert_one_child(daemon, peer)


@pytest.mark.parametrize("peer", ["libreswan"], indirect=True)
def test_what_comes_before_the_answer_is_not_lost(bed, peer, cas):
    """It answers a child's rekey, and sends by the new SA before its answer leaves, from which alone we have the key."""
    with ends(bed, peer, cas, "psk") as daemon:
        up(daemon, peer, "we")
        with every_echo(bed, 0.002):
            for _ in range(20):
                daemon.rekey("child")
        assert daemon.status()["passed"]["parked"]
        assert_one_child(daemon, peer)


def test_deleted_by_us(bed, peer, cas):
    with ends(bed, peer, cas, "psk") as daemon:
        up(daemon, peer, "we")
        daemon.command("connection", "terminate", "c")
        assert peer.sas() == (0, [])


def test_deleted_by_them(bed, peer, cas):
    with ends(bed, peer, cas, "psk") as daemon:
        up(daemon, peer, "they")
        peer.terminate()
        patiently(lambda: not daemon.connection()["ike"], "the end")


def test_peer_killed_and_back(bed, peer, cas):
    """It comes back and begins anew, with INITIAL_CONTACT: what it has forgotten is forgotten here too."""
    with ends(bed, peer, cas, "psk", dpd_interval="2s") as daemon:
        up(daemon, peer, "they")
        before = daemon.connection()["children"][0]["spi_in"]
        peer.kill()
        peer.configure(SECRET)
        peer.initiate()
        patiently(lambda: [c for c in daemon.connection()["children"] if c["spi_in"] != before]
                 and len(daemon.connection()["ike"]) == 1, "the old one to go")  # fmt: skip
        assert ping(bed)


@pytest.mark.parametrize("peer", ["strongswan"], indirect=True)
def test_peer_killed_and_back_with_nothing(bed, peer, cas):
    """It begins nothing itself: five seconds after it was killed its SAs are there again, by our doing."""
    with ends(bed, peer, cas, "psk", start="initiate", dpd_interval="3s") as daemon:
        patiently(lambda: daemon.connection()["state"] == "up", "the first SAs")
        assert ping(bed)
        begun = time.monotonic()
        peer.kill()
        stop = threading.Event()
        # What leaves and is not answered is a reason to ask.
        echoes = bed.host.spawn("echo_until", stop, bed.guest.address, 0.1, 1)
        time.sleep(max(0.0, begun + 2 - time.monotonic()))
        peer.configure(SECRET)
        try:
            patiently(lambda: len(peer.sas()[1]) == 1, "the next SAs")
            hole = time.monotonic() - begun
        finally:
            stop.set()
            echoes.result()
        assert ping(bed)
        print(f"hole: {hole:.1f} s")
        assert hole < 6
