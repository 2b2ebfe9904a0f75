# SPDX-License-Identifier: BSD-2-Clause
"""
One host under test: a namespace, the daemon in it, and the command to talk to it. Who makes one owns the namespace and its
cables (lib/beds/).
"""
import contextlib
import json
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

from lib.netns import LANES
from lib.wait import until

BUILD = Path(os.environ.get('BUILD', 'build')).resolve()
COMMAND = BUILD / 'xdp-ipsec'
PINS = Path('/sys/fs/bpf/xdp-ipsec')
RUN = Path('/run/xdp-ipsec')

PROGRAMS = ['xdp-ipsec', 'xdp-ipsec-worker', 'xdp-ipsec-iked']
# `status` tells, and exits with: all is well; nobody runs; a gate is open, or a connection down.
STATUS_CODES = (0, 3, 4)

# What is counted but not dropped; every other reason is a drop.
PASSED = {'opened', 'sealed', 'bypass', 'ike', 'esp_passed', 'gre_sent', 'gre_received', 'path_mtu', 'parked'}


def start_all(hosts):
    """Side by side: most of the time goes into what each waits for."""
    for host in hosts:
        host.spawn()
    for host in hosts:
        host.wait_ready()


def resident(pid):
    """Bytes of its memory that are there."""
    lines = Path(f'/proc/{pid}/status').read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith('VmRSS:')) << 10


def is_dead(pid):
    """Gone, or only waiting for its parent to notice. What it had open is closed when the last of its threads has ended."""
    try:
        ended = Path(f'/proc/{pid}/stat').read_text().rsplit(')', 1)[1].split()[0] == 'Z'
        return ended and len(os.listdir(f'/proc/{pid}/task')) <= 1
    except (FileNotFoundError, ProcessLookupError):
        return True


CAP_IPC_LOCK = 14


def unprivileged(pid):
    """
    Whoever breaks into that process can do nothing with it: no capabilities but, where its keys cannot be locked without, that to
    lock memory; not root, few system calls, no core dump. What may not be dumped has files in /proc that are root's.
    """
    status = dict(line.split(':', 1) for line in Path(f'/proc/{pid}/status').read_text().splitlines() if ':' in line)
    assert not any(int(status[cap], 16) & ~(1 << CAP_IPC_LOCK) for cap in ('CapEff', 'CapPrm', 'CapBnd'))
    assert '0' not in status['Uid'].split() and '0' not in status['Gid'].split()
    assert (status['Seccomp'].strip(), status['NoNewPrivs'].strip()) == ('2', '1')
    assert os.stat(f'/proc/{pid}/maps').st_uid == 0


def service_user():
    """uid and gid of the user that worker and IKE become, of /etc/passwd or the number that nobody else gives away (lib/privileges.h)."""
    try:
        user = pwd.getpwnam('xdp-ipsec')
        return user.pw_uid, user.pw_gid
    except KeyError:
        return 0x78697073, 0x78697073


def children(pid):
    """Of a process; of one that has ended, or is none, there are none."""
    try:
        return [int(child) for child in Path(f'/proc/{pid}/task/{pid}/children').read_text().split()]
    except OSError:
        return []


class Host:
    """`xdp-ipsec` with its own instance in a namespace. The caller owns the namespace."""

    def __init__(self, netns):
        self.netns = netns
        self.instance = netns.name
        self.pins = PINS / self.instance
        self.run_dir = RUN / self.instance
        self.dir = Path(tempfile.mkdtemp(prefix='xdp-ipsec-test-'))
        self.command = COMMAND
        self.log = self.dir / 'log'
        self.config = self.dir / 'xdp-ipsec.conf'
        self.daemon = None
        self.manager = None     # lib/service_manager.py
        self.command = COMMAND
        self.devs = []

    # ---- the daemon ----

    def configure(self, devs, daemon=None, **settings):
        """One [interface] section for each device, all with the same settings, and the [daemon]'s. a_b is for a-b."""
        self.devs = list(devs)
        lanes = {'lanes': LANES} if LANES else {}
        sections = [('daemon', lanes | (daemon or {})), *((f'interface {dev}', settings) for dev in devs)]
        self.config.write_text(''.join(section(name, values) for name, values in sections))

    def spawn(self, *words, **how):
        """Starts `run` and returns at once. words: its, behind the file; how: as Popen has it."""
        argv = self.argv('run', '-c', self.config, *words)
        start = self.manager.popen(argv) if self.manager else contextlib.nullcontext({'args': argv})
        with open(self.log, 'ab') as log, start as own:
            self.daemon = subprocess.Popen(**how, **own, stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def start(self, **how):
        self.spawn(**how)
        self.wait_ready()

    def wait_ready(self):
        try:
            until(self.ready, 'the worker is ready')
        except AssertionError as e:
            raise AssertionError(f'{self.instance}: {e}; its log:\n{self.log_text}') from None

    def ready(self):
        if self.daemon.poll() is not None:
            raise AssertionError(f'run ended with {self.daemon.returncode}')
        return self.worker_ready()

    def worker_ready(self):
        """The status, once the worker says which AEAD it uses; else None."""
        status = self.try_status()
        worker = (status or {}).get('worker') or {}
        return status if worker.get('pid') and worker.get('aead') else None

    def stop(self, signum=signal.SIGTERM):
        """Ends the daemon and returns its exit code; the gate stays as the signal leaves it."""
        if self.daemon is None:
            return None
        self.daemon.send_signal(signum)
        code = self.daemon.wait(timeout=10)
        self.daemon = None
        return code

    def end_worker(self):
        """Of a supervisor that is gone: it would go on alone."""
        with contextlib.suppress(OSError, ValueError):
            worker = int((self.run_dir / 'worker').read_text())
            if Path(f'/proc/{worker}/comm').read_text().startswith('xdp-ipsec-worke'):
                os.kill(worker, signal.SIGKILL)
                until(lambda: is_dead(worker), 'its worker has ended')

    def kill(self):
        """Supervisor and worker, and with them all others."""
        self.stop(signal.SIGKILL)
        self.end_worker()

    def close(self):
        """Whatever state it is in: nothing of it stays on this machine."""
        with contextlib.suppress(ProcessLookupError, subprocess.TimeoutExpired):
            self.stop()
        if self.daemon is not None:
            self.daemon.kill()
            self.daemon.wait()
        self.end_worker()
        for dev in self.devs:
            self.cmd('detach', dev, check=False)
        shutil.rmtree(self.pins, ignore_errors=True)
        shutil.rmtree(self.run_dir, ignore_errors=True)
        shutil.rmtree(self.dir, ignore_errors=True)

    @property
    def log_text(self):
        return self.log.read_text() if self.log.exists() else ''

    def lose_notifications(self, act=lambda: None):
        """The supervisor cannot read while more comes from rtnetlink than its socket has room for, act()'s the last."""
        self.daemon.send_signal(signal.SIGSTOP)
        try:
            for verb in 'add', 'del':
                self.netns.run('ip', '-batch', '-', input=''.join(
                    f'addr {verb} 10.99.{n // 250}.{n % 250 + 1}/32 dev lo\n' for n in range(2000)))
            act()
        finally:
            self.daemon.send_signal(signal.SIGCONT)
        for _ in range(2):      # the second request is read in a later turn of its loop than the notifications
            self.status()

    # ---- the command ----

    def argv(self, *args):
        return self.netns.argv(self.command, '--instance', self.instance, *args)

    def cmd(self, *args, **kw):
        return self.netns.run(self.command, '--instance', self.instance, *args, **kw)

    def own_programs(self):
        """From now on it runs copies of the programs, in the folder returned, of which a test may take one away."""
        folder = self.dir / 'programs'
        folder.mkdir()
        for program in PROGRAMS:
            shutil.copy2(BUILD / program, folder)
        self.command = folder / COMMAND.name
        return folder

    def status(self):
        status = self.try_status()
        assert status is not None, self.cmd('-j', 'status', 'quick', check=False)
        return status

    def try_status(self):
        """None if there is nothing to tell of."""
        done = self.cmd('-j', 'status', 'quick', check=False)
        return json.loads(done.stdout) if done.returncode in STATUS_CODES and done.stdout else None

    def counters(self):
        """Every reason that is not zero, of drops and of what was only counted."""
        status = self.status()
        return {reason: n for reason, n in {**status['drops'], **status['passed']}.items() if n}

    def sa_status(self, spi):
        return next(sa for sa in self.status()['sas'] if int(str(sa['spi']), 0) == spi)

    def pids(self):
        """The supervisor, and the worker it says it has."""
        return self.daemon.pid, self.status()['worker']['pid']

    def processes(self):
        """By name: supervisor, worker, and of IKE the protocol process, the key holder and the hands, which may be None."""
        status = self.status()
        protocol, keyholder = status['ike']['pid'], status['key_holder']['pid']
        return {'supervisor': self.daemon.pid, 'worker': status['worker']['pid'], 'protocol': protocol, 'keyholder': keyholder,
                'hands': next((pid for pid in children(protocol) if pid != keyholder), None)}

    def key_file(self, sa, mode=0o600):
        path = self.dir / f'key-{sa.spi:08x}'
        path.touch(mode=mode)
        path.chmod(mode)
        path.write_text(sa.keymat.hex() + '\n')
        return path

    def sa_add(self, sa, *words, **kw):
        return self.cmd('sa', 'add', 'src', sa.src, 'dst', sa.dst, 'spi', f'{sa.spi:#x}', 'key-file', self.key_file(sa),
                        'esn', 'on' if sa.esn else 'off', *words, **kw)

    def policy_add(self, dst, *words, action='protect', **kw):
        return self.cmd('policy', 'add', 'dst', dst, *words, 'action', action, **kw)

    def flush(self):
        self.cmd('sa', 'flush')
        self.cmd('policy', 'flush')


def section(name, settings):
    return f'[{name}]\n' + ''.join(f'{key.replace("_", "-")} = {value}\n' for key, value in settings.items())


def dropped(before, after):
    """The reasons whose counters moved between two counters(), by how much, without those that are no drops."""
    return {r: n - before.get(r, 0) for r, n in after.items() if r not in PASSED and n != before.get(r, 0)}
