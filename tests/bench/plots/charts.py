# SPDX-License-Identifier: BSD-2-Clause
"""Which charts there are, and their marks, from the rows and rounds of one run. What was not measured has no chart."""
import statistics

from contenders import NAMES
from plots.draw import Chart, Curve, Curves, CurvesPanel, Mark, Panel, missing

# In clear, and ours.
COLOURS = {'plain_gso': '#b1bac4', 'plain': '#8c959f', 'esp': '#2f81f7', 'esp_low': '#2bb3c0', 'cable': '#2f81f7'}
THEIRS = '#d4883a'
CABLE = 'ESP on a cable of memory'
LANES = {1: '#2f81f7', 2: '#2bb3c0'}
SPREAD = 'line: least to most of the rounds'
P50_P99 = 'dot: p50; triangle: p99; logarithmic; medians of the rounds'


def text(value):
    return f'{value:,.0f}' if abs(value) >= 10 else f'{value:.1f}'


def colour(variant):
    return COLOURS.get(variant, THEIRS)


def samples(result, part, variant, key):
    values = [r[variant][key] for r in result['rounds'].get(part, []) if variant in r]
    return [v for v in values if v is not None]


def bar(row, values, colour, height=0.62, pale=False, shown=text):
    if not values:
        return missing(row)
    median = statistics.median(values)
    return Mark(row, median, min(values), max(values), height, colour, pale, shown(median))


def span(result, row, part, variant):
    """From p50 to p99."""
    p50, p99 = (samples(result, part, variant, key) for key in ('p50_us', 'p99_us'))
    if not p50:
        return missing(row)
    p50, p99 = statistics.median(p50), statistics.median(p99)
    return Mark(row, p50, p50, p99, 0.1, colour(variant), False, f'{text(p50)} / {text(p99)}')


def _stream(result, row, part, variant):
    """Its text has the ratio to plaintext, too."""
    ratios = [r[variant]['mbit_s'] / r['plain']['mbit_s'] for r in result['rounds'].get(part, []) if variant in r]
    return bar(row, samples(result, part, variant, 'mbit_s'), colour(variant),
               shown=lambda median: f'{text(median)}, × {statistics.median(ratios):.2f}')


def _streams(result, variants, prefix, name, heading):
    parts = {f'{prefix}tcp_1': 'one stream, Mbit/s', f'{prefix}tcp_4': 'four streams, Mbit/s'}
    panels = [Panel(title, [_stream(result, row, part, v) for row, v in enumerate(variants, 1)])
              for part, title in parts.items() if part in result['rounds']]
    return panels and Chart(name, 'bars', heading, f'{SPREAD}; ×: of what it is in clear in the same round',
                            [NAMES.get(v, CABLE) for v in variants], panels)


def _throughput(result, variants):
    return _streams(result, variants, '', 'tcp', 'TCP')


def _cable(result, variants):
    return _streams(result, variants, 'cable_', 'cable', 'TCP on a cable of memory')


def _best_and_overload(result, row, part, variant):
    """Two bars in one row, the upper the best rate."""
    return [bar(row - 0.18, samples(result, part, variant, 'kpps'), colour(variant), 0.34),
            bar(row + 0.18, samples(result, part, variant, 'overload_kpps'), colour(variant), 0.34, pale=True)]


def _datagrams(result, variants):
    panels = [Panel(f'{size} bytes, kpps', [mark for row, v in enumerate(variants, 1)
                                            for mark in _best_and_overload(result, row, f'udp_{size}', v)])
              for size in (64, 1400) if f'udp_{size}' in result['rounds']]
    return panels and Chart('udp', 'bars', 'UDP, one flow', 'full: under 1 % lost; pale: received in overload; ' + SPREAD,
                            [NAMES[v] for v in variants], panels)


def _round_trips(result, variants):
    return 'ping' in result['rounds'] and Chart(
        'ping', 'ranges', 'Round trip, µs, every 2 ms on idle hosts', P50_P99, [NAMES[v] for v in variants],
        [Panel('', [span(result, row, 'ping', v) for row, v in enumerate(variants, 1)])])


def _beside_traffic(result, variants):
    loads = {'ping': 'idle', 'ping_tcp': 'beside one TCP stream', 'ping_udp': 'beside 100 kpps of UDP'}
    panels = [Panel(title, [span(result, row, part, v) for row, v in enumerate(variants, 1)])
              for part, title in loads.items() if part in result['rounds']]
    return 'ping_tcp' in result['rounds'] and Chart(
        'latency', 'ranges', 'Round trip beside other traffic, µs', P50_P99, [NAMES[v] for v in variants], panels)


def _flows(result, variants):
    flows = {'': '1 flow', '_100': '100 flows', '_10000': '10,000 flows'}
    rows = [(f'{label}, {NAMES[v]}', part, v) for part, label in flows.items() for v in variants]
    panels = [Panel(f'{size} bytes, kpps', [mark for row, (_, part, v) in enumerate(rows, 1)
                                            for mark in _best_and_overload(result, row, f'udp_{size}{part}', v)])
              for size in (64, 1400)]
    return 'udp_64_100' in result['rounds'] and Chart(
        'flows', 'bars', 'UDP in many flows', 'full: under 1 % lost; pale: received in overload; ' + SPREAD,
        [label for label, _, _ in rows], panels)


def _scaling(result, _):
    cases = {}
    for r in result.get('memory_rounds', []):
        for case in r['cases']:
            cases.setdefault((case['sas'], case['size'], case['lanes']), []).append(case)
    rows = sorted(cases)
    names = [f'{size} B, {sas:,} SA{"s" * (sas > 1)}, {lanes} lane{"s" * (lanes > 1)}' for sas, size, lanes in rows]
    panels = [Panel(title, [bar(row, [case[way]['mpps'] for case in cases[key]], LANES.get(key[2], THEIRS),
                                shown='{:.1f}'.format) for row, key in enumerate(rows, 1)])
              for way, title in (('out', 'sealed, Mpps'), ('in', 'opened, Mpps'))]
    return rows and Chart('lanes', 'bars', 'Memory to memory, by size, SAs and lanes', SPREAD, names, panels)


# By what is measured of a file's connections: what people call it, and its colour.
FILE_CURVES = {'start_s': ('start', '#2f81f7'), 'check_s': ('check', '#8c959f'), 'reload_s': ('reload', '#2bb3c0'),
               'status_s': ('status -j', '#d4883a')}


def _curve(label, colour, samples, number, key):
    return Curve(label, colour, [(sample[number], sample[key]) for sample in samples if sample[key]])


def _connections(result, _):
    files, mesh = result.get('files', {}).get('psk', []), result.get('mesh', [])
    panels = [
        CurvesPanel('a file: seconds', [_curve(label, colour, files, 'connections', key) for key, (label, colour) in FILE_CURVES.items()]),
        CurvesPanel('all up, both ends here: seconds', [_curve('from cold', '#2f81f7', mesh, 'peers', 'seconds')]),
        CurvesPanel('memory of IKE: MB', [_curve('configured', '#8c959f', files, 'connections', 'ike_mb'),
                                          _curve('up', '#2f81f7', mesh, 'peers', 'ike_mb')]),
    ]
    return files and mesh and Curves('connections', 'From ten connections to thousands', 'by their number; both axes logarithmic', panels)


def _by_sas(rounds, way):
    """Of small packets and one lane: (SAs, Mpps)."""
    cases = {}
    for case in (case for r in rounds for case in r['cases'] if (case['size'], case['lanes']) == (64, 1)):
        cases.setdefault(case['sas'], []).append(case[way]['mpps'])
    return [{'sas': sas, 'mpps': statistics.median(rates)} for sas, rates in sorted(cases.items())]


def _sas(result, _):
    found, rounds = result.get('sas'), result.get('memory_rounds')
    if not (found and rounds):
        return None
    panels = [
        CurvesPanel('SAs in use, 64 B: Mpps', [_curve('sealed', '#2f81f7', _by_sas(rounds, 'out'), 'sas', 'mpps'),
                                               _curve('opened', '#2bb3c0', _by_sas(rounds, 'in'), 'sas', 'mpps')]),
        CurvesPanel('pairs there: ns', [_curve('set-up', '#2f81f7', found['setup'], 'number', 'ns'),
                                        _curve('orphan', '#8c959f', found['orphans'], 'number', 'ns')]),
        CurvesPanel('prefixes: ns a packet', [_curve('clear', '#8c959f', found['clear'], 'number', 'ns'),
                                              _curve('protected', '#2f81f7', found['protected'], 'number', 'ns')]),
        CurvesPanel('room for SAs: MB', [_curve('maps', '#2f81f7', found['memory'], 'sa_max', 'maps_mb'),
                                         _curve('programs', '#d4883a', found['memory'], 'sa_max', 'processes_mb')]),
    ]
    return Curves('sas', 'From one SA to a hundred thousand', 'by their number; both axes logarithmic', panels)


CONTENDERS = ('plain_gso', 'plain', 'esp', 'esp_low', 'openvpn', 'wireguard', 'libipsec')
WITHOUT_OFFLOADS = CONTENDERS[1:]
OURS = ('plain', 'esp', 'esp_low')
CHARTS = ((_throughput, CONTENDERS), (_datagrams, WITHOUT_OFFLOADS), (_round_trips, WITHOUT_OFFLOADS),
          (_beside_traffic, OURS), (_flows, OURS), (_scaling, None), (_sas, None), (_connections, None), (_cable, ('plain_gso', 'plain', 'cable')))


def charts(result):
    return [chart for make, variants in CHARTS if (chart := make(result, variants))]
