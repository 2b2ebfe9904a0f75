# SPDX-License-Identifier: BSD-2-Clause
"""Our end with IKEv2: an instance of xdp-ipsec whose keys come from an IKE daemon of somebody else in the guest."""
import contextlib
import json
import os
import subprocess
import tempfile
import threading

from lib.peers.datapath import BPFFS, COMMAND_DEADLINE
from lib.peers.guest_bed import HOST_NAME, PEER_NAME
from lib.peers.tunnel import PATIENCE
from lib.wait import patiently

BUILD = os.environ.get("BUILD", "build")
SECRET = "a secret between two"


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
            patiently(self._is_ready, "the daemon")
        except BaseException:
            self.__exit__()
            raise
        return self

    def _is_ready(self):
        assert self.process.poll() is None, self.log()
        done = self.command("-j", "status", "quick", check=False)
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
        return json.loads(self.command("-j", "status", "quick", check=False).stdout)  # exit 4: a connection is down

    def connection(self):
        return self.status()["connections"][0]

    def initiate(self):
        self.command("connection", "initiate", "c")

    def rekey(self, what):
        self.command("connection", "rekey", "c", what)


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
    for name, text in zip(("cert", "key", "ca"), cas[proof].credentials(HOST_NAME)):
        daemon.path(name, text)
    peer.configure(cas[proof].credentials(PEER_NAME), peer_esn)
    return daemon


def up(daemon, peer, initiator):
    (daemon if initiator == "we" else peer).initiate()
    patiently(lambda: daemon.connection()["state"] == "up", "the child")


def ping(bed, count=3):
    argv = ["ping", "-q", "-c", str(count), "-i", "0.05", "-W", "5", bed.guest.address]
    return bed.host.call("run", argv)["rc"] == 0


def assert_one_child(daemon, peer):
    """Both ends have the same one. A rekey may go on while the one and then the other is asked."""
    def same():
        ours = daemon.connection()["children"]
        return len(ours) == 1 and peer.sas() == (1, [(ours[0]["spi_out"], ours[0]["spi_in"])]) and ours[0]

    return patiently(same, "the same child alone at both ends")


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
