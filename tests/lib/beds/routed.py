# SPDX-License-Identifier: BSD-2-Clause
"""
`routed`: two hosts under test and a real router between them, whose next link takes less than theirs:

    a: nic0 192.0.2.1 ---veth--- port0  router  port1 ---veth--- nic0 198.51.100.2 :b
                           192.0.2.254          198.51.100.254
"""
import itertools
from contextlib import ExitStack

from lib.beds import bed
from lib.host import Host, start_all
from lib.netns import Netns, veth
from lib.wire import Capture

A, B = '192.0.2.1', '198.51.100.2'
NIC = 'nic0'
BOTTLENECK = 1400

_tags = itertools.count()


class Routed:
    def __init__(self, mode='native', bottleneck=BOTTLENECK, **settings):
        with ExitStack() as undo:
            tag = f'r{next(_tags)}'
            self.router = undo.enter_context(Netns(tag + 'r'))
            self.router.sysctl('net.ipv4.ip_forward', 1)
            self.hosts = []
            for n, addr in enumerate((A, B)):
                ns = undo.enter_context(Netns(f'{tag}{"ab"[n]}'))
                host = Host(ns)
                undo.callback(host.close)
                self._connect(ns, n, addr)
                host.configure([NIC], mode=mode, **settings)
                self.hosts.append(host)
            self.a, self.b = self.hosts
            self.narrow(bottleneck)
            self.stack = undo.pop_all()

    def __enter__(self):
        start_all(self.hosts)
        self.protect()
        return self

    def __exit__(self, *exc):
        self.stack.close()

    def _connect(self, ns, n, addr):
        gateway = addr.rsplit('.', 1)[0] + '.254'
        veth(ns, NIC, self.router, f'port{n}')
        ns.ip('addr', 'add', f'{addr}/24', 'dev', NIC)
        ns.sysctl('net.ipv4.conf.all.rp_filter', 1)
        ns.ip('route', 'add', 'default', 'via', gateway)
        self.router.ip('addr', 'add', f'{gateway}/24', 'dev', f'port{n}')

    def narrow(self, mtu):
        """The router's links to both hosts take this much from now on."""
        for n, addr in enumerate((A, B)):
            self.router.ip('route', 'replace', f'{addr}/32', 'dev', f'port{n}', 'mtu', 'lock', mtu)

    def protect(self):
        """Everything between the two, with the same two SAs on both; what the kernels have learnt is forgotten."""
        self.sas = [bed.new_sa(A, B), bed.new_sa(B, A)]
        for host, other in ((self.a, B), (self.b, A)):
            host.flush()
            for sa in self.sas:
                host.sa_add(sa)
            host.policy_add(other)
            host.netns.ip('route', 'flush', 'cache')

    def sa_of(self, host):
        """The status of the SA that sends from there."""
        return host.sa_status(self.sas[self.hosts.index(host)].spi)

    def addr(self, host):
        return (A, B)[self.hosts.index(host)]

    def capture(self):
        """What the router hears from a and sends to it."""
        return Capture(self.router, 'port0')
