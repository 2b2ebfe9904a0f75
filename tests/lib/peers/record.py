# SPDX-License-Identifier: BSD-2-Clause
"""What was on the wire: every frame that passed the guest's end of it, in order."""
import socket
import struct

from lib.wire import ETH_P_ALL, SO_RCVBUFFORCE, SOL_PACKET, parse, repeated

ETH_P_ARP = 0x0806
PACKET_STATISTICS, PACKET_QDISC_BYPASS = 6, 20
# A transfer of 10 MB is some 10,000 frames of 4 KiB each in the kernel's accounting.
BUFFER = 256 << 20


def packet_socket(device, ethertype):
    s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ethertype))
    s.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, BUFFER)
    s.bind((device, ethertype))
    return s


class Record:
    """Records from the moment it is made. Frames wait in the socket's buffer until they are looked at."""

    def __init__(self, bed):
        self._bed = bed
        self._seen = []
        self._tap = bed.far.call(packet_socket, "p0", ETH_P_ALL)
        self._tap.setblocking(False)

    def close(self):
        self._tap.close()

    def frames(self):
        """Everything so far. Fails rather than be silent about frames that did not fit the buffer."""
        try:
            while True:
                self._seen.append(parse(self._tap.recv(1 << 16)))
        except BlockingIOError:
            pass
        lost = struct.unpack("II", self._tap.getsockopt(SOL_PACKET, PACKET_STATISTICS, 8))[1]
        assert lost == 0, f"{lost} frames did not fit the capture's buffer"
        return self._seen

    def esp(self, src, spi=None):
        return [f for f in self.frames() if f.spi is not None and f.src == src and spi in (None, f.spi)]

    def clear(self):
        """What is neither ESP nor ARP."""
        return [f for f in self.frames() if f.spi is None and f.ethertype != ETH_P_ARP]

    def repeated(self, src):
        """Nonces and sequence numbers that the SAs of src used more than once."""
        return repeated(self.esp(src))

    def send_to_host(self, frames):
        """Puts frames on the wire as if the guest had sent them."""
        with self._bed.far.call(packet_socket, "p0", 0) as s:
            for f in frames:
                s.send(f.raw)

    def send_to_guest(self, frames):
        """Puts frames on the wire as if the host had sent them; its tc egress does not see them."""
        with self._bed.near.call(packet_socket, "h0", 0) as s:
            s.setsockopt(SOL_PACKET, PACKET_QDISC_BYPASS, 1)
            for f in frames:
                s.send(f.raw)
