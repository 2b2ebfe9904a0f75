# SPDX-License-Identifier: BSD-2-Clause
"""A control group of a test's own, in whichever version the machine has; of 'pids', whose files have the same names in both."""
import os
from pathlib import Path

import pytest

from lib.netns import PREFIX
from lib.wait import until

ROOT = Path('/sys/fs/cgroup')


class Cgroup:
    """Who is started by within() is in it, and whom that one starts. Skips the test, aloud, where none can be made."""

    def __init__(self, controller):
        self.controller = controller
        one = ROOT / controller      # version 1
        unified = not one.is_dir()
        parent = ROOT if unified else one
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
        return int(self._read(f'{self.controller}.current'))

    def limit(self, most):
        """None: none."""
        (self.path / f'{self.controller}.max').write_text('max' if most is None else str(most))
