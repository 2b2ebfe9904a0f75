# SPDX-License-Identifier: BSD-2-Clause
"""
Packets that arrive together are handed over together, and no wrong checksum becomes a right one by that. The worker is
stopped while they are sent, so that it finds them all at once.
"""
import os
import signal
import socket
from contextlib import contextmanager

import pytest
from scapy.layers.inet import IP, TCP, UDP
from scapy.packet import Raw, raw

from lib.beds.bed import HOST, PEER
from lib.packets import parts, with_bad_checksum
from lib.traffic import abortive, tcp_listener, udp_socket
from lib.wait import DEADLINE, until

PORT = 4001
PIECES = 12
BAD = 5


@contextmanager
def at_once(bed):
    """What the block sends meets the worker as one batch."""
    worker = bed.host.status()['worker']['pid']
    os.kill(worker, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(worker, signal.SIGCONT)


def send_bytes(bed, sa, packet):
    """Seals a packet given as bytes, its checksums as they are."""
    header, l4 = parts(packet)
    bed.send(IP(src=PEER, dst=HOST, proto=50) / Raw(sa.seal(header[9], l4)))


def datagrams(sizes, sport=4000):
    return [raw(IP(src=PEER, dst=HOST) / UDP(sport=sport, dport=PORT) / Raw(bytes([n]) * size))
            for n, size in enumerate(sizes)]


def received(sock, count):
    return [sock.recv(2000) for _ in range(count)]


SIZES = {
    'equal': [100] * 40,
    'large': [1400] * 20,
    'short-one-between': [100] * 6 + [40] + [100] * 5,
    'empty': [0] * 5,
    'more-than-63': [1] * 70,
    'all-different': [*range(60)],
}


@pytest.mark.parametrize('sizes', SIZES.values(), ids=SIZES.keys())
def test_udp(bed, sizes):
    in_sa, _ = bed.protected()
    with udp_socket(bed.ns, HOST, PORT) as sink:
        with at_once(bed):
            for packet in datagrams(sizes):
                send_bytes(bed, in_sa, packet)
        assert received(sink, len(sizes)) == [bytes([n]) * size for n, size in enumerate(sizes)]


def test_udp_flows_are_kept_apart(bed):
    in_sa, _ = bed.protected()
    with udp_socket(bed.ns, HOST, PORT) as sink:
        with at_once(bed):
            for one, other in zip(datagrams([100] * 10, sport=1), datagrams([100] * 10, sport=2)):
                send_bytes(bed, in_sa, one)
                send_bytes(bed, in_sa, other)
        got = [sink.recvfrom(2000) for _ in range(20)]
    for sport in (1, 2):
        assert [data for data, addr in got if addr[1] == sport] == [bytes([n]) * 100 for n in range(10)]


@pytest.mark.parametrize('bad', [0, BAD, PIECES - 1], ids=['first', 'middle', 'last'])
def test_udp_with_one_bad_checksum(bed, bad):
    in_sa, _ = bed.protected()
    packets = datagrams([200] * PIECES)
    packets[bad] = with_bad_checksum(packets[bad])
    with udp_socket(bed.ns, HOST, PORT) as sink:
        with at_once(bed):
            for packet in packets:
                send_bytes(bed, in_sa, packet)
        assert received(sink, PIECES - 1) == [bytes([n]) * 200 for n in range(PIECES) if n != bad]
        bed.settle()
        assert nothing_left(sink)


def test_udp_without_checksum(bed):
    """0 is "none" (RFC 768): among datagrams that have one, each is delivered."""
    in_sa, _ = bed.protected()
    packets = [p[:26] + b'\0\0' + p[28:] if n % 3 == 0 else p for n, p in enumerate(datagrams([200] * PIECES))]
    with udp_socket(bed.ns, HOST, PORT) as sink:
        with at_once(bed):
            for packet in packets:
                send_bytes(bed, in_sa, packet)
        assert received(sink, PIECES) == [bytes([n]) * 200 for n in range(PIECES)]


def test_udp_length_that_lies(bed):
    """A UDP length beyond the packet is the stack's to refuse; the ones around it arrive."""
    in_sa, _ = bed.protected()
    packets = datagrams([200] * PIECES)
    packets[BAD] = packets[BAD][:24] + b'\xff\xff' + packets[BAD][26:]
    with udp_socket(bed.ns, HOST, PORT) as sink:
        with at_once(bed):
            for packet in packets:
                send_bytes(bed, in_sa, packet)
        assert received(sink, PIECES - 1) == [bytes([n]) * 200 for n in range(PIECES) if n != BAD]


def nothing_left(sock):
    """A real read: poll() of a non-blocking UDP socket also tells of datagrams whose checksum is yet to be verified."""
    sock.setblocking(False)
    try:
        return not sock.recv(2000)
    except BlockingIOError:
        return True
    finally:
        sock.settimeout(DEADLINE)


class Connection:
    """A connection from the peer to a listener of the host; `sock` is the host's end."""

    def __init__(self, bed, in_sa, out_sa, listener):
        self.bed, self.in_sa = bed, in_sa
        self.ports = {'sport': 1024, 'dport': listener.getsockname()[1]}
        self._send(TCP(flags='S', seq=999, window=65535, **self.ports))
        syn_ack, _ = bed.next_opened(out_sa)
        self.ack = syn_ack[TCP].seq + 1 & 0xffffffff
        self._send(TCP(flags='A', seq=1000, ack=self.ack, window=65535, **self.ports))
        self.sock = abortive(listener.accept()[0])

    def _send(self, tcp):
        self.bed.send_sealed(self.in_sa, IP(src=PEER, dst=HOST) / tcp)

    def segment(self, offset, data, **fields):
        tcp = TCP(**{'flags': 'A', 'seq': 1000 + offset, 'ack': self.ack, 'window': 65535, **self.ports, **fields})
        return raw(IP(src=PEER, dst=HOST) / tcp / Raw(data))


@pytest.fixture
def connection(bed):
    in_sa, out_sa = bed.protected()
    with tcp_listener(bed.ns, HOST) as listener:
        c = Connection(bed, in_sa, out_sa, listener)
        with c.sock:
            yield c


def read_exactly(sock, size):
    data = b''
    while len(data) < size:
        piece = sock.recv(size - len(data))
        assert piece, 'the connection ended'
        data += piece
    return data


def stream(size=1000):
    return [bytes([n]) * size for n in range(PIECES)]


def test_tcp(bed, connection):
    with at_once(bed):
        for n, data in enumerate(stream()):
            send_bytes(bed, connection.in_sa, connection.segment(n * 1000, data))
    assert read_exactly(connection.sock, PIECES * 1000) == b''.join(stream())


@pytest.mark.parametrize('bad', [0, BAD, PIECES - 1], ids=['first', 'middle', 'last'])
def test_tcp_with_one_bad_checksum(bed, connection, bad):
    """The stream stops before the bad segment and goes on when it comes again."""
    segments = [connection.segment(n * 1000, data) for n, data in enumerate(stream())]
    with at_once(bed):
        for n, segment in enumerate(segments):
            send_bytes(bed, connection.in_sa, with_bad_checksum(segment) if n == bad else segment)
    assert read_exactly(connection.sock, bad * 1000) == b''.join(stream()[:bad])
    bed.settle()
    assert nothing_left(connection.sock)
    send_bytes(bed, connection.in_sa, segments[bad])
    assert read_exactly(connection.sock, (PIECES - bad) * 1000) == b''.join(stream()[bad:])


def test_tcp_out_of_order(bed, connection):
    order = [0, 1, 3, 2, 5, 4, 6, 8, 7, 9, 11, 10]
    with at_once(bed):
        for n in order:
            send_bytes(bed, connection.in_sa, connection.segment(n * 1000, stream()[n]))
    assert read_exactly(connection.sock, PIECES * 1000) == b''.join(stream())


def test_tcp_overlap_and_fin(bed, connection):
    """A retransmission among new segments, then the end of the stream with data in it."""
    with at_once(bed):
        for n in (0, 1, 1, 2, 0, 3):
            send_bytes(bed, connection.in_sa, connection.segment(n * 1000, stream()[n]))
        send_bytes(bed, connection.in_sa, connection.segment(4000, stream()[4], flags='FPA'))
    assert read_exactly(connection.sock, 5000) == b''.join(stream()[:5])
    assert connection.sock.recv(1) == b''


def urgent_byte(sock):
    try:
        return sock.recv(1, socket.MSG_OOB)
    except OSError:
        return None  # none yet


def test_tcp_urgent(bed, connection):
    """URG and its pointer belong to one segment."""
    with at_once(bed):
        send_bytes(bed, connection.in_sa, connection.segment(0, b'a' * 100))
        send_bytes(bed, connection.in_sa, connection.segment(100, b'b' * 100, flags='UA', urgptr=100))
        send_bytes(bed, connection.in_sa, connection.segment(200, b'c' * 100))
    until(lambda: urgent_byte(connection.sock) == b'b', 'the urgent byte')
    assert read_exactly(connection.sock, 299) == b'a' * 100 + b'b' * 99 + b'c' * 100


def test_ecn_is_not_merged(bed):
    """RFC 3168: a congestion mark on one datagram is on that one."""
    in_sa, _ = bed.protected()
    with udp_socket(bed.ns, HOST, PORT) as sink:
        sink.setsockopt(socket.IPPROTO_IP, socket.IP_RECVTOS, 1)
        with at_once(bed):
            for n in range(PIECES):
                ip = IP(src=PEER, dst=HOST, tos=3 if n == BAD else 2)
                bed.send_sealed(in_sa, ip / UDP(sport=1, dport=PORT) / Raw(bytes([n]) * 100))
        marks = [sink.recvmsg(200, 100)[1][0][2][0] for _ in range(PIECES)]
    assert marks == [3 if n == BAD else 2 for n in range(PIECES)]
