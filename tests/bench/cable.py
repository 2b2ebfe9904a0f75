# SPDX-License-Identifier: BSD-2-Clause
"""
Two hosts whose workers are joined by a cable of memory (cable/cable.h): what is left of the product where a NIC with zero-copy takes
and brings packets. All but the worker's AF_XDP is what it is elsewhere: the programs on the NIC, which is a veth and carries ARP, the
TAP, and TCP above it.
"""
import json
import os
import shutil
import tempfile
from pathlib import Path

from beds import NIC, Esp
from lib.host import BUILD

# What the files of a memory cable are in: nothing of them is written to a disk.
MEMORY = '/dev/shm'


def sent(ns):
    """Packets that have left by the veth."""
    link, = json.loads(ns.ip('-s', '-j', 'link', 'show', 'dev', NIC).stdout)
    return link['stats64']['tx']['packets']


class Cable(Esp):
    tag = 'c'
    worker = BUILD / 'tests/bench/cable_worker'

    def prepare(self, undo):
        memory = Path(tempfile.mkdtemp(prefix='xdp-ipsec-cable-', dir=MEMORY))
        undo.callback(shutil.rmtree, memory)
        for host, own, other in zip(self.hosts, 'ab', 'ba'):
            folder = host.own_programs()
            shutil.copy2(self.worker, folder / 'xdp-ipsec-worker')
            for queue in range(self.queues):
                (memory / f'{own}{queue}').touch(0o600)
                os.mkfifo(memory / f'{own}{queue}.wake', 0o600)
                for end, name in (('own', own), ('other', other)):
                    for kind in ('', '.wake'):
                        (folder / f'{end}{queue}{kind}').symlink_to(memory / f'{name}{queue}{kind}')

    def counters(self):
        return super().counters(), [sent(ns) for ns in (self.a, self.b)]

    def check(self, before):
        """And none of it went over the veth."""
        after, now = self.counters()
        drops = self.check_counters(before[0], after)
        sealed = sum(new['sealed'] - old['sealed'] for old, new in zip(before[0], after))
        over_veth = sum(now) - sum(before[1])
        if over_veth >= sealed:
            raise AssertionError(f'{over_veth} packets went over the veth, and {sealed} were sealed for the cable')
        return drops
