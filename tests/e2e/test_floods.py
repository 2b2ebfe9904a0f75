# SPDX-License-Identifier: BSD-2-Clause
"""
Whatever somebody on the wire sends without a key, at a modest rate: it is counted for what it is, no process ends or grows, the log
stays short, and honest traffic passes beside it. How much of it passes at the highest rates is `make bench-floods`'.
"""
import pytest

from lib.beds import floods
from lib.beds.flooded import Flood, Flooded, map_bytes, processes, resident_all
from lib.beds.ike_load import all_quiet
from lib.beds.pair import A
from lib.host import dropped
from lib.traffic import PacedFlow

PACKETS_S, SECONDS = 20_000, 1
# An honest datagram is lost where the machine has no time, and not for the flood.
LOST = 0.1
# Datagrams in fragments that wait to be whole are not counted before they are given up.
COUNTED = 0.95
# What an earlier flood has left, and is given up now.
LEFT = {'frag_timeout'}


@pytest.fixture
def flooded(started):
    return started(Flooded, 'native', Flooded.come_up)


def held(host):
    return {'processes': processes(host), 'maps': map_bytes(host), 'memory': resident_all(host), 'lines': host.log_text.count('\n')}


@pytest.mark.parametrize('kind', floods.KINDS)
def test_flood(flooded, kind):
    how, a = floods.KINDS[kind], flooded.a
    frames = how.make(floods.Wire(flooded))
    before, counted, child = held(a), all_quiet([a])[a], flooded.core(a)
    with PacedFlow(flooded.b.netns, a.netns, A, rate=500) as flow, Flood(flooded, frames, PACKETS_S, SECONDS) as flood:
        flood.wait()
    now, after = all_quiet([a])[a], held(a)

    assert after['processes'] == before['processes'] and a.status()['worker']['restarts'] == 0
    assert after['maps'] == before['maps'] and after['memory'] - before['memory'] <= floods.GROWTH
    assert after['lines'] - before['lines'] <= floods.LINES, a.log_text[-5000:]
    assert flooded.core(a)['spi_in'] == child['spi_in']

    moved = {reason: n - counted.get(reason, 0) for reason, n in now.items()}
    assert set(dropped(counted, now)) <= how.reasons | LEFT
    if how.reasons:
        assert sum(moved.get(reason, 0) for reason in how.reasons) >= COUNTED * flood.taken
    assert flood.offered >= PACKETS_S * SECONDS / 2
    assert flow.lost() <= LOST * flow.sent and moved['opened'] >= flow.arrived()
