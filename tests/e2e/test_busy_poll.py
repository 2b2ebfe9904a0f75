# SPDX-License-Identifier: BSD-2-Clause
"""
`busy-poll = yes`: the worker's own calls run the NIC's driver while there is traffic, and only then. A veth copies, and shows
that it works, not what it is for.
"""
import ctypes
import json
import os
import signal
import socket
import time
from pathlib import Path

import pytest

from lib.beds.pair import A, B, NIC, Pair, proven
from lib.traffic import UdpFlow, ping
from lib.wait import until

AF_XDP = 44
SO_DOMAIN, SO_BUSY_POLL, SO_PREFER_BUSY_POLL = 39, 46, 69
PIDFD_GETFD = 438

MS = 1_000_000


def worker(host):
    return host.status()['worker']['pid']


def socket_of(pidfd, fd):
    """That descriptor of another process, a socket, as one of ours; None: it is gone."""
    got = ctypes.CDLL(None, use_errno=True).syscall(PIDFD_GETFD, pidfd, fd, 0)
    return socket.socket(AF_XDP, socket.SOCK_RAW, 0, got) if got >= 0 else None


def options(pid):
    """Of each of its AF_XDP sockets: whether polling is preferred, and for how long."""
    found = []
    pidfd = os.pidfd_open(pid)
    for entry in Path(f'/proc/{pid}/fd').iterdir():
        try:
            if not os.readlink(entry).startswith('socket:') or not (s := socket_of(pidfd, int(entry.name))):
                continue
        except FileNotFoundError:  # closed meanwhile
            continue
        with s:
            domain, *polling = (s.getsockopt(socket.SOL_SOCKET, option)
                                for option in (SO_DOMAIN, SO_PREFER_BUSY_POLL, SO_BUSY_POLL))
            if domain == AF_XDP:
                found.append(tuple(polling))
    os.close(pidfd)
    return found


def busy_ns(pid):
    """CPU time of all its threads."""
    return sum(int((task / 'schedstat').read_text().split()[0]) for task in Path(f'/proc/{pid}/task').iterdir())


def spent(pid, act):
    before = busy_ns(pid)
    act()
    return busy_ns(pid) - before


def polled_pair(**settings):
    pair = Pair('native', 2)
    pair.a.configure([NIC], busy_poll='yes', **settings)
    return pair


@pytest.mark.parametrize('mode', ['native', 'generic'])
def test_traffic(mode):
    with polled_pair(mode=mode) as pair:
        pair.start()
        pair.begin()
        for sender, receiver, addr in ((pair.a, pair.b, B), (pair.b, pair.a, A)):
            with pair.capture() as capture:
                assert ping(sender.netns, addr, 10)
                with UdpFlow(sender.netns, receiver.netns, addr) as flow:
                    until(lambda flow=flow: flow.arrived() > 3000, '3,000 datagrams')
                assert len(proven(capture.stop())) >= 3000
        pair.end()


def test_sockets_and_status():
    """Set where it is asked for, and untouched where not; a reload turns it off and on."""
    with polled_pair() as pair:
        pair.start()
        assert options(worker(pair.a)) == [(1, 20)] * 2
        assert options(worker(pair.b)) == [(0, 0)] * 2
        assert [host.status()['interfaces'][0]['busy_poll'] for host in pair.hosts] == [True, False]
        for wish in 'no', 'yes':
            pair.a.configure([NIC], busy_poll=wish)
            pair.a.daemon.send_signal(signal.SIGHUP)
            prefer = wish == 'yes'
            until(lambda prefer=prefer: [o[0] for o in options(worker(pair.a))] == [prefer] * 2, f'busy-poll = {wish}')
            assert pair.a.status()['interfaces'][0]['busy_poll'] == prefer


def test_awake_with_traffic_alone():
    """A millisecond for each packet that comes alone; a second of silence costs next to nothing."""
    with polled_pair() as pair:
        pair.start()
        pair.begin()
        pid = worker(pair.a)
        until(lambda: spent(pid, lambda: ping(pair.a.netns, B, 20)) > 20 * MS / 2, 'it goes on polling')
        until(lambda: spent(pid, lambda: time.sleep(1)) < 20 * MS, 'it sleeps when nothing comes', timeout=20)
        pair.end()


def notes(host):
    said = json.loads(host.cmd('-j', 'check', '-c', host.config).stdout)
    assert said['works']
    return [row['text'] for row in said['checks'] if row['level'] == 'warn' and 'busy-poll' in row['text']]


def test_check_says_that_it_copies():
    with polled_pair() as pair:
        assert len(notes(pair.a)) == 1
        assert 'copied' in notes(pair.a)[0]
        assert not notes(pair.b)
