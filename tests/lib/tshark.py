# SPDX-License-Identifier: BSD-2-Clause
"""Wireshark's own eyes (tshark), as a witness of files that are made for it."""
import os
import shutil

import pytest

from lib.netns import run


def needs_tshark():
    if not shutil.which('tshark'):
        pytest.skip('tshark is not installed: that Wireshark reads captures and key logs')


def fields(capture, wanted, shown='', profile=None, options=()):
    """
    Of each packet that the display filter shows, a tuple of these fields' values, as text. profile: a folder with Wireshark's
    tables, which is its whole configuration.
    """
    ask = [word for name in wanted for word in ('-e', name)]
    env = {**os.environ, **({'WIRESHARK_CONFIG_DIR': str(profile)} if profile else {})}
    done = run('tshark', '-n', '-r', capture, '-Y', shown, '-T', 'fields', '-E', 'separator=|', *ask, *options, env=env)
    assert 'WARNING' not in done.stderr and 'malformed' not in done.stderr.lower(), done.stderr
    return [tuple(line.split('|')) for line in done.stdout.splitlines()]
