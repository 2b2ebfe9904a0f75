# SPDX-License-Identifier: BSD-2-Clause
"""
`bed`: a host under test and a peer made of raw frames, with keys by hand and the ESP of lib/esp.py:

    host namespace                        peer namespace
    nic0 192.0.2.1, 192.0.2.3 ---veth--- wire0, no address: this process speaks for
                                         192.0.2.2 (the peer) and 192.0.2.200 (the sentinel)
"""
import itertools
import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager

from scapy.layers.inet import ICMP, IP, UDP
from scapy.layers.l2 import Dot1Q, Ether
from scapy.packet import Raw, raw

from lib import esp
from lib.host import Host, dropped
from lib.netns import QUEUES, Netns, veth
from lib.traffic import Ears, udp_socket
from lib.wire import Tap, esp_of

HOST, PEER, HOST2, SENTINEL = '192.0.2.1', '192.0.2.2', '192.0.2.3', '192.0.2.200'
NIC = 'nic0'
SENTINEL_PORT = 9999

# Any two differ in at least two bits, so that none becomes another by one that is flipped.
_spis = (spi for spi in itertools.count(0x10000) if spi.bit_count() % 2)
_tags = itertools.count()


def new_sa(src, dst, **kw):
    return esp.Sa(next(_spis), src, dst, **kw)


class Bed:
    """The host is made and configured, and started by who made the bed; begin() and end() are around each test."""

    def __init__(self, mode='native', queues=QUEUES, mtu=1500, **settings):
        self.mode = mode
        self.stack = ExitStack()
        with ExitStack() as undo:
            tag = f'b{next(_tags)}'
            self.ns = undo.enter_context(Netns(tag + 'h'))
            self.wire_ns = undo.enter_context(Netns(tag + 'w'))
            veth(self.ns, NIC, self.wire_ns, 'wire0', queues=queues, mtu=mtu)
            self._addresses()
            self.host = Host(self.ns)
            undo.callback(self.host.close)
            self.host.configure([NIC], mode=mode, **settings)
            self.tap = undo.enter_context(Tap(self.wire_ns, 'wire0'))
            self.stack = undo.pop_all()

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.stack.close()

    def _addresses(self):
        self.mac, self.peer_mac = self.ns.mac(NIC), self.wire_ns.mac('wire0')
        self.ns.sysctl('net.ipv4.conf.all.rp_filter', 1)
        self.ns.sysctl(f'net.ipv4.conf.{NIC}.rp_filter', 1)
        for addr in (HOST, HOST2):
            self.ns.ip('addr', 'add', f'{addr}/24', 'dev', NIC)
        for addr in (PEER, SENTINEL):
            self.neighbour(addr)

    def neighbour(self, addr):
        """The peer has this address too, and answers no ARP."""
        self.ns.ip('neigh', 'replace', addr, 'lladdr', self.peer_mac, 'dev', NIC, 'nud', 'permanent')

    # ---- around each test ----

    def begin(self):
        self.sentinel_sa = new_sa(SENTINEL, HOST)
        self.host.sa_add(self.sentinel_sa)
        self.sentinel_socket = udp_socket(self.ns, HOST, SENTINEL_PORT)
        self.tap.drain()

    def end(self):
        self.sentinel_socket.close()
        self.host.flush()

    # ---- SAs ----

    def inbound(self, *words, src=PEER, dst=HOST, **kw):
        sa = new_sa(src, dst, **kw)
        self.host.sa_add(sa, *words)
        return sa

    def outbound(self, *words, src=HOST, dst=PEER, **kw):
        sa = new_sa(src, dst, **kw)
        self.host.sa_add(sa, *words)
        return sa

    def protected(self, **kw):
        """Everything between host and peer is protected: (inbound SA, outbound SA)."""
        sas = self.inbound(**kw), self.outbound(**kw)
        self.host.policy_add(PEER)
        return sas

    # ---- packets ----

    def frame(self, packet, vlan=None):
        if vlan is None:
            return Ether(src=self.peer_mac, dst=self.mac, type=0x0800) / packet
        return Ether(src=self.peer_mac, dst=self.mac) / Dot1Q(vlan=vlan, type=0x0800) / packet

    def send(self, packet, vlan=None):
        self.tap.send(self.frame(packet, vlan))

    def send_sealed(self, sa, packet, seq=None, vlan=None, **kw):
        self.send(esp.seal_ip(sa, packet, seq, **kw), vlan)

    def next_esp(self, sa):
        """The next ESP packet of that SA from the host, as it is on the wire (scapy IP)."""
        return self.tap.find(lambda frame: esp_of(frame, sa.spi, sa.src), f'ESP with SPI {sa.spi:#x}')

    def next_opened(self, sa, high=0):
        """The same, opened by both codecs, which must agree: (inner IP packet, Opened)."""
        return self.open(sa, self.next_esp(sa), high)

    @staticmethod
    def open(sa, sealed, high=0):
        inner, opened = esp.open_ip(sa, sealed, high)
        assert raw(sa.scapy_open(sealed, high)) == raw(inner)
        return inner, opened

    def echo(self, in_sa, out_sa):
        """An echo request, sealed, and its reply."""
        self.send_sealed(in_sa, IP(src=in_sa.src, dst=in_sa.dst) / ICMP(id=1, seq=1))
        inner, _ = self.next_opened(out_sa)
        assert inner[ICMP].type == 0

    @contextmanager
    def background(self, work):
        """Runs work() beside the block, and raises what it raised."""
        with ThreadPoolExecutor(1) as pool:
            done = pool.submit(work)
            yield
            done.result()

    # ---- what must not get through ----

    def settle(self):
        """All that was sent before has been decided: a good packet that went after it has come out at a socket, twice,
        since what is read together may be written in another order."""
        for _ in range(2):
            token = os.urandom(8)
            packet = IP(src=SENTINEL, dst=HOST) / UDP(sport=7, dport=SENTINEL_PORT) / Raw(token)
            self.send(esp.seal_ip(self.sentinel_sa, packet))
            assert self.sentinel_socket.recv(100) == token

    def ears(self, watch_nic=True):
        return Ears(self.ns, NIC, watch_nic)

    @contextmanager
    def drops(self, watch_nic=True, **expected):
        """
        What the block sends ends in exactly these drop counters, none of it reaches a socket, and the host says
        nothing.
        """
        before = self.host.counters()
        self.tap.drain()
        with self.ears(watch_nic) as ears:
            yield
            self.settle()
            assert dropped(before, self.host.counters()) == expected
            assert ears.heard(but_from={SENTINEL}) == []
        said = [Ether(frame).summary() for frame in self.tap.drain() if frame[12:14] == b'\x08\x00']
        assert said == []
