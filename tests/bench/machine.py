# SPDX-License-Identifier: BSD-2-Clause
"""The machine the figures are of."""
import os
import platform
import re
import time
from pathlib import Path

TICKS = os.sysconf('SC_CLK_TCK')
# Flags that decide which AEAD backend there can be, and how fast.
CPU_FLAGS = ('aes', 'pclmulqdq', 'avx2', 'avx512f', 'vaes', 'vpclmulqdq')


def _cpu_times():
    """Seconds (busy, idle, stolen) of all CPUs together since boot."""
    with open('/proc/stat', encoding='ascii') as f:
        user, nice, system, idle, iowait, irq, softirq, steal = (int(n) / TICKS for n in f.readline().split()[1:9])
    return user + nice + system + irq + softirq, idle + iowait, steal


def busy_seconds():
    return _cpu_times()[0]


def user_seconds(pid):
    """What a process has run outside the kernel."""
    with open(f'/proc/{pid}/stat', encoding='ascii') as f:
        return int(f.read().rpartition(')')[2].split()[11]) / TICKS


def background(seconds=0.2):
    """The share of all CPUs that something else uses, or the hypervisor takes; to be asked while the beds are idle."""
    before = _cpu_times()
    time.sleep(seconds)
    busy, idle, stolen = (now - then for now, then in zip(_cpu_times(), before))
    total = busy + idle + stolen
    return (busy + stolen) / total if total else 0


def _idle_driver():
    """Who puts idle CPUs to sleep; `none`: they halt, and `latency = low` keeps none from it."""
    try:
        return Path('/sys/devices/system/cpu/cpuidle/current_driver').read_text(encoding='ascii').strip()
    except OSError:
        return 'none'


def facts():
    with open('/proc/cpuinfo', encoding='utf-8') as f:
        text = f.read()
    model = re.search(r'^model name\s*:\s*(.*)$', text, re.M)
    flags = re.search(r'^flags\s*:\s*(.*)$', text, re.M)
    flags = flags[1].split() if flags else []
    return {
        'time': time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime()),
        'kernel': platform.release(),
        'machine': platform.machine(),
        'cpu': model[1] if model else 'unknown',
        'cpus': os.cpu_count(),
        'cpu_flags': [flag for flag in CPU_FLAGS if flag in flags],
        'idle_driver': _idle_driver(),
        'load': os.getloadavg()[0],
    }
