# SPDX-License-Identifier: BSD-2-Clause
"""Datagrams larger than the MTU: each end seals them as one and cuts that, the other puts it together and opens it."""
import pytest

from lib.peers.sas import SaPair
from lib.peers.tunnel import PATIENCE
from lib.wait import patiently
from lib.wire import LATER

PORT = 5202
DATAGRAM_SIZES = [1473, 1500, 2000, 8192, 30000, 65000]

pytestmark = pytest.mark.parametrize("esn", [True, False], ids=["esn", "no-esn"])
both_directions = pytest.mark.parametrize("direction", ["out", "in"])


def assert_each_sealed_as_one(tunnel, count):
    """
    That many ESP packets each way, whatever number of frames they took; nothing in clear, nothing lost. One more is the
    ICMP error for an answer that came when its asker had gone.
    """
    patiently(lambda: min(len(tunnel.sent_by_us()), len(tunnel.sent_by_guest())) >= count, "the last of them on the wire")
    assert {len(tunnel.sent_by_us()), len(tunnel.sent_by_guest())} <= {count, count + 1}
    tunnel.assert_clean(minimum=count, spare={"too_big"})
    tunnel.assert_every_packet_counted()


@both_directions
def test_ping(tunnel, esn, direction):
    tunnel.protect(SaPair(esn=esn))
    sender, receiver = tunnel.ends(direction)
    argv = ["ping", "-n", "-c", "5", "-i", "0.1", "-s", "8000", "-w", str(PATIENCE), receiver.address]
    done = sender.call("run", argv)
    assert " 5 received" in done["out"]
    assert len(tunnel.wire.esp(sender.address, LATER)) == 5 * 5
    assert_each_sealed_as_one(tunnel, 5)


@both_directions
@pytest.mark.parametrize("sizes", [[8192], DATAGRAM_SIZES], ids=["8K", "mixed"])
def test_udp(tunnel, esn, direction, sizes):
    """Answered one by one, as the guest's NIC drops what comes in a burst."""
    count = 60
    tunnel.protect(SaPair(esn=esn))
    sender, receiver = tunnel.ends(direction)
    receiver.call("udp_bind", PORT)
    arrived = receiver.spawn("udp_collect", PORT, count, True)
    sender.call("udp_send", receiver.address, PORT, count, sizes, 1)
    assert arrived.result() == {"intact": list(range(count)), "damaged": 0}
    assert tunnel.wire.esp(sender.address, LATER)
    assert_each_sealed_as_one(tunnel, count)
