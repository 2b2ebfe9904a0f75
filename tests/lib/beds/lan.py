# SPDX-License-Identifier: BSD-2-Clause
"""
`lan`: any number of hosts under test on one Ethernet, which get their keys by IKEv2; every frame passes the bridge.

    host 0: nic0 192.0.2.1 ---veth--- port0  bridge  port1 ---veth--- nic0 192.0.2.2 :host 1 ...
"""
import itertools
from contextlib import ExitStack

from lib.beds.ike import put
from lib.beds.pair import NIC
from lib.host import Host, start_all
from lib.netns import Netns, veth
from lib.wait import until
from lib.wire import Capture, Tap

_tags = itertools.count()


def addr(n):
    return f'192.0.2.{n + 1}'


class Lan:
    def __init__(self, count, mode='native', mtu=1500):
        self.mode = mode
        with ExitStack() as undo:
            tag = f'l{next(_tags)}'
            self.wire = undo.enter_context(Netns(tag + 'w'))
            self.wire.ip('link', 'add', 'bridge', 'type', 'bridge', 'forward_delay', 0, 'mcast_snooping', 0)
            self.hosts = []
            for n in range(count):
                host = Host(undo.enter_context(Netns(f'{tag}{n}')))
                undo.callback(host.close)
                host.devs = [NIC]
                self._connect(host, n, mtu)
                self.hosts.append(host)
            self.wire.ip('link', 'set', 'bridge', 'up')
            self.stack = undo.pop_all()

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.stack.close()

    def _connect(self, host, n, mtu):
        ns = host.netns
        veth(ns, NIC, self.wire, f'port{n}', mtu=mtu)
        ns.ip('addr', 'add', f'{addr(n)}/24', 'dev', NIC)
        ns.sysctl('net.ipv4.conf.all.rp_filter', 1)
        ns.ip('route', 'add', 'default', 'dev', NIC)  # for groups
        self.wire.ip('link', 'set', f'port{n}', 'master', 'bridge')

    def connections(self, n, peers, **settings):
        """Host n's file: a connection with each of the peers, which are numbers, or prefixes of meshes."""
        text = f'[interface {NIC}]\nmode = {self.mode}\n'
        put(self.hosts[n], 'psk', 'a secret that nobody knows\n')
        for peer in peers:
            remote = peer if isinstance(peer, str) else addr(peer)
            values = {'local': addr(n), 'remote': remote, 'auth': 'psk', 'psk_file': 'psk', **settings}
            text += f'\n[connection to-{str(remote).partition("/")[0]}]\n'
            text += ''.join(f'{key.replace("_", "-")} = {value}\n' for key, value in values.items())
        self.hosts[n].config.write_text(text)

    def start(self):
        start_all(self.hosts)

    def wait_up(self, n, count):
        """Host n has a child in use with that many hosts."""
        def up():
            return sum(any(child['state'] == 'up' for child in c['children'])
                       for c in self.hosts[n].status()['connections'] if c['state'] == 'up')

        until(lambda: up() >= count, f'host {n} is up with {count} others', timeout=20)

    def capture(self, n):
        return Capture(self.wire, f'port{n}')

    def tap(self, n):
        """The bridge's port of host n: what it sends, what it gets, and a way to put frames on its cable."""
        return Tap(self.wire, f'port{n}', outgoing=True)
