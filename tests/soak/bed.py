# SPDX-License-Identifier: BSD-2-Clause
"""Two hosts with one connection, whose keys change every few seconds, the middle between them, and their traffic."""
import json
import select
import subprocess
import sys
from pathlib import Path

from lib.beds.middle import LossyPair
from lib.beds.pair import A, B
from lib.wait import DEADLINE
from soak.patience import until

TESTS = Path(__file__).resolve().parents[1]
# So few that one which is not given back at each rekey would soon be missed.
SA_MAX = 256
# The machine may be busy.
START_SECONDS = 60
SETTINGS = {'rekey_time': '8s', 'lifetime': '30s', 'ike_rekey_time': '23s', 'dpd_interval': '3s', 'start': 'initiate'}


class TrafficProcess:
    def __init__(self, hosts):
        spec = json.dumps({'hosts': [host.netns.path for host in hosts], 'addrs': [A, B]})
        self.process = subprocess.Popen([sys.executable, '-m', 'soak.traffic', spec], cwd=TESTS, text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self._read()

    def _read(self):
        line = select.select([self.process.stdout], [], [], 3 * DEADLINE)[0] and self.process.stdout.readline()
        assert line, 'the traffic has ended, or does not answer'
        return json.loads(line)

    def ask(self, word):
        self.process.stdin.write(word + '\n')
        self.process.stdin.flush()
        return self._read()

    def close(self):
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait(10)


class SoakBed(LossyPair):
    def __init__(self, mode, seed):
        super().__init__(mode, seed)
        self.mending = []   # what makes good again what a fault has left
        self.uncounted = False
        self.psk(**SETTINGS)
        for host in self.hosts:
            text = host.config.read_text()
            host.config.write_text(f'[daemon]\nsa-max = {SA_MAX}\n\n{text}')

    def begin(self):
        for host in self.hosts:
            host.spawn()
        for host in self.hosts:
            until(host.ready, f'{host.instance} is ready', timeout=START_SECONDS)
        self.traffic = TrafficProcess(self.hosts)
        self.stack.callback(self.traffic.close)

    def lose_count(self, lost):
        """Whether something of this round is missing in all counters."""
        self.uncounted = self.uncounted or lost

    def other(self, host):
        return self.b if host is self.a else self.a
