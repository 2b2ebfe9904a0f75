# SPDX-License-Identifier: BSD-2-Clause
"""
Instructions per packet, by callgrind, of lane_bench: by the file whose function runs them, with what the compiler has put
into it. They are the same to the instruction from run to run, however busy the machine, and so tell what a change costs.

What is counted is what some rounds take more than one does, so keys that are expanded and rings that fill are not in it. Callgrind's
CPU has AVX2 and nothing later: the library's cipher takes another way there, and is told for itself.
"""
import json
import re
import shutil
import tempfile
from collections import Counter
from pathlib import Path

from lib.host import BUILD
from lib.netns import run

BENCH = BUILD / 'tests/bench/lane_bench'
# What each direction is called in lane_bench.c.
WAYS = {'out': 'send_some', 'in': 'receive_all'}
SIZES = (64, 1400)
ROUNDS = 4
LINE = re.compile(r'^\s*([\d,]+) \([^)]*\)\s+(\S+):(\S+)(?: \[(.*)\])?$')
# By what is in the object's name, where there are no files.
LIBRARIES = {'libIPSec_MB': 'cipher (library)', 'libcrypto': 'cipher (library)'}


def _annotated(size, way, rounds):
    """(instructions, file, function, object) of all that has run within that direction."""
    with tempfile.TemporaryDirectory() as folder:
        counts = Path(folder) / 'counts'
        run('valgrind', '-q', '--tool=callgrind', f'--callgrind-out-file={counts}', '--collect-atstart=no',
            f'--toggle-collect={WAYS[way]}', BENCH, size, 1, 1, rounds)
        text = run('callgrind_annotate', '--threshold=100', counts).stdout
    found = (LINE.match(line) for line in text.splitlines())
    return [(int(m[1].replace(',', '')), m[2], re.sub(r"\..*|'.*", '', m[3]), m[4] or '') for m in found if m]


def _file(path, obj):
    """A source file of ours, by its name; a library's, by what it is."""
    ours = re.search(r'(worker|maps|lib|tests/bench)/([^/]+\.c)$', path)
    if ours:
        return 'the bench itself' if ours[1] == 'tests/bench' else f'{ours[1]}/{ours[2]}'
    return next((name for part, name in LIBRARIES.items() if part in obj), None)


def _by_file(lines):
    """What headers bring is the function's that they are compiled into."""
    homes = {function: _file(path, obj) for _, path, function, obj in lines if _file(path, obj)}
    counts = Counter()
    for n, path, function, obj in lines:
        counts[_file(path, obj) or homes.get(function, 'C library')] += n
    return counts


def _packets_a_round():
    return json.loads(run(BENCH, SIZES[0], 1, 1, 1).stdout)['round']


def sample(size, way):
    more, one = (_by_file(_annotated(size, way, n)) for n in (ROUNDS + 1, 1))
    more.subtract(one)
    packets = ROUNDS * _packets_a_round()
    groups = {name: n / packets for name, n in more.most_common() if n}
    return {'size': size, 'way': way, 'total': sum(groups.values()), 'groups': groups}


def measure(tell):
    if not shutil.which('valgrind'):
        raise AssertionError('instructions: counted by valgrind, which is not installed')
    samples = []
    for size in SIZES:
        for way in WAYS:
            samples.append(sample(size, way))
            tell(f'instructions {way} {size} B: {samples[-1]["total"]:.1f}')
    return samples


PARTS = len(SIZES) * len(WAYS)
