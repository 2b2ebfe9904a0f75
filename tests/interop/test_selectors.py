# SPDX-License-Identifier: BSD-2-Clause
"""
Traffic selectors against strongSwan and the policies that XFRM makes of them. Inbound the guest's kernel takes a packet
only by the SA that its policy for that very packet asks for, so each must leave us by the right child.
"""
import json

import pytest

from lib.peers.daemon import SECRET, Daemon
from lib.peers.record import Record
from lib.peers.strongswan import StrongSwan
from lib.peers.tunnel import PATIENCE, transfer
from lib.peers.xfrm import Xfrm
from lib.wait import patiently

# One child for each direction that a session is opened in.
BGP = {"out": ("tcp", "tcp/179"), "in": ("tcp/179", "tcp")}
GENEVE = {"geneve-out": ("udp", "udp/6080-6095"), "geneve-in": ("udp/6080-6095", "udp")}
REST = {"rest": ("", "")}
# What brings up a trap is dropped, and so is the first packet of TCP that does not fit the MTU yet.
SPARE = {"no_sa", "too_big"}


class Several(Daemon):
    """Our end with several connections to the guest: name -> settings."""

    def __init__(self, bed, connections, start="respond"):
        super().__init__(bed)
        self.path("psk", SECRET)
        text = "[interface h0]\nmode = native\n"
        for name, settings in connections.items():
            settings = {"local": bed.host.address, "remote": bed.guest.address, "auth": "psk", "psk-file": "psk",
                        "start": start, **settings}  # fmt: skip
            text += f"\n[connection {name}]\n" + "".join(f"{k} = {v}\n" for k, v in settings.items())
        self.path("conf", text)

    def status(self):
        return json.loads(self.command("-j", "status", "quick", check=False).stdout)  # exit 4: a connection is down

    def selectors(self):
        """By connection, the selectors of the children that are up."""
        return {
            c["name"]: sorted({child["selector"] for child in c["children"] if child["state"] == "up"})
            for c in self.status()["connections"]
        }

    def drops(self):
        return {reason for reason, n in self.status()["drops"].items() if n}


class Peer(StrongSwan):
    """One connection with several children: name -> (its protocol and port, ours)."""

    def configure_children(self, children, start_action="none"):
        proof = "auth = psk\n id = {}"
        text = f"""
connections {{
  c {{
    version = 2
    local_addrs = {self.guest.address}
    remote_addrs = {self.host.address}
    proposals = aes256gcm16-prfsha384-ecp384
    mobike = no
    rekey_time = 0
    local {{
      {proof.format(self.guest.address)}
    }}
    remote {{
      {proof.format(self.host.address)}
    }}
    children {{
"""
        for name, ends in children.items():
            local, remote = (f"dynamic[{end}]" if end else "dynamic" for end in ends)
            text += (
                f"{name} {{\nmode = transport\nesp_proposals = aes256gcm16-ecp384-esn\nrekey_time = 0\n"
                f"start_action = {start_action}\nlocal_ts = {local}\nremote_ts = {remote}\n}}\n"
            )
        self._write("swanctl.conf", text + f'}}\n}}\n}}\nsecrets {{ ike {{ secret = "{SECRET}" }} }}\n')
        self._swanctl("--load-all")

    def open(self, *children):
        for child in children:
            self._swanctl(f"--initiate --child {child} --timeout 20")


@pytest.fixture(scope="module")
def bed(own_bed):
    return own_bed


@pytest.fixture
def peer(bed):
    if reason := StrongSwan.missing():
        pytest.skip(reason)
    made = Peer(bed.guest, bed.host)
    made._start()
    yield made
    for end in (bed.host, bed.guest):
        end.call("close_all")
    print(made.log())
    made.kill()


class Watch:
    """What the guest's kernel refuses of ours, and what is on the wire in clear, in the block."""

    def __init__(self, bed):
        self.bed, self.xfrm, self.wire = bed, Xfrm(bed.guest, bed.host.address), Record(bed)

    def __enter__(self):
        return self

    def clear(self, *protos):
        """Packets of those protocols in clear, without IKE."""
        return [f for f in self.wire.clear() if f.proto in protos and not (f.proto == 17 and f.raw[34:38] == b"\1\xf4\1\xf4")]

    def __exit__(self, *exc):
        refused = {name: n for name, n in self.xfrm.errors().items() if name.startswith("XfrmIn")}
        self.wire.close()
        if exc[0] is None:
            assert refused == {}


def session(sender, receiver, port):
    sent, arrived = transfer(sender, receiver, port, 50000)
    assert sent.result(PATIENCE * 2) == arrived.result(PATIENCE * 2)


def datagrams(sender, receiver, port):
    """There and answered, so both ways."""
    receiver.call("udp_bind", port)
    taken = receiver.spawn("udp_collect", port, 20, True)
    sender.call("udp_send", receiver.address, port, 20, [100], 1)
    assert taken.result(PATIENCE)["intact"] == list(range(20))
    receiver.call("close_all")


def ping(bed, count=5):
    return bed.host.call("echo", bed.guest.address, count, 56, 0.02, PATIENCE)


@pytest.mark.parametrize("first", ["we", "they"])
def test_bgp_opened_from_both_ends(bed, peer, first):
    """protect = tcp/179: whoever opens a session, its packets go both ways by one child, and are taken."""
    with Several(bed, {"bgp": {"protect": "tcp/179"}}, start="trap") as daemon:
        peer.configure_children(BGP, start_action="trap")
        with Watch(bed) as watch:
            ends = [(bed.host, bed.guest), (bed.guest, bed.host)]
            for sender, receiver in ends if first == "we" else reversed(ends):
                session(sender, receiver, 179)
            assert daemon.selectors() == {"bgp": ["tcp dport 179", "tcp sport 179"]}
            assert watch.clear(6) == []
            assert ping(bed) == 5
        assert daemon.drops() <= SPARE


def all_of_it(bed):
    for sender, receiver in ((bed.host, bed.guest), (bed.guest, bed.host)):
        session(sender, receiver, 179)
        datagrams(sender, receiver, 6085)
        datagrams(sender, receiver, 53)
    assert ping(bed) == 5


CONNECTIONS = {"rest": {}, "bgp": {"protect": "tcp/179"}, "geneve": {"protect": "udp/6080-6095"}}
UP = {
    "rest": ["all"],
    "bgp": ["tcp dport 179", "tcp sport 179"],
    "geneve": ["udp dport 6080-6095", "udp sport 6080-6095"],
}


def test_children_of_their_ike_sa(bed, peer):
    """It opens one IKE SA and all children on it; each is of the connection of ours that says it most exactly."""
    with Several(bed, CONNECTIONS) as daemon:
        peer.configure_children({**REST, **GENEVE, **BGP})
        peer.open("rest", "out", "in", "geneve-in", "geneve-out")
        patiently(lambda: daemon.selectors() == UP, "all children")
        with Watch(bed) as watch:
            all_of_it(bed)
            assert watch.clear(1, 6, 17) == []
        assert daemon.drops() <= SPARE
        daemon.command("connection", "terminate", "bgp")
        assert daemon.selectors() == {**UP, "bgp": []}
        with Watch(bed):
            datagrams(bed.host, bed.guest, 6085)
            assert ping(bed) == 5


def test_an_ike_sa_for_each_of_ours(bed, peer):
    """Three of ours to one connection of its: none ends another, and its kernel takes all that comes."""
    peer.configure_children({**REST, **GENEVE, **BGP})
    with Several(bed, CONNECTIONS, start="initiate") as daemon:
        patiently(lambda: daemon.selectors() == UP, "all children")
        with Watch(bed) as watch:
            all_of_it(bed)
            assert watch.clear(1, 6, 17) == []
        assert peer.sas()[0] == 3
        assert daemon.drops() <= SPARE


def test_icmp_type(bed, peer):
    """Echo requests alone are protected: they go by ESP, and their replies in clear."""
    with Several(bed, {"ping": {"protect": "icmp/echo-request"}}) as daemon:
        peer.configure_children({"ping": ("icmp/2048-2303", "icmp/2048-2303")})
        peer.open("ping")
        patiently(lambda: daemon.selectors() == {"ping": ["icmp/echo-request"]}, "the child")
        with Watch(bed) as watch:
            assert ping(bed) == 5
            assert len(watch.wire.esp(bed.host.address)) == 5
            assert {f.src for f in watch.clear(1)} == {bed.guest.address}
