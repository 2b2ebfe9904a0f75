# SPDX-License-Identifier: BSD-2-Clause
"""
Whoever is killed, at whatever instant, and however often: no nonce twice, no packet taken twice, nothing in clear. A hundred or
so; `make kills KILLS=10000` has as many as one likes (tests/kills/kills).
"""
import os
import random

import pytest

from lib.beds.killed import KINDS
from lib.never import never

KILLS = {'hand': 100, 'ike': 60}

pytestmark = pytest.mark.skipif((os.cpu_count() or 1) < 2, reason='needs two CPUs')


@pytest.mark.parametrize('kind', KINDS)
def test_kills(kind):
    with KINDS[kind](random.getrandbits(32)) as bed:
        bed.run(KILLS[kind])
        never(bed.complaints(), f'{bed.complaints()}\n{bed.told()}\n{bed.recorder.said.read_text()}')
        assert bed.recorder.recorded > 10 * KILLS[kind] and bed.recorder.injected and bed.recorder.forged, bed.told()
        if kind == 'ike':   # each lane has an SA; by hand it takes more than a few to have sealed by both
            assert not bed.idle(), bed.told()
