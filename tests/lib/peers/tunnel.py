# SPDX-License-Identifier: BSD-2-Clause
"""Both ends and the wire between them, as the tests see them."""
from lib.peers.record import Record
from lib.wait import patiently

# Seconds. Only a lost packet costs them; a busy machine may hold one up for a good part of one.
PATIENCE = 10


class Tunnel:
    def __init__(self, bed, datapath, xfrm):
        self.host, self.guest = bed.host, bed.guest
        self.datapath, self.xfrm = datapath, xfrm
        self.wire = Record(bed)
        self.pair = None

    def protect(self, pair):
        """The pair's SAs and policies at both ends."""
        self.pair = pair
        self.xfrm.add(pair)
        self.datapath.add(pair)

    def flush(self):
        for end in (self.host, self.guest):
            end.call("close_all")
            end.call("tcp_settle")
        self.datapath.flush()
        self.xfrm.flush()
        self.datapath.mark()
        self.wire.close()

    def ends(self, direction):
        """(sender, receiver) of "out", which is from us to the guest, or "in"."""
        return (self.host, self.guest) if direction == "out" else (self.guest, self.host)

    def sent_by_us(self):
        return self.wire.esp(self.host.address, self.pair.out_spi)

    def sent_by_guest(self):
        return self.wire.esp(self.guest.address, self.pair.in_spi)

    def assert_only_esp(self, minimum):
        """Nothing but ESP and ARP was on the wire, ESP each way, and no nonce twice."""
        assert self.wire.clear() == []
        assert len(self.sent_by_us()) >= minimum
        assert len(self.sent_by_guest()) >= minimum
        assert self.wire.repeated(self.host.address) == set()
        assert self.wire.repeated(self.guest.address) == set()

    def assert_clean(self, minimum, spare=frozenset()):
        """Only ESP, and no error counted at either end but those to spare at ours."""
        self.assert_only_esp(minimum)
        assert self.xfrm.errors() == {}
        assert set(self.datapath.drops()) <= spare

    def assert_every_packet_counted(self):
        """What our SAs count is what was on the wire. Not for bulk, of which queues may lose some."""
        self._assert_counted(self.pair.out_spi, self.sent_by_us)
        self._assert_counted(self.pair.in_spi, self.sent_by_guest)

    def _assert_counted(self, spi, frames):
        """A packet is seen a moment before its turn ends and it is counted, so this waits for the two to agree."""
        patiently(
            lambda: self.datapath.sa(spi)["packets"] == len(frames()), f"SA {spi:#x} to count what was on the wire"
        )


def ping(sender, receiver, count, size=56):
    """How many of count echo requests, which ought to be answered, are."""
    return sender.call("echo", receiver.address, count, size, 0.002, PATIENCE)


def ping_in_vain(sender, receiver, count):
    """The same for requests that nobody ought to answer: it gives up soon."""
    return sender.call("echo", receiver.address, count, 56, 0.002, 0.3)


def transfer(sender, receiver, port, size, seed=1):
    """A TCP connection started, not waited for: the Futures of (what was sent, what arrived)."""
    receiver.call("tcp_listen", port)
    arrived = receiver.spawn("tcp_receive", port)
    return sender.spawn("tcp_send", receiver.address, port, size, seed), arrived
