# SPDX-License-Identifier: BSD-2-Clause
"""Sockets of another process, which a test sets as the kernel or a sysctl would have."""
import ctypes
import os
import socket

PIDFD_GETFD = 438

_libc = ctypes.CDLL(None, use_errno=True)


def _copy(pidfd, number):
    fd = _libc.syscall(PIDFD_GETFD, pidfd, number, 0)
    if fd < 0:
        raise OSError(ctypes.get_errno(), 'pidfd_getfd')
    return fd


def udp_socket_of(pid, port):
    """The one that is bound to that port: the same socket, by a descriptor of this process."""
    pidfd = os.pidfd_open(pid)
    try:
        for number in os.listdir(f'/proc/{pid}/fd'):
            if not os.readlink(f'/proc/{pid}/fd/{number}').startswith('socket:'):
                continue
            s = socket.socket(fileno=_copy(pidfd, int(number)))
            if (s.family, s.type) == (socket.AF_INET, socket.SOCK_DGRAM) and s.getsockname()[1] == port:
                return s
            s.close()
    finally:
        os.close(pidfd)
    raise AssertionError(f'{pid} has no socket of port {port}')
