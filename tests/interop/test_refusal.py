# SPDX-License-Identifier: BSD-2-Clause
"""What must not get through, at either end, and the one counter it ends in."""
from dataclasses import replace

import pytest

from lib.peers.sas import SaPair
from lib.peers.tunnel import ping, ping_in_vain, transfer
from lib.wait import patiently

PORT = 5201


@pytest.mark.parametrize(
    "theirs",
    [{"in_key": SaPair().in_key, "out_key": SaPair().out_key}, {"esn": False}],
    ids=["wrong-key", "esn-at-one-end"],
)
def test_ends_disagree(tunnel, theirs):
    tunnel.pair = SaPair()
    tunnel.datapath.add(tunnel.pair)
    tunnel.xfrm.add(replace(tunnel.pair, **theirs))
    assert ping_in_vain(tunnel.guest, tunnel.host, 5) == 0
    assert tunnel.datapath.drops() == {"auth_failed": 5}
    assert tunnel.datapath.sa(tunnel.pair.in_spi)["drops"] == {"auth_failed": 5}
    assert tunnel.datapath.sa(tunnel.pair.in_spi)["packets"] == 0
    assert ping_in_vain(tunnel.host, tunnel.guest, 5) == 0
    assert tunnel.xfrm.errors() == {"XfrmInStateProtoError": 5}
    assert tunnel.wire.clear() == []


def test_selector_carries_its_traffic_alone(tunnel):
    tunnel.protect(SaPair(selector=("tcp", PORT)))
    sent, arrived = (f.result() for f in transfer(tunnel.host, tunnel.guest, PORT, 1 << 20))
    assert arrived == sent
    tunnel.assert_clean(minimum=20, spare={"too_big"})
    assert ping(tunnel.host, tunnel.guest, 5) == 5
    clear = tunnel.wire.clear()
    assert [f.proto for f in clear] == [1] * 10, "ping, in clear"


def test_inner_packet_outside_the_selector(tunnel):
    """The guest puts everything into an SA that at our end is for one port."""
    tunnel.pair = SaPair(selector=("tcp", PORT))
    tunnel.datapath.add(tunnel.pair)
    tunnel.xfrm.add(replace(tunnel.pair, selector=None))
    assert ping_in_vain(tunnel.guest, tunnel.host, 5) == 0
    assert tunnel.datapath.drops() == {"selector_mismatch": 5}
    assert len(tunnel.sent_by_guest()) == 5
    assert tunnel.wire.esp(tunnel.host.address) == []


def test_clear_text_is_not_taken(tunnel):
    tunnel.pair = SaPair()
    tunnel.datapath.add(tunnel.pair)
    assert ping_in_vain(tunnel.guest, tunnel.host, 5) == 0
    assert tunnel.datapath.drops() == {"cleartext_protected": 5}
    assert [f.src for f in tunnel.wire.clear()] == [tunnel.guest.address] * 5


def test_clear_text_is_not_sent_without_an_sa(tunnel):
    tunnel.pair = SaPair()
    tunnel.xfrm.add(tunnel.pair)
    tunnel.datapath.protect(tunnel.pair)
    assert ping_in_vain(tunnel.host, tunnel.guest, 5) == 0
    assert tunnel.datapath.drops() == {"no_sa": 5}
    assert tunnel.wire.esp(tunnel.host.address) == tunnel.wire.clear() == []


def test_an_unknown_spi_is_not_answered(tunnel):
    tunnel.pair = SaPair()
    tunnel.xfrm.add(tunnel.pair)
    tunnel.datapath.protect(tunnel.pair)
    tunnel.datapath.add_outbound(tunnel.pair)
    assert ping_in_vain(tunnel.guest, tunnel.host, 5) == 0
    patiently(lambda: tunnel.datapath.drops() == {"no_sa": 5}, "five refusals")
    assert tunnel.wire.esp(tunnel.host.address) == tunnel.wire.clear() == []
