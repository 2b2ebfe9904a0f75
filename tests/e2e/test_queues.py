# SPDX-License-Identifier: BSD-2-Clause
"""NICs that do not have as many queues to send as to receive: an SA sends by one that is there, whatever its slot."""
import pytest

from lib.beds.bed import HOST, PEER, Bed
from conftest import MODES
from lib.traffic import udp_socket
from lib.wire import esp_of

# More than may be on the way in one queue (worker/xdp_queue.c).
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


@pytest.mark.parametrize('rx, tx', [(4, 1), (1, 4), (4, 2)])
def test_other_than_to_receive(mode, rx, tx):
    with Bed(mode, queues=(rx, tx)) as bed:
        bed.host.start()
        assert bed.host.status()['interfaces'][0]['queues'] == rx
        seen = on_the_wire(bed, send_to_all(bed), MANY * len(DESTINATIONS))
        assert set(seen.values()) == {MANY}
        assert 'tx_full' not in bed.host.counters()
