# SPDX-License-Identifier: BSD-2-Clause
"""Network namespaces, and sockets made inside them without leaving this process."""
import contextlib
import ctypes
import os
import socket
import subprocess
import threading
from concurrent.futures import Future

CLONE_NEWNET = 0x40000000
PREFIX = f'xi{os.getpid()}'

# How many lanes each worker has, and NICs queues, where a test does not say; 0: as many as the worker makes itself, and one.
LANES = int(os.environ.get('LANES', 0))
QUEUES = LANES or 1

_libc = ctypes.CDLL(None, use_errno=True)


def run(*argv, check=True, **kw):
    """Runs a command to its end, its output captured as text."""
    done = subprocess.run([str(a) for a in argv], capture_output=True, text=True, timeout=60, **kw)
    if check and done.returncode:
        raise AssertionError(f'{" ".join(map(str, argv))}: exit {done.returncode}\n{done.stdout}{done.stderr}')
    return done


def _setns(fd):
    if _libc.setns(fd, CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), 'setns')


@contextlib.contextmanager
def inside(path):
    """This thread is in that namespace for the block; sockets made there stay there."""
    home = os.open('/proc/thread-self/ns/net', os.O_RDONLY)
    there = os.open(path, os.O_RDONLY)
    try:
        _setns(there)
        yield
    finally:
        _setns(home)
        os.close(there)
        os.close(home)


class Netns:
    """A namespace of this test run; `with` or close() deletes it and what is in it."""

    def __init__(self, tag):
        self.name = f'{PREFIX}{tag}'
        self.path = f'/run/netns/{self.name}'
        run('ip', 'netns', 'add', self.name)
        self.sysctl('net.ipv6.conf.all.disable_ipv6', 1)
        self.sysctl('net.ipv6.conf.default.disable_ipv6', 1)
        self.ip('link', 'set', 'lo', 'up')

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()

    def close(self):
        run('ip', 'netns', 'del', self.name, check=False)

    def argv(self, *argv):
        """For Popen: nsenter, since `ip netns exec` would hide the bpffs behind a fresh /sys."""
        return ['nsenter', f'--net={self.path}', *map(str, argv)]

    def run(self, *argv, **kw):
        """From inside, which costs half of what nsenter does."""
        with self.entered():
            return run(*argv, **kw)

    def ip(self, *args, **kw):
        return run('ip', '-n', self.name, *args, **kw)

    def sysctl(self, name, value):
        with self.entered(), open('/proc/sys/' + name.replace('.', '/'), 'w') as f:
            f.write(str(value))

    def entered(self):
        return inside(self.path)

    def socket(self, *args):
        with self.entered():
            return socket.socket(*args)

    def links(self):
        """Names of the interfaces inside."""
        with self.entered():
            return {name for _, name in socket.if_nameindex()}

    def ifindex(self, dev):
        with self.entered():
            return socket.if_nametoindex(dev)

    def route_mtu(self, dst):
        """What the kernel's route cache has learnt."""
        words = self.ip('route', 'get', dst).stdout.split()
        return int(words[words.index('mtu') + 1]) if 'mtu' in words else None

    def spawn(self, function, *args):
        """A Future of the function's value, from a thread that lives in the namespace; so do the sockets it makes."""
        def call():
            try:
                _setns(there)
                future.set_result(function(*args))
            except BaseException as e:  # the one who waits is told
                future.set_exception(e)
            finally:
                os.close(there)

        there, future = os.open(self.path, os.O_RDONLY), Future()
        threading.Thread(target=call, daemon=True).start()
        return future

    def call(self, function, *args):
        return self.spawn(function, *args).result()

    def mac(self, dev):
        link = self.ip('-br', 'link', 'show', 'dev', dev).stdout.split()
        return link[2]


def veth(a, a_dev, b, b_dev, queues=QUEUES, mtu=1500):
    """A wire between two namespaces, both ends up. queues: of either kind, or (to receive, to send) at a's end."""
    rx, tx = queues if isinstance(queues, tuple) else (queues, queues)
    a.ip('link', 'add', a_dev, 'mtu', mtu, 'numrxqueues', rx, 'numtxqueues', tx, 'type', 'veth', 'peer', 'name', b_dev,
         'mtu', mtu, 'numrxqueues', tx, 'numtxqueues', rx, 'netns', b.name)
    a.ip('link', 'set', a_dev, 'up')
    b.ip('link', 'set', b_dev, 'up')
