# SPDX-License-Identifier: BSD-2-Clause
"""
NICs come and go, and others do not notice; a worker that hangs or dies meanwhile serves all of them again.

    a: nic0 ---- bridge ---- nic0 :b      as ever (tests/lib/beds/pair.py)
    a: nic1 ---------------- nic1 :b      what comes and goes, at a
"""
import ctypes
import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from lib.beds.bed import new_sa
from lib.beds.pair import A, B, NIC, Pair
from lib.host import is_dead
from lib.netns import veth
from lib.traffic import UdpFlow, ping
from lib.wait import until

OTHER, A2, B2 = 'nic1', '198.51.100.1', '198.51.100.2'
TIMES = 10
# Of either kind, or (to receive, to send).
QUEUES = [1, 4, (4, 1)]


@contextmanager
def two_cables(lanes, queues):
    """Only b has its second NIC attached. Everything is protected, on either cable."""
    with Pair('native', queues) as pair:
        veth(pair.a.netns, OTHER, pair.b.netns, OTHER, queues=queues)
        for host, addr in zip(pair.hosts, (A2, B2)):
            host.netns.ip('addr', 'add', f'{addr}/24', 'dev', OTHER)
        pair.a.configure([NIC], mode='native', daemon={'lanes': lanes})
        pair.b.configure([NIC, OTHER], mode='native', daemon={'lanes': lanes})
        pair.start()
        pair.begin()
        pair.a.devs.append(OTHER)
        for sa in new_sa(A2, B2), new_sa(B2, A2):
            for host in pair.hosts:
                host.sa_add(sa)
        pair.a.policy_add(B2)
        pair.b.policy_add(A2)
        yield pair


def other_works(pair):
    until(lambda: ping(pair.a.netns, B2, deadline=1), 'a ping on the other cable')


def worker_of(host):
    return host.status()['worker']


def works_again(pair, before):
    """With another worker, on both cables."""
    until(lambda: (s := pair.a.worker_ready()) and s['worker']['pid'] != before['pid'], 'another worker', timeout=20)
    assert worker_of(pair.a)['restarts'] == before['restarts'] + 1
    assert is_dead(before['pid'])
    until(lambda: ping(pair.a.netns, B, deadline=1), 'a ping')
    other_works(pair)


@pytest.mark.parametrize('queues', QUEUES, ids=str)
@pytest.mark.parametrize('lanes', [1, 2])
def test_others_come_and_go(lanes, queues):
    """The same worker all the time, nothing is lost, and nothing counted begins anew."""
    with two_cables(lanes, queues) as pair:
        before = worker_of(pair.a)
        with UdpFlow(pair.a.netns, pair.b.netns, B, window=8, patience=10) as forth, \
                UdpFlow(pair.b.netns, pair.a.netns, A, window=8, patience=10) as back:
            for _ in range(TIMES):
                so_far = forth.arrived(), back.arrived()
                pair.a.cmd('attach', OTHER)
                other_works(pair)
                pair.a.cmd('detach', OTHER)
                until(lambda: forth.arrived() > so_far[0] + 50 and back.arrived() > so_far[1] + 50, 'traffic both ways')
        assert (forth.lost(), back.lost()) == (0, 0)
        assert worker_of(pair.a) == before
        out, into = (pair.a.sa_status(sa.spi)['packets'] for sa in pair.sas)
        assert (out, into) == (forth.sent, back.sent)
        counters = pair.a.counters()
        assert counters['sealed'] >= forth.sent and counters['opened'] >= back.sent


@pytest.mark.parametrize('lanes', [1, 2])
def test_worker_that_does_not_let_go(lanes):
    """It hangs, so it is ended, and the next one serves those that are left."""
    with two_cables(lanes, 2) as pair:
        pair.a.netns.ip('link', 'add', 'nic2', 'type', 'veth', 'peer', 'name', 'far2')
        pair.a.devs.append('nic2')
        for nic in OTHER, 'nic2':
            pair.a.netns.ip('link', 'set', nic, 'up')
            pair.a.cmd('attach', nic)
        other_works(pair)
        until(pair.a.worker_ready, 'the worker serves all')
        before = worker_of(pair.a)
        os.kill(before['pid'], signal.SIGSTOP)
        pair.a.cmd('detach', 'nic2')
        works_again(pair, before)
        assert 'does not let go of nic2' in pair.a.log_text


def test_letting_go_outlasts_a_signal():
    """The supervisor hears of a child's end, or of anything else, while it waits for a worker that is slow."""
    with two_cables(2, 2) as pair, ThreadPoolExecutor(1) as pool:
        pair.a.cmd('attach', OTHER)
        other_works(pair)
        before = worker_of(pair.a)
        os.kill(before['pid'], signal.SIGSTOP)
        detached = pool.submit(pair.a.cmd, 'detach', OTHER)
        for _ in range(50):
            os.kill(pair.a.daemon.pid, signal.SIGCHLD)
            time.sleep(0.01)
        os.kill(before['pid'], signal.SIGCONT)
        detached.result()
        assert worker_of(pair.a) == before
        assert ping(pair.a.netns, B)


@pytest.mark.parametrize('lanes', [1, 2])
def test_worker_killed_before_it_attaches(lanes):
    """What it was asked to serve its successor serves."""
    with two_cables(lanes, 2) as pair, ThreadPoolExecutor(1) as pool:
        before = worker_of(pair.a)
        os.kill(before['pid'], signal.SIGSTOP)
        attached = pool.submit(pair.a.cmd, 'attach', OTHER)
        until(lambda: len(pair.a.status()['interfaces']) == 2, 'the NIC is attached')
        os.kill(before['pid'], signal.SIGKILL)
        attached.result()
        works_again(pair, before)


PTRACE_ATTACH = 16
WALL = 0x40000000   # __WALL: a thread, too


def hold(thread):
    """It has no turn any more, and all others of the process have."""
    libc = ctypes.CDLL(None, use_errno=True)
    assert libc.ptrace(PTRACE_ATTACH, thread, None, None) == 0, os.strerror(ctypes.get_errno())
    os.waitpid(thread, WALL)


def threads_of(pid):
    """tid by name."""
    return {(task / 'comm').read_text().strip(): int(task.name) for task in Path(f'/proc/{pid}/task').iterdir()}


def test_one_lane_hangs():
    """It is noticed, though nobody asks the worker for anything, and another worker serves its queues."""
    with two_cables(2, 2) as pair:
        pair.a.cmd('attach', OTHER)
        other_works(pair)
        before = worker_of(pair.a)
        held = threads_of(before['pid'])['lane 1']
        hold(held)
        until(lambda: f"worker {before['pid']} does not answer: killed" in pair.a.log_text, 'it is noticed', timeout=20)
        os.waitpid(held, WALL)  # who traces a thread has to see it end
        works_again(pair, before)


def test_cpu_that_is_not_there():
    """The log says which key it is, and nothing is served meanwhile."""
    with Pair('native') as pair:
        pair.a.configure([NIC], mode='native', daemon={'lanes': 1, 'cpus': 1000})
        pair.a.spawn()
        until(lambda: "lane 0 cannot run on CPU 1000: 'cpus'" in pair.a.log_text, 'the log says why')
        assert worker_of(pair.a)['aead'] is None
        pair.a.stop()


def lane_rows(host):
    """The table of lanes, as `status` prints it."""
    lines = host.cmd('status').stdout.splitlines()
    start = next(n for n, line in enumerate(lines) if line.split()[:2] == ['LANE', 'CPU'])
    return [line.split(None, 5) for line in lines[start + 1:lines.index('', start)]]


def test_status_shows_them():
    """Which queues are whose, on which CPU, and what each has moved, which is what all have together."""
    cpu = max(os.sched_getaffinity(0))
    with Pair('native', 3) as pair:
        pair.a.configure([NIC], mode='native', daemon={'lanes': 2, 'cpus': cpu})
        pair.start()
        pair.begin()
        with UdpFlow(pair.a.netns, pair.b.netns, B, window=8) as flow:
            until(lambda: flow.arrived() > 50, 'traffic')
        status = pair.a.status()
        lanes = status['lanes']
        assert [(lane['lane'], lane['cpu'], lane['pinned']) for lane in lanes] == [(0, cpu, True), (1, cpu, True)]
        assert [[q['queue'] for q in lane['queues']] for lane in lanes] == [[0, 2], [1]]
        assert {q['interface'] for lane in lanes for q in lane['queues']} == {NIC}
        assert sum(lane['sealed'] for lane in lanes) == status['passed']['sealed'] >= flow.arrived()
        assert lane_rows(pair.a) == [['0', str(cpu), 'yes', str(lanes[0]['opened']), str(lanes[0]['sealed']), f'{NIC} 0,2'],
                                     ['1', str(cpu), 'yes', str(lanes[1]['opened']), str(lanes[1]['sealed']), f'{NIC} 1']]
        pair.a.stop()
        assert pair.a.status()['lanes'] == []
