# SPDX-License-Identifier: BSD-2-Clause
"""
Clocks that jump. What lasts is measured by CLOCK_BOOTTIME, which nobody can set; the wall clock, which lib/wrong_clock.c sets here,
is for certificates and for people.
"""
import os
import struct
import subprocess
import time

from lib.beds.ike import bring_up, children, connection, order, wait_up
from lib.beds.paced import Both
from lib.beds.pair import B
from lib.host import BUILD
from lib.traffic import ping
from lib.wait import until

LIBRARY = BUILD / 'tests/lib/wrong_clock.so'
DAY, YEAR = 86400, 365 * 86400
REKEY_S, LIFETIME_S = 600, 1200
SECONDS = 30    # more than lies between any two steps of a test


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


def times_are_right(host, began):
    """What is told to be just now is so, and no SA ends sooner or later than it should: one child, with traffic both ways."""
    age = time.monotonic() - began + 1
    child, = children(host)
    assert 0 <= child['established_s'] <= age and not child['silent'], child
    assert all(0 <= child[name] < SECONDS for name in ('idle_in_s', 'idle_out_s')), child
    for name, whole in ('rekey_in_s', REKEY_S), ('expires_in_s', LIFETIME_S):
        assert whole * 0.7 - age < child[name] <= whole, child      # a rekey is earlier by chance, not to meet the peer's
    sas = [sa for sa in host.status()['sas'] if sa['spi'] in (child['spi_in'], child['spi_out'])]
    assert len(sas) == 2 and all(0 <= sa['age_s'] <= age and 0 <= sa['idle_s'] < SECONDS for sa in sas), sas


def test_wall_clock_jumps(native):
    """
    Years ahead and back, and back by less than this machine is up: no SA ends, none is rekeyed for it, probes go on, what is made
    meanwhile lives as long as any, and nothing is in clear.
    """
    native.psk({'start': 'initiate', 'monitor': '200ms'}, {'start': 'respond'}, rekey_time=f'{REKEY_S}s', lifetime=f'{LIFETIME_S}s')
    host = native.a
    clock = Clock(host)
    native.b.start()
    began = time.monotonic()
    host.start(env=clock.env)
    wait_up(*native.hosts)
    with Both(native) as traffic:
        until(traffic.goes_on(), 'traffic both ways')
        for jump in YEAR, -4 * SECONDS, -DAY, -20 * YEAR, 0:
            before = spis(host)
            clock.set(jump)
            answers = connection(host)['monitor']['received']
            until(lambda: connection(host)['monitor']['received'] > answers + 2, 'probes are answered')
            until(traffic.goes_on(), f'traffic with a clock that is {jump} s off')
            times_are_right(host, began)
            assert spis(host) == before and connection(host)['state'] == 'up'
            began = time.monotonic()
            order(host, 'rekey', 'core', 'child')
            wait_up(*native.hosts)
            until(traffic.goes_on(), 'traffic by a new SA')
            times_are_right(host, began)
        traffic.closed()
    assert connection(host)['monitor']['lost'] == 0


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
