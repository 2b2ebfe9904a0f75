# SPDX-License-Identifier: BSD-2-Clause
"""Waiting on a machine that may have other things to do: seconds in which this process had no turn are nobody's fault."""
import time

TURN = 1.0
POLL = 0.05


def until(condition, what, timeout):
    """As lib.wait's; of what passes between two looks a second counts at most."""
    waited, last = 0.0, time.monotonic()
    while not (value := condition()):
        now = time.monotonic()
        waited += min(now - last, TURN)
        last = now
        if waited > timeout:
            raise AssertionError(f'not within {timeout:g} s: {what}')
        time.sleep(POLL)
    return value
