# SPDX-License-Identifier: BSD-2-Clause
"""
Two beds. `bed`: one host, and at the other end of its cable a peer that is nobody but this process, with raw frames
and an independent ESP codec. `pair`: two hosts, and the cable between them is a bridge where everything can be seen.
Both exist once per XDP mode and process, and are clean again after each test. `own_pair` is one that a test has for itself
and may break; `ike_pair`, and `native` in that mode alone, is one without keys or daemons, to be configured.

`make e2e` runs tests beside each other, those of one file, too; the ones marked `alone`, of how fast something is, always run by themselves.
"""
import os
import sys
from contextlib import ExitStack

import pytest

pytest.register_assert_rewrite('lib')

from lib.beds.bed import Bed  # noqa: E402
from lib.beds.ike import IkePair  # noqa: E402
from lib.beds.pair import Pair  # noqa: E402
from lib.gate.bed import FIGURES  # noqa: E402
from lib.host import COMMAND  # noqa: E402
from lib.pki import Ca  # noqa: E402

MODES = ['native', 'generic']


# A test's commands go beside its flows of packets, which are threads of this process: 5 ms for each turn is too long.
sys.setswitchinterval(0.0005)


def pytest_configure(config):
    config.addinivalue_line('markers', 'alone: nothing else runs meanwhile')


def pytest_sessionstart(session):
    if os.geteuid():
        pytest.exit('the end-to-end tests make network namespaces and load BPF programs: run them as root', 2)
    if not COMMAND.exists():
        pytest.exit(f'{COMMAND} is missing: run make first, or set BUILD', 2)


def pytest_terminal_summary(terminalreporter):
    for line in FIGURES:
        terminalreporter.write_line(line)


@pytest.fixture(scope='session')
def started():
    """Makes one of a kind for each mode, when it is first asked for, and keeps all to the end: to start one takes a second."""
    with ExitStack() as stack:
        made = {}

        def get(kind, mode, start):
            if (kind, mode) not in made:
                made[kind, mode] = stack.enter_context(kind(mode))
                start(made[kind, mode])
            return made[kind, mode]

        yield get


@pytest.fixture(params=MODES)
def bed(request, started):
    shared = started(Bed, request.param, lambda bed: bed.host.start())
    shared.begin()
    yield shared
    shared.end()


@pytest.fixture(params=MODES)
def shared_pair(request, started):
    return started(Pair, request.param, Pair.start)


@pytest.fixture
def pair(shared_pair):
    shared_pair.begin()
    yield shared_pair
    shared_pair.end()


@pytest.fixture(params=MODES)
def own_pair(request):
    with Pair(request.param) as pair:
        pair.start()
        pair.begin()
        yield pair


@pytest.fixture(params=MODES)
def ike_pair(request):
    with IkePair(request.param) as pair:
        yield pair


@pytest.fixture
def native():
    with IkePair('native') as pair:
        yield pair


@pytest.fixture(scope='module')
def ca():
    return Ca()
