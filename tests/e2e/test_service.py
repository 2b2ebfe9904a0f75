# SPDX-License-Identifier: BSD-2-Clause
"""What the service manager hears, and what it keeps for the next one."""
import contextlib
import json
import os
import signal
import subprocess
from pathlib import Path

import pytest

from lib.beds.ike import IkePair, bring_up
from lib.beds.pair import A, B, NIC, Pair, proven
from lib.host import BUILD, is_dead
from lib.netns import QUEUES, veth
from lib.service_manager import ServiceManager
from lib.traffic import PacedFlow, UdpFlow, ping
from lib.wait import until

ROOT = Path(__file__).resolve().parents[2]


@contextlib.contextmanager
def managed(host, **how):
    with ServiceManager(host.dir, **how) as manager:
        host.manager = manager
        yield manager


def test_what_it_hears(tmp_path):
    """Ready when the worker serves; a reload has a begin, by the manager's own clock, and an end; and the end."""
    with IkePair() as pair, managed(pair.a) as manager:
        pair.psk()
        pair.a.spawn()
        until(lambda: manager.count('READY'), 'it is ready')
        assert pair.a.worker_ready()
        assert manager.status() == '1 of 1 interfaces attached, the worker serves them; 1 connection'
        pair.a.daemon.send_signal(signal.SIGHUP)
        until(lambda: manager.count('READY') == 2, 'the reload ends')
        reloading = next(m for m in manager.told if 'RELOADING' in m)
        ready = [i for i, m in enumerate(manager.told) if 'READY' in m]
        assert ready[0] < manager.told.index(reloading) < ready[1]
        assert 0 < int(reloading['MONOTONIC_USEC']) < 1e6 * float(Path('/proc/uptime').read_text().split()[0]) + 1e6
        for pid in pair.a.processes().values():     # nobody else is to speak for it
            assert b'NOTIFY_SOCKET' not in Path(f'/proc/{pid}/environ').read_bytes() or pid == pair.a.daemon.pid
        assert 'WATCHDOG' not in str(manager.told)
        assert pair.a.stop() == 0
        assert manager.count('STOPPING') == 1


WATCHDOG = 2.0


@pytest.mark.parametrize('who', ['protocol'])
def test_watchdog_child(who):
    """A child that hangs is killed, in time for the manager to have no reason to; meanwhile it is told nothing."""
    with IkePair() as pair, managed(pair.a, watchdog=WATCHDOG) as manager:
        pair.psk()
        bring_up(pair)
        until(lambda: manager.count('WATCHDOG') > 2, 'a sign of life, and one more')
        before = pair.a.processes()[who]
        os.kill(before, signal.SIGSTOP)
        until(lambda: is_dead(before), 'who hangs is killed', timeout=WATCHDOG)
        assert 'does not answer: killed' in pair.a.log_text
        said = manager.count('WATCHDOG')
        until(lambda: manager.count('WATCHDOG') > said, 'life goes on')
        until(lambda: pair.a.processes()[who] not in (0, None, before), 'another one')
        assert ping(pair.a.netns, B)


def test_watchdog_worker():
    """One that hangs is waited for longer than the manager waits, who is told all the while: it would end the wrong one."""
    with Pair() as pair, managed(pair.a, watchdog=WATCHDOG) as manager:
        pair.start()
        veth(pair.a.netns, 'nic1', pair.wire, 'wire1')
        pair.a.cmd('attach', 'nic1')
        until(lambda: [i['state'] for i in pair.a.status()['interfaces']] == ['up', 'up'], 'the worker serves both')
        os.kill(pair.a.processes()['worker'], signal.SIGSTOP)
        with subprocess.Popen(pair.a.argv('detach', 'nic1'), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as detach:
            while detach.poll() is None:
                manager.listen()
                assert manager.wait(WATCHDOG) or detach.poll() is not None


def test_watchdog_supervisor():
    """It does not speak for itself from a thread of its own: hangs it, the manager hears nothing."""
    with Pair() as pair, managed(pair.a, watchdog=WATCHDOG / 2) as manager:
        pair.a.start()
        until(lambda: manager.count('WATCHDOG') > 1, 'a sign of life')
        pair.a.daemon.send_signal(signal.SIGSTOP)
        try:
            until(lambda: 'State:\tT' in Path(f'/proc/{pair.a.daemon.pid}/status').read_text(), 'it has stopped')
            manager.listen()
            assert not manager.wait(WATCHDOG / 2)
        finally:
            pair.a.daemon.send_signal(signal.SIGCONT)
        assert manager.wait(WATCHDOG)


# ---- what it keeps ----

@pytest.fixture
def kept():
    """A pair with keys by hand, whose host a has a manager."""
    with Pair() as pair, managed(pair.a) as manager:
        pair.start()
        pair.begin()
        until(lambda: names(manager) == names_of(pair.a), 'it has all')
        yield pair, manager


def names(manager):
    manager.listen()
    return sorted(name for name, _ in manager.stored)


def names_of(host, dev=NIC):
    """What is left of a host with one NIC."""
    worker = host.status()['worker']['pid']
    return sorted(['vault', f'worker/{worker}', f'taplink/{dev}/0', f'packets/{dev}/0'] +
                  [f'tap/{dev}/{n}' for n in range(2 * QUEUES)] + [f'xsk/{dev}/{n}' for n in range(QUEUES)])


def flowing(*flows):
    so_far = [flow.arrived() for flow in flows]
    until(lambda: all(flow.arrived() > n + 300 for flow, n in zip(flows, so_far)), 'traffic')


def spis(host):
    return sorted(sa['spi'] for sa in host.status()['sas'])


def test_traffic_outlives_the_supervisor(kept):
    """Killed, or told that the next one goes on: not a packet is lost, and no nonce comes twice."""
    pair, manager = kept
    before = spis(pair.a)
    with pair.capture() as capture:
        with PacedFlow(pair.a.netns, pair.b.netns, B) as forth, PacedFlow(pair.b.netns, pair.a.netns, A) as back:
            for signum in signal.SIGKILL, signal.SIGUSR2, signal.SIGKILL:
                worker = pair.a.status()['worker']['pid']
                flowing(forth, back)
                assert pair.a.stop(signum) == (0 if signum == signal.SIGUSR2 else -signum)
                flowing(forth, back)
                pair.a.start()
                until(lambda: is_dead(worker), 'the worker before has ended')
            flowing(forth, back)
        packets = capture.stop()
    assert (forth.lost(), back.lost()) == (0, 0), (forth.sent, back.sent)
    proven(packets)
    assert pair.a.log_text.count('the keys of an earlier run were kept: 2 SAs go on that were added by hand') == 3
    assert spis(pair.a) == before
    assert not set(pair.a.counters()) & {'replay', 'auth_failed', 'no_sa', 'no_worker', 'cleartext_protected'}
    assert 'auth_failed' not in pair.b.counters()
    until(lambda: names(manager) == names_of(pair.a), 'it has what there is now, and nothing of before')


def test_detached_while_the_next_one_is_awaited(kept):
    """What guards the others, and what was added by hand, is not let go where the last NIC was detached for a while."""
    pair, _ = kept
    before = spis(pair.a)
    guarded = pair.a.cmd('-j', 'policy', 'list').stdout
    pair.a.cmd('detach', NIC)
    assert pair.a.stop(signal.SIGUSR2) == 0
    assert (pair.a.pins / 'backstop/out').exists()
    pair.a.start()
    assert spis(pair.a) == before
    assert [p['dst'] for p in json.loads(pair.a.cmd('-j', 'policy', 'list').stdout)] == [p['dst'] for p in json.loads(guarded)]
    assert ping(pair.a.netns, B)


def test_killed_while_one_worker_follows_another(kept):
    """Both are ended by the next supervisor: nobody knows which of them is at work, and there must not be two."""
    pair, manager = kept
    before = pair.a.status()['worker']['pid']
    os.kill(before, signal.SIGSTOP)     # it does not let go
    pair.a.stop(signal.SIGKILL)
    pair.a.spawn()
    following = until(lambda: (w := (pair.a.try_status() or {}).get('worker')) and w.get('aead') and w['pid'], 'the next one is ready')
    assert following != before
    os.kill(following, signal.SIGSTOP)  # nor does it hear that its supervisor is gone
    pair.a.stop(signal.SIGKILL)
    pair.a.start()
    assert is_dead(before) and is_dead(following)
    assert ping(pair.a.netns, B, 3)
    until(lambda: names(manager) == names_of(pair.a), 'it has what there is now, and nothing of before')



def test_killed_with_its_worker(kept):
    """Sockets without a worker are given up, and no packet has gone in clear."""
    pair, manager = kept
    with pair.capture() as capture, UdpFlow(pair.a.netns, pair.b.netns, B) as forth, \
            UdpFlow(pair.b.netns, pair.a.netns, A) as back:
        flowing(forth, back)
        worker = pair.a.status()['worker']['pid']
        os.kill(worker, signal.SIGSTOP)     # so that it sees nothing of its supervisor's end
        pair.a.daemon.send_signal(signal.SIGKILL)
        os.kill(worker, signal.SIGKILL)
        pair.a.stop(signal.SIGKILL)
        pair.a.start()
        flowing(forth, back)
        packets = capture.stop()
    proven(packets)
    until(lambda: names(manager) == names_of(pair.a), 'it has what there is now')


def test_start_that_fails_leaves_the_worker(kept):
    """What goes on does while an error in the file is mended."""
    pair, _ = kept
    good = pair.a.config.read_text()
    with PacedFlow(pair.a.netns, pair.b.netns, B) as forth, PacedFlow(pair.b.netns, pair.a.netns, A) as back:
        pair.a.stop(signal.SIGKILL)
        pair.a.config.write_text(good + '[nonsense]\n')
        pair.a.spawn()
        assert pair.a.daemon.wait(10) == 1
        flowing(forth, back)
        pair.a.config.write_text(good)
        pair.a.start()
        flowing(forth, back)
    assert (forth.lost(), back.lost()) == (0, 0)


def test_worker_outlives_the_supervisor():
    """Also where nobody keeps a descriptor: traffic goes on until somebody starts it again, by whom it is ended."""
    with Pair() as pair:
        pair.start()
        pair.begin()
        with pair.capture() as capture:
            with PacedFlow(pair.a.netns, pair.b.netns, B) as forth, PacedFlow(pair.b.netns, pair.a.netns, A) as back:
                worker = pair.a.status()['worker']['pid']
                pair.a.stop(signal.SIGKILL)
                flowing(forth, back)
            assert (forth.lost(), back.lost()) == (0, 0)
            said = pair.a.cmd('status', check=False)
            assert said.returncode == 3 and f'NOT RUNNING; its worker {worker} goes on alone' in said.stdout
            pair.a.start()
            assert is_dead(worker)
            packets = capture.stop()
        proven(packets)
        assert f'worker {worker} has outlived its supervisor: ended' in pair.a.log_text
        pair.new_sas()
        assert ping(pair.a.netns, B)


def test_stop_forgets(kept):
    """It is the end: keys are wiped, although the manager has the vault for a while."""
    pair, _ = kept
    assert pair.a.stop(signal.SIGTERM) == 0
    pair.a.start()
    assert spis(pair.a) == []


def test_keys_of_others_are_not_taken(kept):
    """A vault of another instance, or of maps that are no more, and what is no vault: said, and as if there were none."""
    pair, manager = kept
    name, vault = manager.stored[0]
    pair.a.stop(signal.SIGKILL)
    with ServiceManager(pair.b.dir) as other:
        pair.b.stop(signal.SIGKILL)
        pair.b.manager = other
        other.stored.append((name, os.dup(vault)))
        pair.b.start()
        assert 'what was kept is of other maps, another instance or version: it is given up' in pair.b.log_text
        assert spis(pair.b) == []
        until(lambda: names(other) == names_of(pair.b), 'it keeps the new one instead')
        assert os.fstat(dict(other.stored)[name]).st_ino != os.fstat(vault).st_ino
        pair.b.manager = None
    manager.forget()
    manager.stored.append((name, os.open('/dev/null', os.O_RDWR)))
    pair.a.start()
    assert 'key vault: what was kept is none: it is given up' in pair.a.log_text
    assert spis(pair.a) == []
    pair.new_sas()
    assert ping(pair.a.netns, B)


@pytest.mark.parametrize('signum', [signal.SIGKILL, signal.SIGUSR2])
def test_ike_sas_outlive_the_supervisor(signum):
    """They carry on without a word to the peer, until those are there that the next IKE makes anew; not a packet is lost."""
    with IkePair() as pair, managed(pair.a) as manager:
        pair.psk()
        bring_up(pair)
        until(lambda: names(manager) == names_of(pair.a), 'it has all')
        before = spis(pair.a)
        with pair.capture() as capture:
            with PacedFlow(pair.a.netns, pair.b.netns, B) as forth, PacedFlow(pair.b.netns, pair.a.netns, A) as back:
                flowing(forth, back)
                assert pair.a.stop(signum) == (0 if signum == signal.SIGUSR2 else -signum)
                flowing(forth, back)
                assert spis(pair.b) == before
                pair.a.start()
                assert 'were kept: 0 SAs go on that were added by hand, and 2 of IKE' in pair.a.log_text
                until(lambda: len(now := spis(pair.a)) == 2 and not set(now) & set(before), 'new ones in their place')
                flowing(forth, back)
            packets = capture.stop()
        assert (forth.lost(), back.lost()) == (0, 0), (forth.sent, back.sent)
        proven([p for p in packets if not p.ike])
        assert manager.count('READY') == 2


def verify(folder, *units):
    return subprocess.run(['systemd-analyze', 'verify', '--man=no', *units], cwd=folder, env={'SYSTEMD_UNIT_PATH': f'{folder}:'},
                          capture_output=True, text=True)


@pytest.mark.parametrize('version', [252, 253])
def test_units(tmp_path, version):
    """systemd itself finds nothing to say of them, and reads each word of theirs."""
    if not Path('/usr/bin/systemd-analyze').exists():
        pytest.skip('no systemd-analyze here: Debian has it in systemd')
    for program in ('xdp-ipsec', 'sbin'):
        (tmp_path / program).mkdir()
    os.symlink(BUILD / 'xdp-ipsec', tmp_path / 'sbin/xdp-ipsec')
    units = tmp_path / 'units'
    subprocess.run([ROOT / 'packaging/systemd/make-units', units, tmp_path / 'sbin', '/etc/xdp-ipsec'], check=True,
                   env=os.environ | {'SYSTEMD_VERSION': str(version)})
    names = sorted(path.name for path in units.iterdir())
    assert names == ['xdp-ipsec-gate.service', 'xdp-ipsec-gate@.service', 'xdp-ipsec.service', 'xdp-ipsec@.service']
    done = verify(units, 'xdp-ipsec.service', 'xdp-ipsec-gate.service', 'xdp-ipsec@two.service', 'xdp-ipsec-gate@two.service')
    said = [line for line in done.stderr.splitlines() if 'xdp-ipsec' in line]
    if version == 253 and said:
        # the systemd here may be older than that
        said = [line for line in said if 'notify-reload' not in line]
    assert said == [], done.stderr
    assert ('Type=notify-reload' in (units / 'xdp-ipsec.service').read_text()) == (version == 253)
