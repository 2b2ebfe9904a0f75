# SPDX-License-Identifier: BSD-2-Clause
"""Waiting for conditions, never for seconds."""
import time

# Generous: the machine may be busy, and a condition that holds ends the wait at once.
DEADLINE = 10.0
# To ask mostly costs a process or two, which are taken from what is awaited: what takes long is asked for less often, and
# who asks does so a third of the time at most.
POLL, POLL_SELDOM, PAUSE = 0.01, 0.05, 2


def until(condition, what, timeout=DEADLINE):
    """Polls until condition() is truthy and returns its value; fails with `what` at the deadline."""
    begin = time.monotonic()
    while True:
        asked = time.monotonic()
        value = condition()
        if value:
            return value
        now = time.monotonic()
        if now - begin > timeout:
            raise AssertionError(f'not within {timeout:g} s: {what}')
        time.sleep(max(min(max(POLL, (now - begin) / 20), POLL_SELDOM), PAUSE * (now - asked)))


def patiently(condition, what, timeout=2 * DEADLINE):
    """The same for what a peer does that is not ours, in a guest that is slower than this machine."""
    return until(condition, what, timeout)
