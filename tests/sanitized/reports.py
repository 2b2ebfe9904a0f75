# SPDX-License-Identifier: BSD-2-Clause
"""
A pytest plugin for programs that are built with a sanitizer (tests/sanitized.mk). What one of them reports during a test fails that
test, whatever it was about: each process of pytest has a folder for reports of its own (tests/sanitized/report.c). As a program it
shows all reports in a folder and in those below, those that came when no test was there to fail, too; it fails if there are any.
"""
import os
import sys
from pathlib import Path

import pytest

from sanitized import left_out

BUILD = Path(os.environ.get('BUILD', 'build')).resolve()
VARIABLE = 'SANITIZED_REPORTS'


def reports(folder):
    """{file: how long it is} of those in which there is something."""
    return {path: path.stat().st_size for path in sorted(folder.rglob('*')) if path.is_file() and path.stat().st_size}


def what_came(before, after):
    for path, size in after.items():
        with open(path, encoding='utf-8', errors='replace') as f:
            f.seek(before.get(path, 0))
            if text := f.read(size - before.get(path, 0)):
                yield f'{path.name} reports:\n{text}'


def pytest_configure(config):
    folder = BUILD / 'reports' / getattr(config, 'workerinput', {}).get('workerid', 'alone')
    folder.mkdir(parents=True, exist_ok=True)
    # For whoever runs a program in a test.
    folder.chmod(0o777)
    os.environ[VARIABLE] = str(folder)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config, items):
    left_out.mark(items, whole=not any('::' in arg for arg in config.args))


@pytest.fixture(autouse=True)
def nothing_reported():
    """The first to begin and the last to end: what a test's own hosts say at their end is in it."""
    folder = Path(os.environ[VARIABLE])
    before = reports(folder)
    yield
    if came := '\n'.join(what_came(before, reports(folder))):
        pytest.fail(came, pytrace=False)


if __name__ == '__main__':
    found = list(what_came({}, reports(Path(sys.argv[1]))))
    print('\n'.join(found) or 'no sanitizer has reported anything')
    sys.exit(bool(found))
