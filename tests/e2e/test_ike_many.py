# SPDX-License-Identifier: BSD-2-Clause
"""Many at once: a thousand peers on one host, and ten thousand that open and never go on."""
import pytest

from lib.beds.hub import Hub, address, hub_address
from lib.beds.ike_load import flood, set_up_flood
from lib.host import dropped
from lib.wait import until

pytestmark = pytest.mark.alone

# Spokes, each with so many addresses, as many as there may be policies for one prefix, and one to spare.
SPOKES, EACH = 16, 63
SECONDS = 60
FORGED = 10_000


def test_a_thousand_peers():
    """All come up in time, at both ends, and where a spoke has a datapath, an echo comes back inside each one's SAs."""
    with Hub(SPOKES, EACH) as bed:
        print(f'{bed.peers} peers in {bed.come_up(SECONDS):.1f} s')
        assert len({sa['spi'] for sa in bed.hub.status()['sas']}) == 2 * bed.peers
        for spoke in bed.spokes:
            until(lambda: [c['state'] for c in spoke.status()['connections']] == ['up'] * EACH, 'all are up there, too')
        before = bed.hub.counters()
        for i in range(EACH):
            bed.spokes[0].netns.run('ping', '-n', '-q', '-c', 1, '-W', 5, '-I', address(1, i), hub_address(0))
        after = bed.hub.counters()
        assert after['opened'] - before.get('opened', 0) == after['sealed'] - before.get('sealed', 0) == EACH
        assert dropped(before, after) == {}


def test_flood_of_openings(native):
    """Beyond the threshold who opens has to show that it receives: an honest one does, and nothing is kept of the rest."""
    set_up_flood(native)
    told = flood(native, FORGED)
    print(told)
    assert told['in_their_midst'] and told['seconds'] < 5
    assert told['half_open'] <= 65 and told['growth_kb'] < 1024
    # The others were asked for a cookie, all but what was lost on its way.
    assert told['asked'] > FORGED * 3 // 4
