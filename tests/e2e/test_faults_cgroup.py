# SPDX-License-Identifier: BSD-2-Clause
"""
A control group that has no more room, when somebody has to be started again: nothing is in clear meanwhile, the log says what is
missing, and when there is room all is as before.
"""
import contextlib
import os
import signal

import pytest

from lib.beds.ike import is_up, wait_up
from lib.beds.paced import Both
from lib.cgroups import Cgroup
from lib.host import is_dead
from lib.wait import until

# A start that failed is tried again after 5 seconds at most (lib/child.c).
AGAIN = 20


def start_within(pair, group):
    pair.psk(start='initiate')
    pair.a.spawn(preexec_fn=group.within)
    pair.b.spawn()
    for host in pair.hosts:
        host.wait_ready()
    wait_up(*pair.hosts)


def kill(host, name):
    pid = host.processes()[name]
    os.kill(pid, signal.SIGKILL)
    until(lambda: is_dead(pid), f'{name} is dead')


@contextlib.contextmanager
def no_room(pair):
    """Traffic goes both ways, and the control group is there to be limited; behind the block it is not any more, and all is as before."""
    host = pair.a
    with Cgroup('pids') as group:
        try:
            start_within(pair, group)
            with Both(pair) as traffic:
                until(traffic.goes_on(), 'traffic both ways')
                yield group, traffic
                assert host.daemon.poll() is None
                group.limit(None)
                until(lambda: host.worker_ready() and is_up(host), 'all is there again', timeout=AGAIN)
                until(traffic.goes_on(), 'traffic again', timeout=AGAIN)
                traffic.closed()
        finally:
            group.limit(None)
            host.stop()


@pytest.mark.parametrize('who, said', [('worker', 'starting the worker: '), ('protocol', 'starting IKE: ')])
def test_no_process_can_be_made(native, who, said):
    """pids.max is reached."""
    host = native.a
    with no_room(native) as (group, traffic):
        group.limit(1)
        kill(host, who)
        until(lambda: f'{said}Resource temporarily unavailable: no more processes are allowed' in host.log_text, 'it is told')
        if who == 'protocol':
            until(traffic.goes_on(), 'ESP goes on')


def test_no_threads_can_be_made(native):
    """There is room for the process, not for its lanes."""
    host = native.a
    with no_room(native) as (group, _traffic):
        worker = host.processes()['worker']
        threads = len(os.listdir(f'/proc/{worker}/task'))
        group.limit(group.usage() - threads + 1)
        kill(host, 'worker')
        until(lambda: 'no more processes are allowed' in host.log_text, 'it is told')
