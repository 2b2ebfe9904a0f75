# SPDX-License-Identifier: BSD-2-Clause
"""BPF programs of somebody else, two instructions long, and where they are put: by bpf(2), since bpftool here knows no tcx."""
import contextlib
import ctypes
import os
import platform
import struct
from pathlib import Path

SYS_BPF = {'x86_64': 321, 'aarch64': 280}[platform.machine()]
PROG_LOAD, LINK_CREATE, LINK_UPDATE, LINK_DETACH = 5, 28, 29, 34
OBJ_PIN, OBJ_GET, PROG_QUERY = 6, 7, 16
SCHED_CLS, XDP = 3, 6
TCX = {'ingress': 46, 'egress': 47}
ATTACH_XDP = 37
BEFORE = 1 << 3
TC_OK, XDP_PASS = 0, 2

_libc = ctypes.CDLL(None, use_errno=True)


def bpf(command, attr):
    attr = ctypes.create_string_buffer(attr.ljust(128, b'\0'), 128)
    result = _libc.syscall(SYS_BPF, command, attr, 128)
    if result < 0:
        raise OSError(ctypes.get_errno(), f'bpf({command})')
    return result, attr.raw


def load(kind, verdict, name):
    """r0 = verdict; exit. Its file descriptor."""
    code = ctypes.create_string_buffer(struct.pack('<BBhi', 0xb7, 0, 0, verdict) + struct.pack('<BBhi', 0x95, 0, 0, 0), 16)
    text = ctypes.create_string_buffer(b'GPL')
    return bpf(PROG_LOAD, struct.pack('<IIQQIIQII16sII', kind, 2, ctypes.addressof(code), ctypes.addressof(text), 0, 0, 0, 0, 0,
                                      name.encode(), 0, ATTACH_XDP if kind == XDP else 0))[0]


@contextlib.contextmanager
def program(kind, verdict, name='theirs'):
    fd = load(kind, verdict, name)
    try:
        yield fd
    finally:
        os.close(fd)


@contextlib.contextmanager
def in_front(netns, dev, where, prog):
    """A link to that program in front of all others there."""
    with netns.entered():
        link = bpf(LINK_CREATE, struct.pack('<IIII', prog, netns.ifindex(dev), TCX[where], BEFORE))[0]
    try:
        yield link
    finally:
        os.close(link)


@contextlib.contextmanager
def on_xdp(netns, dev, prog):
    with netns.entered():
        link = bpf(LINK_CREATE, struct.pack('<IIII', prog, netns.ifindex(dev), ATTACH_XDP, 0))[0]
    try:
        yield link
    finally:
        os.close(link)


def tcx_order(netns, dev, where):
    """The ids of the programs there, the first to run first."""
    ids = (ctypes.c_uint32 * 64)()
    with netns.entered():
        _, attr = bpf(PROG_QUERY, struct.pack('<IIIIQI', netns.ifindex(dev), TCX[where], 0, 0, ctypes.addressof(ids), 64))
    return list(ids)[:struct.unpack_from('<I', attr, 24)[0]]


@contextlib.contextmanager
def pinned(path):
    """What is pinned there."""
    text = ctypes.create_string_buffer(str(path).encode())
    fd = bpf(OBJ_GET, struct.pack('<QII', ctypes.addressof(text), 0, 0))[0]
    try:
        yield fd
    finally:
        os.close(fd)


def pin(fd, path):
    text = ctypes.create_string_buffer(str(path).encode())
    bpf(OBJ_PIN, struct.pack('<QII', ctypes.addressof(text), fd, 0))


def put_filter(netns, dev, prog, handle):
    """A clsact filter on egress, first of all by its priority."""
    path = Path(f'/sys/fs/bpf/{netns.name}-theirs')
    netns.run('tc', 'qdisc', 'add', 'dev', dev, 'clsact')
    pin(prog, path)
    try:
        netns.run('tc', 'filter', 'add', 'dev', dev, 'egress', 'pref', '1', 'handle', handle, 'bpf', 'da', 'pinned', path)
    finally:
        path.unlink()


def detach(link):
    bpf(LINK_DETACH, struct.pack('<I', link))


def update(link, prog):
    bpf(LINK_UPDATE, struct.pack('<III', link, prog, 0))
