# SPDX-License-Identifier: BSD-2-Clause
"""
Hosts whose workers have no cipher (bare/aead.c), on a veth and on a cable of memory: all that is left is the packets' way, which no
cipher could make shorter.
"""
import shutil

from beds import Esp
from cable import Cable
from lib.host import BUILD


class Bare(Esp):
    tag = 'x'

    def prepare(self, undo):
        for host in self.hosts:
            shutil.copy2(BUILD / 'tests/bench/bare_worker', host.own_programs() / 'xdp-ipsec-worker')


class BareCable(Cable):
    tag = 'd'
    worker = BUILD / 'tests/bench/bare_cable_worker'
