# SPDX-License-Identifier: BSD-2-Clause
"""Our end of the SAs: an instance of xdp-ipsec in the host's namespace, driven by its command alone."""
import json
import os
import shutil
import signal
import subprocess
import tempfile

from lib.wait import patiently

COMMAND_DEADLINE = 20
BPFFS = "/sys/fs/bpf/xdp-ipsec"


def missing(build):
    """Why nothing can be tested, or None."""
    for program in ("xdp-ipsec", "xdp-ipsec-worker"):
        if not os.access(os.path.join(build, program), os.X_OK):
            return f"{build}/{program} is not there: run make first"
    return None


class Datapath:
    def __init__(self, bed, build, mode):
        self.bed = bed
        self.mode = mode
        self.program = os.path.join(os.path.abspath(build), "xdp-ipsec")
        self.instance = f"interop-{mode}-{os.getpid()}"
        self._state = tempfile.mkdtemp(prefix="interop-datapath-")
        self._daemon = None
        self._before = {}
        try:
            self._start()
        except BaseException:
            self.close()
            raise

    def _argv(self, *args):
        return ["nsenter", f"--net={self.bed.near.path}", self.program, "--instance", self.instance, *args]

    def _start(self):
        conf = os.path.join(self._state, "conf")
        with open(conf, "w", encoding="ascii") as f:
            f.write(f"[interface h0]\nmode = {self.mode}\n")
        with open(self._log, "wb") as log:
            self._daemon = subprocess.Popen(
                self._argv("run", "-c", conf), stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT
            )
        patiently(self._is_up, "the datapath to come up")
        self.mark()

    def _is_up(self):
        assert self._daemon.poll() is None, f"xdp-ipsec run ended:\n{self.log()}"
        try:
            return self.status()["worker"]["aead"] and self._answers()
        except subprocess.CalledProcessError:
            return False

    def _answers(self):
        """A ping in clear: the queues are bound and what no policy names is let by."""
        argv = ["ping", "-c", "1", "-W", "1", self.bed.guest.address]
        return self.bed.host.call("run", argv)["rc"] == 0

    @property
    def _log(self):
        return os.path.join(self._state, "log")

    def log(self):
        with open(self._log, encoding="utf-8", errors="replace") as f:
            return f.read()

    def command(self, *args, text=None):
        """Runs a subcommand that must succeed; what it prints."""
        argv = self._argv(*args)
        done = subprocess.run(
            argv, input=text, capture_output=True, text=True, timeout=COMMAND_DEADLINE, check=False
        )  # fmt: skip
        if done.returncode:
            raise subprocess.CalledProcessError(done.returncode, argv, done.stdout, done.stderr)
        return done.stdout

    # ---- SAs and policies ----

    def _sa(self, src, dst, spi, key, seq, pair):
        argv = ["sa", "add", "src", src, "dst", dst, "spi", f"{spi:#x}", "key-file", "-", "seq", str(seq)]
        argv += ["esn", "on" if pair.esn else "off", "replay-window", str(pair.window)]
        if pair.selector:
            argv += ["sel", "{}/{}".format(*pair.selector)]
        self.command(*argv, text=key + "\n")

    def add_outbound(self, pair):
        self._sa(self.bed.host.address, self.bed.guest.address, pair.out_spi, pair.out_key, pair.out_seq, pair)

    def add_inbound(self, pair):
        self._sa(self.bed.guest.address, self.bed.host.address, pair.in_spi, pair.in_key, pair.in_seq, pair)

    def protect(self, pair):
        match = ()
        if pair.selector:
            proto, port = pair.selector
            match = ("proto", proto, "dport", str(port))
        self.command("policy", "add", "dst", f"{self.bed.guest.address}/32", *match, "action", "protect")

    def add(self, pair):
        """Installs both SAs and the policy for what the pair's selector says (a port of the guest's)."""
        self.protect(pair)
        self.add_inbound(pair)
        self.add_outbound(pair)

    def flush(self):
        self.command("policy", "flush")
        self.command("sa", "flush")

    # ---- what it counts ----

    def status(self):
        return json.loads(self.command("-j", "status", "quick"))

    def sa(self, spi):
        return next(sa for sa in self.status()["sas"] if int(str(sa["spi"]), 0) == spi)

    def mark(self):
        self._before = dict(self.status()["drops"])

    def drops(self):
        """Drops by reason since mark(), zeros left out."""
        now = self.status()["drops"]
        counts = {name: n - self._before.get(name, 0) for name, n in now.items()}
        return {name: n for name, n in counts.items() if n}

    # ---- its life ----

    def kill_worker(self):
        """SIGKILL, and back when another worker stands in its place and is ready."""
        worker = self.status()["worker"]
        os.kill(worker["pid"], signal.SIGKILL)

        def replaced():
            now = self.status()["worker"]
            return now["aead"] and now["pid"] != worker["pid"] and now["restarts"] > worker["restarts"]

        patiently(replaced, "another worker")

    def close(self):
        if self._daemon and self._daemon.poll() is None:
            subprocess.run(self._argv("detach", "h0"), capture_output=True, timeout=COMMAND_DEADLINE, check=False)
            self._daemon.terminate()
            try:
                self._daemon.wait(COMMAND_DEADLINE)
            except subprocess.TimeoutExpired:
                self._daemon.kill()
                self._daemon.wait()
        # The instance is this run's own; its maps outlive the daemon by design.
        shutil.rmtree(f"{BPFFS}/{self.instance}", ignore_errors=True)
        shutil.rmtree(f"/run/xdp-ipsec/{self.instance}", ignore_errors=True)
        shutil.rmtree(self._state, ignore_errors=True)
