# SPDX-License-Identifier: BSD-2-Clause
"""A long way: a host between two devices that hands each frame over, either way, a while after it came.

Nothing is lost or overtaken, and every frame can be looked at. It is no netem, which not every kernel has.
"""
import collections
import selectors
import socket
import struct
import threading
import time
from typing import NamedTuple

from lib.peers.record import packet_socket
from lib.wire import ETH_P_ALL, SOL_PACKET, parse

PACKET_VNET_HDR, PACKET_IGNORE_OUTGOING = 15, 23
VNET_HDR_SIZE = 10


class Passed(NamedTuple):
    """When it came, from which device (0 or 1), and the frame."""

    time: float
    side: int
    raw: bytes


class Delay:
    """To be made in the namespace that has both devices; from then on they are one wire."""

    def __init__(self, devices, seconds):
        self.seconds = seconds
        self.passed = []
        self._waiting = (collections.deque(), collections.deque())
        self._sockets = [self._open(d) for d in devices]
        self._end, self._ends = socket.socketpair()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    @staticmethod
    def _open(device):
        """With its header, a frame whose checksum is yet to be made, or that is longer than the wire, stays one."""
        s = packet_socket(device, 0)
        s.setsockopt(SOL_PACKET, PACKET_VNET_HDR, 1)
        s.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
        s.bind((device, ETH_P_ALL))
        s.setblocking(False)
        return s

    def _take(self, side):
        try:
            while True:
                data, now = self._sockets[side].recv(1 << 17), time.monotonic()
                self._waiting[side].append((now + self.seconds, data))
                self.passed.append(Passed(now, side, data[VNET_HDR_SIZE:]))
        except BlockingIOError:
            pass

    def _hand_over(self, side):
        """How long until there is more to do."""
        waiting = self._waiting[side]
        while waiting:
            left = waiting[0][0] - time.monotonic()
            if left > 0:
                return left
            self._sockets[not side].send(waiting.popleft()[1])
        return None

    def _run(self):
        with selectors.DefaultSelector() as ready:
            for side in (0, 1):
                ready.register(self._sockets[side], selectors.EVENT_READ, side)
            ready.register(self._ends, selectors.EVENT_READ)
            while True:
                left = [t for t in map(self._hand_over, (0, 1)) if t is not None]
                for key, _ in ready.select(min(left, default=None)):
                    if key.data is None:
                        return
                    self._take(key.data)

    def diary(self):
        """IKE's headers, and where ESP goes on by another SA: a line each, with the time of day."""
        spis, lines, offset = {}, [], time.time() - time.monotonic()
        for p in self.passed:
            at = time.strftime("%H:%M:%S", time.localtime(p.time + offset)) + f".{int((p.time + offset) % 1 * 1000):03}"
            frame = parse(p.raw)
            if frame.proto == socket.IPPROTO_UDP:
                exchange, flags, number = struct.unpack_from("!BBI", p.raw, 60)
                what = f"IKE SPI {p.raw[42:50].hex()} exchange {exchange} flags {flags:#04x} ID {number}"
            elif frame.spi is not None and spis.get(p.side) != frame.spi:
                spis[p.side] = frame.spi
                what = f"ESP SPI {frame.spi:08x} from {frame.seq}"
            else:
                continue
            lines.append(f"{at} {'<>'[not p.side]} {what}")
        return "\n".join(lines)

    def close(self):
        self._end.close()
        self._thread.join()
        for s in (*self._sockets, self._ends):
            s.close()
