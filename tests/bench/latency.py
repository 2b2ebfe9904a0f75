# SPDX-License-Identifier: BSD-2-Clause
"""
Round trips on the idle bed, at two intervals. ping does not sleep between packets that are less than a tick (1 / HZ)
apart but spins, so a CPU is awake when the answer comes. With longer ones all of the machine sleeps, and each process
on the way, two workers twice, has to wait for a CPU to wake: on a virtual one that takes longer than all the rest.
"""
import re
import statistics

from beds import B

AWAKE, ASLEEP = 0.002, 0.01
RTT = re.compile(r'time=([\d.]+) ms')


def measure(bed, interval, count):
    """Microseconds. The first few are left out: they wake what has slept since the last round."""
    done = bed.a.run('ping', '-n', '-i', interval, '-c', count + 10, B, check=False)
    rtts = [float(ms) * 1e3 for ms in RTT.findall(done.stdout)][10:]
    if len(rtts) < count / 2:
        raise AssertionError(f'ping: {len(rtts)} of {count} answered')
    cuts = statistics.quantiles(rtts, n=100)
    return {'p50_us': statistics.median(rtts), 'p99_us': cuts[98], 'lost': count - len(rtts)}
