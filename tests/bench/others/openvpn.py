# SPDX-License-Identifier: BSD-2-Clause
"""
OpenVPN over UDP with its data channel in user space (disable-dco), AES-256-GCM, which needs its TLS mode: certificates of
a CA that lives as long as the bed.
"""
from beds import A, B
from lib.pki import Ca
from others.vpn import INNER_A, INNER_B, MTU, Vpn

CONFIG = """
dev tun0
dev-type tun
proto udp4
local {local}
remote {remote}
lport 1194
rport 1194
ifconfig {inner} {other}
{role}
ca {dir}/ca
cert {dir}/{tag}.cert
key {dir}/{tag}.key
data-ciphers AES-256-GCM
disable-dco
tun-mtu {mtu}
mssfix 0
"""


class OpenVpn(Vpn):
    tag = 'o'
    package = 'openvpn'
    programs = {'openvpn': 'openvpn'}

    def start(self):
        ca = Ca()
        ends = ((self.a, 'a', A, B, INNER_A, INNER_B, 'tls-client'),
                (self.b, 'b', B, A, INNER_B, INNER_A, 'tls-server\ndh none'))
        for ns, tag, local, remote, inner, other, role in ends:
            cert, key, root = ca.credentials(tag)
            for name, text in ((f'{tag}.cert', cert), (f'{tag}.key', key), ('ca', root)):
                self.file(name, text)
            config = self.file(f'{tag}.conf', CONFIG.format(dir=self.dir, mtu=MTU, **locals()))
            self.spawn(ns, ['openvpn', '--config', config])
