# SPDX-License-Identifier: BSD-2-Clause
"""TCP: how fast iperf3 moves bytes, and what CPU time all of the machine spends on a gigabyte."""
import json
import subprocess
from contextlib import contextmanager

import machine

PORT = 5201


@contextmanager
def server(bed):
    """iperf3 for one test; it listens when the block begins."""
    argv = bed.b.argv('iperf3', '-s', '-1', '-B', bed.to, '-p', PORT, '--forceflush')
    with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        try:
            for line in process.stdout:
                if 'listening' in line:
                    break
            yield
        finally:
            process.terminate()


def measure(bed, streams, seconds):
    with server(bed):
        own, busy = bed.own_seconds(), machine.busy_seconds()
        done = bed.a.run('iperf3', '-c', bed.to, '-p', PORT, '-t', seconds, '-P', streams, '-J', check=False)
        busy, own = machine.busy_seconds() - busy, bed.own_seconds() - own
    end = json.loads(done.stdout)
    if 'error' in end:
        raise AssertionError(f'iperf3: {end["error"]}')
    end = end['end']
    received = end['sum_received']
    return {
        'mbit_s': received['bits_per_second'] / 1e6,
        'cpu_s_per_gb': busy / (received['bytes'] / 1e9),
        'own_cpu_s_per_gb': own / (received['bytes'] / 1e9),
        'retransmits': end['sum_sent']['retransmits'],
    }
