# SPDX-License-Identifier: BSD-2-Clause
"""Many at once: a thousand peers on one host, and ten thousand that open and never go on."""
from ike_load import PEERS, Hub, flood, set_up_flood

SECONDS = 60
FORGED = 10_000


def test_a_thousand_peers():
    with Hub() as bed:
        took = bed.come_up(SECONDS)
        assert took < SECONDS
        assert len(bed.hub.status()['sas']) == 2 * PEERS
        print(f'{PEERS} peers in {took:.1f} s')


def test_flood_of_openings(native):
    """Beyond the threshold who opens has to show that it receives: an honest one does, and nothing is kept of the rest."""
    set_up_flood(native)
    told = flood(native, FORGED)
    print(told)
    assert told['in_their_midst'] and told['seconds'] < 5
    assert told['half_open'] <= 65 and told['growth_kb'] < 1024
    # The others were asked for a cookie, all but what was lost on its way.
    assert told['asked'] > FORGED * 3 // 4
