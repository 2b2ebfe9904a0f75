# SPDX-License-Identifier: BSD-2-Clause
"""Traffic that goes on at a steady pace whatever happens, both ways, with somebody on the wire who forges: what must stay closed."""
import contextlib
import time

from lib.beds.pair import A, B
from lib.never import never
from lib.traffic import InThread, udp_socket
from lib.wire import in_clear

PACE = 0.001
FORGED = 20 + 8 + len(b'forged')


class Paced(InThread):
    """Calls act() once a millisecond in a thread of its own, errors of a closed gate or a NIC that is gone aside."""

    def __init__(self, act):
        super().__init__()
        self.act = act

    def _run(self):
        due = time.monotonic()
        while not self.stopping.is_set():
            with contextlib.suppress(OSError):
                self.act()
            due = max(due + PACE, time.monotonic() - 0.05)
            time.sleep(max(0, due - time.monotonic()))


class Both:
    """
    Datagrams both ways between the hosts of a pair, 1,000 a second each, and as many forged ones to host a, while the wire
    is watched. counts() are those that arrived so far; after the block there is closed().
    """
    PORT, FORGED_PORT = 4100, 4101

    def __init__(self, pair, forge=True):
        self.pair, self.forge = pair, forge

    def __enter__(self):
        self.stack = contextlib.ExitStack()
        a, b = self.pair.a.netns, self.pair.b.netns
        self.capture = self.stack.enter_context(self.pair.capture())
        self.at = [self.stack.enter_context(udp_socket(ns, addr, self.PORT)) for ns, addr in ((a, A), (b, B))]
        self.ear = self.stack.enter_context(udp_socket(a, '0.0.0.0', self.FORGED_PORT))
        for s in (*self.at, self.ear):
            s.setblocking(False)
        self.arrived = [0, 0]
        self.stack.enter_context(Paced(lambda: self.at[0].sendto(b'to b', (B, self.PORT))))
        self.stack.enter_context(Paced(lambda: self.at[1].sendto(b'to a', (A, self.PORT))))
        if self.forge:
            self.attacker = self.stack.enter_context(self.pair.attacker(self.pair.a))
            self.stack.enter_context(Paced(lambda: self.attacker.send_clear(B, self.FORGED_PORT)))
        return self

    def __exit__(self, *exc):
        self.stack.close()

    def counts(self):
        for n in range(2):
            with contextlib.suppress(OSError):
                while self.at[n].recv(100):
                    self.arrived[n] += 1
        return tuple(self.arrived)

    def goes_on(self, more=100):
        """A condition: that many more have arrived both ways since this was called."""
        before = self.counts()
        return lambda: all(now >= then + more for now, then in zip(self.counts(), before))

    def heard(self):
        """Forged datagrams that came through to a socket."""
        n = 0
        with contextlib.suppress(OSError):
            while self.ear.recv(100):
                n += 1
        return n

    def closed(self, between=0):
        """
        Nothing was in clear on the wire but what the attacker said, and he was heard by nobody. between: how many may have
        been past the backstop and not yet at the hook, some microseconds, when somebody took the program off it.
        """
        clear = [p for p in in_clear(self.capture.stop(), A, B) if not p.ike and p.length != FORGED]
        never(len(clear) > between, f'{len(clear)} in clear, first {clear[:1]}')
        heard = self.heard()
        never(heard, f'{heard} forged ones came through')
