# SPDX-License-Identifier: BSD-2-Clause
"""A NIC that is the port of a bridge, and somebody on another port of that."""
import contextlib

import pytest
from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import ARP, Ether

from lib.beds.pair import A, B, NIC, Pair
from lib.beds.stacked import put_on_top
from lib.netns import Netns, veth
from lib.traffic import ping, udp_socket
from lib.wait import until
from lib.wire import Tap, esp_of


@contextlib.contextmanager
def station_on_the_bridge():
    """The pair, each host's NIC the port of a bridge that has the address, and at A's somebody else on another port, attached, too."""
    with Pair() as pair, Netns('station') as station:
        put_on_top(pair, 'bridge')
        veth(pair.a.netns, 'guest0', station, 'far0')
        pair.a.netns.ip('link', 'set', 'guest0', 'master', 'top0')
        pair.a.configure([NIC, 'guest0'])
        pair.start()
        pair.begin()
        assert ping(pair.a.netns, B)
        with Tap(station, 'far0') as tap:
            yield pair, station, tap


HOLD_BACK = """
table netdev hold {
    chain back {
        type filter hook ingress device port1 priority 0;
        ip protocol esp drop
    }
}
"""


def test_station_on_the_bridge_is_shown_nothing():
    """What has come in an SA is this host's alone, whoever the Ethernet header of the ESP packet is made to name."""
    with station_on_the_bridge() as (pair, station, tap):
        pair.wire.run('nft', '-f', '-', input=HOLD_BACK)
        named = ['ff:ff:ff:ff:ff:ff', '01:00:5e:00:00:05', '02:00:00:00:00:77', station.mac('far0'), pair.a.netns.mac('guest0')]
        with (udp_socket(pair.a.netns, A, 7777) as here, udp_socket(pair.b.netns, B) as there,
              Tap(pair.wire, 'port1') as behind, pair.attacker(pair.a) as before):
            here.settimeout(5)
            for n, mac in enumerate(named):
                there.sendto(b'a secret %d' % n, (A, 7777))
                esp = behind.find(lambda f: esp_of(f, src=B) and Ether(f), 'ESP')
                esp.dst = mac
                before.send(esp)
                assert here.recv(100) == b'a secret %d' % n
        # It hears what the bridge floods.
        with udp_socket(pair.a.netns, A) as s:
            s.sendto(b'who is it?', ('192.0.2.99', 7))
        heard = []
        tap.find(lambda f: heard.append(f) or ARP in Ether(f) and Ether(f)[ARP].pdst == '192.0.2.99', 'a question to all')
        assert not [f for f in heard if b'secret' in f]


def test_station_on_the_bridge_has_no_sa():
    """It speaks in this host's name, and is not taken for it."""
    with station_on_the_bridge() as (pair, _, tap), udp_socket(pair.b.netns, B, 7777) as there:
        lie = IP(src=A, dst=B) / UDP(sport=1, dport=7777) / b'in your name'
        before = pair.a.counters()
        for mac in (pair.b.netns.mac('top0'), 'ff:ff:ff:ff:ff:ff'):
            tap.send(Ether(src='02:00:00:00:00:07', dst=mac) / lie)
        until(lambda: pair.a.counters().get('cleartext_protected') == 2, 'both are dropped')
        assert pair.a.counters().get('sealed') == before.get('sealed')
        there.setblocking(False)
        with pytest.raises(BlockingIOError):
            there.recv(100)
        assert ping(pair.a.netns, B)
