# SPDX-License-Identifier: BSD-2-Clause
"""`latency = low`: CPUs are kept awake while packets pass, and no longer."""
import os
import subprocess
from pathlib import Path

from lib.beds.pair import B, NIC, Pair
from lib.wait import until

DEVICE = '/dev/cpu_dma_latency'
IDLE_DRIVER = Path('/sys/devices/system/cpu/cpuidle/current_driver')


def target(fd):
    try:
        return os.readlink(fd)
    except FileNotFoundError:  # closed meanwhile
        return None


def holds(host):
    return any(target(fd) == DEVICE for fd in Path(f'/proc/{host.daemon.pid}/fd').iterdir())


def test_held_while_packets_pass():
    with Pair() as pair:
        pair.a.configure([NIC], daemon={'latency': 'low'})
        pair.start()
        pair.begin()
        assert not holds(pair.a)
        with subprocess.Popen(pair.a.netns.argv('ping', '-q', '-i', '0.1', B), stdout=subprocess.DEVNULL) as ping:
            until(lambda: holds(pair.a), 'the CPUs are kept awake')
            assert not holds(pair.b)
            ping.terminate()
        until(lambda: not holds(pair.a), 'they may sleep again')
        pair.end()


def is_heeded():
    return not IDLE_DRIVER.exists() or IDLE_DRIVER.read_text() != 'none\n'


def test_where_it_brings_nothing_that_is_said():
    with Pair() as pair:
        pair.a.configure([NIC], daemon={'latency': 'low'})
        pair.start()
        assert ('this kernel has no cpuidle driver' in pair.a.log_text) == (not is_heeded())


def test_nothing_to_hold():
    """Not asked for, it is not opened at all."""
    with Pair() as pair:
        pair.start()
        pair.begin()
        assert pair.a.netns.run('ping', '-q', '-c', '5', '-i', '0.3', B).returncode == 0
        assert not holds(pair.a)
        pair.end()
