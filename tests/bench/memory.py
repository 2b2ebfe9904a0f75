# SPDX-License-Identifier: BSD-2-Clause
"""
Memory to memory: lanes between a NIC and a host that take no time (lane_bench.c). Three questions, each with a row for each
step: what a packet's size costs, what more SAs cost, what a second lane brings. All of a round's are measured in turn, and the
next round goes the other way.

Packets a second are those of the clock on the wall while all lanes do the same; lane_bench also tells them by the threads' own.
Sealing and opening are told apart, as a core does either in what others publish, and together: one packet sealed and opened.
"""
import json
import os
from collections import namedtuple

import machine
from lib.host import BUILD
from lib.netns import run

# SAs are each way, of each lane: SAs are not shared here, and half of the slots at most in all.
Case = namedtuple('Case', 'size lanes sas')
SIZES = (64, 512, 1400)
SAS = (1, 64, 1024, 4096, 100_000)
# Two lanes each have a CPU, or there is nothing to be seen.
LANES = (1, 2) if len(os.sched_getaffinity(0)) > 1 else (1,)
CASES = ([Case(size, 1, 1) for size in SIZES] + [Case(64, 1, sas) for sas in SAS[1:]] + [Case(1400, 1, SAS[-1])] +
         [Case(size, lanes, 1) for lanes in LANES[1:] for size in SIZES] + [Case(64, lanes, 1024) for lanes in LANES[1:]])

WAYS = ('out', 'in')
BENCH = BUILD / 'tests/bench/lane_bench'


def label(case):
    return f'{case.size} B, {case.lanes} lane{"s" * (case.lanes > 1)} of {case.sas:,} SA{"s" * (case.sas > 1)} each way'


def sample(case, rounds):
    """Mpps and clocks per packet, by what is done."""
    got = json.loads(run(BENCH, case.size, case.lanes, case.sas, rounds).stdout)
    both = {key: 1 / sum(1 / got[way][key] for way in WAYS) for key in ('mpps', 'mpps_by_thread')}
    return {**got, 'both': {**both, 'clocks': sum(got[way]['clocks'] for way in WAYS)}}


def baseline(case):
    """What a case is compared with: fewer lanes, else fewer SAs; None: it is told as it is."""
    if case.lanes > 1:
        return case._replace(lanes=1)
    return case._replace(sas=1) if case.sas > 1 else None


def one_round(backwards, rounds, tell):
    samples = {'background': machine.background()}
    for case in CASES[::-1] if backwards else CASES:
        samples[case] = sample(case, rounds)
        tell(f'memory {label(case)}: {samples[case]["both"]["mpps"]:.2f} Mpps')
    return samples


def measure(settings, tell):
    """A dict of case -> sample for each round, and how busy the machine was without them."""
    return [one_round(n % 2, settings['lane_rounds'], tell) for n in range(settings['rounds'])]


def record(rounds):
    """The same, as JSON has it."""
    return [{'background': samples['background'], 'cases': [{**case._asdict(), **samples[case]} for case in CASES]}
            for samples in rounds]
