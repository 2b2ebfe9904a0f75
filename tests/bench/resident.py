# SPDX-License-Identifier: BSD-2-Clause
"""What the worker has resident with one queue and a thousand SAs, all of which it has used."""
import re
import socket
import struct
from concurrent.futures import ThreadPoolExecutor

from beds import A, B, NIC, new_sa
from lib.wait import until

PEERS = 500
SAS = 2 * PEERS
# Benchmarking addresses (RFC 2544).
NETWORK = '198.18.0.0'
PREFIX = f'{NETWORK}/15'
PORT = 9
FIELDS = ('VmRSS', 'RssAnon', 'RssFile', 'RssShmem')


def peers():
    first = struct.unpack('>I', socket.inet_aton(NETWORK))[0] + 1
    return [socket.inet_ntoa(struct.pack('>I', first + n)) for n in range(PEERS)]


def addresses(bed, addrs):
    """Host b speaks for all the peers."""
    commands = ''.join(f'addr add {addr}/32 dev {NIC}\n' for addr in addrs)
    bed.b.run('ip', '-batch', '-', input=commands)
    bed.a.ip('route', 'add', PREFIX, 'via', B)


def add_sas(bed, addrs):
    """One SA each way between host a and each peer; b needs only those it seals with."""
    a, b = bed.hosts
    out = [new_sa(0x10000 + n, A, addr) for n, addr in enumerate(addrs)]
    back = [new_sa(0x20000 + n, addr, A) for n, addr in enumerate(addrs)]
    jobs = [(a, sa) for sa in out + back] + [(b, sa) for sa in back]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda job: job[0].sa_add(job[1]), jobs))
    a.policy_add(PREFIX)
    b.policy_add(A)


def send_each(ns, pairs):
    """One datagram from each source to its destination."""
    for src, dst in pairs:
        with ns.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.bind((src, 0))
            s.sendto(b'x', (dst, PORT))


def used(host, addrs):
    """How many of the SAs with the peers have carried a packet."""
    addrs = set(addrs)
    return sum(1 for sa in host.status()['sas'] if sa['packets'] and addrs & {sa['src'], sa['dst']})


def use_all(bed, addrs):
    """Sends until every SA has carried something: the worker expands a key when it is first used."""
    def sent():
        send_each(bed.a, [(A, addr) for addr in addrs])
        send_each(bed.b, [(addr, A) for addr in addrs])
        return used(bed.hosts[0], addrs) == SAS

    until(sent, f'{SAS} SAs used')


def resident(pid):
    """kB, by field of /proc/PID/status."""
    with open(f'/proc/{pid}/status', encoding='ascii') as f:
        found = dict(re.findall(r'^(\w+):\s+(\d+) kB$', f.read(), re.M))
    return {field: int(found[field]) for field in FIELDS}


def measure(bed):
    addrs = peers()
    pid = bed.status()['worker']['pid']
    before = resident(pid)
    for host in bed.hosts:
        host.flush()
    addresses(bed, addrs)
    add_sas(bed, addrs)
    use_all(bed, addrs)
    after = resident(pid)
    return {'mb': after['VmRSS'] * 1024 / 1e6, 'sas': SAS, 'kb': after, 'kb_before': before}
