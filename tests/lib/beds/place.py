# SPDX-License-Identifier: BSD-2-Clause
"""
`place`: places to run the daemon in that are not the machine that the tests run on: mount and PID namespaces of their own, with
what root has there taken away. What is mounted and unmounted in one is nobody else's.

    the machine ── namespace of a test ── place: PID 1 is a shell, /proc its own, /sys/fs/bpf none or its own
                                          └── xdp-ipsec, by nsenter, and what it starts
"""
import os
import shlex
import subprocess
from pathlib import Path

from lib.host import Host
from lib.netns import run

NO_BPFFS = 'while mountpoint -q /sys/fs/bpf; do umount /sys/fs/bpf; done'
BPFFS = f'{NO_BPFFS}; mount -t bpf bpf /sys/fs/bpf'
# Whoever lacks them may not look at a process that has them, as PID 1 of a place.
LESS_THAN_INIT = ('sys_ptrace', 'sys_boot')


def children_of(pid):
    """Of its first thread: the programs here start none from another."""
    try:
        return [int(child) for child in Path(f'/proc/{pid}/task/{pid}/children').read_text().split()]
    except (FileNotFoundError, ProcessLookupError):
        return []


def program_of(pid):
    try:
        return os.path.basename(os.readlink(f'/proc/{pid}/exe'))
    except (FileNotFoundError, ProcessLookupError):
        return None


class Entered(subprocess.Popen):
    """A process by way of nsenter, which waits for it and passes no signal on."""

    def send_signal(self, sig):
        for child in children_of(self.pid):
            os.kill(child, sig)


class Place:
    """`prepare` is what a shell does there first, as PID 1; `lacks` are capabilities that nobody after it has."""

    def __init__(self, netns, prepare=NO_BPFFS, lacks=()):
        self.netns, self.name, self.lacks = netns, netns.name, lacks
        script = f'set -e; {prepare}; echo ready; exec sleep infinity'
        self.unshare = subprocess.Popen(['unshare', '--mount', '--pid', '--fork', '--kill-child', '--mount-proc', 'sh', '-c',
                                         script], stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True)
        assert self.unshare.stdout.readline() == 'ready\n'
        self.init, = children_of(self.unshare.pid)

    def close(self):
        self.unshare.kill()     # and with it, by --kill-child, everybody in there
        self.unshare.wait()
        self.unshare.stdout.close()

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()

    def argv(self, *argv):
        less = ['setpriv', '--bounding-set', ','.join(f'-{cap}' for cap in self.lacks)] if self.lacks else []
        return ['nsenter', f'--net={self.netns.path}', f'--target={self.init}', '--mount', '--pid', '--', *less,
                *map(str, argv)]

    def run(self, *argv, **kw):
        return run(*self.argv(*argv), **kw)

    def sh(self, script, **kw):
        return self.run('sh', '-c', script, **kw)

    def root(self, path):
        """A file there as this process sees it."""
        return Path(f'/proc/{self.init}/root{path}')


class PlacedHost(Host):
    """`xdp-ipsec` in a place. `within` is what runs it there, as `ip netns exec NAME`."""

    def __init__(self, place, within=()):
        super().__init__(place)
        self.within = within

    def argv(self, *args):
        """The shell stays, as the ancestor of whatever runs it."""
        command = shlex.join([*map(str, self.within), *map(str, [self.command, '--instance', self.instance, *args])])
        return self.netns.argv('sh', '-c', f'{command}; exit $?')

    def cmd(self, *args, **kw):
        return run(*self.argv(*args), **kw)

    def spawn(self):
        with open(self.log, 'ab') as log:
            self.daemon = Entered(self.argv('run', '-c', self.config), stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def tree(self, pid=None):
        """The pids, as this process has them, of what was started by spawn(): the shell first."""
        below = children_of(pid or self.daemon.pid)
        return below + [further for child in below for further in self.tree(child)]

    def processes(self, name):
        return [pid for pid in self.tree() if program_of(pid) == name]

    def stop(self, signum=15):
        if self.daemon is None:
            return None
        for pid in self.processes('xdp-ipsec'):
            os.kill(pid, signum)
        code = self.daemon.wait(timeout=10)
        self.daemon = None
        return code
