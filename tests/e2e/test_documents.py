# SPDX-License-Identifier: BSD-2-Clause
"""
README.md and docs/ are done as they say, from their own text: each configuration, each command, and what they print
(lib/document.py has the marks). Those with a peer that is not ours are done by tests/interop/test_documents.py.
"""
import re

import pytest

from lib.beds.machines import Machines
from lib.document import DOCUMENTS, KINDS, ROOT, chapters, steps_of
from lib.host import COMMAND
from lib.netns import run
from lib.reader import follow

BEDS = {'two hosts': 2, 'three hosts': 3}
CHAPTERS = [chapter for chapter in chapters() if chapter.bed in BEDS]
STEPS = [step for document in DOCUMENTS for step in steps_of(document)]
NOT_RUN = [step for step in STEPS if step.kind == 'not run']
PARTS = [step for step in STEPS if step.kind == 'part']
INLINE = re.compile(r'`([^`\n]+)`')
# What a section needs beside the line in question.
LEAST = {
    'interface': '[interface eth0]\n',
    'daemon': '[daemon]\n',
    'connection': '[connection c]\n',
    'policy': '[policy p]\n',
}
NEEDED = {
    'connection': {'local': '192.0.2.1', 'remote': '192.0.2.2', 'auth': 'psk', 'psk-file': 'a', 'cert': 'a', 'key': 'a', 'ca': 'a'},
    'policy': {'dst': '192.0.2.9', 'action': 'bypass', 'proto': 'tcp'},
}


def test_every_block_says_what_it_is():
    beds = {'strongswan', 'libreswan', 'xfrm', *BEDS}
    assert not [chapter.place for chapter in chapters() if chapter.bed not in beds]
    assert not [step.place for step in STEPS if not step.kind]


def test_what_is_linked_to_is_there():
    assert not [f'{document.name}: {to}' for document in DOCUMENTS for to in re.findall(r'\]\(([^)#:]+)[)#]', document.read_text())
                if not (document.parent / to).exists()]


@pytest.mark.parametrize('chapter', CHAPTERS, ids=[chapter.place for chapter in CHAPTERS])
def test_it_is_as_it_says(chapter):
    with Machines(BEDS[chapter.bed]) as machines:
        follow(chapter, machines.by_name)


@pytest.mark.parametrize('step', NOT_RUN, ids=[step.place for step in NOT_RUN])
def test_not_run(step):
    assert step.who, f'{step.place}: why not?'
    pytest.skip(f'{step.place} is not run: {step.who}')


def refused(section, lines, folder):
    """
    What the program does not understand in these lines of a section, or ''. The file ends with an error of its own, at which
    it stops before it does anything.
    """
    given = dict(re.match(r'([\w-]+)\s*=\s*([^;]*)', line).groups() for line in lines.splitlines() if '=' in line)
    needed = ''.join(f'{key} = {value}\n' for key, value in NEEDED.get(section, {}).items() if key not in given)
    path = folder / 'conf'
    path.write_text(f'{LEAST[section]}{lines}\n{needed}[end]\n')
    said = run(COMMAND, 'gate', '-c', path, check=False).stderr
    return '' if '[end] is no section' in said else said


@pytest.mark.parametrize('step', PARTS, ids=[step.place for step in PARTS])
def test_a_part_of_a_file_is_understood(step, tmp_path):
    assert not refused(step.who, step.text, tmp_path), step.place


def keys():
    """section: keys, of the tables from which the program reads them."""
    tables = {}
    for source in sorted((ROOT / 'loader/config').glob('*.c')):
        for name, table in re.findall(r'struct key (\w+)_keys\[[^]]*\] = \{(.*?)^\};', source.read_text(), re.S | re.M):
            tables[name] = set(re.findall(r'^\s*\{"([a-z-]+)"', table, re.M))
    return tables


# Those whose sentences have the keys of others, too.
OF_OTHERS = {'migration.md'}
OURS = [d for d in DOCUMENTS if 'peers' not in d.parts and d.name not in OF_OTHERS]


@pytest.mark.parametrize('document', OURS, ids=lambda d: d.name)
def test_keys_in_a_sentence_are_understood(document, tmp_path):
    wrong = []
    for code in INLINE.findall(document.read_text()):
        found = re.fullmatch(r'([a-z-]+) = (?![A-Z]+$)(\S.*)', code)
        sections = [name for name, known in keys().items() if found and found[1] in known]
        if sections and all(refused(name, code, tmp_path) for name in sections):
            wrong.append((code, refused(sections[0], code, tmp_path)))
    assert not wrong


@pytest.mark.parametrize('document', DOCUMENTS, ids=lambda d: d.name)
def test_commands_in_a_sentence_are_commands(document):
    wrong = []
    for code in INLINE.findall(document.read_text()):
        words = code.split()
        if words[0] == 'xdp-ipsec' and len(words) > 1 and words[1].isalpha() and words[1].islower():
            if all(run(COMMAND, 'help', *words[1:n], check=False).returncode for n in (2, 3)):
                wrong.append(code)
    assert not wrong
