# SPDX-License-Identifier: BSD-2-Clause
"""A control group of a test's own, in whichever version the machine has; for 'pids', or for 'memory', in bytes."""
import os
from pathlib import Path

import pytest

from lib.netns import PREFIX
from lib.wait import until

ROOT = Path('/sys/fs/cgroup')
# The files of the limit and of what is in use, by whether all controllers are in one tree (version 2).
FILES = {('pids', False): ('pids.max', 'pids.current'), ('pids', True): ('pids.max', 'pids.current'),
         ('memory', False): ('memory.limit_in_bytes', 'memory.usage_in_bytes'), ('memory', True): ('memory.max', 'memory.current')}


class Cgroup:
    """Who is started by within() is in it, and whom that one starts. Skips the test, aloud, where none can be made."""

    def __init__(self, controller):
        one = ROOT / controller      # version 1
        unified = not one.is_dir()
        parent = ROOT if unified else one
        self.limit_file, self.usage_file = FILES[controller, unified]
        self.none = '-1' if controller == 'memory' and not unified else 'max'
        try:
            if unified and controller not in (ROOT / 'cgroup.subtree_control').read_text().split():
                raise OSError(f'{ROOT}/cgroup.subtree_control lacks it')
            self.path = parent / f'{PREFIX}-{controller}'
            self.path.mkdir()
        except OSError as e:
            pytest.skip(f'no control group for {controller} can be made here: {e}')

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        until(lambda: not self.pids(), 'all that were in it have ended')
        self.path.rmdir()

    def within(self):
        """For Popen, in the child."""
        (self.path / 'cgroup.procs').write_text(str(os.getpid()))

    def pids(self):
        return self._read('cgroup.procs').split()

    def _read(self, name):
        return (self.path / name).read_text()

    def usage(self):
        return int(self._read(self.usage_file))

    def limit(self, most):
        """None: none."""
        (self.path / self.limit_file).write_text(self.none if most is None else str(most))

    def squeeze(self, room):
        """Has the kernel give up what it can of the memory in use, caches above all, and limits it to what is left and so much more."""
        step = 4 << 20
        while step > 1 << 14:
            try:
                self._give_up(step)
            except OSError:
                step //= 2
        self.limit(self.usage() + room)

    def _give_up(self, size):
        """Of version 1, a limit that cannot be kept to is refused; of version 2, it has somebody killed."""
        if self.none == '-1':
            self.limit(self.usage() - size)
            return
        reclaim = self.path / 'memory.reclaim'
        if not reclaim.exists():
            pytest.skip(f'no {reclaim}, which is of Linux 5.19')
        reclaim.write_text(str(size))
