# SPDX-License-Identifier: BSD-2-Clause
"""As many peers as one host can be asked to have, at once: for tests and bench."""
import time
from contextlib import ExitStack

from lib.beds.ike import put
from lib.beds.pair import NIC
from lib.host import Host
from lib.netns import Netns, veth
from lib.wait import until

PEERS_OF_HUB = '10.213.0.0/16'
# On the wire between them: so the hub has few neighbours, whose table is the machine's, and a route to each spoke.
HUB_ON_WIRE, SPOKE_ON_WIRE = '10.212.0.254', '10.212.0.{}'
# As many policies as one prefix can have, and these have one for each pair of addresses.
ADDRESSES_MAX = 64
# Of each peer: both directions, and the same again while they are rekeyed.
SAS, SA_MAX = 4, 8192
# What the hub's log says once of each.
CHILD_IS_UP = ': child SA '


def hub_address(n):
    return f'10.213.0.{n + 1}'


def address(n, i):
    """The ith of spoke n; i from 0 on, n from 1."""
    return f'10.213.{n}.{i + 1}'


def section(name, local, remote, start):
    return (f'[connection {name}]\nlocal = {local}\nremote = {remote}\nauth = psk\npsk-file = psk\n'
            f'start = {start}\n\n')


class Hub:
    """
    Daemons that have a connection from every address of theirs to every one of the hub, which are a mesh each; configured,
    not started. So there are spokes * each * addresses peers. The hub and the first spoke have their NICs attached, the
    others speak IKE alone.

        hub 10.213.0.1, 10.213.0.2, ... ─── bridge ─── spoke n: 10.213.n.1, 10.213.n.2, ...
    """

    def __init__(self, spokes, each, addresses=1):
        assert max(each, addresses) <= ADDRESSES_MAX
        self.each, self.addresses, self.peers = each, addresses, spokes * each * addresses
        with ExitStack() as undo:
            self.wire = undo.enter_context(Netns('mw'))
            self.wire.ip('link', 'add', 'bridge', 'type', 'bridge', 'forward_delay', 0, 'mcast_snooping', 0)
            self.wire.ip('link', 'set', 'bridge', 'up')
            self.hub = self._hub(undo, spokes)
            self.spokes = [self._spoke(undo, n) for n in range(1, spokes + 1)]
            self.stack = undo.pop_all()

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.stack.close()

    def _host(self, undo, n, on_wire, addresses):
        ns = undo.enter_context(Netns(f'm{n}'))
        made = Host(ns)
        undo.callback(made.close)
        veth(ns, NIC, self.wire, f'port{n}', queues=1, mtu=1500)
        ns.ip('addr', 'add', f'{on_wire}/24', 'dev', NIC)
        ns.ip('-batch', '-', input=''.join(f'addr add {a}/32 dev {NIC}\n' for a in addresses))
        self.wire.ip('link', 'set', f'port{n}', 'master', 'bridge')
        put(made, 'psk', 'a secret of many\n')
        return made

    def _configure(self, made, nic, peers, sections):
        made.config.write_text(f'[daemon]\nsa-max = {max(SA_MAX, SAS * peers)}\n\n' +
                               f'[interface {NIC}]\n\n' * nic + ''.join(sections))
        made.devs = [NIC] * nic
        return made

    def _hub(self, undo, spokes):
        own = [hub_address(n) for n in range(self.addresses)]
        made = self._host(undo, 0, HUB_ON_WIRE, own)
        for n in range(1, spokes + 1):
            made.netns.ip('route', 'add', f'10.213.{n}.0/24', 'via', SPOKE_ON_WIRE.format(n))
        return self._configure(made, True, self.peers, (section(f'mesh{n}', a, PEERS_OF_HUB, 'respond')
                                                        for n, a in enumerate(own)))

    def _spoke(self, undo, n):
        own = [address(n, i) for i in range(self.each)]
        made = self._host(undo, n, SPOKE_ON_WIRE.format(n), own)
        made.netns.ip('route', 'add', '10.213.0.0/24', 'via', HUB_ON_WIRE)
        return self._configure(made, n == 1, self.each * self.addresses,
                               (section(f'c{i}-{k}', a, hub_address(k), 'initiate')
                                for k in range(self.addresses) for i, a in enumerate(own)))

    def count_up(self):
        """By the hub's log first, since a status of thousands takes a while itself."""
        if self.hub.log_text.count(CHILD_IS_UP) < self.peers:
            return 0
        return sum(c['state'] == 'up' and len(c['children']) == 1 for c in self.hub.status()['connections'])

    def come_up(self, deadline):
        """All spokes from cold; how many seconds it took."""
        if not self.hub.daemon:
            self.hub.start()
        begin = time.monotonic()
        for spoke in self.spokes:
            spoke.spawn()
        until(lambda: self.count_up() == self.peers or time.sleep(0.25), 'all are up', timeout=deadline)
        return time.monotonic() - begin
