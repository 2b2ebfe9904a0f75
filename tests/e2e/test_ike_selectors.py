# SPDX-License-Identifier: BSD-2-Clause
"""Several connections between two hosts, told apart by what they protect or by the local address."""
import contextlib
import socket
import subprocess

import pytest

from lib.beds.ike import order, put
from lib.beds.pair import A, B, NIC, proven
from lib.host import section
from lib.traffic import ping, udp_socket
from lib.wait import until
from lib.wire import sealed

A2 = '192.0.2.11'
SECRET = 'a secret that nobody knows\n'


@pytest.fixture
def pair(native):
    return native


def configure(host, *connections, start='trap'):
    """(name, local, remote, settings) each."""
    put(host, 'psk', SECRET)
    host.devs = [NIC]
    host.config.write_text(f'[interface {NIC}]\nmode = native\n' + ''.join(
        section(f'connection {name}', {'local': local, 'remote': remote, 'auth': 'psk', 'psk-file': 'psk',
                                       'start': start, **settings})
        for name, local, remote, settings in connections))


def three(pair, **kw):
    """The widest first, so that it would get everything if the order of the file decided."""
    for host, local, remote in ((pair.a, A, B), (pair.b, B, A)):
        configure(host, ('rest', local, remote, {}), ('bgp', local, remote, {'protect': 'tcp/179'}),
                  ('geneve', local, remote, {'protect': 'udp/6081-6085'}), **kw)
    pair.start()


def selectors(host):
    """By connection, the selectors of its children that are up; when both ends began at once there may be two for one."""
    return {c['name']: sorted({ch['selector'] for ch in c['children'] if ch['state'] == 'up'})
            for c in host.status()['connections']}


def carried(host, selector):
    """The packets that the current outbound SA for that selector has sealed."""
    return sum(sa['packets'] for sa in host.status()['sas']
               if sa['direction'] == 'out' and sa['selector'] == selector and sa['current'])


@contextlib.contextmanager
def listener(host, port):
    s = host.netns.socket(socket.AF_INET, socket.SOCK_STREAM, 0)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind(('0.0.0.0', port))
    s.listen()
    yield s
    s.close()


def session(host, there, addr, port):
    """Opens a TCP session to that port, and says something both ways."""
    with listener(there, port) as s:
        client = subprocess.Popen(host.netns.argv('nc', '-N', '-w', '20', addr, port), stdin=subprocess.PIPE,
                                  stdout=subprocess.PIPE)
        s.settimeout(20)
        conn, _ = s.accept()
        with conn:
            conn.settimeout(20)
            client.stdin.write(b'OPEN')
            client.stdin.flush()
            assert conn.recv(4) == b'OPEN'
            conn.sendall(b'KEEPALIVE')
        assert client.communicate(timeout=20)[0] == b'KEEPALIVE'


def send(host, dport, dst, src='0.0.0.0', sport=0):
    with udp_socket(host.netns, src, sport) as s:
        s.sendto(b'packet', (dst, dport))


def test_each_gets_its_own(pair):
    """BGP from both ends, Geneve and the rest: each by the child of its connection, whoever opened it."""
    three(pair)
    with pair.capture() as capture:
        for here, there, addr in ((pair.a, pair.b, B), (pair.b, pair.a, A)):
            session(here, there, addr, 179)
        for host in pair.hosts:
            assert selectors(host)['bgp'] == ['tcp dport 179', 'tcp sport 179']
            assert selectors(host)['rest'] == selectors(host)['geneve'] == []
            assert carried(host, 'tcp dport 179') and carried(host, 'tcp sport 179')
        until(lambda: ping(pair.a.netns, B, deadline=1), 'the rest is up')
        until(lambda: send(pair.a, 6083, B) or carried(pair.a, 'udp dport 6081-6085'), 'geneve is up')
        for host in pair.hosts:
            assert selectors(host)['rest'] == ['all']
        before = carried(pair.a, 'any')
        assert ping(pair.a.netns, B, 3)
        assert carried(pair.a, 'any') - before == 3
        packets = [p for p in capture.stop() if not p.ike]
    proven(packets)
    # What came by one child was of it: each end dropped nothing for its selector.
    for host in pair.hosts:
        assert not {r for r, n in host.status()['drops'].items() if n and r != 'no_sa'}


def test_all_at_once(pair):
    """Three IKE SAs side by side, none ended by another one's INITIAL_CONTACT; one taken down leaves the others."""
    three(pair, start='initiate')
    wanted = {'rest': ['all'], 'bgp': ['tcp dport 179', 'tcp sport 179'],
              'geneve': ['udp dport 6081-6085', 'udp sport 6081-6085']}

    def settled(host):
        return selectors(host) == wanted and all(len(c['ike']) == 1 for c in host.status()['connections'])

    for host in pair.hosts:
        until(lambda: settled(host), f'{host.instance} has three', timeout=20)
    order(pair.a, 'terminate', 'bgp')
    assert ping(pair.a.netns, B, 3)
    assert selectors(pair.a)['geneve'] == wanted['geneve'] and selectors(pair.a)['bgp'] == []


def test_icmp_types(pair):
    """Echo and its reply, but no other ICMP."""
    for host, local, remote in ((pair.a, A, B), (pair.b, B, A)):
        configure(host, ('ping', local, remote, {'protect': 'icmp/echo-request, icmp/0'}))
    pair.start()
    with pair.capture() as capture:
        until(lambda: ping(pair.a.netns, B, deadline=1), 'a ping')
        assert ping(pair.b.netns, A, 3)
        send(pair.a, 4001, B)  # nobody listens there: unreachable, in clear
        packets = [p for p in capture.stop() if not p.ike]
    assert {p.proto for p in packets} == {50, 17, 1}
    assert len([p for p in packets if p.proto == 1]) == 1
    assert selectors(pair.a)['ping'] == ['icmp/echo-reply', 'icmp/echo-request']


def test_local_address_picks_the_connection(pair):
    """Two addresses of A, a connection each; sockets bound to one leave by its SA and no other."""
    pair.a.netns.ip('addr', 'add', f'{A2}/24', 'dev', NIC)
    configure(pair.a, ('one', A, B, {}), ('two', A2, B, {}), start='initiate')
    configure(pair.b, ('one', B, A, {}), ('two', B, A2, {}), start='respond')
    pair.start()
    until(lambda: all(s == ['all'] for s in selectors(pair.a).values()) and len(pair.b.status()['sas']) == 4, 'both')
    spis = {sa['src']: sa['spi'] for sa in pair.a.status()['sas'] if sa['direction'] == 'out'}
    with pair.capture() as capture, udp_socket(pair.b.netns, B, 4001) as ear:
        for src in (A, A2) * 5:
            send(pair.a, 4001, B, src)
            assert ear.recvfrom(100)[1][0] == src
        packets = sealed(capture.stop())
    assert [(p.src, p.spi) for p in packets if p.dst == B] == [(src, spis[src]) for src in (A, A2) * 5]
