# SPDX-License-Identifier: BSD-2-Clause
"""
A chart, drawn by chart.gnuplot: panels side by side with the same rows; or curves, by curves.gnuplot. Every colour of ours that
is not a bar's has its counterpart for those who have the light off; the chart has a ground of its own, so it can be read on any
page.
"""
import math
import subprocess
import tempfile
from collections import namedtuple
from pathlib import Path

SCRIPT = Path(__file__).with_name('chart.gnuplot')
CURVES_SCRIPT = Path(__file__).with_name('curves.gnuplot')
CURVES_HEIGHT, CURVES_PANEL = 320, 300
WIDTH, LEFT_PER_CHARACTER, AROUND = 900, 7.2, 112
# With one bar in a row, and with two.
ROW_HEIGHT, ROW_HEIGHT_OF_TWO = 30, 40
# Between 2 and 5 marks on an axis.
MARKS = 5
# Colours that chart.gnuplot writes, and what they are in the dark: ground, text, notes, lines, spreads.
DARK = {'#ffffff': '#0d1117', '#1f2328': '#e6edf3', '#6e7781': '#9198a1', '#d8dee4': '#2d333b', '#57606a': '#c9d1d9'}

# kind: 'bars' or 'ranges'. rows: their names. A panel: its title, and marks.
Chart = namedtuple('Chart', 'name kind heading note rows panels')
Panel = namedtuple('Panel', 'title marks')
# row: from 1, may be between two. value: None: there is none, only the text. most is p99 of a range. colour: RRGGBB; pale: it
# lets the ground through.
Mark = namedtuple('Mark', 'row value least most height colour pale text')

# What grows with a number, or does not: in each panel curves, of (number, value).
Curves = namedtuple('Curves', 'name heading note panels')
CurvesPanel = namedtuple('CurvesPanel', 'title curves')
Curve = namedtuple('Curve', 'label colour points')


def missing(row):
    return Mark(row, None, None, None, 0.1, '#6e7781', False, 'not there')


def _quoted(text):
    return "'" + text.replace("'", "''") + "'"


def _array(name, values):
    values = list(values)
    return [f'array {name}[{len(values)}]', *(f'{name}[{n}] = {value}' for n, value in enumerate(values, 1))]


def _round_up(value):
    """To two digits: an axis ends near what it shows."""
    if value <= 0:
        return 1
    unit = 10 ** (math.floor(math.log10(value)) - 1)
    return math.ceil(value / unit) * unit


def _apart(top):
    """1, 2 or 5 times a power of ten."""
    unit = 10 ** math.floor(math.log10(top / MARKS))
    return next(n * unit for n in (1, 2, 5, 10) if n * unit * MARKS >= top)


def _ends(chart):
    """Where all axes begin and end; the text behind the longest mark needs its room."""
    there = [m for p in chart.panels for m in p.marks if m.value is not None]
    low, high, panels = min(m.value for m in there), max(m.most for m in there), len(chart.panels)
    if chart.kind == 'bars':
        return 0, _round_up((1.05 + 0.2 * panels) * high)
    return low / 1.5, high * (high / low) ** (0.14 * panels) * 1.6 * panels


def _line(mark, bottom):
    there = mark.value is not None
    alpha = 0x90 if mark.pale else 0 if there else 0xff
    colour = (alpha << 24) + int(mark.colour[1:], 16)
    values = (mark.value, mark.least, mark.most) if there else (bottom,) * 3
    return '\t'.join([f'{mark.row:g}', *(f'{v:.9g}' for v in values), f'{mark.height:g}', str(colour), f'"{mark.text}"'])


def _script(chart, out, folder):
    bottom, top = _ends(chart)
    files = []
    for n, panel in enumerate(chart.panels):
        path = Path(folder) / f'panel{n}'
        path.write_text(''.join(_line(mark, bottom) + '\n' for mark in panel.marks), encoding='utf-8')
        files.append(str(path))
    height = ROW_HEIGHT_OF_TWO if any(m.row % 1 for p in chart.panels for m in p.marks) else ROW_HEIGHT
    left = (20 + LEFT_PER_CHARACTER * max(map(len, chart.rows))) / WIDTH
    return '\n'.join([
        'set encoding utf8', f'out = {_quoted(str(out))}', f'width = {WIDTH}',
        f'height = {AROUND + height * len(chart.rows)}', f'heading = {_quoted(chart.heading)}',
        f'note = {_quoted(chart.note)}', f'kind = {_quoted(chart.kind)}', f'left = {left:.4f}', f'bottom = {bottom:.9g}',
        f'panels = {len(files)}', *_array('title', (_quoted(p.title) for p in chart.panels)),
        *_array('file', map(_quoted, files)), f'top = {top:.9g}', f'apart = {_apart(top):.9g}',
        f'rows = {len(chart.rows)}', *_array('name', map(_quoted, chart.rows)), f'load {_quoted(str(SCRIPT))}', ''])


def _value(y):
    return f'{y:.0f}' if y >= 10 else f'{y:.2g}'


def _curve(curve, path, up):
    """
    What gnuplot's plot has of it: a line with points, and behind the last, so far up, what it is, and how much. Named, though there
    is no key: the file's path would be its name in the SVG.
    """
    last = len(curve.points) - 1
    path.write_text(''.join(f'{x}\t{y:.9g}\t"{f"{curve.label} {_value(y)}" if n == last else ""}"\n'
                            for n, (x, y) in enumerate(curve.points)), encoding='utf-8')
    colour = f'rgb "{curve.colour}"'
    return (f'"{path}" using 1:2 title "{curve.label}" with linespoints pt 7 ps 0.7 lw 2 lc {colour}, '
            f'"" using 1:2:3 title "" with labels left offset 0.7,{up} font ",11" textcolor {colour}')


def _marks(values):
    """Where a logarithmic axis has its marks: at the tens, and where these are few at 2 and 5 times them, too."""
    low, high = min(values) / 2, max(values) * 2
    steps = (1, 2, 5) if high / low < 200 else (1,)
    tens = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    return ', '.join(f'{n * 10 ** e:g}' for e in tens for n in steps if low <= n * 10 ** e <= high)


def _curves_script(chart, out, folder):
    xs = [x for p in chart.panels for c in p.curves for x, _ in c.points]
    ys = [[y for c in p.curves for _, y in c.points] for p in chart.panels]
    # Where two end close to each other, the text of the higher one is above its end, and the other's below.
    from_top = [sorted(p.curves, key=lambda c: -c.points[-1][1]) for p in chart.panels]
    plots = [', '.join(_curve(c, Path(folder) / f'panel{n}-{k}', (0.4, -0.4)[k % 2]) for k, c in enumerate(curves))
             for n, curves in enumerate(from_top)]
    return '\n'.join([
        'set encoding utf8', f'out = {_quoted(str(out))}', f'width = {CURVES_PANEL * len(plots)}', f'height = {CURVES_HEIGHT}',
        f'heading = {_quoted(chart.heading)}', f'note = {_quoted(chart.note)}', f'least = {min(xs)}', f'most = {max(xs)}',
        f'panels = {len(plots)}', *_array('title', (_quoted(p.title) for p in chart.panels)),
        *_array('bottom', (f'{min(y) / 2:.9g}' for y in ys)), *_array('top', (f'{max(y) * 2:.9g}' for y in ys)),
        *_array('marks', (_quoted(_marks(y)) for y in ys)),
        *_array('curves', map(_quoted, plots)), f'load {_quoted(str(CURVES_SCRIPT))}', ''])


def _for_the_dark(svg):
    """Its colours in a style sheet of its own, which a page with the light off asks for."""
    rules = []
    for light, dark in DARK.items():
        r, g, b = (int(light[n:n + 2], 16) for n in (1, 3, 5))
        for written in (light, f'rgb({r:3}, {g:3}, {b:3})', f'rgb({r},{g},{b})'):
            rules += [f'[{what}="{written}"]{{{what}:{dark}}}' for what in ('fill', 'stroke')]
    style = '<style>@media (prefers-color-scheme: dark){' + ''.join(rules) + '}</style>'
    end = svg.index('>', svg.index('<svg')) + 1
    return svg[:end] + style + svg[end:]


def draw(chart, folder):
    """The path of the SVG."""
    out = Path(folder) / f'bench-{chart.name}.svg'
    with tempfile.TemporaryDirectory() as work:
        script = _curves_script if isinstance(chart, Curves) else _script
        subprocess.run(['gnuplot', '-'], input=script(chart, out, work), text=True, check=True)
    out.write_text(_for_the_dark(out.read_text(encoding='utf-8')), encoding='utf-8')
    return out
