# SPDX-License-Identifier: BSD-2-Clause
"""The MTU of a NIC changes under traffic: it goes on, TCP in the midst of a stream, too, and what does not fit any more is told of."""
import errno
import socket
import threading

from lib.beds.ike import wait_up
from lib.beds.paced import Both
from lib.beds.pair import A, B, NIC
from lib.traffic import ping, tcp_client, tcp_listener, udp_socket
from lib.wait import until

MB = 1 << 20
IP_MTU_DISCOVER, IP_PMTUDISC_DO, IP_MTU = 10, 2, 14


def fits(mtu):
    """As test_path_mtu.py has it."""
    return 20 + (mtu - 20 - 32) // 4 * 4 - 2


def set_mtu(host, mtu):
    host.netns.ip('link', 'set', NIC, 'mtu', mtu)
    until(lambda: (s := host.worker_ready()) and s['interfaces'][0]['mtu'] == mtu, f'{host.instance}: an MTU of {mtu} is served')


def is_too_big(sock, size):
    try:
        sock.send(bytes(size))
    except OSError as e:
        return e.errno == errno.EMSGSIZE
    return False


def told_mtu(host, addr, most):
    """What the host hears when it sends `most` bytes that may not be cut."""
    host.netns.ip('route', 'flush', 'cache')
    with udp_socket(host.netns) as s:
        s.setsockopt(socket.IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DO)
        s.connect((addr, 9))
        until(lambda: is_too_big(s, most - 28), 'EMSGSIZE')
        return s.getsockopt(socket.IPPROTO_IP, IP_MTU)


class Stream:
    """A TCP connection from a to b: say() returns when b has all of it."""

    def __init__(self, pair):
        with tcp_listener(pair.b.netns, B) as listener:
            self.out = tcp_client(pair.a.netns, listener.getsockname(), timeout=30)
            self.back, _ = listener.accept()
        self.back.settimeout(30)
        self.data = bytes(range(256)) * (MB // 256)

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.out.close()
        self.back.close()

    def say(self):
        sending = threading.Thread(target=self.out.sendall, args=(self.data,))
        sending.start()
        got = bytearray()
        while len(got) < len(self.data) and (chunk := self.back.recv(1 << 18)):
            got += chunk
        sending.join()
        assert got == self.data


def test_lowered_and_raised(ike_pair):
    """The worker takes it up between two turns: the NIC is not attached anew for it."""
    ike_pair.psk(start='initiate')
    ike_pair.start()
    wait_up(*ike_pair.hosts)
    host = ike_pair.a
    worker = host.status()['worker']['pid']
    with Both(ike_pair) as traffic, Stream(ike_pair) as stream:
        stream.say()
        for mtu in 1400, 1280, 600, 1500:
            set_mtu(host, mtu)
            stream.say()
            assert told_mtu(host, B, mtu) == fits(mtu) and ping(host.netns, B, 1, fits(mtu) - 28)
            until(traffic.goes_on(), f'datagrams with an MTU of {mtu}')
        traffic.closed()
    assert host.status()['worker']['pid'] == worker and host.log_text.count('attached (') == 1


def test_grown(ike_pair):
    """To more than there is packet memory for: it is attached anew, and the gate stays closed meanwhile."""
    ike_pair.psk(start='initiate')
    ike_pair.start()
    wait_up(*ike_pair.hosts)
    with Both(ike_pair) as traffic, Stream(ike_pair) as stream:
        until(traffic.goes_on(), 'traffic both ways')
        for mtu in 2000, 3400, 1500:
            for host in ike_pair.hosts:
                set_mtu(host, mtu)
            for port in 'port0', 'port1':
                ike_pair.wire.ip('link', 'set', port, 'mtu', mtu)
            stream.say()
            until(traffic.goes_on(), f'datagrams with an MTU of {mtu}')
            for host, addr in ((ike_pair.a, B), (ike_pair.b, A)):
                assert told_mtu(host, addr, mtu) == fits(mtu)
        traffic.closed()
