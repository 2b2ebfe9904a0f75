# SPDX-License-Identifier: BSD-2-Clause
"""
Multicast in GRE with Linux: ip_gre over XFRM in the guest, and BIRD at both ends, on our side on the NIC itself.

The guest's gre1 borrows the address of its NIC, without the route: unicast goes by ESP alone. Its MTU is the NIC's, for
OSPF compares.
"""
import os
import socket
import struct

import pytest

from lib.peers.daemon import ends
from lib.peers.record import Record
from lib.wait import patiently

OUR_NET, THEIR_NET = "198.51.100.0/24", "203.0.113.0/24"
BIRD, BIRDC = "/usr/sbin/bird", "/usr/sbin/birdc"
OSPF = 'ospf v2 p { ipv4 { import all; export all; }; area 0 { interface "%s" { type ptp; hello 1; dead 4; }; }; }'
RIP = 'rip p { ipv4 { import all; export all; }; interface "%s" { mode multicast; update time 1; }; }'
GUEST_GRE = """\
link add gre1 type gre local {0} remote {1} ttl 64
addr add {0}/24 dev gre1 noprefixroute
link set gre1 up mtu 1500
"""


def port(frame):
    return struct.unpack_from("!HH", frame.raw, 34)[1] if frame.proto == socket.IPPROTO_UDP else None


class Bird:
    """BIRD at one end: one protocol on one device, and a route to tell."""

    def __init__(self, end, directory, protocol, device, net):
        self.end, self.dir = end, directory
        conf = (
            f'log "{directory}/bird.log" all;\nrouter id {end.address};\nprotocol device {{ }}\n'
            f"protocol static {{ ipv4; route {net} blackhole; }}\nprotocol {protocol % device}\n"
        )
        end.call("write_file", f"{directory}/bird.conf", conf)
        self._sh(f"{BIRD} -c {directory}/bird.conf -s {directory}/bird.ctl -P {directory}/bird.pid")

    def _sh(self, script):
        done = self.end.call("run", ["sh", "-c", script])
        assert done["rc"] == 0, f"{script}: {done['out']}{done['err']}"
        return done["out"]

    def has(self, net):
        return net in self._sh(f"{BIRDC} -s {self.dir}/bird.ctl show route protocol p")

    def stop(self):
        print(self._sh(f"kill $(cat {self.dir}/bird.pid); while [ -e {self.dir}/bird.ctl ]; do sleep 0.05; done; "
                       f"cat {self.dir}/bird.log; rm {self.dir}/bird.*"))  # fmt: skip


@pytest.fixture(scope="module")
def bed(own_bed):
    return own_bed


@pytest.fixture(scope="module")
def gre(bed):
    if not os.access(BIRD, os.X_OK):
        pytest.skip("Debian's package bird2 is not installed (apt-get install bird2)")
    done = bed.guest.call("run", ["ip", "-batch", "-"], GUEST_GRE.format(bed.guest.address, bed.host.address))
    assert done["rc"] == 0, done["err"]
    yield
    bed.guest.call("run", ["ip", "link", "del", "gre1"])


@pytest.fixture
def birds(bed, gre, tmp_path):
    made = []

    def start(protocol):
        made.append(Bird(bed.host, tmp_path, protocol, "h0", OUR_NET))
        made.append(Bird(bed.guest, "/mnt", protocol, "gre1", THEIR_NET))
        return made

    yield start
    for bird in made:
        bird.stop()


@pytest.mark.parametrize("protect", ["all", "tcp/179"])
@pytest.mark.parametrize("protocol", [OSPF, RIP], ids=["ospf", "rip"])
@pytest.mark.parametrize("peer", ["strongswan"], indirect=True)
def test_routes(bed, peer, cas, birds, protocol, protect):
    """Each learns the other's route, and no packet of it was in clear."""
    with ends(bed, peer, cas, "psk", gre="yes", protect=protect, start="initiate") as daemon:
        patiently(lambda: len(daemon.connection()["children"]) == (1 if protect == "all" else 3), "the children")
        wire = Record(bed)
        # Not what came before there were SAs: the guest tells in GRE, in clear and a second late (IGMP repeats), that it
        # leaves the groups of the birds before these. Captured: that GRE frame, and backstop_in or a clear drop for it.
        before = daemon.status()["drops"]
        ours, theirs = birds(protocol)
        patiently(lambda: ours.has(THEIR_NET), "their route", 30)
        patiently(lambda: theirs.has(OUR_NET), "our route", 30)
        status = daemon.status()
        # RIP answers a first request by unicast: in clear where only BGP is protected, and in the tunnel by Linux.
        clear = [f for f in wire.clear() if port(f) != 500]
        if protect != "all":
            clear = [f for f in clear if f.dst.startswith("224.") or f.proto == 47]
        assert clear == []
        wire.close()
    assert status["passed"]["gre_sent"] and status["passed"]["gre_received"]
    assert {r for r, n in status["drops"].items() if n > before[r]} <= ({"gre_refused"} if protocol is RIP else set())
