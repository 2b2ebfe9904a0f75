# SPDX-License-Identifier: BSD-2-Clause
"""The wire and its two ends.

  netns host: h0 10.213.7.1  <-- veth -->  p0 == packet socket == [ guest: vec0 10.213.7.2 ]  netns peer
"""
import ctypes
import itertools
import os
import subprocess
import threading
from concurrent.futures import Future

import traffic
import uml

HOST, GUEST = "10.213.7.1", "10.213.7.2"
HOST_MAC, GUEST_MAC = "02:d5:07:00:00:01", "02:d5:07:00:00:02"
CLONE_NEWNET = 0x40000000

libc = ctypes.CDLL(None, use_errno=True)


# Beds of two scopes may stand side by side.
_numbers = itertools.count()


def sh(*argv):
    subprocess.run(argv, check=True, capture_output=True)


class Netns:
    """A network namespace of this run; what is called or spawned here runs inside it."""

    def __init__(self, role):
        self.name = f"interop-{role}-{os.getpid()}-{next(_numbers)}"
        self.path = f"/run/netns/{self.name}"
        sh("ip", "netns", "add", self.name)
        sh("ip", "-n", self.name, "link", "set", "lo", "up")
        for scope in ("all", "default"):
            self.call(traffic.write_file, f"/proc/sys/net/ipv6/conf/{scope}/disable_ipv6", "1")

    def spawn(self, function, *args):
        """Runs function in a thread that lives in the namespace; so do the sockets it makes."""
        future = Future()
        threading.Thread(target=self._inside, args=(future, function, args), daemon=True).start()
        return future

    def _inside(self, future, function, args):
        try:
            with open(self.path, "rb") as f:
                if libc.setns(f.fileno(), CLONE_NEWNET):
                    raise OSError(ctypes.get_errno(), f"setns {self.name}")
            future.set_result(function(*args))
        except BaseException as e:  # the one who waits is told
            future.set_exception(e)

    def call(self, function, *args):
        return self.spawn(function, *args).result()

    def close(self):
        subprocess.run(["ip", "netns", "del", self.name], check=False, capture_output=True)


class Host:
    """Our end, asked for what traffic.py does just as uml.Guest is."""

    def __init__(self, netns, address):
        self.netns = netns
        self.address = address

    def spawn(self, function, *args):
        return self.netns.spawn(getattr(traffic, function), *args)

    def call(self, function, *args):
        return self.spawn(function, *args).result()


class Bed:
    def __init__(self):
        self._open = []
        try:
            self.near = self._keep(Netns("host"))
            self.far = self._keep(Netns("peer"))
            self._link()
            self.host = Host(self.near, HOST)
            self.guest = self._keep(uml.Guest(self.far.path, "p0", GUEST_MAC, GUEST))
        except BaseException:
            self.close()
            raise

    def _keep(self, thing):
        self._open.append(thing)
        return thing

    def _link(self):
        near, far = self.near.name, self.far.name
        sh("ip", "link", "add", "h0", "netns", near, "address", HOST_MAC, "type", "veth", "peer", "p0", "netns", far)
        sh("ip", "-n", near, "addr", "add", f"{HOST}/24", "dev", "h0")
        sh("ip", "-n", near, "link", "set", "h0", "up")
        sh("ip", "-n", far, "link", "set", "p0", "up")

    def close(self):
        while self._open:
            self._open.pop().close()
