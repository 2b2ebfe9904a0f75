# SPDX-License-Identifier: BSD-2-Clause
"""Ours beside plaintext and beside tunnels of others: a row for each, with the median and the spread of the rounds."""
import statistics

import report
from parts import ALL

NAMES = {'plain_gso': 'in clear, offloads', 'plain': 'in clear', 'esp': 'xdp-ipsec', 'esp_low': 'xdp-ipsec, latency = low',
         'openvpn': 'OpenVPN', 'wireguard': 'wireguard-go', 'libipsec': 'strongSwan, kernel-libipsec'}
# part.key -> what it is called, and its unit.
COLUMNS = {
    'tcp_1.mbit_s': ('TCP, 1 stream', 'Mbit/s'),
    'tcp_1.cpu_s_per_gb': ('its CPU', 's/GB'),
    'tcp_4.mbit_s': ('4 streams', 'Mbit/s'),
    'udp_64.kpps': ('UDP 64 B, < 1 % lost', 'kpps'),
    'udp_64.overload_kpps': ('overload', 'kpps'),
    'udp_1400.kpps': ('UDP 1400 B, < 1 % lost', 'kpps'),
    'udp_1400.overload_kpps': ('overload', 'kpps'),
    'ping.p50_us': ('ping p50', 'µs'),
    'ping.p99_us': ('p99', 'µs'),
}


def _figure(rounds, variant, key):
    """What the rounds say of it, and of it as a ratio to plaintext in the same round; None: nothing."""
    pairs = [(r[variant][key], r['plain'][key]) for r in rounds if variant in r]
    if not pairs:
        return None
    values = [value for value, _ in pairs]
    ratios = [value / plain for value, plain in pairs if plain]
    return {'median': statistics.median(values), 'min': min(values), 'max': max(values),
            'of_plain': statistics.median(ratios) if ratios else None}


def rows(measured, facts):
    """
    One for each contender, if anything was measured that all of them go through. Who was not there, or fell out, has a row
    with the reason and what there is.
    """
    columns = [column for column in COLUMNS if column.split('.')[0] in measured]
    there = {variant for column in columns for r in measured[column.split('.')[0]] for variant in r}
    return [{
        'name': f'beside.{variant}',
        'label': NAMES[variant],
        'version': facts['versions'].get(variant),
        'missing': facts['missing'].get(variant),
        'values': {c: _figure(measured[c.split('.')[0]], variant, c.split('.')[1]) for c in columns},
        'met': None,
    } for variant in ALL if columns and (variant in there or variant in facts['missing'])]


def cell(figure):
    """Median (least - most)."""
    if figure is None:
        return '-'
    least, most = report.number(figure['min']), report.number(figure['max'])
    spread = f' ({least}-{most})' if least != most else ''
    return report.number(figure['median']) + spread


def reasons(beside):
    return [f'{row["label"]}: {row["missing"]}' for row in beside if row['missing']]


def table(beside):
    columns = beside[0]['values']
    headers = ('beside others', *(f'{COLUMNS[c][0]}, {COLUMNS[c][1]}' for c in columns))
    lines = [(row['label'], *(cell(row['values'][c]) for c in columns)) for row in beside]
    return '\n'.join([report.table(headers, lines, range(1, len(headers))), *reasons(beside)])
