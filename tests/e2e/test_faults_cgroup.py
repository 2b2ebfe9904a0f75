# SPDX-License-Identifier: BSD-2-Clause
"""
A control group that has no more room, when somebody has to be started again: nothing is in clear meanwhile, the log says what is
missing, and when there is room all is as before.
"""
import os
import signal

import pytest

from lib.beds.limited import limited
from lib.host import is_dead
from lib.wait import until


def kill(host, name):
    pid = host.processes()[name]
    os.kill(pid, signal.SIGKILL)
    until(lambda: is_dead(pid), f'{name} is dead')


@pytest.mark.parametrize('who, said', [('worker', 'starting the worker: '), ('protocol', 'starting IKE: ')])
def test_no_process_can_be_made(native, who, said):
    """pids.max is reached."""
    host = native.a
    with limited(native, 'pids') as (group, traffic):
        group.limit(1)
        kill(host, who)
        until(lambda: f'{said}Resource temporarily unavailable: no more processes are allowed' in host.log_text, 'it is told')
        if who == 'protocol':
            until(traffic.goes_on(), 'ESP goes on')


def test_no_threads_can_be_made(native):
    """There is room for the process, not for its lanes."""
    host = native.a
    with limited(native, 'pids') as (group, _traffic):
        worker = host.processes()['worker']
        threads = len(os.listdir(f'/proc/{worker}/task'))
        group.limit(group.usage() - threads + 1)
        kill(host, 'worker')
        until(lambda: 'no more processes are allowed' in host.log_text, 'it is told')
