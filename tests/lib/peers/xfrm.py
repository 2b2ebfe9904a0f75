# SPDX-License-Identifier: BSD-2-Clause
"""The guest's end of the SAs: ip xfrm in it, and what its kernel counts."""
import re

WINDOW = 64
ALGORITHM = "aead 'rfc4106(gcm(aes))' 0x{key} 128"


class Xfrm:
    def __init__(self, guest, host_address):
        self.guest = guest
        self.host_address = host_address
        self._before = self._counters()

    def _ip(self, *lines):
        result = self.guest.call("run", ["ip", "-batch", "-"], "\n".join(lines) + "\n")
        assert result["rc"] == 0, result["err"]

    def _counters(self):
        lines = self.guest.call("read_file", "/proc/net/xfrm_stat").splitlines()
        return {name: int(count) for name, count in (line.split() for line in lines)}

    def errors(self):
        """What /proc/net/xfrm_stat has counted since the last flush, zeros left out."""
        now = self._counters()
        return {name: n - self._before[name] for name, n in now.items() if n != self._before[name]}

    def flush(self):
        self._ip("xfrm state flush", "xfrm policy flush")
        self._before = self._counters()

    def _state(self, src, dst, spi, key, esn, replay):
        flag = "flag esn" if esn else ""
        return (
            f"xfrm state add src {src} dst {dst} proto esp spi {spi:#x} reqid 1 mode transport "
            f"{replay} {flag} " + ALGORITHM.format(key=key)
        )

    def _policy(self, src, dst, direction, match):
        return (
            f"xfrm policy add src {src}/32 dst {dst}/32 {match} dir {direction} "
            f"tmpl src {src} dst {dst} proto esp reqid 1 mode transport"
        )

    def add(self, pair):
        """Installs both SAs and policies that require them, both ways, for what the pair's selector says."""
        us, them = self.guest.address, self.host_address
        # With ESN, XFRM wants a window on the outbound SA too.
        sent = f"replay-window {1 if pair.esn else 0} replay-oseq {pair.in_seq & 0xFFFFFFFF:#x}"
        taken = f"replay-window {WINDOW} replay-seq {pair.out_seq & 0xFFFFFFFF:#x}"
        if pair.esn:
            sent += f" replay-oseq-hi {pair.in_seq >> 32:#x}"
            taken += f" replay-seq-hi {pair.out_seq >> 32:#x}"
        out_match = in_match = ""
        if pair.selector:
            proto, port = pair.selector
            out_match, in_match = f"proto {proto} sport {port}", f"proto {proto} dport {port}"
        self._ip(
            self._state(us, them, pair.in_spi, pair.in_key, pair.esn, sent),
            self._state(them, us, pair.out_spi, pair.out_key, pair.esn, taken),
            self._policy(us, them, "out", out_match),
            self._policy(them, us, "in", in_match),
        )

    def sequence(self, spi):
        """64-bit sequence number of an SA of the guest: the last one sent or the highest taken."""
        text = self.guest.call("run", ["ip", "xfrm", "state", "show"])["out"]
        state = next(s for s in text.split("src ") if f"spi 0x{spi:08x}" in s)
        numbers = {}
        for name in ("seq-hi", "seq", "oseq-hi", "oseq"):
            found = re.search(rf"[\s,]{name} 0x([0-9a-f]+)", state)
            numbers[name] = int(found.group(1), 16) if found else 0
        sent = numbers["oseq-hi"] << 32 | numbers["oseq"]
        taken = numbers["seq-hi"] << 32 | numbers["seq"]
        return max(sent, taken)
