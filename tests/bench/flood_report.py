# SPDX-License-Identifier: BSD-2-Clause
"""Rows of floods.py, from its rounds, and tables of them: for people, and as docs/security.md has them."""
import statistics
import textwrap

import report
from lib.beds import floods
from plots.tables import markdown

# In clear and protected, as the rounds have them.
WAYS = ('plain', 'esp')
# What ours is to keep of what clear keeps.
TARGET = 0.70
# Growth of all rounds, of memory that is there already when the next flood comes; and of a flood, as test_floods allows it.
GROWTH_KB_MAX, LINES_MAX = floods.GROWTH >> 10, floods.LINES
# What is counted of fewer of a flood's packets, is something else's.
SHARE_MIN = 0.001


# ---- rows ----

def counted_as(rounds):
    """reason -> the share of what the cable took, over all cells."""
    cells = [r[speed]['esp'] for r in rounds for speed in ('highest', 'same')]
    taken, sums = sum(c['taken'] for c in cells), {}
    for c in cells:
        for reason, n in c['counted'].items():
            sums[reason] = sums.get(reason, 0) + n
    return {reason: n / taken for reason, n in sorted(sums.items(), key=lambda item: -item[1]) if n > taken * SHARE_MIN}


def _percentiles(rounds, way):
    rtts = sorted(rtt for r in rounds for rtt in r['same'][way]['rtts'])
    return {'p50': statistics.median(rtts), 'p99': rtts[int(len(rtts) * 0.99)]} if rtts else {'p50': None, 'p99': None}


def missed(r):
    """Which aims of a row's."""
    aims = {'ratio': r['ratio'] >= TARGET, 'memory': r['rss_kb'] + r['maps_kb'] <= GROWTH_KB_MAX, 'log': r['lines_most'] <= LINES_MAX}
    return [name for name, met in aims.items() if not met]


def row(kind, rounds):
    def median(value):
        return statistics.median(map(value, rounds))

    share = {way: median(lambda r: r['same'][way]['share']) for way in WAYS}
    ratio = median(lambda r: r['same']['esp']['share'] / max(r['same']['plain']['share'], 1e-9))
    cells = [r[speed]['esp'] for r in rounds for speed in ('highest', 'same')]
    found = {
        'name': kind, 'label': floods.KINDS[kind].label, 'rounds': len(rounds),
        'kpps': median(lambda r: r['same']['esp']['offered_pps']) / 1e3, 'share': share, 'ratio': ratio,
        'highest': {way: {'kpps': median(lambda r: r['highest'][way]['offered_pps']) / 1e3,
                          'share': median(lambda r: r['highest'][way]['share'])} for way in WAYS},
        'ping_ms': {way: _percentiles(rounds, way) for way in WAYS},
        'rss_kb': sum(c['rss_kb'] for c in cells), 'maps_kb': sum(c['maps_kb'] for c in cells),
        'lines_s': sum(c['lines'] for c in cells) / sum(c['seconds'] for c in cells), 'lines_most': max(c['lines'] for c in cells),
        'counted': counted_as(rounds)}
    return {**found, 'met': not missed(found)}


# ---- tables ----

HEADERS = ('flood', 'kpps', 'clear keeps, %', 'ours keeps, %', 'ratio', 'ping in clear, p50 / p99 ms', 'ours', 'highest in clear, kpps: kept, %',
           'ours', 'memory, kB', 'log, lines/s', 'counted as')


def _ping(of):
    return ' / '.join(report.number(of[key]) for key in ('p50', 'p99'))


def _highest(of):
    return f'{of["kpps"]:.0f}: {100 * of["share"]:.0f}'


def _cells(r):
    def judged(aim, text):
        return text + (', missed' if aim in missed(r) else '')

    counted = ', '.join(f'{reason} {share:.0%}' for reason, share in r['counted'].items()) or '–'
    return (r['label'], f'{r["kpps"]:.0f}', *(f'{100 * r["share"][way]:.0f}' for way in WAYS),
            judged('ratio', f'× {r["ratio"]:.2f}'), *(_ping(r['ping_ms'][way]) for way in WAYS),
            *(_highest(r['highest'][way]) for way in WAYS), judged('memory', f'{r["rss_kb"] + r["maps_kb"]:+d}'),
            judged('log', f'{r["lines_s"]:.1f}'), counted)


def table(rows):
    return report.table(HEADERS, [_cells(r) for r in rows], range(1, len(HEADERS) - 1))


def document(result):
    """As docs/security.md has it."""
    facts, rows = result['facts'], result['floods']
    of = (f'{facts["cpus"]} CPUs ({facts["cpu"]}), Linux {facts["kernel"]}; {facts["time"][:10]}; medians of '
          f'{min(r["rounds"] for r in rows)} rounds.')
    return textwrap.fill(of, 140) + '\n\n' + markdown(HEADERS, [_cells(r) for r in rows])
