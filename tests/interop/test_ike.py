# SPDX-License-Identifier: BSD-2-Clause
"""IKEv2 with strongSwan and libreswan above Linux XFRM: both roles, each proof, rekeys, and what goes wrong."""
import contextlib
import json
import os
import subprocess
import tempfile
import threading
import time

import pytest

from lib.peers import uml
from lib.peers.datapath import BPFFS, COMMAND_DEADLINE, wait_for
from lib.peers.guest_bed import Bed
from lib.peers.libreswan import Libreswan
from lib.peers.pki import HOST_NAME, PEER_NAME, Ca
from lib.peers.strongswan import StrongSwan
from lib.peers.tunnel import PATIENCE, transfer

BUILD = os.environ.get("BUILD", "build")
SECRET = "a secret between two"
PEERS = {kind.name: kind for kind in (StrongSwan, Libreswan)}


class Daemon:
    """Our end with one connection, 'c'."""

    def __init__(self, bed, **settings):
        self.bed = bed
        self.dir = tempfile.TemporaryDirectory(prefix="interop-ike-")
        self.program = os.path.join(os.path.abspath(BUILD), "xdp-ipsec")
        self.instance = f"interop-ike-{os.getpid()}"
        settings = {"local": bed.host.address, "remote": bed.guest.address, "start": "respond", **settings}
        lines = "".join(f"{k.replace('_', '-')} = {v}\n" for k, v in settings.items())
        self.path("conf", f"[interface h0]\nmode = native\n\n[connection c]\n{lines}")

    def path(self, name, text):
        path = os.path.join(self.dir.name, name)
        with open(os.open(path, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "w", encoding="utf-8") as f:
            f.write(text)
        return name

    def argv(self, *words):
        return ["nsenter", f"--net={self.bed.near.path}", self.program, "--instance", self.instance, *words]

    def command(self, *words, check=True):
        return subprocess.run(self.argv(*words), capture_output=True, text=True, timeout=COMMAND_DEADLINE, check=check)

    def __enter__(self):
        with open(os.path.join(self.dir.name, "log"), "wb") as log:
            self.process = subprocess.Popen(
                self.argv("run", "-c", os.path.join(self.dir.name, "conf"), "detach-on-exit"),
                stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
            )  # fmt: skip
        try:
            wait_for("the daemon", self._is_ready)
        except BaseException:
            self.__exit__()
            raise
        return self

    def _is_ready(self):
        assert self.process.poll() is None, self.log()
        done = self.command("-j", "status", check=False)
        return done.stdout and json.loads(done.stdout)["worker"]["aead"]

    def __exit__(self, *exc):
        self.process.terminate()
        self.process.wait(COMMAND_DEADLINE)
        print(self.log())
        subprocess.run(["rm", "-rf", f"{BPFFS}/{self.instance}", f"/run/xdp-ipsec/{self.instance}"], check=False)
        self.dir.cleanup()

    def log(self):
        with open(os.path.join(self.dir.name, "log"), encoding="utf-8", errors="replace") as f:
            return f.read()

    def status(self):
        return json.loads(self.command("-j", "status", check=False).stdout)  # exit 4: a connection is down

    def connection(self):
        return self.status()["connections"][0]

    def initiate(self):
        self.command("connection", "initiate", "c")

    def rekey(self, what):
        self.command("connection", "rekey", "c", what)


@pytest.fixture(scope="module")
def bed():
    if reason := uml.missing():
        pytest.skip(reason)
    made = Bed()
    yield made
    made.close()


@pytest.fixture(scope="module")
def cas():
    return {kind: Ca(kind) for kind in ("ecdsa", "rsa")}


@pytest.fixture(params=PEERS)
def peer(bed, request):
    kind = PEERS[request.param]
    if reason := kind.missing():
        pytest.skip(reason)
    made = kind(bed.guest, bed.host)
    yield made
    print(made.log())
    made.kill()


def ends(bed, peer, cas, proof, peer_esn="both", **settings):
    """Both ends configured; ours as a context manager."""
    if proof == "psk":
        daemon = Daemon(bed, auth="psk", psk_file="psk", **settings)
        daemon.path("psk", SECRET)
        peer.configure(SECRET, peer_esn)
        return daemon
    daemon = Daemon(
        bed, auth="cert", cert="cert", key="key", ca="ca", local_id=HOST_NAME, remote_id=PEER_NAME, **settings
    )
    for name, text in zip(("cert", "key", "ca"), cas[proof].issue(HOST_NAME)):
        daemon.path(name, text)
    peer.configure(cas[proof].issue(PEER_NAME), peer_esn)
    return daemon


def ping(bed, count=3):
    argv = ["ping", "-q", "-c", str(count), "-i", "0.05", "-W", "5", bed.guest.address]
    return bed.host.call("run", argv)["rc"] == 0


def assert_tcp(sender, receiver):
    sent, arrived = transfer(sender, receiver, 5001, 200_000)
    assert arrived.result() == sent.result()


@contextlib.contextmanager
def every_echo(bed, interval=0.02):
    """A ping meanwhile, of which nothing is lost."""
    stop = threading.Event()
    flood = bed.host.spawn("echo_until", stop, bed.guest.address, interval, PATIENCE)
    try:
        yield
    finally:
        stop.set()
        sent, answered = flood.result()
    assert sent == answered > 0


def assert_one_child(daemon, peer):
    """Both ends have the same one."""
    ours = wait_for("one child", lambda: len(c := daemon.connection()["children"]) == 1 and c[0])
    wait_for("the same at the peer", lambda: peer.sas() == (1, [(ours["spi_out"], ours["spi_in"])]))
    return ours


def up(daemon, peer, initiator):
    (daemon if initiator == "we" else peer).initiate()
    wait_for("the child", lambda: daemon.connection()["state"] == "up")


@pytest.mark.parametrize("initiator", ["we", "they"])
@pytest.mark.parametrize("proof", ["psk", "ecdsa", "rsa"])
def test_up(bed, peer, cas, proof, initiator):
    with ends(bed, peer, cas, proof) as daemon:
        up(daemon, peer, initiator)
        assert assert_one_child(daemon, peer)["esn"] is True
        assert ping(bed)
        assert_tcp(bed.host, bed.guest)
        assert_tcp(bed.guest, bed.host)


@pytest.mark.parametrize("initiator", ["we", "they"])
def test_rekeys_lose_nothing(bed, peer, cas, initiator):
    """The child and the IKE SA, from each side, twice, under a ping: every echo comes back."""
    with ends(bed, peer, cas, "psk") as daemon:
        up(daemon, peer, initiator)
        # As responder we send by the first child a moment after it is there.
        wait_for("traffic", lambda: ping(bed, 1))
        with every_echo(bed):
            for _ in range(2):
                for side in (daemon, peer):
                    for what in ("child", "ike"):
                        side.rekey(what)
                        # Before the old child is gone, the new one is rekeyed by nobody (TEMPORARY_FAILURE).
                        assert_one_child(daemon, peer)


@pytest.mark.parametrize("initiator", ["we", "they"])
def test_proven_anew_loses_nothing(bed, peer, cas, initiator):
    """By our reauth-time, whoever began: another IKE SA and child by a full exchange, and then the old ones go."""
    with ends(bed, peer, cas, "ecdsa", reauth_time="5s") as daemon:
        up(daemon, peer, initiator)
        wait_for("traffic", lambda: ping(bed, 1))
        before = daemon.connection()["ike"][0]["spi_i"]
        with every_echo(bed):
            wait_for("another IKE SA alone",
                     lambda: len(i := daemon.connection()["ike"]) == 1 and i[0]["spi_i"] != before, 60)  # fmt: skip
        assert_one_child(daemon, peer)


@pytest.mark.parametrize("peer", ["libreswan"], indirect=True)
def test_what_comes_before_the_answer_is_not_lost(bed, peer, cas):
    """It answers a child's rekey, and sends by the new SA before its answer leaves, from which alone we have the key."""
    with ends(bed, peer, cas, "psk") as daemon:
        up(daemon, peer, "we")
        with every_echo(bed, 0.002):
            for _ in range(20):
                daemon.rekey("child")
        assert daemon.status()["passed"]["parked"]
        assert_one_child(daemon, peer)


@pytest.mark.parametrize("initiator", ["we", "they"])
def test_without_esn(bed, peer, cas, initiator):
    with ends(bed, peer, cas, "psk", peer_esn="no") as daemon:
        up(daemon, peer, initiator)
        assert daemon.connection()["children"][0]["esn"] is False
        assert ping(bed)


def test_deleted_by_us(bed, peer, cas):
    with ends(bed, peer, cas, "psk") as daemon:
        up(daemon, peer, "we")
        daemon.command("connection", "terminate", "c")
        assert peer.sas() == (0, [])


def test_deleted_by_them(bed, peer, cas):
    with ends(bed, peer, cas, "psk") as daemon:
        up(daemon, peer, "they")
        peer.terminate()
        wait_for("the end", lambda: not daemon.connection()["ike"])


def test_peer_killed_and_back(bed, peer, cas):
    """It comes back and begins anew, with INITIAL_CONTACT: what it has forgotten is forgotten here too."""
    with ends(bed, peer, cas, "psk", dpd_interval="2s") as daemon:
        up(daemon, peer, "they")
        before = daemon.connection()["children"][0]["spi_in"]
        peer.kill()
        peer.configure(SECRET)
        peer.initiate()
        wait_for("the old one to go", lambda: [c for c in daemon.connection()["children"] if c["spi_in"] != before]
                 and len(daemon.connection()["ike"]) == 1)  # fmt: skip
        assert ping(bed)


@pytest.mark.parametrize("peer", ["strongswan"], indirect=True)
@pytest.mark.parametrize("initiator", ["we", "they"])
def test_without_pfs_for_children(bed, peer, cas, initiator):
    """Each rekey is refused, and made by a new IKE SA: nothing is lost, nothing is left."""
    with ends(bed, peer, cas, "psk") as daemon:
        peer.configure(SECRET, pfs=False)
        up(daemon, peer, initiator)
        wait_for("traffic", lambda: ping(bed, 1))
        with every_echo(bed):
            for side in (daemon, peer, daemon):
                before = daemon.connection()["children"][0]["spi_in"]
                side.rekey("child")
                wait_for("another child", lambda: daemon.connection()["children"][-1]["spi_in"] != before)
                assert_one_child(daemon, peer)
        assert "a new IKE SA is made" in daemon.log()


@pytest.mark.parametrize("peer", ["strongswan"], indirect=True)
@pytest.mark.parametrize("start", ["respond", "trap", "initiate"])
def test_childless(bed, peer, cas, start):
    """It opens an IKE SA alone; what wants to go gets its child at once."""
    both = ends(bed, peer, cas, "psk", start=start)
    peer.kill()
    with both as daemon:
        # The next try is seconds away then.
        wait_for("a peer that does not answer", lambda: start != "initiate" or "no answer" in daemon.log(), 40)
        peer.configure(SECRET, childless="force")
        peer.initiate_ike()
        begun = time.monotonic()
        assert ping(bed)
        assert time.monotonic() - begun < 5
        assert len(daemon.connection()["children"]) == 1


@pytest.mark.parametrize("peer", ["strongswan"], indirect=True)
def test_peer_killed_and_back_with_nothing(bed, peer, cas):
    """It begins nothing itself: five seconds after it was killed its SAs are there again, by our doing."""
    with ends(bed, peer, cas, "psk", start="initiate", dpd_interval="3s") as daemon:
        wait_for("the first SAs", lambda: daemon.connection()["state"] == "up")
        assert ping(bed)
        begun = time.monotonic()
        peer.kill()
        stop = threading.Event()
        # What leaves and is not answered is a reason to ask.
        echoes = bed.host.spawn("echo_until", stop, bed.guest.address, 0.1, 1)
        time.sleep(max(0.0, begun + 2 - time.monotonic()))
        peer.configure(SECRET)
        try:
            wait_for("the next SAs", lambda: len(peer.sas()[1]) == 1)
            hole = time.monotonic() - begun
        finally:
            stop.set()
            echoes.result()
        assert ping(bed)
        print(f"hole: {hole:.1f} s")
        assert hole < 6


def test_group_is_corrected(bed, peer, cas):
    """It opens with curve25519 and has ecp384 too: INVALID_KE_PAYLOAD tells it."""
    with ends(bed, peer, cas, "psk") as daemon:
        peer.configure(SECRET, groups=("x25519", "ecp384"))
        up(daemon, peer, "they")
        assert ping(bed)


@pytest.mark.parametrize("peer", ["strongswan"], indirect=True)
@pytest.mark.parametrize("initiator", ["we", "they"])
def test_port_4500_is_answered(bed, peer, cas, initiator):
    """With MOBIKE strongSwan goes on at port 4500 after IKE_SA_INIT, though there is no NAT."""
    with ends(bed, peer, cas, "psk") as daemon:
        peer.configure(SECRET, mobike="yes")
        up(daemon, peer, initiator)
        assert ping(bed)
        for side in (daemon, peer):
            side.rekey("child")
            side.rekey("ike")
        assert ping(bed)
        if initiator == "they":
            assert "[4500]" in peer.log()


def test_tunnel_mode_is_refused(bed, peer, cas):
    with ends(bed, peer, cas, "psk") as daemon:
        peer.configure(SECRET, mode="tunnel")
        assert daemon.command("connection", "initiate", "c", check=False).returncode == 1
        assert "strongSwan: mode = transport" in daemon.log()
        assert not daemon.connection()["children"]


def test_monitor(bed, peer, cas):
    """Probes are answered through XFRM; when the peer's kernel loses its SAs unseen, they are made anew."""
    with ends(bed, peer, cas, "psk", start="initiate", monitor="200ms", threshold=3) as daemon:
        def answered():
            c = daemon.connection()
            return c["state"] == "up" and c["monitor"]["state"] == "up" and c["monitor"]["rtt_us"]["last"] and c

        before = wait_for("answers", answered)
        assert daemon.status()["drops"]["cleartext_protected"] == 0
        bed.guest.call("run", ["ip", "xfrm", "state", "flush"])
        wait_for("no answers", lambda: "monitor: no answer inside the SA to 3 probes" in daemon.log())
        after = wait_for("answers again", answered)
        assert after["children"][0]["spi_out"] != before["children"][0]["spi_out"]
        assert after["monitor"]["lost"] >= 3
        assert ping(bed)


def test_wrong_psk(bed, peer, cas):
    with ends(bed, peer, cas, "psk") as daemon:
        peer.configure("another secret")
        done = daemon.command("connection", "initiate", "c", check=False)
        assert done.returncode == 1 and "AUTHENTICATION_FAILED" in done.stderr
