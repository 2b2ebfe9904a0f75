# SPDX-License-Identifier: BSD-2-Clause
"""What must not happen once: a packet in clear, a nonce twice. Seen and gone, it is no matter of load (once_more.py)."""


class Never(AssertionError):
    pass


def never(happened, what):
    """happened: how much, or what, of it; what: how it is told."""
    if happened:
        raise Never(what)
