# SPDX-License-Identifier: BSD-2-Clause
"""Which system calls this kernel has, and processes for which it lacks some."""
import ctypes
import errno
import os
import struct

LANDLOCK_CREATE_RULESET = 444
MEMFD_SECRET = 447

_libc = ctypes.CDLL(None, use_errno=True)
_PR_SET_SECCOMP, _FILTER = 22, 2
_ALLOW, _ERROR = 0x7fff0000, 0x00050000


def landlock_abi():
    """0: none."""
    return max(_libc.syscall(LANDLOCK_CREATE_RULESET, None, 0, 1), 0)


def has_secret_memory():
    fd = _libc.syscall(MEMFD_SECRET, 0)
    if fd >= 0:
        os.close(fd)
    return fd >= 0


class _Program(ctypes.Structure):
    _fields_ = [('length', ctypes.c_ushort), ('filter', ctypes.c_void_p)]


def lacking(*numbers):
    """For Popen's preexec_fn: from then on the kernel has none of these system calls (seccomp, in classic BPF)."""
    code = [(0x20, 0, 0, 0)]    # A = the number; behind the comparisons: allow it, or fail it
    code += [(0x15, len(numbers) - n, 0, number) for n, number in enumerate(numbers)]
    code += [(0x06, 0, 0, _ALLOW), (0x06, 0, 0, _ERROR | errno.ENOSYS)]
    text = ctypes.create_string_buffer(b''.join(struct.pack('=HBBI', *instruction) for instruction in code))
    program = _Program(len(code), ctypes.addressof(text))

    def enter():
        if _libc.prctl(_PR_SET_SECCOMP, _FILTER, ctypes.byref(program), 0, 0):
            raise OSError(ctypes.get_errno(), 'seccomp')
    program.text = text     # as long as enter() is
    return enter
