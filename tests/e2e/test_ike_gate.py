# SPDX-License-Identifier: BSD-2-Clause
"""Around a connection: what goes by in clear for being IKE, and what is protected at addresses that it does not name."""
import os
import signal
import socket
from contextlib import contextmanager

import pytest
from scapy.layers.inet import ICMP, IP, UDP
from scapy.layers.l2 import Ether
from scapy.packet import Raw, raw

from lib.beds.ike import is_up, order, wait_up
from lib.beds.pair import A, B, NIC
from lib.host import dropped, section
from lib.netns import run
from lib.traffic import send_ip, udp_socket
from lib.wait import until
from lib.wire import Tap, ip_of

A2, STRANGER, GROUP = '192.0.2.11', '192.0.2.77', '239.1.2.3'
MARK = b'in clear, and not IKE'
FRAG_NEEDED = dict(type=3, code=4, nexthopmtu=600)
NOBODY = ('setpriv', '--reuid=65534', '--regid=65534', '--clear-groups', '--bounding-set=-all', '/usr/bin/python3', '-c')
SEND = '''
import socket, sys
src, sport, dst, dport, data = sys.argv[1:]
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind((src, int(sport)))
try:
    s.sendto(data.encode(), (dst, int(dport)))
except OSError:
    pass
'''


@pytest.fixture
def pair(ike_pair):
    """A has a second address, of which nobody's file speaks."""
    ike_pair.a.netns.ip('addr', 'add', f'{A2}/24', 'dev', NIC)
    ike_pair.psk(start='initiate')
    ike_pair.start()
    wait_up(*ike_pair.hosts)
    return ike_pair


@pytest.fixture
def cable(pair):
    """What gets to B."""
    with Tap(pair.wire, 'port1', outgoing=True) as tap:
        yield tap


def test_errors_about_ike(ike_pair):
    """Whoever knows the two addresses can make them up, and the kernel would take the MTU for all that goes to the peer."""
    pair, netns = ike_pair, ike_pair.a.netns
    pair.psk(start='initiate', protect='tcp')
    pair.start()
    wait_up(*pair.hosts)
    before = pair.a.counters().get('icmp_ignored', 0)
    with udp_socket(netns, A) as s, pair.attacker(pair.a) as attacker:
        s.connect((B, 7777))

        def say(ports, src, **icmp):
            quoted = IP(src=A, dst=B, flags='DF') / UDP(sport=ports[0], dport=ports[1])
            attacker.send(Ether(dst=attacker.mac) / IP(src=src, dst=A) / ICMP(**icmp) / Raw(raw(quoted)))

        about_ike = [((500, 500), icmp) for icmp in (FRAG_NEEDED, dict(type=3, code=3), dict(type=5, code=1, gw=STRANGER))]
        about_ike += [((4500, 4500), FRAG_NEEDED), ((500, 40000), FRAG_NEEDED)]
        for src in STRANGER, '198.51.100.1', B:
            for ports, icmp in about_ike:
                say(ports, src, **icmp)
        until(lambda: pair.a.counters().get('icmp_ignored', 0) == before + 3 * len(about_ike), 'they are dropped')
        assert netns.route_mtu(B) is None
        # UDP is in clear here: a word on that is the kernel's to believe.
        say(s.getsockname()[1:] + (7777,), STRANGER, **FRAG_NEEDED)
        until(lambda: netns.route_mtu(B), 'a lower MTU')


def nobody_sends(netns, src, sport, dst, dport=500):
    run(*netns.argv(*NOBODY, SEND, src, sport, dst, dport, MARK.decode()))


def nothing_in_clear(pair, cable):
    """What a sent up to now has passed, if it did: something went after it that nobody minds."""
    pair.a.netns.ip('neigh', 'replace', '192.0.2.250', 'lladdr', '02:00:00:00:00:fa', 'dev', NIC)
    with udp_socket(pair.a.netns) as s:
        s.sendto(b'the last', ('192.0.2.250', 9))
    seen = []
    cable.find(lambda f: seen.append(f) or b'the last' in f, 'what went last')
    assert [f for f in seen if MARK in f and not ip_of(f, src=B)] == []


def moved(host, before, reason):
    return host.counters().get(reason, 0) - before.get(reason, 0)


# ---- what is IKE ----

@contextmanager
def without_ike(host):
    """It is killed, and nobody starts it again meanwhile."""
    ike = host.status()['ike']['pid']
    host.daemon.send_signal(signal.SIGSTOP)
    try:
        os.kill(ike, signal.SIGKILL)
        until(lambda: not os.path.exists(f'/proc/{ike}') or 'Z' in open(f'/proc/{ike}/stat').read().split()[2], 'gone')
        yield
    finally:
        host.daemon.send_signal(signal.SIGCONT)


def test_ports_of_a_daemon_that_is_gone(pair, cable):
    """Whoever takes them is not the daemon: what he sends is the connection's to protect, and is sealed."""
    with without_ike(pair.a):
        nobody_sends(pair.a.netns, A, 4500, B, 4500)
        nothing_in_clear(pair, cable)


@pytest.mark.parametrize('port', [500, 4500])
def test_who_listens_in_place_of_a_daemon_that_is_gone(pair, port):
    """He hears nothing in clear, though it came from the peer's address."""
    with without_ike(pair.a), udp_socket(pair.a.netns, '0.0.0.0', port) as foreign, pair.attacker(pair.a) as attacker:
        attacker.send(Ether(dst=attacker.mac) / IP(src=B, dst=A) / UDP(sport=port, dport=port) / Raw(MARK))
        attacker.send(Ether(dst=attacker.mac) / IP(src=STRANGER, dst=A) / UDP(sport=port, dport=port) / Raw(b'the last'))
        assert foreign.recv(2048) == b'the last'


def test_root_is_not_the_daemon(pair, cable):
    """Nor is a socket of anybody's that writes headers itself."""
    order(pair.a, 'terminate', 'core')
    before = pair.a.counters()
    for port in (500, 4500):
        send_ip(pair.a.netns, IP(src=A2, dst=B) / UDP(sport=port, dport=port) / Raw(MARK))
        send_ip(pair.a.netns, IP(src=A, dst=B) / UDP(sport=port, dport=port) / Raw(MARK))
    nothing_in_clear(pair, cable)
    assert moved(pair.a, before, 'no_sa') >= 2


def test_what_is_forwarded_is_not_ike(pair, cable):
    """Where a policy protects what is forwarded, too, which a connection does not."""
    pair.a.policy_add(f'{B}/32')
    pair.a.netns.sysctl('net.ipv4.ip_forward', 1)
    for dev in ('all', NIC):
        pair.a.netns.sysctl(f'net.ipv4.conf.{dev}.send_redirects', 0)
    before = pair.a.counters()
    with pair.attacker(pair.a) as attacker:
        for port in (500, 4500):
            attacker.send(Ether(dst=attacker.mac) / IP(src=STRANGER, dst=B) / UDP(sport=port, dport=port) / Raw(MARK))
    until(lambda: moved(pair.a, before, 'no_sa') == 2, 'both refused')
    nothing_in_clear(pair, cable)


def test_who_may_speak_to_the_daemon(pair):
    """The peer, to its ports and the connection's address."""
    def clear(dst, dport):
        return Ether(dst=attacker.mac) / IP(src=B, dst=dst) / UDP(sport=500, dport=dport) / Raw(MARK)

    before = pair.a.counters()
    with pair.attacker(pair.a) as attacker:
        attacker.send(clear(A2, 500))
        attacker.send(clear(A2, 4500))
        attacker.send(clear(A, 501))
        until(lambda: moved(pair.a, before, 'cleartext_protected') == 3, 'all three refused')
        before = pair.a.counters()
        attacker.send(clear(A, 4500))
        until(lambda: moved(pair.a, before, 'ike') >= 1, 'taken for IKE')
    assert not dropped(before, pair.a.counters())


def test_all_but_one_thing_is_discarded(native):
    """The connection comes up nevertheless: IKE between its two ends is not what the policy is about."""
    native.psk(start='initiate', protect='tcp/179')
    for host in native.hosts:
        with open(host.config, 'a') as config:
            config.write(section('policy rest', {'dst': '0.0.0.0/0', 'action': 'discard'}))
    native.start()
    for host in native.hosts:
        until(lambda: any(c['state'] == 'up' for c in host.status()['connections'][0]['children']), 'up', timeout=20)
    before = native.a.counters()
    native.a.netns.ip('neigh', 'replace', STRANGER, 'lladdr', '02:00:00:00:00:fa', 'dev', NIC)
    send_ip(native.a.netns, IP(src=A, dst=STRANGER) / UDP(sport=500, dport=500) / Raw(MARK))
    until(lambda: moved(native.a, before, 'discard') >= 1, 'discarded')


# ---- the peer at other addresses ----

def udp_to(addr, port, src, data=MARK):
    return IP(src=src, dst=addr) / UDP(sport=7, dport=port) / Raw(data)


def test_other_addresses_are_covered(pair, cable):
    """Local selects the SA, not what may be in clear."""
    before = pair.a.counters()
    with udp_socket(pair.a.netns, A2, 4001) as s, pair.attacker(pair.a) as attacker:
        s.sendto(MARK, (B, 4001))
        attacker.send(Ether(dst=attacker.mac) / udp_to(A2, 4001, B))
        until(lambda: moved(pair.a, before, 'cleartext_protected') == 1, 'refused')
        assert moved(pair.a, before, 'no_sa') == 1
        nothing_in_clear(pair, cable)
        assert is_up(pair.a)
        # A policy says otherwise, of that address.
        pair.a.policy_add(B, 'src', A2, action='bypass')
        s.sendto(MARK, (B, 4001))
        cable.find(lambda f: MARK in f and ip_of(f, 17, A2), 'it in clear')
        attacker.send(Ether(dst=attacker.mac) / udp_to(A2, 4001, B))
        assert s.recv(100) == MARK
    with udp_socket(pair.a.netns, A) as s:
        s.sendto(MARK, (B, 4001))
    nothing_in_clear(pair, cable)


def test_a_policy_for_more_opens_nothing(pair, cable):
    """One for a shorter prefix than the connection's."""
    pair.a.policy_add('192.0.2.0/24', action='bypass')
    before = pair.a.counters()
    with udp_socket(pair.a.netns, A2) as s:
        s.sendto(MARK, (B, 4001))
    assert moved(pair.a, before, 'no_sa') == 1
    nothing_in_clear(pair, cable)


@pytest.mark.parametrize('dst', [GROUP, '255.255.255.255', '192.0.2.255'])
def test_groups_of_the_peer(pair, dst):
    """gre = no: what has its address and comes in clear for all is not taken, unless a policy for the group lets it by."""
    netns = pair.a.netns
    with udp_socket(netns, port=4001) as s, pair.attacker(pair.a) as attacker:
        with netns.entered():
            s.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, socket.inet_aton(GROUP) + socket.inet_aton(A))
        before = pair.a.counters()
        for to in (attacker.mac, 'ff:ff:ff:ff:ff:ff', '01:00:5e:01:02:03'):
            attacker.send(Ether(dst=to) / udp_to(dst, 4001, B))
        attacker.send(Ether(dst='ff:ff:ff:ff:ff:ff') / udp_to(dst, 4001, STRANGER, b'of others'))
        assert s.recv(100) == b'of others'
        assert dropped(before, pair.a.counters()) == {'cleartext_protected': 3}
        if dst != '192.0.2.255':  # which address is a subnet's broadcast is known with gre = yes alone
            pair.a.policy_add(dst, action='bypass')
        else:
            pair.a.policy_add(B, 'src', dst, action='bypass')
        attacker.send(Ether(dst='ff:ff:ff:ff:ff:ff') / udp_to(dst, 4001, B))
        assert s.recv(100) == MARK
