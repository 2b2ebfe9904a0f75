# SPDX-License-Identifier: BSD-2-Clause
import os

import pytest

pytest.register_assert_rewrite("tunnel", "xfrm", "wire", "datapath")

import datapath as datapath_module
import uml
from bed import Bed
from tunnel import Tunnel
from xfrm import Xfrm

BUILD = os.environ.get("BUILD", "build")


def pytest_collection_modifyitems(items):
    reason = uml.missing()
    for item in items if reason else ():
        item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture(scope="session")
def bed():
    reason = datapath_module.missing(BUILD)
    if reason:
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
