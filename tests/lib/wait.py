# SPDX-License-Identifier: BSD-2-Clause
"""Waiting for conditions, never for seconds."""
import time

# Generous: the machine may be busy, and a condition that holds ends the wait at once.
DEADLINE = 10.0
POLL = 0.01


def until(condition, what, timeout=DEADLINE):
    """Polls until condition() is truthy and returns its value; fails with `what` at the deadline."""
    end = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f'not within {timeout:g} s: {what}')
        time.sleep(POLL)


def patiently(condition, what, timeout=2 * DEADLINE):
    """The same for what a peer does that is not ours, in a guest that is slower than this machine."""
    return until(condition, what, timeout)
