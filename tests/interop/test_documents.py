# SPDX-License-Identifier: BSD-2-Clause
"""docs/peers/ is done as it says, from its own text, against the peers that it is about; lib/document.py has the marks."""
from contextlib import closing

import pytest

from lib.beds.machines import Machine
from lib.document import chapters
from lib.peers import uml
from lib.peers.guest_bed import Bed
from lib.peers.machines import PEERS
from lib.reader import follow

CHAPTERS = [chapter for chapter in chapters() if chapter.bed in PEERS]


@pytest.fixture(scope="module")
def wire():
    if reason := uml.missing():
        pytest.skip(reason)
    with closing(Bed(host="192.0.2.1", guest="192.0.2.2", nic="eth0")) as bed:
        yield bed


@pytest.mark.parametrize("chapter", CHAPTERS, ids=[chapter.place for chapter in CHAPTERS])
def test_it_is_as_it_says(chapter, wire):
    kind = PEERS[chapter.bed]
    if reason := kind.missing():
        pytest.skip(reason)
    with closing(Machine(wire.near)) as host, closing(kind(wire)) as peer:
        follow(chapter, {"A": host, "peer": peer})
