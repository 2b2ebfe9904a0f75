# SPDX-License-Identifier: BSD-2-Clause
"""libreswan's pluto in the guest, with Linux XFRM below it.

Debian's package conflicts with strongSwan's, so it is not installed: 'make libreswan' unpacks it in build/."""
import os
import re
import subprocess
import tempfile

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import pkcs12

from lib.peers.guest_bed import HOST_NAME, PEER_NAME
from lib.wait import patiently

TREE = os.path.abspath(os.path.join(os.environ.get("BUILD", "build"), "libreswan"))
LIBRARIES = ":".join(f"{TREE}/{lib}/{os.uname().machine}-linux-gnu" for lib in ("usr/lib", "lib"))
PROGRAMS = "/usr/libexec/ipsec"  # in the guest; pluto insists on it
DIR = "/mnt/pluto"
RUN = "/run/pluto"
GROUPS = {"ecp384": "dh20", "x25519": "dh31"}
PASSWORD = b"interop"


def _nss(program, *words):
    argv = [f"{TREE}/usr/bin/{program}", *words]
    subprocess.run(argv, env={"LD_LIBRARY_PATH": LIBRARIES}, check=True, capture_output=True)


def _private_key(credentials):
    return serialization.load_pem_private_key(credentials[1].encode(), None)


def _make_database(directory, credentials):
    """NSS's database, in which pluto looks for keys and certificates: empty, or with (certificate, key, ca) in PEM."""
    database = f"sql:{directory}"
    _nss("certutil", "-N", "-d", database, "--empty-password")
    if not credentials:
        return
    cert, _, ca = (text.encode() for text in credentials)
    with open(f"{directory}/ca", "wb") as f:
        f.write(ca)
    with open(f"{directory}/p12", "wb") as f:
        f.write(pkcs12.serialize_key_and_certificates(
            PEER_NAME.encode(), _private_key(credentials), x509.load_pem_x509_certificate(cert), None,
            serialization.BestAvailableEncryption(PASSWORD),
        ))  # fmt: skip
    _nss("certutil", "-A", "-d", database, "-n", "ca", "-t", "CT,,", "-i", f"{directory}/ca")
    _nss("pk12util", "-d", database, "-i", f"{directory}/p12", "-W", PASSWORD.decode())


class Libreswan:
    name = "libreswan"

    def __init__(self, guest, host):
        self.guest, self.host = guest, host
        self._sh(f"mkdir -p {DIR} {RUN}; [ -e {PROGRAMS}/pluto ] || mount --bind {TREE}/usr/libexec /usr/libexec")

    @staticmethod
    def missing():
        """Why there is no such peer here, or None."""
        if not os.path.exists(f"{TREE}{PROGRAMS}/pluto"):
            return f"Debian's package libreswan is not unpacked in {TREE} (make libreswan)"
        return None

    def _sh(self, script, check=True):
        done = self.guest.call("run", ["sh", "-c", f"export LD_LIBRARY_PATH={LIBRARIES}; {script}"])
        assert not check or done["rc"] == 0, f"{script}: exit {done['rc']}\n{done['out']}{done['err']}"
        return done["out"]

    def _write(self, name, text):
        self.guest.call("write_file", f"{DIR}/{name}", text)

    def _whack(self, words, check=True):
        return self._sh(f"{PROGRAMS}/whack --ctlsocket {RUN}/pluto.ctl {words}", check)

    def configure(self, auth, esn="both", mode="transport", groups=("ecp384",)):
        """Begins anew. auth: a secret, or (certificate, key, ca) in PEM."""
        self.kill()
        if isinstance(auth, str):
            proof = f"authby=secret\n leftid={self.guest.address}\n rightid={self.host.address}"
            secrets, auth = f'{self.guest.address} {self.host.address} : PSK "{auth}"\n', None
        else:
            kind = "rsa-sha2" if isinstance(_private_key(auth), rsa.RSAPrivateKey) else "ecdsa-sha2"
            proof = (
                f"authby={kind}\n leftid=@{PEER_NAME}\n leftcert={PEER_NAME}\n leftsendcert=always\n"
                f" rightid=@{HOST_NAME}\n rightca=%same"
            )
            secrets = "\n"
        self._write("secrets", secrets)
        self._write(
            "conf",
            f"""
config setup
 logfile={DIR}/log
 uniqueids=no
conn c
 auto=add
 ikev2=insist
 type={mode}
 left={self.guest.address}
 right={self.host.address}
 leftupdown=%disabled
 {proof}
 ike=aes_gcm256-sha2_384-{"+".join(GROUPS[g] for g in groups)}
 esp=aes_gcm256-none-dh20
 esn={"either" if esn == "both" else esn}
 initial-contact=yes
""",
        )
        self._start(auth)

    def _start(self, credentials):
        with tempfile.TemporaryDirectory(prefix="interop-nss-") as made:
            _make_database(made, credentials)
            self._sh(
                f"cp -r {made} {DIR}/nss && {PROGRAMS}/pluto --config {DIR}/conf --secretsfile {DIR}/secrets "
                f"--nssdir {DIR}/nss --ipsecdir {DIR} --rundir {RUN} </dev/null"
            )
        patiently(lambda: "loading secrets" in self.log(), "pluto to load its connection")

    def kill(self):
        """SIGKILL: it says nothing to anyone. Its SAs and policies are flushed from the kernel."""
        self._sh("kill -9 $(pidof pluto) && while pidof pluto >/dev/null; do sleep 0.05; done; "
                 f"rm -rf {RUN}/* {DIR}/*; ip xfrm state flush; ip xfrm policy flush", check=False)  # fmt: skip

    def initiate(self):
        self._whack("--initiate --name c")

    def rekey(self, what):
        self._whack(f"--rekey-{'ipsec' if what == 'child' else 'ike'} --name c")

    def terminate(self):
        self._whack("--terminate --name c", check=False)

    def sas(self):
        """Number of IKE SAs that are up, and the ESP SPIs (in, out) of the children that are installed."""
        text = self._whack("--showstates")
        spis = re.findall(rf"esp\.([0-9a-f]+)@{self.host.address} esp\.([0-9a-f]+)@{self.guest.address}", text)
        return text.count("STATE_V2_ESTABLISHED_IKE_SA"), [(int(i, 16), int(o, 16)) for o, i in spis]

    def log(self):
        """What it has written, if it has come to that."""
        return self._sh(f"cat {DIR}/log 2>/dev/null", check=False)
