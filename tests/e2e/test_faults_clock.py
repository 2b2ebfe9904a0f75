# SPDX-License-Identifier: BSD-2-Clause
"""
Clocks that jump. What lasts is measured by CLOCK_BOOTTIME, which nobody can set; the wall clock, which lib/wrong_clock.c sets here,
is for certificates and for people.
"""
import os
import struct
import subprocess

from lib.beds.ike import bring_up, children, connection, order, wait_up
from lib.beds.paced import Both
from lib.beds.pair import B
from lib.host import BUILD
from lib.traffic import ping
from lib.wait import until

LIBRARY = BUILD / 'tests/lib/wrong_clock.so'
DAY, YEAR = 86400, 365 * 86400


class Clock:
    """The host's, from its next start on."""

    def __init__(self, host):
        self.path = host.dir / 'clock'
        self.set(0)
        self.env = {**os.environ, 'LD_PRELOAD': str(LIBRARY), 'WRONG_CLOCK': str(self.path)}

    def set(self, seconds):
        """Off by so many."""
        if not self.path.exists():
            self.path.write_bytes(bytes(8))
        with open(self.path, 'r+b') as f:
            f.write(struct.pack('=q', seconds))


def spis(host):
    return {(child['spi_in'], child['spi_out']) for child in children(host)}


def test_wall_clock_jumps(native):
    """Years ahead and back: no SA ends, none is rekeyed for it, probes go on, and nothing is in clear."""
    native.psk({'start': 'initiate', 'monitor': '200ms'}, {'start': 'respond'}, rekey_time='10m', lifetime='20m')
    clock = Clock(native.a)
    native.b.start()
    native.a.start(env=clock.env)
    wait_up(*native.hosts)
    before = spis(native.a)
    with Both(native) as traffic:
        until(traffic.goes_on(), 'traffic both ways')
        for jump in YEAR, -DAY, -20 * YEAR, 0:
            clock.set(jump)
            answers = connection(native.a)['monitor']['received']
            until(lambda: connection(native.a)['monitor']['received'] > answers + 2, 'probes are answered')
            until(traffic.goes_on(), f'traffic with a clock that is {jump} s off')
        traffic.closed()
    assert spis(native.a) == before and connection(native.a)['state'] == 'up'
    assert connection(native.a)['monitor']['lost'] == 0
    left = connection(native.a)['children'][0]['rekey_in_s']
    assert 0 < left <= 600
    order(native.a, 'rekey', 'core', 'child')
    assert ping(native.a.netns, B, 3)


def test_certificates_by_the_wall_clock(native, ca):
    """Ahead of all certificates nobody is believed, and it is said why; with the clock right again all comes up."""
    native.certs(ca)
    clock = Clock(native.a)
    native.b.start()
    native.a.start(env=clock.env)
    order(native.a, 'initiate', 'core')
    wait_up(*native.hosts)
    order(native.a, 'terminate', 'core')
    clock.set(2 * YEAR)
    refused = order(native.a, 'initiate', 'core', check=False)
    assert refused.returncode == 1 and 'expired' in refused.stderr, refused.stderr
    assert not ping(native.a.netns, B, deadline=0.5)
    clock.set(0)
    order(native.a, 'initiate', 'core')
    wait_up(*native.hosts)
    assert ping(native.a.netns, B, 3)


def test_time_namespace(native):
    """The kernel's own programs know nothing of one: it is refused, closed all the same, in one line that says where to go."""
    native.psk()
    host = native.a
    elsewhere = ['unshare', '--fork', '--time', f'--boottime={DAY}', f'--monotonic={DAY}', '--']
    with subprocess.Popen(host.netns.argv(*elsewhere, host.command, '--instance', host.instance, 'run', '-c', host.config),
                          stderr=subprocess.PIPE, text=True) as run:
        said = run.communicate(timeout=10)[1]
    assert run.returncode == 1
    assert f'this time namespace sets the clocks off by {DAY} s' in said and 'nsenter --time' in said, said
    assert not ping(host.netns, B, deadline=0.3)
    check = host.netns.run(*elsewhere, host.command, '--instance', host.instance, 'check', '-c', host.config, check=False)
    assert check.returncode == 1 and 'this time namespace' in check.stdout
    bring_up(native)
    assert ping(host.netns, B, 3)
