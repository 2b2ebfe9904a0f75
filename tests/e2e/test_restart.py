# SPDX-License-Identifier: BSD-2-Clause
"""Whoever dies: no nonce is used twice, nothing goes in clear, and the traffic comes back."""
import contextlib
import json
import os
import re
import select
import signal
import subprocess
import time

import pytest
from scapy.layers.inet import ICMP, IP

from lib.beds.ike import children, order
from lib.beds.paced import Both
from lib.beds.pair import A, B, NIC, Pair, proven
from lib.host import is_dead
from lib.netns import run
from lib.traffic import UdpFlow, flood, knock, ping, send_ip, udp_socket
from lib.wait import until
from lib.wire import in_clear, repeated

UNPROTECTED = '192.0.2.77'


@pytest.fixture
def pair(own_pair):
    return own_pair


def kill_worker(host):
    """SIGKILL, and back when the supervisor has another one ready."""
    before = host.status()['worker']
    os.kill(before['pid'], signal.SIGKILL)
    until(lambda: (s := host.worker_ready()) and s['worker']['pid'] != before['pid'], 'another worker')
    after = host.status()['worker']
    assert after['restarts'] == before['restarts'] + 1


def test_worker_killed_during_traffic(pair):
    """Both ends' workers, several times, under a flow in each direction. SAs, windows and counters survive."""
    with pair.capture() as capture, UdpFlow(pair.a.netns, pair.b.netns, B) as forth, \
            UdpFlow(pair.b.netns, pair.a.netns, A) as back:
        for host in (pair.a, pair.b, pair.a):
            so_far = forth.arrived(), back.arrived()
            until(lambda: forth.arrived() > so_far[0] + 500 and back.arrived() > so_far[1] + 500, 'traffic both ways')
            kill_worker(host)
        so_far = forth.arrived(), back.arrived()
        until(lambda: forth.arrived() > so_far[0] + 500 and back.arrived() > so_far[1] + 500, 'traffic again')
        packets = capture.stop()
    proven(packets)
    for host in pair.hosts:
        counters = host.counters()
        assert 'auth_failed' not in counters and 'cleartext_protected' not in counters, counters


def silence(pair, host):
    """Seconds from the end of the host's worker until datagrams that were sent afterwards have come, both ways."""
    worker = host.status()['worker']['pid']
    with Both(pair, forge=False) as traffic:
        until(traffic.goes_on(), 'traffic both ways')
        begin = time.monotonic()
        os.kill(worker, signal.SIGKILL)
        until(lambda: is_dead(worker), 'it is dead')
        before = traffic.counts()     # of what came earlier nothing is left in the sockets
        until(lambda: all(now > then for now, then in zip(traffic.counts(), before)), 'traffic again')
        took = time.monotonic() - begin
        traffic.closed()
    return took


def silences():
    """Of both hosts of a pair that has just begun: one whose worker has died a moment ago waits before the next is started."""
    with Pair() as pair:
        pair.start()
        pair.begin()
        spis = [{sa['spi'] for sa in host.status()['sas']} for host in pair.hosts]
        took = [silence(pair, host) for host in pair.hosts]
        assert [{sa['spi'] for sa in host.status()['sas']} for host in pair.hosts] == spis
    return took


@pytest.mark.alone
def test_killed_worker_is_missed_for_a_moment():
    """Less than 200 ms at either host, and by the same SAs. Each host's best of up to five, for the machine may be busy."""
    took = []

    def quick():
        return took and max(min(of_host) for of_host in zip(*took)) < 0.2

    while not quick() and len(took) < 5:
        took.append(silences())
    print(f'silence of {took} s')
    assert quick(), took


def test_window_survives_the_worker(pair):
    """What was taken before is a replay after, for whoever recorded it on the wire."""
    with pair.attacker(pair.b) as attacker:
        assert ping(pair.a.netns, B, 3)
        recorded = attacker.recorded()
        assert len(recorded) == 3
        kill_worker(pair.b)
        before = pair.b.counters().get('replay', 0)
        for frame in recorded:
            attacker.send(frame)
        until(lambda: pair.b.counters().get('replay', 0) == before + 3, 'all recorded packets refused')
    assert ping(pair.a.netns, B)


def test_nothing_is_lost_uncounted(pair):
    """A worker that the scheduler keeps away: more arrives than its rings hold, and each packet is opened or counted."""
    sealed, opened = pair.a.counters().get('sealed', 0), pair.b.counters().get('opened', 0)
    worker = pair.b.status()['worker']['pid']
    os.kill(worker, signal.SIGSTOP)
    try:
        with udp_socket(pair.a.netns) as out:
            for n in range(3000):
                out.sendto(b'%d' % n, (B, 4001))
                if n % 100 == 99:  # never more at once than the way to the wire holds
                    until(lambda: pair.a.counters().get('sealed', 0) > sealed + n, 'all of it sealed')
    finally:
        os.kill(worker, signal.SIGCONT)
    sent = pair.a.counters()['sealed'] - sealed
    until(lambda: (c := pair.b.counters()).get('opened', 0) - opened + c.get('rx_full', 0) == sent, 'every packet told of')
    assert pair.b.counters()['rx_full'] > 0


def nothing_passes(pair):
    """Host a has no daemon or no SA: nothing of it gets out, and nothing in clear gets in."""
    with pair.capture() as capture, pair.attacker(pair.a) as attacker, udp_socket(pair.a.netns) as out, \
            udp_socket(pair.a.netns, A, 4001) as ear:
        for _ in range(20):
            attacker.send_clear(B, 4001)
            with contextlib.suppress(OSError):  # a closed gate may show as an error
                out.sendto(b'in clear?', (B, 4001))
            with contextlib.suppress(OSError):
                send_ip(pair.a.netns, IP(src=A, dst=B) / ICMP())
        attacker.send_clear(UNPROTECTED, 4001)
        assert ear.recvfrom(100)[1][0] == UNPROTECTED  # and none of those that went before it
        packets = capture.stop()
    assert [p for p in packets if p.src == A] == []


@pytest.mark.parametrize('mode', ['native', 'generic'])
@pytest.mark.parametrize('worker', ['#!/nowhere\n', '#!/bin/sh\nexit 1\n'], ids=['no-program', 'ends-at-once'])
def test_worker_that_cannot_start(mode, worker):
    """It is said and tried again, and the gate is closed all the while; with the right one in its place all goes on."""
    with Pair(mode) as pair:
        program = pair.a.own_programs() / 'xdp-ipsec-worker'
        good = program.with_suffix('.good')
        program.rename(good)
        program.write_text(worker)
        program.chmod(0o755)
        pair.a.spawn()
        pair.b.start()
        until(lambda: (pair.a.try_status() or {}).get('running'), 'it is up without a worker')
        pair.begin()
        nothing_passes(pair)
        assert pair.a.counters()['no_worker'] > 0
        until(lambda: 'worker' in pair.a.log_text and 'starting it again' in pair.a.log_text, 'it is said')
        if 'nowhere' in worker:
            assert f'{program}: No such file or directory: reinstall xdp-ipsec' in pair.a.log_text
        good.rename(program)
        until(pair.a.worker_ready, 'the right one is started')
        assert ping(pair.a.netns, B, 3)


def test_supervisor_killed(pair):
    """Without its worker, too, the gate stays closed; `run` again finds the policies and needs only SAs."""
    pair.a.kill()
    nothing_passes(pair)
    pair.a.start()
    assert B in pair.a.cmd('policy', 'list').stdout
    assert pair.a.status()['sas'] == []  # their keys died with it
    nothing_passes(pair)
    with pair.capture() as capture:
        pair.new_sas()
        assert ping(pair.a.netns, B, 5)
        proven(capture.stop())


def test_sigterm_keeps_the_gate_closed(pair):
    assert pair.a.stop(signal.SIGTERM) == 0
    nothing_passes(pair)
    pair.a.start()
    pair.new_sas()
    assert ping(pair.a.netns, B, 5)


@pytest.mark.parametrize('up', [False, True])
def test_sigterm_to_all_of_its_processes(native, up):
    """As of who ends a whole process group: none is taken for one that hangs, and each peer hears a good-bye."""
    native.psk()
    for host in native.hosts:
        host.start(start_new_session=True)
    host = native.a
    if up:
        order(host, 'initiate', 'core')
    begin = time.monotonic()
    os.killpg(host.daemon.pid, signal.SIGTERM)
    assert host.daemon.wait(timeout=10) == 0 and time.monotonic() - begin < 2
    assert 'killed' not in host.log_text and 'starting it again' not in host.log_text, host.log_text
    if up:
        until(lambda: not children(native.b), 'the peer has heard of it')


def links(host):
    """The NIC's pinned links, by what they are numbered."""
    return {pin.name: json.loads(run('bpftool', '-j', 'link', 'show', 'pinned', pin).stdout)['id']
            for pin in (host.pins / 'links').iterdir()}


@pytest.mark.parametrize('signum', [signal.SIGTERM, signal.SIGKILL])
def test_links_outlive_the_daemon(pair, signum):
    """The next one puts its programs under the links that are there: one that is made anew leaves a gap, however short."""
    before = links(pair.a)
    assert len(before) >= 2
    pair.a.stop(signum)
    pair.a.start()
    assert {name: n for name, n in links(pair.a).items() if name in before} == before


def test_filters_outlive_the_daemon():
    """With clsact likewise: no filter of the NIC is deleted."""
    with Pair(hook='clsact') as pair, open(pair.a.dir / 'tc', 'w+') as said:
        pair.a.start()
        with subprocess.Popen(pair.a.netns.argv('tc', 'monitor'), stdout=said) as monitor:
            try:
                pair.a.stop()
                pair.a.start()
                until(lambda: f'filter dev {NIC} egress' in (pair.a.dir / 'tc').read_text(), 'the new program')
            finally:
                monitor.kill()
        assert not re.search(f'deleted .* dev {NIC} ', (pair.a.dir / 'tc').read_text())


def test_detach_opens_the_gate(pair):
    """The only thing that does, and it says so."""
    for host in pair.hosts:
        said = host.cmd('detach', NIC)
        assert f'{NIC}: detached: the gate is open' in said.stdout
    with pair.capture() as capture:
        assert ping(pair.a.netns, B, 3)
        packets = capture.stop()
    assert len(in_clear(packets, A, B)) == 6


def test_detach_after_the_end(pair):
    """The gate of a daemon that is gone can be opened too."""
    for host in pair.hosts:
        assert host.stop() == 0
        host.cmd('detach', NIC)
    assert ping(pair.a.netns, B, 3)
    for host in pair.hosts:
        assert 'xdp' not in host.netns.ip('link', 'show', 'dev', NIC).stdout


def test_reload(pair):
    """SIGHUP reads the file again; the traffic does not notice."""
    with pair.capture() as capture, UdpFlow(pair.a.netns, pair.b.netns, B) as flow:
        until(lambda: flow.arrived() > 200, 'traffic')
        pair.a.daemon.send_signal(signal.SIGHUP)
        until(lambda: 'reload' in pair.a.log_text.lower(), 'a line in the log')
        so_far = flow.arrived()
        until(lambda: flow.arrived() > so_far + 200, 'traffic after the reload')
        packets = capture.stop()
    assert not in_clear(packets, A, B) and not repeated(packets)


def test_nic_down_and_up(pair):
    """The daemon outlives it, and so do the SAs."""
    assert ping(pair.a.netns, B)
    pair.a.netns.ip('link', 'set', NIC, 'down')
    assert not ping(pair.b.netns, A, deadline=1)
    pair.a.netns.ip('link', 'set', NIC, 'up')
    with pair.capture() as capture:
        until(lambda: ping(pair.a.netns, B), 'ping after down and up')
        proven(capture.stop())
    assert pair.a.daemon.poll() is None


def test_nic_renamed(pair):
    """Its gate is its own, whatever it is called; who takes the name is told not to be protected, until it is free."""
    a = pair.a.netns
    for words in [NIC, 'down'], [NIC, 'name', 'other'], ['other', 'up']:
        a.ip('link', 'set', *words)
    until(lambda: f'{NIC}: is called other now' in pair.a.log_text, 'the new name in the log')
    pair.a.lose_notifications()
    assert 'is gone' not in pair.a.log_text
    with pair.capture() as capture:
        assert ping(a, B, 3)
        proven(capture.stop())
    a.ip('link', 'add', NIC, 'type', 'veth', 'peer', 'name', 'far')
    until(lambda: f'{NIC}: another interface has that name' in pair.a.log_text, 'its namesake in the log')
    a.ip('link', 'del', 'other')
    until(lambda: 'prog/xdp' in a.ip('link', 'show', 'dev', NIC).stdout, 'the namesake to be attached')


def interface(host):
    return next(i for i in host.status()['interfaces'] if i['name'] == NIC)


def test_nic_deleted_and_made_again(pair):
    """A NIC of the same name is the same NIC: it is protected again, without a word."""
    before = interface(pair.a)
    pair.a.netns.ip('link', 'del', NIC)
    until(lambda: interface(pair.a)['state'] == 'gone', 'it is seen to be gone')
    assert pair.a.daemon.poll() is None
    pair.connect(pair.a, 0)
    until(lambda: interface(pair.a)['state'] == 'up', 'it is seen to be back')
    after = interface(pair.a)
    assert (after['mode'], after['queues']) == (before['mode'], before['queues'])
    assert after['ifindex'] == pair.a.netns.ifindex(NIC) != before['ifindex']
    until(lambda: knock(pair.a.netns, B), 'a worker that has it')
    with pair.capture() as capture:
        assert ping(pair.a.netns, B, 3)
        proven(capture.stop())


def seconds_to_end(pid):
    """From SIGTERM to the end of the process."""
    fd = os.pidfd_open(pid)
    try:
        start = time.monotonic()
        os.kill(pid, signal.SIGTERM)
        assert select.select([fd], [], [], 10)[0], 'it does not end'
        return time.monotonic() - start
    finally:
        os.close(fd)


@pytest.mark.alone
@pytest.mark.parametrize('end', ['sender', 'receiver'])
def test_worker_ends_in_the_midst_of_bulk(pair, end):
    """SIGTERM is heard also by a worker that never waits for packets. The best of three, for the machine may be busy."""
    host = pair.a if end == 'sender' else pair.b
    took = []
    with flood(pair.a.netns, pair.b.netns, B):
        for _ in range(3):
            worker = until(host.worker_ready, 'a worker')['worker']['pid']
            so_far = host.counters()
            until(lambda: sum(host.counters().get(n, 0) - so_far.get(n, 0) for n in ('sealed', 'opened')) > 50000, 'bulk')
            took.append(seconds_to_end(worker))
            until(lambda: (s := host.worker_ready()) and s['worker']['pid'] != worker, 'another worker')
    assert min(took) < 0.1, took
