# SPDX-License-Identifier: BSD-2-Clause
"""A terminal to look at (tmux), with a program on it that thinks a person sits there."""
import os
import re
import shlex
import shutil
import tempfile

import pytest

from lib.netns import run
from lib.wait import until


class Screen:
    """Runs argv on a terminal of that size, from its shell, which says of its end 'ended with CODE'."""

    def __init__(self, argv, width=80, height=24, env=None):
        if not shutil.which('tmux'):
            pytest.skip('tmux is not installed: what monitor shows')
        self.dir = tempfile.mkdtemp(prefix='xdp-ipsec-screen-')
        command = shlex.join(map(str, argv)) + '; echo "ended with $?"; stty -a; exec cat'
        self.tmux('-f', '/dev/null', 'new-session', '-d', '-s', 'it', '-x', width, '-y', height, command,
                  env={**os.environ, 'LC_ALL': 'C.UTF-8', **(env or {})})

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.tmux('kill-server', check=False)
        shutil.rmtree(self.dir, ignore_errors=True)

    def tmux(self, *words, **kw):
        return run('tmux', '-S', f'{self.dir}/socket', *words, **kw)

    def resize(self, width, height):
        self.tmux('resize-window', '-t', 'it', '-x', width, '-y', height)

    def type(self, *keys):
        """Keys by tmux's names, or text."""
        self.tmux('send-keys', '-t', 'it', *keys)

    def text(self, *how):
        return self.tmux('capture-pane', '-p', '-t', 'it', *how).stdout

    def lines(self):
        return self.text().splitlines()

    def until(self, wanted, what=None):
        """The match of that expression, once it is seen."""
        try:
            return until(lambda: re.search(wanted, self.text(), re.MULTILINE), what or wanted)
        except AssertionError as e:
            raise AssertionError(f'{e}; on the screen:\n{self.text()}') from None

    def until_not(self, unwanted):
        until(lambda: not re.search(unwanted, self.text(), re.MULTILINE), f'no {unwanted}')

    def flag(self, name):
        """One of the terminal's, by tmux's name."""
        return self.tmux('display-message', '-p', '-t', 'it', f'#{{{name}}}').stdout.strip() == '1'

    def child(self):
        """The program's pid."""
        pid = self.tmux('list-panes', '-F', '#{pane_pid}').stdout.strip()
        with open(f'/proc/{pid}/task/{pid}/children', encoding='ascii') as file:
            return int(file.read().split()[0])

    def until_ended(self, code=0):
        """It has, and left the terminal as it was: lines are read and echoed again, and the cursor is seen."""
        self.until(f'^ended with {code}$')
        self.until(r'(?<!-)icanon\b')
        assert re.search(r'(?<!-)\becho\b', self.text())
        assert [self.flag(name) for name in ('cursor_flag', 'alternate_on', 'keypad_flag')] == [True, False, False]
