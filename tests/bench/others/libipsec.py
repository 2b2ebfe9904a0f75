# SPDX-License-Identifier: BSD-2-Clause
"""
strongSwan whose ESP is in user space (kernel-libipsec): AES-256-GCM in tunnel mode and UDP, which is all that it can do,
between addresses of the two loopbacks. Its device reads no more than 1,400 bytes at once, whatever its MTU is then set to:
datagrams of 1,400 bytes go in two fragments.
"""
import os
import secrets

from beds import A, B
from others.vpn import INNER_A, INNER_B, START_DEADLINE, Vpn

CHARON, SWANCTL = '/usr/lib/ipsec/charon', '/usr/sbin/swanctl'
PLUGIN = '/usr/lib/ipsec/plugins/libstrongswan-kernel-libipsec.so'
# The first that can do ESP is asked for it, so kernel-libipsec stands before kernel-netlink.
PLUGINS = ('random nonce openssl hmac kdf aesni gcm aes sha2 drbg kernel-libipsec kernel-netlink socket-default vici '
           'updown')
CHARON_CONF = """
charon {{
  load_modular = no
  load = {plugins}
  install_virtual_ip = no
  filelog {{
    stderr {{
      default = 0
    }}
  }}
  plugins {{
    vici {{
      socket = unix://{dir}/vici
    }}
  }}
}}
swanctl {{
  load = random openssl
}}
"""
SWANCTL_CONF = """
connections {{
  c {{
    version = 2
    local_addrs = {local}
    remote_addrs = {remote}
    proposals = aes256gcm16-prfsha384-ecp384
    local {{
      auth = psk
    }}
    remote {{
      auth = psk
    }}
    children {{
      c {{
        mode = tunnel
        esp_proposals = aes256gcm16
        local_ts = {inner}/32
        remote_ts = {other}/32
      }}
    }}
  }}
}}
secrets {{
  ike {{
    secret = {secret}
  }}
}}
"""


class Libipsec(Vpn):
    tag = 's'
    package = 'libcharon-extra-plugins'
    programs = {CHARON: 'strongswan-charon', SWANCTL: 'strongswan-swanctl', PLUGIN: 'libcharon-extra-plugins'}

    def start(self):
        secret = secrets.token_hex(16)
        for ns, tag, local, remote, inner, other in ((self.b, 'b', B, A, INNER_B, INNER_A),
                                                     (self.a, 'a', A, B, INNER_A, INNER_B)):
            home = self.dir / tag
            home.mkdir()
            conf = self.file(f'{tag}/strongswan.conf', CHARON_CONF.format(plugins=PLUGINS, dir=home))
            self.file(f'{tag}/swanctl.conf', SWANCTL_CONF.format(**locals()))
            ns.ip('addr', 'add', f'{inner}/32', 'dev', 'lo')
            env = {**os.environ, 'STRONGSWAN_CONF': str(conf), 'SWANCTL_DIR': str(home)}
            # Both want /run/charon.pid for themselves.
            self.spawn(ns, ['unshare', '--mount', 'sh', '-c', f'mount -t tmpfs none /run && exec {CHARON}'], env=env)
            self.wait_for((home / 'vici').exists, 'the control socket of charon')
            ns.run(SWANCTL, '--load-all', '--uri', f'unix://{home}/vici', env=env)
        ns.run(SWANCTL, '--initiate', '--child', 'c', '--timeout', START_DEADLINE, '--uri', f'unix://{home}/vici', env=env)
