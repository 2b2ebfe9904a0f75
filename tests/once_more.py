# SPDX-License-Identifier: BSD-2-Clause
"""
A pytest plugin for tests that run beside each other, on fewer CPUs than they are: what fails there is written, a line each, to
the file $ONCE_MORE, and is to be tried once more by itself, which is the last word. Of more than a few it is not the load: then
the run has failed as ever, and so it has where something has happened that must not happen once (lib/never.py). Who needed a
second try is told at the end of 'make check' (not_tested.py): it is to be mended.
"""
import os

FEW = 5
NEVER = 'lib.never.Never:'
failed, final = [], []


def pytest_runtest_logreport(report):
    if report.failed and report.nodeid not in failed:
        failed.append(report.nodeid)
    if report.failed and NEVER in report.longreprtext:
        final.append(report.nodeid)


def pytest_sessionfinish(session):
    path = os.environ.get('ONCE_MORE')
    if final or not path or not 0 < len(failed) <= FEW or session.exitstatus != 1 or hasattr(session.config, 'workerinput'):
        return
    with open(path, 'w', encoding='utf-8') as f:
        f.writelines(f'{nodeid}\n' for nodeid in failed)
    session.exitstatus = 0


def pytest_terminal_summary(terminalreporter):
    if os.environ.get('ONCE_MORE') and failed:
        terminalreporter.write_line('beside others these failed: ' + ', '.join(failed))
    if final:
        terminalreporter.write_line('what must not happen once: ' + ', '.join(final))
