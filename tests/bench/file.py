# SPDX-License-Identifier: BSD-2-Clause
"""Files of few and of many connections: how long a start takes, a reload of one change, and what asks about all of them."""
import time

from lib.beds.file_load import ManyConnections
from lib.host import resident
from lib.pki import Ca
import report

# With PSKs all of them, for the curve; with certificates the first and the last.
COUNTS, COUNTS_QUICK = (10, 100, 1000, 10_000), (10, 100, 1000)
PROOFS = ('psk', 'cert')
# Of as many connections again each: what is told is the median.
RELOADS = 3
START_DEADLINE_S = 120
# What people ask.
QUESTIONS = {'status_s': ('-j', 'status', 'quick'), 'list_s': ('connection', 'list'), 'policies_s': ('policy', 'list'),
             'check_s': ('check', '-c')}


def _seconds(act, *args, **kw):
    begin = time.monotonic()
    done = act(*args, **kw)
    return time.monotonic() - begin, done


def _reload(bed, count, nth):
    bed.write(count // 2, f'rekey-time = {30 + nth}m\n')
    seconds, said = bed.reload()
    assert said == [f'connection c{count // 2}: changed'], said
    return seconds


def _asked(bed, words):
    more = (bed.host.config,) if words[0] == 'check' else ()
    seconds, done = _seconds(bed.host.cmd, *words, *more, check=False)
    assert done.stdout, done.stderr
    return seconds


def _sample(count, proof):
    with ManyConnections(count, Ca() if proof == 'cert' else None) as bed:
        started = bed.start(START_DEADLINE_S)
        ike = resident(bed.host.status()['ike']['pid'])
        reloads = [_reload(bed, count, n) for n in range(RELOADS)]
        return {'connections': count, 'start_s': started, 'reload_s': sorted(reloads)[RELOADS // 2], 'ike_mb': ike / (1 << 20),
                **{name: _asked(bed, words) for name, words in QUESTIONS.items()}}


def cases(settings):
    """Proof, and the numbers of connections."""
    counts = settings['file_connections']
    return {proof: counts if proof == 'psk' else (counts[0], counts[-1]) for proof in PROOFS}


def steps(settings):
    return sum(map(len, cases(settings).values()))


def measure(settings, tell):
    """proof -> samples, from few connections to many."""
    found = {}
    for proof, counts in cases(settings).items():
        found[proof] = []
        for count in counts:
            found[proof].append(_sample(count, proof))
            tell(f'file, {proof} {count}: start_s {report.number(found[proof][-1]["start_s"])}')
    return found
