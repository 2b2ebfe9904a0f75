# SPDX-License-Identifier: BSD-2-Clause
"""
What systemd is to a daemon, as far as sd_notify(3) and its store of file descriptors go: it hears what is told, keeps what it is
given, and hands that to the next one.
"""
import array
import ctypes
import contextlib
import fcntl
import os
import select
import socket
import threading
import time

FIRST_FD = 3    # SD_LISTEN_FDS_START
KCMP = {'x86_64': 312, 'aarch64': 272}[os.uname().machine]
KCMP_FILE = 0


def same_file(one, other):
    """Whether both are one open file, as systemd asks the kernel: several TAPs or BPF links share an inode."""
    pid = os.getpid()
    found = ctypes.CDLL(None, use_errno=True).syscall(KCMP, pid, pid, KCMP_FILE, one, other)
    assert found >= 0, os.strerror(ctypes.get_errno())
    return found == 0


def place(fds):
    """In the child: the descriptors stand in a row, from 3 on."""
    high = [fcntl.fcntl(fd, fcntl.F_DUPFD, 200) for fd in fds]
    for n, fd in enumerate(high):
        os.dup2(fd, FIRST_FD + n)


class ServiceManager:
    def __init__(self, folder, watchdog=None, stores=True):
        self.path = folder / 'notify'
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        self.socket.bind(str(self.path))
        self.watchdog, self.stores = watchdog, stores
        self.told = []      # each message, as {name: value}
        self.stored = []    # (name, fd)
        self.lock = threading.RLock()
        self.ended, self.end = os.pipe()
        self.thread = threading.Thread(target=self.listen_always)
        self.thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        os.close(self.end)
        self.thread.join()
        os.close(self.ended)
        self.socket.close()
        self.forget()

    # ---- what it hears ----

    def listen_always(self):
        """Its queue is short, and who speaks to it waits when it is full."""
        while self.ended not in select.select([self.socket, self.ended], [], [])[0]:
            self.listen()

    def listen(self):
        """Takes what is there; returns all that was ever told."""
        with self.lock, contextlib.suppress(BlockingIOError):
            while True:
                text, ancillary, _, _ = self.socket.recvmsg(4096, socket.CMSG_SPACE(16 * 4))
                fds = array.array('i')
                for _, _, data in ancillary:
                    fds.frombytes(data)
                message = dict(line.split('=', 1) for line in text.decode().splitlines())
                self.told.append(message)
                self.keep(message, list(fds))
        return self.told

    def keep(self, message, fds):
        name = message.get('FDNAME')
        if 'FDSTORE' in message and self.stores:
            for fd in fds:
                self.store(name, fd)
            return
        for fd in fds:
            os.close(fd)
        if 'FDSTOREREMOVE' in message:
            for pair in [p for p in self.stored if p[0] == name]:
                self.stored.remove(pair)
                os.close(pair[1])

    def store(self, name, fd):
        """What it has already it has once."""
        if any(same_file(fd, kept) for _, kept in self.stored):
            os.close(fd)
        else:
            self.stored.append((name, fd))

    def forget(self):
        while self.stored:
            os.close(self.stored.pop()[1])

    def count(self, name, value='1'):
        return sum(message.get(name) == value for message in self.listen())

    def status(self):
        """The line of 'systemctl status', as of now."""
        return next((m['STATUS'] for m in reversed(self.listen()) if 'STATUS' in m), None)

    def wait(self, seconds):
        """Whether something was told within that time."""
        so_far, end = len(self.listen()), time.monotonic() + seconds
        while len(self.listen()) == so_far and time.monotonic() < end:
            time.sleep(0.01)
        return len(self.told) > so_far

    # ---- what it hands on ----

    @contextlib.contextmanager
    def popen(self, argv):
        """
        Arguments for Popen, within the block. The pid has to be the daemon's own, which nobody knows before it is there. What is handed
        on is what is stored now, whatever one that was killed has still said.
        """
        with self.lock:
            self.listen()
            names = [name for name, _ in self.stored]
            handed = [os.dup(fd) for _, fd in self.stored]
        env = os.environ | {'NOTIFY_SOCKET': str(self.path)}
        told = ['LISTEN_PID']
        if self.watchdog:
            env['WATCHDOG_USEC'] = str(int(self.watchdog * 1e6))
            told.append('WATCHDOG_PID')
        env |= {'LISTEN_FDS': str(len(handed)), 'LISTEN_FDNAMES': ':'.join(names)}
        script = ' '.join(f'{name}=$$' for name in told)
        try:
            yield {'args': ['sh', '-c', f'export {script}; exec "$@"', 'sh', *argv], 'env': env,
                   'pass_fds': range(FIRST_FD, FIRST_FD + len(handed)), 'preexec_fn': lambda: place(handed)}
        finally:
            for fd in handed:
                os.close(fd)
