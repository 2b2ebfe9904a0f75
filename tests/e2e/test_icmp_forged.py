# SPDX-License-Identifier: BSD-2-Clause
"""
ICMP errors in clear about what is protected: nobody but the peer has seen that, and the peer speaks in an SA. Each
attack here is shown to work where nothing is protected. And what this host itself would say in clear of what came to it
in an SA.
"""
import itertools
import socket
from contextlib import ExitStack, contextmanager

from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.l2 import Ether
from scapy.packet import Raw, raw

from lib.beds.bed import NIC
from lib.beds.pair import A, B
from lib.netns import veth
from lib.traffic import tcp_client, tcp_listener, udp_socket
from lib.wait import until
from lib.wire import Tap

# Somebody on the Ethernet, somebody far away, and the peer itself.
SOURCES = ['192.0.2.77', '198.51.100.1', B]
REFUSED = dict(type=3, code=3)
FRAG_NEEDED = dict(type=3, code=4, nexthopmtu=600)

_ids = itertools.count(1)


def about(sock, proto=UDP, **fields):
    """The packet that A's connected socket would have sent."""
    (src, sport), (dst, dport) = sock.getsockname(), sock.getpeername()
    return IP(src=src, dst=dst, flags='DF') / proto(sport=sport, dport=dport, **fields)


def forged(quoted, src, **icmp):
    return IP(src=src, dst=A) / ICMP(**icmp) / Raw(raw(quoted))


def connected(pair):
    s = udp_socket(pair.a.netns, A)
    s.connect((B, 7777))
    return s


def attack(pair, packets):
    """All of them are dropped as what they are, and nothing else is."""
    before = pair.a.counters()
    with pair.attacker(pair.a) as attacker:
        for packet in packets:
            attacker.send(Ether(dst=attacker.mac) / packet)
    until(lambda: pair.a.counters().get('icmp_forged', 0) - before.get('icmp_forged', 0) >= len(packets), 'all counted')


def believed(pair, packets, happened, what):
    """Without policies the same has its effect."""
    pair.a.cmd('policy', 'flush')
    with pair.attacker(pair.a) as attacker:
        for packet in packets:
            attacker.send(Ether(dst=attacker.mac) / packet)
        until(happened, what)


def error_of(sock):
    return sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)


def test_connected_socket(pair):
    with connected(pair) as s:
        lies = [forged(about(s), src, **REFUSED) for src in SOURCES]
        attack(pair, lies)
        assert error_of(s) == 0
        believed(pair, lies[:1], lambda: error_of(s), 'ECONNREFUSED')


def test_path_mtu(pair):
    pair.a.netns.ip('route', 'flush', 'cache')
    with connected(pair) as s:
        lies = [forged(about(s), src, **FRAG_NEEDED) for src in SOURCES]
        attack(pair, lies)
        assert pair.a.netns.route_mtu(B) is None
        believed(pair, lies[:1], lambda: pair.a.netns.route_mtu(B), 'a lower MTU')
    pair.a.netns.ip('route', 'flush', 'cache')


def test_cut_quotes(pair):
    """Eight bytes is what RFC 792 asks for; less, and an error in fragments, are taken for the worst."""
    with connected(pair) as s:
        quoted = raw(about(s))
        head = [forged(Raw(quoted[:n]), SOURCES[0], **REFUSED) for n in (20, 22, 24, 28)]
        first = IP(src=SOURCES[0], dst=A, proto=1, flags='MF', id=7) / Raw(raw(forged(about(s), SOURCES[0], **REFUSED))[20:28])
        attack(pair, [*head, first])
        assert error_of(s) == 0


@contextmanager
def by_another_nic(pair):
    """Says a packet to A by an interface of it that is not attached."""
    with ExitStack() as undo:
        veth(pair.a.netns, 'other0', pair.wire, 'far0')
        undo.callback(pair.a.netns.ip, 'link', 'del', 'other0')
        pair.a.netns.ip('addr', 'add', '203.0.113.1/24', 'dev', 'other0')
        far = Tap(pair.wire, 'far0', outgoing=True)
        undo.callback(far.sock.close)
        mac = pair.a.netns.mac('other0')
        yield lambda packets: [far.send(Ether(dst=mac) / p) for p in packets]


def in_fragments(packet, first=8):
    """The first has so many bytes of ICMP: of eight none is of the quote."""
    body = raw(packet)[20:]
    head = dict(src=packet.src, dst=packet.dst, proto=1, id=next(_ids))
    return [IP(**head, flags='MF') / Raw(body[:first]), IP(**head, frag=first // 8) / Raw(body[first:])]


def test_by_another_nic(pair):
    """The second wall has the same rule: for what comes whole, and for what the kernel puts together behind it."""
    lie = IP(src='203.0.113.2', dst='203.0.113.1') / ICMP(**FRAG_NEEDED) / Raw(raw(IP(src=A, dst=B, flags='DF') / ICMP(type=0)))
    before = pair.a.counters().get('icmp_forged', 0)
    with by_another_nic(pair) as say:
        for n, packets in enumerate(([lie], in_fragments(lie)), 1):
            say(packets)
            until(lambda: pair.a.counters().get('icmp_forged', 0) == before + n, 'it is dropped')
            assert pair.a.netns.route_mtu(B) is None
        pair.a.cmd('policy', 'flush')
        say(in_fragments(lie))
        until(lambda: pair.a.netns.route_mtu(B), 'a lower MTU')
    pair.a.netns.ip('route', 'flush', 'cache')


def test_tcp_lives_on(pair):
    """A session is not ended, stopped, slowed down or redirected."""
    with tcp_listener(pair.b.netns, B) as listener, tcp_client(pair.a.netns, listener.getsockname()) as s:
        back, _ = listener.accept()
        s.sendall(b'before')
        assert back.recv(100) == b'before'
        segment = about(s, TCP, seq=1)
        attack(pair, [forged(segment, src, type=t, code=c) for src in SOURCES
                      for t, c in ((3, 2), (3, 3), (3, 4), (4, 0), (5, 1), (11, 0), (12, 0))])
        s.sendall(b'after')
        assert back.recv(100) == b'after' and error_of(s) == 0
        back.close()


def test_errors_in_the_sa(pair):
    """What the peer really says: its port is closed."""
    before = pair.a.counters()
    with connected(pair) as s, pair.capture() as capture:
        s.send(b'is anybody there?')
        until(lambda: error_of(s) == 111, 'ECONNREFUSED')
        assert {p.proto for p in capture.stop()} == {50}
    assert pair.a.counters().get('icmp_forged') == before.get('icmp_forged')


def test_errors_about_what_is_not_protected(pair):
    """Only TCP is: a word on UDP is the kernel's to believe, one on TCP is not."""
    pair.a.cmd('policy', 'flush')
    pair.a.policy_add(B, 'proto', 'tcp')
    with connected(pair) as s, pair.attacker(pair.a) as attacker:
        attack(pair, [forged(about(s, TCP), SOURCES[0], **REFUSED)])
        attacker.send(Ether(dst=attacker.mac) / forged(about(s), SOURCES[0], **REFUSED))
        until(lambda: error_of(s) == 111, 'ECONNREFUSED')


def test_honest_ones_in_fragments(pair):
    """
    Only TCP is protected, and a router speaks of UDP. On the NIC it is heard if the first fragment shows the quoted ports,
    and else taken for the worst; behind another interface the kernel has put it together before it is read.
    """
    pair.a.cmd('policy', 'flush')
    pair.a.policy_add(B, 'proto', 'tcp')
    ns = pair.a.netns
    ns.ip('route', 'flush', 'cache')
    before = pair.a.counters().get('icmp_forged', 0)

    def heard(say, packets):
        say(packets)
        until(lambda: ns.route_mtu(B), 'a lower MTU')
        ns.ip('route', 'flush', 'cache')

    with connected(pair) as s, pair.attacker(pair.a) as router, by_another_nic(pair) as say_there:
        def say_here(packets):
            for packet in packets:
                router.send(Ether(dst=router.mac) / packet)

        here = forged(about(s) / Raw(bytes(64)), SOURCES[0], **FRAG_NEEDED)
        there = forged(about(s) / Raw(bytes(64)), '203.0.113.2', **FRAG_NEEDED)
        there.dst = '203.0.113.1'
        heard(say_here, in_fragments(here, 32))
        for first in (8, 24, 32):
            heard(say_there, in_fragments(there, first))
        assert pair.a.counters().get('icmp_forged', 0) == before
        for first in (8, 24):
            say_here(in_fragments(here, first))
        until(lambda: pair.a.counters().get('icmp_forged', 0) == before + 2, 'two that are not heard')
        assert ns.route_mtu(B) is None


def only_protected(pair, *selector):
    for host, peer in ((pair.a, B), (pair.b, A)):
        host.cmd('policy', 'flush')
        host.policy_add(peer, *selector)


def leaving(pair, what):
    """What leaves A's NIC while B says that to a closed port of A's, and until A has dropped its answer to it."""
    before = pair.a.counters().get('icmp_forged', 0)
    with udp_socket(pair.b.netns, B) as s, pair.capture() as capture:
        s.sendto(what, (A, 7777))
        until(lambda: pair.a.counters().get('icmp_forged', 0) > before, 'its answer is dropped')
        return [p.raw for p in capture.stop() if p.src == A]


def test_what_came_in_an_sa_is_not_quoted_in_clear(pair):
    """UDP alone is protected, and the port is closed: the kernel's answer has the datagram in it."""
    only_protected(pair, 'proto', 'udp')
    assert leaving(pair, b'for the two of us') == []
    with udp_socket(pair.b.netns, B) as s, pair.capture() as capture:
        pair.a.cmd('policy', 'flush')
        pair.b.cmd('policy', 'flush')
        s.sendto(b'for everybody', (A, 7777))
        until(lambda: any(b'for everybody' in p.raw for p in capture.packets() if p.src == A), 'in clear it is quoted')


def test_nor_where_it_leaves_by_another_nic(pair):
    """The second wall has the same rule."""
    only_protected(pair, 'proto', 'udp')
    ns = pair.a.netns
    filters = [f'net.ipv4.conf.{name}.rp_filter' for name in ('all', NIC)]
    ns.ip('link', 'add', 'other0', 'type', 'veth', 'peer', 'name', 'other1')
    for name in filters:
        ns.sysctl(name, 0)
    try:
        ns.ip('link', 'set', 'other1', 'up')
        ns.ip('link', 'set', 'other0', 'up')
        ns.ip('neigh', 'add', B, 'lladdr', '02:00:00:00:00:99', 'dev', 'other0')
        ns.ip('route', 'add', f'{B}/32', 'dev', 'other0')
        assert leaving(pair, b'for the two of us') == []
    finally:
        for name in filters:
            ns.sysctl(name, 1)
        ns.ip('link', 'del', 'other0')
