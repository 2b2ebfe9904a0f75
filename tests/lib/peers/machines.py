# SPDX-License-Identifier: BSD-2-Clause
"""
The other side as documents speak of it (lib/document.py): the guest with root's shell, where the files of its IKE daemon are at
the places that people know. It has 192.0.2.2, and ours is a lib.beds.machines.Machine with 192.0.2.1.
"""
from lib.peers import libreswan, strongswan


class Peer:
    """A Linux with nothing but its kernel."""

    def __init__(self, bed):
        self.guest = bed.guest

    @staticmethod
    def missing():
        return None

    def sh(self, script):
        done = self.guest.call("run", ["bash", "-e", "-u", "-o", "pipefail", "-c", script])
        return done["rc"], done["out"] + done["err"]

    def write(self, path, text):
        self.guest.call("write_file", path, text)

    def log(self):
        return ""

    def close(self):
        """Leaves the guest to the next one."""
        self.sh("ip xfrm state flush; ip xfrm policy flush")


class StrongSwanPeer(Peer):
    """charon runs, as the service of a distribution does, with /etc/swanctl as Debian has it."""

    missing = staticmethod(strongswan.StrongSwan.missing)

    def __init__(self, bed):
        super().__init__(bed)
        self.daemon = strongswan.StrongSwan(bed.guest, bed.host)
        code, out = self.sh(
            "mount -t tmpfs own /etc/swanctl; cd /etc/swanctl; mkdir conf.d x509 x509ca private; echo 'include conf.d/*.conf' >swanctl.conf"
        )
        assert code == 0, out
        self.daemon._start()

    def log(self):
        return self.daemon.log()

    def close(self):
        self.daemon.kill()


class LibreswanPeer(Peer):
    """Its package is unpacked and not installed: what its service and the command `ipsec` do is done by pluto and whack."""

    missing = staticmethod(libreswan.Libreswan.missing)

    def __init__(self, bed):
        super().__init__(bed)
        self.daemon = libreswan.Libreswan(bed.guest, bed.host)

    def write(self, path, text):
        name = {"conf": "conf", "secrets": "secrets"}[path.rsplit(".", 1)[1]]
        # Its scripts of up and down call `ipsec`.
        setup = f"config setup\n logfile={libreswan.DIR}/log\nconn %default\n leftupdown=%disabled\n" if name == "conf" else ""
        self.daemon._write(name, setup + text)

    def sh(self, script):
        if script.strip() == "systemctl start ipsec":
            self.daemon._start(None)
            return 0, ""
        words = script.split()
        if words[:2] == ["ipsec", "auto"]:
            return 0, self.daemon._whack(f"{ {'--up': '--initiate'}[words[2]] } --name {words[3]}")
        return super().sh(script)

    def log(self):
        return self.daemon.log()

    def close(self):
        self.daemon.kill()


PEERS = {"xfrm": Peer, "strongswan": StrongSwanPeer, "libreswan": LibreswanPeer}
