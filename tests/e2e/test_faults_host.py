# SPDX-License-Identifier: BSD-2-Clause
"""
What goes wrong on a host that runs: pins taken away, disks that are full, processes that hang. Nothing
is in clear meanwhile, a line of the log names the thing, and when the fault is over all is as before.
"""
import contextlib
import os
import shutil
import signal
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from lib.beds.ike import bring_up, is_up, order, wait_up
from lib.beds.paced import Both
from lib.beds.pair import A, B
from lib.host import is_dead
from lib.traffic import PacedFlow, ping
from lib.wait import until

# A process that hangs is killed after 15 to 22 seconds (loader/daemon/watchdog.c).
HANG_SECONDS = 30


# ---- what is pinned ----

def maps_of(host):
    return {path.name for path in host.pins.iterdir() if path.is_file()}


def test_pins_of_maps_taken_away(native):
    """What runs goes on by what it has open; the pins come back, and with them a worker and an IKE that are started anew."""
    native.psk(start='initiate')
    native.start()
    wait_up(*native.hosts)
    host = native.a
    with Both(native) as traffic:
        until(traffic.goes_on(), 'traffic both ways')
        before = maps_of(host)
        assert len(before) > 20
        for name in before:
            (host.pins / name).unlink()
        until(lambda: maps_of(host) == before, 'the pins are back')
        assert f'somebody took the pins of {len(before)} maps away; pinned again' in host.log_text
        for name in 'worker', 'protocol':
            pid = host.processes()[name]
            os.kill(pid, signal.SIGKILL)
            until(lambda: host.worker_ready() and host.processes()[name] not in (None, pid), f'another {name}')
        until(lambda: is_up(host), 'up again')
        until(traffic.goes_on(), 'traffic again')
        traffic.closed()
    assert host.counters()['opened'] > 100     # they are the same maps


def test_everything_pinned_taken_away(native):
    """The directory and all that is in it, the links of the gate and the backstop, too."""
    native.psk(start='initiate')
    native.start()
    wait_up(*native.hosts)
    host = native.a
    with Both(native) as traffic:
        until(traffic.goes_on(), 'traffic both ways')
        before = {path.relative_to(host.pins) for path in host.pins.rglob('*')}
        shutil.rmtree(host.pins)
        until(lambda: {path.relative_to(host.pins) for path in host.pins.rglob('*')} == before, 'all pins are back')
        assert "somebody took the backstop's pins away; up again" in host.log_text
        until(traffic.goes_on(), 'traffic again')
        traffic.closed(between=2)
    assert host.status()['backstop'] and host.cmd('status', check=False).returncode == 0


# ---- file systems that are full ----

@contextlib.contextmanager
def small_disk(path, size='64k'):
    """A file system of its own there, with as much room."""
    path.mkdir(exist_ok=True)
    subprocess.run(['mount', '-t', 'tmpfs', '-o', f'size={size}', 'tmpfs', path], check=True)
    try:
        yield path
    finally:
        subprocess.run(['umount', '-l', path], check=True)


def test_log_that_cannot_be_written(native):
    """Its disk is full, and nobody reads it: what is lost is the line."""
    native.psk()
    native.a.log.symlink_to('/dev/full')
    native.start()
    order(native.a, 'initiate', 'core')
    wait_up(*native.hosts)
    with native.capture() as capture:
        os.kill(native.a.processes()['worker'], signal.SIGKILL)
        until(lambda: (s := native.a.worker_ready()) and s['worker']['restarts'] == 1, 'another worker')
        assert ping(native.a.netns, B, 3)
        assert not [p for p in capture.stop() if p.proto != 50 and not p.ike and {p.src, p.dst} == {A, B}]
    native.a.log.unlink()


def test_capture_on_a_full_disk(native):
    """It ends with a line that says so, and the worker never waits for it."""
    native.psk()
    bring_up(native)
    with small_disk(native.a.dir / 'disk') as disk, PacedFlow(native.a.netns, native.b.netns, B, rate=2000) as flow:
        done = native.a.cmd('capture', '-w', disk / 'captured', check=False)
        so_far = flow.arrived()
        until(lambda: flow.arrived() > so_far + 200, 'traffic goes on')
    said = [line for line in done.stderr.splitlines() if line.startswith('xdp-ipsec capture: ')]
    assert done.returncode == 1 and len(said) == 1 and f'{disk}/captured: No space left on device' in said[0], done.stderr
    assert ping(native.a.netns, B)


# ---- who hangs ----

def initiate(pair):
    pair.psk(start='initiate')
    pair.start()
    wait_up(*pair.hosts)


def test_protocol_process_hangs(native):
    """ESP goes on; it is killed, though there is no service manager with a watchdog, and another one takes over."""
    initiate(native)
    host, before = native.a, native.a.processes()['protocol']
    os.kill(before, signal.SIGSTOP)
    with Both(native, forge=False) as traffic:
        until(traffic.goes_on(500), 'traffic goes on')
        until(lambda: is_dead(before), 'it is killed', timeout=HANG_SECONDS)
        until(lambda: is_up(host), 'up again')
        until(traffic.goes_on(), 'traffic goes on')
        traffic.closed()
    assert 'does not answer: killed' in host.log_text


def test_protocol_process_hangs_while_addresses_come_and_go(native):
    """Thousands of them: nobody else waits for it, and the next one knows which are there."""
    initiate(native)
    host, before = native.a, native.a.processes()['protocol']
    os.kill(before, signal.SIGSTOP)
    begun = time.monotonic()
    host.lose_notifications()
    assert time.monotonic() - begun < HANG_SECONDS
    until(lambda: is_dead(before), 'it is killed', timeout=HANG_SECONDS)
    until(lambda: is_up(host), 'up again')
    assert ping(host.netns, B)


@pytest.mark.parametrize('who, said', [
    ('keyholder', 'the key holder has ended, or does not answer'),
    ('hands', 'the hands, which do key exchanges, have ended, or do not answer')])
def test_what_ike_needs_hangs(native, who, said):
    """IKE ends with it, and is started again; ESP goes on."""
    initiate(native)
    host, before = native.a, native.a.processes()
    with Both(native, forge=False) as traffic, ThreadPoolExecutor(1) as beside:
        os.kill(before[who], signal.SIGSTOP)
        beside.submit(order, host, 'rekey', 'core', 'child', check=False)
        until(lambda: said in host.log_text, 'it is noticed', timeout=HANG_SECONDS)
        until(lambda: is_dead(before[who]) and is_dead(before['protocol']), 'both have ended')
        until(lambda: host.processes()['protocol'] and is_up(host), 'up again')
        until(traffic.goes_on(), 'traffic goes on')
        traffic.closed()
    assert host.counters().get('no_sa', 0) == 0, 'ESP has gone on all the while'


def test_worker_hangs(native):
    """Noticed, though nobody asks it for anything; another one goes on with the same SAs."""
    native.psk()
    bring_up(native)
    host, before = native.a, native.a.processes()['worker']
    spis = {sa['spi'] for sa in host.status()['sas']}
    with Both(native) as traffic:
        until(traffic.goes_on(), 'traffic both ways')
        os.kill(before, signal.SIGSTOP)
        until(lambda: is_dead(before), 'it is killed', timeout=HANG_SECONDS)
        until(traffic.goes_on(), 'traffic again')
        traffic.closed()
    assert f'worker {before} does not answer: killed' in host.log_text
    assert {sa['spi'] for sa in host.status()['sas']} == spis


def test_supervisor_hangs(native):
    """ESP goes on without it; what happened meanwhile it sees when it goes on, as that its worker has died."""
    native.psk()
    bring_up(native)
    host = native.a
    worker = host.processes()['worker']
    with Both(native) as traffic:
        host.daemon.send_signal(signal.SIGSTOP)
        try:
            until(traffic.goes_on(1000), 'traffic goes on')
            os.kill(worker, signal.SIGKILL)
            until(lambda: is_dead(worker), 'the worker is dead')
        finally:
            host.daemon.send_signal(signal.SIGCONT)
        until(lambda: (s := host.worker_ready()) and s['worker']['pid'] != worker, 'another worker')
        until(traffic.goes_on(), 'traffic again')
        traffic.closed()
