# SPDX-License-Identifier: BSD-2-Clause
"""
What is compared: the same two hosts several times, each pair of namespaces joined by a veth of its own as the NIC.
All stand side by side, so that changing from one to another costs nothing and changes nothing.

    plain_gso   no IPsec, the veth's offloads as they come: super-packets cross the wire whole
    plain       no IPsec, offloads off: what crosses the wire is what a wire takes
    esp         the product on both hosts, native XDP
    esp_low     the same with `latency = low`

Tunnels of others are in others/.
"""
import itertools
import os
from collections import namedtuple
from contextlib import ExitStack
from pathlib import Path

import machine
from lib.host import Host, dropped
from lib.netns import Netns, veth
from lib.wait import until

A, B = '192.0.2.1', '192.0.2.2'
NIC = 'nic0'
LATENCY_DEVICE = '/dev/cpu_dma_latency'

Sa = namedtuple('Sa', 'spi src dst keymat esn')


def new_sa(spi, src, dst):
    return Sa(spi, src, dst, os.urandom(36), True)


# All beds of a run stand at once.
_numbers = itertools.count()


class Plain:
    """Two hosts, a and b, that speak in clear. `to` is where the traffic measured goes: an address of b."""
    tag = 'n'
    to = B
    queues = 1

    def __init__(self):
        with ExitStack() as undo:
            number = next(_numbers)
            self.a = undo.enter_context(Netns(f'{self.tag}{number}a'))
            self.b = undo.enter_context(Netns(f'{self.tag}{number}b'))
            veth(self.a, NIC, self.b, NIC, queues=self.queues)
            for ns, addr in ((self.a, A), (self.b, B)):
                ns.ip('addr', 'add', f'{addr}/24', 'dev', NIC)
                self.set_up(ns)
            self.stack = undo.pop_all()

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.stack.close()

    def set_up(self, ns):
        ns.run('ethtool', '-K', NIC, 'tso', 'off', 'gso', 'off', 'gro', 'off')

    def wake(self):
        """Before something is measured: as it is in the midst of traffic."""

    def rest(self):
        """After it: as the others need it."""

    def counters(self):
        return {}

    def worker_pids(self):
        return []

    def own_seconds(self):
        """CPU time that the product's datapath has spent in its own code, outside the kernel."""
        return 0

    def check(self, before):
        """What the product counted since `before`, by host; plaintext has nothing to tell."""
        return {}


class PlainGso(Plain):
    tag = 'g'

    def set_up(self, ns):
        pass


class Esp(Plain):
    """The same, with everything between the two protected by one SA each way."""
    tag = 'e'
    daemon = {}

    def __init__(self):
        super().__init__()
        with ExitStack() as undo:
            undo.push(self.stack)
            self.hosts = [Host(self.a), Host(self.b)]
            for host in self.hosts:
                undo.callback(host.close)
                host.configure([NIC], self.daemon, mode='native')
            self.prepare(undo)
            for host in self.hosts:
                host.start()
            self.protect()
            self.stack = undo.pop_all()

    def set_up(self, ns):
        pass

    def prepare(self, undo):
        """Before the hosts start."""

    def protect(self):
        sas = [new_sa(0x1001, A, B), new_sa(0x1002, B, A)]
        for host, other in zip(self.hosts, (B, A)):
            for sa in sas:
                host.sa_add(sa)
            host.policy_add(other)
        until(lambda: self.a.run('ping', '-n', '-q', '-c', 1, '-W', 1, B, check=False).returncode == 0, 'an answer to ping')

    def counters(self):
        return [dict(status['passed'], **status['drops']) for status in (host.status() for host in self.hosts)]

    def worker_pids(self):
        return [host.status()['worker']['pid'] for host in self.hosts]

    def own_seconds(self):
        return sum(map(machine.user_seconds, self.worker_pids()))

    def check(self, before):
        """What was dropped since `before`. All of the traffic must have been ESP, or the figure is another thing's."""
        return self.check_counters(before, self.counters())

    @staticmethod
    def check_counters(before, after):
        for host, reason in ((0, 'sealed'), (1, 'opened')):
            if after[host][reason] == before[host][reason]:
                raise AssertionError(f'host {"ab"[host]}: nothing was {reason}: the traffic did not go through ESP')
        return {name: dropped(old, new) for name, old, new in zip('ab', before, after) if dropped(old, new)}

    def status(self):
        return self.hosts[0].status()


class EspLow(Esp):
    """
    The same with CPUs that are kept from sleeping, which all of the machine has of it: nobody else is measured before they
    may sleep again.
    """
    tag = 'l'
    daemon = {'latency': 'low'}

    def held(self):
        return [any(_target(fd) == LATENCY_DEVICE for fd in Path(f'/proc/{host.daemon.pid}/fd').iterdir())
                for host in self.hosts]

    def wake(self):
        def held():
            self.a.run('ping', '-n', '-q', '-c', 2, '-i', '0.01', B)
            return all(self.held())

        until(held, 'the CPUs are kept awake')

    def rest(self):
        until(lambda: not any(self.held()), 'the CPUs may sleep')


def _target(link):
    try:
        return os.readlink(link)
    except FileNotFoundError:  # closed meanwhile
        return None


VARIANTS = {'plain_gso': PlainGso, 'plain': Plain, 'esp': Esp, 'esp_low': EspLow}


def features(ns):
    """The offloads of a NIC that matter here, as ethtool has them."""
    wanted = ('tcp-segmentation-offload', 'generic-segmentation-offload', 'generic-receive-offload')
    lines = (line.split(':', 1) for line in ns.run('ethtool', '-k', NIC).stdout.splitlines() if ':' in line)
    return {name.strip(): value.split()[0] for name, value in lines if name.strip() in wanted}
