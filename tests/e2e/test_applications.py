# SPDX-License-Identifier: BSD-2-Clause
"""What people run over it: programs that know nothing of IPsec, between two hosts that got their keys by IKE."""
import hashlib
import json
import os
import threading
from contextlib import suppress

import pytest
from scapy.layers.inet import IP, UDP

from lib.beds.ike import children, connection, order
from lib.beds.pair import A, B, NIC
from lib.daemons import Bird, dns_server, needs, resolve, ssh, ssh_server
from lib.host import dropped
from lib.netns import Netns, run, veth
from lib.nftables import rules_in
from lib.traffic import knock, ping, send_ip, tcp_bulk, udp_socket
from lib.wait import until


@pytest.fixture
def pair(native):
    return native


def without_ike(capture):
    return [p for p in capture.stop() if not p.ike]


def only_esp(packets):
    assert packets and all(p.proto == 50 for p in packets if p.src in (A, B))


@needs('bird', 'birdc')
@pytest.mark.parametrize('opener', ['a', 'b'])
def test_bgp(pair, opener):
    """On the physical interface, by trap, whichever end opens the session; no TCP MD5, and nothing of it in clear."""
    pair.psk(protect='tcp/179')
    pair.start()
    birds = [Bird(pair.a, A, B, 65001, 65002, '198.51.100.0/24', passive=opener == 'b'),
             Bird(pair.b, B, A, 65002, 65001, '203.0.113.0/24', passive=opener == 'a')]
    with pair.capture() as capture, birds[0].run(), birds[1].run():
        for bird in birds:
            until(bird.established, 'the BGP session is established', timeout=30)
        until(lambda: '203.0.113.0/24' in birds[0].ask('show', 'route'), "b's route is at a")
        until(lambda: '198.51.100.0/24' in birds[1].ask('show', 'route'), "a's route is at b")
        packets = without_ike(capture)
    only_esp(packets)


def vxlan(pair):
    for host, local, remote, inner in ((pair.a, A, B, '10.9.0.1'), (pair.b, B, A, '10.9.0.2')):
        ns = host.netns
        ns.ip('link', 'add', 'vx0', 'type', 'vxlan', 'id', 7, 'dstport', 4789, 'local', local, 'remote', remote, 'dev', NIC)
        ns.ip('addr', 'add', f'{inner}/24', 'dev', 'vx0')
        ns.ip('link', 'set', 'vx0', 'up')


def test_vxlan(pair):
    """Only udp/4789 is protected: what the overlay carries is sealed, full-sized TCP too; the rest is left alone."""
    pair.psk(protect='udp/4789')
    pair.start()
    vxlan(pair)
    with pair.capture() as capture:
        until(lambda: ping(pair.a.netns, '10.9.0.2'), 'the overlay answers')
        tcp_bulk(pair.a.netns, pair.b.netns, '10.9.0.2', 2 << 20)
        packets = without_ike(capture)
    only_esp(packets)
    with pair.capture() as capture:
        assert ping(pair.a.netns, B)
        assert {p.proto for p in capture.stop()} >= {1}


def arrived(sock):
    """What has come by now."""
    sock.setblocking(False)
    texts = []
    with suppress(BlockingIOError):
        while True:
            texts.append(sock.recv(100))
    assert b'forged' not in texts
    return texts


def put_in_vrf(host, _inner):
    if host.netns.ip('link', 'add', 'red', 'type', 'vrf', 'table', 7, check=False).returncode:
        pytest.skip('NOT TESTED: this kernel has no VRF')
    host.netns.ip('link', 'set', 'red', 'up')
    host.netns.ip('link', 'set', 'vx0', 'master', 'red')
    host.netns.sysctl('net.ipv4.udp_l3mdev_accept', 1)


def put_in_bridge(host, inner):
    """Beside a port that is attached."""
    ns = host.netns
    ns.ip('link', 'add', 'nic1', 'type', 'veth', 'peer', 'name', 'far1')
    ns.ip('link', 'add', 'name', 'bridge0', 'up', 'type', 'bridge', 'forward_delay', 0, 'mcast_snooping', 0)
    for words in (['nic1', 'up', 'master', 'bridge0'], ['far1', 'up'], ['vx0', 'master', 'bridge0']):
        ns.ip('link', 'set', *words)
    ns.ip('addr', 'flush', 'dev', 'vx0')
    ns.ip('addr', 'add', f'{inner}/24', 'dev', 'bridge0')
    host.cmd('attach', 'nic1')


OVERLAYS = {'plain': lambda *_: None, 'vrf': put_in_vrf, 'attached': lambda host, _: host.cmd('attach', 'vx0'), 'bridge': put_in_bridge}


@pytest.mark.parametrize('where', OVERLAYS)
def test_what_an_overlay_brings_is_nobody_elses(pair, where):
    """An SA proves who sent the tunnel's packet, and not whom its inner packet names: another protected peer is not believed."""
    peers, inner = {'by policy': '203.0.113.9', 'by cover': '203.0.113.10'}, '10.9.0.1'
    pair.psk(protect='udp/4789')
    with open(pair.a.config, 'a') as f:
        f.write(f'[connection other]\nlocal = {A}\nremote = {peers["by cover"]}\nauth = psk\npsk-file = psk\nstart = trap\n')
    pair.start()
    pair.a.policy_add(peers['by policy'])
    vxlan(pair)
    ns = pair.a.netns
    OVERLAYS[where](pair.a, inner)
    for dev in ('all', 'vx0'):
        ns.sysctl(f'net.ipv4.conf.{dev}.rp_filter', 0)
    reason = 'cleartext_protected' if where == 'attached' else 'backstop_in'
    with udp_socket(ns, '0.0.0.0', 4000) as here:
        def send(src, text):
            send_ip(pair.b.netns, IP(src=src, dst=inner) / UDP(sport=4000, dport=4000) / text)

        until(lambda: send('10.9.0.2', b'honest') or arrived(here), 'the overlay works')
        for peer in peers.values():
            before = pair.a.status()['drops'][reason]
            send(peer, b'forged')
            until(lambda: pair.a.status()['drops'][reason] > before, f'what names {peer} is dropped')
        send('203.0.113.11', b'of nobody')
        until(lambda: b'of nobody' in arrived(here), 'what names nobody arrives')


def test_what_an_sa_brings_bears_nat_and_other_marks(pair):
    """A firewall that sends it on to another host, or has marks of its own, as kube-proxy and those with two providers have."""
    inner = '198.51.100.2'
    pair.psk()
    pair.start()
    ns = pair.a.netns
    with Netns('far') as far, rules_in(ns) as rules:
        veth(ns, 'nic1', far, 'wire1')
        ns.ip('addr', 'add', '198.51.100.1/24', 'dev', 'nic1')
        ns.sysctl('net.ipv4.ip_forward', 1)
        far.ip('addr', 'add', f'{inner}/24', 'dev', 'wire1')
        far.ip('route', 'add', 'default', 'via', '198.51.100.1')
        rules('table ip t {\n chain marks {\n type filter hook prerouting priority mangle\n udp dport 9 meta mark set 0\n icmp type destination-unreachable meta mark set 0\n }\n'
              ' chain nat {\n type nat hook prerouting priority dstnat\n'
              f' udp dport 7 meta mark set meta mark or 0x4000 dnat to {inner}:1007\n }}\n}}\n')
        with udp_socket(far, inner, 1007) as there, udp_socket(ns, A, 9) as here, udp_socket(pair.b.netns, B) as peer, \
             pair.capture() as capture:
            until(lambda: ping(pair.b.netns, A), 'the connection is up')
            peer.sendto(b'for another mark', (A, 9))
            assert here.recv(100) == b'for another mark'
            here.connect((B, 10))
            here.send(b'for nobody')
            with pytest.raises(ConnectionRefusedError):
                here.recv(100)
            peer.sendto(b'for another host', (A, 7))
            text, end = there.recvfrom(100)
            assert text == b'for another host'
            there.sendto(b'its answer', end)
            assert peer.recvfrom(100) == (b'its answer', (A, 7))
            packets = without_ike(capture)
    only_esp(packets)


@needs('dnsmasq', 'dig')
def test_dns(pair):
    """By UDP, and by TCP for what does not fit."""
    many = sorted(f'192.0.2.{n}' for n in range(10, 140))
    pair.psk(protect='udp/53, tcp/53')
    pair.start()
    with dns_server(pair.b, B, {'small.example': ['192.0.2.9'], 'large.example': many}), pair.capture() as capture:
        until(lambda: resolve(pair.a.netns, B, 'small.example') == ['192.0.2.9'], 'a small answer')
        until(lambda: resolve(pair.a.netns, B, 'large.example', '+bufsize=512') == many, 'a large one')
        packets = without_ike(capture)
    only_esp(packets)


@needs('dropbear', 'dbclient', 'dropbearkey')
def test_ssh_survives_rekeys(pair):
    """One session, 16 MB there and back, while child and IKE SA are changed under it from both ends."""
    pair.psk()
    pair.start()
    key, data = pair.a.dir / 'ssh_key', os.urandom(16 << 20)
    run('dropbearkey', '-t', 'ed25519', '-f', key)
    with ssh_server(pair.b, B, key):
        until(lambda: connection(pair.a)['state'] == 'up' or knock(pair.a.netns, B), 'the connection is up')
        with ssh(pair.a.netns, key, B, 'cat') as session:
            half = len(data) // 2
            echoed, reader = [], None
            reader = threading.Thread(target=lambda: echoed.append(session.stdout.read()))
            reader.start()
            session.stdin.write(data[:half])
            spis = {child['spi_in'] for child in children(pair.a)}
            for host, what in ((pair.a, 'child'), (pair.b, 'child'), (pair.a, 'ike'), (pair.b, 'ike')):
                order(host, 'rekey', 'core', what)
                session.stdin.write(data[half // 1024:half // 512])
            session.stdin.write(data[half:])
            session.stdin.close()
            reader.join(timeout=60)
        assert session.returncode == 0
        piece = data[half // 1024:half // 512]
        assert hashlib.sha256(echoed[0]).digest() == hashlib.sha256(data[:half] + 4 * piece + data[half:]).digest()
        until(lambda: not spis & {child['spi_in'] for child in children(pair.a)}, 'the SAs are others now')


def all_opened(pair):
    a, b = (host.counters() for host in pair.hosts)
    return a['sealed'] == b['opened'] and b['sealed'] == a['opened']


@needs('iperf3')
@pytest.mark.parametrize('towards', ['b', 'a'])
def test_udp_of_8_kb(pair, towards):
    """Datagrams of iperf3 and NFS that are larger than the MTU: whole, and each of them."""
    pair.psk()
    pair.start()
    until(lambda: ping(pair.a.netns, B), 'the connection is up')
    reverse = ['-R'] if towards == 'a' else []
    server = pair.b.netns.argv('iperf3', '-s', '-1', '-D', '-B', B, '-I', pair.b.dir / 'iperf3.pid')
    run(*server)
    until(lambda: ':5201 ' in pair.b.netns.run('ss', '-ltn').stdout, 'iperf3 listens')
    before = [host.counters() for host in pair.hosts]
    with pair.capture(immediate=False) as capture:
        done = pair.a.netns.run('iperf3', '-c', B, '-u', '-l', 8192, '-b', '50M', '-n', '2M', '-w', '4M', '-J', *reverse)
        packets = without_ike(capture)
    total = json.loads(done.stdout)['end']['sum']
    # Beyond the 2 MB it asked for iperf3 sends some, until both ends know: it closes, and counts them as lost.
    assert total['packets'] - total['lost_packets'] >= 256, total
    until(lambda: all_opened(pair), 'what one end sealed the other has opened')
    assert [dropped(*counts) for counts in zip(before, (host.counters() for host in pair.hosts))] == [{}, {}]
    only_esp(packets)
