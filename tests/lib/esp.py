# SPDX-License-Identifier: BSD-2-Clause
"""
ESP in transport mode, twice and independent of the product: written down from RFC 4303 and RFC 4106 over
`cryptography`'s AESGCM, and scapy's IPsec layer. What one of them seals the other opens, and the tests use both.
"""
import os
import struct
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from scapy.layers.inet import IP
from scapy.layers.ipsec import ESP, SecurityAssociation
from scapy.packet import raw

HEADER = 8  # SPI, sequence number
IV = 8
ICV = 16
NO_NEXT_HEADER = 59


def spoiled(data, at=-1):
    """The same bytes but for a bit of one of them: a byte that is set instead may have been so before, once in 256 times."""
    out = bytearray(data)
    out[at] ^= 1
    return bytes(out)


class Refused(Exception):
    """The packet is not what the SA's owner could have sent."""


@dataclass
class Opened:
    seq: int  # all 64 bits with ESN
    iv: bytes
    proto: int
    payload: bytes
    padding: bytes


@dataclass
class Sa:
    """One direction between two addresses; seq is the last number used."""
    spi: int
    src: str
    dst: str
    esn: bool = True
    seq: int = 0
    keymat: bytes = field(default_factory=lambda: os.urandom(36))

    def __post_init__(self):
        self.key, self.salt = self.keymat[:32], self.keymat[32:]
        self.gcm = AESGCM(self.key)
        self.iv_base = int.from_bytes(os.urandom(8), 'big')

    def aad(self, seq):
        """RFC 4106 section 5: SPI, then 64 bits of sequence number with ESN, else 32."""
        return struct.pack('>IQ', self.spi, seq) if self.esn else struct.pack('>II', self.spi, seq & 0xffffffff)

    def next_seq(self):
        self.seq += 1
        return self.seq

    def iv(self, seq):
        return struct.pack('>Q', (self.iv_base + seq) % 2**64)

    def seal(self, proto, payload, seq=None, pad=None, trailer=None):
        """
        An ESP packet. pad: length of the self-describing padding; trailer: in place of padding, length and next header.
        """
        seq = self.next_seq() if seq is None else seq
        if trailer is None:
            pad = -(len(payload) + 2) % 4 if pad is None else pad
            trailer = bytes(range(1, pad + 1)) + bytes([pad, proto])
        iv = self.iv(seq)
        sealed = self.gcm.encrypt(self.salt + iv, payload + trailer, self.aad(seq))
        return struct.pack('>II', self.spi, seq & 0xffffffff) + iv + sealed

    def open(self, esp, high=0):
        """high: the upper half of the sequence number, which is not on the wire."""
        spi, low = struct.unpack('>II', esp[:HEADER])
        if spi != self.spi:
            raise Refused(f'SPI {spi:#x}')
        seq, iv = high << 32 | low, esp[HEADER:HEADER + IV]
        try:
            plain = self.gcm.decrypt(self.salt + iv, esp[HEADER + IV:], self.aad(seq))
        except InvalidTag:
            raise Refused(f'ICV of SPI {spi:#x} seq {seq}') from None
        pad, proto = plain[-2], plain[-1]
        end = len(plain) - 2 - pad
        padding = plain[end:-2]
        if end < 0 or padding != bytes(range(1, pad + 1)):
            raise Refused(f'padding {padding.hex()} length {pad}')
        return Opened(seq, iv, proto, plain[:end], padding)

    def _scapy(self, high):
        return SecurityAssociation(ESP, spi=self.spi, crypt_algo='AES-GCM', crypt_key=self.key + self.salt,
                                   esn_en=self.esn, esn=high)

    def scapy_seal(self, packet, seq=None):
        """Seals a scapy IP packet with scapy's codec."""
        seq = self.next_seq() if seq is None else seq
        association = self._scapy(seq >> 32)
        association.seq_num = seq & 0xffffffff  # as an argument, scapy takes 0 for "not given"
        return association.encrypt(packet, iv=self.iv(seq))

    def scapy_open(self, packet, high=0):
        """Opens an IP packet from the wire with scapy's codec; the IP packet that was inside."""
        return IP(raw(self._scapy(high).decrypt(IP(raw(packet)))))


def seal_ip(sa, packet, seq=None, **kw):
    """Own codec: the scapy IP packet, its header kept but for protocol, length and checksum, ESP inside."""
    plain = IP(raw(packet))
    header = raw(plain)[:plain.ihl * 4]
    return reheader(header, 50, sa.seal(plain.proto, raw(packet)[plain.ihl * 4:], seq, **kw))


def open_ip(sa, packet, high=0):
    """Own codec: the IP packet inside, and the Opened it came from."""
    outer = raw(packet)
    ihl = (outer[0] & 15) * 4
    opened = sa.open(outer[ihl:struct.unpack('>H', outer[2:4])[0]], high)
    return reheader(outer[:ihl], opened.proto, opened.payload), opened


def reheader(header, proto, payload):
    """An IP packet of that header's fields and options with another protocol and payload."""
    h = bytearray(header)
    h[9] = proto
    h[2:4] = struct.pack('>H', len(h) + len(payload))
    h[10:12] = b'\0\0'
    packet = IP(bytes(h) + payload)
    del packet.chksum
    return IP(raw(packet))
