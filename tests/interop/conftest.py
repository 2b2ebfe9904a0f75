# SPDX-License-Identifier: BSD-2-Clause
import os
import signal

import pytest

pytest.register_assert_rewrite("lib")

from lib.peers import datapath as datapath_module
from lib.peers import uml
from lib.peers.guest_bed import Bed
from lib.peers.libreswan import Libreswan
from lib.peers.strongswan import StrongSwan
from lib.peers.tunnel import Tunnel
from lib.peers.xfrm import Xfrm
from lib.pki import Ca

PEERS = {kind.name: kind for kind in (StrongSwan, Libreswan)}
BUILD = os.environ.get("BUILD", "build")


def pytest_configure():
    # Fixtures clean up after an interrupt; let a termination be one.
    signal.signal(signal.SIGTERM, signal.default_int_handler)


@pytest.fixture(scope="session")
def bed():
    if reason := uml.missing():
        pytest.skip(reason)
    if reason := datapath_module.missing(BUILD):
        pytest.fail(reason)
    made = Bed()
    yield made
    made.close()


@pytest.fixture(scope="session")
def xfrm(bed):
    return Xfrm(bed.guest, bed.host.address)


@pytest.fixture(scope="session", params=["native", "generic"])
def datapath(bed, request):
    running = datapath_module.Datapath(bed, BUILD, request.param)
    yield running
    running.close()


@pytest.fixture
def tunnel(bed, datapath, xfrm):
    made = Tunnel(bed, datapath, xfrm)
    yield made
    made.flush()
    print(datapath.log())


@pytest.fixture(scope="module")
def own_bed():
    """One for a file, which starts on our side what it wants."""
    if reason := uml.missing():
        pytest.skip(reason)
    made = Bed()
    yield made
    made.close()


@pytest.fixture(scope="module")
def cas():
    return {kind: Ca(f"Interop CA {kind}", kind) for kind in ("ecdsa", "rsa")}


@pytest.fixture(params=PEERS)
def peer(bed, request):
    kind = PEERS[request.param]
    if reason := kind.missing():
        pytest.skip(reason)
    made = kind(bed.guest, bed.host)
    yield made
    print(made.log())
    made.kill()
