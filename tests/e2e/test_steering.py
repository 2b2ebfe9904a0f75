# SPDX-License-Identifier: BSD-2-Clause
"""
By what ESP is put on a NIC's queues, where the NIC has no say in it: a veth has neither a hash nor rules. `check` tells
beforehand, `status` afterwards, and nothing is kept that would have to be put back. What a driver that can is told, and how it
is put back, is played in tests/unit/loader/test_steering.c.
"""
import json
import signal

import pytest

from lib.beds.bed import NIC
from lib.beds.pair import Pair

ADDRESSES = 'by addresses: one peer stays on one queue'


def checked(host):
    """What `check` says of the NIC's queues: for people, and for machines."""
    rows = [line.split(None, 2) for line in host.cmd('check', '-c', host.config).stdout.splitlines()]
    said = json.loads(host.cmd('-j', 'check', '-c', host.config).stdout)
    assert said['works'] and len(said['checks']) == len(rows) - 1
    assert [row['text'] for row in said['checks'] if row['what'] == NIC] == [row[2] for row in rows if row[0] == NIC]
    return [row for row in rows if row[0] == NIC][-1], said['interfaces']


@pytest.mark.parametrize('wish', ['auto', 'rss', 'ntuple', 'off'])
def test_several_queues(wish):
    with Pair('native', 2) as pair:
        pair.a.configure([NIC], steering=wish)
        row, interfaces = checked(pair.a)
        certain = wish != 'ntuple'
        assert interfaces == [{'name': NIC, 'queues': 2, 'steering': 'addresses' if certain else 'ntuple',
                               'steering_certain': certain}]
        assert row[1] == ('warn' if certain else 'ok')
        assert row[2].startswith('queues: 2; ') and row[2].endswith(ADDRESSES)
        pair.start()
        assert pair.a.status()['interfaces'][0]['steering'] == 'addresses'
        assert f'{NIC}: steering: {ADDRESSES}' in pair.a.log_text
        assert [f.name for f in pair.a.run_dir.iterdir() if 'steering' in f.name] == []


def test_one_queue():
    with Pair('native', 1) as pair:
        pair.a.configure([NIC])
        row, interfaces = checked(pair.a)
        assert row == [NIC, 'ok', 'one queue']
        assert interfaces == [{'name': NIC, 'queues': 1, 'steering': 'one_queue', 'steering_certain': True}]
        pair.start()
        assert pair.a.status()['interfaces'][0]['steering'] == 'one_queue'
        assert 'steering' not in pair.a.log_text


def leave_record(host):
    """As a daemon leaves it that has changed the NIC. This NIC knows nothing of it, so there is nothing to be put back."""
    record = host.run_dir / f'steering:{NIC}'
    record.write_text(f'ifindex {host.status()["interfaces"][0]["ifindex"]}\nhash 10 before 0x30 ours 0xf0\nspi 0x1234\n')
    return record


@pytest.mark.parametrize('what', [NIC, 'all'])
@pytest.mark.parametrize('alone', [False, True])
def test_detach_puts_back(alone, what):
    """Whoever detaches: the daemon, or the command when that was killed."""
    with Pair('native', 2) as pair:
        pair.start()
        record = leave_record(pair.a)
        if alone:
            pair.a.stop(signal.SIGKILL)
        pair.a.cmd('detach', what)
        assert not record.exists()


def test_end_puts_back_what_it_detaches():
    with Pair('native', 2) as pair:
        pair.start()
        record = leave_record(pair.a)
        pair.a.stop()
        assert record.exists()
        pair.a.cmd('detach', NIC)
        assert not record.exists()
