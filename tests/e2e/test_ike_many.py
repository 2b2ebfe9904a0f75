# SPDX-License-Identifier: BSD-2-Clause
"""
A thousand peers on one host: 16 daemons of 63 connections each, every one from an address of its own, against a mesh.

    hub 10.213.0.1 ─── bridge ─── spoke n: 10.213.n.1 ... 10.213.n.63        n = 1 ... 16
"""
import time
from contextlib import ExitStack

import pytest

from host import Host
from ike import put
from netns import Netns, veth
from wait import until

SPOKES, EACH = 16, 63
HUB = '10.213.0.1'
SECONDS = 60


@pytest.fixture
def hub():
    """The hub, and the spokes, configured and not started."""
    with ExitStack() as undo:
        wire = undo.enter_context(Netns('mw'))
        wire.ip('link', 'add', 'bridge', 'type', 'bridge', 'forward_delay', 0, 'mcast_snooping', 0)
        wire.ip('link', 'set', 'bridge', 'up')

        def host(n, addresses, sections):
            ns = undo.enter_context(Netns(f'm{n}'))
            made = Host(ns)
            undo.callback(made.close)
            veth(ns, 'nic0', wire, f'port{n}', queues=1, mtu=1500)
            for address in addresses:
                ns.ip('addr', 'add', f'{address}/16', 'dev', 'nic0')
            wire.ip('link', 'set', f'port{n}', 'master', 'bridge')
            put(made, 'psk', 'a secret of many\n')
            made.config.write_text(sections)
            return made

        def connection(name, local, remote, start):
            return (f'[connection {name}]\nlocal = {local}\nremote = {remote}\nauth = psk\npsk-file = psk\n'
                    f'start = {start}\n\n')

        hub = host(0, [HUB], '[interface nic0]\n\n' + connection('mesh', HUB, '10.213.0.0/16', 'respond'))
        hub.devs = ['nic0']
        spokes = []
        for n in range(1, SPOKES + 1):
            addresses = [f'10.213.{n}.{i}' for i in range(1, EACH + 1)]
            spokes.append(host(n, addresses, ''.join(connection(f'c{i}', a, HUB, 'initiate')
                                                     for i, a in enumerate(addresses))))
        yield hub, spokes


def count_up(hub):
    return sum(c['state'] == 'up' and len(c['children']) == 1 for c in hub.status()['connections'])


def test_a_thousand_peers(hub):
    hub, spokes = hub
    hub.start()
    begin = time.monotonic()
    for spoke in spokes:
        spoke.spawn()
    until(lambda: count_up(hub) == SPOKES * EACH or time.sleep(0.5), 'all are up', timeout=SECONDS)
    took = time.monotonic() - begin
    assert took < SECONDS
    status = hub.status()
    assert len(status['sas']) == 2 * SPOKES * EACH
    print(f'{SPOKES * EACH} peers in {took:.1f} s')
