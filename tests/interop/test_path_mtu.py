# SPDX-License-Identifier: BSD-2-Clause
"""Path MTU with Linux XFRM as the peer: one that takes less, and a router between the two that does."""
import struct

import pytest

from lib.peers.guest_bed import GUEST_MAC, HOST_MAC
from lib.peers.sas import SaPair
from lib.peers.tunnel import ping, transfer
from lib.wait import patiently
from lib.wire import parse

PORT = 5201
# Of which even a receiver that is kept waiting acknowledges more than the hundred packets that are looked for each way.
TRANSFER = 4 << 20
ROUTER = bytes([198, 51, 100, 1])
LEARNING = {"too_big"}

both_directions = pytest.mark.parametrize("direction", ["out", "in"])


def checksum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    total = (total & 0xFFFF) + (total >> 16)
    return ~(total + (total >> 16)) & 0xFFFF


def frag_needed(about, mtu):
    """What a router would send to whoever sent the frame: the IPv4 header and 8 bytes of ESP, RFC 1191."""
    quote = about.raw[14:14 + 28]
    icmp = struct.pack("!BBHHH", 3, 4, 0, 0, mtu) + quote
    icmp = icmp[:2] + struct.pack("!H", checksum(icmp)) + icmp[4:]
    header = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(icmp), 1, 0, 64, 1, 0, ROUTER, quote[12:16])
    header = header[:10] + struct.pack("!H", checksum(header)) + header[12:]
    to, by = about.raw[6:12], about.raw[:6]
    return parse(to + by + b"\x08\x00" + header + icmp)


def length(frame):
    return struct.unpack_from("!H", frame.raw, 16)[0]


@both_directions
def test_peer_with_a_smaller_mtu(tunnel, direction):
    """1,400 on the guest's side only: TCP hears of it by the MSS, and each end fits what it sends to its own."""
    tunnel.guest.call("run", ["ip", "link", "set", "vec0", "mtu", "1400"])
    try:
        tunnel.protect(SaPair())
        sent, arrived = (f.result() for f in transfer(*tunnel.ends(direction), PORT, TRANSFER))
        assert arrived == sent
        tunnel.assert_clean(minimum=100, spare=LEARNING)
        assert max(map(length, tunnel.sent_by_guest())) <= 1400
        assert max(map(length, tunnel.sent_by_us())) <= 1500
    finally:
        tunnel.guest.call("run", ["ip", "link", "set", "vec0", "mtu", "1500"])


def forget(tunnel):
    for end in (tunnel.host, tunnel.guest):
        end.call("run", ["ip", "route", "flush", "cache"])


@pytest.fixture
def forgetful(tunnel):
    """What the kernels learn here is not for the tests that follow, nor what they know for these."""
    forget(tunnel)
    yield tunnel
    forget(tunnel)


@pytest.mark.parametrize("mtu", [1301, 588])
def test_router_between(forgetful, mtu):
    """Both ends are told of a link that takes less, and then keep to it: ours, and XFRM, each in its own way."""
    tunnel = forgetful
    tunnel.protect(SaPair())
    assert ping(tunnel.host, tunnel.guest, 1, 1400) == 1
    tunnel.wire.send_to_host([frag_needed(tunnel.sent_by_us()[-1], mtu)])
    tunnel.wire.send_to_guest([frag_needed(tunnel.sent_by_guest()[-1], mtu)])
    patiently(lambda: tunnel.datapath.sa(tunnel.pair.out_spi).get("path_mtu") == mtu, "the SA to learn")
    ours, theirs = len(tunnel.sent_by_us()), len(tunnel.sent_by_guest())
    for direction in ("out", "in"):
        sent, arrived = (f.result() for f in transfer(*tunnel.ends(direction), PORT, TRANSFER))
        assert arrived == sent
    assert max(map(length, tunnel.sent_by_us()[ours:])) <= mtu
    assert max(map(length, tunnel.sent_by_guest()[theirs:])) <= mtu
    assert set(tunnel.datapath.drops()) <= LEARNING
    assert [f for f in tunnel.wire.clear() if f.proto != 1] == []
    assert {HOST_MAC, GUEST_MAC} == {f.raw[6:12].hex(":") for f in tunnel.sent_by_us() + tunnel.sent_by_guest()}
