# SPDX-License-Identifier: BSD-2-Clause
"""
Whatever is wrong with a packet ends in exactly one counter, the one with its name, and never at a socket.
`bed.drops(reason=n)` watches both, and that no other drop counter moves and the host answers nothing.
"""
import json
import os
import signal
import struct
import time
from pathlib import Path

import pytest
from scapy.layers.inet import ICMP, IP, TCP, UDP, fragment
from scapy.packet import Raw, raw

from lib import esp
from lib.beds.bed import HOST, HOST2, NIC, PEER, Bed, new_sa
from lib.host import dropped
from lib.packets import parts
from lib.traffic import send_ip, udp_socket
from lib.wait import until
from lib.wire import ip_of

PORT = 4001
# Its low 20 bits are zero: turning any of them on makes a later number, none of them one behind the window.
SEQ = 0x00100000
SIZE = 50


def datagram(src=PEER, dst=HOST, dport=PORT, size=SIZE):
    return IP(src=src, dst=dst) / UDP(sport=4000, dport=dport) / Raw(bytes(size))


def with_esp(data, src=PEER, dst=HOST, **ip):
    """An IP packet with these bytes as its ESP."""
    return IP(src=src, dst=dst, proto=50, **ip) / Raw(data)


@pytest.fixture
def sa(bed):
    """What the peer seals with. A socket listens where its datagrams would go."""
    sa = bed.inbound('seq', SEQ - 1)
    bed.host.policy_add(PEER)
    with udp_socket(bed.ns, HOST, PORT) as sink:
        yield sa
        sink.setblocking(False)
        with pytest.raises(BlockingIOError):
            sink.recv(100)


# ---- bit flips: field -> (bits, reason) ----

ESP_LEN = len(new_sa(PEER, HOST).seal(17, raw(datagram())[20:]))
END = 8 * ESP_LEN
FLIPS = {
    'spi': (range(0, 32), 'no_sa'),
    'sequence-number': ([*range(33, 43), *range(44, 64)], 'auth_failed'),
    'sequence-number-back': ([32, 43], 'replay'),  # 2^31 ahead is taken for old, and 43 is the one bit that SEQ has
    'iv': (range(64, 128), 'auth_failed'),
    'ciphertext': (range(128, END - 144, 7), 'auth_failed'),
    'pad-length': (range(END - 144, END - 136), 'auth_failed'),
    'next-header': (range(END - 136, END - 128), 'auth_failed'),
    'icv': (range(END - 128, END), 'auth_failed'),
}


@pytest.mark.parametrize('bits, reason', FLIPS.values(), ids=FLIPS.keys())
def test_bit_flip(bed, sa, bits, reason):
    good = sa.seal(17, raw(datagram())[20:], SEQ)
    with bed.drops(**{reason: len(bits)}):
        for bit in bits:
            bad = bytearray(good)
            bad[bit // 8] ^= 0x80 >> bit % 8
            bed.send(with_esp(bytes(bad)))


def test_flips_are_of_a_good_packet(bed):
    """The packet whose bits are flipped elsewhere would have been taken."""
    sa = bed.inbound('seq', SEQ - 1)
    with udp_socket(bed.ns, HOST, PORT) as sink:
        bed.send(with_esp(sa.seal(17, raw(datagram())[20:], SEQ)))
        assert sink.recv(100) == bytes(SIZE)


def test_flips_in_the_ip_header(bed, sa):
    """Transport mode does not authenticate it, but the SA is for two addresses (RFC 4301 section 5.2)."""
    with bed.drops(selector_mismatch=1):
        bed.send(with_esp(sa.seal(17, raw(datagram())[20:], SEQ), src='192.0.2.66'))
    with bed.drops(no_sa=1):
        bed.send(with_esp(sa.seal(17, raw(datagram())[20:], SEQ + 1), dst=HOST2, src=PEER))


# ---- lengths ----

def truncated_reason(length):
    """36: header, IV, pad length and next header on a boundary of 4, ICV (RFC 4303 section 2.4)."""
    return 'malformed' if length < 36 or length % 4 else 'auth_failed'


@pytest.mark.parametrize('length', [*range(0, 45), ESP_LEN - 4, ESP_LEN - 1])
def test_truncated(bed, sa, length):
    """The packet is shorter, and its IP header says so."""
    with bed.drops(**{truncated_reason(length): 1}):
        bed.send(with_esp(sa.seal(17, raw(datagram())[20:], SEQ)[:length]))


@pytest.mark.parametrize('cut', [1, 16, 34, 60])
def test_cut_off(bed, sa, cut):
    """The frame ends before the IP header says the packet does."""
    packet = raw(with_esp(sa.seal(17, raw(datagram())[20:], SEQ)))
    with bed.drops(malformed=1):
        bed.send(Raw(packet[:-cut]))


@pytest.mark.parametrize('first_byte', [0x44, 0x4f, 0x55], ids=['ihl-4', 'ihl-15-of-less', 'version-5'])
def test_bad_ip_header(bed, sa, first_byte):
    packet = bytearray(raw(with_esp(bytes(30))))
    packet[0] = first_byte
    with bed.drops(malformed=1):
        bed.send(Raw(bytes(packet)))


# ---- sealed by who has the key, and yet wrong ----

BAD_TRAILERS = {
    'padding-zero': bytes([0, 0, 0, 3, 17]),
    'padding-from-0': bytes([0, 1, 2, 3, 17]),
    'padding-last-wrong': bytes([1, 2, 4, 3, 17]),
    'pad-length-beyond': bytes([1, 2, 3, 255, 17]),
}


@pytest.mark.parametrize('trailer', BAD_TRAILERS.values(), ids=BAD_TRAILERS.keys())
def test_bad_padding(bed, sa, trailer):
    """RFC 4303 section 2.4: the receiver inspects the padding. The ICV is right."""
    payload = raw(datagram(size=51))[20:]
    assert (len(payload) + len(trailer)) % 4 == 0
    with bed.drops(malformed=1):
        bed.send(with_esp(sa.seal(17, payload, SEQ, trailer=trailer)))


def test_ciphertext_off_the_boundary(bed, sa):
    """RFC 4303 section 2.4: pad length and next header end on a boundary of 4. The ICV is right."""
    with bed.drops(malformed=3):
        for extra in range(1, 4):
            bed.send(with_esp(sa.seal(17, raw(datagram())[20:], SEQ + extra, pad=extra)))


def test_dummy(bed, sa):
    """RFC 4303 section 2.6: discarded without a word, and its number is used up."""
    packet = with_esp(sa.seal(esp.NO_NEXT_HEADER, bytes(100), SEQ))
    with bed.drops(dummy=1):
        bed.send(packet)
    with bed.drops(replay=1):
        bed.send(packet)


def test_dummy_with_any_padding(bed, sa):
    """What a dummy contains is arbitrary."""
    with bed.drops(dummy=1):
        bed.send(with_esp(sa.seal(0, bytes(97), SEQ, trailer=bytes([9, 200, esp.NO_NEXT_HEADER]))))


def test_nested_esp(bed, sa):
    inner = bed.inbound()
    nested = inner.seal(17, raw(datagram())[20:])
    with bed.drops(nested_esp=1):
        bed.send(with_esp(sa.seal(50, nested, SEQ)))


# ---- replay ----

def test_replay(bed):
    sa = bed.inbound()
    packet = with_esp(sa.seal(17, raw(datagram())[20:]))
    with udp_socket(bed.ns, HOST, PORT) as sink:
        bed.send(packet)
        assert sink.recv(100) == bytes(SIZE)
        with bed.drops(replay=3):
            for _ in range(3):
                bed.send(packet)


@pytest.mark.parametrize('esn', [True, False], ids=['esn', 'no-esn'])
def test_old_sequence(bed, esn):
    """Behind the window by one, and hopelessly."""
    sa = bed.inbound('replay-window', 64, esn=esn)
    with udp_socket(bed.ns, HOST, PORT) as sink:
        bed.send(with_esp(sa.seal(17, raw(datagram())[20:], 100_000)))
        assert sink.recv(100) == bytes(SIZE)
    with bed.drops(replay=2):
        for seq in (100_000 - 64, 1):
            bed.send(with_esp(sa.seal(17, raw(datagram())[20:], seq)))


def test_sequence_number_zero(bed):
    """RFC 4303 section 3.3.3: the first is 1, so nobody who has the key sends 0 before the wrap."""
    sa = bed.inbound(esn=False)
    with bed.drops(replay=1):
        bed.send(with_esp(sa.seal(17, raw(datagram())[20:], 0)))


# ---- the SA is for something else ----

OUTSIDE = {
    'port': datagram(dport=PORT + 1),
    'protocol-tcp': IP(src=PEER, dst=HOST) / TCP(sport=1, dport=PORT),
    'protocol-icmp': IP(src=PEER, dst=HOST) / ICMP() / Raw(bytes(8)),
    'no-port': IP(src=PEER, dst=HOST, proto=17) / Raw(b'\x0f'),
}


@pytest.mark.parametrize('packet', OUTSIDE.values(), ids=OUTSIDE.keys())
def test_selector(bed, packet):
    sa = bed.inbound('sel', f'udp/{PORT}')
    with bed.drops(selector_mismatch=1):
        bed.send_sealed(sa, packet)
    with udp_socket(bed.ns, HOST, PORT) as sink:
        bed.send_sealed(sa, datagram())
        assert sink.recv(100) == bytes(SIZE)


def test_selector_without_port(bed):
    sa = bed.inbound('sel', 'udp')
    with bed.drops(selector_mismatch=1):
        bed.send_sealed(sa, OUTSIDE['protocol-tcp'])
    with udp_socket(bed.ns, HOST, PORT + 1) as sink:
        bed.send_sealed(sa, datagram(dport=PORT + 1))
        assert sink.recv(100) == bytes(SIZE)


def test_deleted_sa(bed):
    sa = bed.inbound()
    bed.host.cmd('sa', 'del', 'spi', sa.spi, 'dst', HOST)
    bed.host.policy_add(PEER)
    with bed.drops(no_sa=1):
        bed.send_sealed(sa, datagram())


def test_outbound_sa_opens_nothing(bed):
    """An attacker reflects what the host sent."""
    _, out = bed.protected()
    with udp_socket(bed.ns) as s:
        s.sendto(b'sealed by the host', (PEER, PORT))
    sealed = bed.next_esp(out)
    with bed.drops(no_sa=1):
        bed.send(with_esp(parts(sealed)[1]))


# ---- in clear ----

CLEAR = {
    'udp': datagram(),
    'tcp-syn': IP(src=PEER, dst=HOST) / TCP(dport=22, flags='S'),
    'icmp-echo': IP(src=PEER, dst=HOST) / ICMP() / Raw(bytes(56)),
    'gre': IP(src=PEER, dst=HOST, proto=47) / Raw(bytes(40)),
    'no-payload': IP(src=PEER, dst=HOST, proto=89),
    'second-local-address': datagram(dst=HOST2),
    'options': IP(src=PEER, dst=HOST, options=[b'\x01' * 40]) / UDP(dport=PORT),
}


def clear(bed, n=1):
    """tcpdump shows it where XDP is generic, since the check is behind it then (see Ears)."""
    return bed.drops(watch_nic=bed.mode == 'native', cleartext_protected=n)


@pytest.mark.parametrize('packet', CLEAR.values(), ids=CLEAR.keys())
def test_cleartext(bed, sa, packet):
    with clear(bed):
        bed.send(packet)


@pytest.mark.parametrize('vlan', [0, 5])
def test_cleartext_tagged(bed, sa, vlan):
    with clear(bed):
        bed.send(datagram(), vlan=vlan)


def test_cleartext_fragments(bed, sa):
    pieces = fragment(datagram(size=3000), 1000)
    with clear(bed, len(pieces)):
        for piece in pieces:
            bed.send(piece)


def test_cleartext_with_lengths_that_lie(bed, sa):
    packet = bytearray(raw(datagram()))
    packet[2:4] = struct.pack('>H', 2000)
    with bed.drops(watch_nic=bed.mode == 'native', malformed=1):
        bed.send(Raw(bytes(packet)))


def test_cleartext_of_others_passes(bed, sa):
    with udp_socket(bed.ns, HOST, PORT + 2) as s:
        bed.send(datagram(src='192.0.2.77', dport=PORT + 2))
        assert s.recv(100) == bytes(SIZE)


# ---- on the way out ----

def test_outbound_nested_esp(bed):
    bed.protected()
    with bed.drops(nested_esp=1):
        send_ip(bed.ns, with_esp(bytes(64), src=HOST, dst=PEER))


def test_too_big_is_told_to_the_host(bed):
    """RFC 1191: what does not fit with ESP around it is dropped, and the sender told what does: 1,500 - 20 - 36."""
    bed.protected()
    bed.ns.ip('route', 'flush', 'cache')  # what was learnt before: this must reach the worker
    before = bed.host.counters().get('too_big', 0)
    with bed.ears() as ears:
        send_ip(bed.ns, IP(src=HOST, dst=PEER, flags='DF') / UDP(sport=1, dport=2) / Raw(bytes(1472)))
        bed.settle()
        errors = [IP(raw(p)) for p in ears.packets() if p.src == PEER]
    assert bed.host.counters()['too_big'] - before == 1
    assert errors and all(p[ICMP].type == 3 and p[ICMP].code == 4 for p in errors)
    assert {p[ICMP].nexthopmtu for p in errors} == {1466}


TAP = f'esp-{NIC}'
SENT = 4096 + 500  # a queue of it holds 4,096 (loader/attach/tap.c)


def dropped_at_tap(bed):
    """None while there is no TAP."""
    shown = json.loads(bed.ns.ip('-j', '-s', 'link', 'show', TAP, check=False).stdout or '[]')
    return shown[0]['stats64']['tx']['dropped'] if shown else None


def is_stopped(pid):
    return all((task / 'stat').read_text().rpartition(')')[2].split()[0] == 'T' for task in Path(f'/proc/{pid}/task').iterdir())


def overflow_tap(bed):
    """The host sends more than the TAP's queue holds, and the worker has no CPU meanwhile. How many the TAP dropped."""
    worker, before = bed.host.status()['worker']['pid'], dropped_at_tap(bed)
    os.kill(worker, signal.SIGSTOP)
    try:
        until(lambda: is_stopped(worker), 'the worker has stopped')
        with udp_socket(bed.ns, HOST) as s:
            for _ in range(SENT):
                s.sendto(b'', (PEER, PORT))
        lost = dropped_at_tap(bed) - before
    finally:
        os.kill(worker, signal.SIGCONT)
    assert 0 < lost < SENT
    return lost


def wait_for_tap(bed):
    """The worker reads what the host sends."""
    before = bed.host.counters()['sealed']

    def is_read():
        with udp_socket(bed.ns, HOST) as s:
            s.sendto(b'', (PEER, PORT))
        return bed.host.counters()['sealed'] > before

    until(is_read, 'a datagram is sealed')


def full(bed):
    return bed.host.counters().get('tap_full', 0)


def test_the_host_is_faster_than_the_worker(bed):
    """Each datagram was sealed, or is counted: by its reason, and never twice."""
    bed.protected()
    before = bed.host.counters()
    lost = overflow_tap(bed)
    until(lambda: full(bed) > before.get('tap_full', 0), 'they are counted')
    until(lambda: bed.host.counters()['sealed'] - before.get('sealed', 0) == SENT - lost, 'the others are sealed')
    assert dropped(before, bed.host.counters()) == {'tap_full': lost}
    bed.tap.drain()


def test_what_a_tap_dropped_outlives_it():
    """Another daemon goes on with the TAP, another TAP takes its place, none is left: the count neither jumps nor goes back."""
    with Bed() as bed:
        bed.host.start()
        bed.begin()
        bed.protected()
        lost = overflow_tap(bed)
        bed.host.cmd('upgrade')
        until(lambda: full(bed) == lost, 'they are counted')
        lost += overflow_tap(bed)
        bed.ns.ip('link', 'set', 'dev', NIC, 'mtu', 9000)
        until(lambda: dropped_at_tap(bed) == 0, 'a new TAP')
        assert full(bed) == lost
        wait_for_tap(bed)
        lost += overflow_tap(bed)
        bed.host.cmd('detach', NIC)
        assert full(bed) == lost
        time.sleep(2)
        assert full(bed) == lost


# ---- ESP that no SA claims ----

@pytest.mark.parametrize('mode', ['native', 'generic'])
@pytest.mark.parametrize('setting', ['drop', 'pass'])
def test_unknown_spi_setting(setting, mode):
    """For an address that nothing protects, and for one that an SA does."""
    with Bed(mode, daemon={'unknown_spi': setting}) as bed:
        bed.host.start()
        bed.begin()
        stray = [new_sa('192.0.2.77', dst) for dst in (HOST, HOST2)]
        if setting == 'drop':
            with bed.drops(no_sa=2):
                for sa in stray:
                    bed.send_sealed(sa, datagram(src='192.0.2.77', dst=sa.dst))
        else:
            with bed.ears() as ears:
                for sa in stray:
                    bed.send_sealed(sa, datagram(src='192.0.2.77', dst=sa.dst))
                bed.settle()
                assert {p.dst for p in ears.packets() if p.proto == 50} == {HOST, HOST2}
            assert bed.host.counters()['esp_passed'] == 2


def test_unknown_spi(bed, sa):
    with bed.drops(no_sa=2):
        bed.send_sealed(new_sa(PEER, HOST), datagram())
        bed.send_sealed(new_sa('192.0.2.77', HOST), datagram(src='192.0.2.77'))


def test_unknown_spi_for_an_unprotected_address(bed, sa):
    """Automatic setting: the kernel, or another program, may have its own SAs for HOST2."""
    before = bed.host.counters().get('esp_passed', 0)
    with bed.ears() as ears:
        bed.send_sealed(new_sa('192.0.2.77', HOST2), datagram(src='192.0.2.77', dst=HOST2))
        bed.settle()
        assert ears.heard(but_from={'192.0.2.200'})
    assert bed.host.counters()['esp_passed'] - before == 1


def test_reserved_spi_zero(bed, sa):
    """RFC 4303 section 2.1: never on the wire."""
    with bed.drops(malformed=1):
        bed.send(with_esp(bytes(64)))


def test_drops_are_counted_by_sa_too(bed, sa):
    with bed.drops(auth_failed=1):
        bed.send(with_esp(esp.spoiled(sa.seal(17, raw(datagram())[20:], SEQ))))
    drops = {reason: n for reason, n in bed.host.sa_status(sa.spi)['drops'].items() if n}
    assert drops == {'auth_failed': 1}


def test_wire_stays_quiet_for_what_is_refused(bed, sa):
    """No ICMP, no reset: `drops` looks, and here it is shown that it would see."""
    bed.neighbour('192.0.2.77')
    bed.send(IP(src='192.0.2.77', dst=HOST) / UDP(dport=9))
    assert bed.tap.find(lambda f: ip_of(f, proto=1), 'port unreachable in clear for an unprotected peer')
