# SPDX-License-Identifier: BSD-2-Clause
"""A CA, and certificates for both ends."""
import datetime

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

HOST_NAME, PEER_NAME = "host.example", "peer.example"
DAY = datetime.timedelta(days=1)


def _new_key(kind):
    return ec.generate_private_key(ec.SECP384R1()) if kind == "ecdsa" else rsa.generate_private_key(65537, 3072)


def _pem(cert):
    return cert.public_bytes(serialization.Encoding.PEM).decode()


class Ca:
    def __init__(self, kind):
        self.kind = kind
        self.key = _new_key(kind)
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"Interop CA {kind}")])
        self.cert = self._sign(self.name, self.key.public_key(), None)

    def _sign(self, subject, public, name):
        now = datetime.datetime.now(datetime.timezone.utc).replace(tzinfo=None)
        builder = (
            x509.CertificateBuilder().subject_name(subject).issuer_name(self.name).public_key(public)
            .serial_number(x509.random_serial_number()).not_valid_before(now - DAY).not_valid_after(now + DAY)
            .add_extension(x509.BasicConstraints(ca=name is None, path_length=None), critical=True)
        )  # fmt: skip
        if name:
            builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        return builder.sign(self.key, hashes.SHA384())

    def issue(self, name):
        """Certificate, private key and CA certificate, in PEM."""
        key = _new_key(self.kind)
        cert = self._sign(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]), key.public_key(), name)
        key_pem = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ).decode()
        return _pem(cert), key_pem, _pem(self.cert)
