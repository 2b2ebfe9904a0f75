# SPDX-License-Identifier: BSD-2-Clause
"""Two hosts, both with the daemon: real traffic arrives whole, and the wire shows nothing but ESP."""
import errno
import os
import socket

import pytest

from lib import esp
from lib.beds.pair import A, B, NIC, Pair, proven
from lib.netns import run
from lib.traffic import UdpFlow, flood, ping, tcp_bulk, udp_socket
from lib.wait import until

MB = 1 << 20
IP_MTU_DISCOVER, IP_PMTUDISC_DO, IP_MTU = 10, 2, 14
WAYS = pytest.mark.parametrize('sender, receiver, addr', [('a', 'b', B), ('b', 'a', A)], ids=['a-to-b', 'b-to-a'])


def bulk(pair, sender, receiver, addr, size, **kw):
    sums = tcp_bulk(getattr(pair, sender).netns, getattr(pair, receiver).netns, addr, size, **kw)
    assert all(sent == got for sent, got in sums)
    return sums


def nothing_was_refused(pair):
    """No packet was forged here, so none may look like it."""
    for counters in pair.counted():
        for reason in ('auth_failed', 'malformed', 'selector_mismatch', 'cleartext_protected', 'nested_esp'):
            assert reason not in counters, counters


@pytest.mark.parametrize('size', [0, 1, 56, 1400])
def test_ping(pair, size):
    with pair.capture() as capture:
        assert ping(pair.a.netns, B, 10, size)
        assert ping(pair.b.netns, A, 10, size)
        assert len(proven(capture.stop())) == 40
    nothing_was_refused(pair)


@WAYS
def test_tcp_bulk(pair, sender, receiver, addr):
    """With the NIC's MTU of 1,500 on both sides and nobody told of ESP's 36 bytes."""
    with pair.capture() as capture:
        bulk(pair, sender, receiver, addr, 16 * MB)
        sealed = proven(capture.stop())
    assert max(p.length for p in sealed) <= 1500
    assert len(sealed) > 16 * MB // 1500
    nothing_was_refused(pair)


def test_tcp_streams(pair):
    """Eight connections at once."""
    with pair.capture() as capture:
        bulk(pair, 'a', 'b', B, 2 * MB, streams=8)
        proven(capture.stop())
    nothing_was_refused(pair)


def test_udp(pair):
    with pair.capture() as capture, UdpFlow(pair.a.netns, pair.b.netns, B) as flow:
        until(lambda: flow.arrived() > 2000, '2,000 datagrams')
        sealed = proven(capture.stop())
    assert len(sealed) >= 2000
    nothing_was_refused(pair)


def test_largest_datagram(pair):
    """20 + 8 + 16 + n + 2 + 16 = 1,500: one byte more does not fit, and the application is told (RFC 1191)."""
    with udp_socket(pair.b.netns, B) as sink, udp_socket(pair.a.netns) as source:
        source.setsockopt(socket.IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DO)
        source.connect(sink.getsockname())
        source.send(bytes(1438))
        assert len(sink.recv(2000)) == 1438
        until(lambda: is_refused(source, bytes(1439)), 'EMSGSIZE')
        assert source.getsockopt(socket.IPPROTO_IP, IP_MTU) == 1466


def is_refused(sock, data):
    try:
        sock.send(data)
    except OSError as e:
        return e.errno == errno.EMSGSIZE


def test_same_key_for_both_directions(pair):
    """People hand in one key for both ways, and the same one again later: no nonce may be used twice all the same."""
    keymat = bytes(range(36))
    spis = [sa.spi for sa in pair.sas]
    seen = set()
    with pair.capture() as capture:
        for _ in range(3):
            pair.sas = [esp.Sa(spi, src, dst, keymat=keymat) for spi, (src, dst) in zip(spis, ((A, B), (B, A)))]
            for host in pair.hosts:
                host.cmd('sa', 'flush')
                pair.add_sas(host)
            assert ping(pair.a.netns, B, 5)
        for p in capture.stop():
            assert p.proto == 50 and p.iv not in seen
            seen.add(p.iv)
    assert len(seen) == 30


def test_same_sa_again_under_traffic(pair):
    """
    Taken away and made anew, same key and all, while its worker never rests: its numbers begin again in the slot that
    the old SA had, and not one nonce does.
    """
    sa = pair.sas[0]
    with pair.capture(immediate=False) as capture, flood(pair.a.netns, pair.b.netns, B):
        for _ in range(15):
            until(lambda: (found := pair.a.sa_status(sa.spi))['packets'] > 500 and found['seq'], 'traffic')
            pair.a.cmd('sa', 'del', 'spi', f'{sa.spi:#x}', 'dst', B)
            pair.a.sa_add(sa)
        packets = [p for p in capture.stop() if p.spi == sa.spi]
    assert len(packets) > 15 * 500
    assert len({p.seq for p in packets}) < len(packets) - 15 * 100
    assert len({p.iv for p in packets}) == len(packets)


@pytest.mark.parametrize('mode', ['native', 'generic'])
def test_four_queues(mode):
    """Every queue has its socket: the wire is told to use each in turn, and each delivers."""
    with Pair(mode, queues=4) as pair:
        pair.start()
        pair.begin()
        interfaces = pair.a.status()['interfaces']
        assert [(i['name'], i['mode'], i['queues']) for i in interfaces] == [(NIC, mode, 4)]
        for queue in range(4):
            steer(pair.wire, 'port0', 4, queue)
            steer(pair.wire, 'port1', 4, queue)
            assert ping(pair.a.netns, B, 5), f'queue {queue}'
        steer(pair.wire, 'port0', 4, None)
        steer(pair.wire, 'port1', 4, None)
        with pair.capture() as capture:
            bulk(pair, 'a', 'b', B, 4 * MB, streams=4)
            bulk(pair, 'b', 'a', A, 4 * MB, streams=4)
            proven(capture.stop())
        nothing_was_refused(pair)


def steer(netns, dev, queues, only):
    """XPS: all CPUs send on that queue, or (None) on any. `ip netns exec` mounts the namespace's own sysfs."""
    every_cpu = f'{(1 << os.cpu_count()) - 1:x}'
    script = ''.join(f'echo {every_cpu if only in (q, None) else 0} > /sys/class/net/{dev}/queues/tx-{q}/xps_cpus;'
                     for q in range(queues))
    run('ip', 'netns', 'exec', netns.name, 'sh', '-ec', script)


def test_jumbo_frames():
    with Pair(mtu=3000) as pair:
        pair.start()
        pair.begin()
        with pair.capture() as capture:
            bulk(pair, 'a', 'b', B, 8 * MB)
            sealed = proven(capture.stop())
        assert 1500 < max(p.length for p in sealed) <= 3000


def test_clsact():
    """Kernels before 6.6 have no tcx: the same with tc filters."""
    with Pair(hook='clsact') as pair:
        pair.start()
        pair.begin()
        assert 'clsact' in pair.a.netns.run('tc', 'qdisc', 'show', 'dev', NIC).stdout
        with pair.capture() as capture:
            assert ping(pair.a.netns, B, 10)
            bulk(pair, 'a', 'b', B, 4 * MB)
            bulk(pair, 'b', 'a', A, 4 * MB)
            proven(capture.stop())
        nothing_was_refused(pair)
