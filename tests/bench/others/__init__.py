# SPDX-License-Identifier: BSD-2-Clause
"""Tunnels of others that move packets in user space, too, each as a bed like ours: beside these our figures are told."""
from others.libipsec import Libipsec
from others.openvpn import OpenVpn
from others.wireguard import WireGuard

OTHERS = {'openvpn': OpenVpn, 'wireguard': WireGuard, 'libipsec': Libipsec}
