# SPDX-License-Identifier: BSD-2-Clause
"""IKEv2 with strongSwan and libreswan above Linux XFRM: both roles, each proof, rekeys, and what goes wrong."""
import os
import time

import pytest

from lib.peers.daemon import SECRET, assert_one_child, ends, every_echo, ping, up
from lib.peers.tunnel import transfer
from lib.wait import patiently


@pytest.fixture(scope="module")
def bed(own_bed):
    return own_bed


def assert_tcp(sender, receiver):
    sent, arrived = transfer(sender, receiver, 5001, 200_000)
    assert arrived.result() == sent.result()


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
def test_without_esn(bed, peer, cas, initiator):
    with ends(bed, peer, cas, "psk", peer_esn="no") as daemon:
        up(daemon, peer, initiator)
        assert daemon.connection()["children"][0]["esn"] is False
        assert ping(bed)


@pytest.mark.parametrize("initiator", ["we", "they"])
def test_one_sa_where_the_peer_takes_no_more(bed, peer, cas, initiator):
    """These versions do not know SA_RESOURCE_INFO: they get one SA, whichever CPU sends, and no fault is told."""
    with ends(bed, peer, cas, "psk", per_queue_sas="yes") as daemon:
        up(daemon, peer, initiator)
        for cpu in sorted(os.sched_getaffinity(0)):
            argv = ["taskset", "-c", str(cpu), "ping", "-q", "-c", "3", "-i", "0.05", "-W", "5", bed.guest.address]
            patiently(lambda argv=argv: bed.host.call("run", argv)["rc"] == 0, "an answer")
        assert "lane" not in assert_one_child(daemon, peer)
        assert daemon.connection()["failures"] == []
        side = daemon if initiator == "we" else peer
        side.rekey("child")
        assert "lane" not in assert_one_child(daemon, peer)
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
    """It opens an IKE SA alone, and takes no other: what wants to go gets its child at once, also where ours crosses."""
    both = ends(bed, peer, cas, "psk", start=start)
    peer.kill()
    with both as daemon:
        patiently(lambda: start != "initiate" or "no answer" in daemon.log(), "a peer that does not answer", 40)
        peer.configure(SECRET, childless="force")
        peer.initiate_ike()
        begun = time.monotonic()
        assert ping(bed)
        assert time.monotonic() - begun < 5
        patiently(lambda: daemon.connection()["children"], "the child")


@pytest.mark.parametrize("peer", ["strongswan"], indirect=True)
def test_childless_by_us(bed, peer, cas):
    """It ends an IKE SA that begins with a child: another one is opened at once, and is up when it is said to be."""
    with ends(bed, peer, cas, "psk") as daemon:
        peer.configure(SECRET, childless="force")
        daemon.initiate()
        assert_one_child(daemon, peer)
        assert ping(bed)
        assert "the peer makes no child in IKE_AUTH" in daemon.log()


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


@pytest.mark.parametrize("peer", ["strongswan"], indirect=True)
@pytest.mark.parametrize("initiator", ["we", "they"])
def test_forced_encapsulation_is_told(bed, peer, cas, initiator):
    """It looks like a NAT, and both what it is and how to have none are said."""
    with ends(bed, peer, cas, "psk") as daemon:
        peer.configure(SECRET, encap=True)
        if initiator == "we":
            assert "there is a NAT" in daemon.command("connection", "initiate", "c", check=False).stderr
        else:
            peer.initiate(check=False)
        failure = patiently(lambda: daemon.connection()["failures"], "it is told")[0]
        assert failure["kind"] == ("failed" if initiator == "we" else "refused")
        assert "or the peer forces UDP encapsulation, which looks the same: encap = no" in failure["what"]
        assert failure["what"] in daemon.log()


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
