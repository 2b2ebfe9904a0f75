# SPDX-License-Identifier: BSD-2-Clause
"""
Routes that encapsulate: what leaves by one is no IPv4 any more where POST_ROUTING and the NIC's gate are, and what one
takes out of IPv6 has not been at PRE_ROUTING.
"""
import contextlib
import socket
import subprocess

import pytest
from scapy.layers.inet import ICMP, IP, UDP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import Ether
from scapy.packet import Raw

from lib import bpf_programs
from lib.beds.bed import HOST, NIC, PEER, SENTINEL, Bed
from lib.host import dropped
from lib.netns import Netns, veth
from lib.traffic import send_ip, udp_socket
from lib.wait import until

FREE, SEGMENT, FAR, NEAR = '192.0.2.50', 'fc00::9', '198.51.100.2', '198.51.100.1'
PORT = 4001
SEG6 = ('encap', 'seg6', 'mode', 'encap', 'segs', SEGMENT)
LWT_XMIT = 12


@pytest.fixture(scope='module', params=['native', 'clsact'])
def way(request):
    """A host with everything between it and PEER protected, with IPv6 and a way to SEGMENT."""
    clsact = request.param == 'clsact'
    with Bed('native', **({'hook': 'clsact'} if clsact else {})) as bed, Netns('ecf') as far:
        # Also for all that there are, and not for the TAP, to which the kernel would speak.
        bed.ns.sysctl('net.ipv6.conf.all.disable_ipv6', 0)
        bed.ns.sysctl('net.ipv6.conf.default.disable_ipv6', 1)
        bed.ns.sysctl('net.ipv6.conf.all.forwarding', 1)
        bed.ns.sysctl('net.ipv4.ip_forward', 1)
        bed.ns.ip('addr', 'add', 'fc00::1/64', 'dev', NIC, 'nodad')
        bed.ns.ip('-6', 'neigh', 'replace', SEGMENT, 'lladdr', bed.peer_mac, 'dev', NIC, 'nud', 'permanent')
        veth(bed.ns, 'nic1', far, 'wire1')
        bed.ns.ip('addr', 'add', f'{NEAR}/24', 'dev', 'nic1')
        far.ip('addr', 'add', f'{FAR}/24', 'dev', 'wire1')
        far.ip('route', 'add', 'default', 'via', NEAR)
        bed.far = far
        bed.host.start()
        bed.begin()
        bed.protected()
        yield bed


@contextlib.contextmanager
def route(ns, dst, *words):
    # Not by 'ip -n', which hides what is pinned.
    if ns.run('ip', 'route', 'add', dst, *words, check=False).returncode:
        pytest.skip(f'this kernel or iproute2 has no such route: {" ".join(words)}')
    try:
        yield
    finally:
        ns.ip('route', 'del', dst)


def speak(ns, dst, data, src='0.0.0.0'):
    with udp_socket(ns, src) as s, contextlib.suppress(PermissionError):
        s.sendto(data, (dst, PORT))


def told(bed, data, send):
    """The frames with the data on the cable that send() has put there; a last one that is no IPv4 comes after them."""
    bed.tap.drain()
    send(data)
    with udp_socket(bed.ns) as s:
        s.sendto(b'last of all', (SENTINEL, PORT))
    seen = []
    bed.tap.find(lambda frame: b'last of all' in frame or seen.append(frame), 'the last')
    return [frame for frame in seen if data in frame]


@pytest.mark.parametrize('dev', [NIC, 'nic1', 'lo'])
def test_out(way, dev):
    before = way.host.counters()
    with route(way.ns, PEER, *SEG6, 'dev', dev, 'src', HOST):
        assert told(way, b'a secret by seg6', lambda data: speak(way.ns, PEER, data)) == []
    assert dropped(before, way.host.counters()) == {'backstop_out': 1}


def test_one_in_another(way):
    """The first segment is the destination of another such route."""
    with route(way.ns, 'fc01::9', 'encap', 'seg6', 'mode', 'encap', 'segs', SEGMENT, 'dev', NIC), \
            route(way.ns, PEER, 'encap', 'seg6', 'mode', 'encap', 'segs', 'fc01::9', 'dev', NIC, 'src', HOST), \
            route(way.ns, FREE, 'encap', 'seg6', 'mode', 'encap', 'segs', 'fc01::9', 'dev', NIC, 'src', HOST):
        assert told(way, b'a secret by two', lambda data: speak(way.ns, PEER, data)) == []
        frame, = told(way, b'free to go by two', lambda data: speak(way.ns, FREE, data))
    assert frame.count(b'\x60\0\0\0') == 2


def test_what_nothing_protects_goes_on(way):
    with route(way.ns, FREE, *SEG6, 'dev', NIC, 'src', HOST):
        frame, = told(way, b'free to go by seg6', lambda data: speak(way.ns, FREE, data))
    assert Ether(frame)[IPv6].dst == SEGMENT


@pytest.mark.parametrize('mode', ['encap', 'encap.red', 'l2encap', 'l2encap.red'])
def test_forwarded(way, mode):
    """Such a route takes a packet away behind PRE_ROUTING."""
    before = way.host.counters()
    encap = ('encap', 'seg6', 'mode', mode, 'segs', SEGMENT)
    with route(way.ns, PEER, *encap, 'dev', NIC):
        assert told(way, b'a secret that is forwarded', lambda data: speak(way.far, PEER, data)) == []
    assert dropped(before, way.host.counters()) == {'backstop_out': 1}
    with route(way.ns, FREE, *encap, 'dev', NIC):
        frame, = told(way, b'free to be forwarded', lambda data: speak(way.far, FREE, data))
    assert Ether(frame)[IPv6].dst == SEGMENT


def test_rewritten_behind_post_routing(way, tmp_path):
    """As by MPLS, which few kernels have. The program lets the packet be; it could as well wrap it."""
    before = way.host.counters()
    path = way.host.pins.parent / f'{way.ns.name}-xmit'
    with bpf_programs.program(LWT_XMIT, 0) as prog:
        bpf_programs.pin(prog, path)
    try:
        with route(way.ns, PEER, 'encap', 'bpf', 'xmit', 'pinned', str(path), 'dev', NIC, 'src', HOST):
            speak(way.ns, PEER, b'a secret that may be rewritten')
    finally:
        path.unlink()
    assert dropped(before, way.host.counters()) == {'backstop_out': 1}


@pytest.mark.parametrize('kind', ['End.DX4', 'End.DT4'])
@pytest.mark.parametrize('src', [PEER, FREE])
def test_in(way, kind, src):
    """Taken out of IPv6 for a socket of this host."""
    ns = way.ns
    with contextlib.ExitStack() as undo:
        if kind == 'End.DT4':
            if ns.ip('link', 'add', 'vrf0', 'type', 'vrf', 'table', 77, check=False).returncode:
                pytest.skip('this kernel has no VRF')
            undo.callback(ns.ip, 'link', 'del', 'vrf0')
            ns.sysctl('net.vrf.strict_mode', 1)
            ns.sysctl('net.ipv4.udp_l3mdev_accept', 1)
            ns.ip('link', 'set', 'vrf0', 'up')
            ns.ip('route', 'add', 'local', HOST, 'dev', 'vrf0', 'table', 77)
            action, addr = ('vrftable', 77), HOST
        else:
            action, addr = ('nh4', HOST), HOST
        if ns.ip('-6', 'route', 'add', 'fc00::100/128', 'encap', 'seg6local', 'action', kind, *action, 'dev',
                 'vrf0' if kind == 'End.DT4' else NIC, check=False).returncode:
            pytest.skip(f'no seg6local {kind}')
        undo.callback(ns.ip, '-6', 'route', 'del', 'fc00::100/128')
        heard = undo.enter_context(udp_socket(ns, '0.0.0.0', PORT))
        before = way.host.counters()
        way.tap.send(Ether(src=way.peer_mac, dst=way.mac) / IPv6(src=SEGMENT, dst='fc00::100', nh=4) /
                     IP(src=src, dst=addr) / UDP(sport=4000, dport=PORT) / Raw(b'out of IPv6'))
        way.settle()
        heard.setblocking(False)
        if src == FREE:
            assert heard.recv(100) == b'out of IPv6'
        else:
            with pytest.raises(BlockingIOError):
                heard.recv(100)
            assert dropped(before, way.host.counters()) == {'backstop_in': 1}
