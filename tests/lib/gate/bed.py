# SPDX-License-Identifier: BSD-2-Clause
"""
`gate`: the bed of the matrix: a host under test and its peer, both with the daemon, which get their keys by IKEv2, and cables on which
everything is seen from before an event to after it.

    host: nic0 192.0.2.1 ---veth--- port0  bridge  port1 ---veth--- nic0 192.0.2.2 :peer
          nic1 (some events) ------ port2
"""
import json
import select
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path

from lib.beds.ike import put
from lib.host import Host, section
from lib.netns import Netns, run, veth
from lib.wait import DEADLINE, until

HOST, HOST2, HOST3, PEER = '192.0.2.1', '192.0.2.3', '192.0.2.5', '192.0.2.2'
NIC, NIC1 = 'nic0', 'nic1'
MACS = {NIC: '02:00:00:00:00:01', NIC1: '02:00:00:00:00:02'}
PEER_MAC = '02:00:00:00:00:22'
CABLES = {NIC: 'port0', NIC1: 'port2'}
MODES = {'native': {'mode': 'native'}, 'generic': {'mode': 'generic'}, 'clsact': {'mode': 'native', 'hook': 'clsact'}}
WAYS = ('out', 'in')

# What cells have measured, for the end of the report.
FIGURES = []

# The step from which on a host that was in clear no longer is.
SHUT = 'shut'

# Of traffic that goes on: as many in each direction.
ENOUGH = 30
# It comes back by itself: an IKE exchange that has to be repeated, and a loaded machine, are in it.
RESUME_SECONDS = 10
# How long nothing is to happen where nothing can be waited for: milliseconds of traffic.
WHILE = 150


TESTS = Path(__file__).resolve().parents[2]


class Traffic:
    """gate/traffic.py, which goes on by itself."""

    def __init__(self, bed):
        spec = {'host': bed.a.netns.path, 'peer': bed.b.netns.path, 'cables': bed.cables.path, 'peer_addr': PEER,
                'addrs': [HOST, HOST2, HOST3], 'cable_ends': [[CABLES[nic], MACS[nic]] for nic in MACS]}
        self.process = subprocess.Popen([sys.executable, '-m', 'lib.gate.traffic', json.dumps(spec)], cwd=TESTS, text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self._read()

    def _read(self):
        line = select.select([self.process.stdout], [], [], DEADLINE)[0] and self.process.stdout.readline()
        assert line, 'the traffic has ended, or does not answer'
        return json.loads(line)

    def ask(self, *words):
        self.process.stdin.write(json.dumps(words) + '\n')
        self.process.stdin.flush()
        return self._read()

    def close(self):
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait(10)


class Gate:
    """Made, and nothing started; the peer has its daemon."""

    def __init__(self, mode, queues=1):
        """queues: as many could be served, and one is."""
        self.mode, self.steps = mode, []
        with ExitStack() as undo:
            self.undo = undo
            self.cables = undo.enter_context(Netns('gw'))
            self.cables.ip('link', 'add', 'bridge', 'type', 'bridge', 'forward_delay', 0, 'mcast_snooping', 0)
            self.cables.ip('link', 'set', 'bridge', 'up')
            self.a, self.b = (self._host(f'g{name}') for name in 'ab')
            self.plug(NIC, queues=queues)
            if queues > 1:
                self.set_queues(1)
            veth(self.b.netns, NIC, self.cables, 'port1')
            self.cables.ip('link', 'set', 'port1', 'master', 'bridge')
            self.b.netns.ip('link', 'set', NIC, 'address', PEER_MAC)
            self.b.netns.ip('addr', 'add', f'{PEER}/24', 'dev', NIC)
            self.configure()
            self.b.config.write_text(self.text({'mode': 'native'}, [NIC], PEER, HOST, 'respond'))
            self.b.devs = [NIC]
            self.stack = undo.pop_all()
        self.undo = self.stack

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.stack.close()

    def _host(self, tag):
        host = Host(self.undo.enter_context(Netns(tag)))
        self.undo.callback(host.close)
        # Nothing but the gate is to keep a packet from getting in.
        for name in ('all', 'default'):
            host.netns.sysctl(f'net.ipv4.conf.{name}.rp_filter', 0)
        put(host, 'psk', 'a secret that nobody knows\n')
        return host

    # ---- the host under test ----

    def text(self, settings, nics, local, remote, start, **more):
        connection = {'local': local, 'remote': remote, 'auth': 'psk', 'psk-file': 'psk', 'start': start}
        sections = [*((f'interface {nic}', settings) for nic in nics), ('connection core', connection), *more.items()]
        return ''.join(section(name, values) for name, values in sections)

    def configure(self, *nics, **more):
        """The host's file: these NICs, and more sections."""
        self.a.devs = [NIC, NIC1]
        self.a.config.write_text(self.text(MODES[self.mode], nics or [NIC], HOST, PEER, 'trap', **more))

    def plug(self, nic, addr=HOST, queues=1):
        """Makes a NIC that is the same as the one before, up at once and with its address, and its end on the bridge."""
        port, ns, q = CABLES[nic], self.a.netns, ('numrxqueues', queues, 'numtxqueues', queues)
        self.cables.ip('link', 'add', port, 'master', 'bridge', *q, 'type', 'veth', 'peer', 'name', nic, 'address', MACS[nic], *q,
                       'netns', ns.name)
        self.cables.ip('link', 'set', port, 'up')
        self.address(ns, nic, addr)

    @staticmethod
    def address(ns, nic, addr=None):
        """Up, with that address, and knows where the peer is: a packet of the host's leaves at once."""
        ns.ip('-batch', '-', input=f'link set {nic} up\n' + (f'addr add {addr}/24 dev {nic}\n' if addr else '') +
              f'neigh replace {PEER} lladdr {PEER_MAC} dev {nic} nud permanent\n')

    def set_queues(self, count, **kw):
        """Of those that it has been made with. The cable's other end may never have more than a NIC with XDP receives by."""
        ends = [(self.cables, CABLES[NIC]), (self.a.netns, NIC)]
        for ns, dev in ends if count == 1 else reversed(ends):
            run('ip', 'netns', 'exec', ns.name, 'ethtool', '-L', dev, 'rx', count, 'tx', count, **kw)

    def start(self):
        """Until its worker is there."""
        if self.a.daemon and self.a.daemon.poll() is not None:
            self.a.daemon = None
        self.a.spawn()
        self.a.wait_ready()

    def start_peer(self):
        self.b.spawn()
        self.traffic = Traffic(self)
        self.undo.callback(self.traffic.close)
        self.b.wait_ready()

    def bring_up(self):
        self.a.spawn()
        self.start_peer()
        self.a.wait_ready()
        self.wait_for_traffic('traffic before the event')

    def end(self):
        """What the host's `run` ends with, which it does by itself."""
        code = self.a.daemon.wait(timeout=10)
        self.a.daemon = None
        return code

    def route(self, nic, *words):
        """To the peer, by that NIC."""
        self.a.netns.ip('route', 'replace', f'{PEER}/32', 'dev', nic, *words)

    # ---- the traffic ----

    def step(self, what):
        """Names what happens now, for the report."""
        self.steps.append((what, time.monotonic()))

    def counts(self):
        return self.traffic.ask('counts')

    def wait_for_traffic(self, what='traffic after the event'):
        begun = self.counts()

        def goes_on():
            now = self.counts()
            return all(now[way] >= begun[way] + ENOUGH for way in WAYS)

        try:
            until(goes_on, what, timeout=RESUME_SECONDS)
        except AssertionError as e:
            now = self.counts()
            arrived = ', '.join(f'{way}: {now[way] - begun[way]}' for way in WAYS)
            raise AssertionError(f'{e}; arrived {arrived}; the log of the host:\n{self.a.log_text[-3000:]}') from None

    def watch(self, ticks=WHILE):
        """Nothing is awaited but that so much has been sent."""
        end = self.counts()['ticks'] + ticks
        until(lambda: self.counts()['ticks'] >= end, 'traffic is being sent')
