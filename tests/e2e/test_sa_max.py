# SPDX-License-Identifier: BSD-2-Clause
"""[daemon] sa-max: how many SAs there may be, up to 262,144; what is more than 16 bits of a slot's number."""
import json
import re
import signal

import pytest

from lib.beds.bed import new_sa
from lib.beds.pair import A, B, NIC, Pair, proven
from lib.netns import run
from lib.pinned import take_slots
from lib.traffic import ping, tcp_bulk

SIXTEEN_BITS = 1 << 16


def slots_of(host):
    return [sa['slot'] for sa in json.loads(host.cmd('-j', 'sa', 'list').stdout)]


def sa_max_of(host):
    """As the pinned maps are."""
    return json.loads(host.netns.run('bpftool', '-j', 'map', 'show', 'pinned', host.pins / 'sa_state').stdout)['max_entries']


@pytest.fixture(params=['native', 'generic'])
def large(request):
    """Two hosts for 131,072 SAs, on which all slots of 16 bits are taken before the first SA is added."""
    with Pair(request.param) as pair:
        for host in pair.hosts:
            host.configure([NIC], mode=request.param, daemon={'sa-max': 2 * SIXTEEN_BITS})
        pair.start()
        for host in pair.hosts:
            take_slots(host, range(SIXTEEN_BITS))
        pair.begin()
        yield pair


def test_slots_beyond_16_bits_carry_traffic(large):
    for host in large.hosts:
        assert all(SIXTEEN_BITS <= slot < 2 * SIXTEEN_BITS for slot in slots_of(host))
    with large.capture() as capture:
        assert ping(large.a.netns, B, 3)
        assert ping(large.a.netns, B, size=4000)        # fragments before, one packet after
        tcp_bulk(large.a.netns, large.b.netns, B, 4 << 20)
        tcp_bulk(large.b.netns, large.a.netns, A, 4 << 20)
        packets = capture.stop()
    proven(packets)
    for counted in large.counted():
        assert counted['sealed'] and counted['opened'] and not counted.get('no_sa'), counted


def test_check_tells_what_memory_it_takes(large):
    """About as much as the kernel accounts for its maps."""
    told = [row['text'] for row in json.loads(large.a.cmd('-j', 'check', '-c', large.a.config, check=False).stdout)['checks']
            if row['what'] == 'sa-max']
    megabytes = int(re.match(r'(\d+) MB', told[0])[1])
    maps = [json.loads(run('bpftool', '-j', 'map', 'show', 'pinned', path).stdout) for path in large.a.pins.iterdir() if path.is_file()]
    assert abs(megabytes - sum(m['bytes_memlock'] for m in maps) / 1e6) < megabytes * 0.05


def test_another_sa_max_makes_other_maps(own_pair):
    """The keys of the SAs are gone with the daemon anyway; policies stay, and so does the gate."""
    a, mode = own_pair.a, own_pair.a.status()['interfaces'][0]['mode']
    assert sa_max_of(a) == 8192
    a.daemon.send_signal(signal.SIGKILL)
    a.daemon.wait()
    a.configure([NIC], mode=mode, daemon={'sa-max': 65})
    a.start()
    assert sa_max_of(a) == 128      # rounded up
    assert 'made with another sa-max' in a.log_text
    assert [p['dst'] for p in json.loads(a.cmd('-j', 'policy', 'list').stdout)] == [f'{B}/32']
    assert not ping(a.netns, B, deadline=1)
    own_pair.new_sas()
    assert ping(a.netns, B)


def test_all_in_use_says_how_there_may_be_more(own_pair):
    take_slots(own_pair.b, range(8192))
    done = own_pair.b.sa_add(new_sa(A, B), check=False)
    assert done.returncode == 1 and 'all 8192 SAs are in use' in done.stderr and 'sa-max' in done.stderr
