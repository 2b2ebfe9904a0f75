# SPDX-License-Identifier: BSD-2-Clause
"""Path MTU (RFC 1191, RFC 4301 section 8.2): what does not fit with ESP around it, here or behind a router."""
import errno
import socket
import threading

import pytest
from scapy.layers.inet import ICMP, IP, TCP, UDP, IPOption_NOP
from scapy.packet import Raw, raw

from lib.beds import pair as two_hosts
from lib.beds.bed import HOST, HOST2, PEER, Bed
from lib.beds.routed import B, BOTTLENECK, NIC, Routed
from lib.host import dropped
from lib.packets import checksums_right
from lib.traffic import ping, send_ip, tcp_bulk, tcp_client, tcp_listener, udp_socket
from lib.wait import until
from lib.wire import Tap, esp_of, ip_of, sealed

MB = 1 << 20
ROUTER = '198.51.100.1'
IP_MTU_DISCOVER, IP_PMTUDISC_DO, IP_MTU = 10, 2, 14
MODES = pytest.mark.parametrize('mode', ['native', 'generic'])


def fits(mtu, header=20):
    """The largest packet with that IP header whose ESP (16 + payload, padded with the trailer to 4, + 16) fits."""
    return header + (mtu - header - 32) // 4 * 4 - 2


def no_fragments(size, options=0):
    """An IP packet of that many bytes with DF."""
    header = IP(src=HOST, dst=PEER, flags='DF', options=[IPOption_NOP()] * options)
    packet = IP(raw(header / UDP(sport=1, dport=2) / Raw(bytes(size - 28 - options))))
    assert packet.len == size
    return packet


def frag_needed(about, mtu, dst=HOST, quote=548, **icmp):
    return IP(src=ROUTER, dst=dst) / ICMP(type=3, code=4, nexthopmtu=mtu, **icmp) / Raw(raw(about)[:quote])


def send_fresh(bed, packet):
    """The kernel itself refuses what it has heard of: here it has heard nothing."""
    bed.ns.ip('route', 'flush', 'cache')
    send_ip(bed.ns, packet)


def sent(bed, out, size=1400):
    """An ESP packet with DF that the SA has sent."""
    send_fresh(bed, no_fragments(size))
    return bed.tap.find(lambda f: (p := esp_of(f, out.spi)) and p.len > size and p, f'ESP with {size} bytes in it')


def path_mtu(bed, out):
    return bed.host.sa_status(out.spi).get('path_mtu')


def told(bed, packet):
    """The MTU that the host is told when it sends that packet; None if it goes out."""
    with bed.ears(watch_nic=False) as ears:
        send_fresh(bed, packet)
        bed.settle()
        mtus = {p[ICMP].nexthopmtu for p in ears.packets() if p.src == PEER and p[ICMP].type == 3}
    assert len(mtus) < 2
    return mtus.pop() if mtus else None


def lower(bed, out, mtu):
    bed.send(frag_needed(sent(bed, out), mtu))
    until(lambda: path_mtu(bed, out) == mtu, f'a path MTU of {mtu}')


@pytest.mark.parametrize('action', ['bypass', 'discard'])
def test_policies_are_not_for_what_the_host_is_told(bed, action):
    """The word is the host's own, and no peer's, though it has the peer's address."""
    bed.protected()
    bed.host.policy_add(PEER, 'proto', 'icmp', action=action)
    before = bed.host.counters()
    assert told(bed, no_fragments(1500)) == fits(1500)
    assert dropped(before, bed.host.counters()) == {'too_big': 1}


# ---- what fits, to the byte ----

@pytest.mark.parametrize('options', [0, 4, 20, 40])
@pytest.mark.parametrize('mtu', [1300, 1301, 1302, 1303, 588])
def test_told_exactly(bed, mtu, options):
    """Every alignment, with IP options: what is told goes out, and one byte more does not."""
    _, out = bed.protected()
    lower(bed, out, mtu)
    most = fits(mtu, 20 + options)
    assert 34 <= mtu - most <= 37
    assert told(bed, no_fragments(1450, options)) == most
    assert told(bed, no_fragments(most + 1, options)) == most
    bed.tap.drain()
    assert told(bed, no_fragments(most, options)) is None
    assert mtu - 3 <= bed.next_esp(out).len <= mtu


def test_socket_is_told(bed):
    """The kernel's route cache learns it, and from then on the application hears it at once."""
    _, out = bed.protected()
    bed.ns.ip('route', 'flush', 'cache')
    lower(bed, out, 1400)
    with udp_socket(bed.ns, HOST) as s:
        s.setsockopt(socket.IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DO)
        s.connect((PEER, 2))
        until(lambda: refuses(s, 1400 - 28), 'EMSGSIZE')
        assert s.getsockopt(socket.IPPROTO_IP, IP_MTU) == fits(1400) == bed.ns.route_mtu(PEER)
        until(lambda: not refuses(s, fits(1400) - 28), 'what fits goes out, after an error that was still due')
    bed.ns.ip('route', 'flush', 'cache')


def refuses(sock, size):
    try:
        sock.send(bytes(size))
    except OSError as e:
        return e.errno == errno.EMSGSIZE


# ---- what a router says ----

@pytest.mark.parametrize('quote', [28, 28 + 1, 128, 548, 1436])
def test_a_router_is_believed(bed, quote):
    """With as little as RFC 792 asks for, or all of the packet."""
    _, out = bed.protected()
    before = bed.host.counters().get('path_mtu', 0)
    bed.send(frag_needed(sent(bed, out), 1400, quote=quote))
    until(lambda: path_mtu(bed, out) == 1400, 'a path MTU of 1400')
    assert bed.host.counters()['path_mtu'] == before + 1
    assert '1400, by a router' in bed.host.cmd('sa', 'show', 'spi', hex(out.spi)).stdout


@pytest.mark.parametrize('vlan', [0, 5])
def test_a_router_behind_a_tag(bed, vlan):
    _, out = bed.protected()
    bed.send(frag_needed(sent(bed, out), 1400), vlan)
    until(lambda: path_mtu(bed, out) == 1400, 'a path MTU of 1400')


def test_a_protected_router_is_believed(bed):
    """A policy that protects everything with everybody does not silence it: RFC 4301 section 6.1.1."""
    _, out = bed.protected()
    bed.host.policy_add('0.0.0.0/0')
    lower(bed, out, 1400)


def changed(packet, **fields):
    packet = packet.copy()
    for name, value in fields.items():
        setattr(packet, name, value)
    return packet


def quoted(about, at, data):
    """The message about the packet with some bytes of it exchanged."""
    spoilt = raw(about)[:at] + data + raw(about)[at + len(data):]
    return frag_needed(spoilt, 1400)


FORGERIES = {
    'spi': lambda p: quoted(p, 20, b'\1\2\3\4'),
    'never-sent': lambda p: quoted(p, 24, b'\0\1\0\0'),
    'seq-0': lambda p: quoted(p, 24, bytes(4)),
    'other-peer': lambda p: frag_needed(changed(p, dst='192.0.2.9'), 1400),
    'other-source': lambda p: frag_needed(changed(p, src=HOST2), 1400),
    'to-another': lambda p: frag_needed(p, 1400, dst=HOST2),
    'no-mtu': lambda p: frag_needed(p, 0),
    'tiny': lambda p: frag_needed(p, 68),
    'below-588': lambda p: frag_needed(p, 587),
    'the-nic-has-more': lambda p: frag_needed(p, 1500),
    'it-fitted': lambda p: frag_needed(p, p.len),
    'checksum': lambda p: frag_needed(p, 1400, chksum=0x1234),
}


@pytest.mark.parametrize('forgery', FORGERIES.values(), ids=FORGERIES.keys())
def test_forged(bed, forgery):
    """Dropped and counted; nothing is lowered, and nothing reaches the kernel."""
    _, out = bed.protected()
    packet = sent(bed, out, 1440)
    with bed.drops(watch_nic=False, icmp_ignored=1):
        bed.send(forgery(packet))
    assert path_mtu(bed, out) is None
    assert told(bed, no_fragments(1460)) is None


def test_never_up_again(bed):
    """Before it is forgotten after ten minutes; and the same again is no offence."""
    _, out = bed.protected()
    packet = sent(bed, out, 1440)
    lower(bed, out, 1300)
    bed.send(frag_needed(packet, 1300))
    with bed.drops(watch_nic=False, icmp_ignored=1):
        bed.send(frag_needed(packet, 1350))
    assert path_mtu(bed, out) == 1300


def test_flood(bed):
    """Costs its sender's packets and nothing else: traffic goes on."""
    in_sa, out = bed.protected()
    message = raw(bed.frame(frag_needed(sent(bed, out, 1440), 587)))
    with bed.drops(watch_nic=False, icmp_ignored=5000):
        for _ in range(5000):
            bed.tap.send(message)
    bed.echo(in_sa, out)


@MODES
def test_path_mtu_min(mode):
    with Bed(mode, path_mtu_min=1280) as bed:
        bed.host.start()
        bed.begin()
        _, out = bed.protected()
        packet = sent(bed, out)
        with bed.drops(watch_nic=False, icmp_ignored=1):
            bed.send(frag_needed(packet, 1279))
        lower(bed, out, 1280)
        bed.host.configure([NIC], mode=mode, path_mtu_min='ignore')
        restart(bed)
        _, out = bed.protected()
        packet = sent(bed, out)
        with bed.drops(watch_nic=False, icmp_ignored=1):
            bed.send(frag_needed(packet, 1400))


def restart(bed):
    bed.end()
    bed.host.stop()
    bed.host.start()
    bed.begin()


# ---- other SAs, and what becomes of it ----

def test_a_new_sa_learns_again(bed):
    """The kernel remembers what the old one's path took, so nothing is lost; a new SA's path may be another."""
    _, old = bed.protected()
    bed.ns.ip('route', 'flush', 'cache')
    lower(bed, old, 1400)
    packet = sent(bed, old, fits(1400))
    with udp_socket(bed.ns, HOST) as s:
        s.setsockopt(socket.IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DO)
        s.connect((PEER, 2))
        until(lambda: refuses(s, 1450 - 28), 'EMSGSIZE')
        new = bed.outbound()
        assert path_mtu(bed, new) is None
        assert refuses(s, 1450 - 28)
    assert bed.ns.route_mtu(PEER) == fits(1400)
    # What was sent before the rekey is still spoken of: of the old SA.
    bed.send(frag_needed(packet, 1300))
    until(lambda: path_mtu(bed, old) == 1300, 'the old SA learns')
    assert path_mtu(bed, new) is None
    bed.host.cmd('sa', 'del', 'spi', hex(old.spi), 'dst', PEER)
    with bed.drops(watch_nic=False, icmp_ignored=1):
        bed.send(frag_needed(packet, 1200))
    bed.ns.ip('route', 'flush', 'cache')


# ---- TCP ----

def netstat(netns, name):
    """A counter of TcpExt."""
    with netns.entered(), open('/proc/thread-self/net/netstat') as f:
        names, values = (line.split() for line in f.read().splitlines()[:2])
    return int(values[names.index(name)])


def bulk(sender, receiver, addr, size=2 * MB):
    """A connection that arrives whole and never waits for a retransmission timer."""
    before = netstat(sender, 'TCPTimeouts')
    sums = tcp_bulk(sender, receiver, addr, size)
    assert all(a == b for a, b in sums)
    assert netstat(sender, 'TCPTimeouts') == before


def test_tcp_starts_without_a_stall(pair):
    """A fresh pair, of which no kernel has heard of ESP's 36 bytes."""
    for host, other, addr in ((pair.a, pair.b, two_hosts.B), (pair.b, pair.a, two_hosts.A)):
        for either in pair.hosts:
            either.netns.ip('route', 'flush', 'cache')
        bulk(host.netns, other.netns, addr)
        assert host.netns.route_mtu(addr) == fits(1500) == 1466


@MODES
def test_bottleneck(mode):
    """A router's link of 1,400 on the way, both directions: TCP with DF, UDP with DF, and echoes of just the size."""
    with Routed(mode) as net, net.capture() as capture:
        for host, other in ((net.a, net.b), (net.b, net.a)):
            addr = net.addr(other)
            net.protect()
            bulk(host.netns, other.netns, addr)
            assert net.sa_of(host)['path_mtu'] == BOTTLENECK
            assert host.netns.route_mtu(addr) == fits(BOTTLENECK)
            assert host.counters()['path_mtu'] > 0
            assert 'icmp_ignored' not in host.counters()
            assert ping(host.netns, addr, 3, fits(BOTTLENECK) - 28)
            host.netns.ip('route', 'flush', 'cache')
            with udp_socket(host.netns) as s:
                s.setsockopt(socket.IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DO)
                s.connect((addr, 9))
                until(lambda: refuses(s, 1400), 'EMSGSIZE')
                assert s.getsockopt(socket.IPPROTO_IP, IP_MTU) == fits(BOTTLENECK)
        seen = capture.stop()
    assert sealed(seen)
    assert not [p for p in seen if p.proto not in (1, 50)]


@MODES
def test_bottleneck_in_the_midst(mode):
    """The path narrows under a connection that has super-packets on their way: they are lost, and nothing stalls."""
    with Routed(mode, bottleneck=1500) as net:
        before = netstat(net.a.netns, 'TCPTimeouts')
        with tcp_listener(net.b.netns, B) as listener:
            out = tcp_client(net.a.netns, listener.getsockname())
            back, _ = listener.accept()
        data = bytes(range(256)) * (MB // 256)
        got = []
        reader = threading.Thread(target=lambda: got.append(drain(back, 4 * MB)))
        reader.start()
        with out, back:
            for mtu in (1500, 1400, 1200, 588):
                net.narrow(mtu)
                out.sendall(data)
            reader.join()
        assert got == [4 * MB]
        assert net.sa_of(net.a)['path_mtu'] == 588
        assert netstat(net.a.netns, 'TCPTimeouts') == before


def drain(sock, size):
    sock.settimeout(20)
    n = 0
    while n < size and (chunk := sock.recv(1 << 18)):
        n += len(chunk)
    return n


def test_probes():
    """RFC 4821: where no router is believed, a TCP that probes finds what fits."""
    with Routed(path_mtu_min='ignore') as net:
        net.a.netns.sysctl('net.ipv4.tcp_mtu_probing', 2)
        bulk(net.a.netns, net.b.netns, B, 8 * MB)
        assert netstat(net.a.netns, 'TCPMTUPSuccess') > 0
        assert net.sa_of(net.a).get('path_mtu') is None
        assert net.a.counters().get('path_mtu') is None


# ---- MSS clamp ----

def offered(bed, out):
    """The MSS of a SYN of the host's, on the wire."""
    with bed.ns.socket(socket.AF_INET, socket.SOCK_STREAM, 0) as s:
        s.setblocking(False)
        s.connect_ex((PEER, 179))
        syn, _ = bed.next_opened(out)
    assert syn[TCP].flags == 'S' and checksums_right(syn)
    return dict(o for o in syn[TCP].options if o[0] == 'MSS')['MSS']


def taken(bed, in_sa, mss):
    """The MSS of the peer's SYN as the host sees it."""
    syn = IP(raw(IP(src=PEER, dst=HOST) / TCP(sport=7, dport=1, flags='S', options=[('NOP', None), ('MSS', mss)])))
    with Tap(bed.ns, NIC) as nic:
        bed.send_sealed(in_sa, syn)
        seen = nic.find(lambda f: ip_of(f, proto=6, src=PEER), 'the SYN on the NIC')
    assert checksums_right(seen)
    return dict(o for o in seen[TCP].options if o[0] == 'MSS')['MSS']


def test_no_clamp(bed):
    """Unless asked for, for TCP learns without it."""
    in_sa, out = bed.protected()
    bed.ns.ip('route', 'flush', 'cache')
    assert offered(bed, out) == 1460
    assert taken(bed, in_sa, 1460) == 1460


@MODES
@pytest.mark.parametrize('setting, clamp', [('yes', fits(1500) - 40), (1300, 1300), (3000, fits(1500) - 40)])
def test_clamp(mode, setting, clamp):
    with Bed(mode, mss_clamp=setting) as bed:
        bed.host.start()
        bed.begin()
        in_sa, out = bed.protected()
        assert offered(bed, out) == clamp
        assert taken(bed, in_sa, 1460) == clamp
        assert taken(bed, in_sa, 1000) == 1000
        lower(bed, out, 1200)
        assert offered(bed, out) == fits(1200) - 40


@MODES
def test_clamp_for_a_silent_path(mode):
    """A number for a path whose routers say nothing: no segment is too big from the first on."""
    with Routed(mode, path_mtu_min='ignore', mss_clamp=fits(BOTTLENECK) - 40) as net:
        for host, other in ((net.a, net.b), (net.b, net.a)):
            bulk(host.netns, other.netns, net.addr(other))
            assert 'too_big' not in host.counters()
            assert 'icmp_ignored' not in host.counters()
