# SPDX-License-Identifier: BSD-2-Clause
"""
What stands outside of ESP, or around it, and is not ours to change (RFC 4303 section 3.1.1, RFC 4301 section 5.1.2).
The fields one by one are in test_outbound and test_inbound; here is what has many values, or goes through segments.
"""
import signal
import socket
import struct

import pytest
from scapy.layers.inet import ICMP, IP, UDP
from scapy.layers.l2 import Dot1AD, Dot1Q, Ether
from scapy.packet import Raw, raw

from lib import esp
from lib.beds.bed import HOST, NIC, PEER
from lib.beds.ike import A, B, IkePair, order, wait_up
from lib.packets import checksums_right, header_fields, parts
from lib.traffic import UDP_SEGMENT, ping, send_ip, tcp_bulk, udp_socket
from lib.wait import until
from lib.wire import Tap, esp_of, ip_of

SO_NO_CHECK = 11
IP_MTU_DISCOVER, IP_PMTUDISC_DONT, IP_PMTUDISC_DO = 10, 0, 2
MODES = pytest.mark.parametrize('mode', ['native', 'generic'])


# ---- DSCP and ECN ----

def test_every_tos_out(bed):
    """Transport mode has one header, so it stays as the host made it: all 64 DSCPs with all of ECN's codepoints."""
    _, out = bed.protected()
    for tos in range(256):
        send_ip(bed.ns, IP(src=HOST, dst=PEER, tos=tos) / UDP(sport=1, dport=2))
        outer = bed.next_esp(out)
        assert outer.tos == tos
        assert bed.open(out, outer)[0].tos == tos


def test_every_tos_in(bed):
    """As it arrives, whatever routers have made of it on the way: ECN's mark of theirs reaches the host."""
    in_sa, _ = bed.protected()
    with Tap(bed.ns, NIC) as nic:
        for tos in range(256):
            packet = esp.seal_ip(in_sa, IP(src=PEER, dst=HOST, tos=tos ^ 3) / UDP(sport=1, dport=2))
            packet.tos = tos
            del packet.chksum
            bed.send(packet)
            assert nic.find(lambda f: ip_of(f, proto=17, src=PEER), 'the opened packet').tos == tos


def test_tos_of_a_socket(bed):
    """And of the segments of its super-packets."""
    _, out = bed.protected()
    with udp_socket(bed.ns) as s:
        s.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, 0xba)
        s.setsockopt(socket.IPPROTO_UDP, UDP_SEGMENT, 1000)
        s.sendto(bytes(5000), (PEER, 2))
    assert [bed.next_esp(out).tos for _ in range(5)] == [0xba] * 5


@MODES
def test_ike_dscp(mode):
    """Of IKE alone, and as of the file when it is read again."""
    with IkePair(mode) as pair:
        pair.psk(start='initiate')
        set_ike_dscp(pair, 48)
        with Tap(pair.wire, 'port0', outgoing=True) as tap:
            pair.start()
            wait_up(*pair.hosts)
            assert ping(pair.a.netns, B)
            seen = tap.drain()
            assert tos_of_ike(seen) == {0xc0}
            assert {p.tos for f in seen if (p := esp_of(f))} == {0}
            set_ike_dscp(pair, 46)
            for host in pair.hosts:
                host.daemon.send_signal(signal.SIGHUP)
                until(lambda: 'reloaded' in host.log_text, 'the file has been read again')
            tap.drain()
            order(pair.a, 'rekey', 'core', 'ike')
            assert tos_of_ike(tap.drain()) == {0xb8}


def set_ike_dscp(pair, dscp):
    for host in pair.hosts:
        text = host.config.read_text().split('\n[daemon]')[0]
        host.config.write_text(f'{text}\n[daemon]\nike-dscp = {dscp}\n')


def tos_of_ike(frames):
    packets = [p for f in frames if (p := ip_of(f, proto=17)) and {p.src, p.dst} == {A, B} and p[UDP].dport == 500]
    assert {p.src for p in packets} == {A, B}
    return {p.tos for p in packets}


# ---- tags ----

TAGS = {
    'priority': Dot1Q(vlan=7, prio=5),
    'dei': Dot1Q(vlan=4094, prio=7, id=1),
    'two': Dot1AD(vlan=100, prio=3) / Dot1Q(vlan=200, prio=6),
}


def tag_bytes(frame):
    """What stands between the addresses and the IPv4 header."""
    at = frame.index(b'\x08\x00', 12)
    return frame[12:at + 2]


@pytest.mark.parametrize('tags', TAGS.values(), ids=TAGS.keys())
def test_tags_out(bed, tags):
    _, out = bed.protected()
    packet = IP(src=HOST, dst=PEER) / UDP(sport=5, dport=6) / Raw(b'tagged')
    frame = raw(Ether(src=bed.mac, dst=bed.peer_mac) / tags / packet)
    with Tap(bed.ns, NIC) as nic:
        nic.sock.send(frame)
    seen = bed.tap.find(lambda f: esp_of(f, out.spi) and f, 'a tagged ESP frame')
    assert tag_bytes(seen) == tag_bytes(frame)
    assert seen[:12] == frame[:12]


@pytest.mark.parametrize('tags', TAGS.values(), ids=TAGS.keys())
def test_tags_in(bed, tags):
    in_sa, _ = bed.protected()
    packet = esp.seal_ip(in_sa, IP(src=PEER, dst=HOST) / UDP(sport=5, dport=6) / Raw(b'tagged'))
    frame = raw(Ether(src=bed.peer_mac, dst=bed.mac) / tags / packet)
    with Tap(bed.ns, NIC) as nic:
        bed.tap.sock.send(frame)
        seen = nic.find(lambda f: ip_of(f, proto=17, src=PEER) and f, 'the opened, tagged packet')
    assert tag_bytes(seen) == tag_bytes(frame)


# ---- identification and options of segments ----

@pytest.mark.parametrize('discover', [IP_PMTUDISC_DONT, IP_PMTUDISC_DO], ids=['no-df', 'df'])
def test_ids_of_segments(bed, discover):
    """They count on through a super-packet, as in Linux's own segmentation."""
    _, out = bed.protected()
    with udp_socket(bed.ns) as s:
        s.setsockopt(socket.IPPROTO_IP, IP_MTU_DISCOVER, discover)
        s.setsockopt(socket.IPPROTO_UDP, UDP_SEGMENT, 1000)
        s.connect((PEER, 2))
        s.send(bytes(9500))
    packets = [bed.next_esp(out) for _ in range(10)]
    assert [p.id for p in packets] == [packets[0].id + n & 0xffff for n in range(10)]
    assert {int(p.flags) for p in packets} == {2 if discover else 0}


def test_ids_of_a_stream(pair):
    """TCP's super-packets each begin where the one before ended: none is used twice (RFC 6864)."""
    with Tap(pair.wire, 'port0') as tap:
        tcp_bulk(pair.a.netns, pair.b.netns, B, 1 << 20)
        ids = [p.id for f in tap.drain() if (p := esp_of(f, src=A)) and p.len > 1000]
    assert len(ids) > 700
    assert len(set(ids)) == len(ids)


def test_options_of_segments(bed):
    """Each segment has them."""
    _, out = bed.protected()
    with udp_socket(bed.ns) as s:
        s.setsockopt(socket.IPPROTO_IP, socket.IP_OPTIONS, bytes([148, 4, 0, 0]))
        s.setsockopt(socket.IPPROTO_UDP, UDP_SEGMENT, 1000)
        s.sendto(bytes(3500), (PEER, 2))
    for size in (1000, 1000, 1000, 500):
        outer = bed.next_esp(out)
        inner, _ = bed.open(out, outer)
        assert header_fields(outer)['options'] == bytes([148, 4, 0, 0])
        assert checksums_right(inner) and len(parts(inner)[1]) == 8 + size


# ---- UDP without a checksum ----

def test_no_checksum_out(bed):
    """RFC 768: 0 says that there is none, and it stays so."""
    _, out = bed.protected()
    with udp_socket(bed.ns) as s:
        s.setsockopt(socket.SOL_SOCKET, SO_NO_CHECK, 1)
        for size in (0, 5, 1000):
            s.sendto(bytes(size), (PEER, 2))
            inner, _ = bed.next_opened(out)
            assert raw(inner)[26:28] == b'\0\0'


def test_no_checksum_in(bed):
    """Also of several of one flow that arrive together, which might have become one."""
    in_sa, _ = bed.protected()
    with udp_socket(bed.ns, HOST, 4001) as sink, Tap(bed.ns, NIC) as nic:
        frames = [bed.frame(esp.seal_ip(in_sa, IP(src=PEER, dst=HOST) / UDP(sport=1, dport=4001, chksum=0) /
                                        Raw(bytes([n]) * 100))) for n in range(20)]
        for frame in map(raw, frames):
            bed.tap.sock.send(frame)
        assert sorted(sink.recv(200) for _ in frames) == [bytes([n]) * 100 for n in range(20)]
        seen = [p for f in nic.drain() if (p := ip_of(f, proto=17, src=PEER))]
    assert [raw(p)[26:28] for p in seen] == [b'\0\0'] * 20


# ---- protocols ----

# IGMP, IP in IP, DCCP, GRE, AH, OSPF, PIM, VRRP, SCTP, UDP-Lite, one that is nobody's.
PROTOCOLS = [2, 4, 33, 47, 51, 89, 103, 112, 132, 136, 253]
PAYLOADS = [b'', b'\1', bytes(range(7)), bytes(range(256)) * 5]


def next_but_icmp(bed, out):
    """scapy's codec would read more into it. The host may still be saying that the last one's protocol is unreachable."""
    while True:
        _, opened = esp.open_ip(out, bed.next_esp(out))
        if opened.proto != 1:
            return opened


@pytest.mark.parametrize('proto', PROTOCOLS)
def test_protocol_untouched(bed, proto):
    """Whatever it is, and whether or not what it carries makes sense as it."""
    in_sa, out = bed.protected()
    with Tap(bed.ns, NIC) as nic:
        for payload in PAYLOADS:
            send_ip(bed.ns, IP(src=HOST, dst=PEER, proto=proto) / Raw(payload))
            opened = next_but_icmp(bed, out)
            assert (opened.proto, opened.payload) == (proto, payload)
            bed.send_sealed(in_sa, IP(src=PEER, dst=HOST, proto=proto) / Raw(payload))
            seen = nic.find(lambda f: ip_of(f, proto=proto, src=PEER), 'the opened packet')
            assert parts(seen)[1] == payload
            bed.tap.drain()


@pytest.mark.parametrize('kind, code', [(0, 0), (3, 3), (3, 13), (5, 1), (11, 0), (12, 0), (13, 0), (42, 7)])
def test_icmp_untouched(bed, kind, code):
    """Errors too: between the two they are protected as anything else."""
    in_sa, out = bed.protected()
    about = raw(IP(src=PEER, dst=HOST) / UDP(sport=3, dport=4))
    message = IP(raw(IP(src=HOST, dst=PEER) / ICMP(type=kind, code=code) / Raw(about)))
    send_ip(bed.ns, message)
    assert bed.next_opened(out)[1].payload == parts(message)[1]
    message = IP(raw(IP(src=PEER, dst=HOST) / ICMP(type=kind, code=code) / Raw(about)))
    with Tap(bed.ns, NIC) as nic:
        bed.send_sealed(in_sa, message)
        seen = nic.find(lambda f: ip_of(f, proto=1, src=PEER), 'the opened packet')
    assert parts(seen)[1] == parts(message)[1]


def test_sctp_chunk(bed):
    """With its own CRC32c, which nobody here must mistake for something to complete."""
    in_sa, out = bed.protected()
    packet = struct.pack('>HHII', 5000, 5001, 7, 0xdeadbeef) + bytes([1, 0, 0, 20]) + bytes(16)
    send_ip(bed.ns, IP(src=HOST, dst=PEER, proto=132) / Raw(packet))
    assert bed.next_opened(out)[1].payload == packet
    with bed.ns.socket(socket.AF_INET, socket.SOCK_RAW, 132) as s:
        s.settimeout(10)
        bed.send_sealed(in_sa, IP(src=PEER, dst=HOST, proto=132) / Raw(packet))
        assert s.recv(200)[20:] == packet
