# SPDX-License-Identifier: BSD-2-Clause
"""The gate without a daemon, expected NICs, what opens it, and what is said of it."""
import json
import os
import shutil
import signal
import socket

import pytest
from scapy.layers.inet import ICMP, IP, UDP

from lib.beds.ike import put
from lib.bpf_programs import SCHED_CLS, XDP, XDP_PASS, on_xdp, program, put_filter
from lib.host import Host
from lib.netns import Netns, run, veth
from lib.nftables import rules_in
from lib.traffic import send_ip, udp_socket
from lib.wait import until

HOST, PEER, NIC = '192.0.2.1', '192.0.2.2', 'nic0'
FOR_ROUTES = {'forward', 'wrapped'}
WALLS = {'in', 'out', 'local', *FOR_ROUTES}
CONNECTION = {'local': HOST, 'remote': PEER, 'auth': 'psk', 'psk-file': 'psk', 'start': 'trap'}


@pytest.fixture
def host():
    """A host whose file protects everything with a peer; its NIC is not there yet."""
    with Netns('clh') as ns, Netns('clw') as wire:
        host = Host(ns)
        host.wire = wire
        put(host, 'psk', 'a secret that nobody knows\n')
        configure(host)
        try:
            yield host
        finally:
            host.close()


def configure(host, *nics, mode=None, **connection):
    host.configure(nics or [NIC], **({'mode': mode} if mode else {}))
    with open(host.config, 'a') as f:
        f.write('[connection core]\n' + ''.join(f'{k} = {v}\n' for k, v in {**CONNECTION, **connection}.items()))


def plug(host, dev=NIC, addr=HOST, end='wire0', peer=PEER):
    veth(host.netns, dev, host.wire, end)
    host.netns.ip('addr', 'add', f'{addr}/24', 'dev', dev)
    host.wire.ip('addr', 'add', f'{peer}/24', 'dev', end)


def links(host):
    return {p.name for p in (host.pins / 'links').iterdir()}


def walls(host):
    return {p.name for p in (host.pins / 'backstop').iterdir()}


def is_open(host, peer=PEER):
    """Whether a ping in clear is answered, which it is at once or not at all."""
    return host.netns.run('ping', '-c1', '-W1', peer, check=False).returncode == 0


def test_gate_before_there_is_a_nic(host):
    done = host.cmd('gate', '-c', host.config)
    assert 'the gate is closed' in done.stdout and '0 of 1 interfaces' in done.stdout
    assert not links(host) and walls(host) == WALLS
    plug(host)
    assert not is_open(host)
    assert json.loads(host.cmd('-j', 'status', check=False).stdout)['drops']['backstop_out'] >= 1


def test_gate_of_a_nic_that_is_there_and_run_goes_on(host):
    plug(host)
    assert is_open(host)
    host.cmd('gate', '-c', host.config)
    assert links(host) == {f'{NIC}-xdp', f'{NIC}-egress'} and walls(host) == WALLS
    assert not is_open(host)
    host.start()
    assert not is_open(host) and host.status()['connections'][0]['state'] in {'trap', 'connecting'}


def test_gate_beside_a_daemon_is_refused(host):
    plug(host)
    host.start()
    done = host.cmd('gate', '-c', host.config, check=False)
    assert done.returncode == 1 and 'running already' in done.stderr


def test_gate_that_protects_nothing_leaves_nothing(host):
    host.configure([])
    host.cmd('gate', '-c', host.config)
    assert not host.pins.exists()


def test_an_absent_nic_is_expected(host):
    host.spawn()
    until(lambda: "'run' attaches it the moment it appears" in host.log_text, 'the NIC is missed')
    until(lambda: (host.try_status() or {}).get('running'), 'the daemon answers')
    assert [(i['name'], i['state']) for i in host.status()['interfaces']] == [(NIC, 'gone')]
    plug(host)
    until(host.worker_ready, 'the NIC is attached')
    assert not is_open(host)
    assert host.status()['interfaces'][0]['state'] == 'up'


def test_one_of_two_nics_absent(host):
    configure(host, NIC, 'nic7')
    plug(host)
    host.start()
    assert {i['name']: i['state'] for i in host.status()['interfaces']} == {NIC: 'up', 'nic7': 'gone'}


def test_an_absent_nic_can_be_given_up(host):
    """Also without a daemon: then nothing is left to keep."""
    host.cmd('gate', '-c', host.config)
    host.cmd('detach', NIC)
    assert not host.pins.exists()


def test_detach_opens_that_nic_and_status_says_so(host):
    configure(host, NIC, 'nic1')
    plug(host)
    plug(host, 'nic1', '198.51.100.1', 'wire1', '198.51.100.2')
    host.start()
    host.cmd('detach', NIC)
    assert is_open(host)
    text = host.cmd('status', check=False)
    assert f'{NIC}: GATE OPEN' in text.stdout and text.returncode == 4
    status = host.status()
    assert status['open_gates'] == [NIC] and [i['name'] for i in status['interfaces']] == ['nic1']
    host.cmd('attach', NIC)
    assert not is_open(host) and not host.status()['open_gates']


def test_detach_all_opens_everything(host):
    plug(host)
    host.start()
    assert 'the backstop is down' in host.cmd('detach', 'all').stdout
    assert is_open(host) and not links(host) and not walls(host)
    host.cmd('attach', NIC)
    assert not is_open(host) and walls(host) == WALLS
    host.stop()
    host.cmd('detach', 'all')
    assert not host.pins.exists() and is_open(host)


@pytest.mark.parametrize('how', ['attached', 'expected'])
def test_what_is_wanted_closed_again_stays_so(host, how):
    """People have detached the last NIC, and then want it closed again: it is, also while the NIC is gone and nobody runs."""
    plug(host)
    host.start()
    host.cmd('detach', NIC)
    assert is_open(host)
    if how == 'attached':
        host.cmd('attach', NIC)
        until(lambda: links(host), 'it is attached')
    host.netns.ip('link', 'del', NIC)
    if how == 'expected':
        assert f'interface {NIC}: not there: attached when it appears' in host.cmd('reload').stdout
    until(lambda: not links(host) and [i['state'] for i in host.status()['interfaces']] == ['gone'], 'the NIC is missed')
    for wall in walls(host):
        (host.pins / 'backstop' / wall).unlink()
    until(lambda: walls(host) == WALLS, 'what somebody took away is put back')
    assert host.stop() == 0
    assert walls(host) == WALLS
    plug(host)
    assert not is_open(host)


def test_what_cannot_be_attached_closes_nothing_again(host):
    """Nobody guards anything then, and at the end nothing is left."""
    plug(host)
    host.start()
    host.cmd('detach', NIC)
    assert host.cmd('attach', 'nic7', check=False).returncode == 1
    assert is_open(host)
    assert host.stop() == 0
    assert not host.pins.exists() and is_open(host)


def test_a_start_that_fails_stays_closed_and_says_so(host):
    plug(host)
    (host.dir / 'psk').chmod(0o644)
    host.spawn()
    assert host.daemon.wait(timeout=10) == 1
    host.daemon = None
    assert 'the gate is closed all the same' in host.log_text and 'detach all' in host.log_text
    assert not is_open(host)
    (host.dir / 'psk').chmod(0o600)
    host.start()


def test_status_of_a_daemon_that_is_not_there(host):
    assert host.cmd('status', check=False).returncode == 3
    plug(host)
    host.start()
    assert host.cmd('status', check=False).returncode == 0
    host.stop()
    done = host.cmd('status', check=False)
    assert done.returncode == 3 and 'NOT RUNNING' in done.stdout


def test_a_nic_that_is_set_down_is_not_up(host):
    plug(host)
    host.start()
    host.netns.ip('link', 'set', NIC, 'down')
    assert host.status()['interfaces'][0]['state'] == 'down'


def test_connections_are_shown_while_ike_is_slow_or_dead(host):
    plug(host)
    host.start()
    ike = host.status()['ike']['pid']
    os.kill(ike, signal.SIGSTOP)
    try:
        shown, = json.loads(host.cmd('-j', 'connection', 'list').stdout)
        assert (shown['name'], shown['state'], shown['note']) == ('core', 'down', 'IKE does not answer')
        assert 'core: IKE does not answer' in host.cmd('connection', 'list').stdout
    finally:
        os.kill(ike, signal.SIGKILL)
    until(lambda: host.status()['ike']['pid'] not in (None, ike), 'IKE is started again')
    until(lambda: 'note' not in host.status()['connections'][0], 'it answers')


def test_a_connection_that_goes_astray_is_told_of(host):
    plug(host)
    plug(host, 'nic1', '198.51.100.1', 'wire1', '198.51.100.2')
    host.start()
    host.netns.ip('route', 'add', f'{PEER}/32', 'via', '198.51.100.2')
    until(lambda: 'core: WARNING: its packets would leave by nic1' in host.log_text, 'it is in the log')
    shown, = host.status()['connections']
    assert shown['astray'] == 'nic1' and "dropped; 'xdp-ipsec attach nic1'" in shown['note']
    assert host.cmd('status', check=False).returncode == 4
    host.netns.ip('route', 'del', f'{PEER}/32')
    until(lambda: 'leave by an attached interface again' in host.log_text, 'that is over')
    assert 'note' not in host.status()['connections'][0]


def test_what_leaves_by_an_opened_gate_is_not_said_to_be_dropped(host):
    plug(host)
    host.start()
    host.cmd('detach', NIC)
    until(lambda: f'core: WARNING: GATE OPEN: its packets leave IN CLEAR by {NIC}' in host.log_text, 'it is in the log')
    note = host.status()['connections'][0]['note']
    assert f'IN CLEAR by {NIC}' in note and f"'xdp-ipsec attach {NIC}' closes the gate" in note, note
    host.cmd('attach', NIC)
    until(lambda: 'leave by an attached interface again' in host.log_text, 'that is over')


def encapsulate(host):
    """A route to the peer that wraps packets in IPv6, where the kernel has such routes."""
    if host.netns.ip('route', 'add', PEER, 'encap', 'seg6', 'mode', 'encap', 'segs', 'fc00::9', 'dev', NIC, check=False).returncode:
        pytest.skip('this kernel has no seg6 routes')


def test_a_route_that_encapsulates_is_told_of(host):
    plug(host)
    host.start()
    encapsulate(host)
    until(lambda: 'core: WARNING: the route to its peer encapsulates: what is protected is dropped there' in host.log_text, 'the log')
    shown, = host.status()['connections']
    assert shown['astray'] == NIC and 'encapsulates' in shown['note']
    assert host.cmd('status', check=False).returncode == 4
    done = host.cmd('check', '-c', host.config, check=False)
    assert done.returncode == 1 and f'the route to {PEER}/32 encapsulates' in done.stdout
    host.netns.ip('route', 'del', f'{PEER}/32')
    until(lambda: 'leave by an attached interface again' in host.log_text, 'that is over')
    assert 'note' not in host.status()['connections'][0]


def test_a_backstop_that_sees_no_routes(host):
    """That of the version before: it is said, and the next start puts up what is missing."""
    plug(host)
    host.cmd('gate', '-c', host.config)
    for wall in FOR_ROUTES:
        (host.pins / 'backstop' / wall).unlink()
    assert "up, but what routes encapsulate" in host.cmd('status', check=False).stdout
    assert not is_open(host)
    host.cmd('gate', '-c', host.config)
    assert walls(host) == WALLS and 'routes encapsulate' not in host.cmd('status', check=False).stdout


def test_check_fails_for_a_connection_that_goes_astray(host):
    plug(host)
    plug(host, 'nic1', '198.51.100.1', 'wire1', '198.51.100.2')
    assert host.cmd('check', '-c', host.config).returncode == 0
    host.netns.ip('route', 'add', f'{PEER}/32', 'via', '198.51.100.2')
    done = host.cmd('check', '-c', host.config, check=False)
    assert done.returncode == 1 and 'leave by nic1' in done.stdout and '[interface nic1]' in done.stdout


def test_check_of_an_absent_nic_is_a_note(host):
    done = host.cmd('check', '-c', host.config)
    assert 'attached the moment it appears' in done.stdout


def make_rules_shorter(pins):
    """As the layouts before 7 had them: without a counter at their end."""
    entry, rule, shorter = 4, 24, 20
    old = json.loads(run('bpftool', '-j', 'map', 'dump', 'pinned', pins / 'spd').stdout)
    (pins / 'spd').unlink()
    run('bpftool', 'map', 'create', pins / 'spd', 'type', 'lpm_trie', 'key', 8, 'value', entry + 64 * shorter, 'entries', 4096,
        'name', 'spd', 'flags', 1)
    for item in old:
        value = item['value'][:entry]
        for at in range(entry, len(item['value']), rule):
            value += item['value'][at:at + shorter]
        run('bpftool', 'map', 'update', 'pinned', pins / 'spd', 'key', *item['key'], 'value', *value)


@pytest.mark.parametrize('damage', ['a map is missing', 'another version', 'another size', 'shorter rules', 'links alone'])
def test_maps_of_another_layout_are_replaced(host, damage):
    """And the policies that were added by hand are carried over, where they can be read."""
    plug(host)
    host.start()
    host.policy_add('203.0.113.0/24')
    host.stop()
    if damage == 'a map is missing':
        (host.pins / 'gates').unlink()
    elif damage == 'another version':
        run('bpftool', 'map', 'update', 'pinned', host.pins / 'layout', 'key', *[0] * 4, 'value', 99, *[0] * 15)
    elif damage == 'another size':
        (host.pins / 'sad').unlink()
        run('bpftool', 'map', 'create', host.pins / 'sad', 'type', 'hash', 'key', 8, 'value', 20, 'entries', 77, 'name', 'sad')
    elif damage == 'shorter rules':
        make_rules_shorter(host.pins)
    else:
        for path in host.pins.iterdir():
            if path.is_file():
                path.unlink()
    assert not is_open(host)
    host.start()
    assert not is_open(host)
    listed = {p['dst'] for p in json.loads(host.cmd('-j', 'policy', 'list').stdout)}
    assert f'{PEER}/32' in listed and ('203.0.113.0/24' in listed) == (damage != 'links alone')
    assert not host.pins.with_name(host.pins.name + ':making').exists()


@pytest.mark.parametrize('dst', [PEER, '192.0.2.0/24'], ids=['the-same', 'a-wider-one'])
def test_a_bypass_that_is_in_the_file_no_longer(host, dst):
    """What protects in its place does so before a start has succeeded, and when none does."""
    plug(host)

    def write(action, dst, more=''):
        host.configure([NIC])
        with open(host.config, 'a') as f:
            f.write(f'[policy x]\ndst = {dst}\naction = {action}\n{more}')

    write('bypass', PEER)
    host.start()
    assert is_open(host)
    assert host.stop() == 0
    assert is_open(host)
    (host.dir / 'psk').chmod(0o644)
    write('protect', dst, '[connection core]\n' + ''.join(f'{k} = {v}\n' for k, v in {**CONNECTION, 'remote': '192.0.2.9'}.items()))
    host.spawn()
    assert host.daemon.wait(timeout=20) == 1
    assert 'psk' in host.log_text and 'the gate is closed all the same' in host.log_text
    assert not is_open(host)


def test_a_start_that_fails_is_no_exit_that_opens(host):
    """detach-on-exit is for an end that somebody has asked for."""
    (host.dir / 'psk').chmod(0o644)
    host.spawn('detach-on-exit')
    assert host.daemon.wait(timeout=20) == 1
    assert 'the gate is closed all the same' in host.log_text
    assert walls(host) == WALLS
    plug(host)
    assert not is_open(host)
    (host.dir / 'psk').chmod(0o600)
    host.spawn('detach-on-exit')
    host.wait_ready()
    assert host.stop() == 0
    assert not host.pins.exists() and is_open(host)


def test_detach_by_maps_that_cannot_be_read(host):
    """They may tell of others that are expected: the backstop stays for these."""
    configure(host, NIC, 'nic7')
    plug(host)
    host.start()
    host.stop()
    run('bpftool', 'map', 'update', 'pinned', host.pins / 'layout', 'key', *[0] * 4, 'value', 99, *[0] * 15)
    done = host.cmd('detach', NIC, check=False)
    assert done.returncode == 1 and f'{NIC}: its programs are off, but the backstop still guards it' in done.stderr
    assert walls(host) == WALLS and not links(host) and not is_open(host)
    host.cmd('detach', 'all')
    assert not host.pins.exists() and is_open(host)


def test_policies_of_a_version_that_is_not_known(host):
    """Nobody can carry them over, and nobody opens what they close but people."""
    plug(host)
    host.start()
    host.stop()
    (host.pins / 'spd').unlink()
    run('bpftool', 'map', 'create', host.pins / 'spd', 'type', 'lpm_trie', 'key', 8, 'value', 4 + 64 * 16, 'entries', 4096, 'name', 'spd', 'flags', 1)
    host.netns.ip('link', 'del', NIC)
    for _ in range(2):
        done = host.cmd('gate', '-c', host.config, check=False)
        assert done.returncode == 1 and f"'xdp-ipsec --instance {host.instance} detach all'" in done.stderr
        assert walls(host) == WALLS
    plug(host)
    assert not is_open(host)
    host.cmd('detach', 'all')
    assert is_open(host)
    host.start()
    assert not is_open(host)


@pytest.mark.parametrize('mode', ['native', 'generic'])
def test_what_nat_makes_this_hosts(host, mode):
    """A packet in clear for somebody else is by, and when a rule of NAT has sent it to a socket here it is the peer's, in clear."""
    away = '198.51.100.9'
    configure(host, NIC, mode=mode)
    plug(host)
    ns = host.netns
    ns.sysctl('net.ipv4.ip_forward', 1)
    ns.ip('route', 'add', f'{away}/32', 'via', PEER)
    host.wire.ip('route', 'add', f'{away}/32', 'via', HOST)
    with rules_in(ns) as rules, udp_socket(ns, HOST, 5353) as here, udp_socket(host.wire, PEER) as peer:
        rules('table ip nat {\n chain c {\n type nat hook prerouting priority dstnat\n udp dport 53 redirect to :5353\n }\n}\n')
        peer.sendto(b'before there is a policy', (away, 53))
        assert here.recv(100)
        host.start()
        before = host.status()['drops']['backstop_in']
        peer.sendto(b'in clear', (away, 53))
        until(lambda: host.status()['drops']['backstop_in'] > before, 'it is dropped')
        here.setblocking(False)
        with pytest.raises(BlockingIOError):
            here.recv(100)


INNER = '198.51.100.2'


def route_for(host, far):
    """A host behind nic1, INNER, for which ours forwards."""
    veth(host.netns, 'nic1', far, 'wire1')
    host.netns.ip('addr', 'add', '198.51.100.1/24', 'dev', 'nic1')
    host.netns.sysctl('net.ipv4.ip_forward', 1)
    far.ip('addr', 'add', f'{INNER}/24', 'dev', 'wire1')
    far.ip('route', 'add', 'default', 'via', '198.51.100.1')


def heard(sock):
    """What has arrived so far."""
    sock.setblocking(False)
    try:
        return sock.recv(100)
    except BlockingIOError:
        return None


@pytest.mark.parametrize('mode', ['native', 'generic'])
@pytest.mark.parametrize('attached', [[NIC, 'nic1'], ['nic1']], ids=['by-the-nic', 'by-another'])
def test_what_is_forwarded_in_this_hosts_name(host, mode, attached):
    """NAT gives it an address of this host's, which the connection covers: neither it nor its answer goes by in clear."""
    name = '192.0.2.7'
    with Netns('clf') as far:
        configure(host, *attached, mode=mode)
        plug(host)
        route_for(host, far)
        host.netns.ip('addr', 'add', f'{name}/24', 'dev', NIC)
        host.wire.ip('route', 'add', '198.51.100.0/24', 'via', HOST)
        with (rules_in(host.netns) as rules, udp_socket(far, INNER, 7) as inner, udp_socket(far, INNER) as plain,
              udp_socket(host.wire, PEER) as peer):
            rules(f'table ip nat {{\n chain c {{\n type nat hook postrouting priority srcnat\n'
                  f' ip daddr {PEER} udp sport 7 snat to {name}\n }}\n}}\n')
            inner.sendto(b'before there is a policy', peer.getsockname())
            _, end = peer.recvfrom(100)
            assert end[0] == name
            peer.sendto(b'an answer', end)
            assert inner.recv(100)
            host.start()
            before = host.status()['drops']
            out, back = ('no_sa', 'cleartext_protected') if NIC in attached else ('backstop_out', 'backstop_in')
            inner.sendto(b'in clear', peer.getsockname())
            until(lambda: host.status()['drops'][out] > before[out], 'it is dropped')
            assert not heard(peer)
            peer.sendto(b'an answer in clear', end)
            until(lambda: host.status()['drops'][back] > before[back], 'its answer is, too')
            assert not heard(inner)
            # Of what keeps its own address both ways are open.
            peer.settimeout(5)
            plain.sendto(b'under its own name', peer.getsockname())
            assert peer.recvfrom(100)[1][0] == INNER
            peer.sendto(b'and back', plain.getsockname())
            assert plain.recv(100)


@pytest.mark.parametrize('to', ['another-host', 'a-socket-here'])
def test_what_nat_gives_another_port(host, to):
    """A connection covers what was for the port that it protects, whatever port NAT has given it."""
    name = '192.0.2.7'
    with Netns('clf') as far:
        configure(host, 'nic1', protect='udp/7')
        plug(host)
        route_for(host, far)
        host.netns.ip('addr', 'add', f'{name}/24', 'dev', NIC)
        ear = (far, INNER) if to == 'another-host' else (host.netns, name)
        with rules_in(host.netns) as rules, udp_socket(*ear, 1007) as hears, udp_socket(host.wire, PEER) as peer:
            rules('table ip nat {\n chain c {\n type nat hook prerouting priority dstnat\n'
                  f' udp dport 7 dnat to {ear[1]}:1007\n udp dport 8 dnat to {ear[1]}:1007\n }}\n}}\n')
            host.start()
            before = host.status()['drops']['backstop_in']
            peer.sendto(b'in clear', (name, 7))
            until(lambda: host.status()['drops']['backstop_in'] > before, 'it is dropped')
            assert not heard(hears)
            hears.settimeout(5)
            peer.sendto(b'what nobody protects', (name, 8))
            assert hears.recv(100) == b'what nobody protects'


@pytest.mark.parametrize('mode', ['native', 'generic'])
def test_what_is_forwarded_in_anothers_name(host, mode):
    """An address that is routed here and is none of this host's: what goes on under it is other people's, both ways."""
    name = '203.0.113.7'
    with Netns('clf') as far:
        configure(host, NIC, 'nic1', mode=mode)
        plug(host)
        route_for(host, far)
        host.netns.ip('route', 'add', f'{name}/32', 'dev', 'nic1')
        host.wire.ip('route', 'add', f'{name}/32', 'via', HOST)
        with (rules_in(host.netns) as rules, udp_socket(far, INNER, 7) as inner, udp_socket(host.wire, PEER) as peer):
            rules(f'table ip nat {{\n chain c {{\n type nat hook postrouting priority srcnat\n'
                  f' ip daddr {PEER} snat to {name}\n }}\n}}\n')
            host.start()
            inner.sendto(b'in clear', peer.getsockname())
            _, end = peer.recvfrom(100)
            assert end[0] == name
            peer.sendto(b'an answer', end)
            assert inner.recv(100) == b'an answer'


@pytest.mark.parametrize('mode', ['native', 'generic'])
def test_what_is_forwarded_is_other_peoples(host, mode):
    """A connection covers all addresses of this host, and no others that it is on the way to."""
    with Netns('clf') as far:
        configure(host, NIC, 'nic1', mode=mode)
        plug(host)
        route_for(host, far)
        host.wire.ip('route', 'add', '198.51.100.0/24', 'via', HOST)
        host.start()
        for ns, to, answered in ((far, PEER, True), (host.wire, INNER, True), (host.netns, PEER, False),
                                 (host.wire, '198.51.100.1', False), (host.wire, HOST, False)):
            done = ns.run('ping', '-c1', '-W2' if answered else '-W0.5', to, check=False)
            assert (done.returncode == 0) == answered, f'{ns.name} to {to}: {host.counters()}'
        assert not host.status()['drops']['backstop_in']


@pytest.mark.parametrize('attached', [(NIC, 'nic1'), ('nic1',)], ids=['gate', 'backstop'])
@pytest.mark.parametrize('mode', ['native', 'generic'])
def test_errors_about_what_is_forwarded(host, mode, attached):
    """Nobody else believes them; what quotes an address of this host is refused."""
    with Netns('clf') as far:
        configure(host, *attached, mode=mode)
        plug(host)
        route_for(host, far)
        host.wire.ip('route', 'add', '198.51.100.0/24', 'via', HOST)
        host.start()
        with udp_socket(far, INNER) as asks:
            asks.connect((PEER, 9))
            asks.settimeout(2)
            asks.send(b'to a closed port')
            with pytest.raises(ConnectionRefusedError):
                asks.recv(100)
        assert not host.status()['drops']['icmp_forged']
        for own in HOST, '198.51.100.1':
            before = host.status()['drops']['icmp_forged']
            send_ip(host.wire, IP(src=PEER, dst=own) / ICMP(type=3, code=3) / IP(src=own, dst=PEER) / UDP(sport=5000, dport=9))
            until(lambda: host.status()['drops']['icmp_forged'] == before + 1, f'{own} is refused')


def test_hits_of_dropped_super_packets(host):
    """The backstop counts the packets that are in them."""
    configure(host, 'nic1')
    plug(host)
    with host.wire.socket(socket.AF_INET, socket.SOCK_STREAM) as server, host.netns.socket(socket.AF_INET, socket.SOCK_STREAM) as client:
        server.bind((PEER, 7777))
        server.listen()
        client.connect((PEER, 7777))
        host.spawn()
        until(lambda: (host.try_status() or {}).get('running'), 'the daemon answers')
        client.sendall(bytes(14000))

        def out():
            return json.loads(host.cmd('-j', 'policy', 'list').stdout)[0]['out']
        until(lambda: out()['bytes'] > 10000, 'they are dropped')
        counted = out()
        assert 10000 < counted['bytes'] <= 1500 * counted['packets'], counted


# ---- clsact, which has no links ----

def filters(host, where='egress'):
    return host.netns.run('tc', 'filter', 'show', 'dev', NIC, where, check=False).stdout


@pytest.fixture
def stray(host):
    """A host whose pins somebody has deleted while nobody ran: what is left guards by a clsact filter alone."""
    plug(host)
    host.configure([NIC], mode='native', hook='clsact')
    host.start()
    host.policy_add(PEER)
    host.stop(signal.SIGKILL)
    host.end_worker()
    shutil.rmtree(host.pins)
    assert 'tc_egress' in filters(host) and not is_open(host)
    return host


def test_detach_of_filters_without_pins(stray):
    """Of the NIC that is named: 'all' are those of the instance."""
    assert 'no gate was opened' in stray.cmd('detach', 'all').stdout and not is_open(stray)
    done = stray.cmd('detach', NIC)
    assert f'{NIC}: clsact filters that had lost their pin are removed: what they dropped goes in clear' in done.stdout
    assert not filters(stray) and is_open(stray)
    assert 'clsact' not in stray.netns.run('tc', 'qdisc', 'show', 'dev', NIC).stdout
    assert 'not attached' in stray.cmd('detach', NIC, check=False).stderr


def test_run_takes_filters_without_pins_over(stray):
    stray.start()
    assert filters(stray).count('tc_egress:[') == 1
    stray.cmd('detach', NIC)
    assert not filters(stray) and is_open(stray)


def test_detach_of_filters_beside_a_daemon(stray):
    """Whose backstop holds what goes by a NIC that is not its own: nobody is told that the gate is open."""
    configure(stray, 'nic1')
    plug(stray, 'nic1', '198.51.100.1', 'wire1', '198.51.100.2')
    stray.start()
    done = stray.cmd('detach', NIC)
    assert 'had lost their pin are removed' in done.stdout and 'the gate is open' not in done.stdout
    assert not filters(stray) and not is_open(stray)
    assert 'not attached' in stray.cmd('detach', NIC, check=False).stderr


@pytest.mark.parametrize('name, handle', [('theirs', '0x1be5'), ('tc_egress', '0x1')])
def test_detach_leaves_filters_of_others(stray, name, handle):
    """One with our handle and priority is not ours by that alone, nor one with our program's name."""
    stray.cmd('detach', NIC)
    with program(SCHED_CLS, -1, name) as theirs:
        put_filter(stray.netns, NIC, theirs, handle)
    before = filters(stray)
    assert f'handle {handle}' in before
    assert 'not attached' in stray.cmd('detach', NIC, check=False).stderr
    assert filters(stray) == before


def test_detach_leaves_filters_of_another_instance(host):
    """Alive or not: what it has pinned is its own."""
    plug(host)
    host.configure([NIC], mode='native', hook='clsact')
    host.start()
    host.policy_add(PEER)
    other = f'{host.instance}-2'
    for _ in range(2):
        host.netns.run(host.command, '--instance', other, 'detach', 'all')
        host.netns.run(host.command, '--instance', other, 'detach', NIC, check=False)
        assert 'tc_egress' in filters(host) and not is_open(host)
        host.stop()
    (host.pins / 'links' / f'{NIC}-xdp').unlink()       # what is pinned is its own without that, too
    host.netns.run(host.command, '--instance', other, 'detach', NIC, check=False)
    assert 'tc_egress' in filters(host) and not is_open(host)
    host.cmd('detach', 'all')
    assert not filters(host) and is_open(host)


def test_detach_leaves_filters_beside_xdp(stray):
    """Whoever has an XDP program on the NIC may guard it, as from a container whose BPF file system is its own."""
    before = filters(stray)
    with program(XDP, XDP_PASS) as xdp, on_xdp(stray.netns, NIC, xdp):
        assert 'not attached' in stray.cmd('detach', NIC, check=False).stderr
        assert filters(stray) == before and not is_open(stray)
    stray.cmd('detach', NIC)
    assert not filters(stray)
