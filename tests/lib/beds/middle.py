# SPDX-License-Identifier: BSD-2-Clause
"""
`lossy`: two hosts as in ike.py, whose cable is a program (lib/middle.c) that loses, doubles and delays frames as it is told to,
by a seed, counts what it sees, and knows what is in clear and which nonce comes twice.

    a: nic0 192.0.2.1 ---veth--- port0  middle  port1 ---veth--- nic0 192.0.2.2 :b
"""
import json
import select
import subprocess

from lib.beds.ike import IkePair
from lib.host import BUILD
from lib.never import never
from lib.wait import DEADLINE

PROGRAM = BUILD / 'tests/lib/middle'


class Middle:
    def __init__(self, netns, devs, seed):
        self.process = subprocess.Popen(netns.argv(PROGRAM, *devs, seed), text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self._read()

    def _read(self):
        line = select.select([self.process.stdout], [], [], 3 * DEADLINE)[0] and self.process.stdout.readline()
        assert line, 'the middle has ended, or does not answer'
        return json.loads(line)

    def tell(self, *words):
        self.process.stdin.write(' '.join(map(str, words)) + '\n')
        self.process.stdin.flush()
        return self._read()

    def set(self, **numbers):
        """lose, double, late: percent; window: how late, in ms."""
        return self.tell('set', *(word for pair in numbers.items() for word in pair))

    def block(self, what='none', *side):
        """'esp', 'ike', 'all'; of one side's frames, or of both's."""
        return self.tell('block', what, *side)

    def count(self):
        return self.tell('count')

    def close(self):
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait(10)


class LossyPair(IkePair):
    def __init__(self, mode='native', seed=1, **kw):
        self.middle = None
        super().__init__(mode, **kw)
        try:
            self.middle = Middle(self.wire, ['port0', 'port1'], seed)
        except BaseException:
            self.stack.close()
            raise
        self.stack.callback(self.middle.close)

    def join(self, n):
        """A port that is made again is a new one to the program."""
        if self.middle:
            self.middle.tell('open', n)

    def closed(self):
        """Nothing has come by in clear so far, and no nonce twice; the counts."""
        counts = self.middle.count()
        for host, side in zip(self.hosts, counts['sides']):
            never(side['clear'], f'{side["clear"]} packets of {host.instance} in clear, the first: {side["first_clear"]}')
        never(counts['repeated'], f'{counts["repeated"]} nonces that came twice')
        return counts
