# SPDX-License-Identifier: BSD-2-Clause
"""Questions about packets that scapy has no word for."""
import socket
import struct

from scapy.packet import raw
from scapy.utils import checksum

L4_WITH_PSEUDO_HEADER = (6, 17)


def parts(packet):
    """(IP header, payload) as bytes, by the packet's own lengths."""
    data = raw(packet)
    ihl = (data[0] & 15) * 4
    return data[:ihl], data[ihl:struct.unpack('>H', data[2:4])[0]]


def checksums_right(packet):
    """Of the IPv4 header, and of TCP, UDP or ICMP in it."""
    header, l4 = parts(packet)
    proto = header[9]
    pseudo = header[12:20] + struct.pack('>HH', proto, len(l4)) if proto in L4_WITH_PSEUDO_HEADER else b''
    return checksum(header) == 0 and checksum(pseudo + l4) == 0


def with_bad_checksum(packet):
    """The same packet (TCP or UDP) with a wrong L4 checksum that is not 0."""
    header, l4 = parts(packet)
    at = {6: 16, 17: 6}[header[9]]
    right = struct.unpack('>H', l4[at:at + 2])[0]
    wrong = right ^ 0x0100 or 0x0101
    return header + l4[:at] + struct.pack('>H', wrong) + l4[at + 2:]


def header_fields(packet):
    """What ESP in transport mode must leave alone (RFC 4303 section 3.1.1)."""
    header, _ = parts(packet)
    return {'tos': header[1], 'id': header[4:6], 'fragment': header[6:8], 'ttl': header[8],
            'src': socket.inet_ntoa(header[12:16]), 'dst': socket.inet_ntoa(header[16:20]), 'options': header[20:]}
