# SPDX-License-Identifier: BSD-2-Clause
"""Datagrams larger than the MTU."""
import hashlib
import os

import pytest

from pair import A, B, proven
from traffic import udp_socket

PORT = 4005


@pytest.mark.parametrize('size', [8192, 60000])
@pytest.mark.parametrize('direction', ['out', 'back'])
def test_large_datagrams(pair, size, direction):
    """The application gets them whole; on the wire there is ESP alone."""
    sender, receiver, addr = (pair.a, pair.b, B) if direction == 'out' else (pair.b, pair.a, A)
    with udp_socket(receiver.netns, addr, PORT) as sink, udp_socket(sender.netns) as source, pair.capture() as capture:
        for _ in range(5):
            data = os.urandom(size)
            source.sendto(data, (addr, PORT))
            assert hashlib.sha256(sink.recv(65535)).digest() == hashlib.sha256(data).digest()
        packets = capture.stop()
    assert not [p for p in packets if p.proto != 50]
