# SPDX-License-Identifier: BSD-2-Clause
"""Multicast and broadcast in GRE, among three hosts of ours: to everyone, from nobody else, and never round."""
import os
import signal
import socket
import struct
import subprocess
from contextlib import contextmanager

import pytest
from scapy.contrib.igmp import IGMP
from scapy.layers.inet import IP, UDP, IPOption_Router_Alert, fragment
from scapy.layers.l2 import GRE, Ether
from scapy.packet import Raw, raw

from lib.beds.lan import Lan, addr
from lib.beds.pair import NIC
from lib.host import dropped
from lib.traffic import Ears, knock, ping, send_ip, udp_socket
from lib.wait import until
from lib.wire import ip_of

GROUP, PORT = '239.1.2.3', 5000
A, B, C = map(addr, range(3))
OUTSIDE = '198.51.100.7'
UDP_SEGMENT = 103
IP_RECVTTL = 12
BIRD = '/usr/sbin/bird'


@pytest.fixture(scope='module', params=['native', 'generic'])
def lan(request):
    """All three with each other, and up."""
    with Lan(3, request.param) as lan:
        for n in range(3):
            lan.connections(n, [m for m in range(3) if m != n], gre='yes', start='trap')
        lan.start()
        for n, m in ((0, 1), (0, 2), (1, 2)):
            knock(lan.hosts[n].netns, addr(m))
        for n in range(3):
            lan.wait_up(n, 2)
        yield lan


def ns(lan, n):
    return lan.hosts[n].netns


def member(netns, group=GROUP, port=PORT):
    """A socket that is in the group, and hears broadcasts to the port too. Close it: the host leaves."""
    s = udp_socket(netns, port=port)
    s.setsockopt(socket.IPPROTO_IP, IP_RECVTTL, 1)
    with netns.entered():
        s.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, socket.inet_aton(group) + bytes(4))
    return s


def speaker(netns):
    s = udp_socket(netns)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
    return s


def hears(sock, data, source, ttl):
    got, ancillary, _, (src, _) = sock.recvmsg(65535, 100)
    assert (got, src) == (data, source)
    assert struct.unpack('i', ancillary[0][2]) == (ttl,)


def is_heard(out, sock):
    """Whether what is sent now arrives before the socket's deadline."""
    out.sendto(b'again', (GROUP, PORT))
    try:
        return sock.recv(100) == b'again'
    except TimeoutError:
        return False


def is_deaf(sock):
    sock.setblocking(False)
    with pytest.raises(BlockingIOError):
        sock.recv(100)
    sock.settimeout(5)


def settle(lan, n, by):
    """What host `by` has sent to host n before is decided: a multicast that went after it has come out."""
    token = os.urandom(8)
    with member(ns(lan, n), '239.9.9.9', 9999) as s, speaker(ns(lan, by)) as out:
        out.sendto(token, ('239.9.9.9', 9999))
        while s.recv(100) != token:
            pass


def moved(before, after):
    return {r: n - before.get(r, 0) for r, n in after.items() if r.startswith('gre_') and n != before.get(r, 0)}


def is_ike(packet):
    return UDP in packet and packet[UDP].dport == 500


@contextmanager
def drops(lan, n, by, **expected):
    """What the block sends from host `by` ends in exactly these drops at host n, and at no socket there; IKE is their own."""
    before = lan.hosts[n].counters()
    with member(ns(lan, n)) as s, Ears(ns(lan, n), NIC, False) as ears:
        yield
        settle(lan, n, by)
        assert dropped(before, lan.hosts[n].counters()) == expected
        heard = [p for p in ears.packets() if not is_ike(p) and (p.src != addr(by) or p.proto != 17)]
        assert [p.summary() for p in heard] == []
        is_deaf(s)


@contextmanager
def only_esp(lan, n):
    """All that passes the cable of host n in the block is ESP, and some does."""
    with lan.capture(n) as capture:
        yield
        packets = [p for p in capture.stop() if not p.ike]
    assert packets and {p.proto for p in packets} == {50}


# ---- what gets through ----


@pytest.mark.parametrize('dst', [GROUP, '255.255.255.255', '192.0.2.255'])
def test_everybody_gets_it(lan, dst):
    """As it left, TTL and all, from each to both others, and in ESP alone."""
    for n in range(3):
        before = lan.hosts[n].counters()
        with only_esp(lan, n), speaker(ns(lan, n)) as out, member(ns(lan, (n + 1) % 3)) as one, \
                member(ns(lan, (n + 2) % 3)) as two:
            out.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 1)
            out.sendto(b'to all', (dst, PORT))
            for s in (one, two):
                hears(s, b'to all', addr(n), 1 if dst == GROUP else 64)
        assert lan.hosts[n].counters()['gre_sent'] - before.get('gre_sent', 0) >= 2


@pytest.mark.parametrize('size', [0, 1, 1400, 1414, 1415, 1472, 1473, 4000, 30000])
def test_sizes(lan, size):
    """From 1415 on, the ESP around it is fragmented; from 1473 on the host's stack sends fragments, and each goes alone."""
    with speaker(ns(lan, 0)) as out, member(ns(lan, 1)) as s:
        for n in range(20):
            out.sendto(bytes([n]) * size, (GROUP, PORT))
            assert s.recv(65535) == bytes([n]) * size


def test_super_packets_are_cut(lan):
    """UDP_SEGMENT: the kernel cuts what stands in GRE. To another port: what was for host 1 alone is not heard there."""
    port = PORT + 1
    with speaker(ns(lan, 0)) as out, member(ns(lan, 1), port=port) as one, member(ns(lan, 2), port=port) as two:
        out.setsockopt(socket.IPPROTO_UDP, UDP_SEGMENT, 700)
        out.sendto(b''.join(bytes([n]) * 700 for n in range(20)), (GROUP, port))
        for s in (one, two):
            assert [s.recv(2000) for _ in range(20)] == [bytes([n]) * 700 for n in range(20)]


WHOLE = {
    'igmp': IP(dst='224.0.0.22', ttl=1, proto=2, options=[IPOption_Router_Alert()]) / IGMP(type=0x22),
    'tos': IP(dst=GROUP, ttl=7, tos=0xb9, id=1234, flags='DF') / UDP(sport=1, dport=9) / Raw(b'x'),
    'ospf': IP(dst='224.0.0.5', ttl=1, proto=89) / Raw(bytes(44)),
    'source-outside': IP(src=OUTSIDE, dst=GROUP, ttl=3) / UDP(sport=1, dport=9),
    'fragment': IP(dst=GROUP, ttl=1, flags='MF', frag=0, id=7) / Raw(bytes(64)),
    'broadcast': IP(dst='192.0.2.255') / UDP(sport=1, dport=9),
}


@pytest.mark.parametrize('packet', WHOLE.values(), ids=WHOLE.keys())
def test_nothing_changes(lan, packet):
    """What the other's NIC shows is what left."""
    packet = packet.copy()
    if packet.src != OUTSIDE:
        packet.src = A
    send_ip(ns(lan, 0), packet)  # the first, and the ID's, from the kernel, if it was 0
    with Ears(ns(lan, 1), NIC, True) as ears:
        packet.id = packet.id or 77
        send_ip(ns(lan, 0), packet)
        frame = ears.nic.find(lambda f: (p := ip_of(f, src=packet.src)) and p.proto == packet.proto
                              and p.id == packet.id and f, 'it')
        assert raw(ip_of(frame)) == raw(packet)
        wanted = bytes([1, 0, 0x5e]) + bytes([socket.inet_aton(packet.dst)[1] & 0x7f]) + \
            socket.inet_aton(packet.dst)[2:] if not packet.dst.endswith('255') else b'\xff' * 6
        assert frame[:6] == wanted


def test_fragments_arrive_whole(lan):
    with speaker(ns(lan, 0)) as out, member(ns(lan, 1)) as s:
        for piece in fragment(IP(src=A, dst=GROUP, ttl=1, id=99) / UDP(sport=1, dport=PORT) / Raw(bytes(4000)), 1200):
            send_ip(ns(lan, 0), piece)
        assert s.recv(5000) == bytes(4000)
        del out


def test_members_have_the_mark(lan):
    """nftables tells it from what came in clear, as with all that came out of an SA."""
    netns = ns(lan, 1)
    netns.run('nft', 'add table ip t; add chain ip t c { type filter hook input priority 0; }; '
              f'add rule ip t c ip daddr {GROUP} meta mark != 0 counter accept')
    with speaker(ns(lan, 0)) as out, member(netns) as s:
        out.sendto(b'marked', (GROUP, PORT))
        s.recv(100)
    said = netns.run('nft', 'list', 'chain', 'ip', 't', 'c').stdout
    netns.run('nft', 'delete', 'table', 'ip', 't')
    assert 'counter packets 1 ' in said


# ---- what a peer may not ----


def inner(src=A, dst=GROUP, **ip):
    return IP(src=src, dst=dst, **ip) / UDP(sport=1, dport=PORT) / Raw(b'hostile')


def in_gre(packet, **fields):
    return raw(GRE(proto=0x0800, **fields)) + raw(packet)


def twisted(at, value):
    packet = bytearray(raw(inner()))
    packet[at] = value
    return in_gre(Raw(bytes(packet)))


HOSTILE = {
    'checksum': in_gre(inner(), chksum_present=1),
    'routing': in_gre(inner(), routing_present=1),
    'key': in_gre(inner(), key_present=1, key=1),
    'sequence': in_gre(inner(), seqnum_present=1, sequence_number=1),
    'reserved': struct.pack('>HH', 0x0400, 0x0800) + raw(inner()),
    'version-1': in_gre(inner(), version=1),
    'version-7': struct.pack('>HH', 7, 0x0800) + raw(inner()),
    'ipv6': struct.pack('>HH', 0, 0x86dd) + bytes(60),
    'ethernet': struct.pack('>HH', 0, 0x6558) + raw(Ether() / inner()),
    'nothing': b'\0\0',
    'no-inner': struct.pack('>HH', 0, 0x0800),
    'inner-cut': in_gre(Raw(raw(inner())[:19])),
    'inner-longer': twisted(3, 200),
    'inner-version': twisted(0, 0x65),
    'inner-header-short': twisted(0, 0x44),
    'inner-header-long': twisted(0, 0x4f),
    'inner-checksum': twisted(11, 0),
    'unicast-to-us': in_gre(inner(dst=B)),
    'unicast-to-another': in_gre(inner(dst=C)),
    'unicast-outside': in_gre(inner(dst=OUTSIDE)),
    'other-subnets-broadcast': in_gre(inner(dst='198.51.100.255')),
    'from-us': in_gre(inner(src=B)),
    'from-another-peer': in_gre(inner(src=C)),
    'from-a-group': in_gre(inner(src='224.0.0.1')),
    'from-broadcast': in_gre(inner(src='255.255.255.255')),
    'from-directed-broadcast': in_gre(inner(src='192.0.2.255')),
}


@pytest.mark.parametrize('data', HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile(lan, data):
    """Sealed by who may, and not what gre = yes is for."""
    with drops(lan, 1, 0, gre_refused=1):
        send_ip(ns(lan, 0), IP(src=A, dst=B, proto=47) / Raw(data))


def test_hostile_would_be_taken(lan):
    """The packet that the others are variants of."""
    with member(ns(lan, 1)) as s:
        send_ip(ns(lan, 0), IP(src=A, dst=B, proto=47) / Raw(in_gre(inner())))
        assert s.recv(100) == b'hostile'


def test_esp_inside(lan):
    with drops(lan, 1, 0, nested_esp=1):
        send_ip(ns(lan, 0), IP(src=A, dst=B, proto=47) / Raw(in_gre(IP(src=A, dst=GROUP, proto=50) / Raw(bytes(60)))))
    before = lan.hosts[0].counters()
    send_ip(ns(lan, 0), IP(src=A, dst=GROUP, proto=50) / Raw(bytes(60)))
    assert dropped(before, lan.hosts[0].counters()) == {'nested_esp': 1}


# ---- in clear ----


@pytest.mark.parametrize('dst', [GROUP, '224.0.0.5', '255.255.255.255', '192.0.2.255'])
def test_clear_of_a_peer_is_refused(lan, dst):
    """However the frame is addressed; others may speak in clear."""
    mac = ns(lan, 1).mac(NIC)
    with lan.tap(1) as tap, member(ns(lan, 1)) as s:
        before = lan.hosts[1].counters()
        for to in (mac, 'ff:ff:ff:ff:ff:ff', '01:00:5e:01:02:03'):
            tap.send(Ether(src='02:00:00:00:00:99', dst=to) / inner(src=A, dst=dst))
        tap.send(Ether(src='02:00:00:00:00:99', dst='01:00:5e:01:02:03') / inner(src='192.0.2.77', dst=GROUP))
        assert s.recv(100) == b'hostile'
        is_deaf(s)
        assert dropped(before, lan.hosts[1].counters()) == {'cleartext_protected': 3}


def test_clear_gre_is_refused(lan):
    with lan.tap(1) as tap, drops(lan, 1, 0, cleartext_protected=1):
        tap.send(Ether(src='02:00:00:00:00:99', dst=ns(lan, 1).mac(NIC)) / IP(src=A, dst=B, proto=47) /
                 Raw(in_gre(inner())))


def test_bypass(lan):
    """A policy for the group goes first, both ways."""
    for host in lan.hosts[:2]:
        host.policy_add(GROUP, action='bypass')
    done = lan.hosts[2].policy_add(GROUP, check=False)
    assert done.returncode == 1 and "'gre = yes'" in done.stderr
    with lan.tap(0) as tap, speaker(ns(lan, 0)) as out, member(ns(lan, 1)) as s:
        out.sendto(b'in clear', (GROUP, PORT))
        hears(s, b'in clear', A, 1)
        assert tap.find(lambda f: ip_of(f, 17, A), 'it in clear').dst == GROUP
    lan.hosts[0].cmd('policy', 'flush')
    lan.hosts[0].policy_add(GROUP, action='discard')
    before = lan.hosts[0].counters()
    with speaker(ns(lan, 0)) as out:
        out.sendto(b'not at all', (GROUP, PORT))
    assert dropped(before, lan.hosts[0].counters()) == {'discard': 1}
    for host in lan.hosts[:2]:
        host.cmd('policy', 'flush')


# ---- round and round ----


@pytest.fixture(params=[False, True], ids=['marked', 'mark-cleared'])
def reflector(lan, request):
    """B sends back by its NIC what its NIC gets for the group: as a router would, with or without the mark."""
    mark = 'meta mark set 0 ' if request.param else ''
    ns(lan, 1).run('nft', 'add table netdev t; '
                   f'add chain netdev t c {{ type filter hook ingress device {NIC} priority 0; }}; '
                   f'add rule netdev t c ip daddr {GROUP} {mark}dup to {NIC}')
    yield
    ns(lan, 1).run('nft', 'delete', 'table', 'netdev', 't')


def test_what_came_out_does_not_go_in_again(lan, reflector):
    before = [h.counters() for h in lan.hosts]
    with lan.capture(1) as capture, speaker(ns(lan, 0)) as out, member(ns(lan, 2)) as s:
        out.sendto(b'once', (GROUP, PORT))
        hears(s, b'once', A, 1)
        until(lambda: lan.hosts[1].counters().get('gre_loop', 0) > before[1].get('gre_loop', 0), 'a loop that is cut')
        settle(lan, 2, 1)
        is_deaf(s)
        packets = capture.stop()
    assert {p.proto for p in packets if not p.ike} == {50}
    assert moved(before[1], lan.hosts[1].counters())['gre_loop'] == 1


# ---- what is not there ----


@pytest.fixture
def pair():
    with Lan(2) as lan:
        yield lan


def silent(lan, n=0, **expected):
    """Multicast of host n is dropped for those reasons, and nothing of it is on the cable."""
    before = lan.hosts[n].counters()
    with lan.capture(n) as capture, speaker(ns(lan, n)) as out:
        out.sendto(b'to nobody', (GROUP, PORT))
        packets = [p for p in capture.stop() if not p.ike]
    assert packets == []
    now = dropped(before, lan.hosts[n].counters())
    assert now.keys() == expected.keys(), now


def test_fails_closed(pair):
    """No SA, no worker, no daemon: nothing in clear. Then detach opens the gate."""
    for n in range(2):
        pair.connections(n, [1 - n], gre='yes', start='respond')
    host = pair.hosts[0]
    pair.start()
    silent(pair, no_sa=1)
    host.cmd('connection', 'initiate', f'to-{B}')
    pair.wait_up(0, 1)
    _, worker = host.pids()
    os.kill(host.daemon.pid, signal.SIGSTOP)  # else there would be another worker at once
    os.kill(worker, signal.SIGKILL)
    with pair.capture(0) as capture, speaker(ns(pair, 0)) as out:
        out.sendto(b'to nobody', (GROUP, PORT))
        assert not [p for p in capture.stop() if not p.ike]
    os.kill(host.daemon.pid, signal.SIGCONT)
    until(lambda: host.worker_ready() and host.pids()[1] != worker, 'another worker')
    host.kill()
    with pair.capture(0) as capture, speaker(ns(pair, 0)) as out:
        out.sendto(b'to nobody', (GROUP, PORT))
        assert not [p for p in capture.stop() if not p.ike]
    host.cmd('detach', NIC)
    with pair.tap(0) as tap, speaker(ns(pair, 0)) as out:
        out.sendto(b'in clear', (GROUP, PORT))
        assert tap.find(lambda f: ip_of(f, 17, A), 'it in clear')


def test_address_gone(pair):
    """The NIC stays closed for multicast while the connection has no address."""
    for n in range(2):
        pair.connections(n, [1 - n], gre='yes', start='initiate')
    pair.start()
    pair.wait_up(0, 1)
    ns(pair, 0).ip('addr', 'add', '192.0.2.9/24', 'dev', NIC)
    ns(pair, 0).ip('addr', 'del', f'{A}/24', 'dev', NIC)
    ns(pair, 0).ip('route', 'replace', 'default', 'dev', NIC)
    until(lambda: not pair.hosts[0].status()['sas'], 'down')
    silent(pair, no_sa=1)


def test_only_bgp_and_multicast(pair):
    """protect = tcp/179: GRE is protected for gre = yes, a ping is not."""
    for n in range(2):
        pair.connections(n, [1 - n], gre='yes', protect='tcp/179')
    pair.start()
    with speaker(ns(pair, 0)) as out, member(ns(pair, 1)) as s, pair.capture(0) as capture:
        s.settimeout(0.1)
        until(lambda: is_heard(out, s), 'the trap has gone off')
        assert {p.proto for p in capture.stop() if not p.ike} == {50}
    assert ping(ns(pair, 0), B)
    assert any(c['selector'] == 'gre' for c in pair.hosts[0].status()['connections'][0]['children'])


def test_without_gre(pair):
    """
    gre = no: GRE between the two is a protocol as any other. Multicast leaves in clear, and is taken where a policy lets
    it by: it has the address of a peer, whose all else is protected.
    """
    for n in range(2):
        pair.connections(n, [1 - n], start='initiate')
    pair.start()
    pair.wait_up(0, 1)
    pair.wait_up(1, 1)
    with Ears(ns(pair, 1), NIC, False) as ears, member(ns(pair, 1)) as s, speaker(ns(pair, 0)) as out:
        send_ip(ns(pair, 0), IP(src=A, dst=B, proto=47) / Raw(in_gre(inner(), key_present=1, key=5)))
        before = pair.hosts[1].counters()
        out.sendto(b'not taken', (GROUP, PORT))
        until(lambda: dropped(before, pair.hosts[1].counters()) == {'cleartext_protected': 1}, 'it is refused')
        pair.hosts[1].policy_add(GROUP, action='bypass')
        out.sendto(b'in clear', (GROUP, PORT))
        hears(s, b'in clear', A, 1)
        gre = until(lambda: [p for p in ears.packets() if p.proto == 47], 'GRE')
    assert raw(gre[0].payload) == in_gre(inner(), key_present=1, key=5)
    assert not moved({}, pair.hosts[0].counters())


def test_reload(pair):
    """gre = yes comes and goes with the file."""
    for n in range(2):
        pair.connections(n, [1 - n], start='initiate')
    pair.start()
    pair.hosts[1].policy_add(GROUP, action='bypass')  # what comes in clear with a peer's address is not taken else
    for value in ('yes', 'no'):
        for n, host in enumerate(pair.hosts):
            pair.connections(n, [1 - n], gre=value, start='initiate')
            host.daemon.send_signal(signal.SIGHUP)
        with speaker(ns(pair, 0)) as out, member(ns(pair, 1)) as s:
            s.settimeout(0.1)
            before = pair.hosts[1].counters().get('gre_received', 0)

            def by_gre():
                return pair.hosts[1].counters().get('gre_received', 0) > before

            until(lambda: is_heard(out, s) and by_gre() == (value == 'yes'), value)


def test_connection_of_no_nic(pair):
    """Said once at start, for its multicast stays in clear."""
    pair.connections(0, [1], gre='yes', local='203.0.113.9')
    pair.hosts[0].start()
    assert pair.hosts[0].log_text.count('no attached NIC has 203.0.113.9') == 1


def all_hear(out, socks):
    """Whether what is said to all is heard by all, and nothing else is left to be heard."""
    out.sendto(b'to all', (GROUP, PORT))
    heard = 0
    for sock in socks:
        patience = sock.gettimeout()
        sock.settimeout(0.2)
        try:
            hears(sock, b'to all', A, 1)
            heard += 1
        except TimeoutError:
            pass
        sock.settimeout(patience)
    return heard == len(socks)


def test_mesh():
    """Of a mesh, who is up gets it; somebody who has gone does not."""
    with Lan(3) as lan:
        lan.connections(0, ['192.0.2.0/24'], gre='yes', start='trap')
        for n in (1, 2):
            lan.connections(n, [0], gre='yes', start='initiate')
        lan.start()
        lan.wait_up(0, 2)
        with speaker(ns(lan, 0)) as out, member(ns(lan, 1)) as one, member(ns(lan, 2)) as two:
            # who has come up just now is known a moment later
            until(lambda: all_hear(out, (one, two)), 'it is heard')
            lan.hosts[2].stop()
            until(lambda: len(lan.hosts[0].status()['sas']) == 2, 'its SAs are gone')
            before = lan.hosts[0].counters()
            out.sendto(b'to one', (GROUP, PORT))
            hears(one, b'to one', A, 1)
            assert moved(before, lan.hosts[0].counters()) == {'gre_sent': 1}
            is_deaf(two)


# ---- who uses it ----


def bird(netns, directory, router):
    (directory / 'conf').write_text(
        f'log "{directory}/log" all;\nrouter id {router};\nprotocol device {{ }}\n'
        f'protocol static {{ ipv4; route 198.51.{router.split(".")[3]}.0/24 blackhole; }}\n'
        f'protocol ospf v2 p {{ ipv4 {{ import all; export all; }}; area 0 {{ interface "{NIC}" {{ type broadcast; '
        'hello 1; retransmit 2; wait 2; dead 4; }; }; }\n')
    return subprocess.Popen(netns.argv(BIRD, '-f', '-c', directory / 'conf', '-s', directory / 'ctl'))


@pytest.mark.skipif(not os.access(BIRD, os.X_OK), reason="Debian's package bird2 is not installed")
def test_ospf(lan, tmp_path):
    """Three routers on one network: one is designated, and each learns from both others; not a word in clear."""
    dirs = [tmp_path / str(n) for n in range(3)]
    speakers = []
    try:
        with only_esp(lan, 1):
            for n, directory in enumerate(dirs):
                directory.mkdir()
                speakers.append(bird(ns(lan, n), directory, addr(n)))
            for directory in dirs:
                def routes():
                    argv = ['birdc', '-s', directory / 'ctl', 'show', 'route', 'protocol', 'p']
                    said = subprocess.run(argv, text=True, capture_output=True).stdout
                    return sum(f'198.51.{n + 1}.0/24' in said for n in range(3))
                until(lambda: routes() == 2, f'routes at {directory.name}', timeout=30)
    finally:
        for process in speakers:
            process.terminate()
            process.wait(10)
