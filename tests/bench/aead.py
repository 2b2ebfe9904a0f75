# SPDX-License-Identifier: BSD-2-Clause
"""seal and open per packet beside the raw AEAD call, as esp_bench measures them."""
import json

from host import BUILD
from netns import run

TOOL = BUILD / 'tests/bench/esp_bench'


def measure(runs, tell):
    """What esp_bench prints, several times."""
    results = []
    for n in range(runs):
        results.append(json.loads(run(TOOL).stdout))
        tell(f'aead, run {n + 1}')
    return results
