# SPDX-License-Identifier: BSD-2-Clause
"""The tables of docs/security.md that tests hold the processes against: one column for each."""
import re
from collections import Counter
from itertools import takewhile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SECURITY = ROOT / 'docs/security.md'
PROCESSES = ['supervisor', 'worker', 'protocol', 'keyholder', 'hands']

# Each a list of the sources, and what is added to it by a rule about arguments.
WORKER, SANDBOX = ROOT / 'worker/sandbox.c', ROOT / 'ike/sandbox/sandbox.c'
CALLS = {
    'worker': [(WORKER, 'allowed')],
    'protocol': [(SANDBOX, name) for name in ('life', 'common', 'protocol')],
    'keyholder': [(SANDBOX, name) for name in ('life', 'common', 'keyholder')],
    'hands': [(SANDBOX, 'life')],
}


def rows_of(head):
    """The cells of each row of the table that begins with that."""
    lines = SECURITY.read_text().splitlines()
    begin = next(n for n, line in enumerate(lines) if line.startswith(head))
    return [[cell.strip() for cell in line.strip()[1:-1].split('|')] for line in takewhile(lambda line: line[:1] == '|', lines[begin + 2:])]


def table(head):
    """{row: {process: cell}} of the table that begins with that, and has a column for each process."""
    return {row: dict(zip(PROCESSES, cells, strict=True)) for row, *cells in rows_of(head)}


def counted(cell, **each):
    """A Counter of "this, that 2, those 1 a lane"; each: how many there are of what is counted by."""
    found = Counter()
    for item in filter(None, (item.strip() for item in cell.split(','))):
        match = re.fullmatch(r'(.*?)(?: (\d+)(?: a (\w+))?)?', item)
        found[match[1].replace('`', '')] += int(match[2] or 1) * (each[match[3]] if match[3] else 1)
    return found


def calls_of_documentation():
    """{process: names}, without those that have conditions."""
    found = {who: set(re.findall(r'`(\w+)`', text.split(';')[0])) for who, text in rows_of('| | calls |')}
    return {'worker': found['worker'], 'hands': found['hands'], 'keyholder': found['hands'] | found['key holder'],
            'protocol': found['hands'] | found['protocol process']}


def calls_of_sources(who):
    """The system calls that a process has left, whatever their arguments."""
    found = set()
    for path, name in CALLS[who]:
        body = re.search(rf'static const int {name}\[\] = {{(.*?)}};', path.read_text(), re.S)[1]
        found |= set(re.findall(r'SCMP_SYS\((\w+)\)', body))
    return found
