# SPDX-License-Identifier: BSD-2-Clause
"""IKE between whole hosts: a thousand peers from cold, rekeys under traffic, an honest peer in a flood of openings."""
from lib.beds.ike import IkePair, wait_up
from lib.beds.hub import Hub
from lib.beds.ike_load import flood, rekey_under_traffic, set_up_flood
import report

# So many daemons, with so many addresses each.
PEERS = 16, 63
REKEYS = 50
FORGED = 10_000
# Longer is no figure any more.
PEERS_DEADLINE_S = 180


def peers():
    with Hub(*PEERS) as bed:
        return {'seconds': bed.come_up(PEERS_DEADLINE_S), 'peers': bed.peers}


def rekeys():
    with IkePair('native') as pair:
        pair.psk(start='initiate')
        pair.start()
        wait_up(*pair.hosts)
        return rekey_under_traffic(pair, REKEYS)


def half_open():
    with IkePair('native') as pair:
        set_up_flood(pair)
        return flood(pair, FORGED)


# What is measured, and the sample shown as it goes.
PARTS = {'peers': (peers, 'seconds'), 'rekeys': (rekeys, 'lost'), 'half_open': (half_open, 'seconds')}


def measure(tell):
    """part -> what it found."""
    found = {}
    for part, (measured, key) in PARTS.items():
        found[part] = measured()
        tell(f'ike, {part}: {key} {report.number(found[part][key])}')
    return found
