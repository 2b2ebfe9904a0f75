# SPDX-License-Identifier: BSD-2-Clause
"""
A pytest plugin: adds to the file $NOT_TESTED a line for each reason for which tests were skipped. As a program it prints
them all, and who passed by a second try alone (once_more.py): the last lines of 'make check'.
"""
import os
import sys
from collections import Counter

skipped = Counter()


def pytest_runtest_logreport(report):
    if report.skipped and not hasattr(report, 'wasxfail'):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        skipped[reason.removeprefix('Skipped: ')] += 1


def pytest_sessionfinish(session):
    path = os.environ.get('NOT_TESTED')
    # Of tests beside each other (pytest-xdist), the process that hands them out gets the reports, too.
    if path and skipped and not hasattr(session.config, 'workerinput'):
        with open(path, 'a', encoding='utf-8') as f:
            f.writelines(f'{count}\t{reason}\n' for reason, count in skipped.items())


def lines(path):
    """What there is to say of the file, which is not there if nothing was skipped."""
    total = Counter()
    if os.path.exists(path):
        with open(path, encoding='utf-8') as f:
            for line in f:
                count, reason = line.rstrip('\n').split('\t', 1)
                total[reason] += int(count)
    return [f'not tested: {count} tests: {reason}' for reason, count in total.items()] or ['everything was tested']


def second_tries(paths):
    for path in filter(os.path.exists, paths):
        with open(path, encoding='utf-8') as f:
            yield from (f'failed beside other tests, passed alone, and is to be mended: {line.rstrip()}' for line in f)


if __name__ == '__main__':
    print('\n'.join([*second_tries(sys.argv[2:]), *lines(sys.argv[1])]))
