# SPDX-License-Identifier: BSD-2-Clause
"""The tables of one run, as Markdown has them, with the charts that belong to them."""
import textwrap

import figures
import report
from contenders import COLUMNS, NAMES

CABLE_COLUMNS = ('plain_gso', 'plain', 'cable', 'bare_cable')
BARE_COLUMNS = ('plain', 'esp', 'bare')
PER_QUEUE_COLUMNS = ('cable', 'one_lane', 'two_lanes')
LOW_COLUMNS = ('plain', 'esp', 'esp_low')
OTHER_TABLES = ('beside', 'low', 'memory', 'cable', 'bare', 'per_queue', 'sas', 'mesh', 'file')


def number(value):
    if value is None:
        return '–'
    return f'{value:,.0f}' if abs(value) >= 100 else report.number(value)


def markdown(headers, lines):
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
    return (f'{facts["cpus"]} CPUs ({facts["cpu"]}), Linux {facts["kernel"]}, idle driver {facts["idle_driver"]}, {ours["aead"]}, {ours["mode"]} XDP, AF_XDP in '
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
    table = markdown(['', *(f'{COLUMNS[c][0]}, {COLUMNS[c][1]}' for c in columns)], lines)
    return '\n\n'.join([textwrap.fill(_machine(result), 140), table, *reasons])


def _rows(result, part, headers, columns, more=lambda row: ()):
    """The rows of that part, with these variants in columns, and more behind them."""
    lines = [[row['label'].strip(), row['unit'], *(number(row['values'].get(c)) for c in columns), *more(row)]
             for row in result['figures'] if row['name'].startswith(f'{part}.')]
    return markdown(['', '', *headers], lines) if lines else None


def _target(row):
    missed = ', missed' if row['met'] is False else ''
    return report.target(row).rstrip() + missed


def _has_no_other_table(row):
    """Of the AEADs the one that has targets is told, at the sizes that have them."""
    kind, _, rest = row['name'].partition('.')
    measured = tuple(f'{figures.AEAD_TARGET_BACKEND}.{op}_{size}' for op, sizes in figures.AEAD_TARGETS.items() for size in sizes)
    return rest.startswith(measured) if kind == 'aead' else kind not in OTHER_TABLES


def _run_line(row):
    base = 'raw' if 'raw' in row['values'] else 'plain'
    return [row['label'].strip(), row['unit'], *(number(row['values'].get(c)) for c in (base, 'esp')), report.compared(row), _target(row)]


def _run(result):
    """With what it is compared: the raw call of the AEAD, OpenSSL alone, or plaintext."""
    lines = [_run_line(row) for row in result['figures'] if _has_no_other_table(row)]
    return markdown(['', '', 'raw call, OpenSSL alone, in clear', 'ours', 'compared', 'target'], lines) if lines else None


def _low(result):
    names = (*(NAMES[c] for c in LOW_COLUMNS), 'compared', 'target')
    return _rows(result, 'low', names, LOW_COLUMNS, lambda row: (report.compared(row), _target(row)))


def _memory(result):
    rows = [row for row in result['figures'] if row['name'].startswith('memory.')]
    columns = ('out', 'in', 'both', 'cipher', 'out_clocks', 'in_clocks')
    lines = [[row['label'], *(number(row['values'].get(c)) for c in columns), report.compared(row),
              f'× {row["values"]["bound"]:.2f}' if 'bound' in row['values'] else '', _target(row)] for row in rows]
    headers = ('', 'sealed, Mpps', 'opened, Mpps', 'both, Mpps', 'cipher alone, Mpps', 'sealed, clocks', 'opened, clocks',
               'compared', 'cipher alone, compared', 'target')
    return markdown(headers, lines) if rows else None


def _cable(result):
    names = ('in clear, offloads', 'in clear', 'ESP on a cable of memory', 'without a cipher', 'compared', 'target')
    return _rows(result, 'cable', names, CABLE_COLUMNS, lambda row: (report.compared(row), _target(row)))


def _per_queue(result):
    names = ('one SA', 'one lane', 'two lanes', 'compared', 'target')
    return _rows(result, 'per_queue', names, PER_QUEUE_COLUMNS, lambda row: (report.compared(row), _target(row)))


def _connections(result):
    """Few beside many, of what is up and of what is only in the file."""
    lines = [[row['label'].strip(), row['unit'], *(number(row['values'].get(c)) for c in ('raw', 'esp')), _target(row)]
             for row in result['figures'] if row['name'].startswith(('mesh.', 'file.'))]
    return markdown(['', '', 'ten', 'thousands', 'target'], lines) if lines else None


def _sas(result):
    lines = [[row['label'], row['unit'], *(number(row['values'].get(c)) for c in ('raw', 'esp')), report.compared(row), _target(row)]
             for row in result['figures'] if row['name'].startswith('sas.')]
    return markdown(['', '', 'few', 'many', 'compared', 'target'], lines) if lines else None


def _bare(result):
    names = ('in clear', 'ESP', 'without a cipher', 'that, compared with clear')
    return _rows(result, 'bare', names, BARE_COLUMNS, lambda row: (report.compared(row),))


def _instructions(result):
    headers, *lines = report.instructions_lines(result.get('instructions') or [])
    return markdown(headers, lines) if lines else None


def blocks(result, images):
    """name -> text; images: name -> how it is shown. What was not measured has no block, and stays as it is."""
    made = {'run': (_run(result),), 'beside': (_beside(result), 'tcp', 'udp', 'ping'), 'low': (_low(result), 'latency', 'flows'),
            'lanes': (_memory(result), 'lanes'), 'cable': (_cable(result), 'cable'), 'bare': (_bare(result),),
            'per_queue': (_per_queue(result),), 'sas': (_sas(result), 'sas'),
            'connections': (_connections(result), 'connections'), 'instructions': (_instructions(result),)}
    return {name: '\n\n'.join([*(images[i] for i in shown if i in images), text])
            for name, (text, *shown) in made.items() if text}
