# SPDX-License-Identifier: BSD-2-Clause
"""The manual pages: mandoc has nothing to say of them, and they have every command, every word of one and every key."""
import re
import shutil
from pathlib import Path

import pytest

from lib.host import COMMAND
from lib.netns import run

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted((ROOT / 'docs').glob('*.[1-9]'))
FILE = ROOT / 'docs/xdp-ipsec.conf.5'
PAGE = ROOT / 'docs/xdp-ipsec.8'
# Pages of others may be installed here, or not.
ELSEWHERE = re.compile(r'referenced manual not found: Xr (\S+) (\d)|outdated mandoc.db')
KEYS = re.compile(r'struct key (\w+)_keys\[[^]]*\] = \{(.*?)^\};', re.S | re.M)
OPTION = re.compile(r'\{"([a-z-]+)", (?:no|required)_argument')
MACROS = re.compile(r'\b(?:Cm|Fl|Ar|No|Ns|Op|Oo|Oc|Xo|Xc|Li|Pq|Ql)\b')


def is_of_others(line):
    found = ELSEWHERE.search(line)
    return found and not (found[1] and found[1].startswith('xdp-ipsec') and
                          not (ROOT / f'docs/{found[1]}.{found[2]}').exists())


@pytest.mark.skipif(not shutil.which('mandoc'), reason='mandoc is not there: Debian\'s package mandoc has it')
@pytest.mark.parametrize('page', PAGES, ids=lambda page: page.name)
def test_mandoc_has_nothing_to_say(page):
    done = run('mandoc', '-T', 'lint', page, check=False)
    assert not [line for line in (done.stdout + done.stderr).splitlines() if not is_of_others(line)]


def words_of(macro_line):
    return MACROS.sub(' ', macro_line.replace('|', ' ')).replace(',', ' ').split()


def told(text):
    """What stands behind .It, .Cm and .Nm in the text, and as arguments of other macros, word by word."""
    return {word for line in text.splitlines() if line.startswith('.') for word in words_of(line)}


def usage(*words):
    return run(COMMAND, 'help', *words, check=False).stdout.partition('\n')[0]


def commands():
    """As 'sa add' or 'run': what the line of each begins with, of one or two words."""
    for line in run(COMMAND, 'help').stdout.split('\n\n')[1].splitlines():
        first, second = line.split()[:2]
        both = usage(first, second).startswith(f'usage: xdp-ipsec {first} {second}')
        yield f'{first} {second}' if both else first


def items_of(command, text):
    """The lines of items that are about that command."""
    first, *rest = command.split()
    for line in text.splitlines():
        words = words_of(line)
        if words[:2] == ['.It', first] and set(rest) <= set(words[2:]):
            yield line


def test_every_command_is_told_of():
    text = PAGE.read_text()
    missing = [command for command in commands() if not any(items_of(command, text))]
    assert not missing


def test_every_command_is_in_the_synopsis():
    synopsis = PAGE.read_text().partition('.Sh SYNOPSIS')[2].partition('.Sh DESCRIPTION')[0]
    lines = [words_of(line) for line in synopsis.splitlines() if line.startswith('.Cm')]
    missing = [command for command in commands()
               if not any(words[1:2] == command.split()[:1] and set(command.split()) <= set(words) for words in lines)]
    assert not missing


def part_of(page, begin, end):
    """From that text on, up to that one."""
    part = page.read_text().partition(begin)[2].partition(end)[0]
    assert part, begin
    return part


def test_json_is_told_of():
    """Who prints it, and who refuses to, which is seen without a daemon."""
    printing, _, rest = part_of(PAGE, '.It Fl j , -json', '.It Fl p').partition('.Cm metrics')
    assert {'explain', 'check', 'reload', 'events', 'status', 'log-level', 'pki'} <= told(printing)
    assert rest.startswith('\nand\n.Cm monitor\nrefuse it')
    for command in 'metrics', 'monitor':
        assert run(COMMAND, '-j', command, check=False).returncode == 2


def test_what_counts_at_once():
    """Of the keys of [daemon], as the program has it."""
    table = re.findall(r'KEY\("([a-z-]+)", \w+, "(\w+)"\)', (ROOT / 'loader/config/config_changes.c').read_text())
    at_once = {key for key, change in table if change == 'changed'}
    assert at_once and len(table) > len(at_once)
    items = re.split(r'^\.It Cm ([a-z-]+) No', part_of(FILE, '.Ss Bq daemon', '.Ss'), flags=re.M)
    assert {key for key, text in zip(items[1::2], items[2::2]) if 'counts at once when the file is read' in text} == at_once
    assert at_once <= told(part_of(PAGE, '.Dv SIGHUP\n', 'A file with an error in it changes nothing'))


def test_event_scripts_are_run_as_the_unit_has_it():
    unit = (ROOT / 'packaging/systemd/xdp-ipsec.service.in').read_text()
    for page in FILE, ROOT / 'docs/security.md':
        for setting in 'NoNewPrivileges', 'ProtectSystem', 'PrivateTmp':
            assert re.search(f'^{setting}=', unit, re.M) and setting in page.read_text(), page
    assert 'DAC_OVERRIDE' not in unit


def test_every_word_of_a_command_is_told_of():
    known = told(PAGE.read_text())
    missing = []
    for command in commands():
        words = usage(*command.split()).split(command, 1)[1]
        named = set(re.findall(r'(?<=[\s\[])-?[a-z][a-z-]*(?=[\s\]])', words + ' '))
        missing += [f'{command}: {word}' for word in sorted(named) if word.lstrip('-') not in known]
    assert not missing


def sections():
    """Of each section that the file may have, the keys that the program knows, and those that the page is about."""
    parts = re.split(r'^\.Ss Bq (\w+).*$', FILE.read_text().split('.Sh MULTICAST')[0], flags=re.M)
    pages = dict(zip(parts[1::2], parts[2::2]))
    for source in sorted((ROOT / 'loader/config').glob('*.c')):
        for name, table in KEYS.findall(source.read_text()):
            yield name, set(re.findall(r'^\s*\{"([a-z-]+)"', table, re.M)), pages[name]


def test_every_key_of_the_file_is_told_of():
    known = {name: keys for name, keys, _ in sections()}
    assert set(known) >= {'interface', 'daemon', 'connection', 'policy'}
    missing = [f'[{name}] {key}' for name, keys, page in sections() for key in sorted(keys - told(page))]
    assert not missing


def test_what_is_told_of_is_a_key():
    for name, keys, page in sections():
        items = re.findall(r'^\.It Cm (.+?) No =', page, re.M)
        assert not {key for item in items for key in words_of(item)} - keys, name


@pytest.mark.parametrize('page, source', [('xdp-ipsec-worker.8', 'worker/main.c'), ('xdp-ipsec-iked.8', 'ike/main.c')])
def test_each_option_of_a_program_is_told_of_once(page, source):
    """In the synopsis, and by one item: 'Fl -ready Ar FD' is --ready."""
    options = sorted(OPTION.findall((ROOT / source).read_text()))
    head, _, text = (ROOT / 'docs' / page).read_text().partition('.Sh DESCRIPTION')
    items = [option for line in re.findall(r'^\.It (Fl .*)$', text, re.M) for option in re.findall(r'Fl -([a-z-]+)', line)]
    assert 'ready' in options and sorted(items) == options
    assert not set(options) - set(re.findall(r'Fl -([a-z-]+)', head))
