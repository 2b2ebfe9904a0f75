# SPDX-License-Identifier: BSD-2-Clause
"""A Linux kernel with XFRM ESP beside this one: Debian's user-mode-linux as a process.

Its root is this machine's file tree, read-only, its NIC a packet socket on a device of ours, and
a serial line carries what it is asked to do (guest.py). Nothing is built or downloaded.
"""
import glob
import itertools
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
from concurrent.futures import Future

import pytest

KERNEL = "linux.uml"
MODULES = "/usr/lib/uml/modules"
BOOT_DEADLINE = 60
STOP_DEADLINE = 10
CALL_DEADLINE = 60


class GuestError(Exception):
    pass


def missing():
    """Why no guest can be booted here, or None."""
    if not shutil.which(KERNEL) or not glob.glob(f"{MODULES}/*/modules.dep"):
        return "Debian's package user-mode-linux is not installed (apt-get install user-mode-linux)"
    if os.geteuid():
        return "needs root"
    return None


def _session_members(leader):
    """Every process of the session that leader made: UML has one for each address space in it."""
    for path in glob.glob("/proc/[0-9]*/stat"):
        try:
            with open(path, encoding="utf-8", errors="replace") as f:
                fields = f.read().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if int(fields[3]) == leader:
            yield int(path.split("/")[2])


class Guest:
    """One booted guest: an end of the wire (guest_bed.Host is the other), asked by call() and spawn()."""

    def __init__(self, netns, device, mac, address, prefix=24):
        self.address = address
        self._state = tempfile.mkdtemp(prefix="interop-guest-")
        self._numbers = itertools.count(1)
        self._waiting = {}
        self._lock = threading.Lock()
        self._ready = Future()
        self._line, theirs = socket.socketpair()
        try:
            self._process = self._boot(theirs, netns, device, mac, f"{address}/{prefix}")
        finally:
            theirs.close()
        threading.Thread(target=self._listen, daemon=True).start()
        try:
            self.release = self._ready.result(BOOT_DEADLINE)
        except BaseException as e:
            self.close()
            if "put_fp_registers" in str(e):
                pytest.skip("this CPU has more registers than Debian's user-mode-linux has room for, as with AMX")
            raise

    def _boot(self, line, netns, device, mac, address):
        modules = sorted(os.path.dirname(d) for d in glob.glob(f"{MODULES}/*/modules.dep"))[-1]
        argv = [
            "nsenter", f"--net={netns}", KERNEL, "mem=256M", "umid=guest", f"uml_dir={self._state}",
            "root=/dev/root", "rootfstype=hostfs", "rootflags=/", "ro", "quiet", "random.trust_bootloader=1",
            f"init={os.path.join(os.path.dirname(os.path.abspath(__file__)), 'guest.py')}",
            "con=null", "con0=null,fd:1", "ssl=null", f"ssl0=fd:{line.fileno()}",
            f"vec0:transport=raw,ifname={device},mac={mac},depth=256,gro=0",
            f"interop.modules={modules}", f"interop.address={address}",
        ]  # fmt: skip
        with open(self._console, "wb") as console:
            return subprocess.Popen(
                argv, stdin=subprocess.DEVNULL, stdout=console, stderr=subprocess.STDOUT,
                pass_fds=[line.fileno()], start_new_session=True,
            )  # fmt: skip

    @property
    def _console(self):
        return os.path.join(self._state, "console")

    def _last_words(self):
        try:
            with open(self._console, encoding="utf-8", errors="replace") as f:
                return "the guest ended; its console:\n" + "".join(f.readlines()[-30:])
        except FileNotFoundError:
            return "the guest was stopped"

    def _listen(self):
        with self._line.makefile("rb") as answers:
            try:
                for line in answers:
                    self._take(json.loads(line))
            except OSError:
                pass
        self._give_up()

    def _take(self, answer):
        if "ready" in answer:
            self._ready.set_result(answer["ready"])
            return
        with self._lock:
            future = self._waiting.pop(answer["id"])
        if "error" in answer:
            future.set_exception(GuestError(answer["error"]))
        else:
            future.set_result(answer["value"])

    def _give_up(self):
        error = GuestError(self._last_words())
        with self._lock:
            left = [*self._waiting.values(), self._ready]
            self._waiting.clear()
        for future in left:
            if not future.done():
                future.set_exception(error)

    def spawn(self, function, *args):
        """Starts a function of errands.py in the guest; the Future yields what it returns."""
        future = Future()
        with self._lock:
            number = next(self._numbers)
            self._waiting[number] = future
            self._line.sendall(json.dumps({"id": number, "call": function, "args": args}).encode() + b"\n")
        return future

    def call(self, function, *args):
        return self.spawn(function, *args).result(CALL_DEADLINE)

    def close(self):
        """The guest powers off when its serial line closes; what does not is killed, by its session."""
        try:
            self._line.shutdown(socket.SHUT_RDWR)
            self._process.wait(STOP_DEADLINE)
        except (OSError, subprocess.TimeoutExpired):
            pass
        for pid in _session_members(self._process.pid):
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        self._process.wait()
        self._line.close()
        shutil.rmtree(self._state, ignore_errors=True)
