# SPDX-License-Identifier: BSD-2-Clause
"""
What somebody can send at a host without a key: frames for flood.c, as they come from a third place on the wire. Each kind is made
of what that place has heard there before: addresses, SPIs, sequence numbers, packets.
"""
import os
import struct
from collections import namedtuple

from scapy.layers.inet import ICMP, IP, UDP
from scapy.packet import Raw, raw

from lib import ike_raw
from lib.beds.flooded import MESH
from lib.beds.pair import A, B, NIC
from lib.wait import until
from lib.wire import esp_of, ip_of

# What a flood may have the host write: the daemon's and IKE's lines, each of which has a limit of 10 a second, and their words on how
# many more there were.
LINES = 50
# And take, the first time: half-open IKE SAs and incomplete datagrams (docs/security.md).
GROWTH = 8 << 20

# In an Ethernet frame with an IPv4 packet without options.
IP_AT, IP_ID, IP_SRC, L4 = 14, 18, 26, 34
UDP_PAYLOAD = L4 + 8
ESP_SEQ, ESP_DATA = L4 + 4, L4 + 8
# Fields that are another in each frame: the low bits of what is at an offset (flood.c).
ANY_ID = f'{IP_ID}:16'
ANY_OF_MESH = f'{IP_SRC + 1}:17'
# Of 8.0.0.0/5: nobody here has a connection with those.
STRANGER, ANY_STRANGER = '8.0.0.0', f'{IP_SRC}:27'
ANY_SPI = f'{L4}:32'
ANY_SPI_I, ANY_SPI_R = f'{UDP_PAYLOAD + ike_raw.SPI_I}:64', f'{UDP_PAYLOAD + ike_raw.SPI_R}:64'
ANY_IV = f'{UDP_PAYLOAD + ike_raw.IV}:64'
# A number ahead of what the SA has had, and before what it has when the flood is over, by less than half of all.
AHEAD, ANY_AHEAD = 1 << 24, f'{ESP_SEQ + 1}:24'

# Replayed: as many packets of an honest stream.
RECORDED = 32
# Begun by the one who floods: fewer than what makes a cookie necessary, and one of each address.
HALF_OPEN = 16
CLOSED_PORT = 9
ESP_SIZE = 104      # of a short packet of ESP; a multiple of 8, as a first fragment has to be


def ether_of(pair):
    """The header of a frame from b to a, in hex."""
    return ''.join(host.netns.mac(NIC).replace(':', '') for host in pair.hosts) + '0800'


class Wire:
    """What a third place makes of what it has heard. `pair` is Flooded, up."""

    def __init__(self, pair):
        self.pair = pair
        self.ether = ether_of(pair)
        self.spi = pair.core(pair.a)['spi_in']
        self.spi_out = pair.core(pair.a)['spi_out']

    def frame(self, packet, *fields):
        """As flood.c reads it: from b's place to a."""
        return ' '.join([self.ether + raw(packet).hex(), *fields])

    def record(self, count):
        """That many ESP packets of the honest stream to a, as they went by; what it is made of is echo requests."""
        with self.pair.attacker(self.pair.a) as attacker:
            ping_many(self.pair.b.netns, A, count)
            return [esp_of(frame) for frame in attacker.recorded()]

    def seq_ahead(self):
        """The next multiple of AHEAD that the SA has not reached."""
        seq, = struct.unpack_from('>I', raw(self.record(1)[-1].payload), 4)
        return (seq // AHEAD + 1) * AHEAD

    def half_open(self, count=HALF_OPEN):
        """IKE SAs that are begun and no more, by addresses of the mesh: (address, SPIi, SPIr) of each."""
        openings = {f'198.18.200.{n + 1}': ike_raw.Opening() for n in range(count)}
        found = {}
        with self.pair.attacker(self.pair.a) as attacker:
            def ask(addr, cookie=None):
                packet = udp(addr, openings[addr].request(cookie))
                attacker.send(bytes.fromhex(self.frame(packet)))

            def answered():
                for frame in attacker.tap.drain():
                    packet = ip_of(frame, proto=17, src=A)
                    if not packet or packet.dst not in openings or packet.dst in found:
                        continue
                    answer = bytes(packet[UDP].payload)
                    cookie = ike_raw.cookie_in(answer)
                    if cookie:
                        ask(packet.dst, cookie)
                    elif ike_raw.spis(answer)[1]:
                        found[packet.dst] = ike_raw.spis(answer)
                return len(found) == count

            for addr in openings:
                ask(addr)
            until(answered, f'{count} IKE SAs are half-open')
        return [(addr, *spis) for addr, spis in found.items()]


def ping_many(netns, dst, count):
    netns.run('ping', '-n', '-q', '-i', '0.002', '-c', count, dst)


def udp(src, payload, sport=ike_raw.PORT, dport=ike_raw.PORT):
    """Without a checksum, so that what is in it may be another each time."""
    return IP(src=src, dst=A) / UDP(sport=sport, dport=dport, chksum=0) / Raw(payload)


def esp(spi, seq=1, size=ESP_SIZE, src=B, **ip):
    return IP(src=src, dst=A, proto=50, **ip) / Raw(struct.pack('>II', spi, seq) + os.urandom(size - 8))


# ---- the kinds: what each is made of ----

def unknown_spi(wire):
    return [wire.frame(esp(wire.spi), ANY_SPI)]


def bad_icv(wire):
    return [wire.frame(esp(wire.spi, wire.seq_ahead()), ANY_AHEAD, f'{ESP_DATA}:64')]


def replayed(wire):
    return [wire.frame(packet) for packet in wire.record(RECORDED)]


def first_fragments(wire):
    return [wire.frame(esp(wire.spi, wire.seq_ahead(), flags='MF'), ANY_ID)]


def later_fragments(wire):
    return [wire.frame(esp(wire.spi, frag=185), ANY_ID)]


def openings_of_peers(wire):
    return [wire.frame(udp(MESH.partition('/')[0], ike_raw.Opening().request()), ANY_OF_MESH, ANY_SPI_I)]


def openings_of_strangers(wire):
    return [wire.frame(udp(STRANGER, ike_raw.Opening().request()), ANY_STRANGER, ANY_SPI_I)]


def garbage(wire, exchange):
    return [wire.frame(udp(addr, ike_raw.sealed(spi_i, spi_r, exchange)), ANY_IV) for addr, spi_i, spi_r in wire.half_open()]


def auth_garbage(wire):
    """To IKE SAs that are there, and as much to such as are not."""
    known = garbage(wire, ike_raw.IKE_AUTH)
    return known + [f'{frame} {ANY_SPI_I} {ANY_SPI_R}' for frame in known]


def informational(wire):
    return garbage(wire, ike_raw.INFORMATIONAL)


def spoofed_mesh(wire):
    return [wire.frame(esp(wire.spi, src=MESH.partition('/')[0]), ANY_OF_MESH, ANY_SPI)]


def clear(wire):
    return [wire.frame(udp(B, bytes(64), dport=CLOSED_PORT), ANY_ID)]


def icmp_errors(wire):
    """From anywhere: "fragmentation needed", of UDP that a sends to b, and of its ESP, with a number that it has not sent."""
    quotes = (IP(src=A, dst=B, len=1400) / UDP(sport=4000, dport=4001) / Raw(bytes(20)),
              IP(src=A, dst=B, len=1400, proto=50) / Raw(struct.pack('>II', wire.spi_out, 1 << 31) + bytes(20)))
    return [wire.frame(IP(src=STRANGER, dst=A) / ICMP(type=3, code=4, nexthopmtu=1200) / quote, ANY_STRANGER) for quote in quotes]


# An ID may be drawn twice.
FRAGMENTS = {'frag_full', 'frag_overlap', 'frag_timeout', 'rx_full'}

# reasons: what counts all of them. of_ike: IKE has to answer, or refuse them.
Kind = namedtuple('Kind', 'label make reasons of_ike', defaults=(False,))

KINDS = {
    'unknown_spi': Kind('ESP of unknown SPI', unknown_spi, {'no_sa'}),
    'bad_icv': Kind('ESP of a known SPI, bad ICV', bad_icv, {'auth_failed', 'rx_full'}),
    'replayed': Kind('ESP that was captured, again', replayed, {'replay', 'rx_full'}),
    'first_fragments': Kind('first fragments of ESP', first_fragments, FRAGMENTS),
    'later_fragments': Kind('later fragments of ESP', later_fragments, FRAGMENTS),
    'openings': Kind('IKE_SA_INIT, of a mesh', openings_of_peers, {'ike'}, True),
    'strangers': Kind('IKE_SA_INIT, of strangers', openings_of_strangers, set(), True),
    'auth_garbage': Kind('IKE_AUTH, garbage', auth_garbage, {'ike'}, True),
    'informational': Kind('INFORMATIONAL to half-open SAs', informational, {'ike'}, True),
    'spoofed_mesh': Kind('ESP of a mesh, spoofed', spoofed_mesh, {'no_sa'}),
    'clear': Kind('clear, to what is protected', clear, {'cleartext_protected'}),
    'icmp_errors': Kind('clear ICMP errors', icmp_errors, {'icmp_forged', 'icmp_ignored'}),
}


def readdressed(frames, pair):
    """The same flood, for another bed."""
    ether = ether_of(pair)
    return [ether + frame[len(ether):] for frame in frames]
