# SPDX-License-Identifier: BSD-2-Clause
"""wireguard-go: WireGuard in user space. The kernel's module, where there is one, is not asked."""
import os
import subprocess
from pathlib import Path

from beds import A, B
from others.vpn import INNER_A, INNER_B, MTU, Vpn

PORT = 51820
SOCKETS = Path('/var/run/wireguard')


def keys():
    """A private key and its public one, as wg has them."""
    private = subprocess.run(['wg', 'genkey'], capture_output=True, text=True, check=True).stdout.strip()
    public = subprocess.run(['wg', 'pubkey'], input=private, capture_output=True, text=True, check=True).stdout.strip()
    return private, public


class WireGuard(Vpn):
    tag = 'w'
    package = 'wireguard-go'
    programs = {'wireguard-go': 'wireguard-go', 'wg': 'wireguard-tools'}

    def start(self):
        mine, theirs = keys(), keys()
        ends = ((self.a, 'a', INNER_A, INNER_B, B, mine[0], theirs[1]),
                (self.b, 'b', INNER_B, INNER_A, A, theirs[0], mine[1]))
        for ns, tag, inner, other, remote, private, public in ends:
            # Its socket has the name of the device and is not in the namespace: the name is of this run alone.
            dev = f'wg{os.getpid()}{tag}'
            self.spawn(ns, ['wireguard-go', '-f', dev])
            self.wait_for((SOCKETS / f'{dev}.sock').exists, f'the socket of {dev}')
            ns.run('wg', 'set', dev, 'private-key', self.file(f'{tag}.key', private), 'listen-port', PORT, 'peer', public,
                   'allowed-ips', f'{other}/32', 'endpoint', f'{remote}:{PORT}')
            ns.ip('addr', 'add', inner, 'peer', other, 'dev', dev)
            ns.ip('link', 'set', dev, 'mtu', MTU, 'up')
