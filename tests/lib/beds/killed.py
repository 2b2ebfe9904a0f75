# SPDX-License-Identifier: BSD-2-Clause
"""
Two hosts of which anybody is killed at any instant, while packets go both ways by two lanes, and a recorder on the cable looks at
each of them (tests/kills/main.c, which also sends some once more, and others in clear). `killed` says how the hosts get their keys:

    ByIke    by IKEv2, an SA for each lane beside the one for all; keys live for seconds, or for some thousand packets
    ByHand   by `sa add`, new ones every now and then, with numbers that begin anywhere: at 0, before 2^32, before the last one

Host a has a service manager, which keeps its keys and windows when its supervisor is killed; so has host b of ByHand. That of
ByIke has none: its SAs end with the supervisor.
"""
import contextlib
import json
import mmap
import os
import random
import re
import shutil
import signal
import struct
import subprocess
import time
from collections import Counter
from pathlib import Path

from lib.beds.bed import new_sa
from lib.beds.ike import IkePair
from lib.beds.pair import A, B
from lib.host import BUILD, COMMAND, PROGRAMS, children
from lib.service_manager import ServiceManager
from lib.wait import POLL, until

LANES = 2
KILLS = BUILD / 'tests/kills'
REPORT_H = Path(__file__).resolve().parents[2] / 'kills/report.h'
WORD = 8
# Whom, and how often. Without connections there is no IKE.
WHOM = {'worker': 84, 'protocol': 5, 'keyholder': 3, 'hands': 3, 'supervisor': 4, 'all': 1}
# How often the next one is killed before all is back, and how late at the most, in seconds.
AT_ONCE, AT_ONCE_S = 0.15, 0.15
# When all is back, how late.
LATER_S = 0.03
# How often all that went by last is sent once more when all is back.
AGAIN = 0.25
# What has no SA any more gets another one after so many seconds; and by hand it does after so many kills anyway.
NO_SA_S, NEW_SAS = 3.0, 25
# After how many kills it is looked who has which slot.
SLOTS_LOOKED_AT = 10
# For all to be back, on a machine that others use.
BACK_S = 120.0


def words_of_report():
    """The words of struct report, in their order."""
    for name, two in re.findall(r'^\tuint64_t (\w+)(\[2\])?;', REPORT_H.read_text(), re.M):
        yield from ([f'{name}_a', f'{name}_b'] if two else [name])


class Recorder:
    """Its counters are attributes: recorded, iv_again, sent_a ... Keys it has from the hosts' logs."""

    def __init__(self, pair, folder, seed):
        self.places = {name: n * WORD for n, name in enumerate(words_of_report())}
        path = folder / 'report'
        path.write_bytes(bytes(len(self.places) * WORD))
        with open(path, 'r+b') as file:
            self.memory = mmap.mmap(file.fileno(), 0)
        self.said = folder / 'recorder'
        of_hosts = [word for host, addr in ((pair.a, A), (pair.b, B)) for word in (host.netns.path, addr, host.run_dir / 'esp.keylog')]
        argv = pair.wire.argv(KILLS / 'recorder', path, seed, *of_hosts)
        with open(self.said, 'w') as said:
            self.process = subprocess.Popen([str(word) for word in argv], stderr=said)
        until(lambda: self.process.poll() is not None or self.running, 'the recorder runs')

    def __getattr__(self, name):
        return struct.unpack_from('=Q', self.memory, self.places[name])[0]

    def tell(self, name, value):
        struct.pack_into('=Q', self.memory, self.places[name], value)

    def figures(self):
        return {name: getattr(self, name) for name in self.places if name != 'stop'}

    def stop(self):
        """When all that is on its way has been heard."""
        self.tell('stop', 1)
        assert self.process.wait(timeout=BACK_S) == 0, self.said.read_text()

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()


def comm(pid):
    try:
        return Path(f'/proc/{pid}/comm').read_text().strip()
    except OSError:
        return None


def kill_one(pid, name):
    """SIGKILL, if that is still who it was; whether it was."""
    try:
        fd = os.pidfd_open(pid)
    except OSError:
        return False
    try:
        if not (comm(pid) or '').startswith(name[:15]):
            return False
        signal.pidfd_send_signal(fd, signal.SIGKILL)
        return True
    except ProcessLookupError:
        return False
    finally:
        os.close(fd)


class Killed(IkePair):
    managed = ()    # which hosts have a service manager
    whom = WHOM
    # What has to be there among the figures when enough were killed for chance to have brought it.
    wanted = ('slot_again',)

    def __init__(self, seed):
        super().__init__('native', queues=LANES)
        self.random, self.seed = random.Random(seed), seed
        self.killed, self.slowest = Counter(), 0.0
        self.slots, self.lanes, self.times = {}, {}, 0
        for host in self.hosts:
            self.use_impatient(host)
        for n in self.managed:
            self.hosts[n].manager = self.stack.enter_context(ServiceManager(self.hosts[n].dir))

    @staticmethod
    def use_impatient(host):
        """The programs under test, but for a supervisor that starts again at once what was killed, however often."""
        folder = host.dir / 'programs'
        folder.mkdir()
        for program in PROGRAMS:
            shutil.copy2(BUILD / program, folder)
        shutil.copy2(KILLS / COMMAND.name, folder)
        host.command = folder / COMMAND.name

    def __enter__(self):
        try:
            self.set_up()
            self.recorder = Recorder(self, self.a.dir, self.seed)
            self.stack.callback(self.recorder.close)
            self.back()
        except BaseException:
            self.stack.close()
            raise
        return self

    # ---- who is killed ----

    def worker(self, host):
        with contextlib.suppress(OSError, ValueError):
            return int((host.run_dir / 'worker').read_text())
        return None

    def of_ike(self, host):
        """The protocol process, and the two that it has, in the order in which it makes them."""
        found = {}
        for pid in children(host.daemon.pid):
            if (comm(pid) or '').startswith('xdp-ipsec-iked'):
                found['protocol'] = pid
                own = sorted(children(pid))
                found |= dict(zip(('hands', 'keyholder'), own))
        return found

    def kill(self, host, whom):
        """Whether there was such a one."""
        if whom == 'worker':
            return kill_one(self.worker(host) or 0, 'xdp-ipsec-worker')
        if whom == 'supervisor':
            return self.kill_supervisor(host)
        if whom == 'all':
            ike = self.of_ike(host)
            killed = [self.kill_supervisor(host, again=False), self.kill(host, 'worker'),
                      *(kill_one(pid, 'xdp-ipsec-iked') for pid in ike.values())]
            host.spawn()
            return any(killed)
        return kill_one(self.of_ike(host).get(whom) or 0, 'xdp-ipsec-iked')

    def kill_supervisor(self, host, again=True):
        host.daemon.kill()
        host.daemon.wait()
        if again:
            host.spawn()
        return True

    # ---- until all is back ----

    def is_back(self, sent):
        r = self.recorder
        return r.last_b > sent[0] and r.last_a > sent[1]

    def back(self):
        """Both hosts have got what was sent from now on."""
        begin, renewed = time.monotonic(), 0
        sent = self.recorder.sent_a, self.recorder.sent_b
        while not self.is_back(sent):
            waited = time.monotonic() - begin
            assert waited < BACK_S, f'seed {self.seed}: nothing goes any more after {sum(self.killed.values())} kills\n{self.logs()}'
            assert self.recorder.process.poll() is None, self.recorder.said.read_text()
            for host in self.hosts:
                assert host.daemon.poll() is None, f'seed {self.seed}: run ended with {host.daemon.returncode}\n{self.logs()}'
            if waited > (renewed + 1) * NO_SA_S:
                renewed += 1
                self.renew()
            time.sleep(POLL / 2)
        self.slowest = max(self.slowest, time.monotonic() - begin)

    def logs(self):
        return '\n'.join(f'{host.instance}:\n{host.log_text[-4000:]}' for host in self.hosts)

    def renew(self):
        """Whoever gives SAs sees to that by himself."""

    # ---- what was reached ----

    def look_at_slots(self):
        """By which SAs packets went in each slot."""
        for host in self.hosts:
            listed = host.cmd('-j', 'sa', 'list', check=False)
            for sa in json.loads(listed.stdout) if listed.returncode == 0 else []:
                if sa['packets']:
                    self.slots.setdefault((host.instance, sa['slot']), set()).add(sa['spi'])

    def look_at_lanes(self):
        for name, host in zip('ab', self.hosts):
            self.lanes[name] = until(lambda: len(lanes := (host.try_status() or {}).get('lanes', [])) == LANES and lanes, 'all lanes')

    def figures(self):
        """What there was of everything, the recorder's and, of hosts and lanes, what went by them."""
        found = {name: n for name, n in self.recorder.figures().items() if name not in ('again', 'running')}
        found['slot_again'] = sum(len(spis) - 1 for spis in self.slots.values())
        for n in range(LANES):
            found[f'lane_{n}'] = sum(lanes[n]['sealed'] + lanes[n]['opened'] for lanes in self.lanes.values())
        return found

    def idle(self):
        """Lanes that have had nothing to do, one way or the other."""
        return [f'{way} by lane {lane["lane"]} of host {name}' for name, lanes in self.lanes.items() for lane in lanes
                for way in ('sealed', 'opened') if not lane[way]]

    def unseen(self):
        """What has to be there, and is not."""
        figures = self.figures()
        return [name for name in self.wanted if not figures[name]] + self.idle()

    # ---- all of it ----

    def run(self, kills):
        while sum(self.killed.values()) < kills:
            host = self.random.choice(self.hosts)
            whom = self.random.choices(list(self.whom), list(self.whom.values()))[0]
            if self.kill(host, whom):
                self.killed[whom] += 1
            if self.random.random() < AT_ONCE:
                time.sleep(self.random.uniform(0, AT_ONCE_S))
                continue
            self.back()
            if self.random.random() < AGAIN:
                self.recorder.tell('again', self.recorder.again + 1)
            self.between()
            self.times += 1
            if self.times % SLOTS_LOOKED_AT == 0:
                self.look_at_slots()
            time.sleep(self.random.uniform(0, LATER_S))
        self.back()
        self.look_at_lanes()
        self.recorder.stop()

    def between(self):
        """When all is back, before the next one is killed."""

    def complaints(self):
        """What should not have been; nothing, if all is well."""
        r = self.recorder
        never = ['refused', 'without_key', 'key_again', 'iv_again', 'number_again', 'packet_again', 'clear', 'twice_a', 'twice_b', 'forged_arrived_a', 'forged_arrived_b']
        found = {name: getattr(r, name) for name in never if getattr(r, name)}
        if r.lost:
            found['not looked at'] = r.lost
        return found

    def told(self):
        """What there was to see: a line."""
        r, lanes = self.recorder, {name: [lane['sealed'] + lane['opened'] for lane in lanes] for name, lanes in self.lanes.items()}
        return (f'{type(self).__name__} seed {self.seed}: {sum(self.killed.values())} kills ({dict(self.killed)}), {r.recorded} packets of '
                f'{r.keys} keys recorded, {r.injected} sent once more, {r.forged} forged, {r.arrived_a + r.arrived_b} of {r.sent_a + r.sent_b} '
                f'datagrams arrived, packets by lane {lanes}, slowest back after {self.slowest:.1f} s')


class ByIke(Killed):
    managed = (0,)

    def set_up(self):
        self.psk(per_queue_sas='yes', start='initiate', rekey_time='4s', rekey_packets=8000, lifetime='30s', ike_rekey_time='15s', dpd_interval='1s')
        for host in self.hosts:
            host.config.write_text(f'[daemon]\nlanes = {LANES}\nkeylog = yes\n\n' + host.config.read_text())
        self.start()


class ByHand(Killed):
    managed = (0, 1)
    wanted = (*Killed.wanted, 'wrapped', 'exhausted', 'exhausted_esn')
    whom = {name: often for name, often in WHOM.items() if name in ('worker', 'supervisor', 'all')}

    def set_up(self):
        for host in self.hosts:
            host.configure(host.devs, daemon={'lanes': LANES, 'keylog': 'yes'}, mode='native')
        self.start()
        self.sas = []
        for host, other in ((self.a, B), (self.b, A)):
            host.policy_add(other)
        self.renew()

    def beginning(self):
        """ESN or not, and the number that is taken for the last one."""
        return self.random.choice([
            (True, 0),
            (True, 2**32 - 1 - self.random.randrange(4000)),            # into the upper half
            (False, 2**32 - 2 - self.random.randrange(1000, 4000)),     # to the last one, and no further
            (True, 2**64 - 2 - self.random.randrange(1000, 4000)),
        ])

    def renew(self):
        """
        New keys and SPIs, or none where a supervisor is just not there. In either order: which lane seals goes by the slot, and of those
        four that take turns here one is the second lane's.
        """
        before, self.sas = self.sas, self.random.sample([new_sa(A, B), new_sa(B, A)], 2)
        for sa in self.sas:
            sa.esn, seq = self.beginning()
            for host in sorted(self.hosts, key=lambda host: (self.a, self.b)[sa.dst == B] is host):    # who receives first
                host.sa_add(sa, 'seq', seq, check=False)
        for sa in before:
            for host in self.hosts:
                host.cmd('sa', 'del', 'spi', f'{sa.spi:#x}', 'dst', sa.dst, check=False)
                (host.dir / f'key-{sa.spi:08x}').unlink(missing_ok=True)

    def between(self):
        if self.random.randrange(NEW_SAS) == 0:
            self.renew()


KINDS = {'ike': ByIke, 'hand': ByHand}
