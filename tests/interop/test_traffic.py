# SPDX-License-Identifier: BSD-2-Clause
"""Linux XFRM opens what we seal and we open what it seals, with and without ESN."""
import pytest

from lib.peers.sas import SaPair
from lib.peers.tunnel import ping, transfer

PORT = 5201
TRANSFER = 4 << 20
# What a TCP connection may lose at first: it learns from this what fits with ESP around it.
LEARNING = {"too_big"}
# Every remainder modulo 4, so every length of padding, and the largest echo that fits the MTU sealed.
ECHO_SIZES = [0, 1, 2, 3, 56, 1000, 1435, 1436, 1437, 1438]
DATAGRAM_SIZES = [4, 5, 6, 7, 63, 64, 512, 1399, 1400, 1435, 1436, 1437, 1438]

pytestmark = pytest.mark.parametrize("esn", [True, False], ids=["esn", "no-esn"])
both_directions = pytest.mark.parametrize("direction", ["out", "in"])


@both_directions
def test_ping(tunnel, esn, direction):
    tunnel.protect(SaPair(esn=esn))
    sender, receiver = tunnel.ends(direction)
    for size in ECHO_SIZES:
        assert ping(sender, receiver, 5, size) == 5, f"{size} bytes"
    tunnel.assert_clean(minimum=5 * len(ECHO_SIZES))
    tunnel.assert_every_packet_counted()


@both_directions
def test_ip_options_stay(tunnel, esn, direction):
    tunnel.protect(SaPair(esn=esn))
    sender, receiver = tunnel.ends(direction)
    done = sender.call("run", ["ping", "-n", "-R", "-c", "3", "-i", "0.1", "-w", "10", receiver.address])
    assert " 3 received" in done["out"]
    route = done["out"].split("RR:")[1].split()
    assert route[:4] == [sender.address, receiver.address, receiver.address, sender.address]
    tunnel.assert_clean(minimum=3)


@both_directions
def test_tcp(tunnel, esn, direction):
    tunnel.protect(SaPair(esn=esn))
    sent, arrived = (f.result() for f in transfer(*tunnel.ends(direction), PORT, TRANSFER))
    assert arrived == sent
    tunnel.assert_clean(minimum=100, spare=LEARNING)


def test_tcp_both_ways_at_once(tunnel, esn):
    tunnel.protect(SaPair(esn=esn))
    flows = [transfer(*tunnel.ends(direction), PORT, TRANSFER, seed=direction) for direction in ("out", "in")]
    for sent, arrived in flows:
        assert arrived.result() == sent.result()
    tunnel.assert_clean(minimum=1000, spare=LEARNING)


@both_directions
@pytest.mark.parametrize("sizes", [DATAGRAM_SIZES, [1200]], ids=["mixed", "equal"])
def test_udp(tunnel, esn, direction, sizes):
    tunnel.protect(SaPair(esn=esn))
    sender, receiver = tunnel.ends(direction)
    receiver.call("udp_bind", PORT)
    arrived = receiver.spawn("udp_collect", PORT, 1000, True)
    sender.call("udp_send", receiver.address, PORT, 1000, sizes, 32)
    assert arrived.result() == {"intact": list(range(1000)), "damaged": 0}
    tunnel.assert_clean(minimum=1000)
    tunnel.assert_every_packet_counted()
