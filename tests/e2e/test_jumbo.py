# SPDX-License-Identifier: BSD-2-Clause
"""NICs with an MTU of 9,000: packets that are several frames to AF_XDP, whole on the wire and for the host."""
import hashlib
import os
import socket
from concurrent.futures import ThreadPoolExecutor

import pytest

from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import Ether
from scapy.packet import Raw

from lib import esp
from lib.beds.pair import A, B, NIC, Pair, proven
from lib.host import resident
from lib.netns import QUEUES, run
from test_traffic import IP_MTU, IP_MTU_DISCOVER, IP_PMTUDISC_DO, MB, WAYS, bulk, is_refused, nothing_was_refused
from lib.traffic import ping, udp_socket
from lib.wait import until

MTU = 9000
# 20 + 8 + 16 + n + 2 + 16 = 9,000
DATAGRAM_MAX = 8938
REFUSED = 'auth_failed', 'malformed', 'cleartext_protected', 'rx_full'


@pytest.fixture(scope='module', params=['native', 'generic'])
def shared_jumbo(request):
    with Pair(request.param, mtu=MTU) as pair:
        pair.start()
        yield pair


@pytest.fixture
def attacked(shared_jumbo):
    shared_jumbo.begin()
    yield shared_jumbo
    shared_jumbo.end()


@pytest.fixture
def jumbo(attacked):
    before = [refused(host) for host in attacked.hosts]
    yield attacked
    assert [refused(host) for host in attacked.hosts] == before


def refused(host):
    """Where no packet is forged, none may look like it; and none may be lost to want of memory."""
    return {r: n for r, n in host.counters().items() if r in REFUSED}


def lengths(capture):
    return {p.length for p in proven(capture.stop())}


@WAYS
def test_tcp(jumbo, sender, receiver, addr):
    with jumbo.capture() as capture:
        bulk(jumbo, sender, receiver, addr, 32 * MB)
        assert MTU - 4 < max(lengths(capture)) <= MTU


def test_tcp_both_ways_at_once(jumbo):
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda way: bulk(jumbo, *way, 8 * MB, streams=4), [('a', 'b', B), ('b', 'a', A)]))


# One frame of the kernel's, the first byte of a second, and so on to the largest echo that fits.
@pytest.mark.parametrize('size', [56, 3750, 3751, 3800, 4096, 7550, 7600, 8000, 8938])
def test_ping(jumbo, size):
    with jumbo.capture() as capture:
        for netns, addr in ((jumbo.a.netns, B), (jumbo.b.netns, A)):
            run(*netns.argv('ping', '-n', '-q', '-c', '3', '-i', '0.05', '-W', '5', '-M', 'do', '-s', size, addr))
        assert lengths(capture) == {(20 + 8 + 16 + size + 2 + 3) // 4 * 4 + 16}


@WAYS
def test_datagrams(jumbo, sender, receiver, addr):
    """Of every length around the borders of frames, each with a content of its own."""
    sizes = [*range(3700, 3860), *range(4000, 4110), *range(7560, 7680), *range(8000, 8200, 9), DATAGRAM_MAX]
    with udp_socket(getattr(jumbo, receiver).netns, addr) as sink, udp_socket(getattr(jumbo, sender).netns) as source:
        source.setsockopt(socket.IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DO)
        source.connect(sink.getsockname())
        for size in sizes:
            data = os.urandom(size)
            source.send(data)
            assert hashlib.sha256(sink.recv(10000)).digest() == hashlib.sha256(data).digest()
        until(lambda: is_refused(source, bytes(DATAGRAM_MAX + 1)), 'EMSGSIZE')
        assert source.getsockopt(socket.IPPROTO_IP, IP_MTU) == DATAGRAM_MAX + 28


def test_memory(jumbo):
    """64 MB, and 18 for each queue beyond the first."""
    bulk(jumbo, 'a', 'b', B, 32 * MB)
    for host in jumbo.hosts:
        assert resident(host.pids()[1]) < (46 + 18 * QUEUES) * MB


def test_forged(attacked):
    """A packet of several frames that was tampered with is dropped, and the next one passes."""
    with attacked.attacker(attacked.b) as attacker:
        assert ping(attacked.a.netns, B, 1, 8000)
        frame = bytearray(next(f for f in attacker.recorded() if len(f) > 8000))
        frame[14 + 20 + 7] += 100  # a sequence number not seen yet
        before = attacked.b.counters().get('auth_failed', 0)
        for at in (100, 4200, 7900):
            attacker.send(esp.spoiled(frame, at))
        until(lambda: attacked.b.counters().get('auth_failed', 0) == before + 3, 'three forgeries counted')
        assert ping(attacked.a.netns, B, 1, 8000)


@pytest.mark.parametrize('size', [6, 100, 3700, 4096, 8000])
def test_clear(attacked, size):
    """Protected traffic that comes in clear reaches nobody, whatever its length."""
    before = attacked.b.counters().get('cleartext_protected', 0)
    with attacked.attacker(attacked.b) as attacker, udp_socket(attacked.b.netns, B) as sink:
        clear = IP(src=A, dst=B) / UDP(sport=4000, dport=sink.getsockname()[1]) / Raw(b'x' * size)
        attacker.send(Ether(src=attacked.a.netns.mac(NIC), dst=attacker.mac) / clear)
        until(lambda: attacked.b.counters().get('cleartext_protected', 0) == before + 1, 'one drop')
        sink.setblocking(False)
        with pytest.raises(BlockingIOError):
            sink.recv(10000)


@pytest.mark.parametrize('mode', ['native', 'generic'])
def test_four_queues(mode):
    with Pair(mode, queues=4, mtu=MTU) as pair:
        pair.start()
        pair.begin()
        bulk(pair, 'a', 'b', B, 4 * MB, streams=4)
        bulk(pair, 'b', 'a', A, 4 * MB, streams=4)
        nothing_was_refused(pair)


@pytest.mark.parametrize('mode', ['native', 'generic'])
def test_small_peer(mode):
    """A peer with an MTU of 1,500 on the jumbo NIC's cable; the route to it says so, less ESP."""
    with Pair(mode, mtu=MTU) as pair:
        for dev, netns in ((NIC, pair.b.netns), ('port1', pair.wire)):
            netns.ip('link', 'set', dev, 'mtu', 1500)
        pair.a.netns.ip('route', 'add', f'{B}/32', 'dev', NIC, 'src', A, 'mtu', 1464)
        pair.start()
        pair.begin()
        with pair.capture() as capture:
            assert ping(pair.a.netns, B, 3, 1400) and ping(pair.b.netns, A, 3, 1400)
            bulk(pair, 'b', 'a', A, 8 * MB)
            bulk(pair, 'a', 'b', B, 8 * MB)
            assert 1496 < max(lengths(capture)) <= 1500
        nothing_was_refused(pair)


@pytest.mark.parametrize('small, large', [(1500, 3000), (1500, MTU), (3000, 9216)])
@pytest.mark.parametrize('mode', ['native', 'generic'])
def test_grows(mode, small, large):
    """The NIC's MTU is raised beyond what programs and packet memory were made for, and lowered again."""
    with Pair(mode, mtu=small) as pair:
        pair.start()
        pair.begin()
        assert ping(pair.a.netns, B, 1, small - 100)
        resize(pair, large)
        with pair.capture() as capture:
            assert ping(pair.a.netns, B, 3, large - 62)
            bulk(pair, 'a', 'b', B, 8 * MB)
            bulk(pair, 'b', 'a', A, 8 * MB)
            assert large - 4 < max(lengths(capture)) <= large
        workers = [host.pids()[1] for host in pair.hosts]
        resize(pair, small)
        with pair.capture() as capture:
            bulk(pair, 'a', 'b', B, 4 * MB)
            assert max(lengths(capture)) <= small
        assert [host.pids()[1] for host in pair.hosts] == workers
        nothing_was_refused(pair)


def resize(pair, mtu):
    """The hosts' ends first: an XDP program without frags limits the other end of a veth."""
    ends = [(host.netns, NIC) for host in pair.hosts] + [(pair.wire, 'port0'), (pair.wire, 'port1')]
    for netns, dev in ends[:2]:
        netns.ip('link', 'set', dev, 'mtu', mtu)
    for host in pair.hosts:
        until(lambda: served(host, mtu), f'MTU {mtu} served')
    for netns, dev in ends[2:]:
        netns.ip('link', 'set', dev, 'mtu', mtu)


def served(host, mtu):
    status = host.worker_ready()
    return status and status['interfaces'][0]['mtu'] == mtu


def test_too_large_while_attached():
    """Beyond what can be served: said once, and what fits goes on."""
    with Pair() as pair:
        pair.start()
        pair.begin()
        pair.a.netns.ip('link', 'set', NIC, 'mtu', 9300)
        until(lambda: 'MTU 9300' in pair.a.log_text, 'a line about it')
        assert 'larger than 1500 bytes is not protected but dropped' in pair.a.log_text
        assert ping(pair.a.netns, B, 3, 1400)
        assert not ping(pair.a.netns, B, 1, 5000, deadline=1)
