# SPDX-License-Identifier: BSD-2-Clause
"""
A control group whose memory is not enough: for the packets of a NIC, or for who is at work. It is told of once, in a line that says
what to do, what has its memory goes on, nothing is in clear meanwhile, and when there is room all is as it should be.
"""
import subprocess
import sys

import pytest

from lib.beds.limited import AGAIN, limited
from lib.beds.pair import NIC
from lib.netns import QUEUES, veth
from lib.wait import until

# Packet memory of a NIC with one queue is 10 MiB.
LITTLE = 2 << 20
NO_PACKETS = 'of packet memory: Cannot allocate memory: raise the limit of its control group'
# Takes all that there is, and more: somebody of its control group has to go.
HOG = 'a = []\nwhile True:\n a.append(bytes([1]) * (1 << 20))\n'


def worker_of(host):
    return host.status()['worker']['pid']


def test_packet_memory_of_another_nic(native):
    """The worker goes on with those that it has."""
    host = native.a
    veth(host.netns, 'nic1', native.wire, 'wire1')
    with limited(native, 'memory') as (group, traffic):
        worker = worker_of(host)
        group.squeeze(LITTLE)
        host.cmd('attach', 'nic1')
        until(lambda: f'nic1: the worker cannot serve it: {10 * QUEUES} MiB {NO_PACKETS}' in host.log_text, 'it is told')
        until(traffic.goes_on(1500), 'traffic goes on')
        assert worker_of(host) == worker and host.log_text.count(NO_PACKETS) == 1
        assert not host.worker_ready()
        group.limit(None)
        until(host.worker_ready, 'both are served', timeout=AGAIN)
        assert worker_of(host) == worker and len(host.status()['interfaces']) == 2


def test_packet_memory_for_another_mtu(native):
    """There is none for longer packets: nothing goes until there is, and nothing in clear."""
    host = native.a
    with limited(native, 'memory') as (group, _traffic):
        group.squeeze(LITTLE)
        host.netns.ip('link', 'set', NIC, 'mtu', 3400)
        until(lambda: NO_PACKETS in host.log_text, 'it is told')
        assert not host.worker_ready()
    assert host.log_text.count(NO_PACKETS) == 1


@pytest.mark.parametrize('who', ['worker', 'protocol'])
def test_killed_for_it(native, who):
    """By the kernel. The line of its end says what that may come of."""
    host = native.a
    with limited(native, 'memory') as (group, traffic):
        pid = host.processes()[who]
        with open(f'/proc/{pid}/oom_score_adj', 'w') as score:
            score.write('1000')
        group.squeeze(LITTLE)
        with subprocess.Popen([sys.executable, '-c', HOG], preexec_fn=group.within) as hog:
            until(lambda: 'and the kernel has killed for want of memory meanwhile' in host.log_text, 'it is told')
            hog.kill()
        if who == 'protocol':
            until(traffic.goes_on(), 'ESP goes on')
