# SPDX-License-Identifier: BSD-2-Clause
"""
The BPF file system is unmounted under a daemon that runs, or another is mounted over it. Its pins are the closed gate: they are
made in the one that is there then, and nothing that was attached is let go. Host a has mounts of its own (lib/beds/placed.py).
"""
import signal

import pytest

from lib.beds.ike import connection, order, wait_up
from lib.beds.paced import Both
from lib.beds.pair import A, B, NIC
from lib.beds.placed import BPF, PlacedPair
from lib.netns import veth
from lib.traffic import ping
from lib.wait import until

MOVED = 'somebody unmounted the BPF file system, or mounted another over it'


@pytest.fixture
def placed():
    with PlacedPair() as pair:
        pair.psk(start='initiate')
        pair.start()
        wait_up(*pair.hosts)
        yield pair


def unmount(host):
    host.netns.sh(f'umount -l {BPF}')


HOW = {'unmounted': unmount, 'mounted-over': lambda host: host.netns.sh(f'mount -t bpf bpf {BPF}')}


@pytest.mark.parametrize('how', HOW)
def test_pins_move(placed, how):
    """Not a packet is lost for it; whoever is started afterwards finds them, and the gate outlives the daemon."""
    host = placed.a
    before = host.all_pins()
    assert {f'links/{NIC}-xdp', 'backstop/out', 'layout', 'spd'} <= before
    with Both(placed) as traffic:
        until(traffic.goes_on(), 'traffic both ways')
        assert host.netns.sh(f'umount {BPF}', check=False).returncode, 'who does not insist is refused'
        HOW[how](host)
        until(lambda: host.all_pins() == before, 'all pins are in the one that is there')
        until(traffic.goes_on(500), 'traffic goes on')
        assert host.said(MOVED) == 1 and not host.said('took')
        assert host.status()['backstop'] and host.cmd('status', check=False).returncode == 0
        for worker in host.processes('xdp-ipsec-worker'):
            host.kill_one(worker)
        until(lambda: (s := host.worker_ready()) and s['worker']['restarts'] == 1, 'another worker')
        until(traffic.goes_on(), 'traffic again')
        host.stop(signal.SIGKILL)
        host.end_worker()
        until(lambda: not ping(host.netns, B, deadline=0.3), 'nothing goes')
        assert host.all_pins() == before
        host.start()
        wait_up(*placed.hosts)
        until(traffic.goes_on(), 'traffic again')
        traffic.closed()


def test_what_was_mounted_over_guards_no_longer(placed):
    """The bpffs below has the backstop's links by a second name: no command would find them."""
    a, b = placed.hosts
    veth(a.netns.netns, 'nic1', placed.wire, 'wire1')
    placed.wire.ip('link', 'set', 'wire1', 'master', 'bridge')
    before = a.all_pins()
    HOW['mounted-over'](a)
    until(lambda: a.all_pins() == before, 'all pins are in the one that is there')
    for host in (a, b):
        host.cmd('detach', 'all')
    a.netns.ip('addr', 'del', f'{A}/24', 'dev', NIC)
    a.netns.ip('addr', 'add', f'{A}/24', 'dev', 'nic1')
    assert ping(a.netns, B, 3), 'in clear, by a NIC that was never attached'


def test_what_was_mounted_over_guards_by_old_maps_no_longer(placed):
    """Other maps come in the place of those that the backstop below asks."""
    host = placed.a
    before = host.all_pins()
    HOW['mounted-over'](host)
    until(lambda: host.all_pins() == before, 'all pins are in the one that is there')
    host.stop()
    host.config.write_text('[daemon]\nsa-max = 128\n' + host.config.read_text())
    host.start()
    wait_up(*placed.hosts)
    assert ping(host.netns, B, 3)


def test_attached_and_detached_at_once(placed):
    """Before anything has moved."""
    host = placed.a
    host.netns.sh(f'umount -l {BPF}')
    veth(host.netns.netns, 'nic1', placed.wire, 'wire1')
    host.cmd('attach', 'nic1')
    until(lambda: {'links/nic1-xdp', f'links/{NIC}-xdp', 'layout'} <= host.all_pins(), 'both are pinned')
    host.netns.sh(f'umount -l {BPF}')
    host.cmd('detach', 'nic1')
    until(lambda: 'layout' in host.all_pins(), 'the pins are there')
    assert 'links/nic1-xdp' not in host.all_pins() and f'links/{NIC}-xdp' in host.all_pins()
    assert ping(host.netns, B, 3)


@pytest.mark.parametrize('how', ['ended', 'upgraded'])
def test_leaves_at_once(placed, how):
    """Who ends before anything has moved leaves a gate that is closed."""
    host = placed.a
    with Both(placed) as traffic:
        until(traffic.goes_on(), 'traffic both ways')
        host.netns.sh(f'umount -l {BPF}')
        if how == 'ended':
            assert host.stop() == 0
            assert {f'links/{NIC}-xdp', 'backstop/out', 'layout'} <= host.all_pins()
            host.start()
        else:
            host.cmd('upgrade')
        wait_up(*placed.hosts)
        until(traffic.goes_on(), 'traffic again')
        traffic.closed()
    assert host.said(MOVED) == 1


def test_none_can_be_mounted(placed):
    """One line, and all goes on by what the daemon holds; when there is a place for one the pins are in it."""
    host = placed.a
    before = host.all_pins()
    with Both(placed) as traffic:
        until(traffic.goes_on(), 'traffic both ways')
        host.netns.sh(f'umount -l {BPF}; umount -l /sys')
        until(lambda: host.said("'mount -t sysfs sysfs /sys'"), 'it says what it lacks')
        until(traffic.goes_on(1500), 'traffic goes on')
        assert host.said("'mount -t sysfs sysfs /sys'") == 1 and not host.said('took')
        worker, = host.processes('xdp-ipsec-worker')
        host.kill_one(worker)
        until(traffic.goes_on(), 'traffic again, by another worker')
        host.netns.sh('mount -t sysfs sysfs /sys')
        until(lambda: host.all_pins() == before, 'all pins are there')
        until(traffic.goes_on(), 'traffic goes on')
        traffic.closed()
    order(host, 'rekey', 'core', 'child')
    assert connection(host)['state'] == 'up' and ping(host.netns, B, 3)
