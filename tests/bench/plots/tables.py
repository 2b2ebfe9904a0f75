# SPDX-License-Identifier: BSD-2-Clause
"""The tables of one run, as Markdown has them, with the charts that belong to them."""
import textwrap

import report
from contenders import COLUMNS, NAMES

CABLE_COLUMNS = ('plain_gso', 'plain', 'cable')
LOW_COLUMNS = ('plain', 'esp', 'esp_low')


def number(value):
    if value is None:
        return '–'
    return f'{value:,.0f}' if abs(value) >= 100 else report.number(value)


def _table(headers, lines):
    rule = ['---', *['--:'] * (len(headers) - 1)]
    return '\n'.join('| ' + ' | '.join(cells) + ' |' for cells in (headers, rule, *lines))


def _cell(figure):
    if figure is None:
        return '–'
    least, median, most = (number(figure[key]) for key in ('min', 'median', 'max'))
    return median if least == most else f'{median} ({least}–{most})'


def _versions(result):
    return ', '.join(f'{NAMES[variant]} {version}' for variant, version in result['facts']['versions'].items())


def _machine(result):
    facts = result['facts']
    ours = facts['esp']
    return (f'{facts["cpus"]} CPUs ({facts["cpu"]}), Linux {facts["kernel"]}, {ours["aead"]}, {ours["mode"]} XDP, AF_XDP in '
            f'{"zero-copy" if ours["zero_copy"] else "copy"} mode; {facts["time"][:10]}; medians of the rounds, of which '
            f'there are {result["settings"]["rounds"]}, and least–most. {_versions(result)}.')


def _beside(result):
    rows = [row for row in result['figures'] if row['name'].startswith('beside.')]
    if not rows:
        return None
    columns = rows[0]['values']
    lines = [[f'**{row["label"]}**' if row['label'] == NAMES['esp'] else row['label'],
              *(_cell(row['values'][c]) for c in columns)] for row in rows]
    reasons = [f'Not there, or not to the end: {row["label"]}: {row["missing"]}.' for row in rows if row['missing']]
    table = _table(['', *(f'{COLUMNS[c][0]}, {COLUMNS[c][1]}' for c in columns)], lines)
    return '\n\n'.join([textwrap.fill(_machine(result), 140), table, *reasons])


def _low(result):
    rows = [row for row in result['figures'] if row['name'].startswith('low.')]
    lines = [[row['label'].strip(), row['unit'], *(number(row['values'].get(c)) for c in LOW_COLUMNS)] for row in rows]
    return _table(['', '', *(NAMES[c] for c in LOW_COLUMNS)], lines) if rows else None


def _target(row):
    missed = ', missed' if row['met'] is False else ''
    return report.target(row) + missed


def _memory(result):
    rows = [row for row in result['figures'] if row['name'].startswith('memory.')]
    columns = ('out', 'in', 'both', 'cipher', 'out_clocks', 'in_clocks')
    lines = [[row['label'], *(number(row['values'].get(c)) for c in columns), report.compared(row),
              f'× {row["values"]["bound"]:.2f}' if 'bound' in row['values'] else '', _target(row)] for row in rows]
    headers = ('', 'sealed, Mpps', 'opened, Mpps', 'both, Mpps', 'cipher alone, Mpps', 'sealed, clocks', 'opened, clocks',
               'compared', 'cipher alone, compared', 'target')
    return _table(headers, lines) if rows else None


def _cable(result):
    rows = [row for row in result['figures'] if row['name'].startswith('cable.')]
    lines = [[row['label'].strip(), row['unit'], *(number(row['values'][c]) for c in CABLE_COLUMNS), report.compared(row),
              _target(row)] for row in rows]
    names = ('in clear, offloads', 'in clear', 'ESP on a cable of memory')
    return _table(['', '', *names, 'compared', 'target'], lines) if rows else None


def _instructions(result):
    headers, *lines = report.instructions_lines(result.get('instructions') or [])
    return _table(headers, lines) if lines else None


def blocks(result, images):
    """name -> text; images: name -> how it is shown. What was not measured has no block, and stays as it is."""
    made = {'beside': (_beside(result), 'tcp', 'udp', 'ping'), 'low': (_low(result), 'latency', 'flows'),
            'lanes': (_memory(result), 'lanes'), 'cable': (_cable(result), 'cable'), 'instructions': (_instructions(result),)}
    return {name: '\n\n'.join([*(images[i] for i in shown if i in images), text])
            for name, (text, *shown) in made.items() if text}
