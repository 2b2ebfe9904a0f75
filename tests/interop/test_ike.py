# SPDX-License-Identifier: BSD-2-Clause
"""IKEv2 with strongSwan and libreswan above Linux XFRM: both roles, each proof, rekeys, and what goes wrong."""
import threading
import time

import pytest

from lib.peers.daemon import SECRET, ends, every_echo, up
from lib.peers.tunnel import transfer
from lib.wait import patiently


@pytest.fixture(scope="module")
def bed(own_bed):
    return own_bed


def ping(bed, count=3):
    argv = ["ping", "-q", "-c", str(count), "-i", "0.05", "-W", "5", bed.guest.address]
    return bed.host.call("run", argv)["rc"] == 0


def assert_tcp(sender, receiver):
    sent, arrived = transfer(sender, receiver, 5001, 200_000)
    assert arrived.result() == sent.result()


def assert_one_child(daemon, peer):
    """Both ends have the same one. A rekey may go on while the one and then the other is asked."""
    def same():
        ours = daemon.connection()["children"]
        return len(ours) == 1 and peer.sas() == (1, [(ours[0]["spi_out"], ours[0]["spi_in"])]) and ours[0]

    return patiently(same, "the same child alone at both ends")


def spis(daemon, what):
    """Of what may be rekeyed: "child" or "ike"."""
    c = daemon.connection()
    return [child["spi_in"] for child in c["children"]] if what == "child" else [sa["spi_i"] for sa in c["ike"]]


@pytest.mark.parametrize("initiator", ["we", "they"])
@pytest.mark.parametrize("proof", ["psk", "ecdsa", "rsa"])
def test_up(bed, peer, cas, proof, initiator):
    with ends(bed, peer, cas, proof) as daemon:
        up(daemon, peer, initiator)
        assert assert_one_child(daemon, peer)["esn"] is True
        assert ping(bed)
        assert_tcp(bed.host, bed.guest)
        assert_tcp(bed.guest, bed.host)


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


@pytest.mark.parametrize("initiator", ["we", "they"])
def test_without_esn(bed, peer, cas, initiator):
    with ends(bed, peer, cas, "psk", peer_esn="no") as daemon:
        up(daemon, peer, initiator)
        assert daemon.connection()["children"][0]["esn"] is False
        assert ping(bed)


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
@pytest.mark.parametrize("initiator", ["we", "they"])
def test_without_pfs_for_children(bed, peer, cas, initiator):
    """Each rekey is refused, and made by a new IKE SA: nothing is lost, nothing is left."""
    with ends(bed, peer, cas, "psk") as daemon:
        peer.configure(SECRET, pfs=False)
        up(daemon, peer, initiator)
        patiently(lambda: ping(bed, 1), "traffic")
        with every_echo(bed):
            for side in (daemon, peer, daemon):
                before = daemon.connection()["children"][0]["spi_in"]
                side.rekey("child")
                patiently(lambda: daemon.connection()["children"][-1]["spi_in"] != before, "another child")
                assert_one_child(daemon, peer)
        assert "a new IKE SA is made" in daemon.log()


@pytest.mark.parametrize("peer", ["strongswan"], indirect=True)
@pytest.mark.parametrize("start", ["respond", "trap", "initiate"])
def test_childless(bed, peer, cas, start):
    """It opens an IKE SA alone; what wants to go gets its child at once."""
    both = ends(bed, peer, cas, "psk", start=start)
    peer.kill()
    with both as daemon:
        # The next try is seconds away then.
        patiently(lambda: start != "initiate" or "no answer" in daemon.log(), "a peer that does not answer", 40)
        peer.configure(SECRET, childless="force")
        peer.initiate_ike()
        begun = time.monotonic()
        assert ping(bed)
        assert time.monotonic() - begun < 5
        assert len(daemon.connection()["children"]) == 1


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


def test_group_is_corrected(bed, peer, cas):
    """It opens with curve25519 and has ecp384 too: INVALID_KE_PAYLOAD tells it."""
    with ends(bed, peer, cas, "psk") as daemon:
        peer.configure(SECRET, groups=("x25519", "ecp384"))
        up(daemon, peer, "they")
        assert ping(bed)


@pytest.mark.parametrize("peer", ["strongswan"], indirect=True)
@pytest.mark.parametrize("initiator", ["we", "they"])
def test_port_4500_is_answered(bed, peer, cas, initiator):
    """With MOBIKE strongSwan goes on at port 4500 after IKE_SA_INIT, though there is no NAT."""
    with ends(bed, peer, cas, "psk") as daemon:
        peer.configure(SECRET, mobike="yes")
        up(daemon, peer, initiator)
        assert ping(bed)
        for side in (daemon, peer):
            side.rekey("child")
            side.rekey("ike")
        assert ping(bed)
        if initiator == "they":
            assert "[4500]" in peer.log()


def test_tunnel_mode_is_refused(bed, peer, cas):
    with ends(bed, peer, cas, "psk") as daemon:
        peer.configure(SECRET, mode="tunnel")
        assert daemon.command("connection", "initiate", "c", check=False).returncode == 1
        assert "strongSwan: mode = transport" in daemon.log()
        assert not daemon.connection()["children"]


def test_monitor(bed, peer, cas):
    """Probes are answered through XFRM; when the peer's kernel loses its SAs unseen, they are made anew."""
    with ends(bed, peer, cas, "psk", start="initiate", monitor="200ms", threshold=3) as daemon:
        def answered():
            c = daemon.connection()
            return c["state"] == "up" and c["monitor"]["state"] == "up" and c["monitor"]["rtt_us"]["last"] and c

        before = patiently(answered, "answers")
        assert daemon.status()["drops"]["cleartext_protected"] == 0
        bed.guest.call("run", ["ip", "xfrm", "state", "flush"])
        patiently(lambda: "monitor: no answer inside the SA to 3 probes" in daemon.log(), "no answers")
        after = patiently(answered, "answers again")
        assert after["children"][0]["spi_out"] != before["children"][0]["spi_out"]
        assert after["monitor"]["lost"] >= 3
        assert ping(bed)


def test_wrong_psk(bed, peer, cas):
    with ends(bed, peer, cas, "psk") as daemon:
        peer.configure("another secret")
        done = daemon.command("connection", "initiate", "c", check=False)
        assert done.returncode == 1 and "AUTHENTICATION_FAILED" in done.stderr
