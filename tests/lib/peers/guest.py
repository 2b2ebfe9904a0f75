#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""PID 1 of the interoperability guest.

The guest's root is this machine's own file tree, read-only, so everything installed here runs
there and nothing has to be built. Requests and answers are lines of JSON on the serial line that
uml.Guest holds the other end of; when that end goes away the guest powers off.
"""
import ctypes
import json
import os
import sys
import termios
import threading
import traceback
import tty
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
from lib.peers import errands

LINE = "/dev/ttyS0"
SCRATCH = "/mnt"
# esp4 and what rfc4106(gcm(aes)) asks the kernel for; the three before seqiv are its random numbers, without
# jitterentropy_rng, which refuses to load where its clock is too coarse for a fast machine. GRE.
MODULES = "xfrm_user esp4 ip_gre gcm ghash-generic ctr hmac sha512_generic drbg seqiv echainiv".split()
SYS_FINIT_MODULE = {"x86_64": 313, "aarch64": 273}[os.uname().machine]
POWER_OFF = 0x4321FEDC

libc = ctypes.CDLL(None, use_errno=True)


def mount(kind, where):
    if libc.mount(kind.encode(), where.encode(), kind.encode(), 0, None):
        raise OSError(ctypes.get_errno(), f"mount {kind} on {where}")


def load_module(path):
    with open(path, "rb") as f:
        if libc.syscall(SYS_FINIT_MODULE, f.fileno(), b"", 0):
            raise OSError(ctypes.get_errno(), f"load module {path}")


def settings():
    """What uml.Guest put on the kernel's command line as interop.NAME=VALUE."""
    with open("/proc/cmdline", encoding="ascii") as f:
        words = [w[len("interop."):] for w in f.read().split() if w.startswith("interop.")]
    return dict(w.split("=", 1) for w in words)


def load_modules(directory):
    """Each of MODULES after what it depends on. The tree need not have modprobe for this."""
    depends = {}
    for line in errands.read_file(f"{directory}/modules.dep").splitlines():
        path, _, needs = line.partition(":")
        depends[os.path.basename(path).removesuffix(".ko")] = [*reversed(needs.split()), path]
    loaded = set()
    for path in [p for name in MODULES for p in depends[name]]:
        if path not in loaded:
            load_module(f"{directory}/{path}")
            loaded.add(path)


def configure(conf):
    os.environ.update(PATH="/usr/sbin:/usr/bin:/sbin:/bin", HOME=SCRATCH, TMPDIR=SCRATCH, LC_ALL="C.UTF-8")
    mount("tmpfs", SCRATCH)
    mount("tmpfs", "/run")
    load_modules(conf["modules"])
    for scope in ("all", "default"):  # ip_gre brings IPv6 with it, which would speak up
        errands.write_file(f"/proc/sys/net/ipv6/conf/{scope}/disable_ipv6", "1")
    errands.run(["ip", "-batch", "-"], f"link set lo up\nlink set vec0 up\naddr add {conf['address']} dev vec0\n")


def open_line():
    fd = os.open(LINE, os.O_RDWR | os.O_NOCTTY)
    tty.setraw(fd, termios.TCSANOW)
    return fd


class Agent:
    """Answers each request in a thread of its own, so that a waiting one holds up no other."""

    def __init__(self, fd):
        self.fd = fd
        self.lock = threading.Lock()

    def say(self, answer):
        data = json.dumps(answer).encode() + b"\n"
        with self.lock:
            while data:
                data = data[os.write(self.fd, data):]

    def answer(self, request):
        try:
            value = getattr(errands, request["call"])(*request["args"])
            self.say({"id": request["id"], "value": value})
        except Exception as e:  # whatever went wrong is the caller's to hear
            self.say({"id": request["id"], "error": f"{type(e).__name__}: {e}"})

    def serve(self):
        self.say({"ready": os.uname().release})
        with os.fdopen(self.fd, "rb", buffering=0, closefd=False) as raw:
            rest = b""
            while data := raw.read(4096):
                *lines, rest = (rest + data).split(b"\n")
                for line in lines:
                    threading.Thread(target=self.answer, args=(json.loads(line),), daemon=True).start()


def main():
    mount("proc", "/proc")
    try:
        configure(settings())
        Agent(open_line()).serve()
    except Exception:  # to the console, which uml.Guest shows
        traceback.print_exc()
    finally:
        libc.reboot(POWER_OFF)


if __name__ == "__main__":
    main()
