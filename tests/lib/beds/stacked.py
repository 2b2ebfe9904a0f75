# SPDX-License-Identifier: BSD-2-Clause
"""What stands on the NICs of a pair, and has their addresses."""
from lib.beds.pair import A, B, NIC


def move_address(host, dev, addr):
    """What is on top has the address now, and its traffic passes the NIC."""
    ns = host.netns
    ns.ip('addr', 'flush', 'dev', NIC)
    ns.ip('link', 'set', dev, 'up')
    ns.ip('addr', 'add', f'{addr}/24', 'dev', dev)
    ns.sysctl(f'net.ipv4.conf.{dev}.rp_filter', 1)


def put_on_top(pair, kind, dev='top0', mode='vepa'):
    """On each host's NIC, as in a container or on a virtual machine's host. mode: of a macvlan."""
    for host, addr in zip(pair.hosts, (A, B)):
        if kind == 'bridge':
            host.netns.ip('link', 'add', dev, 'type', 'bridge', 'forward_delay', 0, 'mcast_snooping', 0)
            host.netns.ip('link', 'set', NIC, 'master', dev)
        else:
            host.netns.ip('link', 'add', 'link', NIC, 'name', dev, 'type', kind, *['mode', mode] * kind.startswith('mac'))
        move_address(host, dev, addr)
