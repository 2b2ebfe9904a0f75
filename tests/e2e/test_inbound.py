# SPDX-License-Identifier: BSD-2-Clause
"""What enters the host: sealed by an independent codec, it comes out at real sockets as it was before."""
import socket

import pytest
from scapy.layers.inet import ICMP, IP, TCP, UDP, IPOption_NOP, IPOption_Router_Alert
from scapy.packet import Raw, raw

from lib import esp
from lib.beds.bed import HOST, NIC, PEER
from lib.packets import header_fields, parts
from lib.traffic import abortive, tcp_client, tcp_listener, udp_socket
from lib.wire import Tap, ip_of

SIZES = [0, 1, 2, 3, 4, 5, 6, 7, 63, 64, 511, 512, 1400, 1436, 1437, 1438]
ESN = pytest.mark.parametrize('esn', [True, False], ids=['esn', 'no-esn'])
PORT = 4001


@pytest.fixture
def sink(bed):
    with udp_socket(bed.ns, HOST, PORT) as s:
        yield s


def datagram(payload=b'', **ip):
    return IP(raw(IP(src=PEER, dst=HOST, **ip) / UDP(sport=4000, dport=PORT) / Raw(payload)))


@ESN
@pytest.mark.parametrize('size', SIZES)
def test_udp(bed, sink, size, esn):
    in_sa, _ = bed.protected(esn=esn)
    payload = bytes(i * 5 & 0xff for i in range(size))
    bed.send_sealed(in_sa, datagram(payload))
    assert sink.recvfrom(2000) == (payload, (PEER, 4000))
    bed.send(in_sa.scapy_seal(datagram(payload)))
    assert sink.recvfrom(2000) == (payload, (PEER, 4000))


@ESN
def test_ping(bed, esn):
    in_sa, out = bed.protected(esn=esn)
    for n in range(3):
        bed.send_sealed(in_sa, IP(src=PEER, dst=HOST) / ICMP(id=5, seq=n) / Raw(bytes(n * 100)))
        reply, _ = bed.next_opened(out)
        assert (reply[ICMP].type, reply[ICMP].id, reply[ICMP].seq) == (0, 5, n)


def test_tcp_connection(bed):
    """Two SYNs of a kernel's own making can't be had from scapy; a data segment behind the handshake can."""
    in_sa, out = bed.protected()
    with tcp_listener(bed.ns, HOST) as listener:
        tcp = {'sport': 1024, 'dport': listener.getsockname()[1]}
        bed.send_sealed(in_sa, IP(src=PEER, dst=HOST) / TCP(flags='S', seq=99, **tcp))
        syn_ack, _ = bed.next_opened(out)
        tcp['ack'] = syn_ack[TCP].seq + 1 & 0xffffffff
        bed.send_sealed(in_sa, IP(src=PEER, dst=HOST) / TCP(flags='A', seq=100, **tcp))
        bed.send_sealed(in_sa, IP(src=PEER, dst=HOST) / TCP(flags='PA', seq=100, **tcp) / Raw(b'hello'))
        conn, addr = listener.accept()
        with abortive(conn):
            assert (conn.recv(100), addr) == (b'hello', (PEER, 1024))


def test_esn_wrap(bed, sink):
    """RFC 4303 appendix A2: the upper half is recovered, across the wrap and for stragglers from before it."""
    in_sa = bed.inbound('seq', 2**32 - 8)
    bed.host.policy_add(PEER)
    order = [2**32 - 4, 2**32 - 1, 2**32 + 2, 2**32 - 2, 2**32, 2**32 + 1, 2**32 - 3, 2**32 + 5]
    for seq in order:
        bed.send_sealed(in_sa, datagram(b'%d' % seq), seq)
        assert int(sink.recv(100)) == seq
    assert bed.host.sa_status(in_sa.spi)['seq'] == 2**32 + 5
    with bed.drops(replay=len(order)):
        for seq in order:
            bed.send_sealed(in_sa, datagram(b'again'), seq)


@pytest.mark.parametrize('window', [64, 1024, 8192])
def test_goes_on_from_a_number(bed, sink, window):
    """What came before has been taken by an SA of the same keys, and somebody may have kept it."""
    seq = 10 * window + 5
    sa = bed.inbound('seq', seq, 'replay-window', window)
    bed.host.policy_add(PEER)
    with bed.drops(replay=4):
        for old in (seq, seq - 1, seq - window // 2, seq - window + 1):
            bed.send_sealed(sa, datagram(b'again'), seq=old)
    for new in (seq + 2, seq + 1, seq + window + 70, seq + 71):
        bed.send_sealed(sa, datagram(b'%d' % new), seq=new)
        assert int(sink.recv(100)) == new


LEAP = 2**31 + 1000
# A try among packets that look like a leap (bpf/sa.h).
TO_A_TRY = 256


@pytest.mark.parametrize('top', [1, 3 * 2**32 - 5], ids=['low', 'over-the-edge'])
def test_esn_leap(bed, sink, top):
    """2^31 packets were lost in a row: those that come now look old, and yet the SA comes back (RFC 4303 appendix A3)."""
    sa = bed.inbound('seq', top - 1)
    bed.host.policy_add(PEER)
    bed.send_sealed(sa, datagram(b'before'), seq=top)
    assert sink.recv(100) == b'before'
    forged = esp.spoiled(raw(esp.seal_ip(sa, datagram(b'forged'), top + LEAP)))
    with bed.drops(replay=2 * TO_A_TRY - 1):
        for _ in range(TO_A_TRY):
            bed.send(IP(forged))
        for n in range(1, TO_A_TRY):
            bed.send_sealed(sa, datagram(b'lost'), seq=top + LEAP + n)
    for n in range(3):
        bed.send_sealed(sa, datagram(b'again %d' % n), seq=top + LEAP + TO_A_TRY + n)
        assert sink.recv(100) == b'again %d' % n


def test_wrong_sum_of_the_header(bed, sink):
    """The stack would not take it, and what is taken out gets a new one, which must not be right."""
    sa = bed.inbound()
    bed.host.policy_add(PEER)
    sealed = esp.seal_ip(sa, datagram(b'bent'))
    sealed = IP(raw(sealed))
    sealed.chksum ^= 1
    with bed.drops(malformed=1):
        bed.send(sealed)
    bed.send_sealed(sa, datagram(b'straight'))
    assert sink.recv(100) == b'straight'


def test_last_number_without_esn(bed, sink):
    in_sa = bed.inbound('seq', 2**32 - 4, esn=False)
    bed.send_sealed(in_sa, datagram(b'last'), 2**32 - 1)
    assert sink.recv(100) == b'last'
    with bed.drops(replay=1):
        bed.send_sealed(in_sa, datagram(b'wrapped'), 1)


@pytest.mark.parametrize('window', [64, 1024, 8192])
def test_window(bed, sink, window):
    """Out of order within the window each number is good once, behind it never."""
    in_sa = bed.inbound('replay-window', window)
    top = 3 * window
    for seq in (top, top - 1, top - window + 1, top - window // 2):
        bed.send_sealed(in_sa, datagram(b'%d' % seq), seq)
        assert int(sink.recv(100)) == seq
    with bed.drops(replay=5):
        for seq in (top, top - window + 1, top - window, top - window - 1, 1):
            bed.send_sealed(in_sa, datagram(b'replayed'), seq)


HEADERS = {
    'dscp-ecn': {'tos': 0xba | 1},
    'ttl-1': {'ttl': 1},
    'id-df': {'id': 0xabcd, 'flags': 'DF'},
    'options': {'options': [IPOption_Router_Alert(), IPOption_NOP(), IPOption_NOP(), IPOption_NOP(), IPOption_NOP()]},
    'options-40': {'options': [IPOption_NOP()] * 40},
}


@pytest.mark.parametrize('fields', HEADERS.values(), ids=HEADERS.keys())
def test_tcpdump_sees_plaintext_on_the_nic(bed, sink, fields):
    in_sa, _ = bed.protected()
    sent = datagram(b'header', **fields)
    with Tap(bed.ns, NIC) as nic:
        bed.send_sealed(in_sa, sent)
        seen = nic.find(lambda f: ip_of(f, proto=17, src=PEER), 'the opened packet on the NIC')
    assert header_fields(seen) == header_fields(sent)
    assert parts(seen)[1] == parts(sent)[1]
    assert sink.recv(100) == b'header'


def test_ecn_reaches_the_socket(bed, sink):
    in_sa, _ = bed.protected()
    sink.setsockopt(socket.IPPROTO_IP, socket.IP_RECVTOS, 1)
    bed.send_sealed(in_sa, datagram(b'ce', tos=3))
    _, ancillary, _, _ = sink.recvmsg(100, 100)
    assert ancillary[0][2] == b'\x03'


@pytest.mark.parametrize('pad', [2, 6, 30, 254])
def test_longer_padding(bed, sink, pad):
    """RFC 4303 section 2.4: up to 255 bytes, to hide the length."""
    in_sa, _ = bed.protected()
    bed.send_sealed(in_sa, datagram(), pad=pad)
    assert sink.recv(100) == b''


def test_ethernet_padding(bed, sink):
    """A NIC pads short frames: what is behind the IP packet is none of it."""
    in_sa, _ = bed.protected()
    frame = raw(bed.frame(esp.seal_ip(in_sa, datagram(b'short'))))
    bed.tap.send(frame + bytes(18))
    assert sink.recv(100) == b'short'


def test_priority_tag(bed, sink):
    """802.1p: VLAN 0 is no VLAN, and the packet is the host's."""
    in_sa, _ = bed.protected()
    bed.send_sealed(in_sa, datagram(b'tagged'), vlan=0)
    assert sink.recv(100) == b'tagged'


def test_vlan_tag_is_kept(bed, sink):
    in_sa, _ = bed.protected()
    with Tap(bed.ns, NIC) as nic:
        bed.send_sealed(in_sa, datagram(b'tagged'), vlan=5)
        seen = nic.find(lambda f: ip_of(f, proto=17, src=PEER) and f, 'the opened, tagged packet')
    assert seen[12:16] == b'\x81\x00\x00\x05'
    assert parts(ip_of(seen))[1] == parts(datagram(b'tagged'))[1]


def test_mark(bed, sink):
    """nftables can tell what came out of an SA from what did not."""
    in_sa, _ = bed.protected()
    bed.ns.run('nft', '-f', '-', input='''
        table ip probe {
            counter marked {}
            counter unmarked {}
            chain in {
                type filter hook input priority 0
                ip saddr 192.0.2.2 meta mark != 0 counter name marked
                ip saddr 192.0.2.2 meta mark 0 counter name unmarked
            }
        }''')
    try:
        bed.send_sealed(in_sa, datagram(b'marked'))
        assert sink.recv(100) == b'marked'
        counted = bed.ns.run('nft', 'list', 'counters').stdout
    finally:
        bed.ns.run('nft', 'delete', 'table', 'ip', 'probe')
    assert [word for word in counted.split() if word.isdigit()][0:3:2] == ['1', '0']


def test_tcp_to_the_daemons_machine(bed):
    """A closed port answers with a reset, sealed: nothing of the exchange is in clear."""
    in_sa, out = bed.protected()
    bed.send_sealed(in_sa, IP(src=PEER, dst=HOST) / TCP(sport=1024, dport=9, flags='S', seq=1))
    assert bed.next_opened(out)[0][TCP].flags == 'RA'


def test_forged_numbers_do_not_move_the_window(bed, sink):
    """RFC 4303 section 3.4.3: the window advances only after authentication."""
    in_sa, _ = bed.protected()
    bed.send_sealed(in_sa, datagram(b'1'), 1)
    assert sink.recv(100) == b'1'
    with bed.drops(auth_failed=1):
        bed.send(Raw(esp.spoiled(raw(esp.seal_ip(in_sa, datagram(b'far'), 100_000)))))
    bed.send_sealed(in_sa, datagram(b'2'), 2)
    assert sink.recv(100) == b'2'
    assert bed.host.sa_status(in_sa.spi)['seq'] == 2


def test_connect_from_the_host(bed):
    """The host refuses nothing it should not: a refused connection is the peer's answer, through ESP."""
    in_sa, out = bed.protected()

    def answer():
        syn, _ = bed.next_opened(out)
        reset = TCP(sport=syn[TCP].dport, dport=syn[TCP].sport, flags='RA', ack=syn[TCP].seq + 1)
        bed.send_sealed(in_sa, IP(src=PEER, dst=HOST) / reset)

    with bed.background(answer), pytest.raises(ConnectionRefusedError):
        tcp_client(bed.ns, (PEER, 179))
