# SPDX-License-Identifier: BSD-2-Clause
"""A CA made here, certificates and keys of it, as objects of `cryptography` or in PEM."""
import datetime

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

DAY = datetime.timedelta(days=1)


def now():
    return datetime.datetime.now(datetime.timezone.utc).replace(tzinfo=None)


def new_key(kind):
    return ec.generate_private_key(ec.SECP384R1()) if kind == 'ecdsa' else rsa.generate_private_key(65537, 3072)


class Ca:
    """A certification authority in memory. kind: of its key, and of those it certifies, 'ecdsa' or 'rsa'."""

    def __init__(self, name='Test CA', kind='ecdsa'):
        self.kind, self.key = kind, new_key(kind)
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self.cert = self._sign(self.name, self.key.public_key(), now() - DAY, now() + DAY, ca=True)

    def _sign(self, subject, public, begin, end, names=(), ca=False):
        builder = (x509.CertificateBuilder().subject_name(subject).issuer_name(self.name).public_key(public)
                   .serial_number(x509.random_serial_number()).not_valid_before(begin).not_valid_after(end)
                   .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True))
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        return builder.sign(self.key, hashes.SHA384())

    def issue(self, name, kind=None, begin=None, end=None):
        """A certificate for a DNS name and its private key."""
        key = new_key(kind or self.kind)
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        return self._sign(subject, key.public_key(), begin or now() - DAY, end or now() + DAY, [x509.DNSName(name)]), key

    def credentials(self, name):
        """What proves that name, in PEM: certificate, private key, and the CA's certificate."""
        return tuple(map(pem, (*self.issue(name), self.cert)))

    def crl(self, *revoked, begin=None, end=None):
        builder = x509.CertificateRevocationListBuilder().issuer_name(self.name).last_update(begin or now() - DAY) \
            .next_update(end or now() + DAY)
        for cert in revoked:
            builder = builder.add_revoked_certificate(x509.RevokedCertificateBuilder().serial_number(cert.serial_number)
                                                      .revocation_date(now() - DAY).build())
        return builder.sign(self.key, hashes.SHA384())


def pem(thing):
    if hasattr(thing, 'private_bytes'):
        return thing.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                                   serialization.NoEncryption()).decode()
    return thing.public_bytes(serialization.Encoding.PEM).decode()
