# SPDX-License-Identifier: BSD-2-Clause
"""
A cable that loses, doubles and delays, and peers that forget: connections come up, nothing is taken twice, TCP goes on, each packet
is told of, and nothing is in clear. The cable is lib/middle.c.
"""
import subprocess
import time

import pytest
from scapy.layers.inet import IP
from scapy.layers.l2 import Ether
from scapy.packet import Raw, raw

from lib.beds.ike import connection, is_up, order, wait_up
from lib.beds.middle import LossyPair
from lib.beds.pair import A, B, NIC
from lib.netns import run
from lib.traffic import UdpFlow, knock, ping, tcp_bulk
from lib.wait import until
from lib.wire import Tap

# IKE asks again after half a second, then twice as late each time: with a fifth lost both ways a handshake may well take three.
PATIENCE = 40
SEED = 7


@pytest.fixture
def lossy():
    with LossyPair(seed=SEED) as pair:
        yield pair


class Counted(UdpFlow):
    """The same, which knows what came twice."""

    def __init__(self, *args, **kw):
        super().__init__(*args, window=16, **kw)
        self.again = 0

    def _collect(self):
        for n in range(self.window):
            try:
                number = int.from_bytes(self.sink.recv(2048)[:8], 'big')
            except OSError:
                return n > 0
            self.again += number in self.seen
            self.seen.add(number)
        return True


def moved(host, before):
    return {reason: n - before.get(reason, 0) for reason, n in host.counters().items()}


def every_packet_is_told_of(pair, before):
    """Sealed here is on the wire; what of that has left the wire is opened there, or dropped for a reason."""
    def balance():
        counted = [moved(host, at_first) for host, at_first in zip(pair.hosts, before)]
        sides = pair.closed()['sides']
        ends = [sum(c.get(reason, 0) for reason in ('opened', 'replay', 'rx_full', 'no_sa')) for c in counted]
        return [(sides[n]['esp'], sides[n]['esp_passed']) for n in range(2)], \
            [(counted[n].get('sealed', 0), ends[1 - n]) for n in range(2)]

    until(lambda: (sums := balance())[0] == sums[1], f'every packet is told of: {balance()}')


@pytest.mark.parametrize('lose, octets', [(1, 2_000_000), (20, 10_000)])
def test_bad_cable(lossy, lose, octets):
    """Opened, used and rekeyed over a cable that loses, doubles and reorders; in the end it is a good one again."""
    lossy.psk({'start': 'initiate'}, {'start': 'respond'})
    lossy.middle.set(lose=lose, double=5, late=20, window=10)
    lossy.start()
    before = [host.counters() for host in lossy.hosts]
    for host in lossy.hosts:
        until(lambda: is_up(host), f'{host.instance} is up', timeout=PATIENCE)
    with Counted(lossy.a.netns, lossy.b.netns, B) as forth, Counted(lossy.b.netns, lossy.a.netns, A) as back:
        (sent, received), = tcp_bulk(lossy.a.netns, lossy.b.netns, B, octets)
        assert sent == received
        order(lossy.b, 'rekey', 'core', 'child', check=False)   # whose answer may be lost until it is given up
        until(lambda: forth.arrived() > 500 and back.arrived() > 500, 'datagrams both ways')
    for flow in forth, back:
        assert not flow.again, f'{flow.again} datagrams were taken twice'
        assert flow.lost() < flow.sent * (lose + 10) / 100, f'{flow.lost()} of {flow.sent} are lost'
    assert all(moved(host, b).get('replay') for host, b in zip(lossy.hosts, before)), 'what came twice was dropped as a replay'
    lossy.middle.set(lose=0, double=0, late=0)
    for host in lossy.hosts:
        until(lambda: is_up(host), f'{host.instance} is up', timeout=PATIENCE)
    assert ping(lossy.a.netns, B, 3) and ping(lossy.b.netns, A, 3)
    every_packet_is_told_of(lossy, before)


def test_ike_alone_is_lost(lossy):
    """ESP goes on by the SAs that there are; when IKE gets through again, a rekey does, too."""
    lossy.psk(dpd_interval='60s')
    lossy.start()
    order(lossy.a, 'initiate', 'core')
    wait_up(*lossy.hosts)
    before = connection(lossy.a)['children'][0]['spi_in']
    lossy.middle.block('ike')
    with subprocess.Popen(lossy.a.argv('connection', 'rekey', 'core', 'child'), stderr=subprocess.DEVNULL) as asking:
        until(lambda: lossy.middle.count()['sides'][0]['blocked'] > 1, 'it asks, and asks again')
        assert ping(lossy.a.netns, B, 5) and ping(lossy.b.netns, A, 5)
        lossy.middle.block()
        asking.wait(PATIENCE)       # which a slow machine may have given up
    wait_up(*lossy.hosts)
    order(lossy.a, 'rekey', 'core', 'child')
    wait_up(*lossy.hosts)
    assert connection(lossy.a)['children'][0]['spi_in'] != before
    assert ping(lossy.a.netns, B, 3)
    lossy.closed()


def forget(host):
    """A host that is started again after it lost its power: of what was there nothing is left, and it has told nobody."""
    host.netns.ip('link', 'set', NIC, 'down')
    host.kill()
    run('find', host.pins, '-depth', '-delete')
    run('find', host.run_dir, '-depth', '-delete')
    host.start()
    host.netns.ip('link', 'set', NIC, 'up')


@pytest.mark.parametrize('start', ['initiate', 'respond'])
def test_peer_rebooted(lossy, start):
    """Whether it opens by itself, by INITIAL_CONTACT, or is only heard not to know the SA any more: the other end finds it."""
    lossy.psk({'start': 'initiate', 'dpd_interval': '3s'}, {'start': start, 'dpd_interval': '3s'})
    lossy.start()
    wait_up(*lossy.hosts)
    assert ping(lossy.a.netns, B)
    forget(lossy.b)
    begin = time.monotonic()
    until(lambda: knock(lossy.a.netns, B), 'traffic with who has forgotten all', timeout=PATIENCE)
    took = time.monotonic() - begin
    wait_up(*lossy.hosts)
    assert took < 15, took
    assert ping(lossy.b.netns, A, 3)
    until(lambda: len(lossy.a.status()['sas']) == 2, 'those of before have gone', timeout=PATIENCE)
    lossy.closed()


def test_both_rebooted(lossy):
    lossy.psk(start='initiate')
    lossy.start()
    wait_up(*lossy.hosts)
    for host in lossy.hosts:
        forget(host)
    wait_up(*lossy.hosts)
    assert ping(lossy.a.netns, B, 3)
    lossy.closed()


# ---- the cable itself ----

def test_what_the_cable_sees():
    """In clear what is in clear, a nonce that comes twice, and all that it loses."""
    with LossyPair(seed=SEED) as pair:
        assert ping(pair.a.netns, B, 2)
        counts = pair.middle.count()
        assert [side['clear'] for side in counts['sides']] == [2, 2] and not counts['repeated']
        with pytest.raises(AssertionError, match='in clear'):
            pair.closed()
        esp = raw(Ether(src=pair.a.netns.mac(NIC), dst=pair.b.netns.mac(NIC)) / IP(src=A, dst=B, proto=50) /
                  Raw(b'\0\0\x10\1\0\0\0\5' + b'\0\0\0\0\0\0\0\5' + bytes(32)))
        with Tap(pair.a.netns, NIC) as tap:
            for _ in range(2):
                tap.sock.send(esp)
        until(lambda: pair.middle.count()['repeated'] == 1, 'the nonce that came twice')
        pair.middle.set(lose=100)
        assert not ping(pair.a.netns, B, deadline=0.3)
        pair.middle.set(lose=0)
        pair.middle.block('all', 1)
        assert not ping(pair.a.netns, B, deadline=0.3)
        sides = pair.middle.count()['sides']
        assert sides[0]['lost'] and sides[1]['blocked'] and not sides[0]['blocked']


