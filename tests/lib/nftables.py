# SPDX-License-Identifier: BSD-2-Clause
"""Rules of a test's own in a namespace."""
import contextlib
import shutil

import pytest


@contextlib.contextmanager
def rules_in(ns):
    """A function that takes the text of rules; they go with the block. Skips the test, aloud, where there is no nft."""
    if not shutil.which('nft'):
        pytest.skip('NOT TESTED: there is no nft')
    yield lambda text: ns.run('nft', '-f', '-', input=text)
    ns.run('nft', 'flush', 'ruleset')
