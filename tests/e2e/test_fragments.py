# SPDX-License-Identifier: BSD-2-Clause
"""
Datagrams larger than the MTU, which ESP protects as wholes (RFC 4303 section 3.3.4): what the host's stack cut is put
together, sealed, and cut again; what comes in pieces is put together, opened, and handed over in one piece.
"""
import itertools
import os
import random
import signal
import socket
from contextlib import ExitStack, contextmanager, suppress

import pytest
from scapy.layers.inet import IP, UDP, IPOption_NOP, IPOption_Router_Alert, fragment
from scapy.layers.l2 import Ether
from scapy.packet import Raw, raw

from lib import esp
from lib.beds.bed import HOST, NIC, PEER, SENTINEL, Bed, new_sa
from lib.beds.pair import A, B
from lib.host import dropped, is_dead
from lib.netns import LANES, QUEUES, veth
from lib.packets import checksums_right, parts
from lib.traffic import ping, send_ip, udp_socket
from lib.wait import until
from lib.wire import Tap, esp_of, in_clear, ip_of

PORT = 4005
IP_MTU_DISCOVER, IP_PMTUDISC_DONT = 10, 0
# What the worker holds of one peer at a time (worker/in/fragments_in.c).
QUOTA = 16

_ids = itertools.count(1)


def large(size=4000, src=PEER, dst=HOST, **ip):
    return IP(src=src, dst=dst, id=next(_ids), **ip) / UDP(sport=4000, dport=PORT) / Raw(os.urandom(size))


def data_of(packet):
    return bytes(packet[Raw])


def sealed_pieces(sa, packet, size=1480):
    return fragment(esp.seal_ip(sa, packet), size)


@contextmanager
def drop_counters(bed, **expected):
    """Exactly these drops; unlike bed.drops(), something may arrive."""
    before = bed.host.counters()
    yield
    bed.settle()
    assert dropped(before, bed.host.counters()) == expected


def ready(bed, packet):
    """A frame in bytes: scapy takes too long over many for what has a time limit."""
    return raw(bed.frame(packet))


def until_dropped(bed, before, **expected):
    until(lambda: dropped(before, bed.host.counters()) == expected, f'{expected} dropped')


@pytest.fixture
def sink(bed):
    with udp_socket(bed.ns, HOST, PORT) as s:
        yield s


# ---- between two hosts ----

@pytest.mark.parametrize('size', [1460, 8192, 60000, 65450])
@pytest.mark.parametrize('direction', ['out', 'back'])
def test_large_datagrams(pair, size, direction):
    """The application gets them whole, on the wire there is ESP alone, and to the SA each is one packet."""
    sender, receiver, addr = (pair.a, pair.b, B) if direction == 'out' else (pair.b, pair.a, A)
    with udp_socket(receiver.netns, addr, PORT) as sink, udp_socket(sender.netns) as source, pair.capture() as capture:
        source.setsockopt(socket.IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DONT)
        for _ in range(5):
            data = os.urandom(size)
            source.sendto(data, (addr, PORT))
            assert sink.recv(65535) == data
        packets = capture.stop()
    assert not in_clear(packets, A, B)
    assert max(p.length for p in packets) <= 1500
    sa = pair.sas[0 if direction == 'out' else 1]
    for host in pair.hosts:
        status = host.sa_status(sa.spi)
        assert (status['packets'], status['bytes'], status['seq']) == (5, 5 * (size + 8), 5)


def test_ping_of_8000_bytes(pair):
    assert ping(pair.a.netns, B, count=3, size=8000)
    assert ping(pair.b.netns, A, count=3, size=8000)


def test_large_and_small_at_once(pair):
    """Many at a time, of two senders: none is lost while the wire has room for all, none gets another's bytes."""
    sizes = [100, 3000, 8192, 1400, 20000] * 8
    with udp_socket(pair.b.netns, B, PORT) as sink, udp_socket(pair.a.netns) as one, udp_socket(pair.a.netns) as other:
        sink.setsockopt(socket.SOL_SOCKET, 33, 16 << 20)  # SO_RCVBUFFORCE
        sent = [os.urandom(size) for size in sizes]
        for data, source in zip(sent, itertools.cycle([one, other])):
            source.sendto(data, (B, PORT))
        assert sorted(sink.recv(65535) for _ in sent) == sorted(sent)


def test_next_ids_are_not_to_be_told(pair):
    """
    Who sees the ID of one datagram sends fragments with the four that come next by counting. Two of the 64 that the
    receiver keeps may meet a datagram by chance.
    """
    datagrams, sa = 30, pair.sas[0]
    before = pair.b.counters().get('opened', 0)
    with udp_socket(pair.b.netns, B, PORT), udp_socket(pair.a.netns) as source, pair.attacker(pair.b) as attacker:
        for n in range(datagrams):
            source.sendto(os.urandom(3000), (B, PORT))
            seen = attacker.tap.find(lambda frame: (p := esp_of(frame, sa.spi, A)) and p.frag == 0 and p, f'datagram {n}')
            for ahead in range(1, 5):
                planted = IP(src=A, dst=B, proto=50, id=(seen.id + ahead) % 65536, frag=100) / Raw(os.urandom(64))
                attacker.send(Ether(dst=attacker.mac) / planted)
        until(lambda: pair.b.counters().get('opened', 0) >= before + datagrams - 2, 'the datagrams opened')


def test_policy_with_ports(shared_pair):
    """Later fragments show no ports: they go the way of their first, in ESP or in clear."""
    pair = shared_pair
    pair.sas = [new_sa(A, B), new_sa(B, A)]
    for host, other in ((pair.a, B), (pair.b, A)):
        pair.add_sas(host)
        for port in ('dport', 'sport'):
            host.policy_add(other, 'proto', 'udp', port, PORT)
    try:
        for port, protected in ((PORT, True), (PORT + 1, False)):
            for sender, receiver, addr in ((pair.a, pair.b, B), (pair.b, pair.a, A)):
                data = os.urandom(8192)
                with udp_socket(receiver.netns, addr, port) as sink, udp_socket(sender.netns) as source, \
                        pair.capture() as capture:
                    source.sendto(data, (addr, port))
                    assert sink.recv(65535) == data
                    packets = capture.stop()
                assert {p.proto for p in packets if p.dst == addr} == {50 if protected else 17}
    finally:
        pair.end()


# ---- in ----

@pytest.mark.parametrize('size', [1480, 552, 72])
def test_in_any_order(bed, sink, size):
    sa, _ = bed.protected()
    for n in range(5):
        packet = large()
        pieces = sealed_pieces(sa, packet, size)
        random.Random(n).shuffle(pieces)
        for piece in pieces:
            bed.send(piece, vlan=None if n else 7)
        if n:
            assert sink.recv(65535) == data_of(packet)
    assert bed.host.sa_status(sa.spi)['packets'] == 5


def test_in_with_options(bed):
    """The whole has the header of its first fragment, and a right checksum."""
    sa, _ = bed.protected()
    packet = large(options=[IPOption_Router_Alert(), IPOption_NOP()], tos=0xb8, ttl=9)
    with bed.ears() as ears:
        for piece in sealed_pieces(sa, packet, 1400):
            bed.send(piece)
        bed.settle()
        heard = [IP(raw(p)) for p in ears.packets() if p.src == PEER]
    assert heard and all(checksums_right(p) for p in heard)
    for p in heard:
        assert (p.tos, p.ttl, p.frag, int(p.flags), p.len) == (0xb8, 9, 0, 0, len(raw(packet)))
        assert parts(p)[0][20:] == parts(packet)[0][20:]


def test_repeats(bed, sink):
    """The same fragment again is no harm; when all have come it is a stray."""
    sa, _ = bed.protected()
    packet = large()
    first, second, third = sealed_pieces(sa, packet)
    with drop_counters(bed, frag_overlap=2):
        for piece in (first, first, third, third, second):
            bed.send(piece)
        assert sink.recv(65535) == data_of(packet)


def shifted(piece, by=-8):
    bad = piece.copy()
    bad.frag += by // 8
    return bad


def test_overlaps(bed, sink):
    """RFC 5722: the whole datagram goes, also what of it comes later."""
    sa, _ = bed.protected()
    for order in ((0, 1, 2), (2, 0, 1), (1, 2, 0)):
        pieces = sealed_pieces(sa, large())
        with bed.drops(frag_overlap=4):
            bed.send(pieces[order[0]])
            bed.send(shifted(pieces[order[0]], 8 if order[0] == 0 else -8))
            bed.send(pieces[order[1]])
            bed.send(pieces[order[2]])


def test_same_place_other_bytes(bed, sink):
    sa, _ = bed.protected()
    pieces = sealed_pieces(sa, large())
    forged = pieces[1].copy()
    forged.payload = Raw(bytes(len(forged.payload)))
    with bed.drops(frag_overlap=4):
        for piece in (pieces[0], forged, pieces[1], pieces[2]):
            bed.send(piece)


def test_missing_piece(bed, sink):
    sa, _ = bed.protected()
    before = bed.host.counters()
    for left_out in range(3):
        for n, piece in enumerate(sealed_pieces(sa, large())):
            if n != left_out:
                bed.send(piece)
    until_dropped(bed, before, frag_timeout=6)
    by_sa = {reason: n for reason, n in bed.host.sa_status(sa.spi)['drops'].items() if n}
    assert by_sa == {'frag_timeout': 4}  # without the first nobody knows whose it was
    sink.setblocking(False)
    with pytest.raises(BlockingIOError):
        sink.recv(100)


def test_worker_that_ends_counts_what_it_holds(bed):
    """Nobody goes on with its datagrams, and each fragment of them has been told of."""
    sa, _ = bed.protected()
    before, worker = bed.host.counters(), bed.host.worker_ready()['worker']['pid']
    for _ in range(10):
        bed.send(sealed_pieces(sa, large())[0])
    bed.settle()
    os.kill(worker, signal.SIGTERM)
    until(lambda: is_dead(worker), 'its end')
    told = dropped(before, bed.host.counters())
    # Between two lanes one may be on its way from the one to the other.
    under_way = told.pop('no_worker', 0) if LANES == 2 else 0
    assert told == {'frag_timeout': 10 - under_way}
    until(lambda: (s := bed.host.worker_ready()) and s['worker']['pid'] != worker, 'another worker')
    bed.settle()


def test_what_no_datagram_can_have(bed, sink):
    sa, _ = bed.protected()
    data = esp.seal_ip(sa, large(65000))
    first = fragment(data, 1480)[0]
    bad = [IP(src=PEER, dst=HOST, proto=50, id=9, flags='MF') / Raw(raw(data.payload)[:32]),  # tiny first
           IP(src=PEER, dst=HOST, proto=50, id=9, flags='MF', frag=185) / Raw(bytes(1479)),  # not a multiple of 8
           IP(src=PEER, dst=HOST, proto=50, id=9, flags='MF', frag=185),  # nothing in it
           IP(src=PEER, dst=HOST, proto=50, id=9, frag=8189) / Raw(bytes(100))]  # beyond 65,535
    with bed.drops(frag_invalid=len(bad)):
        for packet in bad:
            bed.send(packet)
    before = bed.host.counters()
    many = [first] + [IP(src=PEER, dst=HOST, proto=50, id=first.id, flags='MF', frag=185 + n) / Raw(bytes(8))
                      for n in range(128)]
    for packet in many:
        bed.send(packet)
    until_dropped(bed, before, frag_invalid=len(many))


def test_whole_is_judged_like_any_other(bed, sink):
    """Replayed, damaged, for somebody else: as if it had come in one packet."""
    sa, _ = bed.protected()
    packet = large()
    pieces = sealed_pieces(sa, packet)
    for piece in pieces:
        bed.send(piece)
    assert sink.recv(65535) == data_of(packet)
    bed.send(pieces[1])
    bed.send(pieces[2])
    with bed.drops(replay=1):
        bed.send(pieces[0])
    damaged = sealed_pieces(sa, large())
    damaged[1].payload = Raw(esp.spoiled(raw(damaged[1].payload), 0))
    with bed.drops(auth_failed=1):
        for piece in damaged:
            bed.send(piece)
    nested = new_sa(PEER, HOST).seal(17, bytes(3000))
    with bed.drops(nested_esp=1):
        for piece in sealed_pieces(sa, IP(src=PEER, dst=HOST, id=next(_ids), proto=50) / Raw(nested)):
            bed.send(piece)


def test_selector_of_the_whole(bed):
    sa = bed.inbound('sel', f'udp/{PORT + 1}')
    bed.host.policy_add(PEER)
    with bed.drops(selector_mismatch=1):
        for piece in sealed_pieces(sa, large()):
            bed.send(piece)


def test_flood_of_first_fragments(bed, sink):
    """By who knows a peer's address and SPI. It pushes out that peer's own; another's are completed."""
    sa, _ = bed.protected()
    other = large(src=SENTINEL)
    pieces = sealed_pieces(bed.sentinel_sa, other)
    body = raw(esp.seal_ip(sa, large()).payload)[:1480]
    flood = [ready(bed, IP(src=PEER, dst=HOST, proto=50, id=20000 + n, flags='MF') / Raw(body)) for n in range(500)]
    before = bed.host.counters()
    bed.send(pieces[0])
    for frame in flood:
        bed.tap.send(frame)
    kept = QUOTA * QUEUES

    def decided():
        now = dropped(before, bed.host.counters())
        return now.get('frag_full', 0) + now.get('rx_full', 0) == 500 - kept

    until(decided, 'nothing of the flood is left in the ring between lanes')
    for piece in pieces[1:]:
        bed.send(piece)
    assert sink.recv(65535) == data_of(other)
    bed.settle()
    now = dropped(before, bed.host.counters())
    handed = now.get('rx_full', 0) if QUEUES > 1 else 0   # what the ring from one lane to the other had no room for
    assert now['frag_full'] + handed == 500 - kept
    until_dropped(bed, before, frag_full=now['frag_full'], frag_timeout=kept, **({'rx_full': handed} if handed else {}))


def test_flood_of_later_fragments(bed, sink):
    """They need no SPI, so a spoofed address of any peer, or of these, will do: what has its first fragment is not touched."""
    bed.host.policy_add('192.0.2.0/24')
    sas = [new_sa(f'192.0.2.{100 + n}', HOST) for n in range(4)]
    packets = [large(src=sa.src) for sa in sas]
    pieces = [sealed_pieces(sa, packet) for sa, packet in zip(sas, packets)]
    for sa in sas:
        bed.host.sa_add(sa)
    sources = [100 + n % 4 if n < 500 else 5 + n % 90 for n in range(1000)]
    flood = [ready(bed, IP(src=f'192.0.2.{source}', dst=HOST, proto=50, id=30000 + n, frag=185) / Raw(bytes(100)))
             for n, source in enumerate(sources)]
    before = bed.host.counters()
    for first, *_ in pieces:
        bed.send(first)
    for frame in flood:
        bed.tap.send(frame)
    for later in zip(*(rest for _, *rest in pieces)):
        for piece in later:
            bed.send(piece)
    assert {sink.recv(65535) for _ in packets} == {data_of(p) for p in packets}
    bed.settle()
    now = dropped(before, bed.host.counters())
    assert now['frag_full'] + now.get('frag_timeout', 0) > 1000 - 100 * QUEUES and set(now) <= {'frag_full', 'frag_timeout'}
    until(lambda: sum(dropped(before, bed.host.counters()).values()) == 1000, 'all of the flood counted')


def test_fragments_of_strangers(bed):
    """Nobody waits for the rest of what no peer sent."""
    bed.inbound()  # makes HOST an address that is protected
    with bed.drops(no_sa=2):
        bed.send(IP(src='192.0.2.77', dst=HOST, proto=50, id=1, frag=185) / Raw(bytes(100)))
        bed.send(IP(src='192.0.2.77', dst=HOST, proto=50, id=1, flags='MF') / Raw(bytes(range(104))))


# ---- out ----

def esp_pieces(bed, sa):
    """The fragments of the next ESP packet of that SA, in the order they left."""
    pieces = []
    while not pieces or int(pieces[-1].flags) & 1:
        pieces.append(bed.tap.find(lambda frame: (p := esp_of(frame, src=sa.src)) and IP(raw(p)), 'a fragment of ESP'))
    return pieces


def joined(pieces):
    """The packet that was cut, its fragments looked at one by one."""
    at = 0
    for piece in pieces:
        header, payload = parts(piece)
        assert piece.frag * 8 == at and piece.len <= 1500
        assert len(payload) % 8 == 0 or piece is pieces[-1]
        assert piece.id == pieces[0].id and 'DF' not in piece.flags
        at += len(payload)
    header = bytearray(parts(pieces[0])[0])
    header[6:8] = b'\0\0'
    return esp.reheader(header, 50, b''.join(parts(p)[1] for p in pieces))


def opened(bed, sa):
    """The next packet of the SA, and the fragments it came in."""
    pieces = esp_pieces(bed, sa)
    return bed.open(sa, joined(pieces))[0], pieces


def test_out_as_one(bed):
    """The fragments of the host's stack are sealed as the datagram they were, and cut again, under an ID of its own."""
    _, sa = bed.protected()
    ids = set()
    with udp_socket(bed.ns, HOST) as s:
        for n in range(3):
            data = os.urandom(8000)
            s.sendto(data, (PEER, PORT))
            inner, pieces = opened(bed, sa)
            assert len(pieces) == 6
            assert checksums_right(inner) and bytes(inner[Raw]) == data and inner[UDP].dport == PORT
            ids.add(pieces[0].id)
    assert len(ids) == 3
    assert bed.host.sa_status(sa.spi)['seq'] == 3


def test_out_without_df(bed):
    """One that fits the MTU as it is, but not with ESP around it."""
    _, sa = bed.protected()
    packet = IP(src=HOST, dst=PEER, tos=0xb8, ttl=33, options=[IPOption_Router_Alert()]) / UDP(sport=1, dport=2)
    packet /= Raw(os.urandom(1464))
    send_ip(bed.ns, packet)
    inner, pieces = opened(bed, sa)
    assert len(pieces) == 2 and data_of(inner) == data_of(packet)
    for piece in pieces:
        # RFC 791: router alert has the copied flag.
        assert (piece.tos, piece.ttl, parts(piece)[0][20:]) == (0xb8, 33, b'\x94\4\0\0')


def test_out_any_order(bed):
    """As of a forwarded datagram: the policy is for all ports."""
    _, sa = bed.protected()
    packet = large(src=HOST, dst=PEER)
    for piece in reversed(fragment(packet, 1000)):
        send_ip(bed.ns, piece)
    inner, _ = opened(bed, sa)
    assert data_of(inner) == data_of(packet)


def test_out_overlap_and_missing(bed):
    bed.protected()
    pieces = fragment(large(src=HOST, dst=PEER), 1000)
    with bed.drops(frag_overlap=len(pieces) + 1):
        for piece in (pieces[0], shifted(pieces[1]), *pieces[1:]):
            send_ip(bed.ns, piece)
    before = bed.host.counters()
    for piece in fragment(large(src=HOST, dst=PEER), 1000)[:-1]:
        send_ip(bed.ns, piece)
    until_dropped(bed, before, frag_timeout=4)


def test_out_longer_than_a_packet_can_be(bed):
    """65,507 bytes are UDP's most, and there is no room for ESP in IP's 65,535."""
    bed.protected()
    with bed.drops(too_big=1), udp_socket(bed.ns, HOST) as s:
        s.sendto(bytes(65507), (PEER, PORT))


def test_out_without_an_sa(bed):
    """None of it in clear, whatever becomes of its first fragment."""
    bed.host.policy_add(PEER, 'proto', 'udp', 'dport', PORT)
    pieces = fragment(large(src=HOST, dst=PEER), 1000)
    with bed.drops(no_sa=len(pieces)):
        for piece in pieces:
            send_ip(bed.ns, piece)


# ---- out, two datagrams with one ID, as two connected sockets may have them ----

def two_with_one_id(bed):
    """The fragments of one that is protected, and of one that is not. The first ones alone show the ports."""
    bed.host.policy_add(PEER, 'proto', 'udp', 'dport', PORT)
    packet = large(2000, src=HOST, dst=PEER)
    other = large(2000, src=HOST, dst=PEER)
    other.id, other[UDP].dport = packet.id, PORT + 1
    return fragment(packet, 1000), fragment(other, 1000)


def seen_in_clear(bed, tap, pieces):
    """Sends them, and one after them; what in clear came before that one. The second wall tells the sender what it drops."""
    last, seen = large(10, src=HOST, dst=PEER), []
    last[UDP].dport = PORT + 1
    tap.drain()
    for piece in (*pieces, last):
        with suppress(PermissionError):
            send_ip(bed.ns, piece)
    while not seen or seen[-1] != raw(last.payload):
        seen.append(tap.find(lambda frame: (p := ip_of(frame, 17, HOST)) and parts(p)[1], 'what is not protected'))
    return seen[:-1]


@contextmanager
def by_another_nic(bed):
    """The peer is behind an interface that is not attached; what is seen there."""
    with ExitStack() as undo:
        veth(bed.ns, 'other0', bed.wire_ns, 'far0')
        undo.callback(bed.ns.ip, 'link', 'del', 'other0')
        bed.ns.ip('neigh', 'add', PEER, 'lladdr', bed.wire_ns.mac('far0'), 'dev', 'other0')
        bed.ns.ip('route', 'add', f'{PEER}/32', 'dev', 'other0')
        yield undo.enter_context(Tap(bed.wire_ns, 'far0'))


def test_out_two_with_one_id(bed):
    """What comes after both have begun may be of either, and stays here."""
    bed.outbound()
    mine, other = two_with_one_id(bed)
    before = bed.host.counters()
    assert seen_in_clear(bed, bed.tap, [mine[0], other[0], mine[1], other[1], mine[2]]) == [raw(other[0].payload)]
    until_dropped(bed, before, frag_overlap=3, frag_timeout=1)


def test_out_two_with_one_id_in_clear_first(bed):
    """The protected one is whole."""
    sa = bed.outbound()
    mine, other = two_with_one_id(bed)
    with drop_counters(bed):
        assert seen_in_clear(bed, bed.tap, [other[0], *mine[:2]]) == [raw(other[0].payload)]
        send_ip(bed.ns, mine[2])
        inner, _ = opened(bed, sa)
    assert parts(inner)[1] == b''.join(raw(piece.payload) for piece in mine)


def test_out_two_with_one_id_by_another_nic(bed):
    """The second wall has the same rule."""
    mine, other = two_with_one_id(bed)
    with by_another_nic(bed) as tap, drop_counters(bed, backstop_out=4):
        assert seen_in_clear(bed, tap, [mine[0], other[0], mine[1], other[1], mine[2]]) == [raw(other[0].payload)]


# ---- two queues ----

def xps(bed):
    """What the peer sends on CPU n goes out by its queue n, and so arrives at the host's."""
    script = 'mount -t sysfs sysfs /sys && for q in 0 1; do echo $((1 << q)) >/sys/class/net/wire0/queues/tx-$q/xps_cpus; done'
    bed.wire_ns.run('unshare', '-m', 'sh', '-c', script)


def received_by_queue(bed):
    stats = bed.ns.run('ethtool', '-S', NIC).stdout
    return [int(stats.split(f'rx_queue_{q}_xdp_packets:')[1].split()[0]) for q in range(2)]


@pytest.mark.skipif(os.cpu_count() < 2, reason='needs two CPUs')
def test_two_queues():
    """Fragments without an SPI arrive on another queue than their first."""
    cpus = os.sched_getaffinity(0)
    with Bed('native', queues=2) as bed:
        xps(bed)
        bed.host.start()
        bed.begin()
        sa, _ = bed.protected()
        try:
            with udp_socket(bed.ns, HOST, PORT) as sink:
                for first_on in (0, 1):
                    before = received_by_queue(bed)
                    packet = large()
                    for n, piece in enumerate(sealed_pieces(sa, packet)):
                        os.sched_setaffinity(0, {first_on if n == 0 else 1 - first_on})
                        bed.send(piece)
                    assert sink.recv(65535) == data_of(packet)
                    moved = [now - then for now, then in zip(received_by_queue(bed), before)]
                    assert moved == ([1, 2] if first_on == 0 else [2, 1])
        finally:
            os.sched_setaffinity(0, cpus)
