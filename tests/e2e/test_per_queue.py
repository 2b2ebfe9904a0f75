# SPDX-License-Identifier: BSD-2-Clause
"""
`per-queue-sas = yes`, RFC 9611: beside the SA that is for all, one for each lane that sends. Senders are told by the CPU that
they run on.
"""
import os
import socket
from contextlib import ExitStack, contextmanager

import pytest

from lib.beds.ike import IkePair, bring_up, children, connection, order
from lib.beds.pair import A, B, proven
from lib.traffic import UdpFlow, ping
from lib.wait import until

LANES = 2
PINGS = 10
# For an acquire whose event was lost, or came too early (LANE_GATE_NS of bpf/events.h), twice over.
AGAIN_S = 15

pytestmark = pytest.mark.skipif((os.cpu_count() or 1) < LANES, reason='needs two CPUs')


def set_up(pair, first=None, second=None, lanes=LANES, **both):
    """Both want an SA for each lane, unless a host's own section says otherwise."""
    pair.psk({'start': 'trap', **(first or {})}, {'start': 'respond', **(second or {})},
             **{'per_queue_sas': 'yes', **both})
    for host in pair.hosts:
        host.config.write_text(f'[daemon]\nlanes = {lanes}\n\n' + host.config.read_text())


@pytest.fixture
def pair():
    with IkePair(queues=LANES) as made:
        yield made


@contextmanager
def on_cpu(cpu):
    """What is started here runs there, and what it sends leaves by that CPU's lane."""
    everywhere = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {cpu})
    try:
        yield
    finally:
        os.sched_setaffinity(0, everywhere)


def send_on(pair, cpu, host=None, count=PINGS):
    """All are answered."""
    host = host or pair.a
    with on_cpu(cpu):
        assert ping(host.netns, B if host is pair.a else A, count)


def tell_on(pair, cpu, host):
    """One that nobody answers: an answer would have the other end want an SA, too."""
    there, addr = (pair.b, B) if host is pair.a else (pair.a, A)
    with there.netns.socket(socket.AF_INET, socket.SOCK_DGRAM) as sink, on_cpu(cpu):
        sink.bind((addr, 0))
        sink.settimeout(AGAIN_S)
        with host.netns.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.sendto(b'per queue', sink.getsockname())
        sink.recv(100)


def of_lane(host, lane):
    """The child of that lane, or for all others (None), that is up."""
    found = [c for c in children(host) if c['lane'] == lane and c['state'] == 'up']
    return found[0] if found else None


def get_one(pair, lane, host=None):
    """CPU and lane have one number."""
    host = host or pair.a

    def there():
        tell_on(pair, lane, host)
        return of_lane(host, lane)

    return until(there, f'lane {lane} has an SA of its own', timeout=AGAIN_S)


def both_lanes(pair):
    bring_up_one(pair)
    return [get_one(pair, lane) for lane in range(LANES)]


def bring_up_one(pair):
    pair.start()
    order(pair.a, 'initiate', 'core')
    until(lambda: connection(pair.a)['state'] == 'up' and of_lane(pair.b, None), 'the first is up')


def spis(host):
    return {child['spi_out'] for child in children(host)}


def sealed_by(host):
    """What each lane's thread has sealed."""
    return [lane['sealed'] for lane in host.status()['lanes']]


def sent_by(host, lane):
    return of_lane(host, lane)['packets_out']


def test_each_lane_has_its_own(pair):
    """And what a CPU sends leaves by that, and by no other; on the wire nothing is in clear, and no nonce comes twice."""
    set_up(pair)
    with pair.capture() as capture:
        both_lanes(pair)
        assert len(children(pair.a)) == LANES + 1
        for lane in range(LANES):
            before = [sent_by(pair.a, n) for n in (0, 1, None)], sealed_by(pair.a)
            send_on(pair, lane)
            after = [sent_by(pair.a, n) for n in (0, 1, None)], sealed_by(pair.a)
            by_sa, by_lane = ([now - was for was, now in zip(*each)] for each in zip(before, after))
            assert by_sa[lane] >= PINGS and by_sa[1 - lane] < PINGS and by_sa[2] < PINGS
            assert by_lane[lane] >= PINGS and by_lane[1 - lane] < PINGS
        proven([p for p in capture.stop() if not p.ike])
    sas = {sa['spi']: sa for sa in pair.a.status()['sas']}
    for lane in range(LANES):
        assert sas[of_lane(pair.a, lane)['spi_out']]['lane'] == lane
    assert 'all, lane 1: up' in pair.a.cmd('status').stdout
    assert 'out, lane 1' in pair.a.cmd('sa', 'list').stdout


def test_the_other_end_uses_them_too(pair):
    """It makes none of its own, as long as there is one that no lane of it has."""
    set_up(pair)
    both_lanes(pair)
    for lane in range(LANES):
        get_one(pair, lane, pair.b)
    assert len(children(pair.a)) == len(children(pair.b)) == LANES + 1


def test_both_carry_at_once(pair):
    """Two flows, on two CPUs: nothing is lost."""
    set_up(pair)
    both_lanes(pair)
    before = [sent_by(pair.a, lane) for lane in range(LANES)]
    with ExitStack() as stack:
        flows = []
        for lane in range(LANES):
            with on_cpu(lane):
                flows.append(stack.enter_context(UdpFlow(pair.a.netns, pair.b.netns, B, window=8)))
        until(lambda: all(flow.arrived() > 200 for flow in flows), 'both flow')
    assert [flow.lost() for flow in flows] == [0] * LANES
    assert all(sent_by(pair.a, lane) - was >= 200 for lane, was in enumerate(before))


def test_a_rekey_is_of_each_by_itself(pair):
    set_up(pair)
    both_lanes(pair)
    old = spis(pair.a)
    with UdpFlow(pair.a.netns, pair.b.netns, B, window=8) as flow:
        order(pair.a, 'rekey', 'core')
        until(lambda: len(spis(pair.a) - old) == len(spis(pair.a)) == len(old) and flow.arrived() > 50, 'all have been replaced')
    assert flow.lost() == 0
    for lane in range(LANES):
        send_on(pair, lane)


def test_a_limit_is_of_each_by_itself(pair):
    """The lane that has sent so much is rekeyed, and the other one goes on as it is."""
    set_up(pair, {'rekey_packets': 50})
    first, second = (c['spi_out'] for c in both_lanes(pair))
    until(lambda: send_on(pair, 0) or of_lane(pair.a, 0)['spi_out'] != first, 'lane 0 has another')
    assert of_lane(pair.a, 1)['spi_out'] == second
    send_on(pair, 1)


def test_a_peer_that_starts_anew(pair):
    """What it had is gone with it, and nothing is lost for good."""
    set_up(pair)
    before = [c['spi_out'] for c in both_lanes(pair)]
    pair.b.stop()
    pair.b.start()
    until(lambda: ping(pair.a.netns, B, deadline=1), 'it is there again', timeout=40)
    for lane in range(LANES):
        assert get_one(pair, lane)['spi_out'] not in before


@pytest.mark.parametrize('without', ['a', 'b'])
def test_a_peer_without_it_gets_one(pair, without):
    """No error, and nothing in the log but that it is so."""
    set_up(pair, {'per_queue_sas': 'no'} if without == 'a' else {}, {'per_queue_sas': 'no'} if without == 'b' else {})
    bring_up(pair)
    for cpu in range(LANES):
        send_on(pair, cpu)
        send_on(pair, cpu, pair.b)
    for host in pair.hosts:
        assert len(children(host)) == 1 and 'lane' not in children(host)[0]
        assert connection(host)['failures'] == []
        assert host.log_text.count('for a lane') == 0


def test_one_lane_asks_for_none(pair):
    set_up(pair, lanes=1)
    bring_up(pair)
    for cpu in range(LANES):
        send_on(pair, cpu)
    assert len(children(pair.a)) == 1


def test_lanes_without_a_queue_ask_for_none():
    """A NIC with one queue to send by: one lane seals all, so more SAs would be for nothing."""
    with IkePair(queues=(LANES, 1)) as pair:
        set_up(pair)
        bring_up(pair)
        for cpu in range(LANES):
            send_on(pair, cpu)
        assert len(pair.a.status()['lanes']) == LANES
        assert len(children(pair.a)) == 1


def test_a_restart_of_ike(pair):
    """What the earlier run had for lanes carries nothing once the new run has an SA with the peer, and then comes anew."""
    set_up(pair)
    before = [c['spi_out'] for c in both_lanes(pair)]
    old = pair.a.status()['ike']['pid']
    os.kill(old, 9)
    until(lambda: (pair.a.status()['ike']['pid'] or old) != old and connection(pair.a)['state'] == 'up', 'up again', timeout=20)
    for lane in range(LANES):
        assert get_one(pair, lane)['spi_out'] not in before
        send_on(pair, lane)
