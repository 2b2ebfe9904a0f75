# SPDX-License-Identifier: BSD-2-Clause
"""
What the walls cost: the share of all CPU time that the kernel counts for BPF programs while UDP goes by at a steady
rate. It counts its own reading of the clock with them, so the truth is a little less.
"""
import json
import subprocess
from contextlib import contextmanager
from pathlib import Path

import machine
import udp

STATS = Path('/proc/sys/kernel/bpf_stats_enabled')
# Well below what the bed can do, or the figure would be of drops.
SIZE, PPS = 64, 40_000
GATE, BACKSTOP = ('tc_egress', 'xdp_ingress', 'xdp_ingress_jumbo', 'tap_ingress'), ('backstop',)


@contextmanager
def counting():
    before = STATS.read_text(encoding='ascii')
    try:
        STATS.write_text('1', encoding='ascii')
        yield
    finally:
        STATS.write_text(before, encoding='ascii')


def _seconds(names):
    done = subprocess.run(['bpftool', '-j', 'prog', 'show'], capture_output=True, text=True, check=True)
    return sum(p.get('run_time_ns', 0) for p in json.loads(done.stdout) if p.get('name') in names) / 1e9


def measure(bed, seconds):
    with counting():
        before = _seconds(GATE), _seconds(BACKSTOP), machine.busy_seconds()
        step = udp.step(bed, SIZE, PPS, seconds)
        after = _seconds(GATE), _seconds(BACKSTOP), machine.busy_seconds()
    gate, backstop, busy = (now - then for now, then in zip(after, before))
    return {
        'backstop_percent': 100 * backstop / busy,
        'gate_percent': 100 * gate / busy,
        'busy_us_per_packet': 1e6 * busy / (step.offered * seconds),
        'loss': step.loss,
    }
