# SPDX-License-Identifier: BSD-2-Clause
"""
The matrix: whatever happens to a host, no packet that is to be protected leaves it in clear, none gets in, and the traffic comes
back. Its rows are in tests/lib/gate/events.py; docs/security.md has the same table.
"""
import os
import re
import shutil
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path

import pytest

from lib.gate.bed import ENOUGH, FIGURES, SHUT, WAYS, Gate
from lib.gate.events import CLOSED, CLOSES, EVENTS, OPEN, Event, table

SECURITY = Path(__file__).parents[2] / 'docs/security.md'
# From `run` to closed on a host where nothing has run before. 0.1 s is what it takes by itself; tests run beside others.
CLOSE_SECONDS = 1.0


@dataclass
class Told:
    """What a cell has shown, for both directions."""
    event: Event
    mode: str
    steps: list
    counts: dict
    error: AssertionError = None

    def clear(self, way):
        """Seconds after the event began."""
        begun = self.steps[0][1]
        return [t - begun for t in self.counts['times'][way] if t >= begun]

    def after(self, step):
        """Seconds from the beginning of the event to that step of it, if there was one."""
        return next((t - self.steps[0][1] for what, t in self.steps if what == step), float('inf'))

    def describe(self, way):
        clear = self.clear(way)
        if not clear:
            return f'{self.event.name}, {way}, {self.mode}: nothing in clear'
        steps = ', '.join(f'{what} {t - self.steps[0][1]:.3f} s' for what, t in self.steps)
        return (f'{self.event.name}, {way}, {self.mode}: {len(clear)} packets in clear, the first {clear[0]:.3f} s after the '
                f'event began, the last {clear[-1]:.3f} s ({steps})')


def happen(event, mode):
    """One cell, from before to after."""
    with Gate(mode, event.queues) as bed:
        error = None
        if event.begin == 'up':
            bed.bring_up()
            bed.step('begin')
        else:
            bed.start_peer()
            bed.watch(50)
        try:
            event.act(bed)
            if event.resumes:
                bed.step('over')
                bed.wait_for_traffic()
        except AssertionError as e:
            error = e
            bed.steps = bed.steps or [('begin', 0)]
        bed.watch(50)
        return Told(event, mode, bed.steps, bed.traffic.ask('stop'), error)


CELLS = [pytest.param((event, mode), id=f'{mode}-{event.name}', marks=[pytest.mark.alone] * (event.gate == CLOSES))
         for event in EVENTS for mode in event.modes]


@pytest.fixture(scope='module', params=CELLS)
def cell(request):
    """Made once for both directions."""
    event, mode = request.param
    missing = [program for program in event.programs if not shutil.which(program)]
    if missing:
        pytest.skip(f'not installed: {", ".join(missing)}')
    if kernel() < event.since:
        pytest.skip(f'needs Linux {".".join(map(str, event.since))}, for what keeps it closed: {event.keeps}')
    return happen(event, mode)


def kernel():
    return tuple(int(n) for n in re.match(r'(\d+)\.(\d+)', os.uname().release).groups())


@pytest.mark.parametrize('way', WAYS)
def test_gate(cell, way):
    clear, said = cell.clear(way), cell.describe(way)
    if cell.event.gate == OPEN:
        assert len(clear) > ENOUGH, f'{said}: the gate is open, and this must see it'
    elif cell.event.gate == CLOSES:
        # What was in clear before shows that it would be seen; what is, later than that, is not allowed.
        assert cell.counts['clear'][way] > len(clear), f'{said}: the host was in clear before, and this must see it'
        FIGURES.append(f'{cell.event.name}, {cell.mode}, {way}: closed {clear[-1] if clear else 0:.3f} s after run began')
        assert not clear or clear[-1] < min(CLOSE_SECONDS, cell.after(SHUT)), said
    else:
        assert not clear, said
    if cell.error:
        raise cell.error


def test_rows_of_the_documentation():
    """The table in docs/security.md is that of tests/lib/gate/events.py, row by row."""
    lines, rows = SECURITY.read_text().splitlines(), table()
    assert rows[0] in lines, f'{SECURITY}: no table that begins with: {rows[0]}'
    documented = list(takewhile(lambda line: line.startswith('|'), lines[lines.index(rows[0]):]))
    assert documented == rows, 'print it anew: PYTHONPATH=tests /usr/bin/python3 -m lib.gate.events'


def test_every_gate_is_of_a_known_kind():
    assert {e.gate for e in EVENTS} == {CLOSED, CLOSES, OPEN} and len({e.name for e in EVENTS}) == len(EVENTS)
