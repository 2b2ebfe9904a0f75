# SPDX-License-Identifier: BSD-2-Clause
"""
Round trips on the idle bed, at two intervals, or beside other traffic, and next to them what their hand-overs from process to process take by
themselves: no datapath in user space can be quicker than these. ping does not sleep between packets that are less than a tick (1 / HZ)
apart but spins, so a CPU is awake when the answer comes. With longer ones all of the machine sleeps, and each process
on the way, two workers twice, has to wait for a CPU to wake: on a virtual one that takes longer than all the rest.
With everything on one CPU none has to, and what is left is the datapath's own.
"""
import os
import re
import statistics
import subprocess
import tempfile
from contextlib import contextmanager

import loads
from lib.host import BUILD

AWAKE, ASLEEP = 0.002, 0.01
RELAY = BUILD / 'tests/bench/relay'
RTT = re.compile(r'time=([\d.]+) ms')


def _output(argv):
    """By a file: a reader at the end of a pipe would wake up for each line, and the bed not be idle."""
    with tempfile.TemporaryFile('w+') as out:
        subprocess.run(argv, stdout=out, check=False)
        out.seek(0)
        return out.read()


def _ping(bed, interval, count):
    return [float(ms) * 1e3 for ms in RTT.findall(_output(bed.a.argv('ping', '-n', '-i', interval, '-c', count, bed.to)))]


def _hand_overs(interval, count):
    return [int(ns) / 1e3 for ns in _output([RELAY, str(round(interval * 1e6)), str(count)]).split()]


def _keep(pid, cpus):
    for task in os.listdir(f'/proc/{pid}/task'):
        os.sched_setaffinity(int(task), cpus)


@contextmanager
def one_cpu(bed):
    """What is started within, and the bed's workers, have the last CPU for themselves together."""
    all_cpus = os.sched_getaffinity(0)
    pids = [os.getpid(), *bed.worker_pids()]
    try:
        for pid in pids:
            _keep(pid, {max(all_cpus)})
        yield
    finally:
        for pid in pids:
            _keep(pid, all_cpus)


def measure_on_one_cpu(bed, interval, count):
    with one_cpu(bed):
        return measure(bed, interval, count)


def round_trips(bed, interval, count, share=0.5):
    """Microseconds. The first few are left out: they wake what has slept since the last round. share: must be answered."""
    rtts = _ping(bed, interval, count + 10)[10:]
    if len(rtts) < count * share:
        raise AssertionError(f'ping: {len(rtts)} of {count} answered')
    cuts = statistics.quantiles(rtts, n=100)
    return {'p50_us': statistics.median(rtts), 'p99_us': cuts[98], 'lost': count - len(rtts)}


def measure(bed, interval, count):
    return {**round_trips(bed, interval, count), 'hand_overs_p50_us': statistics.median(_hand_overs(interval, count))}


def measure_beside(load, bed, interval, count):
    """Where the load is more than the bed can take, echoes are lost like the rest: a tenth of them still tell of the others."""
    return loads.beside(load, bed, lambda: round_trips(bed, interval, count, 0.1))
