# SPDX-License-Identifier: BSD-2-Clause
"""The wire and its two ends.

  netns host: h0 10.213.7.1  <-- veth -->  p0 == packet socket == [ guest: vec0 10.213.7.2 ]  netns peer

and a long wire, with as much delay either way:

  netns host: h0  <-- veth -->  m0 == delay.py == m1  <-- veth -->  p0  netns peer
                                     netns middle
"""
import ctypes
import itertools
import os
import subprocess
import threading
from concurrent.futures import Future

from lib.peers import errands
from lib.peers import uml
from lib.peers.delay import Delay

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
            self.call(errands.write_file, f"/proc/sys/net/ipv6/conf/{scope}/disable_ipv6", "1")

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
    """Our end, asked for what errands.py does just as uml.Guest is."""

    def __init__(self, netns, address):
        self.netns = netns
        self.address = address

    def spawn(self, function, *args):
        return self.netns.spawn(getattr(errands, function), *args)

    def call(self, function, *args):
        return self.spawn(function, *args).result()


class Bed:
    def __init__(self, delay=0):
        self._open = []
        self.delay = None
        try:
            self.near = self._keep(Netns("host"))
            self.far = self._keep(Netns("peer"))
            if delay:
                self._link_by(self._keep(Netns("middle")), delay)
            else:
                self._link((self.near, "h0"), (self.far, "p0"))
            sh("ip", "-n", self.near.name, "link", "set", "h0", "address", HOST_MAC)
            sh("ip", "-n", self.near.name, "addr", "add", f"{HOST}/24", "dev", "h0")
            self.host = Host(self.near, HOST)
            self.guest = self._keep(uml.Guest(self.far.path, "p0", GUEST_MAC, GUEST))
        except BaseException:
            self.close()
            raise

    def _keep(self, thing):
        self._open.append(thing)
        return thing

    @staticmethod
    def _link(one, other):
        ends = [(device, "netns", netns.name) for netns, device in (one, other)]
        sh("ip", "link", "add", *ends[0], "type", "veth", "peer", *ends[1])
        for netns, device in (one, other):
            sh("ip", "-n", netns.name, "link", "set", device, "up")

    def _link_by(self, middle, delay):
        self._link((self.near, "h0"), (middle, "m0"))
        self._link((middle, "m1"), (self.far, "p0"))
        self.delay = self._keep(middle.call(Delay, ("m0", "m1"), delay))

    def close(self):
        while self._open:
            self._open.pop().close()
