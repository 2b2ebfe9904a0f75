# SPDX-License-Identifier: BSD-2-Clause
"""`bed` of interop: the wire and its two ends, one of ours and a guest.

  netns host: h0 10.213.7.1  <-- veth -->  p0 == packet socket == [ guest: vec0 10.213.7.2 ]  netns peer

and a long wire, with as much delay either way:

  netns host: h0  <-- veth -->  m0 == delay.py == m1  <-- veth -->  p0  netns peer
                                     netns middle
"""
import itertools

from lib.netns import Netns, veth
from lib.peers import errands, uml
from lib.peers.delay import Delay

HOST, GUEST = "10.213.7.1", "10.213.7.2"
# What certificates say of them.
HOST_NAME, PEER_NAME = "host.example", "peer.example"
HOST_MAC, GUEST_MAC = "02:d5:07:00:00:01", "02:d5:07:00:00:02"

# Beds of two scopes may stand side by side.
_tags = itertools.count()


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
    """The guest is booted; nothing of ours runs yet."""

    def __init__(self, delay=0, host=HOST, guest=GUEST, nic="h0"):
        self._open = []
        self._tag = f"i{next(_tags)}"
        self.delay = None
        try:
            self.near = self._keep(Netns(self._tag + "host"))
            self.far = self._keep(Netns(self._tag + "peer"))
            if delay:
                self._link_by(self._keep(Netns(self._tag + "middle")), delay)
            else:
                veth(self.near, nic, self.far, "p0")
            self.near.ip("link", "set", nic, "address", HOST_MAC)
            self.near.ip("addr", "add", f"{host}/24", "dev", nic)
            self.host = Host(self.near, host)
            self.guest = self._keep(uml.Guest(self.far.path, "p0", GUEST_MAC, guest))
        except BaseException:
            self.close()
            raise

    def _keep(self, thing):
        self._open.append(thing)
        return thing

    def _link_by(self, middle, delay):
        veth(self.near, "h0", middle, "m0")
        veth(middle, "m1", self.far, "p0")
        self.delay = self._keep(middle.call(Delay, ("m0", "m1"), delay))

    def close(self):
        while self._open:
            self._open.pop().close()
