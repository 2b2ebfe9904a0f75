# SPDX-License-Identifier: BSD-2-Clause
"""
A bed whose two hosts speak through somebody else's tunnel: the same namespaces and veth as all others have, a daemon in
each, and addresses that only the tunnel leads to, so nothing measured can have gone beside it.
"""
import os
import shutil
import subprocess
import tempfile
from contextlib import ExitStack
from pathlib import Path

import machine
from beds import Plain
from lib.wait import until

INNER_A, INNER_B = '198.51.100.1', '198.51.100.2'
# The largest payload measured, 1400 bytes, goes unfragmented inside and outside: 1428 and at most 65 more.
MTU = 1432
# A daemon's start, its keys among it, on a machine that is busy.
START_DEADLINE = 30
STOP_DEADLINE = 5


class Missing(AssertionError):
    """It cannot be had on this machine."""


class Vpn(Plain):
    """Sub-classes start(), and say which programs they need: path or name -> Debian's package that has it."""
    programs = {}
    package = None
    to = INNER_B

    def __init__(self):
        for program, package in self.programs.items():
            if not (shutil.which(program) or os.path.exists(program)):
                raise Missing(f'{Path(program).name} is not installed: package {package}')
        super().__init__()
        with ExitStack() as undo:
            undo.push(self.stack)
            self.dir = Path(undo.enter_context(tempfile.TemporaryDirectory(prefix='xdp-ipsec-bench-')))
            self.daemons = []
            undo.callback(self.end)
            self.start()
            self.wait()
            self.stack = undo.pop_all()

    def start(self):
        raise NotImplementedError

    def file(self, name, text):
        path = self.dir / name
        with open(os.open(path, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), 'w', encoding='utf-8') as f:
            f.write(text)
        return path

    def log(self, n):
        return (self.dir / f'log{n}').read_text(encoding='utf-8', errors='replace')

    def spawn(self, ns, argv, **kw):
        """A daemon of this bed, in the namespace."""
        with open(self.dir / f'log{len(self.daemons)}', 'wb') as log:
            self.daemons.append(subprocess.Popen(ns.argv(*argv), stdin=subprocess.DEVNULL, stdout=log,
                                                 stderr=subprocess.STDOUT, **kw))

    def alive(self):
        for n, daemon in enumerate(self.daemons):
            if daemon.poll() is not None:
                raise AssertionError(f'a daemon of {self.package} ended with {daemon.returncode}: {self.log(n)[-400:]}')

    def wait_for(self, condition, what):
        def checked():
            self.alive()
            return condition()

        return until(checked, what, START_DEADLINE)

    def wait(self):
        """Until the other end answers through the tunnel."""
        def answers():
            return self.a.run('ping', '-n', '-q', '-c', 1, '-W', 1, INNER_B, check=False).returncode == 0

        try:
            self.wait_for(answers, 'an answer through the tunnel')
        except AssertionError as e:
            logs = ' / '.join(self.log(n)[-200:] for n in range(len(self.daemons)))
            raise AssertionError(f'{e}: {logs}') from None

    def end(self):
        """One after the other, so that who takes leave of its peer still has one."""
        for daemon in self.daemons:
            daemon.terminate()
            try:
                daemon.wait(STOP_DEADLINE)
            except subprocess.TimeoutExpired:
                daemon.kill()
                daemon.wait()

    @classmethod
    def version(cls):
        """Of the package that its data path is from."""
        done = subprocess.run(['dpkg-query', '-W', '-f', '${Version}', cls.package], capture_output=True, text=True, check=False)
        return done.stdout or 'of unknown version'

    def worker_pids(self):
        return [daemon.pid for daemon in self.daemons]

    def own_seconds(self):
        return sum(map(machine.user_seconds, self.worker_pids()))

    def wake(self):
        self.alive()
