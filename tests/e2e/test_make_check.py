# SPDX-License-Identifier: BSD-2-Clause
"""What 'make check' does about what it cannot have, and what it says of it."""
import os
import subprocess
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parents[1]
PYTHON = '/usr/bin/python3'
FETCHED = ('promtool', 'libreswan', 'arm64-sysroot')


def program(path, text):
    path.write_text(f'#!/bin/sh\n{text}\n')
    path.chmod(0o755)


@pytest.mark.parametrize('failing', [0, 1])
def test_packages_that_cannot_be_had(tmp_path, failing):
    """Each that can be is installed, and nothing fails."""
    log = tmp_path / 'log'
    program(tmp_path / 'dpkg-query', 'case "$3" in there) echo "install ok installed";; *) exit 1;; esac')
    program(tmp_path / 'apt-get', f'echo "$*" >>{log}; case "$*" in *gone*) exit 100;; esac')
    program(tmp_path / 'make', f'echo "make $*" >>{log}; exit {failing}')
    env = {**os.environ, 'PATH': f'{tmp_path}:{os.environ["PATH"]}'}
    done = subprocess.run([TESTS / 'check-deps', 'make', 'there', 'gone', 'new'], env=env, capture_output=True, text=True)
    assert done.returncode == 0
    install = 'install -y --no-install-recommends'
    assert log.read_text().splitlines() == [
        f'{install} gone new', 'update', f'{install} gone new', f'{install} gone', f'{install} new',
        *(line for what in FETCHED
          for line in (f'make {what}', *(['update', f'make {what}'] if failing else [])))]
    assert all((f'{what} cannot be had' in done.stdout) == bool(failing) for what in FETCHED)


def last_lines(*paths):
    return subprocess.run([PYTHON, TESTS / 'not_tested.py', *paths], capture_output=True, text=True, check=True).stdout


def test_what_was_not_tested(tmp_path):
    """
    The reasons of every run of pytest, also of one with tests beside each other, with how many tests they kept from running; a
    failure expected is none.
    """
    (tmp_path / 'test_some.py').write_text('''
import pytest
@pytest.mark.parametrize('n', range(3))
def test_a(n): pytest.skip('no kernel')
@pytest.mark.skipif(True, reason='not installed: bird2')
def test_b(): pass
@pytest.fixture
def other(): pytest.skip('no kernel')
def test_c(other): pass
@pytest.mark.xfail
def test_d(): assert False
def test_e(): pass
''')
    path = tmp_path / 'not-tested'
    env = {**os.environ, 'PYTHONPATH': str(TESTS), 'NOT_TESTED': str(path), 'PYTHONDONTWRITEBYTECODE': '1'}
    assert last_lines(path) == 'everything was tested\n'
    for beside in [], ['-n', '2']:
        subprocess.run([PYTHON, '-m', 'pytest', '-q', '-p', 'no:cacheprovider', '-p', 'not_tested', *beside, 'test_some.py'],
                       env=env, cwd=tmp_path, capture_output=True, check=True)
    assert last_lines(path).splitlines() == ['not tested: 8 tests: no kernel', 'not tested: 2 tests: not installed: bird2']


def test_who_fails_beside_others(tmp_path):
    """A few are for a second try by themselves; of many the run has failed."""
    (tmp_path / 'test_some.py').write_text('''
import os
import pytest
@pytest.mark.parametrize('n', range(8))
def test_a(n): assert n >= int(os.environ['BAD'])
''')
    path = tmp_path / 'once-more'
    env = {**os.environ, 'PYTHONPATH': str(TESTS), 'ONCE_MORE': str(path), 'PYTHONDONTWRITEBYTECODE': '1'}
    for bad, code, again in (0, 0, None), (2, 0, ['test_some.py::test_a[0]', 'test_some.py::test_a[1]']), (6, 1, None):
        path.unlink(missing_ok=True)
        done = subprocess.run([PYTHON, '-m', 'pytest', '-q', '-p', 'no:cacheprovider', '-p', 'once_more', '-n', '2', 'test_some.py'],
                              env={**env, 'BAD': str(bad)}, cwd=tmp_path, capture_output=True, check=False)
        assert done.returncode == code
        assert (sorted(path.read_text().splitlines()) if path.exists() else None) == again
    path.write_text('test_some.py::test_a[0]\n')
    assert last_lines(tmp_path / 'none', path) == ('failed beside other tests, passed alone, and is to be mended: test_some.py::test_a[0]\n'
                                                   'everything was tested\n')


def test_what_must_not_happen_once(tmp_path):
    """It has no second try, however few they are."""
    (tmp_path / 'test_some.py').write_text('''
from lib.never import never
def test_a(): never([1], 'a nonce that came twice')
def test_b(): never([], 'a packet in clear')
''')
    path = tmp_path / 'once-more'
    env = {**os.environ, 'PYTHONPATH': str(TESTS), 'ONCE_MORE': str(path), 'PYTHONDONTWRITEBYTECODE': '1'}
    for beside in [], ['-n', '2']:
        done = subprocess.run([PYTHON, '-m', 'pytest', '-q', '-p', 'no:cacheprovider', '-p', 'once_more', *beside, 'test_some.py'],
                              env=env, cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode == 1 and not path.exists()
        assert 'what must not happen once: test_some.py::test_a' in done.stdout



@pytest.mark.parametrize('beside', [[], ['-n', '2']], ids=['one', 'two'])
def test_what_a_sanitizer_reports(tmp_path, beside):
    """It fails the test that it comes in, and the run, also if it comes when no test is there to fail."""
    (tmp_path / 'test_some.py').write_text('''
import os
from pathlib import Path
import pytest
def report(who, text):
    with open(Path(os.environ['SANITIZED_REPORTS']) / who, 'a') as f: f.write(text)
@pytest.fixture(scope='session')
def bed():
    yield
    report('supervisor', 'at its end')
def test_a(bed): report('worker', '')
def test_b(): report('worker', 'heap overflow')
def test_c(): pass
@pytest.mark.alone
def test_d(): assert False
''')
    env = {**os.environ, 'PYTHONPATH': str(TESTS), 'BUILD': str(tmp_path), 'PYTHONDONTWRITEBYTECODE': '1'}

    def python(*argv):
        done = subprocess.run([PYTHON, *argv], env=env, cwd=tmp_path, capture_output=True, text=True, check=False)
        return done.returncode, done.stdout

    show = TESTS / 'sanitized/reports.py', tmp_path / 'reports'
    assert python(*show) == (0, 'no sanitizer has reported anything\n')
    code, said = python('-m', 'pytest', '-q', '-p', 'no:cacheprovider', '-p', 'sanitized.reports', '-rsE', *beside, 'test_some.py')
    assert code == 1 and 'worker reports:\nheap overflow' in said and 'ERROR test_some.py::test_b' in said
    assert '3 passed, 1 skipped' in said and '1 error' in said and 'how fast something is' in said
    code, said = python(*show)
    assert code == 1 and 'supervisor reports:\nat its end\n' in said and 'worker reports:\nheap overflow\n' in said
