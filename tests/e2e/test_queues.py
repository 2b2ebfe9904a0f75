# SPDX-License-Identifier: BSD-2-Clause
"""
NICs of several queues, and those that do not have as many to send as to receive: an SA sends by one that is there, whatever
its slot, and what comes by any of them arrives.
"""
import pytest
from scapy.layers.inet import IP, UDP
from scapy.packet import Raw

from lib.beds.bed import HOST, NIC, PEER, Bed
from conftest import MODES
from lib.traffic import udp_socket
from lib.wire import esp_of

# More than may be on the way in one queue (worker/nic/xdp_queue.c).
MANY = 200
DESTINATIONS = [PEER, *(f'192.0.2.{n}' for n in range(101, 108))]


@pytest.fixture(params=MODES)
def mode(request):
    return request.param


def send_to_all(bed):
    """Outbound SAs in eight slots, one after the other, so that every queue is some SA's, and datagrams to each."""
    sas = []
    for dst in DESTINATIONS:
        bed.neighbour(dst)
        bed.host.policy_add(dst)
        sas.append(bed.outbound(dst=dst))
    with udp_socket(bed.ns, HOST) as source:
        for _ in range(MANY):
            for dst in DESTINATIONS:
                source.sendto(b'datagram', (dst, 4001))
    return sas


def on_the_wire(bed, sas, count):
    """Waits for so many ESP packets, and tells how many each SA had."""
    seen = {sa.dst: 0 for sa in sas}
    for frame in bed.tap.frames(10):
        packet = esp_of(frame, src=HOST)
        if packet and packet.dst in seen:
            seen[packet.dst] += 1
            if sum(seen.values()) == count:
                break
    return seen


def send_from_all(bed):
    """An inbound SA of each peer, whose hash is another one's, so that they come by all queues; each one's datagrams that arrive."""
    seen = {src: 0 for src in DESTINATIONS}
    with udp_socket(bed.ns, HOST, 4002) as sink:
        for src in DESTINATIONS:
            sa = bed.inbound(src=src)
            for _ in range(MANY // 10):
                bed.send_sealed(sa, IP(src=src, dst=HOST) / UDP(sport=4001, dport=4002) / Raw(b'datagram'))
        for _ in range(MANY // 10 * len(seen)):
            seen[sink.recvfrom(100)[1][0]] += 1
    return seen


@pytest.mark.parametrize('lanes', [1, 2])
@pytest.mark.parametrize('rx, tx', [(2, 2), (4, 4), (4, 1), (1, 4), (4, 2)])
def test_both_ways(mode, rx, tx, lanes):
    with Bed(mode, queues=(rx, tx)) as bed:
        bed.host.configure([NIC], mode=mode, daemon={'lanes': lanes})
        bed.host.start()
        assert bed.host.status()['interfaces'][0]['queues'] == rx
        seen = on_the_wire(bed, send_to_all(bed), MANY * len(DESTINATIONS))
        assert set(seen.values()) == {MANY}
        assert set(send_from_all(bed).values()) == {MANY // 10}
        assert not {'tx_full', 'host_full'} & set(bed.host.counters())
