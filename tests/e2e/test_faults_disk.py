# SPDX-License-Identifier: BSD-2-Clause
"""
Disks that are full under a daemon that runs: that of its run directory, with the key log, and where metrics are written. One
line says so, nothing is lost but what was to be written, and when there is room all is written again. Host a has mounts of
its own (lib/beds/placed.py).
"""
import re
import signal

import pytest

from lib.beds.ike import children, order, wait_up
from lib.beds.paced import Both
from lib.beds.pair import B
from lib.beds.placed import PlacedPair
from lib.traffic import ping
from lib.wait import until

UNWRITTEN = 'the key log cannot be written: No space left on device'


@pytest.fixture
def placed():
    """The run directory has some pages of its own."""
    with PlacedPair() as pair:
        pair.psk({'start': 'initiate'}, {'start': 'respond'})
        pair.a.config.write_text('[daemon]\nkeylog = yes\n\n' + pair.a.config.read_text())
        pair.a.netns.sh(f'mkdir -p {pair.a.run_dir} && mount -t tmpfs -o size=48k,mode=0700 tmpfs {pair.a.run_dir}')
        yield pair


def fill(host):
    host.netns.sh(f'cat /dev/zero > {host.run_dir}/fill 2>/dev/null || true')


def nearly_fill_page(host):
    """There is room for one more key: a page is what the disk gives."""
    log = f'{host.run_dir}/esp.keylog'
    host.netns.sh(f'while test $(($(stat -c %s {log}) % 4096)) -lt {4096 - 256}; do head -n1 {log} >> {log}; done')


def make_room(host):
    host.netns.sh(f'rm {host.run_dir}/fill')


def esp_log(host):
    return host.netns.root(f'{host.run_dir}/esp.keylog').read_text()


def is_logged(host):
    child, = children(host)
    return all(f'0x{int(str(child[spi]), 0):08x}' in esp_log(host) for spi in ('spi_in', 'spi_out'))


def rekey(pair):
    order(pair.a, 'rekey', 'core', 'child')
    wait_up(*pair.hosts)


def test_run_directory(placed):
    host = placed.a
    placed.start()
    wait_up(*placed.hosts)
    until(lambda: is_logged(host), 'keys are logged')
    with Both(placed) as traffic:
        until(traffic.goes_on(), 'traffic both ways')
        nearly_fill_page(host)
        fill(host)
        for _ in range(3):
            rekey(placed)
        assert host.said(UNWRITTEN) == 1 and not is_logged(host)
        assert host.status()['keylog'] is True
        for worker in host.processes('xdp-ipsec-worker'):
            host.kill_one(worker)
        until(lambda: (s := host.worker_ready()) and s['worker']['restarts'] == 1, 'another worker')
        until(traffic.goes_on(), 'traffic again')
        make_room(host)
        rekey(placed)
        until(lambda: is_logged(host), 'keys are logged again')
        lines = esp_log(host).split('\n')
        assert all(re.fullmatch(r'"IPv4",.*,"NULL","" *', line) for line in lines[:-1]) and not lines[-1], 'whole lines'
        until(traffic.goes_on(), 'traffic goes on')
        traffic.closed()


def test_started_on_a_full_one(placed):
    """Closed, and up: neither the gate nor keys need room on a disk."""
    host = placed.a
    fill(host)
    host.cmd('gate', '-c', host.config)
    assert 'backstop/out' in host.all_pins() and not ping(host.netns, B, deadline=0.3)
    placed.start()
    wait_up(*placed.hosts)
    assert ping(host.netns, B, 3)
    assert host.said('cannot be written, so nobody can be told which process runs') == 1 and host.said(UNWRITTEN) == 1
    make_room(host)
    with Both(placed) as traffic:
        until(traffic.goes_on(), 'traffic both ways')
        host.stop(signal.SIGKILL)
        host.end_worker()
        host.start()
        wait_up(*placed.hosts)
        until(traffic.goes_on(), 'traffic again')
        traffic.closed()
    assert is_logged(host)


def test_metrics(placed):
    """The file of before stays, whole, and nothing else."""
    host = placed.a
    disk = f'{host.dir}/metrics'
    placed.start()
    wait_up(*placed.hosts)
    host.netns.sh(f'mkdir {disk} && mount -t tmpfs -o size=64k tmpfs {disk}')
    host.cmd('metrics', 'textfile', f'{disk}/x.prom')
    before = host.netns.sh(f'cat {disk}/x.prom').stdout
    assert 'xdp_ipsec_up' in before
    host.netns.sh(f'cat /dev/zero > {disk}/fill 2>/dev/null || true')
    refused = host.cmd('metrics', 'textfile', f'{disk}/x.prom', check=False)
    assert refused.returncode == 1 and refused.stderr.count('\n') == 1
    assert f'{disk}/x.prom: No space left on device' in refused.stderr
    assert host.netns.sh(f'cat {disk}/x.prom').stdout == before and host.netns.sh(f'ls {disk}').stdout.split() == ['fill', 'x.prom']
    host.netns.sh(f'rm {disk}/fill')
    assert ping(host.netns, B, 3), 'there is more to be told of'
    host.cmd('metrics', 'textfile', f'{disk}/x.prom')
    assert host.netns.sh(f'cat {disk}/x.prom').stdout != before
