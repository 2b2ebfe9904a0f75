# SPDX-License-Identifier: BSD-2-Clause
"""Handshakes of the responder beside the operations of group 20 and ECDSA in them, as ike_bench measures both."""
import json

from host import BUILD
from netns import run

TOOL = BUILD / 'tests/bench/ike_bench'


def measure(runs, tell):
    """What ike_bench prints, several times."""
    results = []
    for n in range(runs):
        results.append(json.loads(run(TOOL).stdout))
        tell(f'ike, run {n + 1}')
    return results
