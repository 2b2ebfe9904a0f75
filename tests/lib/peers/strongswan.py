# SPDX-License-Identifier: BSD-2-Clause
"""strongSwan's charon in the guest, with Linux XFRM below it, configured anew for each test.

Debian's packages, or what was built with --prefix=PREFIX --with-piddir=/run and the plugins below: STRONGSWAN=PREFIX.
"""
import os
import re

from lib.peers.guest_bed import HOST_NAME, PEER_NAME

PREFIX = os.environ.get("STRONGSWAN")
CHARON = f"{PREFIX}/libexec/ipsec/charon" if PREFIX else "/usr/lib/ipsec/charon"
SWANCTL = f"{PREFIX}/sbin/swanctl" if PREFIX else "/usr/sbin/swanctl"
DIR = "/mnt/swan"
PLUGINS = (
    "random nonce openssl pem pkcs1 pkcs8 x509 pubkey revocation constraints hmac kdf gcm aes sha2 sha1 ctr drbg "
    "kernel-netlink socket-default vici updown counters"
)
CONF = f"""
charon {{
  load_modular = no
  load = {PLUGINS}
  install_routes = no
  install_virtual_ip = no
  retransmit_timeout = 1.0
  filelog {{
    log {{
      path = {DIR}/log
      default = 1
      time_format = %H:%M:%S
      time_add_ms = yes
      flush_line = yes
    }}
  }}
}}
"""


class StrongSwan:
    name = "strongswan"

    def __init__(self, guest, host):
        self.guest, self.host = guest, host
        self._runs = False
        self._sh(f"mkdir -p {DIR}/x509 {DIR}/x509ca {DIR}/private")
        self._write("strongswan.conf", CONF)

    @staticmethod
    def missing():
        """Why there is no such peer here, or None."""
        for program in (CHARON, SWANCTL):
            if not os.path.exists(program):
                return f"{program} is not there: Debian's packages strongswan-charon and strongswan-swanctl have it"
        return None

    def _sh(self, script, check=True):
        done = self.guest.call("run", ["sh", "-c", script])
        assert not check or done["rc"] == 0, f"{script}: exit {done['rc']}\n{done['out']}{done['err']}"
        return done["out"]

    def _write(self, name, text):
        self.guest.call("write_file", f"{DIR}/{name}", text)

    def _swanctl(self, *words, check=True):
        return self._sh(f"SWANCTL_DIR={DIR} STRONGSWAN_CONF={DIR}/strongswan.conf {SWANCTL} " + " ".join(words), check)

    def _start(self):
        self._sh(
            f"STRONGSWAN_CONF={DIR}/strongswan.conf {CHARON} </dev/null >{DIR}/out 2>&1 & "
            f"for i in $(seq 100); do [ -S /run/charon.vici ] && exit 0; sleep 0.1; done; cat {DIR}/out; exit 1"
        )
        self._runs = True

    def kill(self):
        """SIGKILL: it says nothing to anyone. Its SAs and policies are flushed from the kernel."""
        self._sh("kill -9 $(pidof charon); while pidof charon >/dev/null; do sleep 0.05; done; rm -f /run/charon.*; "
                 "ip xfrm state flush; ip xfrm policy flush", check=False)  # fmt: skip
        self._runs = False

    def configure(self, auth, esn="both", mode="transport", groups=("ecp384",), mobike="no", pfs=True, childless="allow",
                  encap=False):
        """auth: a secret, or (certificate, key, ca) in PEM."""
        if not self._runs:
            self._start()
        if isinstance(auth, str):
            proof = f"auth = psk\n id = {self.guest.address}"
            theirs = f"auth = psk\n id = {self.host.address}"
            secrets = f'secrets {{ ike {{ secret = "{auth}" }} }}'
        else:
            for name, text in zip(("x509/me.pem", "private/me.pem", "x509ca/ca.pem"), auth):
                self._write(name, text)
            proof = f"auth = pubkey\n certs = me.pem\n id = {PEER_NAME}"
            theirs = f"auth = pubkey\n id = {HOST_NAME}"
            secrets = ""
        proposal = "aes256gcm16" + ("-ecp384" if pfs else "") + {"yes": "-esn", "no": "", "both": "-esn-noesn"}[esn]
        self._write(
            "swanctl.conf",
            f"""
connections {{
  c {{
    version = 2
    local_addrs = {self.guest.address}
    remote_addrs = {self.host.address}
    proposals = aes256gcm16-prfsha384-{"-".join(groups)}
    mobike = {mobike}
    encap = {"yes" if encap else "no"}
    childless = {childless}
    rekey_time = 0
    local {{
      {proof}
    }}
    remote {{
      {theirs}
    }}
    children {{
      c {{
        mode = {mode}
        esp_proposals = {proposal}
        rekey_time = 0
        local_ts = dynamic
        remote_ts = dynamic
      }}
    }}
  }}
}}
{secrets}
""",
        )
        self._swanctl("--load-all")

    def initiate(self, check=True):
        self._swanctl("--initiate --child c --timeout 20", check=check)

    def initiate_ike(self):
        """Where one is up already, it is taken, and nothing more is told: that is no failure."""
        self._swanctl("--initiate --ike c --timeout 5", check=False)

    def rekey(self, what):
        self._swanctl(f"--rekey --{what} c")

    def terminate(self):
        self._swanctl("--terminate --ike c", check=False)

    def sas(self):
        """
        Number of IKE SAs that are up, and the ESP SPIs (in, out) of the children that are not deleted: those it keeps
        for 5 s, and for good if the IKE SA is rekeyed just then.
        """
        text = self._swanctl("--list-sas")
        children = re.findall(r"reqid \d+, (\w+),.*?in +([0-9a-f]{8}),.*?out +([0-9a-f]{8}),", text, re.S)
        living = [(int(i, 16), int(o, 16)) for state, i, o in children if state != "DELETED"]
        return len(re.findall("ESTABLISHED", text)), living

    def log(self):
        return self.guest.call("read_file", f"{DIR}/log")
