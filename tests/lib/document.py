# SPDX-License-Identifier: BSD-2-Clause
"""
What a document (README.md, docs/) has people do, so that it is done by a test, from the text itself. Each block of code has
a comment before it that says what it is:

    <!-- conf: A -->                    the configuration file of host A; 'A FILE': another file of it
    <!-- run: A -->                     commands, as root on A; one that fails fails the test
    <!-- start: A -->                   a daemon, which goes on; 'A: COMMAND' without a block, where the text has it in a sentence
    <!-- shown: A -->                   commands after '$ ', and what they print: compared by its words, in order, '...' is anything
    <!-- part: connection -->           lines of such a section, which the program is to understand
    <!-- picture -->                    nothing that anybody types
    <!-- not run: REASON -->            what cannot be run here; it is counted, and told

'A B' for A is both, 'A, B exchanged' the same with the hosts' addresses and names exchanged on B, as the text around it says.
By themselves, where a reader sees nothing, stand

    <!-- bed: two hosts -->             what follows is done on new hosts: those of lib/beds/machines.py, or with a peer
    <!-- hidden run: A: COMMANDS -->    what the text leaves to the reader
    <!-- carry: A B: FILES -->          what the text calls a safe way, from A to the others
    <!-- until: A: COMMAND -->          waits until it succeeds
"""
import re
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = [ROOT / 'README.md', *sorted((ROOT / 'docs').rglob('*.md'))]

COMMENT = re.compile(r'<!--\s*(.*?)\s*-->', re.S)
KINDS = {'conf', 'run', 'start', 'shown', 'part', 'picture', 'not run'}
ALONE = {'bed', 'hidden run', 'carry', 'until'}
SWAPPED = [('192.0.2.1', '192.0.2.2'), ('host1', 'host2')]


@dataclass
class Step:
    place: str
    kind: str
    who: str        # who it is for, as the mark has it; of 'not run', the reason
    text: str       # of the block, or what the mark itself has


@dataclass
class Chapter:
    """What is done on one bed."""
    place: str
    bed: str
    steps: list = field(default_factory=list)


def place_of(document, line):
    return f'{document.relative_to(ROOT)}:{line}'


def is_indented(line, before):
    return line.startswith('    ') and not before.strip()


def take_block(lines, at):
    """The text of the block of code that begins there, and where it ends."""
    if lines[at].startswith('```'):
        end = next(n for n in range(at + 1, len(lines)) if lines[n].startswith('```'))
        return lines[at + 1:end], end + 1
    end = at
    while end < len(lines) and (lines[end].startswith('    ') or not lines[end].strip()):
        end += 1
    return [line[4:] for line in lines[at:end]], end


def steps_of(document):
    """All marks and blocks of a document. A block without a mark is a step of the kind ''."""
    lines = document.read_text().split('\n')
    mark, at = None, 0
    while at < len(lines):
        line = lines[at]
        if line.startswith('<!--'):
            end = next(n for n in range(at, len(lines)) if '-->' in lines[n])
            comment = COMMENT.match('\n'.join(lines[at:end + 1]))[1]
            kind, _, rest = comment.partition(':')
            who, alone, text = rest.strip().partition(':')
            if kind in ALONE or (kind == 'start' and alone):
                yield Step(place_of(document, at + 1), kind, who.strip(), text.strip())
            elif kind in KINDS:
                mark = kind, rest.strip()
            at = end + 1
        elif line.startswith('```') or is_indented(line, lines[at - 1] if at else ''):
            place = place_of(document, at + 1)
            block, at = take_block(lines, at)
            kind, who = mark or ('', '')
            mark = None
            yield Step(place, kind, who, '\n'.join(block).rstrip() + '\n')
        else:
            at += 1


def chapters(documents=None):
    for document in documents or DOCUMENTS:
        chapter = None
        for step in steps_of(document):
            if step.kind == 'bed':
                chapter = Chapter(step.place, step.who)
                yield chapter
            elif step.kind in KINDS | ALONE and step.kind not in ('picture', 'not run', 'part'):
                assert chapter, f'{step.place}: stands before any bed'
                chapter.steps.append(step)


def swap(text):
    for one, other in SWAPPED:
        text = re.sub(rf'{re.escape(one)}(?!\d)|{re.escape(other)}(?!\d)', lambda m: other if m[0] == one else one, text)
    return text


def whose(step):
    """(name of a host, whether exchanged) for each that a step is for, and what else the mark says."""
    first, _, other = step.who.partition(',')
    words = first.split()
    names = [word for word in words if re.fullmatch(r'[A-Z]|peer', word)]
    rest = ' '.join(words[len(names):])
    hosts = [(name, False) for name in names]
    if other:
        name, how = other.split()
        assert how == 'exchanged', step.place
        hosts.append((name, True))
    assert hosts, f'{step.place}: for which host?'
    return hosts, rest


# ---- what is printed ----

# What is another one each time: numbers with their units, and the library that the CPU happens to be good for.
NUMBER = re.compile(r'0x[0-9a-f]+|[0-9a-f]{16,}|\d+(?:\.\d+)*')
UNIT = re.compile(r'#(?:\s?(?:[kMG]?(?:B|bit/s)|packets?|pps|ms|us|s|m|h|d)\b)(?: #[smhd])?')


def plain(line):
    words = UNIT.sub('#', NUMBER.sub('#', line.replace('ipsec-mb', 'openssl')))
    return ' '.join(words.split())


def sessions(text):
    """(command, the lines that it is to print) of a block with '$ '."""
    found = []
    for line in text.splitlines():
        if line.startswith('$ '):
            found.append((line[2:], []))
        elif found and found[-1][0].endswith('\\'):
            found[-1] = (f'{found[-1][0]}\n{line}', [])
        elif found and line.strip() not in ('', '...'):
            found[-1][1].append(line)
    return found


def is_printed(expected, line):
    """Whether a line is as expected, which may end in '...'."""
    return line.startswith(expected[:-3].rstrip()) if expected.endswith('...') else line == expected


def not_printed(expected, printed):
    """The first of the lines that is not there, behind the one before it; None: all are."""
    rest = [plain(line) for line in printed.splitlines()]
    for line in expected:
        found = next((n for n, other in enumerate(rest) if is_printed(plain(line), other)), None)
        if found is None:
            return line
        del rest[:found + 1]
    return None
