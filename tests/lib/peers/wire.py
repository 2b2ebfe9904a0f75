# SPDX-License-Identifier: BSD-2-Clause
"""What was on the wire: every frame that passed the guest's end of it, in order."""
import socket
import struct
from typing import NamedTuple, Optional

ETH_P_ALL, ETH_P_IP, ETH_P_ARP = 3, 0x0800, 0x0806
SOL_PACKET, PACKET_STATISTICS, PACKET_QDISC_BYPASS = 263, 6, 20
SO_RCVBUFFORCE = 33
# A transfer of 10 MB is some 10,000 frames of 4 KiB each in the kernel's accounting.
BUFFER = 256 << 20
# In place of the SPI, which a fragment after the first does not show: one that is never on the wire.
LATER = 0


class Frame(NamedTuple):
    raw: bytes
    ethertype: int
    src: Optional[str] = None
    dst: Optional[str] = None
    proto: Optional[int] = None
    spi: Optional[int] = None
    seq: Optional[int] = None
    iv: Optional[bytes] = None


def parse(raw):
    ethertype = struct.unpack_from("!H", raw, 12)[0]
    if ethertype != ETH_P_IP:
        return Frame(raw, ethertype)
    src, dst, proto = socket.inet_ntoa(raw[26:30]), socket.inet_ntoa(raw[30:34]), raw[23]
    if proto != socket.IPPROTO_ESP:
        return Frame(raw, ethertype, src, dst, proto)
    if struct.unpack_from("!H", raw, 20)[0] & 0x1FFF:
        return Frame(raw, ethertype, src, dst, proto, LATER)
    payload = 14 + (raw[14] & 15) * 4
    spi, seq = struct.unpack_from("!II", raw, payload)
    return Frame(raw, ethertype, src, dst, proto, spi, seq, raw[payload + 8 : payload + 16])


def packet_socket(device, ethertype):
    s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ethertype))
    s.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, BUFFER)
    s.bind((device, ethertype))
    return s


class Wire:
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
        """Nonces that the SAs of src used more than once: (SPI, IV). There must be none (RFC 4106 section 3.1)."""
        seen, again = set(), []
        for f in self.esp(src):
            if f.spi == LATER:
                continue
            again += [(f.spi, f.iv)] if (f.spi, f.iv) in seen else []
            seen.add((f.spi, f.iv))
        return again

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
