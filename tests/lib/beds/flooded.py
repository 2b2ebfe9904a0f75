# SPDX-License-Identifier: BSD-2-Clause
"""
`flooded`: a pair whose first host is flooded by a third place on the wire, next to it:

    a: nic0 192.0.2.1 ---veth--- port0  bridge  port1 ---veth--- nic0 192.0.2.2 :b
                                   ^ the flood comes in here
    a has a connection with b, which is up, and one for a mesh, 198.18.0.0/15, of which nobody is up.

`Unprotected` is the same two in clear, without xdp-ipsec.
"""
import json
import re
import subprocess
import tempfile
from pathlib import Path

from lib.beds.ike import IkePair, connection, is_up
from lib.beds.pair import A, B, NIC, Pair
from lib.bpf_programs import pinned
from lib.host import BUILD, children, resident
from lib.wait import until

MESH = '198.18.0.0/15'      # for benchmarks (RFC 2544)
FLOOD = BUILD / 'tests/bench/flood'


def _prepare(pair):
    """Routes to whoever a flood seems to be from, and neighbours that no flood can make forgotten."""
    pair.a.netns.ip('route', 'add', 'default', 'via', B)
    for host, other, addr in ((pair.a, pair.b, B), (pair.b, pair.a, A)):
        host.netns.ip('neigh', 'replace', addr, 'lladdr', other.netns.mac(NIC), 'dev', NIC, 'nud', 'permanent')


class Unprotected(Pair):
    def __init__(self):
        super().__init__()
        _prepare(self)


class Flooded(IkePair):
    def __init__(self, mode='native'):
        super().__init__(mode)
        _prepare(self)
        self.psk(start='initiate')
        with self.a.config.open('a') as file:
            file.write(f'\n[connection mesh]\nlocal = {A}\nremote = {MESH}\nauth = psk\npsk-file = psk\nstart = respond\n')

    def come_up(self):
        """With one IKE SA and one child: of two that were opened at the same time one goes a moment later."""
        self.start()
        until(lambda: all(is_up(host) for host in self.hosts), 'both are up')

    @staticmethod
    def core(host):
        """The child that is in use between the two; None: there is none."""
        core = connection(host)
        return next((child for child in core['children'] if child['state'] == 'up'), None)


class Flood:
    """
    Frames, lines as flood.c reads them, put on the wire next to a by a process of its own; the block begins when they flow.
    After it: how many were `offered`, in how many `seconds`, and how many of them the cable to a has `taken`.
    """
    FLOWING = 1000

    def __init__(self, pair, frames, rate, seconds):
        self.pair = pair
        self.file = tempfile.NamedTemporaryFile('w', suffix='.frames')
        self.file.write('\n'.join(frames) + '\n')
        self.file.flush()
        self.argv = pair.wire.argv(FLOOD, 'port0', self.file.name, rate, seconds)

    def __enter__(self):
        begun, self.lost = cable_to_a(self.pair)
        self.process = subprocess.Popen(self.argv, stdout=subprocess.PIPE, text=True)
        try:
            until(lambda: self.process.poll() is not None or cable_to_a(self.pair)[0] > begun + self.FLOWING, 'the flood flows')
        except AssertionError:
            self.end()
            raise
        return self

    def __exit__(self, *exc):
        self.process.terminate()
        self.end()

    def wait(self):
        """Until its time is over."""
        self.process.wait(timeout=30)

    def end(self):
        said = self.process.communicate()[0]
        self.file.close()
        assert self.process.returncode == 0, f'flood ended with {self.process.returncode}'
        found = json.loads(said)
        self.offered, self.seconds = found['offered'], found['seconds']
        self.taken = self.offered - (cable_to_a(self.pair)[1] - self.lost)


def cable_to_a(pair):
    """Packets that it has taken so far, and those that it had no room for."""
    link, = json.loads(pair.wire.ip('-s', '-j', 'link', 'show', 'dev', 'port0').stdout)
    return link['stats64']['tx']['packets'], link['stats64']['tx']['dropped']


# ---- what a host holds ----

def processes(host):
    """The daemon, and all that it has started: pid -> name."""
    def below(pid):
        return [pid, *(further for child in children(pid) for further in below(child))]

    return {pid: Path(f'/proc/{pid}/comm').read_text().strip() for pid in below(host.daemon.pid)}


def resident_all(host):
    """Bytes of memory of all its processes."""
    return sum(resident(pid) for pid in processes(host))


def map_bytes(host):
    """What the kernel has for its maps."""
    total = 0
    for path in host.pins.iterdir():
        if not path.is_file():
            continue
        with pinned(path) as fd:
            found = re.search(r'^memlock:\s*(\d+)', Path(f'/proc/self/fdinfo/{fd}').read_text(), re.M)
            total += int(found[1]) if found else 0
    return total
