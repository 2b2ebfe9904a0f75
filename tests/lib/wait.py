# SPDX-License-Identifier: BSD-2-Clause
"""Waiting for conditions, never for seconds."""
import time

# Generous: the machine may be busy, and a condition that holds ends the wait at once.
DEADLINE = 10.0
# To ask mostly costs two processes, which are taken from what is awaited: what takes long is asked for less often.
POLL, POLL_SELDOM = 0.01, 0.05


def until(condition, what, timeout=DEADLINE):
    """Polls until condition() is truthy and returns its value; fails with `what` at the deadline."""
    begin = time.monotonic()
    while True:
        value = condition()
        if value:
            return value
        waited = time.monotonic() - begin
        if waited > timeout:
            raise AssertionError(f'not within {timeout:g} s: {what}')
        time.sleep(min(max(POLL, waited / 20), POLL_SELDOM))


def patiently(condition, what, timeout=2 * DEADLINE):
    """The same for what a peer does that is not ours, in a guest that is slower than this machine."""
    return until(condition, what, timeout)
