# SPDX-License-Identifier: BSD-2-Clause
"""`limited`: a pair whose host a is in a control group of its own, which a test can leave without room."""
import contextlib

from lib.beds.ike import is_up, wait_up
from lib.beds.paced import Both
from lib.cgroups import Cgroup
from lib.wait import until

# What failed, or could not be served, is tried again after 5 seconds at most (lib/child.c).
AGAIN = 20


def _start_within(pair, group):
    pair.psk(start='initiate')
    pair.a.spawn(preexec_fn=group.within)
    pair.b.spawn()
    for host in pair.hosts:
        host.wait_ready()
    wait_up(*pair.hosts)


@contextlib.contextmanager
def limited(pair, controller):
    """
    Traffic goes both ways, and the control group of host a is there to be limited; behind the block it is not any more, and all is as
    before.
    """
    host = pair.a
    with Cgroup(controller) as group:
        try:
            _start_within(pair, group)
            with Both(pair) as traffic:
                until(traffic.goes_on(), 'traffic both ways')
                yield group, traffic
                assert host.daemon.poll() is None
                group.limit(None)
                until(lambda: host.worker_ready() and is_up(host), 'all is there again', timeout=AGAIN)
                until(traffic.goes_on(), 'traffic again', timeout=AGAIN)
                traffic.closed()
        finally:
            group.limit(None)
            host.stop()
