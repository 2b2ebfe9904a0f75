# SPDX-License-Identifier: BSD-2-Clause
"""
Two hosts that get their keys by IKEv2, and what they prove themselves by: PSKs, or certificates of a CA made here.
"""
import datetime
import ipaddress

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

from lib.beds.pair import A, B, NIC, Pair
from lib.wait import until

NAMES = ('host-a.example', 'host-b.example')
DAY = datetime.timedelta(days=1)


def now():
    return datetime.datetime.now(datetime.timezone.utc).replace(tzinfo=None)


class Ca:
    """A certification authority in memory."""

    def __init__(self, name='Test CA'):
        self.key = ec.generate_private_key(ec.SECP384R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self.cert = self._sign(self.name, self.key.public_key(), now() - DAY, now() + DAY, ca=True)

    def _sign(self, subject, public, begin, end, names=(), ca=False):
        builder = (x509.CertificateBuilder().subject_name(subject).issuer_name(self.name).public_key(public)
                   .serial_number(x509.random_serial_number()).not_valid_before(begin).not_valid_after(end)
                   .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True))
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        return builder.sign(self.key, hashes.SHA384())

    def issue(self, name, kind='ecdsa', begin=None, end=None):
        """A certificate for a DNS name and its private key."""
        key = ec.generate_private_key(ec.SECP384R1()) if kind == 'ecdsa' else rsa.generate_private_key(65537, 3072)
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        return self._sign(subject, key.public_key(), begin or now() - DAY, end or now() + DAY, [x509.DNSName(name)]), key

    def crl(self, *revoked):
        builder = x509.CertificateRevocationListBuilder().issuer_name(self.name).last_update(now() - DAY) \
            .next_update(now() + DAY)
        for cert in revoked:
            builder = builder.add_revoked_certificate(x509.RevokedCertificateBuilder().serial_number(cert.serial_number)
                                                      .revocation_date(now() - DAY).build())
        return builder.sign(self.key, hashes.SHA384())


def pem(thing):
    if hasattr(thing, 'private_bytes'):
        return thing.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                                   serialization.NoEncryption()).decode()
    return thing.public_bytes(serialization.Encoding.PEM).decode()


def put(host, name, text):
    """A file beside the host's configuration, readable by its owner alone."""
    path = host.dir / name
    path.touch(mode=0o600)
    path.write_text(text)
    return name


class IkePair(Pair):
    """Two hosts with one connection, 'core', between them."""

    def __init__(self, mode='native', **kw):
        super().__init__(mode, **kw)
        self.mode = mode

    def connections(self, first=None, second=None, **both):
        """Writes both files. What is given is put into both, or one host's, section."""
        for host, local, remote, own in ((self.a, A, B, first), (self.b, B, A, second)):
            settings = {'local': local, 'remote': remote, **both, **(own or {})}
            lines = ''.join(f'{key.replace("_", "-")} = {value}\n' for key, value in settings.items())
            host.devs = [NIC]
            host.config.write_text(f'[interface {NIC}]\nmode = {self.mode}\n\n[connection core]\n{lines}')

    def psk(self, first=None, second=None, **both):
        for host in self.hosts:
            put(host, 'psk', 'a secret that nobody knows\n')
        self.connections(first, second, auth='psk', psk_file='psk', **both)

    def certs(self, ca, kind='ecdsa', first=None, second=None, leafs=None, **both):
        for n, host in enumerate(self.hosts):
            cert, key = (leafs or {}).get(n) or ca.issue(NAMES[n], kind)
            put(host, 'cert', pem(cert))
            put(host, 'key', pem(key))
            put(host, 'ca', pem(ca.cert))
        self.connections({'local_id': NAMES[0], 'remote_id': NAMES[1], **(first or {})},
                         {'local_id': NAMES[1], 'remote_id': NAMES[0], **(second or {})},
                         auth='cert', cert='cert', key='key', ca='ca', **both)


def connection(host):
    return host.status()['connections'][0]


def children(host):
    return connection(host)['children']


def order(host, *words, check=True):
    return host.cmd('connection', *words, check=check)


def is_up(host):
    """One IKE SA, one child, up."""
    c = connection(host)
    return c['state'] == 'up' and len(c['ike']) == 1 and len(c['children']) == 1 and c['children'][0]['state'] == 'up'


def wait_up(*hosts):
    for host in hosts:
        until(lambda: is_up(host), f'{host.instance} is up')
