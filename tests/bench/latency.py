# SPDX-License-Identifier: BSD-2-Clause
"""Round trips on the idle bed."""
import re
import statistics

from beds import B

# Below 1 / HZ, ping does not sleep between its packets but spins, and the bed is no longer idle.
INTERVAL = 0.01
RTT = re.compile(r'time=([\d.]+) ms')


def measure(bed, count):
    """Microseconds. The first few are left out: they wake what has slept since the last round."""
    done = bed.a.run('ping', '-n', '-i', INTERVAL, '-c', count + 10, B, check=False)
    rtts = [float(ms) * 1e3 for ms in RTT.findall(done.stdout)][10:]
    if len(rtts) < count / 2:
        raise AssertionError(f'ping: {len(rtts)} of {count} answered')
    cuts = statistics.quantiles(rtts, n=100)
    return {'p50_us': statistics.median(rtts), 'p99_us': cuts[98], 'lost': count - len(rtts)}
