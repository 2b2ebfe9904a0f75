# SPDX-License-Identifier: BSD-2-Clause
"""What bpftool shows of the pinned maps: readable fields, and nowhere a key. Nor anywhere else."""
import json
import sys
from pathlib import Path

import pytest

from lib.beds.bed import HOST, PEER, Bed
from lib.host import resident, unprivileged
from lib.netns import run
from lib.traffic import ping
from lib.wait import until

FIELDS = {
    'sad': ['spi', 'dst', 'slot', 'generation', 'peer'],
    'sa_state': ['spi', 'src', 'dst', 'direction', 'seq', 'packets', 'bytes', 'drops'],
    'spd': ['prefixlen', 'remote', 'rules', 'action', 'prio', 'proto'],
    'stats': ['sealed', 'cleartext_protected', 'no_sa', 'replay'],
}


@pytest.fixture(scope='module')
def bed():
    """SAs in both directions that have been used, so that their keys are wherever they can be."""
    with Bed() as bed:
        bed.host.start()
        bed.sas = bed.protected()
        ping(bed.ns, PEER, deadline=1)
        bed.next_opened(bed.sas[1])
        yield bed


def dump(path):
    return run('bpftool', '-j', 'map', 'dump', 'pinned', path).stdout


@pytest.mark.parametrize('name', FIELDS.keys())
def test_readable(bed, name):
    text = run('bpftool', 'map', 'dump', 'pinned', bed.host.pins / name).stdout
    assert all(f'"{field}"' in text for field in FIELDS[name])


def test_sad_names_the_sa(bed):
    entries = [e['formatted'] for e in json.loads(dump(bed.host.pins / 'sad'))]
    assert {'spi': bed.sas[0].spi, 'dst': [192, 0, 2, 1]} in [e['key'] for e in entries]


def parts_of_keys(sas):
    """Any 8 bytes in a row, at the alignment of what could hold them."""
    return [sa.keymat[at:at + 8] for sa in sas for at in range(0, len(sa.keymat) - 7, 4)]


def holds_key(data, sas):
    """Raw or in hex."""
    return any(part in data or part.hex().encode() in data.lower() for part in parts_of_keys(sas))


def as_bpftool(part):
    return ','.join(f'"{byte:#04x}"' for byte in part)


def test_no_key_in_any_map(bed):
    maps = [p for p in bed.host.pins.iterdir() if p.is_file()]
    assert {p.name for p in maps} >= {'sad', 'sa_state', 'spd', 'stats', 'xsks', 'events'}
    for path in maps:
        if path.name != 'events':  # a ring buffer has no entries to dump
            text = dump(path)
            assert not [part for part in parts_of_keys(bed.sas) if as_bpftool(part) in text], path
    spi = bed.sas[0].spi.to_bytes(4, sys.byteorder)
    assert as_bpftool(spi) in dump(bed.host.pins / 'sad')  # what is there would have been found


def test_no_key_in_proc(bed):
    for pid in bed.host.pids():
        for name in ('cmdline', 'environ'):
            assert not holds_key(Path(f'/proc/{pid}/{name}').read_bytes(), bed.sas)


def test_no_key_in_readable_memory(bed):
    """Of the worker, through the eyes of root: the vault is memfd_secret, which even that cannot read."""
    for pid in bed.host.pids():
        assert not any(holds_key(area, bed.sas) for area in memory(pid)), f'pid {pid}'


def test_expanded_keys_go_with_their_sas():
    """What the worker made of a key is wiped, too, and not only when its slot is used again."""
    with Bed() as bed:
        bed.host.start()
        sas = bed.protected()
        bed.echo(*sas)
        worker = bed.host.pids()[1]

        def has_keys():
            return any(holds_key(area, sas) for area in memory(worker, dumped=False))

        assert has_keys()
        bed.host.cmd('sa', 'flush')
        until(lambda: not has_keys(), 'all are wiped')


def memory(pid, dumped=True):
    """The mappings that /proc/PID/mem gives out: those that a core dump would have, or those that are kept from it."""
    maps = Path(f'/proc/{pid}/smaps').read_text().split('\n')
    start = end = None
    with open(f'/proc/{pid}/mem', 'rb', 0) as mem:
        for line in maps:
            head = line.split()
            if head and '-' in head[0] and not head[0].endswith(':'):
                start, end = (int(x, 16) for x in head[0].split('-'))
                readable = head[1].startswith('r')
            elif line.startswith('VmFlags') and readable and (' dd' not in line) == dumped and end < 1 << 47:
                try:
                    mem.seek(start)
                    yield mem.read(end - start)
                except OSError:
                    continue


def test_no_key_in_the_log_or_status(bed):
    shown = [bed.host.log_text, bed.host.cmd('-j', 'status').stdout, bed.host.cmd('status').stdout,
             bed.host.cmd('sa', 'list').stdout, bed.host.cmd('-j', 'sa', 'list').stdout,
             bed.host.cmd('sa', 'show', 'spi', hex(bed.sas[0].spi)).stdout]
    assert not any(holds_key(text.encode(), bed.sas) for text in shown)


def test_status(bed):
    """The fields that scripts rely on."""
    status = bed.host.status()
    assert status['interfaces'][0].keys() >= {'name', 'mode', 'zero_copy', 'queues'}
    assert status['worker'].keys() >= {'pid', 'restarts', 'aead'}
    assert status['connections'] == []
    for sa in status['sas']:
        assert sa.keys() >= {'spi', 'src', 'dst', 'direction', 'mode', 'esn', 'replay_window', 'seq', 'bytes',
                             'packets', 'age_s', 'drops'}
    text = bed.host.cmd('status').stdout
    assert HOST in text and PEER in text and 'native' in text


def test_worker_has_no_privileges(bed):
    """Whoever breaks into it can do nothing but crypto on what it is given."""
    unprivileged(bed.host.pids()[1])


def test_memory_with_1000_sas():
    """One queue, every key expanded: each of 500 peers has been heard and spoken to."""
    with Bed() as bed:
        bed.host.start()
        worker = bed.host.status()['worker']['pid']
        before = resident(worker)
        peers = [f'198.18.{n >> 8}.{n & 255}' for n in range(1, 501)]
        bed.ns.ip('route', 'add', '198.18.0.0/15', 'dev', 'nic0')
        bed.ns.ip('-batch', '-', input=''.join(
            f'neigh replace {peer} lladdr {bed.peer_mac} dev nic0 nud permanent\n' for peer in peers))
        bed.host.policy_add('198.18.0.0/15')
        pairs = [(bed.inbound(src=peer), bed.outbound(dst=peer)) for peer in peers]
        for in_sa, out in pairs:
            bed.echo(in_sa, out)
        until(lambda: bed.host.counters().get('opened') == 500, 'all opened')
        assert len(bed.host.status()['sas']) == 1000
        assert resident(worker) < 64 << 20, f'{before >> 20} MB without SAs, {resident(worker) >> 20} MB with 1,000'
