# SPDX-License-Identifier: BSD-2-Clause
"""A file of thousands of connections: a start in time, and a reload that touches what has changed, and nothing else."""
import pytest

from lib.beds.file_load import ManyConnections, remote

pytestmark = pytest.mark.alone

# Of CPU, on which what else runs here has no say.
COUNT = 4000
START_S, RELOAD_S = 5, 0.5


def policies(host):
    return host.cmd('policy', 'list').stdout.splitlines()


@pytest.fixture(params=['psk', 'cert'])
def many(request, ca):
    with ManyConnections(COUNT, ca if request.param == 'cert' else None) as bed:
        yield bed


def test_start_and_reload(many):
    """In time, whatever the file has: a secret each, or one certificate for all."""
    many.start()
    started = many.cpu_seconds()
    assert started < START_S
    assert len(many.host.status()['connections']) == COUNT
    before = policies(many.host)
    begun = many.cpu_seconds()
    many.write(COUNT // 2, 'rekey-time = 30m\n')
    assert many.reload()[1] == [f'connection c{COUNT // 2}: changed']
    reloaded = many.cpu_seconds() - begun
    print(f'{started} s of CPU to start, {reloaded} s to reload')
    assert reloaded < RELOAD_S
    assert policies(many.host) == before
    many.write(COUNT // 2, 'protect = tcp/179\n')
    assert many.reload()[1] == [f'connection c{COUNT // 2}: changed']
    changed = set(before) ^ set(policies(many.host))
    assert changed and all(remote(COUNT // 2) in line for line in changed)
    many.write()
    assert many.reload()[1] == [f'connection c{COUNT // 2}: changed']
    assert many.reload()[1] == ['nothing has changed']
    assert policies(many.host) == before


def test_all_are_known_to_another_ike(many):
    """What it was told of one by one, the next process is told of at once."""
    many.start()
    pid = many.host.status()['ike']['pid']
    many.host.netns.run('kill', '-KILL', pid)
    many.until_other_ike(pid)
    many.write(1, 'rekey-time = 30m\n')
    assert many.reload()[1] == ['connection c1: changed']
    assert len(many.host.status()['connections']) == COUNT
