# SPDX-License-Identifier: BSD-2-Clause
"""
`capture`: each packet in clear and as ESP, with what became of it, as the wire and the sockets have it; and what happens to it, and
to traffic, when its reader, the worker, the daemon or the disk comes to an end.
"""
import os
import re
import signal
import subprocess

import pytest
from scapy.layers.inet import ICMP, IP, UDP
from scapy.packet import Raw, raw

from lib import esp, tshark
from lib.beds.bed import HOST, PEER, new_sa
from lib.beds.ike import bring_up, connection
from lib.beds.pair import A, B
from lib.netns import run
from lib.pcapng import Capture, parse
from lib.traffic import ping, send_ip
from lib.wait import until
from lib.wire import Capture as Wire


def payload(size=50):
    return IP(src=PEER, dst=HOST) / UDP(sport=4000, dport=4001) / Raw(os.urandom(size))


def has(count):
    return lambda file: len(file.packets) >= count


def in_maps(host):
    """Whether BPF has somewhere to show what it drops."""
    return 'key' in run('bpftool', 'map', 'dump', 'pinned', host.pins / 'captures').stdout


def both_ways(packets):
    return sorted(p.direction for p in packets)


# ---- what is in it ----

def test_each_packet_twice(pair):
    """As the wire has it, and as the host does, in the order of their times."""
    with pair.capture(snaplen=0) as wire, Capture(pair.a) as capture:
        assert ping(pair.a.netns, B, 3)
        wire.stop()
        capture.until(has(12))
        file = capture.stop()
        sealed = [f.raw for f in wire.packets() if f.proto == 50]
    assert file.interfaces == ['clear', 'esp'] and file.missed == {'clear': 0, 'esp': 0}
    assert [p.frame for p in file.on('esp')] == sealed and len(sealed) == 6
    echoes = [IP(p.frame[14:]) for p in file.on('clear')]
    assert [(e.src, e[ICMP].type) for e in echoes] == [(A, 8), (B, 0)] * 3
    for p, echo in zip(file.on('clear'), echoes):
        assert raw(echo[ICMP]) and echo.len == len(p.frame) - 14 and p.length == len(p.frame)
        assert p.frame[6:12].hex(':') in (pair.a.netns.mac('nic0'), pair.b.netns.mac('nic0'))
    assert [p.direction for p in file.packets] == ['out', 'out', 'in', 'in'] * 3
    assert {p.comment for p in file.packets} == {f'out, SPI {pair.sas[0].spi:#010x}', f'in, SPI {pair.sas[1].spi:#010x}'}
    assert [p.time for p in file.packets] == sorted(p.time for p in file.packets)
    assert capture.path.stat().st_mode & 0o777 == 0o600


def test_comments_name_the_connection(native):
    native.psk()
    bring_up(native)
    child = connection(native.a)['children'][0]
    with Capture(native.a) as capture:
        assert ping(native.a.netns, B)
        capture.until(has(4))
        file = capture.stop()
    assert {p.comment for p in file.packets} == {f'core out, SPI {child["spi_out"]:#010x}', f'core in, SPI {child["spi_in"]:#010x}'}


def test_datagrams_in_pieces(pair):
    """What the host sends in fragments and gets as a whole."""
    with Capture(pair.a) as capture:
        assert ping(pair.a.netns, B, size=4000)
        file = capture.until(lambda file: len(file.on('clear')) >= 4)
    whole = [p for p in file.on('clear') if p.direction == 'in']
    assert [len(p.frame) for p in whole] == [14 + 20 + 8 + 4000]
    assert len([p for p in file.on('clear') if p.direction == 'out']) == 3
    assert both_ways(file.on('esp')) == ['in'] * 3 + ['out'] * 3


def test_tshark_reads_it(pair):
    tshark.needs_tshark()
    with Capture(pair.a) as capture:
        assert ping(pair.a.netns, B)
        capture.until(has(4))
        capture.stop()
        seen = tshark.fields(capture.path, ['frame.interface_name', 'frame.comment', 'frame.protocols'])
    out, back = (f'{way}, SPI {sa.spi:#010x}' for way, sa in zip(('out', 'in'), pair.sas))
    icmp = 'eth:ethertype:ip:icmp:data'
    assert [(i, c) for i, c, _ in seen] == [('clear', out), ('esp', out), ('esp', back), ('clear', back)]
    assert [p.startswith(icmp) for i, _, p in seen] == [i == 'clear' for i, _, _ in seen]


# ---- what is dropped, and why ----

def drops_of(bed, send, *words):
    """What a capture of drops alone has when something that is certainly dropped is the last."""
    with Capture(bed.host, 'drops', *words) as capture:
        send()
        bed.settle()
        last = new_sa(PEER, HOST)
        bed.send_sealed(last, payload())
        is_last = f'in, SPI {last.spi:#010x}: dropped: no_sa'
        file = capture.until(lambda file: any(p.comment.startswith(is_last) for p in file.packets))
    return [p for p in file.packets if not p.comment.startswith(is_last)]


def assert_one(dropped, interface, frame, comment):
    assert [(p.interface, p.comment) for p in dropped] == [(interface, comment)]
    assert dropped[0].frame == raw(frame) and dropped[0].direction == 'in'


def test_in_clear_though_protected(bed):
    bed.protected()
    frame = bed.frame(payload())
    assert_one(drops_of(bed, lambda: bed.tap.send(frame)), 'clear', frame,
               'in: dropped: cleartext_protected (came in clear though a policy protects it)')


def test_nothing_is_shown_of_what_is_opened(bed):
    sa, _ = bed.protected()
    assert drops_of(bed, lambda: bed.send_sealed(sa, payload())) == []


@pytest.mark.parametrize('reason', ['auth_failed', 'selector_mismatch', 'replay', 'malformed'])
def test_by_the_worker_as_it_came(bed, reason):
    """ESP, also where the cipher has overwritten it before it was refused."""
    sa = bed.inbound('sel', 'udp/4001')
    sealed = {
        'auth_failed': lambda: esp.spoiled(raw(esp.seal_ip(sa, payload()))),
        'selector_mismatch': lambda: raw(esp.seal_ip(sa, IP(src=PEER, dst=HOST) / ICMP())),
        'replay': lambda: raw(esp.seal_ip(sa, payload(), 5)),
        'malformed': lambda: raw(IP(src=PEER, dst=HOST, proto=50) / Raw(sa.seal(17, raw(payload())[20:])[:38])),
    }[reason]()
    frame = bed.frame(Raw(sealed))
    if reason == 'replay':
        bed.tap.send(frame)
    dropped = drops_of(bed, lambda: bed.tap.send(frame))
    assert len(dropped) == 1 and dropped[0].interface == 'esp' and dropped[0].frame == raw(frame)
    assert dropped[0].comment.startswith(f'in, SPI {sa.spi:#010x}: dropped: {reason} (')


def test_out_of_the_host(bed):
    """Without an SA BPF drops it; too long for the path, the worker."""
    bed.host.policy_add(PEER)
    packet = IP(src=HOST, dst=PEER) / UDP(sport=1, dport=2) / Raw(b'x' * 20)
    dropped = [p for p in drops_of(bed, lambda: send_ip(bed.ns, packet)) if p.direction == 'out']
    assert dropped[0].comment.startswith('out: dropped: no_sa (') and dropped[0].interface == 'clear'
    assert raw(IP(dropped[0].frame[14:])[UDP].payload) == b'x' * 20
    sa = bed.outbound()
    long = IP(src=HOST, dst=PEER, flags='DF') / UDP(sport=1, dport=2) / Raw(b'y' * 1472)
    # What an earlier test has taught the kernel of this path: it would send none that long.
    bed.ns.ip('route', 'flush', 'cache')
    dropped = [p for p in drops_of(bed, lambda: send_ip(bed.ns, long)) if p.direction == 'out']
    assert [p.comment.split(' (')[0] for p in dropped] == [f'out, SPI {sa.spi:#010x}: dropped: too_big']
    assert dropped[0].frame[6:12].hex(':') == bed.mac


def refused(bed, packet):
    """Netfilter says no to the sender."""
    with pytest.raises(PermissionError):
        send_ip(bed.ns, packet)


def test_by_the_backstop(bed):
    """On an interface that is not attached, where a packet has no Ethernet header: it gets one that says IPv4."""
    bed.host.policy_add('198.51.100.0/24')
    bed.ns.ip('link', 'add', 'other0', 'type', 'veth', 'peer', 'name', 'other1')
    bed.ns.ip('neigh', 'add', '198.51.100.2', 'lladdr', bed.peer_mac, 'dev', 'other0')
    bed.ns.ip('addr', 'add', '198.51.100.1/24', 'dev', 'other0')
    bed.ns.ip('link', 'set', 'other0', 'up')
    try:
        packet = IP(src='198.51.100.1', dst='198.51.100.2') / UDP(sport=1, dport=2) / Raw(b'z')
        dropped = [p for p in drops_of(bed, lambda: refused(bed, packet)) if p.direction == 'out']
        assert dropped[0].comment.startswith('out: dropped: backstop_out (')
        assert dropped[0].frame[:14] == bytes(12) + b'\x08\0' and IP(dropped[0].frame[14:]).dst == '198.51.100.2'
    finally:
        bed.ns.ip('link', 'del', 'other0')


# ---- what is asked for ----

@pytest.mark.parametrize('words, expected', [
    (['clear'], [('clear', 'out'), ('clear', 'in')]),
    (['esp'], [('esp', 'out'), ('esp', 'in')]),
    (['both', 'icmp[0] == 0'], [('clear', 'in')]),
    (['src', 'host', A], [('clear', 'out'), ('esp', 'out')]),
    (['clear', 'src host', A, 'and', 'icmp'], [('clear', 'out')]),
], ids=lambda x: '-'.join(x) if isinstance(x[0], str) else None)
def test_words(pair, words, expected):
    with Capture(pair.a, *words) as capture:
        assert ping(pair.a.netns, B)
        capture.until(has(len(expected)))
        assert ping(pair.a.netns, B)
        file = capture.until(has(2 * len(expected)))
    assert [(p.interface, p.direction) for p in file.packets] == 2 * expected


def test_one_sa(pair):
    with Capture(pair.a, 'spi', hex(pair.sas[1].spi)) as capture:
        assert ping(pair.a.netns, B, 2)
        file = capture.until(has(4))
    assert [(p.interface, p.direction) for p in file.packets] == [('esp', 'in'), ('clear', 'in')] * 2


@pytest.mark.parametrize('words, about', [
    (['clear', 'esp'], 'exclude'), (['spi', '0'], 'spi'), (['no', 'such', 'filter'], "filter 'no such filter'"),
])
def test_words_that_make_no_sense(pair, words, about):
    done = pair.a.cmd('capture', '-w', '/nonexistent/x', *words, check=False)
    assert done.returncode == 2 and about in done.stderr and done.stderr.count('\n') == 1, done.stderr


def test_to_a_pipe(pair):
    """As 'capture -w - | wireshark -k -i -' has it."""
    with subprocess.Popen(pair.a.argv('capture', '-w', '-'), stdout=subprocess.PIPE, stderr=subprocess.PIPE) as proc:
        assert b'capturing to stdout' in proc.stderr.readline()
        assert ping(pair.a.netns, B)
        data = b''
        while len(parse(data).packets) < 4:
            data += os.read(proc.stdout.fileno(), 65536)
        proc.send_signal(signal.SIGTERM)
        data += proc.communicate(timeout=10)[0]
    assert proc.returncode == 0 and len(parse(data).packets) == 4 and parse(data).missed == {'clear': 0, 'esp': 0}


def test_no_file_is_written_into_that_others_have(pair, tmp_path):
    """Who had it open when anybody could read it reads nothing new; who opens it by its name sees each packet at once."""
    path = tmp_path / 'file.pcapng'
    path.write_text('old')
    path.chmod(0o644)
    os.chown(path, 65534, 65534)
    with path.open('rb') as before, subprocess.Popen(pair.a.argv('capture', '-w', path), stderr=subprocess.PIPE, text=True) as proc:
        assert 'capturing' in proc.stderr.readline()
        assert ping(pair.a.netns, B)
        try:
            until(lambda: len(parse(path.read_bytes()).packets) == 4, 'it is in the file')
        finally:
            proc.send_signal(signal.SIGTERM)
        proc.communicate(timeout=10)
        assert proc.returncode == 0 and before.read() == b'old'
        assert (path.stat().st_uid, path.stat().st_mode & 0o777) == (0, 0o600)
    assert list(tmp_path.iterdir()) == [path]


# ---- who ends, and who is slow ----

def test_one_at_a_time(pair):
    with Capture(pair.a) as capture:
        done = pair.a.cmd('capture', '-w', pair.a.dir / 'other', check=False)
        assert done.returncode == 1 and 'another' in done.stderr and not (pair.a.dir / 'other').exists()
        capture.stop()


def test_killed_reader(pair):
    """Nothing is captured any more, and somebody else may."""
    with Capture(pair.a) as capture:
        assert ping(pair.a.netns, B) and in_maps(pair.a)
        worker = pair.a.status()['worker']['pid']
        capture.proc.kill()
        capture.proc.wait()
    until(lambda: not in_maps(pair.a), 'BPF shows nothing')
    until(lambda: 'xdp-ipsec-capture' not in run('cat', f'/proc/{worker}/maps').stdout, 'the worker has let go of the memory')
    assert ping(pair.a.netns, B)
    with Capture(pair.a) as capture:
        assert ping(pair.a.netns, B)
        capture.until(has(4))


def test_slow_reader(pair):
    """What is more than the rings hold is missed and counted, and traffic goes on meanwhile."""
    with Capture(pair.a) as capture:
        capture.proc.send_signal(signal.SIGSTOP)
        before = pair.a.counters()
        while pair.a.counters()['sealed'] < before.get('sealed', 0) + 9000:
            assert pair.a.netns.run('ping', '-f', '-q', '-c', 1000, '-s', 1400, B).returncode == 0
        capture.proc.send_signal(signal.SIGCONT)
        file = capture.stop()
    after = pair.a.counters()
    for interface in file.interfaces:
        total = sum(after[r] - before.get(r, 0) for r in ('sealed', 'opened'))
        assert file.missed[interface] > 0
        assert len(file.on(interface)) + file.missed[interface] == total
    assert re.search(r'missed.*: [1-9]\d* and [1-9]\d*$', capture.said.strip()), capture.said


@pytest.mark.parametrize('path', ['/dev/full', '/nonexistent/file'])
def test_file_that_cannot_be_written(pair, path):
    done = pair.a.cmd('capture', '-w', path, check=False)
    assert done.returncode == 1 and path in done.stderr
    assert [line for line in done.stderr.splitlines() if line.startswith('xdp-ipsec')] == [done.stderr.splitlines()[-1]]
    assert not in_maps(pair.a) or until(lambda: not in_maps(pair.a), 'BPF shows nothing')


def test_pipe_that_is_closed(pair):
    read, write = os.pipe()
    with subprocess.Popen(pair.a.argv('capture'), stdout=write, stderr=subprocess.PIPE, text=True) as proc:
        os.close(write)
        assert 'capturing' in proc.stderr.readline()
        os.close(read)
        assert ping(pair.a.netns, B)
        said = proc.communicate(timeout=10)[1].splitlines()
    assert proc.returncode == 1 and 'has closed it' in said[-1] and sum(s.startswith('xdp-ipsec') for s in said) == 1


def test_worker_killed(own_pair):
    """The next one goes on in the same memory."""
    pair = own_pair
    with Capture(pair.a) as capture:
        assert ping(pair.a.netns, B)
        capture.until(has(4))
        os.kill(pair.a.status()['worker']['pid'], signal.SIGKILL)
        until(lambda: pair.a.status()['worker']['restarts'] == 1 and pair.a.worker_ready(), 'another worker')
        until(lambda: ping(pair.a.netns, B), 'it carries traffic')
        capture.until(lambda file: len([p for p in file.packets if 'dropped' not in p.comment]) >= 8)
        capture.stop()


def test_daemon_ends(own_pair):
    """So does the capture, in one line; what one that was killed has left in the maps the next start takes away."""
    for signum in signal.SIGTERM, signal.SIGKILL:
        with Capture(own_pair.a) as capture:
            own_pair.a.daemon.send_signal(signum)
            assert 'the daemon has ended' in capture.end()
        own_pair.a.daemon.wait()
        own_pair.a.start()
        assert not in_maps(own_pair.a)


def test_nothing_is_left(pair):
    """Of a capture the worker keeps no descriptor and no memory."""
    worker = pair.a.status()['worker']['pid']
    before = sorted(os.listdir(f'/proc/{worker}/fd'))
    for _ in range(3):
        with Capture(pair.a) as capture:
            assert ping(pair.a.netns, B)
            capture.until(has(4))
            capture.stop()
    until(lambda: 'xdp-ipsec-capture' not in run('cat', f'/proc/{worker}/maps').stdout, 'no memory')
    assert sorted(os.listdir(f'/proc/{worker}/fd')) == before


def test_what_tcpdump_shows_instead(pair):
    """On the NIC: the plaintext that comes in. Neither what leaves nor any ESP."""
    ns = pair.a.netns
    with Wire(ns, 'nic0', snaplen=0) as tcpdump:
        assert ping(ns, B, 3)
        until(lambda: len(tcpdump.packets()) >= 3, 'three answers')
        assert ping(ns, B)
        until(lambda: len(tcpdump.packets()) >= 4, 'and another')
        seen = tcpdump.packets()
    assert [(p.src, p.proto) for p in seen] == [(B, 1)] * 4
