# SPDX-License-Identifier: BSD-2-Clause
"""Sequence numbers: across 2^32, at their end, replayed, and over the death of a worker."""
import pytest

from lib.peers.sas import SaPair
from lib.peers.tunnel import ping, ping_in_vain, transfer
from lib.wait import patiently

PORT = 5201
both_esn = pytest.mark.parametrize("esn", [True, False], ids=["esn", "no-esn"])


def test_esn_wraps(tunnel):
    start = 2**32 - 11
    tunnel.protect(SaPair(esn=True, out_seq=start, in_seq=start))
    assert ping(tunnel.host, tunnel.guest, 20) == 20
    assert ping(tunnel.guest, tunnel.host, 20) == 20
    low_halves = [(start + n) % 2**32 for n in range(1, 41)]
    assert [f.seq for f in tunnel.sent_by_us()] == low_halves
    assert [f.seq for f in tunnel.sent_by_guest()] == low_halves
    for spi in (tunnel.pair.out_spi, tunnel.pair.in_spi):
        assert tunnel.datapath.sa(spi)["seq"] == start + 40
        assert tunnel.xfrm.sequence(spi) == start + 40
    tunnel.assert_clean(minimum=40)
    tunnel.assert_every_packet_counted()


@pytest.mark.parametrize("direction", ["out", "in"])
def test_esn_wraps_in_a_tcp_transfer(tunnel, direction):
    start = 2**32 - 300
    tunnel.protect(SaPair(esn=True, out_seq=start, in_seq=start))
    sent, arrived = (f.result() for f in transfer(*tunnel.ends(direction), PORT, 2 << 20))
    assert arrived == sent
    sealed = tunnel.sent_by_us() if direction == "out" else tunnel.sent_by_guest()
    assert sealed[0].seq > 2**31 > sealed[-1].seq
    tunnel.assert_clean(minimum=100, spare={"too_big"})


def test_without_esn_the_last_number_is_the_end(tunnel):
    last = 2**32 - 1
    tunnel.protect(SaPair(esn=False, out_seq=last - 5))
    tunnel.guest.call("udp_bind", PORT)
    tunnel.host.call("udp_send", tunnel.guest.address, PORT, 12, [64])
    assert tunnel.guest.call("udp_collect", PORT, 5, False) == {"intact": list(range(5)), "damaged": 0}
    assert [f.seq for f in tunnel.sent_by_us()] == list(range(last - 4, last + 1))
    assert tunnel.datapath.drops() == {"seq_overflow": 7}
    assert ping_in_vain(tunnel.host, tunnel.guest, 3) == 0
    assert len(tunnel.sent_by_us()) == 5
    assert tunnel.wire.clear() == []
    assert tunnel.xfrm.errors() == {}


@both_esn
def test_we_refuse_replays(tunnel, esn):
    tunnel.protect(SaPair(esn=esn))
    assert ping(tunnel.guest, tunnel.host, 10) == 10
    frames = tunnel.sent_by_guest().copy()
    assert len(frames) == 10
    tunnel.wire.send_to_host(frames)
    patiently(lambda: tunnel.datapath.drops() == {"replay": 10}, "ten replays")
    assert tunnel.datapath.sa(tunnel.pair.in_spi)["packets"] == 10
    assert len(tunnel.sent_by_us()) == 10, "a replayed request was answered"
    assert ping(tunnel.guest, tunnel.host, 10) == 10


@both_esn
def test_guest_refuses_replays_of_ours(tunnel, esn):
    tunnel.protect(SaPair(esn=esn))
    assert ping(tunnel.host, tunnel.guest, 10) == 10
    frames = tunnel.sent_by_us().copy()
    assert len(frames) == 10
    tunnel.wire.send_to_guest(frames)
    patiently(lambda: tunnel.xfrm.errors() == {"XfrmInStateSeqError": 10}, "ten replays")
    assert ping(tunnel.host, tunnel.guest, 10) == 10


@both_esn
@pytest.mark.parametrize("window", [64, 1024, 8192])
def test_replay_window(tunnel, esn, window):
    """The guest's packets are held back, by having no inbound SA yet, and then come in an order of ours."""
    pair = tunnel.pair = SaPair(esn=esn, window=window)
    top = window + 70
    tunnel.xfrm.add(pair)
    tunnel.datapath.protect(pair)
    tunnel.host.call("udp_bind", PORT)
    tunnel.guest.call("udp_send", tunnel.host.address, PORT, top, [4])
    frame = {f.seq: f for f in tunnel.sent_by_guest()}
    assert sorted(frame) == list(range(1, top + 1))
    patiently(lambda: tunnel.datapath.drops() == {"no_sa": top}, "all to be refused")

    tunnel.datapath.add_inbound(pair)
    tunnel.datapath.mark()
    lowest = top - window + 1
    fresh = [top, lowest, lowest + 1, top - 1, top - 31, top - 10]
    stale = [lowest - 1, lowest - 2, 1]
    tunnel.wire.send_to_host([frame[seq] for seq in fresh])
    patiently(lambda: tunnel.datapath.sa(pair.in_spi)["packets"] == len(fresh), "the fresh ones")
    assert tunnel.datapath.drops() == {}
    tunnel.wire.send_to_host([frame[seq] for seq in stale + fresh])
    patiently(lambda: sum(tunnel.datapath.drops().values()) == len(stale + fresh), "the refusals")
    assert tunnel.datapath.drops() == {"replay": len(stale + fresh)}
    # The guest's sequence numbers start at 1, the datagrams' indices at 0.
    arrived = tunnel.host.call("udp_collect", PORT, len(fresh) + 1, False, 0.2)
    assert arrived["intact"] == [seq - 1 for seq in fresh]
    assert arrived["damaged"] == 0


@both_esn
def test_worker_killed_under_ping(tunnel, esn):
    tunnel.protect(SaPair(esn=esn))
    ends = [tunnel.ends(direction) for direction in ("out", "in")]
    pings = [sender.spawn("echo", receiver.address, 400, 56, 0.005, 0.3) for sender, receiver in ends]
    for _ in range(2):
        seen = len(tunnel.sent_by_us())
        patiently(lambda seen=seen: len(tunnel.sent_by_us()) > seen + 50, "packets to seal")
        assert not any(p.done() for p in pings)
        tunnel.datapath.kill_worker()
    for p in pings:
        p.result()
    for sender, receiver in ends:
        assert ping(sender, receiver, 20) == 20
    tunnel.assert_only_esp(minimum=100)
    assert tunnel.xfrm.errors() == {}

    # The window that the killed workers filled is still there.
    tunnel.datapath.mark()
    frames = tunnel.sent_by_guest()[-20:]
    tunnel.wire.send_to_host(frames)
    patiently(lambda: tunnel.datapath.drops() == {"replay": len(frames)}, "the replays")


@pytest.mark.parametrize("direction", ["out", "in"])
def test_worker_killed_under_tcp(tunnel, direction):
    tunnel.protect(SaPair(esn=True))
    sending, receiving = transfer(*tunnel.ends(direction), PORT, 24 << 20)
    patiently(lambda: len(tunnel.sent_by_us()) > 300, "the transfer to run")
    assert not sending.done()
    tunnel.datapath.kill_worker()
    assert receiving.result() == sending.result()
    tunnel.assert_only_esp(minimum=300)
    assert tunnel.xfrm.errors() == {}
