# SPDX-License-Identifier: BSD-2-Clause
"""A pinned map that can be mapped, as the programs see it: who has no bpftool in between writes it in no time."""
import ctypes
import mmap
import os
import platform
import struct

BPF = {'x86_64': 321, 'aarch64': 280}.get(platform.machine())
BPF_OBJ_GET = 7
SA_STATE_SIZE = 512     # maps/layout.h


def open_pinned(path):
    """A descriptor of the pin."""
    name = ctypes.create_string_buffer(os.fsencode(path))
    attr = ctypes.create_string_buffer(struct.pack('=QII', ctypes.addressof(name), 0, 0), 128)
    fd = ctypes.CDLL(None, use_errno=True).syscall(BPF, BPF_OBJ_GET, attr, len(attr))
    if fd < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), str(path))
    return fd


def mapped(path, size):
    """The first bytes of it."""
    fd = open_pinned(path)
    try:
        return mmap.mmap(fd, size)
    finally:
        os.close(fd)


def take_slots(host, slots):
    """As if somebody had claimed them, and nobody had filled them: slots.h."""
    with mapped(host.pins / 'sa_state', slots.stop * SA_STATE_SIZE) as table:
        for slot in slots:
            table[slot * SA_STATE_SIZE:slot * SA_STATE_SIZE + 4] = struct.pack('=I', 1)
