# SPDX-License-Identifier: BSD-2-Clause
"""The other end of the cable: raw frames in and out, and captures that are counted."""
import select
import socket
import struct
import subprocess
import tempfile
import time
from pathlib import Path
from typing import NamedTuple, Optional

from scapy.layers.inet import IP
from scapy.layers.l2 import Ether
from scapy.packet import raw
from scapy.utils import RawPcapReader

from lib.wait import DEADLINE, until

ETH_P_ALL = 3
ETH_P_IP, ETH_P_8021Q = 0x0800, 0x8100
ETH_P_MARKER = 0x88b5  # IEEE 802 local experimental: nobody answers
SO_RCVBUFFORCE = 33
PACKET_OUTGOING = 4
SOL_PACKET, PACKET_AUXDATA, TP_STATUS_VLAN_VALID = 263, 8, 1 << 4
AUXDATA = struct.Struct('=IIIHHHH')
# In place of the SPI, which a fragment after the first does not show: one that is never on the wire.
LATER = 0


class Tap:
    """
    An AF_PACKET socket on a device: what tcpdump there would see, and a way to send. outgoing: also what the device
    sends, its own included.
    """

    def __init__(self, netns, dev, outgoing=False):
        self.outgoing = outgoing
        self.sock = netns.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        self.sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 32 << 20)
        self.sock.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
        with netns.entered():
            self.sock.bind((dev, ETH_P_ALL))

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.sock.close()

    def send(self, frame):
        self.sock.send(raw(frame))

    def frames(self, timeout):
        """Frames that come in, until none has come for `timeout` seconds."""
        while select.select([self.sock], [], [], timeout)[0]:
            frame, ancillary, _, (_, _, kind, _, _) = self.sock.recvmsg(65535, socket.CMSG_SPACE(AUXDATA.size))
            if self.outgoing or kind != PACKET_OUTGOING:
                yield self._tagged(frame, ancillary)

    @staticmethod
    def _tagged(frame, ancillary):
        """The kernel takes 802.1Q tags off before it shows a frame: puts them back."""
        for _, _, data in ancillary:
            status, *_, tci, tpid = AUXDATA.unpack(data[:AUXDATA.size])
            if status & TP_STATUS_VLAN_VALID:
                return frame[:12] + struct.pack('>HH', tpid, tci) + frame[12:]
        return frame

    def find(self, wanted, what, timeout=DEADLINE):
        """The first frame for which wanted(frame) is truthy, as wanted's value."""
        end = time.monotonic() + timeout
        for frame in self.frames(timeout):
            value = wanted(frame)
            if value:
                return value
            if time.monotonic() > end:
                break
        raise AssertionError(f'not seen on the wire within {timeout:g} s: {what}')

    def drain(self):
        """What is queued already."""
        return list(self.frames(0))


def ip_of(frame, proto=None, src=None):
    """The scapy IP packet of an untagged or tagged frame, or None if it is not IPv4 or not the one asked for."""
    ether = Ether(frame)
    if IP not in ether:
        return None
    packet = ether[IP]
    if proto is not None and packet.proto != proto or src is not None and packet.src != src:
        return None
    return packet


def esp_of(frame, spi=None, src=None):
    packet = ip_of(frame, proto=50, src=src)
    if packet is None or spi is not None and struct.unpack('>I', raw(packet.payload)[:4])[0] != spi:
        return None
    return packet


class Frame(NamedTuple):
    """What a look at one tells; ethertype is what is behind tags, length that of the IP packet."""
    raw: bytes
    ethertype: int
    src: Optional[str] = None
    dst: Optional[str] = None
    proto: Optional[int] = None
    length: Optional[int] = None
    spi: Optional[int] = None
    seq: Optional[int] = None
    iv: Optional[bytes] = None
    ike: bool = False  # UDP from or to port 500, which protects itself


def parse(frame):
    at, ethertype = 14, struct.unpack_from('>H', frame, 12)[0]
    while ethertype == ETH_P_8021Q:
        at, ethertype = at + 4, struct.unpack_from('>H', frame, at + 2)[0]
    if ethertype != ETH_P_IP:
        return Frame(frame, ethertype)
    length, _, offset, _, proto = struct.unpack_from('>HHHBB', frame, at + 2)
    l4 = at + (frame[at] & 15) * 4
    addresses = [socket.inet_ntoa(frame[n:n + 4]) for n in (at + 12, at + 16)]
    seen = Frame(frame, ethertype, *addresses, proto, length)
    if offset & 0x1fff:
        return seen._replace(spi=LATER if proto == 50 else None)
    if proto == 50:
        spi, seq = struct.unpack_from('>II', frame, l4)
        return seen._replace(spi=spi, seq=seq, iv=frame[l4 + 8:l4 + 16])
    return seen._replace(ike=proto == 17 and 500 in struct.unpack_from('>HH', frame, l4))


class Capture:
    """
    tcpdump on a device; packets() after stop(). Fails if tcpdump missed any. immediate: it wakes for every packet, and
    stop() need not wait a second; not for a test that counts what a host has no time to take.
    """

    SNAPLEN = 96  # Ethernet, IP with options, SPI, sequence number and IV

    def __init__(self, netns, dev, immediate=True, snaplen=SNAPLEN):
        self.netns, self.dev = netns, dev
        self.dir = tempfile.TemporaryDirectory(prefix='xdp-ipsec-test-')
        self.file = Path(self.dir.name) / 'pcap'
        argv = netns.argv('tcpdump', '-i', dev, '-n', '-U', *['--immediate-mode'] * immediate, '-s', snaplen, '-B', 65536, '-w', self.file)
        self.proc = subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        while 'listening on' not in self.proc.stderr.readline():
            assert self.proc.poll() is None, 'tcpdump did not start'

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        if self.proc.poll() is None:
            self.proc.kill()
        self.proc.wait()
        self.proc.stderr.close()
        self.dir.cleanup()

    def stop(self):
        """Everything sent up to now is in the file: a marker frame that went after it has arrived in it."""
        marker = bytes(12) + struct.pack('>H', ETH_P_MARKER) + b'last'
        with Tap(self.netns, self.dev) as tap:
            tap.send(marker)
        until(lambda: marker in self.file.read_bytes(), 'the marker in the capture')
        self.proc.terminate()
        text = self.proc.communicate(timeout=10)[1]
        assert '0 packets dropped by kernel' in text, text
        return self.packets()

    def packets(self):
        """The frames with IPv4 packets."""
        return [seen for frame, _ in RawPcapReader(str(self.file)) if (seen := parse(frame)).ethertype == ETH_P_IP]


def in_clear(packets, a, b):
    """Those between the two addresses that are not ESP."""
    return [p for p in packets if {p.src, p.dst} == {a, b} and p.proto != 50]


def sealed(packets):
    return [p for p in packets if p.proto == 50]


def repeated(packets):
    """
    (SPI, IV) pairs and (SPI, sequence) pairs of ESP packets that occur more than once. There must be none (RFC 4106 section 3.1).
    """
    esp = [p for p in packets if p.seq is not None]
    again = set()
    for pairs in ([(p.dst, p.spi, 'iv', p.iv) for p in esp], [(p.dst, p.spi, 'seq', p.seq) for p in esp]):
        seen = set()
        again |= {pair for pair in pairs if pair in seen or seen.add(pair)}
    return again
