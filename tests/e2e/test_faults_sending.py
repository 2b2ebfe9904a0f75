# SPDX-License-Identifier: BSD-2-Clause
"""
IKE cannot send: a firewall of this host forbids it (EPERM), or the kernel has no room (EAGAIN). ESP goes on, the reason is
told, and when it is over all is as before.
"""
import socket
from concurrent.futures import ThreadPoolExecutor

from lib.beds.ike import bring_up, children, order, wait_up
from lib.beds.paced import Both
from lib.beds.pair import A, B
from lib.others_sockets import udp_socket_of
from lib.wait import until

ROOM = 4 << 20      # ike/daemon/socket.c
NOBODY = [f'192.0.2.{n}' for n in range(90, 96)]
AGAIN = 20           # a message is sent some times before that is told
FORBID = 'add table ip f; add chain ip f o { type filter hook output priority 0; }; add rule ip f o udp dport 500 drop'


def hints(host):
    """What keeps messages of IKE that are not answered."""
    return [ike.get('hint', '') for c in host.status()['connections'] for ike in c['ike']]


def test_forbidden_while_it_is_up(native):
    native.psk(dpd_interval='60s')
    bring_up(native)
    host = native.a
    before = children(host)[0]['spi_in']
    with Both(native) as traffic, ThreadPoolExecutor() as beside:
        host.netns.run('nft', FORBID)
        asked = beside.submit(order, host, 'rekey', 'core', 'child')
        until(traffic.goes_on(500), 'traffic goes on, and nothing is sent by IKE')
        assert not asked.done()
        host.netns.run('nft', 'delete table ip f')
        asked.result()
        wait_up(*native.hosts)
        until(traffic.goes_on(), 'traffic by the new SA')
        traffic.closed()
    assert children(host)[0]['spi_in'] != before


def test_no_room_to_send(native):
    """What neighbours that do not answer keep waiting is held against all that the socket sends."""
    native.psk(dpd_interval='60s')
    with open(native.a.config, 'a') as config:
        for n, addr in enumerate(NOBODY):
            config.write(f'\n[connection nobody{n}]\nlocal = {A}\nremote = {addr}\nauth = psk\npsk-file = psk\nstart = initiate\n')
    bring_up(native)
    host = native.a
    with udp_socket_of(host.processes()['protocol'], 500) as own, Both(native) as traffic:
        assert own.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF) >= ROOM, 'a mesh of hosts that are down has room'
        own.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1)
        until(lambda: any('has no room' in hint for hint in hints(host)), 'it is told', timeout=AGAIN)
        until(traffic.goes_on(), 'traffic goes on')
        own.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, ROOM)
        before = children(host)[0]['spi_in']
        order(host, 'rekey', 'core', 'child')
        wait_up(*native.hosts)
        until(traffic.goes_on(), 'traffic by the new SA')
        traffic.closed()
    assert children(host)[0]['spi_in'] != before
