# SPDX-License-Identifier: BSD-2-Clause
"""A host whose file has thousands of connections: how long it takes to start with it, and to take one change of it."""
import os
import time
from contextlib import ExitStack
from pathlib import Path

from lib.beds.ike import put
from lib.beds.pair import NIC
from lib.host import Host
from lib.netns import Netns, veth
from lib.pki import pem
from lib.wait import until

LOCAL = '10.214.0.1'
# Of each connection: both directions, and the same again while they are rekeyed.
SAS, SA_MAX = 4, 8192
# Files of PSKs: a number of their own each.
PSKS = 'psk{}'


def cpu_seconds(pid):
    """Of all of its threads, in user and kernel mode."""
    fields = Path(f'/proc/{pid}/stat').read_text().rsplit(')', 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf('SC_CLK_TCK')


def remote(n):
    return f'10.{215 + (n >> 16)}.{n >> 8 & 255}.{n & 255}'


def section(n, proof, more=''):
    return f'[connection c{n}]\nlocal = {LOCAL}\nremote = {remote(n)}\n{proof}{more}\n'


class ManyConnections:
    """One host with one NIC and nobody at the other end; configured, not started. ca: with certificates instead of PSKs."""

    def __init__(self, count, ca=None):
        with ExitStack() as undo:
            self.wire = undo.enter_context(Netns('fw'))
            ns = undo.enter_context(Netns('fl'))
            self.host = Host(ns)
            undo.callback(self.host.close)
            veth(ns, NIC, self.wire, 'port0', queues=1)
            ns.ip('addr', 'add', f'{LOCAL}/8', 'dev', NIC)
            self.host.devs = [NIC]
            self.sa_max = max(SA_MAX, SAS * count)
            self.proofs = self._certificate(count, ca) if ca else self._psks(count)
            self.write()
            self.stack = undo.pop_all()

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.stack.close()

    def _psks(self, count):
        for n in range(count):
            put(self.host, PSKS.format(n), f'the secret of number {n} among many\n')
        return [f'auth = psk\npsk-file = {PSKS.format(n)}\n' for n in range(count)]

    def _certificate(self, count, ca):
        cert, key = ca.issue('host-a.example', 'ecdsa')
        for name, text in (('cert', pem(cert)), ('key', pem(key)), ('ca', pem(ca.cert)), ('crl', pem(ca.crl()))):
            put(self.host, name, text)
        return [f'auth = cert\ncert = cert\nkey = key\nca = ca\ncrl = crl\nremote-id = host-{n}.example\n'
                for n in range(count)]

    def write(self, changed=None, more=''):
        """The file, in which one connection says more than the others."""
        self.host.config.write_text(f'[daemon]\nsa-max = {self.sa_max}\n\n[interface {NIC}]\nmode = native\n\n' + ''.join(
            section(n, proof, more if n == changed else '') for n, proof in enumerate(self.proofs)))

    def start(self, timeout=60):
        """Seconds from the command to the moment that all is served."""
        begin = time.monotonic()
        self.host.spawn()
        until(self.host.ready, 'all is served', timeout)
        return time.monotonic() - begin

    def reload(self):
        """Seconds of 'reload', and what it said."""
        begin = time.monotonic()
        done = self.host.cmd('reload')
        return time.monotonic() - begin, done.stdout.splitlines()

    def cpu_seconds(self):
        """That the supervisor, IKE and the key holder have taken so far."""
        return sum(cpu_seconds(pid) for name, pid in self.host.processes().items() if name != 'worker')

    def until_other_ike(self, pid):
        """Another process than that one has its configuration, and answers."""
        until(lambda: (ike := self.host.status()['ike']) and ike['pid'] not in (None, pid) and
              not any('note' in c for c in self.host.status()['connections']), 'another IKE', 60)
