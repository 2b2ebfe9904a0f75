# SPDX-License-Identifier: BSD-2-Clause
"""Liveness inside the SA: the round trip in status, down when nothing comes back, up again by itself, never in clear."""
import contextlib
import os
import re
import signal
import socket

import pytest
from scapy.layers.inet import ICMP, IP
from scapy.packet import Raw

from lib.beds.file_load import ManyConnections
from lib.beds.ike import bring_up, connection, is_up, order, wait_up
from lib.beds.pair import A, B, NIC, proven
from lib.netns import veth
from lib.traffic import knock, ping, send_ip
from lib.wait import DEADLINE, until

INTERVAL_MS, THRESHOLD = 200, 3
MONITOR = {'monitor': f'{INTERVAL_MS}ms', 'threshold': THRESHOLD}


@pytest.fixture
def pair(ike_pair):
    return ike_pair


def monitor(host):
    return connection(host)['monitor']


def monitored(pair, start='initiate', interval=f'{INTERVAL_MS}ms', **both):
    """A watches B."""
    pair.psk({'start': start, **MONITOR, 'monitor': interval}, {'start': 'respond'}, **both)
    for host in reversed(pair.hosts):  # where nobody listens yet, the kernel says so in clear
        host.start()
    if start == 'initiate':
        wait_up(*pair.hosts)
        until(lambda: monitor(pair.a)['state'] == 'up', 'probes are answered')


def wait_for_answers(pair, count=5):
    """That many more are answered."""
    before = monitor(pair.a)['received']
    until(lambda: monitor(pair.a)['received'] >= before + count, 'answers')


def without_ike(capture):
    return [p for p in capture.stop() if not p.ike]


def wait_down(pair):
    """The connection, not only its monitor: before there are new SAs, and with them."""
    until(lambda: monitor(pair.a)['state'] == 'down' and connection(pair.a)['state'] != 'up', 'down')
    assert 'core: monitor: no answer inside the SA to 3 probes in a row: down' in pair.a.log_text


@contextlib.contextmanager
def no_esp(pair):
    """Somebody in the middle drops ESP, and lets IKE by."""
    rules = ''.join(f'''
        chain {port} {{
            type filter hook ingress device {port} priority 0;
            ip protocol 50 drop
        }}''' for port in ('port0', 'port1'))
    pair.wire.run('nft', '-f', '-', input=f'table netdev middle {{{rules}\n}}')
    try:
        yield
    finally:
        pair.wire.run('nft', 'delete', 'table', 'netdev', 'middle')


def test_round_trip(pair):
    with pair.capture() as capture:
        monitored(pair, interval='500ms')
        wait_for_answers(pair)
        packets = without_ike(capture)
    proven(packets)
    m = monitor(pair.a)
    assert m['interval_s'] == 0.5 and m['threshold'] == THRESHOLD
    assert m['lost'] == 0 and m['sent'] - m['received'] in (0, 1)
    assert 0 < m['rtt_us']['last'] < 500_000 and 0 < m['rtt_us']['avg'] < 500_000
    assert len([p for p in packets if p.src == A]) >= 5
    assert 'monitor' not in connection(pair.b)
    assert re.search(r'^  monitor +up: round trip \d+\.\d{3} ms, ', pair.a.cmd('status').stdout, re.MULTILINE)


def test_nothing_comes_through(pair):
    """IKE is answered and ESP is not: down, the SAs are made anew, and once they carry again it is up by itself."""
    monitored(pair)
    before = connection(pair.a)['ike'][0]['spi_i']
    with pair.capture() as capture:
        with no_esp(pair):
            wait_down(pair)
            until(lambda: (ike := connection(pair.a)['ike']) and ike[0]['state'] == 'up' and ike[0]['spi_i'] != before,
                  'another IKE SA')
            until(lambda: len(connection(pair.b)['ike']) == 1, 'the peer has the new one alone')
            assert connection(pair.a)['state'] == 'down'
        until(lambda: monitor(pair.a)['state'] == 'up' and is_up(pair.a), 'up again')
        proven(without_ike(capture))
    assert 'core: monitor: answered after' in pair.a.log_text
    assert monitor(pair.a)['lost'] >= THRESHOLD
    assert ping(pair.a.netns, B, 2) and ping(pair.b.netns, A, 2)


def test_worker_of_the_peer_stopped(native):
    monitored(native)
    pid = native.b.status()['worker']['pid']
    os.kill(pid, signal.SIGSTOP)
    try:
        wait_down(native)
    finally:
        os.kill(pid, signal.SIGCONT)
    until(lambda: monitor(native.a)['state'] == 'up', 'up again')


def test_own_worker_killed(native):
    """It says nothing of the peer."""
    monitored(native)
    os.kill(native.a.status()['worker']['pid'], signal.SIGKILL)
    until(lambda: native.a.status()['worker']['restarts'] == 1 and native.a.worker_ready(), 'another worker')
    wait_for_answers(native)
    assert monitor(native.a)['lost'] < THRESHOLD and len(connection(native.a)['ike']) == 1


def until_intervals_have_passed(pair, count=5):
    """That many pings of the interval's length, on the loopback, where nobody captures."""
    pair.a.netns.run('ping', '-q', '-c', count + 1, '-i', INTERVAL_MS / 1000, '127.0.0.1')


def test_silence_without_monitor(native):
    """Nobody probes, and ESP is lost: that packets leave and none comes is noted, until one does."""
    native.psk()
    bring_up(native)
    with no_esp(native):
        until(lambda: knock(native.a.netns, B) or 'packets leave, and none has come' in connection(native.a).get('note', ''),
              'it is noted', timeout=20)
    assert connection(native.a)['children'][0]['silent'] and 'ESP (IP protocol 50)' in native.a.cmd('status').stdout
    assert ping(native.a.netns, B, 1)
    assert 'note' not in connection(native.a)


def test_trap_is_not_opened(native):
    """By probes: nothing is sent before traffic opens it. Down, it waits for traffic again."""
    with native.capture() as capture:
        monitored(native, 'trap')
        until_intervals_have_passed(native)
        assert capture.stop() == []
    m = monitor(native.a)
    assert m['state'] == 'idle' and m['sent'] == 0 and m['rtt_us'] == {'last': None, 'avg': None}
    assert connection(native.a)['state'] == 'trap'
    ping(native.a.netns, B, 1, deadline=1)
    until(lambda: monitor(native.a)['state'] == 'up', 'probed')
    with no_esp(native):
        wait_down(native)
        until(lambda: not native.a.status()['sas'], 'closed')
        assert connection(native.a)['state'] == 'down' and 'carry nothing' in connection(native.a)['failures'][0]['what']
    until(lambda: ping(native.a.netns, B, 1, deadline=1), 'traffic again')
    until(lambda: monitor(native.a)['state'] == 'up', 'up again')


def test_terminated(native):
    monitored(native)
    order(native.a, 'terminate', 'core')
    until(lambda: monitor(native.a)['state'] == 'idle', 'idle')
    before = monitor(native.a)['sent']
    until_intervals_have_passed(native)
    assert monitor(native.a)['sent'] == before and connection(native.a)['state'] == 'down'


def test_bypassed(native):
    """A policy that lets ICMP by in clear is for people's pings: probes don't leave."""
    monitored(native)
    with native.capture() as capture:
        native.a.policy_add(f'{B}/32', 'src', A, 'proto', 'icmp', action='bypass')
        until(lambda: monitor(native.a)['state'] == 'idle', 'idle')
        until_intervals_have_passed(native)
        assert all(p.proto == 50 for p in without_ike(capture))
    assert 'core: monitor: not probed: a policy bypasses or discards ICMP' in native.a.log_text
    native.a.cmd('policy', 'flush')
    until(lambda: monitor(native.a)['state'] == 'up', 'up again')


def test_detached(native):
    """The gate is open, the SAs are there, and a worker for another NIC: no probe goes through it in clear."""
    monitored(native)
    veth(native.a.netns, 'spare', native.wire, 'far')
    native.a.devs.append('spare')
    native.a.cmd('attach', 'spare')
    native.a.cmd('detach', NIC)
    until(native.a.worker_ready, 'a worker')
    until(lambda: monitor(native.a)['state'] == 'idle', 'idle')
    with native.capture() as capture:
        until_intervals_have_passed(native)
        assert without_ike(capture) == []
    assert 'core: monitor: not probed: the route to the peer leaves by an interface that is not attached' \
        in native.a.log_text


def lie(pair, heard=lambda: None):
    """B answers what nobody asked."""
    for seq in range(40):
        send_ip(pair.b.netns, IP(src=B, dst=A) / ICMP(type=0, id=0, seq=seq) / Raw(bytes(16)))
        heard()


def lie_and_be_heard(pair):
    with pair.a.netns.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP) as ear:
        ear.settimeout(DEADLINE)
        lie(pair, lambda: ear.recv(100))


def test_forged(native):
    """Answers to what was never asked, even inside the SA, are none; nor do they fill the socket."""
    monitored(native)
    native.b.netns.sysctl('net.ipv4.icmp_echo_ignore_all', 1)
    before = monitor(native.a)['received']
    native.a.daemon.send_signal(signal.SIGSTOP)
    lie_and_be_heard(native)
    queued = [line.split()[4] for line in native.a.netns.run('cat', '/proc/net/raw').stdout.splitlines()[1:]]
    native.a.daemon.send_signal(signal.SIGCONT)
    assert queued == ['00000000:00000000']
    until(lambda: lie(native) or 'monitor: no answer' in native.a.log_text, 'down all the same')
    assert monitor(native.a)['received'] <= before + 1
    native.b.netns.sysctl('net.ipv4.icmp_echo_ignore_all', 0)
    until(lambda: monitor(native.a)['state'] == 'up', 'up again')


def test_way_gone(native):
    """Without a route there is no answer, either."""
    monitored(native)
    native.a.netns.ip('route', 'del', '192.0.2.0/24', 'dev', NIC)
    until(lambda: monitor(native.a)['state'] == 'down', 'down')
    native.a.netns.ip('route', 'add', '192.0.2.0/24', 'dev', NIC, 'src', A)
    until(lambda: monitor(native.a)['state'] == 'up', 'up again')


def test_of_hundreds():
    """Who tells of them has more to say than a message holds."""
    with ManyConnections(600) as many:
        many.proofs = [f'{proof}monitor = 1h\n' for proof in many.proofs]
        many.write()
        many.start()
        assert len([c for c in many.host.status()['connections'] if 'monitor' in c]) == 600


def test_reload(native):
    """The SAs are not touched, and the book goes on."""
    monitored(native)
    spi, received = connection(native.a)['children'][0]['spi_in'], monitor(native.a)['received']
    text = native.a.config.read_text()
    for n, value in enumerate(('no', '300ms'), 1):
        native.a.config.write_text(text.replace(f'monitor = {INTERVAL_MS}ms', f'monitor = {value}'))
        native.a.daemon.send_signal(signal.SIGHUP)
        until(lambda: native.a.log_text.count('reloaded') == n, 'reloaded')
        assert ('monitor' in connection(native.a)) == (value != 'no')
    until(lambda: monitor(native.a)['state'] == 'up' and monitor(native.a)['received'] > 3, 'probes are answered')
    native.a.config.write_text(text)
    received = monitor(native.a)['received']
    native.a.daemon.send_signal(signal.SIGHUP)
    until(lambda: native.a.log_text.count('reloaded') == 3, 'reloaded')
    assert monitor(native.a)['received'] >= received
    assert connection(native.a)['children'][0]['spi_in'] == spi


@pytest.mark.parametrize('settings, why', [
    ({'protect': 'tcp/179'}, 'protect must be all or have icmp in it'),
    ({'remote': '192.0.2.0/24'}, 'monitor is for one peer'),
])
def test_refused(native, settings, why):
    native.psk(**MONITOR, **settings)
    done = native.a.cmd('run', '-c', native.a.config, check=False)
    assert done.returncode == 1 and '[connection core]: ' in done.stderr and why in done.stderr


def test_icmp_alone(native):
    """protect = icmp is enough."""
    monitored(native, protect='icmp')
    wait_for_answers(native)
