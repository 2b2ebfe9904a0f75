# SPDX-License-Identifier: BSD-2-Clause
"""
What should not grow with the number of SAs and prefixes (sas_bench.c), and what memory an idle pair of SAs takes, of all maps and
all processes.

Maps have room for all SAs from the start on, so of these it is their size by the number of pairs that there may be, at the
largest. Of the processes it is what they have more after PAIRS pairs were added, by hand and by the control socket: their
share of what is resident (PSS), the vault's pages among it, but not maps, which are mapped as well. Not in it is what IKE keeps of an IKE
SA and its child, some 4 KB, nor what the worker expands when a pair carries something.
"""
import fcntl
import json
import os
import re
import socket
import statistics
import struct
from pathlib import Path

from lib.beds.bed import Bed, HOST, NIC
from lib.host import BUILD
from lib.netns import run

BENCH = BUILD / 'tests/bench/sas_bench'
# What is asked of it: little, and much.
CASES = {'setup': (10, 100_000), 'orphans': (10, 100_000), 'clear': (1, 10_000), 'clear-near': (1, 10_000), 'protected': (1, 10_000)}
SA_MAX = 262_144
PAIRS = 20_000
KEYMAT = 36
RUNS = 3
STEPS = RUNS * sum(len(numbers) for numbers in CASES.values()) + 1


def of_maps(pins):
    """Bytes of all of them, as the kernel accounts them."""
    shown = [json.loads(run('bpftool', '-j', 'map', 'show', 'pinned', path).stdout) for path in pins.iterdir() if path.is_file()]
    return sum(one['bytes_memlock'] for one in shown)


def of_process(pid):
    """Bytes of what it has resident, a shared page by the number of those who share it; without maps, and without programs
    and libraries, which others on this machine share as they come and go."""
    total, counts = 0, True
    for line in Path(f'/proc/{pid}/smaps').read_text().splitlines():
        if re.match(r'[0-9a-f]+-[0-9a-f]+ ', line):
            counts = 'bpf-map' not in line and (' /' not in line or line.endswith(' (deleted)'))
        elif line.startswith('Pss:') and counts:
            total += int(line.split()[1]) * 1024
    return total


def of_processes(host):
    return {name: of_process(pid) for name, pid in host.processes().items() if pid}


def add(host, spi, src, dst):
    """What `sa add` asks the daemon for; a process for each would take minutes."""
    key = os.memfd_create('key', os.MFD_ALLOW_SEALING | os.MFD_CLOEXEC)
    os.write(key, spi.to_bytes(KEYMAT, 'big'))
    fcntl.fcntl(key, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL)
    words = {'src': src, 'dst': dst, 'spi': hex(spi), 'replay-window': '1024'}
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as s:
        s.connect(str(host.run_dir / "control"))
        socket.send_fds(s, [json.dumps({'command': 'sa add', 'words': words}).encode()], [key])
        answer = json.loads(s.recv(1 << 16))
    os.close(key)
    assert 'error' not in answer, answer


def peer(n):
    return socket.inet_ntoa(struct.pack('>I', 0xc6120000 + n))


def bytes_per_pair(tell):
    """'maps', 'processes'; and which of them has how much."""
    with Bed() as bed:
        bed.host.configure([NIC], daemon={'sa-max': SA_MAX})
        bed.host.start()
        before = of_processes(bed.host)
        for n in range(PAIRS):
            add(bed.host, 0x1000 + n, HOST, peer(n))
            add(bed.host, 0x1000 + n, peer(n), HOST)
        after = of_processes(bed.host)
        each = {name: (after[name] - before[name]) / PAIRS for name in after}
        tell(f'sas, memory of a pair by process: {", ".join(f"{name} {size:.0f}" for name, size in each.items())} bytes')
        return {'maps': of_maps(bed.host.pins) / (SA_MAX / 2), 'processes': sum(each.values())}


def measure(tell):
    """'setup', 'clear': number -> ns; 'bytes': of a pair."""
    found = {what: {n: [] for n in numbers} for what, numbers in CASES.items()}
    for _ in range(RUNS):
        for what, numbers in CASES.items():
            for n in numbers:
                found[what][n].append(json.loads(run(BENCH, what, n).stdout)['ns'])
                tell(f'sas, {what} {n}: {found[what][n][-1]:.0f} ns')
    medians = {what: {n: statistics.median(times) for n, times in each.items()} for what, each in found.items()}
    size = bytes_per_pair(tell)
    tell(f'sas, memory: {size["maps"]:.0f} bytes of maps, {size["processes"]:.0f} of processes')
    return {**medians, 'bytes': sum(size.values())}
