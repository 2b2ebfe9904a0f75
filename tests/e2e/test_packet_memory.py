# SPDX-License-Identifier: BSD-2-Clause
"""`packet-memory`: what `check` says that a NIC will take is what the worker takes, however many queues there are."""
import json
import re
from pathlib import Path

import pytest

from lib.beds.pair import NIC, Pair
from lib.wait import until

MIB = 1 << 20
LIMIT = 256
# What a worker has besides: itself, its libraries, what a queue has that is no packet memory.
REST_MIB = 24
REST_OF_QUEUE_KIB = 200
# The kernel takes its time to bind 64 queues, on a busy machine a quarter of a second for each.
PATIENCE_S = 60


def said(host):
    """MiB of packet memory, of what is for the host's frames, and for fragments, by `check`."""
    checks = json.loads(host.cmd('-j', 'check', '-c', host.config, check=False).stdout)['checks']
    texts = [row['text'] for row in checks if row['what'] == NIC]
    said = re.search(r'(\d+) MiB of packet memory, and up to (\d+) MiB for long frames of the host and (\d+) for fragments', texts[0])
    return [int(n) for n in said.groups()]


def memory(host):
    """MiB that the worker has in use: of the files that it shares with the kernel, and of its own."""
    status = Path(f"/proc/{host.status()['worker']['pid']}/status").read_text()
    kib = {name: int(n) for name, n in re.findall(r'(\w+):\s+(\d+) kB', status)}
    return kib['RssShmem'] / 1024, kib['RssAnon'] / 1024


def file_of(host):
    """MiB that the packet memory's file has of the machine: the largest that the worker has mapped."""
    blocks = [entry.stat().st_blocks for entry in Path(f"/proc/{host.daemon.pid}/fd").iterdir()
              if entry.is_file() and not entry.stat().st_nlink]
    return max(blocks) * 512 / MIB


@pytest.mark.parametrize('queues, settings, least', [(1, {}, 10), (64, {}, 2 * 64), (64, {'packet_memory': 128}, 2 * 64),
                                                     (8, {'packet_memory': 40}, 8)])
def test_what_is_said_is_taken(queues, settings, least):
    with Pair('native', queues) as pair:
        pair.a.configure([NIC], mode='native', daemon={'lanes': 2}, **settings)
        packets, frames, fragments = said(pair.a)
        limit = settings.get('packet_memory', LIMIT)
        assert least <= packets <= limit
        assert frames == pytest.approx(4.01 * queues, abs=1)
        assert fragments == pytest.approx(min(queues, 2) * 16.03 + 2 * queues * 2.004, abs=1)
        pair.a.spawn()
        until(lambda: 'is ready (' in pair.a.log_text, 'all queues are served', timeout=PATIENCE_S)
        shared, own = memory(pair.a)
        print(f'{queues} queues: said {packets} MiB, the file has {file_of(pair.a)}, the worker {shared} and {own}')
        # Each to the last huge page; where there are none, no more than that.
        assert packets * 0.7 <= file_of(pair.a) <= packets + 2
        assert own <= REST_MIB + queues * REST_OF_QUEUE_KIB / 1024


def test_too_little_is_refused():
    with Pair('native', 8) as pair:
        pair.a.configure([NIC], mode='native', packet_memory=10)
        done = pair.a.cmd('check', '-c', pair.a.config, check=False)
        assert done.returncode == 1 and "'packet-memory = 16', or fewer queues" in done.stdout
