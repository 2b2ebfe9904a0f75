# SPDX-License-Identifier: BSD-2-Clause
"""What leaves the host: an independent codec opens it and finds what the host's sockets sent."""
import json
import re
import socket

import pytest
from scapy.layers.inet import ICMP, IP, TCP, UDP, IPOption_NOP, IPOption_Router_Alert
from scapy.layers.l2 import Dot1Q, Ether
from scapy.packet import Raw, raw

from lib.beds.bed import HOST, HOST2, NIC, PEER, SENTINEL
from lib.beds.tcp_peer import TcpPeer
from lib.netns import run
from lib.packets import checksums_right, header_fields, parts
from lib.traffic import UDP_SEGMENT, abortive, send_ip, tcp_listener, udp_socket
from lib.wait import until
from lib.wire import Tap, esp_of

# Every remainder modulo 4, an empty payload, and what just fits a frame of 1500 (20 + 16 + 8 + n + 2 + 16).
SIZES = [0, 1, 2, 3, 4, 5, 6, 7, 63, 64, 511, 512, 1400, 1436, 1437, 1438]
ESN = pytest.mark.parametrize('esn', [True, False], ids=['esn', 'no-esn'])


@ESN
@pytest.mark.parametrize('size', SIZES)
def test_udp(bed, size, esn):
    _, out = bed.protected(esn=esn)
    payload = bytes(i * 7 & 0xff for i in range(size))
    with udp_socket(bed.ns, HOST, 4000) as s:
        s.sendto(payload, (PEER, 4001))
    inner, opened = bed.next_opened(out)
    assert (inner[UDP].sport, inner[UDP].dport) == (4000, 4001)
    assert parts(inner)[1][8:] == payload
    assert checksums_right(inner)
    assert len(opened.padding) == -(8 + size + 2) % 4


@ESN
def test_icmp_echo(bed, esn):
    _, out = bed.protected(esn=esn)
    request = IP(src=HOST, dst=PEER) / ICMP(id=7, seq=9) / Raw(b'echo')
    send_ip(bed.ns, request)
    inner, _ = bed.next_opened(out)
    assert (inner[ICMP].type, inner[ICMP].id, inner[ICMP].seq) == (8, 7, 9)
    assert checksums_right(inner)


def test_tcp_syn(bed):
    _, out = bed.protected()
    with bed.ns.socket(socket.AF_INET, socket.SOCK_STREAM, 0) as s:
        s.setblocking(False)
        assert s.connect_ex((PEER, 179)) == 115  # EINPROGRESS
        inner, _ = bed.next_opened(out)
    assert inner[TCP].flags == 'S' and inner[TCP].dport == 179
    assert checksums_right(inner)


@pytest.mark.parametrize('size', range(4))
def test_unknown_protocol(bed, size):
    """A protocol without ports or a checksum (OSPF's number), down to no payload at all."""
    _, out = bed.protected()
    send_ip(bed.ns, IP(src=HOST, dst=PEER, proto=89) / Raw(bytes(size)))
    _, opened = bed.next_opened(out)
    assert (opened.proto, opened.payload) == (89, bytes(size))


def test_dummy(bed):
    """What a host sends as protocol 59 is a dummy packet of its SA (RFC 4303 section 2.6), as test_drops.py has them come."""
    _, out = bed.protected()
    send_ip(bed.ns, IP(src=HOST, dst=PEER, proto=59) / Raw(b'nothing that counts'))
    _, opened = bed.next_opened(out)
    assert (opened.proto, opened.payload) == (59, b'nothing that counts')


HEADERS = {
    'dscp-ecn': {'tos': 0xba | 1},
    'ttl-1': {'ttl': 1},
    'ttl-255': {'ttl': 255},
    'id': {'id': 0xabcd},
    'df': {'flags': 'DF', 'id': 1},
    'no-df': {'flags': 0, 'id': 2},
    'options': {'options': [IPOption_Router_Alert(), IPOption_NOP(), IPOption_NOP(), IPOption_NOP(), IPOption_NOP()]},
    'options-40': {'options': [IPOption_NOP()] * 40},
}


@pytest.mark.parametrize('fields', HEADERS.values(), ids=HEADERS.keys())
def test_ip_header_is_kept(bed, fields):
    _, out = bed.protected()
    sent = IP(raw(IP(src=HOST, dst=PEER, **fields) / UDP(sport=1, dport=2) / Raw(b'header')))
    send_ip(bed.ns, sent)
    outer = bed.next_esp(out)
    inner, _ = bed.open(out, outer)
    kept = header_fields(sent)
    if not sent.id:
        kept['id'] = header_fields(outer)['id']  # left to the kernel to choose
    assert header_fields(outer) == kept
    assert raw(inner.payload) == raw(sent.payload)


def test_frame(bed):
    """The Ethernet header is the NIC's own, the IP header's length and checksum are the ESP packet's."""
    _, out = bed.protected()
    with udp_socket(bed.ns) as s:
        s.sendto(b'frame', (PEER, 2))
    frame = bed.tap.find(lambda f: esp_of(f, out.spi) and f, 'an ESP frame')
    ether = Ether(frame)
    assert (ether.src, ether.dst, ether.type) == (bed.mac, bed.peer_mac, 0x0800)
    assert ether[IP].len == len(frame) - 14
    rebuilt = IP(frame[14:])
    del rebuilt.chksum
    assert raw(rebuilt) == frame[14:]


def test_vlan_tag_is_kept(bed):
    """A tagged frame through the NIC's egress: the tag stays outside, the packet in it is sealed."""
    _, out = bed.protected()
    packet = IP(src=HOST, dst=PEER) / UDP(sport=5, dport=6) / Raw(b'tagged')
    with Tap(bed.ns, NIC) as nic:
        nic.send(Ether(src=bed.mac, dst=bed.peer_mac) / Dot1Q(vlan=5) / packet)
    seen = bed.tap.find(lambda f: esp_of(f, out.spi) and Ether(f), 'a tagged ESP frame')
    inner, _ = bed.open(out, seen[IP])
    assert raw(inner.payload) == raw(packet.payload)
    assert seen[Dot1Q].vlan == 5


def test_sequence_and_ivs(bed):
    """Numbers count from 1 without a gap on a quiet SA, no IV is used twice."""
    _, out = bed.protected()
    with udp_socket(bed.ns) as s:
        s.connect((PEER, 2))
        opened = []
        for n in range(50):
            s.send(bytes([n]))
            opened.append(bed.next_opened(out)[1])
    assert [o.seq for o in opened] == list(range(1, 51))
    assert len({o.iv for o in opened}) == 50


def test_sequence_starts_where_told(bed):
    out = bed.outbound('seq', 1000)
    bed.host.policy_add(PEER)
    with udp_socket(bed.ns) as s:
        s.sendto(b'x', (PEER, 2))
    assert bed.next_opened(out)[1].seq == 1001


def test_sequence_that_comes_again_is_noted(bed):
    """Whoever adds an SA anew, as after a restart, is told that a peer which has kept its end would drop it, and what to do."""
    _, out = bed.protected()
    with udp_socket(bed.ns) as s:
        s.sendto(b'x', (PEER, 2))
        bed.next_opened(out)
    bed.host.cmd('sa', 'flush')
    done = bed.host.sa_add(out)
    assert done.returncode == 0 and done.stderr.count('\n') == 1
    seq = re.search(rf"note: spi {out.spi:#010x} .* as replay.* 'seq (\d+)'", done.stderr)[1]
    bed.host.cmd('sa', 'del', 'spi', hex(out.spi), 'dst', PEER)
    assert bed.host.sa_add(out, 'seq', seq).stderr == ''
    with udp_socket(bed.ns) as s:
        s.sendto(b'x', (PEER, 2))
    assert bed.next_opened(out)[1].seq == int(seq) + 1


def test_esn_wrap(bed):
    """Across 2^32 the upper half goes into the AAD, and only there."""
    out = bed.outbound('seq', 2**32 - 4)
    bed.host.policy_add(PEER)
    with udp_socket(bed.ns) as s:
        s.connect((PEER, 2))
        for seq in range(2**32 - 3, 2**32 + 4):
            s.send(b'wrap')
            assert bed.next_opened(out, high=seq >> 32)[1].seq == seq


def test_overflow_without_esn(bed):
    """RFC 4303 section 3.3.3: the last number of a 32-bit SA is 2^32 - 1, then nothing more is sent."""
    out = bed.outbound('seq', 2**32 - 3, esn=False)
    bed.host.policy_add(PEER)
    with udp_socket(bed.ns) as s:
        s.connect((PEER, 2))
        for seq in (2**32 - 2, 2**32 - 1):
            s.send(b'last')
            assert bed.next_opened(out)[1].seq == seq
        with bed.drops(seq_overflow=3):
            for _ in range(3):
                s.send(b'too late')


def test_udp_gso(bed):
    """A super-packet is segmented and each segment complete: length, checksum, ID."""
    _, out = bed.protected()
    data = bytes(range(256)) * 37  # 9,472: nine of 1,000 and a rest
    with udp_socket(bed.ns) as s:
        s.setsockopt(socket.IPPROTO_UDP, UDP_SEGMENT, 1000)
        s.sendto(data, (PEER, 2))
    inners = [bed.next_opened(out)[0] for _ in range(10)]
    assert b''.join(parts(p)[1][8:] for p in inners) == data
    assert [p.len - 28 for p in inners] == [1000] * 9 + [472]
    assert all(checksums_right(p) for p in inners)


def test_tcp_gso(bed):
    """A TCP stream of super-packets, taken apart by a peer that checks every segment."""
    in_sa, out = bed.protected()
    data = bytes(i * 31 & 0xff for i in range(200_000))
    peer = TcpPeer(bed, in_sa, out)
    with abortive(bed.ns.socket(socket.AF_INET, socket.SOCK_STREAM, 0)) as s:
        s.setblocking(False)
        s.connect_ex((PEER, 179))
        peer.accept()
        s.settimeout(10)
        assert peer.take(s, data) == data
    assert peer.segments > len(data) // 1460
    assert peer.bad == []


def test_counters(bed):
    """status counts what was sealed and opened, by SA and in all."""
    _, out = bed.protected()
    before = bed.host.counters().get('sealed', 0)
    with udp_socket(bed.ns) as s:
        for _ in range(5):
            s.sendto(bytes(100), (PEER, 2))
            bed.next_opened(out)
    until(lambda: bed.host.sa_status(out.spi)['packets'] == 5, '5 packets in status')
    sa = bed.host.sa_status(out.spi)
    assert (sa['direction'], sa['src'], sa['dst'], sa['esn']) == ('out', HOST, PEER, True)
    assert (sa['seq'], sa['bytes']) == (5, 5 * 108)
    assert bed.host.counters()['sealed'] - before == 5


def test_listener_answers_sealed(bed):
    """What the kernel itself answers (a SYN/ACK) is protected as well."""
    in_sa, out = bed.protected()
    with tcp_listener(bed.ns, HOST) as listener:
        port = listener.getsockname()[1]
        bed.send_sealed(in_sa, IP(src=PEER, dst=HOST) / TCP(sport=1024, dport=port, flags='S', seq=1))
        inner, _ = bed.next_opened(out)
    assert inner[TCP].flags == 'SA' and inner[TCP].ack == 2
    assert checksums_right(inner)


def tag(bed, name, **key):
    """What the egress program writes where the source address is: 24 bits each of generation and slot of the SA in that map."""
    entries = [e['formatted'] for e in json.loads(run('bpftool', '-j', 'map', 'dump', 'pinned', bed.host.pins / name).stdout)]
    value = next(e['value'] for e in entries if all(e['key'][k] == v for k, v in key.items()))
    return b''.join((value[word] & 0xffffff).to_bytes(3, 'little') for word in ('generation', 'slot'))


def test_only_what_the_egress_program_sent(bed):
    """Whoever can write to the TAP cannot have a packet sealed for others, or by a key that is for opening."""
    inbound, _ = bed.protected()
    peer = list(socket.inet_aton(PEER))
    outbound = tag(bed, 'sad_out', dst=peer)
    opens = tag(bed, 'sad', spi=inbound.spi)
    with bed.ns.entered():
        tap = socket.if_indextoname(bed.host.status()['interfaces'][0]['tap_ifindex'])
    with Tap(bed.ns, tap) as somebody, bed.drops(no_policy=3, no_sa=1):
        for source, src, dst in ((outbound, HOST, SENTINEL), (outbound, HOST2, PEER), (opens, PEER, HOST),
                                 (bytes(6), HOST, PEER)):
            somebody.send(Ether(src=source, dst=bed.peer_mac) / IP(src=src, dst=dst) / UDP(sport=1, dport=2))
