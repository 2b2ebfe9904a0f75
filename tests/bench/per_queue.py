# SPDX-License-Identifier: BSD-2-Clause
"""
Hosts on a cable of memory with one queue for each lane, and an SA for each lane (`per-queue-sas`); and TCP streams that are
programs of their own, spread over the CPUs, as one thread of iperf3 for all of them would send from one CPU.
"""
import json
import os
import subprocess
from contextlib import ExitStack

import machine
import tcp
from beds import A, B
from cable import Cable
from lib.beds.ike import put
from lib.wait import until

# Of a cable (cable/cable.h).
LANES = 2
# Longer than an acquire waits that came too early (bpf/events.h), twice over.
COME_UP_S = 15
CPUS = os.cpu_count()


class PerQueue(Cable):
    """The SAs are IKE's: nobody else makes one for a lane."""
    lanes = LANES

    def __init__(self):
        self.queues = self.lanes
        self.daemon = {'lanes': self.lanes}
        super().__init__()

    def prepare(self, undo):
        super().prepare(undo)
        for host, local, remote, start in zip(self.hosts, (A, B), (B, A), ('initiate', 'respond')):
            put(host, 'psk', 'a secret that nobody knows\n')
            host.config.write_text(f'{host.config.read_text()}\n[connection core]\nlocal = {local}\nremote = {remote}\nauth = psk\n'
                                   f'psk-file = psk\nstart = {start}\nper-queue-sas = yes\nrekey-time = 0\nlifetime = 0\n')

    def protect(self):
        until(lambda: all(self.has_lanes(n) for n in range(2)), 'each lane has an SA', timeout=COME_UP_S)

    def has_lanes(self, n):
        """Of host n; while that is not so, each CPU has something to send."""
        for cpu in range(self.lanes):
            (self.a, self.b)[n].run('taskset', '-c', cpu, 'ping', '-n', '-q', '-c', 1, '-W', 1, (B, A)[n], check=False)
        found = {child.get('lane') for c in self.hosts[n].status()['connections'] for child in c['children'] if child['state'] == 'up'}
        return found >= (set(range(self.lanes)) if self.lanes > 1 else {None})


class TwoLanes(PerQueue):
    tag = 'k'


class OneLane(PerQueue):
    """What it costs where there is nothing to win."""
    tag = 'q'
    lanes = 1


def _server(bed, n):
    return bed.b.argv('taskset', '-c', n % CPUS, 'iperf3', '-s', '-1', '-B', bed.to, '-p', tcp.PORT + n, '--forceflush')


def _client(bed, n, seconds):
    return bed.a.argv('taskset', '-c', n % CPUS, 'iperf3', '-c', bed.to, '-p', tcp.PORT + n, '-t', seconds, '-J')


def _wait_listening(process):
    for line in process.stdout:
        if 'listening' in line:
            return


def measure(bed, streams, seconds):
    """Together; each stream is a process at each end, pinned to a CPU."""
    with ExitStack() as undo:
        for n in range(streams):
            server = undo.enter_context(subprocess.Popen(_server(bed, n), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True))
            undo.callback(server.terminate)
            _wait_listening(server)
        own, busy = bed.own_seconds(), machine.busy_seconds()
        clients = [subprocess.Popen(_client(bed, n, seconds), stdout=subprocess.PIPE, text=True) for n in range(streams)]
        ends = [json.loads(client.communicate()[0]) for client in clients]
        busy, own = machine.busy_seconds() - busy, bed.own_seconds() - own
    for end in ends:
        if 'error' in end:
            raise AssertionError(f'iperf3: {end["error"]}')
    received = [end['end']['sum_received'] for end in ends]
    octets = sum(r['bytes'] for r in received)
    return {
        'mbit_s': sum(r['bits_per_second'] for r in received) / 1e6,
        'cpu_s_per_gb': busy / (octets / 1e9),
        'own_cpu_s_per_gb': own / (octets / 1e9),
        'busy_percent': 100 * busy / (seconds * CPUS),
    }
