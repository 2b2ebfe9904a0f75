# SPDX-License-Identifier: BSD-2-Clause
"""Kinds of NICs: traffic inside SAs both ways and nothing in clear, or a line that says what to attach instead."""
import contextlib

import pytest

from ike import IkePair
from netns import Netns
from paced import Both
from pair import A, B, NIC, Pair
from wait import until

MODES = ['native', 'generic']


def kind_is_known(kind):
    """Whether this kernel has such interfaces."""
    with Netns('kind') as ns:
        ns.ip('link', 'add', 'below0', 'type', 'veth', 'peer', 'name', 'far0')
        words = {'vlan': ['link', 'below0', 'name', 'x0', 'type', 'vlan', 'id', 5]}.get(kind, ['x0', 'type', kind])
        return ns.ip('link', 'add', *words, check=False).returncode == 0


def move_address(host, dev, addr):
    """What is on top has the address now, and its traffic passes the NIC."""
    ns = host.netns
    ns.ip('addr', 'flush', 'dev', NIC)
    ns.ip('link', 'set', dev, 'up')
    ns.ip('addr', 'add', f'{addr}/24', 'dev', dev)
    ns.sysctl(f'net.ipv4.conf.{dev}.rp_filter', 1)


def put_on_top(pair, kind, dev='top0'):
    """On each host's NIC, as in a container or on a virtual machine's host."""
    for host, addr in zip(pair.hosts, (A, B)):
        if kind == 'bridge':
            host.netns.ip('link', 'add', dev, 'type', 'bridge', 'forward_delay', 0, 'mcast_snooping', 0)
            host.netns.ip('link', 'set', NIC, 'master', dev)
        else:
            host.netns.ip('link', 'add', 'link', NIC, 'name', dev, 'type', kind, *['mode', 'bridge'] * kind.startswith('mac'))
        move_address(host, dev, addr)


def carries(pair):
    pair.start()
    pair.begin()
    with Both(pair) as traffic:
        until(traffic.goes_on(300), 'traffic both ways')
        packets = traffic.capture.packets()
        traffic.closed()
    return packets


@pytest.mark.parametrize('kind', ['macvlan', 'macvtap', 'bridge'])
@pytest.mark.parametrize('mode', MODES)
def test_nic_below(mode, kind):
    """The NIC is attached; the address is that of what is on it, which the backstop takes for covered."""
    with Pair(mode) as pair:
        put_on_top(pair, kind)
        carries(pair)
        for host in pair.hosts:
            assert 'backstop_out' not in host.counters()


@pytest.mark.parametrize('kind', ['macvlan', 'macvtap', 'bridge'])
def test_attached_itself(kind):
    """In generic mode, which auto comes to."""
    with Pair('auto') as pair:
        put_on_top(pair, kind)
        for host in pair.hosts:
            host.configure(['top0'])
        carries(pair)
        assert pair.a.status()['interfaces'][0]['mode'] == 'generic'


def test_vxlan():
    """ESP inside of it."""
    with Pair('auto') as pair:
        for host, addr, other in (pair.a, A, B), (pair.b, B, A):
            outer, peer = addr.replace('192.0.2', '10.9.9'), other.replace('192.0.2', '10.9.9')
            host.netns.ip('link', 'add', 'top0', 'type', 'vxlan', 'id', 5, 'remote', peer, 'dstport', 4789, 'dev', NIC)
            move_address(host, 'top0', addr)
            host.netns.ip('addr', 'add', f'{outer}/24', 'dev', NIC)
            host.configure(['top0'])
        pair.start()
        pair.begin()
        with Both(pair, forge=False) as traffic:
            until(traffic.goes_on(300), 'traffic both ways')
            traffic.closed()
            wire = traffic.capture.file.read_bytes()
            assert b'to a' not in wire and b'to b' not in wire


def test_native_where_there_is_none():
    with Pair('native') as pair:
        put_on_top(pair, 'bridge')
        pair.a.configure(['top0'], mode='native')
        pair.a.spawn()
        assert pair.a.daemon.wait(timeout=10) == 1
        assert "top0: its driver has no native XDP: 'mode = auto' or generic does without" in pair.a.log_text


@pytest.mark.parametrize('kind', ['vlan', 'bond', 'team', 'vrf'])
def test_refused(kind):
    if not kind_is_known(kind):
        pytest.skip(f'NOT TESTED: this kernel has no {kind}; its decision is, in test_loader_nic_kind.c')
    with Pair('auto') as pair:
        ns = pair.a.netns
        if kind == 'vlan':
            ns.ip('link', 'add', 'link', NIC, 'name', 'top0', 'type', 'vlan', 'id', 5)
        else:
            ns.ip('link', 'add', 'top0', 'type', kind, *['table', 5] * (kind == 'vrf'))
            ns.ip('link', 'set', NIC, 'down')
            ns.ip('link', 'set', NIC, 'master', 'top0')
        pair.a.configure(['top0'])
        for command in 'run', 'check':
            done = pair.a.cmd(command, '-c', pair.a.config, check=False)
            assert done.returncode == 1 and f'attach {NIC}' in done.stderr, done


def test_ports_of_a_bond():
    """All its ports attached: what goes by it is sealed on the way out of them."""
    if not kind_is_known('bond'):
        pytest.skip('NOT TESTED: this kernel has no bonding')
    with Pair('auto') as pair:
        for host, addr in zip(pair.hosts, (A, B)):
            host.netns.ip('link', 'add', 'top0', 'type', 'bond', 'mode', 'active-backup')
            host.netns.ip('link', 'set', NIC, 'down')
            host.netns.ip('link', 'set', NIC, 'master', 'top0')
            host.netns.ip('link', 'set', NIC, 'up')
            move_address(host, 'top0', addr)
        carries(pair)


def test_tunnel_without_ethernet():
    with Pair('auto') as pair:
        pair.a.netns.ip('tuntap', 'add', 'dev', 'top0', 'mode', 'tun')
        pair.a.configure(['top0'])
        done = pair.a.cmd('run', '-c', pair.a.config, check=False)
        assert done.returncode == 1 and 'top0: not an Ethernet interface' in done.stderr, done


def test_two_that_are_not_apart():
    """A bridge and its port: the second is refused, whichever it is, and the first goes on."""
    with Pair('auto') as pair:
        put_on_top(pair, 'bridge')
        carries(pair)
        for host in pair.hosts:
            done = host.cmd('attach', 'top0', check=False)
            assert done.returncode == 1 and f'top0: stands on {NIC}, which is attached' in done.stderr, done
            host.cmd('detach', NIC)
            host.cmd('attach', 'top0')
            done = host.cmd('attach', NIC, check=False)
            assert done.returncode == 1 and f'{NIC}: stands below top0, which is attached' in done.stderr, done


@pytest.mark.parametrize('mode', MODES)
def test_bridge_with_another_port(mode, psk_pair):
    """What may leave by a port without a gate is dropped, and the log names that port until it is attached, too."""
    pair = psk_pair(mode)
    put_on_top(pair, 'bridge')
    a = pair.a
    a.netns.ip('link', 'add', 'port7', 'type', 'veth', 'peer', 'name', 'far7')
    for words in (['port7', 'master', 'top0'], ['port7', 'up'], ['far7', 'up']):
        a.netns.ip('link', 'set', *words)
    pair.start()
    until(lambda: 'its packets would leave by top0, and port7 under it is not attached: dropped' in a.log_text, 'a line in the log')
    with Both(pair) as traffic:
        until(lambda: a.counters().get('backstop_out', 0) > 100, 'the backstop')
        traffic.closed()
    a.cmd('attach', 'port7')
    until(lambda: 'its packets leave by an attached interface again' in a.log_text, 'a line in the log')
    with Both(pair) as traffic:
        until(traffic.goes_on(300), 'traffic both ways', timeout=20)
        traffic.closed()


@pytest.fixture
def psk_pair():
    with contextlib.ExitStack() as stack:
        def make(mode):
            pair = stack.enter_context(IkePair(mode))
            pair.psk(start='trap')
            return pair
        yield make
