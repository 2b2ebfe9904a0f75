# SPDX-License-Identifier: BSD-2-Clause
"""`placed`: two hosts as in ike.py, of which a has mounts, /sys/fs/bpf among them, and processes of its own (place.py)."""
import os
import signal

from lib.beds.ike import IkePair
from lib.beds.place import BPFFS, Place, PlacedHost
from lib.host import is_dead
from lib.wait import until

BPF = '/sys/fs/bpf'


class PlaceIn(Place):
    """What it has not, the namespace has that it is in."""

    def __getattr__(self, name):
        return getattr(self.netns, name)


class HostOfMounts(PlacedHost):
    def __init__(self, place):
        super().__init__(place)
        self.pins = place.root(f'{BPF}/xdp-ipsec/{self.instance}')

    def end_worker(self):
        """Which has another pid in there."""
        self.netns.sh(f'test ! -e {self.run_dir}/worker || kill -9 $(cat {self.run_dir}/worker) 2>/dev/null || true')

    @staticmethod
    def kill_one(pid):
        os.kill(pid, signal.SIGKILL)
        until(lambda: is_dead(pid), f'{pid} is dead')

    def all_pins(self):
        return {str(path.relative_to(self.pins)) for path in self.pins.rglob('*')}

    def said(self, text):
        """How often the log has it."""
        return self.log_text.count(text)


class PlacedPair(IkePair):
    def __init__(self, mode='native'):
        super().__init__(mode)
        try:
            place = self.stack.enter_context(PlaceIn(self.a.netns, BPFFS))
            self.a = self.hosts[0] = HostOfMounts(place)
            self.stack.callback(self.a.close)
        except BaseException:
            self.stack.close()
            raise
