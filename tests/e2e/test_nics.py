# SPDX-License-Identifier: BSD-2-Clause
"""Kinds of NICs: traffic inside SAs both ways and nothing in clear, or a line that says what to attach instead."""
import contextlib
import fcntl
import json
import os
import socket
import struct
import time

import pytest
from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import Ether

from lib.beds.ike import IkePair, bring_up
from lib.beds.paced import Both
from lib.beds.pair import A, B, NIC, Pair
from lib.beds.stacked import move_address, put_on_top
from lib.host import Host, dropped
from lib.netns import Netns, run
from lib.traffic import udp_socket
from lib.wait import until
from lib.wire import Capture, Tap

TUNSETIFF, IFF_TAP, IFF_NO_PI, IFF_VNET_HDR = 0x400454ca, 0x0002, 0x1000, 0x4000
MODES = ['native', 'generic']


def kind_is_known(kind):
    """Whether this kernel has such interfaces."""
    with Netns('kind') as ns:
        ns.ip('link', 'add', 'below0', 'type', 'veth', 'peer', 'name', 'far0')
        words = {'vlan': ['link', 'below0', 'name', 'x0', 'type', 'vlan', 'id', 5]}.get(kind, ['x0', 'type', kind])
        return ns.ip('link', 'add', *words, check=False).returncode == 0


def goes(sock, data, to):
    """Whether the backstop lets it."""
    try:
        return sock.sendto(data, to)
    except PermissionError:
        return 0


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


def test_neighbour_on_the_same_nic():
    """A container that takes the peer's address, and so gets what is for it from a macvlan in bridge mode, past the NIC's hooks."""
    with Pair() as pair, Netns('container') as container:
        put_on_top(pair, 'macvlan', mode='bridge')
        ns = pair.a.netns
        ns.ip('link', 'add', 'link', NIC, 'name', 'top1', 'type', 'macvlan', 'mode', 'bridge')
        ns.ip('link', 'set', 'top1', 'netns', container.name)
        container.ip('link', 'set', 'top1', 'up')
        container.ip('addr', 'add', f'{B}/24', 'dev', 'top1')
        ns.ip('neigh', 'replace', B, 'lladdr', container.mac('top1'), 'dev', 'top0')
        with udp_socket(container, B, 7777) as there, udp_socket(ns, A) as here:
            here.sendto(b'before there is a policy', (B, 7777))
            assert there.recv(100)
            pair.start()
            pair.begin()
            assert not goes(here, b'what is protected', (B, 7777))
            assert pair.a.counters()['backstop_out']
            there.setblocking(False)
            with pytest.raises(BlockingIOError):
                there.recv(100)
            ns.ip('link', 'set', 'top0', 'type', 'macvlan', 'mode', 'private')
            until(lambda: goes(here, b'protected', (B, 7777)) and pair.a.counters().get('sealed'), 'by the NIC, which is heard of')
            with pytest.raises(BlockingIOError):
                there.recv(100)


@pytest.mark.parametrize('kind', ['macvlan', 'macvtap', 'bridge'])
def test_attached_itself(kind):
    """In generic mode, which auto comes to."""
    with Pair('auto') as pair:
        put_on_top(pair, kind, mode='bridge')
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
            assert done.returncode == 1 and f'attach {NIC}' in done.stdout + done.stderr, done


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
    """
    What may leave by a port without a gate is dropped, and the log names that port until it is attached, too. What an SA brings
    arrives all the while.
    """
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
        until(lambda: traffic.counts()[0] > 100, 'what an SA brings')
        traffic.closed()
    a.cmd('attach', 'port7')
    until(lambda: 'its packets leave by an attached interface again' in a.log_text, 'a line in the log')
    with Both(pair) as traffic:
        until(traffic.goes_on(300), 'traffic both ways', timeout=20)
        traffic.closed()


# ---- what stands on attached NICs, while nobody runs who would notice a change ----

def add_port(pair):
    """Another one, which the entry of the gate of what stands on it knows nothing of."""
    pair.a.netns.ip('link', 'add', 'port7', 'up', 'master', 'under0', 'type', 'veth', 'peer', 'name', 'far7', 'netns', pair.wire.name)
    pair.wire.ip('link', 'set', 'far7', 'up')
    return 'far7'


def make_port_again(index):
    def act(pair):
        a = pair.a.netns
        own = json.loads(a.ip('-j', 'link', 'show', 'dev', NIC).stdout)[0]['ifindex']
        a.ip('link', 'del', NIC)
        plug(pair, index=own if index else None)
        a.ip('addr', 'flush', 'dev', NIC)
        a.ip('link', 'set', NIC, 'master', 'under0')
        return 'port0'
    return act


CHANGES = {'nothing': lambda pair: 'port0', 'another-port': add_port, 'port-made-again': make_port_again(False),
           'port-made-again-with-its-number': make_port_again(True)}


def put_storeys(host, storeys):
    """A bridge on the NIC, and by turns macvlans and bridges on it; returns the topmost, which has the address."""
    ns, below = host.netns, NIC
    for n in range(storeys):
        dev = 'under0' if n == 0 else f'top{n}'
        if n % 2:
            ns.ip('link', 'add', 'link', below, 'name', dev, 'type', 'macvlan', 'mode', 'passthru')
        else:
            ns.ip('link', 'add', dev, 'type', 'bridge', 'forward_delay', 0, 'mcast_snooping', 0)
            ns.ip('link', 'set', below, 'up', 'master', dev)
        ns.ip('link', 'set', dev, 'up')
        below = dev
    move_address(host, below, A)
    return below


@pytest.fixture(params=MODES)
def pair(request):
    with Pair(request.param) as pair:
        yield pair


def start_with_storeys(pair, count):
    """Returns what is on top of host a's NIC."""
    top = put_storeys(pair.a, count)
    pair.start()
    pair.begin()
    return top


def sent_to_all_ports(pair, top, cable, count=20):
    """What a cable sees of datagrams to the peer, by a MAC that a bridge sends to all ports; and why they were dropped."""
    pair.a.netns.ip('neigh', 'replace', B, 'lladdr', '02:00:00:00:00:77', 'dev', top, 'nud', 'permanent')
    before = pair.a.counters()
    with Capture(pair.wire, cable) as capture, udp_socket(pair.a.netns, A) as s:
        for _ in range(count):
            with contextlib.suppress(PermissionError):  # a drop of the backstop's
                s.sendto(b'of a covered one', (B, 4000))
        seen = capture.stop()
    return [p for p in seen if p.proto == socket.IPPROTO_UDP], dropped(before, pair.a.counters())


@pytest.mark.parametrize('change', CHANGES)
@pytest.mark.parametrize('count', [1, 2])
def test_changed_below_while_nobody_runs(pair, count, change):
    """What is left of the daemon is an entry that says that all NICs below are attached, which is true no longer."""
    top = start_with_storeys(pair, count)
    with Both(pair, forge=False) as traffic:
        until(traffic.goes_on(), 'traffic both ways')
        traffic.closed()
    assert pair.a.stop() == 0
    clear, why = sent_to_all_ports(pair, top, CHANGES[change](pair))
    assert not clear
    assert why == ({'no_sa': 20} if change == 'nothing' else {'backstop_out': 20})


def test_opened_below_while_nobody_runs(pair):
    """A bridge is open since one of its ports was detached; then it has another port, by which nothing may come in clear."""
    top = start_with_storeys(pair, 1)
    ns, wire = pair.a.netns, pair.wire
    for n in 7, 8:
        ns.ip('link', 'add', f'port{n}', 'up', 'type', 'veth', 'peer', 'name', f'far{n}', 'netns', wire.name)
        wire.ip('link', 'set', f'far{n}', 'up')
    ns.ip('link', 'set', 'port8', 'master', top)
    pair.a.cmd('attach', 'port8')
    pair.a.cmd('detach', 'port8')
    mac = json.loads(ns.ip('-j', 'link', 'show', 'dev', top).stdout)[0]['address']
    frame = Ether(dst=mac, src='02:00:00:00:00:77') / IP(src=B, dst=A) / UDP(sport=4000, dport=4000) / b'in clear'
    for dev in ('all', top):
        ns.sysctl(f'net.ipv4.conf.{dev}.rp_filter', 0)
    with udp_socket(ns, A, 4000) as hears, Tap(wire, 'far8') as opened, Tap(wire, 'far7') as other:
        hears.settimeout(0.2)

        def heard(tap):
            tap.send(frame)
            with contextlib.suppress(TimeoutError):
                return hears.recv(100)

        until(lambda: heard(opened), 'the gate is open')
        assert pair.a.stop() == 0
        assert heard(opened)
        ns.ip('link', 'set', 'port8', 'nomaster')
        ns.ip('link', 'set', 'port7', 'master', top)
        before = pair.a.counters().get('backstop_in', 0)
        until(lambda: heard(other) or pair.a.counters().get('backstop_in', 0) > before, 'it comes by the other port')
        assert not heard(other)


def test_storeys(pair):
    """The backstop looks through four."""
    start_with_storeys(pair, 4)
    with Both(pair, forge=False) as traffic:
        until(traffic.goes_on(), 'traffic both ways')
        traffic.closed()


def test_more_storeys_than_are_looked_through(pair):
    top = start_with_storeys(pair, 5)
    assert sent_to_all_ports(pair, top, 'port0') == ([], {'backstop_out': 20})


@pytest.fixture
def psk_pair():
    with contextlib.ExitStack() as stack:
        def make(mode):
            pair = stack.enter_context(IkePair(mode))
            pair.psk(start='trap')
            return pair
        yield make


# ---- what happens to a NIC ----

@pytest.fixture(params=[(mode, hook) for mode in MODES for hook in ('tcx', 'clsact')], ids='-'.join)
def moving(request):
    """A pair with traffic both ways, and the wire watched; at the end nothing was in clear."""
    mode, hook = request.param
    with Pair(mode, hook=hook) as pair:
        pair.mode, pair.hook = mode, hook
        pair.start()
        pair.begin()
        yield pair


def plug(pair, dev=NIC, index=None):
    """As Pair.connect(), with an ifindex to choose."""
    a = pair.a.netns
    a.ip('link', 'add', dev, *['index', index] * (index is not None), 'type', 'veth', 'peer', 'name', 'port0', 'netns', pair.wire.name)
    pair.wire.ip('link', 'set', 'port0', 'up', 'master', 'bridge')
    set_up(pair, dev)


def set_up(pair, dev=NIC):
    a = pair.a.netns
    a.ip('link', 'set', dev, 'up')
    a.ip('addr', 'replace', f'{A}/24', 'dev', dev)


def is_attached(host, dev=NIC):
    return any(i['name'] == dev and i['ifindex'] for i in host.status()['interfaces'])


@contextlib.contextmanager
def watched(pair):
    """Traffic goes on both ways before the block and after it, and nothing in clear at any time. Seen from host b's cable,
    which stays."""
    capture = pair.capture
    pair.capture = lambda **how: Capture(pair.wire, 'port1', **how)
    try:
        with Both(pair, forge=False) as traffic:
            until(traffic.goes_on(), 'traffic both ways')
            yield
            until(traffic.goes_on(), f'traffic again; the log:\n{pair.a.log_text}', timeout=20)
            traffic.closed()
    finally:
        pair.capture = capture


def test_renamed(moving):
    """And to a name that another configured NIC has, which is not there."""
    a = moving.a.netns
    with open(moving.a.config, 'a') as f:
        f.write(f'[interface nic1]\nhook = {moving.hook}\nmode = {moving.mode}\n')
    moving.a.cmd('reload', check=False)
    with watched(moving):
        for old, new in (NIC, 'other'), ('other', 'nic1'), ('nic1', NIC):
            a.ip('link', 'set', old, 'down')
            a.ip('link', 'set', old, 'name', new)
            set_up(moving, new)
            if new != NIC:
                until(lambda: f'{NIC}: is called {new} now' in moving.a.log_text, 'the name in the log')
    assert 'is gone' not in moving.a.log_text


@pytest.mark.parametrize('daemon', ['running', 'stopped'])
def test_moved_and_back(moving, daemon):
    """To another network namespace, where it is used, in clear for all the kernel knows; and its gate is closed there too."""
    a = moving.a.netns
    with watched(moving), Netns('elsewhere') as elsewhere:
        if daemon == 'stopped':
            moving.a.stop()
        for _ in range(2):
            a.ip('link', 'set', NIC, 'netns', elsewhere.name)
            elsewhere.ip('link', 'set', NIC, 'up')
            elsewhere.ip('addr', 'add', f'{A}/24', 'dev', NIC)
            if daemon == 'running':
                until(lambda: not is_attached(moving.a), 'the NIC to be gone')
                assert ('where its clsact filters are not' in moving.a.log_text) == (moving.hook == 'clsact')
            if moving.hook == 'tcx':        # clsact does not go along: there its egress is open
                elsewhere.run('ping', '-c', 3, '-i', 0.01, '-W', 1, B, check=False)
            elsewhere.ip('link', 'set', NIC, 'netns', a.name)
            set_up(moving)
            if daemon == 'running':
                until(lambda: is_attached(moving.a), 'the NIC to be back')
        if daemon == 'stopped':
            moving.a.start()
            moving.new_sas()


@pytest.mark.parametrize('index', [None, 777])
def test_made_again(moving, index):
    """Ten times, also with the number that it had."""
    a = moving.a.netns
    with watched(moving):
        for _ in range(5):
            a.ip('link', 'del', NIC)
            plug(moving, index=index)
            until(lambda: is_attached(moving.a), 'the NIC to be back')


def test_made_again_unheard(moving):
    """With the same number while notifications are lost."""
    a = moving.a.netns
    with watched(moving):
        a.ip('link', 'del', NIC)
        plug(moving, index=777)
        until(lambda: is_attached(moving.a), 'the NIC to be back')

        def again():
            a.ip('link', 'del', NIC)
            plug(moving, index=777)

        moving.a.lose_notifications(again)


def test_another_with_its_number(moving):
    """It has moved away, and a new one has its name and number, and moves away too: all stay closed where they are."""
    a = moving.a.netns
    with watched(moving), Netns('first') as first, Netns('second') as second:
        a.ip('link', 'del', NIC)
        plug(moving, index=777)
        until(lambda: is_attached(moving.a), 'the NIC to be back')
        for elsewhere in first, second:
            a.ip('link', 'set', NIC, 'netns', elsewhere.name)
            elsewhere.ip('link', 'set', NIC, 'up')
            until(lambda: not is_attached(moving.a), 'the NIC to be gone')
            moving.wire.ip('link', 'set', 'port0', 'name', f'was{elsewhere.name[-4:]}')
            plug(moving, index=777)
            until(lambda: is_attached(moving.a), 'another one')
            assert (pins := [p.name for p in (moving.a.pins / 'away').iterdir()]), pins
            if moving.hook == 'tcx':
                elsewhere.ip('addr', 'add', f'{A}/24', 'dev', NIC)
                elsewhere.run('ping', '-c', 3, '-i', 0.01, '-W', 1, B, check=False)
        assert 'xdp' in first.ip('link', 'show', 'dev', NIC).stdout


def test_back_without_xdp(moving):
    """Somebody took it off while the NIC was away, and not what tcx has, which takes no program twice."""
    a = moving.a.netns
    with watched(moving), Netns('elsewhere') as elsewhere:
        a.ip('link', 'set', NIC, 'netns', elsewhere.name)
        until(lambda: not is_attached(moving.a), 'the NIC to be gone')
        pin, = moving.a.pins.rglob(f'{NIC}-*xdp')
        run('bpftool', 'link', 'detach', 'pinned', pin)
        elsewhere.ip('link', 'set', NIC, 'netns', a.name)
        set_up(moving)
        until(lambda: is_attached(moving.a), 'the NIC to be back')


def test_down_and_up(moving):
    a = moving.a.netns
    with watched(moving):
        for _ in range(5):
            a.ip('link', 'set', NIC, 'down')
            set_up(moving)


def test_queues_changed(moving):
    """ethtool -L: more queues than there were are served, too, and fewer."""
    a = moving.a.netns
    a.ip('link', 'del', NIC)
    a.ip('link', 'add', 'new0', 'numrxqueues', 4, 'numtxqueues', 4, 'type', 'veth', 'peer', 'name', 'port0', 'numrxqueues', 4,
         'numtxqueues', 4, 'netns', moving.wire.name)
    moving.wire.ip('link', 'set', 'port0', 'up', 'master', 'bridge')
    a.run('ethtool', '-L', 'new0', 'rx', 1, 'tx', 1)
    moving.wire.run('ethtool', '-L', 'port0', 'tx', 1)      # a veth has no native XDP while its peer sends by more queues
    a.ip('link', 'set', 'new0', 'name', NIC)
    set_up(moving)
    until(lambda: is_attached(moving.a), 'the NIC to be back')
    with watched(moving):
        a.run('ethtool', '-L', NIC, 'rx', 2, 'tx', 1)
        until(lambda: moving.a.status()['interfaces'][0]['queues'] == 2, 'two queues', timeout=5)


# ---- who has it already ----

def test_another_instance(psk_pair):
    """The line names it, and not a way to open its gate by other means than its own; and its traffic goes on."""
    pair = psk_pair('auto')
    bring_up(pair)
    for state in 'running', 'stopped':
        if state == 'stopped':
            pair.a.stop()
        second = Host(pair.a.netns)
        second.instance += '-2'
        second.pins, second.run_dir = second.pins.with_name(second.instance), second.run_dir.with_name(second.instance)
        second.configure([NIC])
        second.config.write_text(second.config.read_text() + f'[policy all]\ndst = {B}\naction = protect\n')
        try:
            for command in 'check', 'gate', 'run':
                done = second.cmd(command, '-c', second.config, check=False)
                assert done.returncode == 1, done
                assert f"{NIC}: instance '{pair.a.instance}' guards it" in done.stdout + done.stderr, done
                assert 'xdp off' not in done.stdout + done.stderr and 'remove' not in done.stderr, done
            if state == 'running':
                pair.a.netns.run('ping', '-c', 1, '-W', 5, B)
            said = second.cmd('detach', 'all').stdout
            assert 'the gate is open' not in said and f"{NIC}: instance '{pair.a.instance}' still guards it" in said, said
        finally:
            second.close()
    assert 'xdp' in pair.a.netns.ip('link', 'show', 'dev', NIC).stdout


@contextlib.contextmanager
def holding_tap(netns, dev):
    """The TAP is somebody's: a worker's that is still dying."""
    with netns.entered():
        fd = os.open('/dev/net/tun', os.O_RDWR)
        fcntl.ioctl(fd, TUNSETIFF, struct.pack('16sH22x', dev.encode(), IFF_TAP | IFF_NO_PI | IFF_VNET_HDR))
    assert dev in netns.links()
    try:
        yield fd
    finally:
        with contextlib.suppress(OSError):
            os.close(fd)


def sleeps(pid):
    """Not for something to happen, but for time to pass."""
    with open(f'/proc/{pid}/wchan') as f:
        return 'nanosleep' in f.read()


def test_tap_of_one_that_dies():
    """`run` waits for it."""
    with Pair('auto') as pair, holding_tap(pair.a.netns, f'esp-{NIC}') as fd:
        pair.a.spawn()
        until(lambda: pair.a.daemon.poll() is not None or sleeps(pair.a.daemon.pid), 'run to wait for the TAP')
        held_till = time.monotonic() + 0.5
        while time.monotonic() < held_till:
            assert pair.a.daemon.poll() is None, pair.a.log_text
        os.close(fd)
        pair.a.wait_ready()


def test_tap_of_one_that_does_not():
    """It waits no longer than two seconds, and nothing is opened: the TAP is not told to be removed as if it were nobody's."""
    with Pair('auto') as pair, holding_tap(pair.a.netns, f'esp-{NIC}'):
        begin = time.monotonic()
        pair.a.spawn()
        assert pair.a.daemon.wait(timeout=10) == 1
        assert time.monotonic() - begin < 8
        assert f'esp-{NIC}: making the TAP: Device or resource busy: an interface of that name is there' in pair.a.log_text
        assert f'esp-{NIC}' in pair.a.netns.links()
