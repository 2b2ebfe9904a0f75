# SPDX-License-Identifier: BSD-2-Clause
"""'upgrade': the daemon becomes another program, and no packet is lost or goes in clear."""
import json
import os
import shutil
import signal
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from lib.beds.ike import IkePair, bring_up
from lib.beds.pair import A, B, NIC, Pair, proven
from lib.host import BUILD, PROGRAMS, is_dead
from lib.service_manager import ServiceManager
from lib.traffic import PacedFlow, ping, tcp_bulk
from lib.wait import until


def flowing(*flows):
    so_far = [flow.arrived() for flow in flows]
    until(lambda: all(flow.arrived() > n + 300 for flow, n in zip(flows, so_far)), 'traffic')


def spis(host):
    return sorted(sa['spi'] for sa in host.status()['sas'])


def worker(host):
    return host.status()['worker']['pid']


def install(folder):
    """Programs of one's own, as a package would replace them."""
    folder.mkdir(exist_ok=True)
    for name in PROGRAMS:
        new = folder / f'{name}.new'
        shutil.copy(BUILD / name, new)
        new.rename(folder / name)
    return folder


@pytest.fixture
def pair():
    with Pair() as pair:
        pair.start()
        pair.begin()
        yield pair


def upgrade(host):
    before = worker(host)
    host.cmd('upgrade')
    assert worker(host) not in (None, before)
    until(lambda: not Path(f'/proc/{before}').exists(), 'the worker before has ended, and been noticed')
    assert host.daemon.poll() is None


def put_in_bridge(host, addr):
    """The NIC; the address is the bridge's."""
    ns = host.netns
    ns.ip('link', 'add', 'bridge0', 'up', 'type', 'bridge', 'forward_delay', 0, 'mcast_snooping', 0)
    ns.ip('link', 'set', NIC, 'master', 'bridge0')
    ns.ip('addr', 'flush', 'dev', NIC)
    ns.ip('addr', 'add', f'{addr}/24', 'dev', 'bridge0')


@pytest.mark.parametrize('bridged', [False, True], ids=['the-nic', 'a-bridge'])
def test_nothing_is_lost(pair, bridged):
    """Both ways, and of either host; neither nonces nor SAs begin anew, and the process is the same one."""
    if bridged:
        put_in_bridge(pair.a, A)
        put_in_bridge(pair.b, B)
        until(lambda: ping(pair.a.netns, B), 'it goes by the bridges')
    sas = spis(pair.a)
    with pair.capture() as capture:
        with PacedFlow(pair.a.netns, pair.b.netns, B) as forth, PacedFlow(pair.b.netns, pair.a.netns, A) as back:
            for host in pair.a, pair.b, pair.a:
                flowing(forth, back)
                upgrade(host)
            flowing(forth, back)
        packets = capture.stop()
    print(f'{forth.longest():.3f} s and {back.longest():.3f} s without one')
    assert (forth.lost(), back.lost()) == (0, 0), (forth.sent, back.sent)
    proven(packets)
    assert spis(pair.a) == sas
    for host in pair.a, pair.b:
        assert not set(host.counters()) & {'replay', 'auth_failed', 'no_sa', 'no_worker', 'cleartext_protected', 'backstop_in'}
        assert 'served anew' not in host.log_text


def test_it_leaves_nothing_behind(pair):
    """Descriptors, processes and maps are no more after three than after one, but for a command that is just being answered."""
    def held():
        pid = pair.a.daemon.pid
        return len(os.listdir(f'/proc/{pid}/fd')), Path(f'/proc/{pid}/task/{pid}/children').read_text().count(' ')

    upgrade(pair.a)
    once = held()
    for _ in range(2):
        upgrade(pair.a)
    until(lambda: all(now <= before for now, before in zip(held(), once)), f'no more than {once}')


def test_bulk(pair):
    """A stream at full rate goes on, whole."""
    with ThreadPoolExecutor(1) as pool:
        stream = pool.submit(tcp_bulk, pair.a.netns, pair.b.netns, B, 400 << 20)
        for host in pair.a, pair.b:
            so_far = pair.b.counters()['opened']
            until(lambda: pair.b.counters()['opened'] > so_far + 1000, 'the stream goes on')
            assert not stream.done()
            upgrade(host)
        (sent, received), = stream.result()
    assert sent == received


def test_another_version(tmp_path):
    """It is the program that is installed by then; with SAs of IKE, which it makes anew without a gap."""
    with IkePair() as pair, ServiceManager(pair.a.dir) as manager:
        pair.a.manager = manager
        pair.a.command = install(tmp_path / 'bin') / 'xdp-ipsec'
        pair.psk()
        bring_up(pair)
        manager.listen()
        before = spis(pair.a)
        with pair.capture() as capture:
            with PacedFlow(pair.a.netns, pair.b.netns, B) as forth, PacedFlow(pair.b.netns, pair.a.netns, A) as back:
                flowing(forth, back)
                install(tmp_path / 'bin')
                upgrade(pair.a)
                assert os.readlink(f'/proc/{pair.a.daemon.pid}/exe') == str(tmp_path / 'bin/xdp-ipsec')
                until(lambda: len(now := spis(pair.a)) == 2 and not set(now) & set(before), 'new SAs in their place')
                flowing(forth, back)
            packets = capture.stop()
        assert (forth.lost(), back.lost()) == (0, 0)
        proven([p for p in packets if not p.ike])
        until(lambda: manager.listen() and manager.count('READY') == 2, 'it is ready again')
        assert manager.count('STOPPING') == 0 and manager.count('RELOADING') == 1
        assert pair.a.stop() == 0


def policies(host):
    return sorted((p['dst'], p['action']) for p in json.loads(host.cmd('-j', 'policy', 'list').stdout))


@pytest.mark.parametrize('by', ['file', 'hand'])
def test_after_the_last_nic_was_detached(pair, by):
    """What was added by hand goes on, and so does the backstop. As with any start the gate is closed: of a NIC in the file by itself."""
    sas, guarded = spis(pair.a), policies(pair.a)
    assert guarded
    pair.a.cmd('detach', NIC)
    if by == 'hand':
        pair.a.configure([])
    assert ping(pair.a.netns, B) is False
    with pair.capture() as capture:
        if by == 'file':
            upgrade(pair.a)
        else:
            pair.a.cmd('upgrade')
        assert (spis(pair.a), policies(pair.a)) == (sas, guarded)
        assert (pair.a.pins / 'backstop/out').exists()
        assert ping(pair.a.netns, B) == (by == 'file')
        if by == 'hand':
            pair.a.cmd('attach', NIC)
            assert until(lambda: ping(pair.a.netns, B), 'an answer')
        proven(capture.stop())


def refused(host, why):
    before, sas = worker(host), spis(host)
    done = host.cmd('upgrade', check=False)
    assert (done.returncode, done.stderr.count('\n')) == (1, 1) and why in done.stderr
    assert (worker(host), spis(host)) == (before, sas)


def test_refused(tmp_path):
    """What cannot go on is found before anything is given up."""
    with Pair() as pair:
        pair.a.command = install(tmp_path / 'bin') / 'xdp-ipsec'
        pair.start()
        pair.begin()
        program = tmp_path / 'bin/xdp-ipsec'
        program.rename(tmp_path / 'aside')
        pair.a.command = tmp_path / 'aside'
        refused(pair.a, 'does not run: install it again; going on as before')
        program.write_text('#!/bin/sh\nexit 1\n')
        program.chmod(0o755)
        refused(pair.a, 'does not run')
        (tmp_path / 'aside').rename(program)
        pair.a.command = program
        text = pair.a.config.read_text()
        pair.a.config.write_text(text + '[connection]\n')
        refused(pair.a, 'xdp-ipsec.conf:')
        pair.a.config.write_text(text)
        upgrade(pair.a)
        assert ping(pair.a.netns, B)


def test_the_worker_before_hangs(pair):
    """It is killed, and the next one begins anew: SAs and gate are as before."""
    before = worker(pair.a)
    os.kill(before, signal.SIGSTOP)
    with pair.capture() as capture:
        pair.a.cmd('upgrade')
        until(lambda: ping(pair.a.netns, B, deadline=1), 'an answer')
        proven(capture.stop())
    assert is_dead(before)
    assert f'worker {before} does not let go of its NICs: killed' in pair.a.log_text
    assert 'nic0: is served anew' in pair.a.log_text


def test_the_next_one_fails(tmp_path):
    """The gate stays closed, the worker goes on alone, and who restarts it has all again."""
    with Pair() as pair:
        pair.a.command = install(tmp_path / 'bin') / 'xdp-ipsec'
        pair.start()
        pair.begin()
        new = tmp_path / 'bin/new'
        new.write_text('#!/bin/sh\n[ "$1" = --version ]\n')
        new.chmod(0o755)
        new.rename(tmp_path / 'bin/xdp-ipsec')
        pair.a.command = BUILD / 'xdp-ipsec'
        done = pair.a.cmd('upgrade', check=False)
        assert done.returncode == 1 and 'does not go on with the work: the log says why' in done.stderr
        assert pair.a.daemon.wait(timeout=5) == 1
        assert ping(pair.a.netns, B)
