# SPDX-License-Identifier: BSD-2-Clause
"""The table for people."""

HEADERS = ('figure', 'unit', 'plain, GSO', 'plain', 'ESP', 'compared', 'target', 'met')
LOW_HEADERS = ('latency = low', 'unit', 'plain', 'ESP', 'ESP, low', 'compared', 'target', 'met')
FILE_HEADERS = ('the file', 'unit', 'ten connections', 'thousands', 'compared', 'target', 'met')
MESH_HEADERS = ('the mesh', 'unit', 'ten peers', 'thousands', 'compared', 'target', 'met')
SAS_HEADERS = ('many SAs', 'unit', 'few', 'many', 'compared', 'target', 'met')
IKE_HEADERS = ('IKE', 'unit', 'OpenSSL', 'IKE', 'compared', 'target', 'met')
IKE_CORES_HEADERS = ('IKE, all CPUs', 'unit', 'beside', 'IKE', 'compared', 'target', 'met')
AEAD_HEADERS = ('figure', 'unit', 'raw AEAD', 'ESP', 'compared', 'target', 'met')
CABLE_HEADERS = ('on a cable of memory', 'unit', 'plain, GSO', 'plain', 'ESP', 'no cipher', 'compared', 'target', 'met')
BARE_HEADERS = ('without a cipher', 'unit', 'plain', 'ESP', 'no cipher', 'compared', 'target', 'met')
PER_QUEUE_HEADERS = ('an SA for each lane', 'unit', 'one SA', 'one lane', 'two lanes', 'compared', 'target', 'met')
MEMORY_HEADERS = ('memory to memory', 'unit', 'out', 'in', 'both', 'out, clocks', 'in, clocks', 'spread, %', 'bound, ×',
                  'compared', 'target', 'met')
SIGNS = {'>=': '≥', '<=': '≤', '<': '<'}
# A share of the CPUs in other hands above which a figure says little.
BUSY_MACHINE = 0.10


def number(value):
    if value is None:
        return '-'
    return f'{value:.0f}' if abs(value) >= 100 else f'{value:.1f}' if abs(value) >= 10 else f'{value:.2f}'


def compared(row):
    if row['compared'] is None:
        return ''
    return f'× {row["compared"]:.2f}' if row['compare'] == 'ratio' else f'{row["compared"]:+.0f} {row["unit"]}'


def target(row):
    if row['target'] is None:
        return ''
    op, limit = row['target']
    unit = '' if row['compare'] == 'ratio' else ' ' + row['unit']
    return f'{SIGNS[op]} {"× " if row["compare"] == "ratio" else ""}{limit:g}{unit}'


def _met(row):
    return '' if row['met'] is None else 'yes' if row['met'] else 'NO'


def _cells(row, columns):
    numbers = (number(row['values'].get(c)) for c in columns)
    return (row['label'], row['unit'], *numbers, compared(row), target(row), _met(row))


def table(headers, lines, numbers=None):
    """Those columns to the right; if not said, as in rows of figures."""
    widths = [max(len(line[n]) for line in (headers, *lines)) for n in range(len(headers))]
    numbers = numbers or range(2, len(headers) - 2)

    def text(line):
        cells = (c.rjust(w) if n in numbers else c.ljust(w) for n, (c, w) in enumerate(zip(line, widths)))
        return '  '.join(cells).rstrip()

    return '\n'.join([text(headers), '  '.join('-' * w for w in widths), *map(text, lines)])


def aead_table(rows):
    return table(AEAD_HEADERS, [_cells(row, ('raw', 'esp')) for row in rows])


def ike_table(rows):
    return table(IKE_HEADERS, [_cells(row, ('raw', 'esp')) for row in rows])


def ike_cores_table(rows):
    return table(IKE_CORES_HEADERS, [_cells(row, ('raw', 'esp')) for row in rows])


def sas_table(rows):
    return table(SAS_HEADERS, [_cells(row, ('raw', 'esp')) for row in rows])


def file_table(rows):
    return table(FILE_HEADERS, [_cells(row, ('raw', 'esp')) for row in rows])


def mesh_table(rows):
    return table(MESH_HEADERS, [_cells(row, ('raw', 'esp')) for row in rows])


def bed_table(rows):
    return table(HEADERS, [_cells(row, ('plain_gso', 'plain', 'esp')) for row in rows])


def low_table(rows):
    return table(LOW_HEADERS, [_cells(row, ('plain', 'esp', 'esp_low')) for row in rows])


def cable_table(rows):
    return table(CABLE_HEADERS, [_cells(row, ('plain_gso', 'plain', 'cable', 'bare_cable')) for row in rows])


def per_queue_table(rows):
    return table(PER_QUEUE_HEADERS, [_cells(row, ('cable', 'one_lane', 'two_lanes')) for row in rows])


def bare_table(rows):
    return table(BARE_HEADERS, [_cells(row, ('plain', 'esp', 'bare')) for row in rows])


def memory_table(rows):
    columns = ('out', 'in', 'both', 'out_clocks', 'in_clocks', 'spread_percent', 'bound')
    rows = [{**row, 'values': {**row['values'], 'spread_percent': row['spread_percent']}} for row in rows]
    return table(MEMORY_HEADERS, [_cells(row, columns) for row in rows])


def instructions_lines(samples):
    """Headers, a line for each file, and one for all: a column for each direction and size. Headers alone: no samples."""
    names = sorted({name for s in samples for name in s['groups']},
                   key=lambda name: -sum(s['groups'].get(name, 0) for s in samples))
    lines = [(name, *(f'{s["groups"].get(name, 0):.1f}' for s in samples)) for name in names]
    total = [('all', *(f'{s["total"]:.1f}' for s in samples))] if samples else []
    return [('instructions per packet', *(f'{s["way"]} {s["size"]} B' for s in samples)), *lines, *total]


def instructions_table(samples):
    headers, *lines = instructions_lines(samples)
    return table(headers, lines, range(1, len(headers)))


def machine_line(facts):
    esp = facts.get('esp', {})
    parts = [f'{facts["cpu"]}, {facts["cpus"]} CPUs', f'Linux {facts["kernel"]}', f'idle driver {facts["idle_driver"]}']
    if esp:
        parts.append(f'{esp["aead"]}, {esp["mode"]} XDP, {"zero-copy" if esp["zero_copy"] else "copy"} mode')
    return '; '.join(parts)


def warning(background):
    """A line when the machine was not ours alone; else None."""
    worst = max(background, default=0)
    if worst < BUSY_MACHINE:
        return None
    return f'warning: up to {worst:.0%} of the CPUs were busy with other things: repeat on a quiet machine'


def verdict(rows):
    missed = [row['label'] for row in rows if row['met'] is False]
    told = sum(row['met'] is not None for row in rows)
    return f'missed: {", ".join(missed)}' if missed else f'all {told} targets met' if told else 'no target among these'
