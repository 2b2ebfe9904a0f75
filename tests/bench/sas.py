# SPDX-License-Identifier: BSD-2-Clause
"""
What should not grow with the number of SAs and prefixes (sas_bench.c), and what memory they take, of all maps and all
processes: by how many there may be, and of an idle pair.

Maps have room for all SAs from the start on, so a pair's share of them is their size by the number of pairs that there may
be, at the largest. Of the processes it is what they have more after PAIRS pairs were added, by hand and by the control
socket: their share of what is resident (PSS), the vault's pages among it, but not maps, which are mapped as well. Not in it
is what IKE keeps of an IKE SA and its child, some 4 KB, nor what the worker expands when a pair carries something.
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
# What is asked of it: from little to much.
OF_PAIRS, OF_PREFIXES = (10, 100, 1000, 10_000, 100_000), (1, 10, 100, 1000, 10_000)
CASES = {'setup': OF_PAIRS, 'orphans': OF_PAIRS, 'clear': OF_PREFIXES, 'clear-near': OF_PREFIXES[::4], 'protected': OF_PREFIXES}
# `sa-max` of hosts, and the pairs that are added to them: all that there is room for, or so many.
SA_MAX = (1024, 8192, 65_536, 262_144)
PAIRS = 20_000
KEYMAT = 36
RUNS = 3
STEPS = RUNS * sum(len(numbers) for numbers in CASES.values()) + len(SA_MAX)


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


def _bytes_of(bed, sa_max):
    """A host's memory with room for so many SAs, and what a pair takes of it."""
    pairs = min(PAIRS, sa_max // 2)
    bed.host.configure([NIC], daemon={'sa-max': sa_max})
    bed.host.start()
    before = of_processes(bed.host)
    for n in range(pairs):
        add(bed.host, 0x1000 + n, HOST, peer(n))
        add(bed.host, 0x1000 + n, peer(n), HOST)
    after = of_processes(bed.host)
    maps = of_maps(bed.host.pins)
    return {'sa_max': sa_max, 'pairs': pairs, 'maps_mb': maps / 1e6, 'processes_mb': sum(after.values()) / 1e6,
            'pair_maps': maps / (sa_max / 2), 'pair': {name: (after[name] - before[name]) / pairs for name in after}}


def _memory(tell):
    sizes = []
    for sa_max in SA_MAX:
        with Bed() as bed:
            sizes.append(_bytes_of(bed, sa_max))
        tell(f'sas, memory: room for {sa_max}: {sizes[-1]["maps_mb"]:.1f} MB of maps, {sizes[-1]["processes_mb"]:.1f} of processes')
    return sizes


def _median_ns(what, number, tell):
    times = []
    for _ in range(RUNS):
        times.append(json.loads(run(BENCH, what, number).stdout)['ns'])
        tell(f'sas, {what} {number}: {times[-1]:.0f} ns')
    return statistics.median(times)


def measure(tell):
    """By what was asked: samples {'number', 'ns'}, from few to many. 'memory': of hosts, from little room to much."""
    found = {what: [{'number': n, 'ns': _median_ns(what, n, tell)} for n in numbers] for what, numbers in CASES.items()}
    return {**found, 'memory': _memory(tell)}
