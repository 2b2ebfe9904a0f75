# SPDX-License-Identifier: BSD-2-Clause
"""
IKE on more than one CPU (ike_cores.c): what its responder does on two, beside one; and how long a peer that is up waits
behind the IKE_AUTH of a hundred that come at once, beside an engine that does all by itself.
"""
import json
import os

from lib.host import BUILD
from lib.netns import run

BENCH = BUILD / 'tests/bench/ike_cores'
PROOFS = ('psk', 'ecdsa')
# Name: CPUs, and what else it is told.
CASES = {'one': (1,), 'two': (2,), 'alone': (1, 'alone')}


def count(rounds):
    """How many measurements there are."""
    return rounds * len(PROOFS) * len(CASES) if len(os.sched_getaffinity(0)) > 1 else 0


def measure(rounds, tell):
    """A round: proof -> case -> what it found. None where there is one CPU alone."""
    found = []
    for n in range(rounds if count(1) else 0):
        found.append({proof: {} for proof in PROOFS})
        for proof in PROOFS:
            for case in list(CASES)[::-1 if n % 2 else 1]:
                sample = json.loads(run(BENCH, proof, *CASES[case]).stdout)
                found[-1][proof][case] = sample
                tell(f'ike_cores, {proof} {case}: {sample["handshakes_per_s"]:.0f}/s')
    return found
