# SPDX-License-Identifier: BSD-2-Clause
"""Rekeys that cross each other with strongSwan on a way of 100 ms, under a ping: RFC 7296 sections 2.8 and 2.25."""
import itertools
from concurrent.futures import ThreadPoolExecutor

import pytest

from lib.peers import uml
from lib.peers.daemon import ends, every_echo, up
from lib.peers.guest_bed import Bed
from lib.peers.strongswan import StrongSwan
from lib.peers.xfrm import Xfrm
from lib.wait import patiently

DELAY = 0.1
IKE_PORT, CREATE_CHILD_SA, RESPONSE = 500, 36, 0x20
# strongSwan asks again 5 to 15 s after TEMPORARY_FAILURE.
SETTLED = 30


@pytest.fixture(scope="module")
def bed():
    if reason := uml.missing():
        pytest.skip(reason)
    made = Bed(DELAY)
    yield made
    made.close()


@pytest.fixture
def peer(bed):
    if reason := StrongSwan.missing():
        pytest.skip(reason)
    made = StrongSwan(bed.guest, bed.host)
    yield made
    print(bed.delay.diary())
    print(made.log())
    made.kill()


def is_request(raw):
    """To make or rekey something."""
    port, exchange, flags = int.from_bytes(raw[36:38], "big"), raw[60:61], raw[61:62]
    return raw[23] == 17 and port == IKE_PORT and exchange == bytes([CREATE_CHILD_SA]) and not flags[0] & RESPONSE


class Rekeys:
    """One from each end; each round ends when there is one of each here."""

    def __init__(self, bed, daemon, peer):
        self.passed, self.daemon, self.peer = bed.delay.passed, daemon, peer
        self.pool = ThreadPoolExecutor()
        self.crossed = 0

    def at_once(self, ours, theirs):
        """Their request leaves when ours is there, or nearly: it takes them two tenths of a second to begin."""
        them = self.pool.submit(self.peer.rekey, theirs)
        self.daemon.rekey(ours)
        self._end(them)

    def cross(self, ours, theirs):
        """Ours leaves when theirs is on its way."""
        first = len(self.passed)
        them = self.pool.submit(self.peer.rekey, theirs)
        patiently(lambda: them.done() or self._request(1, first), "their request")
        self.daemon.rekey(ours)
        self._end(them)
        if (us := self._request(0, first)) and (them := self._request(1, first)):
            self.crossed += 0 < us.time - them.time < DELAY

    def _end(self, them):
        them.exception()  # it may have nothing to rekey, as that is what is rekeyed just now
        patiently(lambda: len((c := self.daemon.connection())["ike"]) == len(c["children"]) == 1, "one of each")

    def _request(self, side, first):
        return next((p for p in self.passed[first:] if p.side == side and is_request(p.raw)), None)


def assert_settled(daemon, peer, xfrm):
    """Both have the same child and nothing else, and nothing came that was not expected."""

    def same():
        children = daemon.connection()["children"]
        return peer.sas() == (1, [(c["spi_out"], c["spi_in"]) for c in children]) and len(children) == 1

    patiently(same, "the same child at both ends, alone", SETTLED)
    patiently(lambda: len(daemon.status()["sas"]) == 2, "its two SAs, alone")
    assert xfrm.errors() == {}
    assert {reason: n for reason, n in daemon.status()["drops"].items() if n} == {}


def test_rekeys_cross(bed, peer):
    with ends(bed, peer, None, "psk") as daemon:
        up(daemon, peer, "we")
        xfrm = Xfrm(bed.guest, bed.host.address)
        rekeys = Rekeys(bed, daemon, peer)
        with every_echo(bed):
            for ours, theirs in itertools.product(("child", "ike"), repeat=2):
                rekeys.cross(ours, theirs)
                rekeys.at_once(ours, theirs)
            assert rekeys.crossed
            # What came of it is rekeyed by either, when the DELETE of the old one is still to go.
            for _ in range(2):
                rekeys.at_once("child", "child")
                daemon.rekey("child")
                daemon.rekey("child")
            assert_settled(daemon, peer, xfrm)
