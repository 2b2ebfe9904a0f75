# SPDX-License-Identifier: BSD-2-Clause
"""
From a few peers to ten thousand of one hub, both ends on this machine: how long it takes until all are up, from cold, and
what the hub's IKE takes for each.
"""
import re

from lib.beds.hub import Hub
from lib.host import resident
import report

# Spokes, addresses of each, addresses of the hub: the peers are as many as these three multiplied.
SHAPES = {10: (1, 10, 1), 100: (2, 50, 1), 1000: (4, 50, 5), 10_000: (4, 50, 50)}
SIZES, SIZES_QUICK = tuple(SHAPES), (10, 100, 1000)
DEADLINE_S = 300
# What the log of either end has of an attempt that came to nothing.
FAILED = re.compile(r'no answer to|not proven|_FAILED|could not be|is tried')


def _sample(shape):
    with Hub(*shape) as bed:
        bed.hub.start()
        pid = bed.hub.status()['ike']['pid']
        before = resident(pid)
        seconds = bed.come_up(DEADLINE_S)
        grown = resident(pid) - before
        failed = sum(len(FAILED.findall(host.log_text)) for host in (bed.hub, *bed.spokes))
        return {'peers': bed.peers, 'seconds': seconds, 'failed': failed, 'ike_mb': resident(pid) / (1 << 20),
                'bytes_per_peer': grown / bed.peers}


def measure(settings, tell):
    """Samples, from few peers to many."""
    found = []
    for size in settings['mesh_peers']:
        found.append(_sample(SHAPES[size]))
        tell(f'mesh, {size} peers: seconds {report.number(found[-1]["seconds"])}, {found[-1]["failed"]} failed')
    return found
