# SPDX-License-Identifier: BSD-2-Clause
"""
`ike_pair`: two hosts as in pair.py that get their keys by IKEv2, and what they prove themselves by: PSKs, or certificates of
a CA (lib/pki.py).
"""
from lib.beds.pair import A, B, NIC, Pair
from lib.pki import pem
from lib.wait import until

NAMES = ('host-a.example', 'host-b.example')


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


def bring_up(pair):
    """From nothing, by an order of a's."""
    pair.start()
    order(pair.a, 'initiate', 'core')
    wait_up(*pair.hosts)


def wait_up(*hosts):
    for host in hosts:
        until(lambda: is_up(host), f'{host.instance} is up')
