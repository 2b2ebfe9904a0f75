# SPDX-License-Identifier: BSD-2-Clause
"""
UDP: the highest rate received with under 1 % lost, found by offering rates, and what is received while a sender sends all
that it can, which is far more where the two do not hold it up.
"""
import json
import statistics
import subprocess
from contextlib import contextmanager

from lib.host import BUILD

LOSS_MAX = 0.01
# A sender without a limit is tried so often: the machine is not the same at each try.
OVERLOADS = 3
# The search ends when the rate is known this well, or after so many steps.
PRECISION = 0.04
STEPS_MAX = 16

SENDER, RECEIVER = (BUILD / 'tests/bench' / tool for tool in ('udp_send', 'udp_recv'))


class Step:
    """One rate offered for a while."""

    def __init__(self, sent, received):
        self.offered = sent['sent'] / sent['seconds']
        self.loss = 1 - received['received'] / max(sent['sent'], 1)
        self.received = received['received'] / received['seconds'] if received['seconds'] else 0
        self.duplicates = received['duplicates']

    def passed(self):
        return self.loss < LOSS_MAX

    def record(self):
        return {'offered_kpps': self.offered / 1e3, 'received_kpps': self.received / 1e3, 'loss': self.loss}


@contextmanager
def receiver(bed):
    with subprocess.Popen(bed.b.argv(RECEIVER, bed.to), stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.terminate()


def step(bed, size, rate, seconds, flows=1):
    with receiver(bed) as process:
        port = process.stdout.readline().strip()
        sent = json.loads(bed.a.run(SENDER, bed.to, port, size, rate, seconds, flows).stdout)
        process.terminate()
        received = json.loads(process.stdout.read())
    return Step(sent, received)


def search(offer):
    """
    Offers rates until the highest that passes is known well enough: first what the sender can do at all, then near what
    got through of that, then halves. A rate that fails has a second try: a hiccup of the machine is no limit.
    offer(rate) is a Step; rate 0 is no limit. The steps, in order.
    """
    steps = [offer(0)]
    if steps[0].passed():
        return steps
    low, high = 0, steps[0].offered
    rate = min(max(0.95 * steps[0].received, high / 16), high)
    while len(steps) < STEPS_MAX and high - low > PRECISION * high:
        steps.append(offer(rate))
        if not steps[-1].passed():
            steps.append(offer(rate))
        if steps[-1].passed():
            low = rate
        else:
            high = rate
        rate = (low + high) / 2
    return steps


def measure(bed, size, seconds, flows=1):
    steps = search(lambda rate: step(bed, size, rate, seconds, flows))
    best = max((s for s in steps if s.passed()), key=lambda s: s.received, default=None)
    again = [] if steps[0].passed() else [step(bed, size, 0, seconds, flows) for _ in range(OVERLOADS - 1)]
    overload = statistics.median(s.received for s in (steps[0], *again))
    return {
        'kpps': best.received / 1e3 if best else 0,
        'overload_kpps': overload / 1e3,
        'overload_ratio': overload / best.received if best else None,
        'loss': best.loss if best else None,
        'sender_limited': steps[0].passed(),
        'steps': [s.record() for s in steps],
    }
