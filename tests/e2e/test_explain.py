# SPDX-License-Identifier: BSD-2-Clause
"""`explain` against what really happens: each packet is asked about, then sent, and the wire and the counters looked at."""
import contextlib
import json
import signal

import pytest
from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.l2 import Ether
from scapy.packet import Raw

from lib.beds.bed import HOST, HOST2, NIC, PEER, Bed, new_sa
from lib.beds.ike import bring_up, is_up, order
from lib.beds.pair import A, B
from lib.host import PASSED, dropped
from lib.netns import veth
from lib.nftables import rules_in
from lib.traffic import Ears, ping, send_ip, udp_socket
from lib.wait import until
from lib.wire import esp_of, ip_of

CODES = {'protected': 0, 'dropped': 4, 'clear': 5}
ELSEWHERE = '198.51.100.7'


def explain(host, *words):
    done = host.cmd('-j', 'explain', *words, check=False)
    document = json.loads(done.stdout)
    assert done.returncode == CODES[document['verdict']], done
    return document


def said(path):
    """What a path ends in: its verdict, and the counter that tells of it."""
    return path['verdict'], path['reason']


def step(path, name):
    return next((s for s in path['steps'] if s['step'] == name), None)


# ---- by hand: packets and policies, all of one by all of the other ----

def policy(*words, dst=PEER, action='protect'):
    return dst, words, action


# Policies, and what the SA in each direction is for (None: there is none).
SETS = {
    'none': ([], ()),
    'all': ([policy()], ()),
    'all-without-sa': ([policy()], None),
    'bgp': ([policy('proto', 'tcp', 'dport', 179), policy('proto', 'tcp', 'sport', 179)], ('sel', 'tcp/179')),
    'exceptions': ([policy(), policy('proto', 'udp', 'dport', 53, action='bypass'),
                    policy('proto', 'udp', 'sport', 53, action='bypass'),
                    policy('proto', 'icmp/echo-reply', action='discard')], ()),
    'prefixes': ([policy(dst='192.0.2.0/24', action='discard'), policy('proto', 'tcp', action='bypass'),
                  policy('proto', 'tcp', 'dport', 179)], ()),
    'one-address': ([policy('src', HOST)], ()),
    'narrow-sa': ([policy()], ('sel', 'udp')),
    'bypass-around': ([policy(dst='192.0.0.0/16', action='bypass'), policy('src', HOST, 'proto', 'gre')], ()),
    'esp-stays': ([policy('proto', 'udp'), policy('proto', 'gre', action='discard')], ()),
}

# What explain is asked, and the packet.
PACKETS = {
    'dns': (('udp', 53), lambda: UDP(sport=40000, dport=53)),
    'dns-answer': (('udp', 40001, 'sport', 53), lambda: UDP(sport=53, dport=40001)),
    'bgp': (('tcp', 179), lambda: TCP(sport=40000, dport=179, flags='R')),
    'bgp-answer': (('tcp', 40001, 'sport', 179), lambda: TCP(sport=179, dport=40001, flags='R')),
    'web': (('tcp', 80), lambda: TCP(sport=40000, dport=80, flags='R')),
    'echo-reply': (('icmp', 'echo-reply'), lambda: ICMP(type=0)),
    'gre': (('gre',), lambda: Raw(bytes(20))),
    'ike-ports': (('udp', 500), lambda: UDP(sport=500, dport=500)),
}


def packet_of(name, src, dst):
    words, layer = PACKETS[name]
    return words, IP(src=src, dst=dst, proto={'gre': 47}.get(name, 0) or layer().overload_fields[IP]['proto']) / layer() / Raw(
        b'explained')


def drop_of(bed, before):
    """The one reason for which something was dropped since; None."""
    reasons = dropped(before, bed.host.counters())
    assert len(reasons) <= 1 and all(n == 1 for n in reasons.values()), reasons
    return next(iter(reasons), None)


def passed_as(bed, before):
    """The counter of what went by, which explain names; those of the worker say no more than that it was there."""
    after = bed.host.counters()
    names = [r for r in PASSED & {'bypass', 'ike', 'esp_passed'} if after.get(r, 0) != before.get(r, 0)]
    return names[0] if names else None


def really_out(bed, packet):
    before = bed.host.counters()
    bed.tap.drain()
    send_ip(bed.ns, packet)
    frames = []

    def end():
        frames.extend(bed.tap.drain())
        if any(esp_of(f, src=packet.src) for f in frames):
            return 'protected', None
        if any(ip_of(f, packet.proto, packet.src) for f in frames):
            return 'clear', passed_as(bed, before)
        reason = drop_of(bed, before)
        return reason and ('dropped', reason)

    return until(end, f'{packet.summary()} leaves or is dropped')


def really_in(bed, ears, send, verdict):
    before = bed.host.counters()
    ears.packets()
    send()

    def end():
        if ears.packets():
            return verdict, passed_as(bed, before)
        reason = drop_of(bed, before)
        return reason and ('dropped', reason)

    return until(end, 'it comes in or is dropped')


@pytest.fixture(params=SETS)
def ruled(request, bed):
    """The bed with a set of policies: (bed, the inbound SA or None)."""
    policies, sel = SETS[request.param]
    sa = None
    if sel is not None:
        sa, _ = bed.inbound(*sel), bed.outbound(*sel)
    for dst, words, action in policies:
        bed.host.policy_add(dst, *words, action=action)
    with contextlib.ExitStack() as sockets:
        for port in (53, 500, 40001):   # so that nothing is answered
            sockets.enter_context(udp_socket(bed.ns, HOST, port))
        yield bed, sa


def test_out(ruled):
    bed, _ = ruled
    wrong = []
    for name in PACKETS:
        for src in (HOST, HOST2):
            words, packet = packet_of(name, src, PEER)
            told = said(explain(bed.host, src, PEER, *words)['paths'][0])
            if (seen := really_out(bed, packet)) != told:
                wrong.append((name, src, told, seen))
    assert not wrong


def test_in(ruled):
    bed, sa = ruled
    wrong = []
    with Ears(bed.ns, NIC, False) as ears:
        for name in PACKETS:
            words, packet = packet_of(name, PEER, HOST)
            clear, esp = explain(bed.host, PEER, HOST, *words)['paths']
            seen = really_in(bed, ears, lambda: bed.send(packet), 'clear')
            if seen != said(clear):
                wrong.append((name, 'clear', said(clear), seen))
            if sa:
                verdict, reason = said(esp)
                seen = really_in(bed, ears, lambda: bed.send_sealed(sa, packet), 'protected')
                if seen != (verdict, None if verdict == 'protected' else reason):
                    wrong.append((name, 'esp', said(esp), seen))
            else:
                stray = new_sa(PEER, HOST)
                told = said(explain(bed.host, PEER, HOST, *words, 'spi', stray.spi)['paths'][1])
                before = bed.host.counters()
                bed.send_sealed(stray, packet)
                if told[0] == 'dropped' and told[1] != 'esp_passed':
                    until(lambda: drop_of(bed, before) == told[1], f'{name}: {told}')
                else:
                    until(lambda: passed_as(bed, before) == told[1], f'{name}: {told}')
    assert not wrong


def test_steps(bed):
    """Each step tells what it should, for people and for scripts."""
    _, out = bed.protected()
    document = explain(bed.host, HOST, PEER, 'tcp', 179)
    path, = document['paths']
    assert (path['direction'], document['dport'], document['verdict']) == ('out', 179, 'protected')
    assert step(path, 'route')['dev'] == NIC
    assert step(path, 'gate')['state'] == 'closed'
    assert step(path, 'policy') | {'text': ''} == {
        'step': 'policy', 'text': '', 'policy': f'dst {PEER}/32 action protect', 'action': 'protect', 'owner': 'manual',
        'cover': False, 'hits': {'packets': 0, 'bytes': 0}}
    assert step(path, 'SA')['spi'] == out.spi
    assert 'runs' in step(path, 'worker')['text']
    text = bed.host.cmd('explain', HOST, PEER, 'tcp', 179).stdout
    assert f'{HOST} > {PEER}: tcp, port 40000 > 179' in text and f'{out.spi:#010x}' in text and 'leaves as ESP' in text


def test_asking_changes_nothing(bed):
    """No counter, no acquire, no sequence number."""
    _, out = bed.protected()
    before = bed.host.counters(), bed.host.sa_status(out.spi)['seq']
    for words in ((HOST, PEER), (HOST2, PEER, 'udp', 7), (PEER, HOST, 'gre')):
        explain(bed.host, *words)
    assert (bed.host.counters(), bed.host.sa_status(out.spi)['seq']) == before


def test_ways_that_are_none(bed):
    assert explain(bed.host, HOST, HOST2)['paths'][0]['text'].startswith('stays on this host')
    path = explain(bed.host, HOST, ELSEWHERE)['paths'][0]
    assert said(path) == ('dropped', None) and step(path, 'route')['text'].startswith('none')
    bed.ns.ip('route', 'add', 'blackhole', f'{ELSEWHERE}/32')
    try:
        assert 'a blackhole route drops it' in step(explain(bed.host, HOST, ELSEWHERE)['paths'][0], 'route')['text']
    finally:
        bed.ns.ip('route', 'del', 'blackhole', f'{ELSEWHERE}/32')


# ---- the firewall ----

@pytest.fixture
def nft(bed):
    with rules_in(bed.ns) as rules:
        yield rules


def test_firewall_of_what_leaves(bed, nft):
    """It comes first, and sees what is not ESP yet; without a table there is no step."""
    bed.protected()
    assert step(explain(bed.host, HOST, PEER, 'udp', 7)['paths'][0], 'firewall') is None
    nft('table ip f { chain o { type filter hook output priority 0; udp dport 7 drop; icmp type echo-request drop; }; }')
    path, = explain(bed.host, HOST, PEER, 'udp', 7)['paths']
    assert said(path) == ('dropped', None) and [s['step'] for s in path['steps']] == ['route', 'firewall']
    assert step(path, 'firewall')['text'] == 'chain o of table ip f drops it' and step(path, 'firewall')['fate'] == 'drops'
    with pytest.raises(PermissionError):
        send_ip(bed.ns, IP(src=HOST, dst=PEER) / UDP(sport=40000, dport=7))
    assert explain(bed.host, HOST, PEER)['verdict'] == 'dropped'
    path, = explain(bed.host, HOST, PEER, 'udp', 8)['paths']
    assert said(path) == ('protected', None) and step(path, 'firewall')['fate'] == 'passes'


def test_firewall_of_what_comes_in(bed, nft):
    """It sees what came out of ESP, with the mark; what belongs to a connection may be let by."""
    sa, _ = bed.protected()
    nft('table ip f { chain i { type filter hook input priority 0; policy drop; ct state established accept; meta mark 0x1be5 accept; }; }')
    clear, esp = explain(bed.host, PEER, HOST, 'udp', 40001)['paths']
    assert said(clear) == ('dropped', 'cleartext_protected') and said(esp) == ('protected', 'opened')
    assert step(esp, 'firewall')['fate'] == 'passes' and step(clear, 'firewall') is None
    nft('flush ruleset; table ip f { chain i { type filter hook input priority 0; policy drop; ct state established accept; }; }')
    esp = explain(bed.host, PEER, HOST, 'udp', 40001)['paths'][1]
    assert said(esp) == ('protected', 'opened')
    assert step(esp, 'firewall')['text'] == 'chain i of table ip f drops it if a connection begins with it'
    nft('flush ruleset; table ip f { chain p { type filter hook prerouting priority 0; meta mark 0x1be5 drop; }; }')
    esp = explain(bed.host, PEER, HOST, 'udp', 40001)['paths'][1]
    assert said(esp) == ('dropped', None)
    with udp_socket(bed.ns, HOST, 40001) as s:
        bed.send_sealed(sa, IP(src=PEER, dst=HOST) / UDP(sport=40000, dport=40001) / Raw(b'explained'))
        until(lambda: bed.host.counters().get('opened'), 'it is opened')
        s.settimeout(0.1)
        with pytest.raises(TimeoutError):
            s.recv(100)


# ---- groups ----

def test_broadcast(bed):
    """This host is one of those that it is for, and there is no ESP for all."""
    bed.host.policy_add(PEER)
    path, = explain(bed.host, PEER, '192.0.2.255', 'udp', 520)['paths']
    assert (path['direction'], path['as']) == ('in', 'clear') and said(path) == ('dropped', 'cleartext_protected')
    before = bed.host.counters()
    bed.tap.send(Ether(dst='ff:ff:ff:ff:ff:ff') / IP(src=PEER, dst='192.0.2.255') / UDP(sport=40000, dport=520))
    until(lambda: dropped(before, bed.host.counters()) == {'cleartext_protected': 1}, 'it is dropped')


def test_broadcast_in_gre(native):
    """What leaves for all is a packet to each peer."""
    native.psk(gre='yes')
    bring_up(native)
    path, = explain(native.a, A, '192.0.2.255', 'udp', 520)['paths']
    assert said(path) == ('protected', None) and path['text'] == 'leaves in GRE, a packet to each: 1 peer'


@pytest.mark.parametrize('words, wrong', [
    (['nobody', PEER], "'nobody'"), ([HOST, '::1'], "'::1'"), ([HOST, PEER, 'quic'], "'quic'"),
    ([HOST, PEER, 'gre', 4], 'gre has no ports'), ([HOST, PEER, 'tcp', 70000], "'70000'"),
    ([HOST, PEER, 'icmp', 'pong'], "'pong'"), ([HOST, PEER, 'icmp', 'sport', 7], 'icmp has no ports'),
    ([HOST, PEER, 'sport', 7], 'icmp has no ports'), ([HOST, PEER, 'tcp', 22, 'spi', 4096], 'does not come in as ESP'), ([HOST, PEER, 'dev', 'nic9'], "'nic9'"), ([HOST], 'DST is missing')])
def test_wrong_words(bed, words, wrong):
    done = bed.host.cmd('explain', *words, check=False)
    assert done.returncode == 2 and wrong in done.stderr and done.stderr.count('\n') == 1


# ---- without what it takes ----

def test_nobody_runs():
    """The worker's sockets go with it, and explain tells so without a daemon to ask."""
    with Bed('native') as bed:
        bed.host.start()
        bed.protected()
        bed.host.kill()
        document = explain(bed.host, HOST, PEER, 'udp', 7)
        assert said(document['paths'][0]) == ('dropped', 'no_worker')
        before = bed.host.counters()
        send_ip(bed.ns, IP(src=HOST, dst=PEER) / UDP(sport=40000, dport=7))
        until(lambda: dropped(before, bed.host.counters()) == {'no_worker': 1}, 'it is dropped')
        assert said(explain(bed.host, PEER, HOST)['paths'][1]) == ('dropped', 'no_worker')


def test_interfaces_without_a_gate():
    """The backstop has the same policies; what was detached is open."""
    with Bed('native') as bed:
        bed.host.start()
        bed.host.policy_add(PEER)
        bed.host.policy_add('10.9.0.2')
        veth(bed.ns, 'other', bed.wire_ns, 'wire1')
        bed.ns.ip('addr', 'add', '10.9.0.1/24', 'dev', 'other')
        path = explain(bed.host, '10.9.0.1', '10.9.0.2', 'udp', 7)['paths'][0]
        assert said(path) == ('dropped', 'backstop_out') and step(path, 'gate')['state'] == 'none'
        before = bed.host.counters()
        with pytest.raises(PermissionError):    # which is how netfilter tells the sender
            send_ip(bed.ns, IP(src='10.9.0.1', dst='10.9.0.2') / UDP(sport=40000, dport=7))
        until(lambda: dropped(before, bed.host.counters()) == {'backstop_out': 1}, 'it is dropped')
        assert said(explain(bed.host, '10.9.0.2', '10.9.0.1')['paths'][0]) == ('dropped', 'backstop_in')
        assert said(explain(bed.host, '10.9.0.1', '10.9.0.9')['paths'][0]) == ('clear', None)
        bed.host.cmd('detach', NIC)
        path = explain(bed.host, HOST, PEER)['paths'][0]
        assert said(path) == ('clear', None) and 'detach' in path['text'] and step(path, 'gate')['state'] == 'open'


def test_on_a_bridge():
    """What leaves by a bridge passes the gates of its ports."""
    with Bed('native') as bed:
        bed.host.start()
        bed.ns.ip('link', 'add', 'br0', 'type', 'bridge')
        bed.ns.ip('link', 'set', NIC, 'master', 'br0')
        bed.ns.ip('link', 'set', 'br0', 'up')
        bed.ns.ip('addr', 'add', '10.7.0.1/24', 'dev', 'br0')
        sa = bed.outbound(src='10.7.0.1', dst='10.7.0.2')
        bed.host.policy_add('10.7.0.2')
        path = until(lambda: (p := explain(bed.host, '10.7.0.1', '10.7.0.2')['paths'][0])['verdict'] == 'protected' and p,
                     'the bridge is covered')
        assert step(path, 'gate')['dev'] == 'br0' and step(path, 'SA')['spi'] == sa.spi


# ---- connections ----

def test_a_connection_that_waits_for_its_peer(native):
    """Its packets have nobody make an SA, and explain does not say so; nor has any of them been seen."""
    native.psk(start='respond')
    native.start()
    path = explain(native.a, A, B, 'tcp', 179)['paths'][0]
    assert said(path) == ('dropped', 'no_sa') and 'waits for the peer' in step(path, 'SA')['text']
    assert step(path, 'policy')['hits'] == {'packets': 0, 'bytes': 0}
    assert step(path, 'policy')['text'].endswith('; 0 packets so far')


def test_a_connection(native):
    """From the first packet that waits to the SA; its name, its cover, and IKE's own packets."""
    native.psk(start='trap')
    native.start()
    host = native.a
    path = explain(host, A, B, 'tcp', 179)['paths'][0]
    assert said(path) == ('dropped', 'no_sa') and step(path, 'connection')['state'] == 'trap'
    assert step(path, 'policy')['name'] == 'core' and 'IKE make one' in step(path, 'SA')['text']
    assert said(explain(host, A, B, 'udp', 500)['paths'][0]) == ('clear', 'ike')
    assert said(explain(host, B, A, 'udp', 500)['paths'][0]) == ('clear', 'ike')
    order(host, 'initiate', 'core')
    until(lambda: is_up(host), 'core is up')
    before = step(explain(host, A, B, 'tcp', 179)['paths'][0], 'policy')
    assert ping(host.netns, B, 3)
    path = explain(host, A, B, 'tcp', 179)['paths'][0]
    assert said(path) == ('protected', None) and step(path, 'connection')['state'] == 'up'
    hits = step(path, 'policy')['hits']
    assert hits['packets'] >= before['hits']['packets'] + 3 and f"; {hits['packets']} packets, " in step(path, 'policy')['text']
    assert step(path, 'SA')['spi'] == host.status()['connections'][0]['children'][0]['spi_out']
    assert explain(host, B, A)['verdict'] == 'protected'
    host.netns.ip('addr', 'add', '192.0.2.9/24', 'dev', NIC)
    path = explain(host, '192.0.2.9', B)['paths'][0]
    assert said(path) == ('dropped', 'no_sa') and step(path, 'policy')['cover']
    assert step(path, 'policy')['name'] == 'core'
