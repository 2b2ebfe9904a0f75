# SPDX-License-Identifier: BSD-2-Clause
"""
`pair`: two hosts under test, with keys by hand. The cable between them is a bridge in a third namespace: a tcpdump on the hosts'
own NICs misses what AF_XDP sends and receives, the bridge sees every frame.

    a: nic0 192.0.2.1 ---veth--- port0  bridge  port1 ---veth--- nic0 192.0.2.2 :b
"""
import itertools
from contextlib import ExitStack

from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import Ether
from scapy.packet import Raw

from lib.beds import bed
from lib.host import Host, start_all
from lib.netns import QUEUES, Netns, veth
from lib.never import never
from lib.wire import Capture, Tap, esp_of, in_clear, repeated

A, B = '192.0.2.1', '192.0.2.2'
NIC = 'nic0'

_tags = itertools.count()


class Pair:
    def __init__(self, mode='native', queues=QUEUES, mtu=1500, **settings):
        self.queues, self.mtu = queues, mtu
        with ExitStack() as undo:
            tag = f'p{next(_tags)}'
            self.wire = undo.enter_context(Netns(tag + 'w'))
            self.wire.ip('link', 'add', 'bridge', 'type', 'bridge', 'forward_delay', 0, 'mcast_snooping', 0)
            self.hosts = []
            for n in range(2):
                ns = undo.enter_context(Netns(f'{tag}{"ab"[n]}'))
                host = Host(ns)
                undo.callback(host.close)
                self.connect(host, n)
                host.configure([NIC], mode=mode, **settings)
                self.hosts.append(host)
            self.wire.ip('link', 'set', 'bridge', 'up')
            self.a, self.b = self.hosts
            self.stack = undo.pop_all()

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.stack.close()

    def connect(self, host, n):
        """Plugs the cable in: makes the host's NIC, with its address, and the bridge's port for it."""
        ns = host.netns
        veth(ns, NIC, self.wire, f'port{n}', queues=self.queues, mtu=self.mtu)
        ns.ip('addr', 'add', f'{(A, B)[n]}/24', 'dev', NIC)
        ns.sysctl('net.ipv4.conf.all.rp_filter', 1)
        ns.sysctl(f'net.ipv4.conf.{NIC}.rp_filter', 1)
        self.join(n)

    def join(self, n):
        """The port is there: from now on frames go by it."""
        self.wire.ip('link', 'set', f'port{n}', 'master', 'bridge')

    def start(self):
        start_all(self.hosts)

    def begin(self):
        self.sas = [bed.new_sa(A, B), bed.new_sa(B, A)]
        self.counted_before = [host.counters() for host in self.hosts]
        self.protect()

    def end(self):
        for host in self.hosts:
            host.flush()

    def counted(self):
        """What each host has counted since begin(): the daemons, and so their counters, are those of other tests, too."""
        return [{reason: n - before.get(reason, 0) for reason, n in host.counters().items() if n > before.get(reason, 0)}
                for host, before in zip(self.hosts, self.counted_before)]

    def protect(self):
        """Everything between the two, with the same two SAs on both."""
        for host, other in ((self.a, B), (self.b, A)):
            self.add_sas(host)
            host.policy_add(other)

    def add_sas(self, host):
        for sa in self.sas:
            host.sa_add(sa)

    def new_sas(self):
        """Takes the SAs away and puts others in their place."""
        self.sas = [bed.new_sa(A, B), bed.new_sa(B, A)]
        for host in self.hosts:
            host.cmd('sa', 'flush')
            self.add_sas(host)

    def capture(self, **how):
        return Capture(self.wire, 'port0', **how)

    def attacker(self, host):
        """Somebody on the cable, next to that host."""
        return Attacker(self, host)


class Attacker:
    """Hears and speaks on the bridge's port of one host."""

    def __init__(self, pair, host):
        n = pair.hosts.index(host)
        self.addr, self.mac = (A, B)[n], host.netns.mac(NIC)
        self.tap = Tap(pair.wire, f'port{n}', outgoing=True)

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.tap.sock.close()

    def recorded(self):
        """The frames with ESP for the host that went by."""
        return [f for f in self.tap.drain() if (p := esp_of(f)) and p.dst == self.addr]

    def send(self, frame):
        self.tap.send(frame)

    def send_clear(self, src, dport):
        self.send(Ether(dst=self.mac) / IP(src=src, dst=self.addr) / UDP(sport=4000, dport=dport) / Raw(b'forged'))


def proven(packets):
    """A capture that shows traffic, none of it in clear, and no nonce twice; the ESP packets."""
    never(in_clear(packets, A, B), f'in clear: {in_clear(packets, A, B)}')
    never(repeated(packets), f'nonces that came twice: {repeated(packets)}')
    esp = [p for p in packets if p.proto == 50]
    assert esp
    return esp
