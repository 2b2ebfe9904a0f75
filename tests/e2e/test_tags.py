# SPDX-License-Identifier: BSD-2-Clause
"""
IPv4 under other Ethernet types. The kernel takes off VLAN-0 tags, as many as there are and of both kinds: what is
tagged more often than the gate looks behind goes nowhere. Other types that can have IPv4 inside get to no socket by
this NIC.
"""
import itertools
import struct

import pytest
from scapy.layers.inet import IP, UDP
from scapy.packet import Raw, raw

from lib.beds.bed import HOST, NIC, PEER, Bed
from lib.netns import Netns, veth
from lib.traffic import udp_socket
from lib.wire import Tap

PORT = 4001
Q, AD = b'\x81\x00', b'\x88\xa8'
IPV4 = b'\x08\x00'
STACKS = [kinds for n in (3, 4, 5) for kinds in itertools.product((Q, AD), repeat=n)]
MACS = bytes(12)


@pytest.fixture(scope='module', params=['native', 'generic', 'clsact'])
def gate(request):
    """A host with everything between it and PEER protected."""
    clsact = request.param == 'clsact'
    with Bed('native' if clsact else request.param, **({'hook': 'clsact'} if clsact else {})) as bed:
        bed.host.start()
        bed.begin()
        bed.protected()
        yield bed


def tagged(kinds, packet, vlan=0):
    return b''.join(kind + struct.pack('>H', vlan) for kind in kinds) + IPV4 + raw(packet)


def macs(netns, dev, back):
    """Ethernet addresses to that NIC, from there."""
    return bytes.fromhex((netns.mac(dev) + back).replace(':', ''))


def datagram(src=PEER, dst=HOST, data=b'tagged'):
    return IP(src=src, dst=dst) / UDP(sport=4000, dport=PORT) / Raw(data)


SNAP = b'\xaa\xaa\x03\0\0\0' + IPV4
OTHERS = {
    'qinq-9100': b'\x91\x00\0\0' + IPV4,
    'qinq-9200': b'\x92\x00\0\0' + IPV4,
    'qinq-9300': b'\x93\x00\0\0' + IPV4,
    'tagged-9100': Q + b'\0\0\x91\x00\0\0' + IPV4,
    '802.1ah': b'\x88\xe7' + bytes(4) + MACS + IPV4,
    'llc-snap': struct.pack('>H', 8 + len(datagram())) + SNAP,
    'llc-ip': struct.pack('>H', 3 + len(datagram())) + b'\x06\x06\x03',
    'tagged-snap': Q + b'\0\0' + struct.pack('>H', 8 + len(datagram())) + SNAP,
    'macsec': b'\x88\xe5\x00\x00\0\0\0\1' + IPV4,
    'pppoe': b'\x88\x64\x11\0\0\1' + struct.pack('>H', 2 + len(datagram())) + b'\0\x21',
    'mpls': b'\x88\x47\0\0\x01\x40',
    'mpls-explicit-null': b'\x88\x47\0\0\x01\xff',
    'nsh': b'\x89\x4f\x0f\xc6\x01\x01\0\0\0\0',
    'trans-ether-bridging': b'\x65\x58' + MACS + IPV4,
}


def test_in(gate):
    """Whatever is in there, from whomever."""
    head = macs(gate.ns, NIC, gate.peer_mac)
    arp = b'\x08\x06' + bytes(46)
    with udp_socket(gate.ns, HOST, PORT) as s, gate.drops(vlan_stack=2 * len(STACKS) + 1):
        for kinds in STACKS:
            gate.tap.send(Raw(head + tagged(kinds, datagram())))
            gate.tap.send(Raw(head + tagged(kinds, datagram(src='192.0.2.77'), vlan=7)))
        gate.tap.send(Raw(head + tagged((Q, Q, Q), datagram())[:12] + arp))
        gate.settle()
        s.setblocking(False)
        with pytest.raises(BlockingIOError):
            s.recv(100)


def test_out(gate):
    """Who can put tags on: a packet socket here."""
    before = gate.host.counters().get('vlan_stack', 0)
    with Tap(gate.ns, NIC) as own:
        gate.tap.drain()
        for kinds in STACKS:
            with pytest.raises(OSError, match='No buffer space'):
                own.send(Raw(macs(gate.wire_ns, 'wire0', gate.mac) + tagged(kinds, datagram(HOST, PEER))))
        own.send(Raw(macs(gate.wire_ns, 'wire0', gate.mac) + b'\x88\xb5last'))
        gone = list(itertools.takewhile(lambda f: f[12:14] != b'\x88\xb5', gate.tap.frames(5)))
    assert [f.hex() for f in gone if f[12:14] in (Q, AD)] == []
    assert gate.host.counters()['vlan_stack'] - before == len(STACKS)


@pytest.mark.parametrize('head', OTHERS.values(), ids=OTHERS.keys())
def test_other_types_out(gate, head):
    """Nobody but a packet socket of root's sends them on this NIC, and that gets by: docs/security.md says so."""
    frame = macs(gate.wire_ns, 'wire0', gate.mac) + head + raw(datagram(HOST, PEER))
    with Tap(gate.ns, NIC) as own:
        gate.tap.drain()
        own.send(Raw(frame))
        gate.tap.find(lambda seen: seen[:len(frame)] == frame, 'what the socket has sent')


def test_two_tags_are_protected(gate):
    """All that the kernel would take off is looked behind."""
    head = macs(gate.ns, NIC, gate.peer_mac)
    stacks = [kinds for n in (1, 2) for kinds in itertools.product((Q, AD), repeat=n)]
    with gate.drops(watch_nic=gate.mode == 'native', cleartext_protected=len(stacks)):
        for kinds in stacks:
            gate.tap.send(Raw(head + tagged(kinds, datagram())))


# ---- what the kernel makes of it where there is no gate ----

@pytest.fixture(scope='module')
def bare():
    """A host without a gate, and who speaks to it: (its namespace, a tap on its cable)."""
    with Netns('th') as host, Netns('tw') as wire:
        veth(host, NIC, wire, 'wire0')
        host.ip('addr', 'add', f'{HOST}/24', 'dev', NIC)
        with Tap(wire, 'wire0') as tap:
            yield host, tap


def heard(bare, frames):
    """What a socket has got of these frames when a plain datagram that was sent after them has come."""
    host, tap = bare
    got = []
    with udp_socket(host, HOST, PORT) as s:
        for frame in [*frames, IPV4 + raw(datagram(data=b'last'))]:
            tap.send(Raw(macs(host, NIC, '02:00:00:00:00:99') + frame))
        while b'last' not in got:
            got.append(s.recv(1500))
    return got[:-1]


def test_the_kernel_takes_all_tags_off(bare):
    """Or there would be nothing to drop."""
    frames = [tagged(kinds, datagram(data=b''.join(kinds))) for kinds in STACKS]
    assert heard(bare, frames) == [b''.join(kinds) for kinds in STACKS]


@pytest.mark.parametrize('head', OTHERS.values(), ids=OTHERS.keys())
def test_other_types_get_to_no_socket(bare, head):
    """Some have interfaces of their own (macsec0, ppp0), if somebody makes them: not this NIC."""
    assert heard(bare, [head + raw(datagram())]) == []
