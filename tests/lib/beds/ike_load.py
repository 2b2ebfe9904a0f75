# SPDX-License-Identifier: BSD-2-Clause
"""IKE under load, for tests and bench: rekeys under traffic, a flood of openings."""
import json
import signal
import socket
import struct
import subprocess
import threading
import time

from lib.beds.ike import is_up, order
from lib.beds.pair import A, B, NIC
from lib.host import dropped, resident
from lib.wait import until

# ---- rekeys under traffic ----

def all_quiet(hosts):
    """The counters, once they stand still."""
    before = {h: h.counters() for h in hosts}
    until(lambda: before == (now := {h: h.counters() for h in hosts}) or before.update(now), 'all is quiet')
    return before


def rekey_under_traffic(pair, count):
    """
    UDP at 100 Mbit/s from a to b while there are that many rekeys, of child and IKE SA, by a and by b. What one end has
    sealed and the other not opened is lost, and so is what was dropped for whatever reason.
    """
    server = subprocess.Popen(pair.b.netns.argv('iperf3', '-s', '-1'), stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL)
    client = None
    try:
        until(lambda: pair.b.netns.run('ss', '-Hlnt', 'sport = :5201').stdout, 'iperf3')
        client = subprocess.Popen(pair.a.netns.argv('iperf3', '-c', B, '-u', '-b', '100M', '-l', '1400', '-t', '60',
                                                    '-J'), text=True, stdout=subprocess.PIPE)
        until(lambda: pair.b.counters().get('opened', 0) > 1000, 'traffic')
        begun = {h: h.counters() for h in pair.hosts}
        for n in range(count):
            order(pair.hosts[n & 1], 'rekey', 'core', ('child', 'ike')[n >> 1 & 1])
        client.send_signal(signal.SIGINT)
        sent = json.loads(client.stdout.read())['end']['sum']
        client.wait(20)
    finally:
        for process in filter(None, (client, server)):
            process.kill()
            process.wait()
    ended = all_quiet(pair.hosts)
    sealed = sum(ended[h]['sealed'] for h in pair.hosts)
    opened = sum(ended[h]['opened'] for h in pair.hosts)
    drops = [dropped(begun[h], ended[h]) for h in pair.hosts]
    return {'mbit_s': sent['bits_per_second'] / 1e6, 'sent': sent['packets'], 'sealed': sealed, 'opened': opened,
            'drops': drops, 'lost': sealed - opened + sum(sum(d.values()) for d in drops)}


# ---- a flood of openings ----

FORGED = '198.18.0.0/15'        # for benchmarks (RFC 2544)
HONEST = '198.18.0.1'
IKE_PORT, IKE_SA_INIT, UDP = 500, 34, 17
ETH_P_ALL, ETH_HEADER, IP_HEADER, UDP_HEADER = 3, 14, 20, 8
# Of <linux/if_packet.h>, which this Python does not know.
SOL_PACKET, PACKET_QDISC_BYPASS = 263, 20
# The generic header of a NAT_DETECTION notify: it tells addresses apart, and is to be one that nobody knows.
NAT_NOTIFIES, UNKNOWN_NOTIFY = (b'\0\x1c\0\0\x40\x04', b'\0\x1c\0\0\x40\x05'), b'\0\x1c\0\0\xa0\x04'


def set_up_flood(pair):
    """b is one of all the addresses that a has a connection for, and speaks for the others, too."""
    pair.psk({'remote': FORGED, 'start': 'respond'}, {'local': HONEST, 'start': 'respond'})
    pair.b.netns.ip('addr', 'add', f'{HONEST}/32', 'dev', NIC)
    pair.a.netns.ip('route', 'add', FORGED, 'via', B)
    pair.start()


def an_opening(pair):
    """The IKE_SA_INIT that b sends, whatever is answered, without its word on addresses."""
    with pair.b.netns.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL)) as s:
        s.bind((NIC, 0))
        s.settimeout(10)
        order(pair.b, 'initiate', 'core')
        while True:
            packet = s.recv(4096)[ETH_HEADER:]
            ike = packet[IP_HEADER + UDP_HEADER:]
            if packet[9] == UDP and packet[12:16] == socket.inet_aton(HONEST) and ike[18] == IKE_SA_INIT:
                break
    order(pair.b, 'terminate', 'core')
    for notify in NAT_NOTIFIES:
        assert notify in ike
        ike = ike.replace(notify, UNKNOWN_NOTIFY)
    return ike


def checksum(header):
    total = sum(struct.unpack(f'>{len(header) // 2}H', header))
    total = (total & 0xffff) + (total >> 16)
    return struct.pack('>H', ~(total + (total >> 16)) & 0xffff)


def forged(n, ike):
    """The nth of them: from another address, with another SPI."""
    source = struct.pack('>I', struct.unpack('>I', socket.inet_aton(HONEST))[0] + 256 + n)
    payload = struct.pack('>Q', n + 1) + ike[8:]
    udp = struct.pack('>HHHH', IKE_PORT, IKE_PORT, UDP_HEADER + len(payload), 0)
    ip = struct.pack('>BBHHHBBH', 0x45, 0, IP_HEADER + len(udp) + len(payload), 0, 0, 64, UDP, 0)
    ip += source + socket.inet_aton(A)
    return ip[:10] + checksum(ip) + ip[12:] + udp + payload


def send_forged(pair, ike, count, per_second):
    """Straight onto the cable: B's own gate would let nobody but its daemon speak IKE."""
    ethernet = b''.join(bytes.fromhex(host.netns.mac(NIC).replace(':', '')) for host in pair.hosts) + b'\x08\x00'
    with pair.b.netns.socket(socket.AF_PACKET, socket.SOCK_RAW) as s:
        s.setsockopt(SOL_PACKET, PACKET_QDISC_BYPASS, 1)
        s.bind((NIC, 0))
        begin = time.monotonic()
        for n in range(count):
            s.send(ethernet + forged(n, ike))
            time.sleep(max(0, begin + n / per_second - time.monotonic()))


def flood(pair, count, per_second=5000):
    """So many openings from as many addresses, and in their midst an honest one."""
    ike = an_opening(pair)
    pid = pair.a.status()['ike']['pid']
    before = resident(pid)
    flooding = threading.Thread(target=send_forged, args=(pair, ike, count, per_second))
    flooding.start()
    until(lambda: pair.a.status()['ike']['half_open'] >= 64, 'the threshold')
    begin = time.monotonic()
    order(pair.b, 'initiate', 'core')
    took = time.monotonic() - begin
    still = flooding.is_alive()
    flooding.join()
    assert is_up(pair.b)
    return {'seconds': took, 'in_their_midst': still, 'half_open': pair.a.status()['ike']['half_open'],
            'asked': answers(pair.b), 'growth_kb': (resident(pid) - before) >> 10}


def answers(host):
    """What came for addresses that b does not have, so that it is not its IKE: a's answers to what was forged."""
    return host.counters().get('cleartext_protected', 0)
