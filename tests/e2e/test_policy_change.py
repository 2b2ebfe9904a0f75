# SPDX-License-Identifier: BSD-2-Clause
"""Policies that change while traffic flows: what stays protected is never seen in clear, and never lost."""
import json
import signal

import pytest

from lib.beds.ike import IkePair, children, order, wait_up
from lib.beds.pair import A, B, NIC, proven
from lib.host import dropped, section
from lib.traffic import UdpFlow
from lib.wait import until

TEN = '10.9.0.0/16'


@pytest.fixture
def pair(own_pair):
    return own_pair


def reload(host, *sections):
    """Puts [interface] and these sections into the file, and waits until the daemon has taken it."""
    before = host.log_text.count(': reloaded')
    mode = host.config.read_text().split('mode = ')[1].split('\n')[0]
    host.config.write_text(''.join(section(name, values) for name, values in
                                   [(f'interface {NIC}', {'mode': mode}), *sections]))
    host.daemon.send_signal(signal.SIGHUP)
    until(lambda: host.log_text.count(': reloaded') > before, 'reloaded')


def policies(host):
    return {(p['dst'], p['proto'], p['sport'], p['dport'], p['action'], p['owner'])
            for p in json.loads(host.cmd('-j', 'policy', 'list').stdout)}


class Watched:
    """A flow each way that is to be protected whatever happens: no packet in clear, no drop, no end to it."""

    def __init__(self, pair):
        self.pair = pair

    def __enter__(self):
        self.before = [host.counters() for host in self.pair.hosts]
        self.capture = self.pair.capture().__enter__()
        self.flows = [UdpFlow(self.pair.a.netns, self.pair.b.netns, B), UdpFlow(self.pair.b.netns, self.pair.a.netns, A)]
        for flow in self.flows:
            flow.__enter__()
        return self

    def goes_on(self):
        so_far = [flow.arrived() for flow in self.flows]
        until(lambda: all(f.arrived() > n + 100 for f, n in zip(self.flows, so_far)), 'traffic')

    def count(self, n, reason):
        return self.pair.hosts[n].counters().get(reason, 0) - self.before[n].get(reason, 0)

    def all_arrived(self):
        return all(self.count(n, 'sealed') == self.count(1 - n, 'opened') for n in (0, 1))

    def __exit__(self, *exc):
        for flow in self.flows:
            flow.__exit__(*exc)
        try:
            if exc[0] is None:
                until(self.all_arrived, 'what one end has sealed is opened at the other')
                proven([p for p in self.capture.stop() if not p.ike])
                for host, before in zip(self.pair.hosts, self.before):
                    assert dropped(before, host.counters()) == {}
        finally:
            self.capture.__exit__(*exc)


def both(pair, *words):
    """The same command on both, each for the other."""
    for host, other in ((pair.a, B), (pair.b, A)):
        host.cmd('policy', *(other if word == 'other' else word for word in words))


def test_rules_by_command(pair):
    """What protects the flow is now one rule, now another: the flow does not see it."""
    port = ('proto', 'udp', 'dport', '1024-65535')
    with Watched(pair) as watched:
        for n in range(12):
            both(pair, 'add', 'dst', '192.0.2.0/24', 'action', 'protect')
            both(pair, 'add', 'dst', 'other', *port, 'action', 'protect')
            both(pair, 'del', 'dst', 'other')
            both(pair, 'add', 'dst', 'other', 'proto', 'tcp', 'action', ('bypass', 'discard')[n % 2])
            both(pair, 'replace', 'dst', 'other', 'proto', 'tcp', 'action', ('discard', 'bypass')[n % 2])
            both(pair, 'add', 'dst', '0.0.0.0/0', 'action', 'protect')
            both(pair, 'del', 'dst', 'other', *port)
            both(pair, 'del', 'dst', '192.0.2.0/24')
            both(pair, 'del', 'dst', 'other', 'proto', 'tcp')
            both(pair, 'add', 'dst', 'other', 'action', 'protect')
            both(pair, 'replace', 'dst', 'other', 'action', 'protect', 'prio', n)
            both(pair, 'del', 'dst', '0.0.0.0/0')
            watched.goes_on()


def crowd(action):
    """Many others that change at the same time, so that a change takes long enough for packets to fall into it."""
    return [(f'policy crowd{i}', {'dst': f'10.9.{i}.0/24', 'action': action}) for i in range(200)]


def udp_and_tcp(other, action):
    return (('policy udp', {'dst': other, 'proto': 'udp', 'dport': '1024-65535', 'action': 'protect'}),
            ('policy tcp', {'dst': other, 'proto': 'tcp', 'action': action}))


def test_rules_by_the_file(pair):
    """The same by SIGHUP, where several rules come and go at once: from the host's to its network's and back."""
    net = ('policy net', {'dst': '192.0.2.0/24', 'action': 'protect'})
    with Watched(pair) as watched:
        for n in range(10):
            for host, other in ((pair.a, B), (pair.b, A)):
                udp, tcp = udp_and_tcp(other, ('bypass', 'discard')[n % 2])
                reload(host, *crowd('discard'), udp)
                if n == 0:
                    host.cmd('policy', 'flush')
                reload(host, *crowd('bypass'), net)
                reload(host, *crowd('protect'), udp, tcp)
            watched.goes_on()
    reload(pair.a, *udp_and_tcp(B, 'discard'))
    assert policies(pair.a) == {(f'{B}/32', 'udp', 'any', '1024-65535', 'protect', 'file'),
                                (f'{B}/32', 'tcp', 'any', 'any', 'discard', 'file')}


def test_the_files_policies(pair):
    """They come and go with the file, and with nothing else."""
    host = pair.a
    ten = ('policy ten', {'dst': TEN, 'proto': 'tcp', 'sport': 22, 'prio': 3, 'action': 'bypass'})
    mine = (f'{B}/32', 'any', 'any', 'any', 'protect', 'manual')
    its = (TEN, 'tcp', '22', 'any', 'bypass', 'file')
    reload(host, ten)
    assert policies(host) == {mine, its}
    done = host.cmd('policy', 'del', 'dst', TEN, 'proto', 'tcp', 'sport', 22, check=False)
    assert done.returncode == 1 and '[policy]' in done.stderr
    host.cmd('policy', 'flush')
    assert policies(host) == {its}
    host.config.write_text(host.config.read_text() + '[policy again]\ndst = 10.9.0.0/16\nproto = tcp\nsport = 22\n'
                           'action = protect\n')
    host.daemon.send_signal(signal.SIGHUP)
    until(lambda: 'going on as before' in host.log_text, 'it is refused')
    assert 'a policy with the same selector is there, of [policy ten]: dst 10.9.0.0/16 proto tcp sport 22' in host.log_text
    assert host.cmd('check', '-c', host.config, check=False).returncode == 1
    assert policies(host) == {its}
    reload(host)
    assert policies(host) == set()


def test_what_the_file_opens_is_said(pair):
    """Who takes a policy out of it opens a gate as surely as by 'detach'."""
    host = pair.a
    ten = {'dst': TEN, 'action': 'discard'}
    reload(host, ('policy ten', ten), ('policy by', {**ten, 'proto': 'tcp', 'action': 'bypass'}))
    reload(host, ('policy ten', {**ten, 'action': 'protect'}))
    assert 'IN CLEAR' not in host.log_text
    reload(host)
    assert f'1 policies are no longer in the file, the first for {TEN}: what no other is for GOES IN CLEAR' in host.log_text


def test_connections_by_the_file():
    """Other connections and policies come and go; the one that stays has its SAs and loses nothing."""
    with IkePair('native') as pair:
        pair.psk()
        pair.start()
        order(pair.a, 'initiate', 'core')
        wait_up(*pair.hosts)
        before = children(pair.a)[0]['spi_in']
        texts = [host.config.read_text() for host in pair.hosts]
        with Watched(pair) as watched:
            for n in range(6):
                for host, text, (local, remote) in zip(pair.hosts, texts, ((A, B), (B, A))):
                    extra = {'local': local, 'remote': remote, 'auth': 'psk', 'psk-file': 'psk', 'protect': 'tcp/179'}
                    ten = ('policy ten', {'dst': TEN, 'action': 'discard'})
                    bgp = ('connection bgp', extra)
                    seen = host.log_text.count(': reloaded')
                    host.config.write_text(text + ''.join(section(*s) for s in ([ten], [bgp], [bgp, ten])[n % 3]))
                    host.daemon.send_signal(signal.SIGHUP)
                    until(lambda: host.log_text.count(': reloaded') > seen, 'reloaded')
                watched.goes_on()
        assert before in [c['spi_in'] for c in children(pair.a)]
