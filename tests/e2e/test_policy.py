# SPDX-License-Identifier: BSD-2-Clause
"""What a policy lets by, protects and discards, in both directions."""
import json
import os
import signal

import pytest
from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.packet import Raw

from lib.beds.bed import HOST, HOST2, PEER
from lib.host import dropped
from lib.traffic import ping, tcp_bulk, udp_socket
from lib.wait import until
from lib.wire import esp_of, ip_of

IKE_PORTS = [500, 4500]


def send_udp(bed, dport, sport=0, src=HOST, dst=PEER):
    with udp_socket(bed.ns, src, sport) as s:
        s.sendto(b'policy', (dst, dport))


def next_in_clear(bed, proto=17):
    return bed.tap.find(lambda f: ip_of(f, proto), 'a packet in clear')


def arrives(bed, packet, dport):
    with udp_socket(bed.ns, '0.0.0.0', dport) as s:
        bed.send(packet)
        return s.recv(100)


def from_peer(dport, sport=4000, dst=HOST):
    return IP(src=PEER, dst=dst) / UDP(sport=sport, dport=dport) / Raw(b'policy')


def refused(bed, **reasons):
    return bed.drops(watch_nic=bed.mode == 'native', **reasons)


def test_none(bed):
    """Without a policy the host is as it was."""
    send_udp(bed, 4001)
    assert next_in_clear(bed)[UDP].dport == 4001
    assert arrives(bed, from_peer(4001), 4001) == b'policy'


def test_bypass(bed):
    _, out = bed.protected()
    bed.host.policy_add(PEER, 'proto', 'udp', 'dport', 53, action='bypass')
    before = bed.host.counters().get('bypass', 0)
    send_udp(bed, 53)
    assert next_in_clear(bed)[UDP].dport == 53
    assert arrives(bed, from_peer(4001, sport=53), 4001) == b'policy'
    assert bed.host.counters()['bypass'] - before == 2
    send_udp(bed, 54)
    assert bed.next_opened(out)[0][UDP].dport == 54


def test_discard(bed):
    bed.host.policy_add(PEER, 'proto', 'udp', action='discard')
    with refused(bed, discard=2):
        send_udp(bed, 4001)
        bed.send(from_peer(4001))
    bed.send(IP(src=PEER, dst=HOST) / ICMP())
    assert next_in_clear(bed, 1)[ICMP].type == 0


def test_protect_without_sa(bed):
    """Closed in both directions until there is an SA."""
    bed.host.policy_add(PEER)
    with refused(bed, no_sa=2, cleartext_protected=1):
        send_udp(bed, 4001)
        send_udp(bed, 4002)
        bed.send(from_peer(4001))
    out = bed.outbound()
    send_udp(bed, 4003)
    assert bed.next_opened(out)[0][UDP].dport == 4003


def test_ports(bed):
    """Just BGP: whoever has port 179 of it, and nothing else."""
    out = bed.outbound()
    bed.host.policy_add(PEER, 'proto', 'udp', 'dport', 179)
    bed.host.policy_add(PEER, 'proto', 'udp', 'sport', 179)
    send_udp(bed, 179)
    assert bed.next_opened(out)[0][UDP].dport == 179
    send_udp(bed, 5000, sport=179)
    assert bed.next_opened(out)[0][UDP].sport == 179
    send_udp(bed, 180)
    assert next_in_clear(bed)[UDP].dport == 180
    assert arrives(bed, from_peer(4001), 4001) == b'policy'
    with refused(bed, cleartext_protected=2):
        bed.send(from_peer(4001, sport=179))
        bed.send(from_peer(179))
    with refused(bed):
        bed.tap.drain()


def test_other_protocol_of_the_same_port(bed):
    bed.outbound()
    bed.host.policy_add(PEER, 'proto', 'tcp', 'dport', 179)
    send_udp(bed, 179)
    assert next_in_clear(bed)[UDP].dport == 179
    with refused(bed, cleartext_protected=1):
        bed.send(IP(src=PEER, dst=HOST) / TCP(sport=179, dport=1024, flags='S'))


@pytest.mark.parametrize('port', IKE_PORTS)
@pytest.mark.parametrize('action, reasons', [('protect', {'no_sa': 1, 'cleartext_protected': 1}), ('discard', {'discard': 2})],
                         ids=['protect', 'discard'])
def test_without_a_connection_nothing_is_ike(bed, port, action, reasons):
    """UDP as any other, though it has the ports of IKE. What IKE itself may is in test_ike_gate.py."""
    bed.host.policy_add(PEER, action=action)
    with refused(bed, **reasons):
        send_udp(bed, port, sport=port)
        bed.send(from_peer(port, sport=port))


# ---- what comes out of an SA (RFC 4301 section 5.2) ----

def test_sealed_without_a_policy(bed):
    """An SA needs none."""
    sa = bed.inbound()
    with udp_socket(bed.ns, HOST, 4001) as s:
        bed.send_sealed(sa, from_peer(4001))
        assert s.recv(100) == b'policy'


@pytest.mark.parametrize('action', ['bypass', 'discard'])
def test_sealed_against_a_policy(bed, action):
    """The SA is for everything, the policies are not; the peer has the key, and is held to them."""
    sa, _ = bed.protected()
    bed.host.policy_add(PEER, 'proto', 'udp', 'dport', 4000, action=action)
    with bed.drops(policy_mismatch=2):
        bed.send_sealed(sa, from_peer(4001))
        bed.send_sealed(sa, from_peer(500, sport=4000))
    with udp_socket(bed.ns, HOST, 4001) as s:
        bed.send_sealed(sa, from_peer(4001, sport=4002))
        assert s.recv(100) == b'policy'


@pytest.mark.parametrize('vlan', [None, 0])
def test_sealed_in_many_segments(bed, vlan):
    """Coalesced or not, with a tag or without."""
    sa, _ = bed.protected()
    bed.host.policy_add(PEER, 'proto', 'udp', action='discard')
    before = bed.host.counters()
    for _ in range(50):
        bed.send_sealed(sa, from_peer(4001), vlan=vlan)
    bed.host.cmd('policy', 'del', 'dst', PEER, 'proto', 'udp')
    bed.host.policy_add(PEER, 'proto', 'tcp', action='discard')
    bed.settle()
    assert set(dropped(before, bed.host.counters())) == {'policy_mismatch'}


def test_longest_prefix_decides(bed):
    """A mesh is protected, one host in it is not."""
    bed.host.policy_add('192.0.2.0/24')
    bed.host.policy_add(f'{PEER}/32', action='bypass')
    send_udp(bed, 4001)
    assert next_in_clear(bed)[IP].dst == PEER
    bed.neighbour('192.0.2.55')
    with refused(bed, no_sa=1):
        send_udp(bed, 4001, dst='192.0.2.55')


def test_source_address(bed):
    """A policy of one local address leaves the others alone."""
    bed.host.policy_add(PEER, 'src', HOST)
    send_udp(bed, 4001, src=HOST2)
    assert next_in_clear(bed)[IP].src == HOST2
    assert arrives(bed, from_peer(4001, dst=HOST2), 4001) == b'policy'
    with refused(bed, no_sa=1, cleartext_protected=1):
        send_udp(bed, 4001)
        bed.send(from_peer(4001))


def test_priority(bed):
    """Among equally specific rules the lower number goes first, whenever it was added."""
    bed.host.policy_add(PEER, 'proto', 'udp', 'dport', 4001, 'prio', 20)
    bed.host.policy_add(PEER, 'proto', 'udp', 'sport', 4000, 'prio', 10, action='bypass')
    send_udp(bed, 4001, sport=4000)
    assert next_in_clear(bed)[UDP].sport == 4000
    with refused(bed, no_sa=1):
        send_udp(bed, 4001, sport=4002)


def test_sa_with_a_selector_carries_only_that(bed):
    """RFC 4301 section 5.1: what the SA's selector leaves out needs another SA, or is dropped."""
    out = bed.outbound('sel', 'udp/4001')
    bed.host.policy_add(PEER, 'proto', 'udp', 'dport', 4001)
    bed.host.policy_add(PEER)
    send_udp(bed, 4001)
    assert bed.next_opened(out)[0][UDP].dport == 4001
    with refused(bed, no_sa=1):
        send_udp(bed, 4002)


def test_narrow_sa_before_the_wide_one(bed):
    wide, narrow = bed.outbound(), bed.outbound('sel', 'udp/4001')
    bed.host.policy_add(PEER, 'proto', 'udp', 'dport', 4001)
    bed.host.policy_add(PEER)
    for port, sa in ((4001, narrow), (4002, wide)):
        send_udp(bed, port)
        sealed = bed.tap.find(esp_of, 'ESP')
        assert bed.open(sa, sealed)[0][UDP].dport == port


def test_list_and_delete(bed):
    bed.host.policy_add(PEER, 'proto', 'udp', 'dport', 4001)
    listed = json.loads(bed.host.cmd('-j', 'policy', 'list').stdout)
    assert PEER in json.dumps(listed) and '4001' in json.dumps(listed)
    assert PEER in bed.host.cmd('policy', 'list').stdout
    bed.host.cmd('policy', 'del', 'dst', PEER, 'proto', 'udp', 'dport', 4001)
    assert PEER not in bed.host.cmd('policy', 'list').stdout
    send_udp(bed, 4001)
    assert next_in_clear(bed)[UDP].dport == 4001


def test_port_range(bed):
    """Both ends of the range are in it, at the remote end alone."""
    out = bed.outbound()
    bed.host.policy_add(PEER, 'proto', 'udp', 'dport', '8000-8080')
    for port in (8000, 8080):
        send_udp(bed, port, sport=7000)
        assert bed.next_opened(out)[0][UDP].dport == port
    for sport, dport in ((7000, 7999), (7000, 8081), (8000, 7000)):
        send_udp(bed, dport, sport=sport)
        assert next_in_clear(bed)[UDP].dport == dport
    with refused(bed, cleartext_protected=1):
        bed.send(from_peer(4001, sport=8040))
    assert arrives(bed, from_peer(8040, sport=4001), 8040) == b'policy'


def test_icmp_type(bed):
    """Echo requests are protected, and what answers them is not."""
    out = bed.outbound('sel', 'icmp/8')
    inbound = bed.inbound('sel', 'icmp/echo-request')
    bed.host.policy_add(PEER, 'proto', 'icmp/echo-request')
    bed.send_sealed(inbound, IP(src=PEER, dst=HOST) / ICMP(type=8, id=1, seq=2))
    assert next_in_clear(bed, 1)[ICMP].seq == 2
    with refused(bed, cleartext_protected=1):
        bed.send(IP(src=PEER, dst=HOST) / ICMP(type=8))
    with refused(bed, selector_mismatch=1):
        bed.send_sealed(inbound, IP(src=PEER, dst=HOST) / ICMP(type=0))
    ping(bed.ns, PEER, deadline=0.1)
    assert bed.next_opened(out)[0][ICMP].type == 8
    listed = json.loads(bed.host.cmd('-j', 'policy', 'list').stdout)
    assert [(p['proto'], p['sport'], p['dport']) for p in listed] == [('icmp/echo-request', 'any', 'any')]


def test_sa_for_a_range_at_either_end(bed):
    out, inbound = bed.outbound('sel', 'udp/4001-4003'), bed.inbound('sel', 'udp/4001-4003')
    for word in ('sport', 'dport'):
        bed.host.policy_add(PEER, 'proto', 'udp', word, '4001-4003')
    for ports in ((4002, 9000), (9000, 4003)):
        send_udp(bed, ports[1], sport=ports[0])
        assert bed.next_opened(out)[0][UDP].dport == ports[1]
        bed.send_sealed(inbound, from_peer(ports[0], sport=ports[1]))
    with refused(bed, selector_mismatch=1):
        bed.send_sealed(inbound, from_peer(4000, sport=4004))
    bed.host.cmd('sa', 'del', 'spi', f'{out.spi:#x}', 'dst', PEER)
    with refused(bed, no_sa=2):
        send_udp(bed, 4001, sport=9000)
        send_udp(bed, 9000, sport=4001)


def test_local_address_picks_the_sa(bed):
    """Sockets bound to one address of the host or the other leave by its SA."""
    sas = {src: bed.outbound(src=src) for src in (HOST, HOST2)}
    bed.host.policy_add(PEER)
    for src in (HOST, HOST2, HOST):
        send_udp(bed, 4001, src=src)
        sealed = bed.tap.find(esp_of, 'ESP')
        inner, _ = bed.open(sas[src], sealed)
        assert (inner.src, inner[UDP].dport) == (src, 4001)


def test_all_but_ssh_from_the_bastion(bed):
    """A network is protected, and one host in it may be spoken to in clear about one thing."""
    bed.host.policy_add('192.0.2.0/24')
    bed.host.policy_add(PEER, 'proto', 'tcp', 'sport', 22, action='bypass')
    bed.send(IP(src=PEER, dst=HOST) / TCP(sport=40000, dport=22, flags='S', seq=1))
    assert next_in_clear(bed, 6)[TCP].flags == 'RA'
    with refused(bed, cleartext_protected=2):
        bed.send(IP(src=PEER, dst=HOST) / TCP(sport=40000, dport=23, flags='S'))
        bed.send(IP(src='192.0.2.77', dst=HOST) / TCP(sport=40000, dport=22, flags='S'))


def test_replace(bed):
    """Another action for the same selector is one change: there is no moment without any."""
    bed.host.policy_add(PEER, 'prio', 4, action='discard')
    assert bed.host.policy_add(PEER, check=False).returncode == 1
    bed.host.cmd('policy', 'replace', 'dst', PEER, 'action', 'bypass', 'prio', 5)
    listed = json.loads(bed.host.cmd('-j', 'policy', 'list').stdout)
    assert [(p['action'], p['prio']) for p in listed] == [('bypass', 5)]
    send_udp(bed, 4001)
    assert next_in_clear(bed)[UDP].dport == 4001


def lines(host, *, comments):
    return [line for line in host.cmd('policy', 'list').stdout.splitlines() if line.startswith('#') == comments]


def commands(host):
    """What a shell would not take for a comment: of each the words behind `policy add`."""
    begin = f'xdp-ipsec --instance {host.instance} policy add '
    listed = lines(host, comments=False)
    assert all(line.startswith(begin) for line in listed), listed
    return [line.removeprefix(begin) for line in listed]


def makers(host):
    """Who has made each of them; in each comment."""
    return [line.split(':')[0] for line in lines(host, comments=True)]


def test_list_in_order_of_precedence(bed):
    """As they act, and each line is what makes the same again."""
    words = [[PEER + '/32', 'src', HOST, 'proto', 'tcp', 'dport', '179'], [PEER + '/32', 'proto', 'icmp/echo-request'],
             [PEER + '/32', 'proto', 'udp', 'sport', '5000-5010', 'prio', '7'], [PEER + '/32'], ['192.0.2.0/24'], ['10.0.0.0/8']]
    for dst, *rest in reversed(words):
        bed.host.policy_add(dst, *rest)
    listed = commands(bed.host)
    assert listed == [' '.join(['dst', *w, 'action', 'protect']) for w in words]
    bed.host.cmd('policy', 'flush')
    for line in listed:
        bed.host.cmd('policy', 'add', *line.split())
    assert commands(bed.host) == listed


@pytest.mark.parametrize('columns', [40, 80])
def test_list_can_be_pasted(bed, columns):
    """Into the shell as it stands on the screen, comments and broken lines and all."""
    for words in ([PEER, 'src', HOST, 'proto', 'icmp/destination-unreachable', 'prio', 4000000000], ['10.0.0.0/8']):
        bed.host.policy_add(*words)
    listed = bed.host.cmd('policy', 'list', env={**os.environ, 'COLUMNS': str(columns)}).stdout
    assert all(len(line) <= columns for line in listed.splitlines()), listed
    bed.host.cmd('policy', 'flush')
    bed.ns.run('sh', '-ec', listed, env={**os.environ, 'PATH': f'{bed.host.command.parent}:{os.environ["PATH"]}'})
    assert bed.host.cmd('policy', 'list', env={**os.environ, 'COLUMNS': str(columns)}).stdout == listed


@pytest.mark.parametrize('verb', ['add', 'replace'])
def test_source_of_another_host(bed, verb):
    done = bed.host.cmd('policy', verb, 'dst', PEER, 'src', PEER, 'action', 'protect', check=False)
    assert done.returncode == 1 and f'src {PEER}: not an address of this host' in done.stderr
    assert f"did you mean '{HOST}'?" in done.stderr     # that one is nearest
    done = bed.host.cmd('policy', verb, 'dst', PEER, 'src', '10.77.66.55', 'action', 'protect', check=False)
    assert done.returncode == 1 and "'ip address' lists them" in done.stderr
    assert bed.host.cmd('policy', 'list').stdout == ''


def test_names_of_policies(native):
    """Those of the file have the names of their sections, as long as there is a daemon to ask."""
    native.psk(protect='tcp/179')
    native.a.config.write_text(native.a.config.read_text() + '[policy net]\ndst = 192.0.0.0/16\naction = discard\n')
    native.a.start()
    assert makers(native.a) == ['# connection core', '# connection core', '# policy net']
    assert commands(native.a) == [f'dst {PEER}/32 src {HOST} proto tcp dport 179 action protect',
                                  f'dst {PEER}/32 src {HOST} proto tcp sport 179 action protect', 'dst 192.0.0.0/16 action discard']
    listed = json.loads(native.a.cmd('-j', 'policy', 'list').stdout)
    assert [p['name'] for p in listed] == ['core', 'core', 'net']
    native.a.stop()
    assert makers(native.a)[0] == '# a connection'


def hits(host):
    """Packets that each policy has decided on, out and in."""
    listed = json.loads(host.cmd('-j', 'policy', 'list').stdout)
    return [(p['out']['packets'], p['in']['packets']) for p in listed]


def test_hits(bed):
    """By the policy that decides, whatever it decides; kept while others come and go, and from 0 for another action."""
    sa, _ = bed.protected()
    bed.host.policy_add(PEER, 'proto', 'udp', 'dport', 4001, action='discard')
    assert hits(bed.host) == [(0, 0), (0, 0)] and '# by hand: out 0; in 0' in lines(bed.host, comments=True)
    for port in (4001, 4001, 4002):
        send_udp(bed, port)
    with udp_socket(bed.ns, HOST, 4003) as s:
        bed.send_sealed(sa, from_peer(4003))
        assert s.recv(100) == b'policy'
    until(lambda: hits(bed.host) == [(2, 0), (1, 1)], 'all are counted')
    assert '# by hand: out 2 packets, 68 B; in 0' in lines(bed.host, comments=True)
    bed.host.policy_add('10.0.0.0/8')
    bed.host.cmd('policy', 'replace', 'dst', PEER, 'prio', 7, 'action', 'protect')
    assert hits(bed.host) == [(2, 0), (1, 1), (0, 0)]
    bed.host.cmd('policy', 'replace', 'dst', PEER, 'action', 'discard')
    bed.host.cmd('policy', 'del', 'dst', '10.0.0.0/8')
    assert hits(bed.host) == [(2, 0), (0, 0)]


def test_hits_of_a_stream(pair):
    """Super-packets count as what is sealed and opened of them: policies and SAs agree, at both ends."""
    tcp_bulk(pair.a.netns, pair.b.netns, PEER, 4 << 20)
    for host in pair.hosts:
        def agree():
            sas = {sa['direction']: sa for sa in host.status()['sas']}
            out, inbound = sas['out'], sas['in']
            return hits(host) == [(out['packets'] + sum(out['drops'].values()), inbound['packets'])] and out['packets'] > 10
        until(agree, f'{host.instance}: they are the same')


def test_hits_outlast_a_reload_and_a_restart(native):
    """What leaves is this test's own."""
    native.psk(start='respond')
    native.a.start()
    with udp_socket(native.a.netns, HOST) as s:
        s.sendto(b'policy', (PEER, 4001))
    assert [out for out, _ in hits(native.a)] == [1]
    native.a.config.write_text(native.a.config.read_text() + '[policy net]\ndst = 192.0.0.0/16\naction = discard\n')
    native.a.daemon.send_signal(signal.SIGHUP)
    until(lambda: [out for out, _ in hits(native.a)] == [1, 0], 'the new one is there, and the old one as it was')
    native.a.stop()
    native.a.start()
    assert [out for out, _ in hits(native.a)] == [1, 0]
