# SPDX-License-Identifier: BSD-2-Clause
"""
Two beds. `bed`: one host, and at the other end of its cable a peer that is nobody but this process, with raw frames
and an independent ESP codec. `pair`: two hosts, and the cable between them is a bridge where everything can be seen.
Both exist once per XDP mode and are clean again after each test. `own_pair` is one that a test has for itself and may
break; `ike_pair`, and `native` in that mode alone, is one without keys or daemons, to be configured.
"""
import os
import sys

import pytest

pytest.register_assert_rewrite('bed', 'pair', 'tcp_peer', 'wire')

from bed import Bed  # noqa: E402
from gate import FIGURES  # noqa: E402
from host import COMMAND  # noqa: E402
from ike import IkePair  # noqa: E402
from pair import Pair  # noqa: E402

MODES = ['native', 'generic']


# A test's commands go beside its flows of packets, which are threads of this process: 5 ms for each turn is too long.
sys.setswitchinterval(0.0005)


def pytest_sessionstart(session):
    if os.geteuid():
        pytest.exit('the end-to-end tests make network namespaces and load BPF programs: run them as root', 2)
    if not COMMAND.exists():
        pytest.exit(f'{COMMAND} is missing: run make first, or set BUILD', 2)


def pytest_terminal_summary(terminalreporter):
    for line in FIGURES:
        terminalreporter.write_line(line)


@pytest.fixture(scope='session', params=MODES)
def shared_bed(request):
    with Bed(request.param) as bed:
        bed.host.start()
        yield bed


@pytest.fixture
def bed(shared_bed):
    shared_bed.begin()
    yield shared_bed
    shared_bed.end()


@pytest.fixture(scope='session', params=MODES)
def shared_pair(request):
    with Pair(request.param) as pair:
        pair.start()
        yield pair


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
