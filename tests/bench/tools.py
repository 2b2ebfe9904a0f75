# SPDX-License-Identifier: BSD-2-Clause
"""
What programs of their own measure: esp_bench seals and opens beside the raw AEAD call; ike_bench makes handshakes of the
responder beside the operations of group 20 and ECDSA in them.
"""
import json

from lib.host import BUILD
from lib.netns import run


def measure(tool, name, runs, tell):
    """What that program prints, several times."""
    results = []
    for n in range(runs):
        results.append(json.loads(run(BUILD / 'tests/bench' / tool).stdout))
        tell(f'{name}, run {n + 1}')
    return results
