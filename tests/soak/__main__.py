# SPDX-License-Identifier: BSD-2-Clause
"""Rounds of faults until the time is over. What fails prints the seed, what happened last, and both logs' ends; exit 1."""
import argparse
import random
import sys
import time
import traceback
from collections import Counter, deque

import pytest

pytest.register_assert_rewrite('lib', 'soak')

from lib.beds.ike import connection  # noqa: E402
from lib.host import PASSED  # noqa: E402
from soak import faults, order  # noqa: E402
from soak.bed import SoakBed  # noqa: E402

LAST = 40
LOG_END = 6000
TELL_SECONDS = 60


class Soak:
    def __init__(self, seed, mode):
        self.seed, self.mode = seed, mode
        self.dice = random.Random(seed)
        self.begun = time.monotonic()
        self.last = deque(maxlen=LAST)
        self.done, self.sums = Counter(), Counter()
        self.growth = order.Growth()
        self.slowest = 0.0, ''
        self.told = 0.0
        self.ledger = None

    def note(self, text):
        self.last.append(f'{time.monotonic() - self.begun:9.3f} {text}')

    def storm(self, bed):
        """Whether every packet is to be accounted for all the same."""
        chosen = faults.choose(self.dice)
        bed.uncounted = False
        for row, n in chosen:
            self.note(f'{row.name} on {"ab"[n]}')
            self.done[row.name] += 1
            row.act(bed, bed.hosts[n], self.dice)
            order.never(bed)
        time.sleep(self.dice.uniform(0, 1))
        while bed.mending:
            bed.mending.pop()()
        self.note('made good')
        return all(row.exact for row, _ in chosen) and not bed.uncounted, ', '.join(row.name for row, _ in chosen)

    def calm(self, bed, exact, names):
        begin = time.monotonic()
        order.wait_back(bed)
        took = time.monotonic() - begin
        self.slowest = max(self.slowest, (took, names))
        self.note(f'back after {took:.1f} s')
        for host in bed.hosts:
            order.nothing_left_over(host)
            self.growth.look(host)
        self.account(bed, exact)
        order.never(bed)

    def account(self, bed, exact):
        """Of the round, where nothing in it may lose a packet untold; of some calm traffic in any case."""
        after = order.Ledger(bed)
        if exact and self.ledger:
            self.sums['accounted'] += sum(sent for sent, _ in after.balance(self.ledger))
            self.sums['rounds accounted'] += 1
        after.go_on()
        order.wait_back(bed)
        self.ledger = order.Ledger(bed)
        self.sums['accounted'] += sum(sent for sent, _ in self.ledger.balance(after))
        order.datagrams_balance(self.ledger, after)
        self.ledger.go_on()

    def tell(self, bed, always=False):
        now = time.monotonic()
        if not always and now < self.told + TELL_SECONDS:
            return
        self.told = now
        print(f'{now - self.begun:7.0f} s: {self.done["rounds"]} rounds; {self.rekeys(bed)}; slowest back {self.slowest[0]:.1f} s '
              f'({self.slowest[1]})', flush=True)

    @staticmethod
    def rekeys(bed):
        totals = connection(bed.a).get('totals') or {}
        return f'rekeys of this IKE so far {totals.get("child_rekeys")}, {totals.get("ike_rekeys")}'

    def run(self, bed, minutes):
        bed.begin()
        order.wait_back(bed)
        self.calm(bed, False, 'start')
        end = self.begun + minutes * 60
        while time.monotonic() < end:
            self.calm(bed, *self.storm(bed))
            self.done['rounds'] += 1
            self.tell(bed)
        self.report(bed)

    def report(self, bed):
        counts = bed.middle.count()
        app = bed.traffic.ask('counts')
        print(f'soak: {(time.monotonic() - self.begun) / 60:.1f} minutes, {self.mode}, seed {self.seed}: '
              f'{self.done.pop("rounds")} rounds, {sum(self.done.values())} faults')
        print('  ' + ', '.join(f'{name} {count}' for name, count in sorted(self.done.items())))
        print(f'  on the cable: {sum(s["esp"] for s in counts["sides"])} ESP packets, none in clear, no nonce twice; '
              f'{self.sums["accounted"]} accounted for one by one, {self.sums["rounds accounted"]} whole rounds of faults among them')
        print(f'  datagrams: {sum(d["arrived"] for d in app["datagrams"])} arrived of {sum(d["sent"] for d in app["datagrams"])}, '
              f'none twice; streams: {sum(s["octets"] for s in app["streams"]) >> 10} kB, none wrong, '
              f'{sum(s["given_up"] for s in app["streams"])} given up in an outage')
        print(f'  slowest recovery: {self.slowest[0]:.1f} s ({self.slowest[1]})')
        for name, age in sorted(self.growth.oldest.items()):
            print(f'  {name}: {self.growth.most_memory[name] >> 10} kB more at most, over {age} rounds at most')
        for host in bed.hosts:
            print(f'  {host.instance}: ' + ', '.join(f'{reason} {n}' for reason, n in sorted(host.counters().items())
                                                     if reason not in PASSED))

    def failed(self, bed):
        traceback.print_exc()
        print(f'soak: FAILED in round {self.done["rounds"]}; once more: make soak SEED={self.seed}; what happened last:',
              *self.last, sep='\n', file=sys.stderr)
        for host in bed.hosts if bed else ():
            print(f'--- {host.instance}: {host.cmd("-j", "status", "quick", check=False).stdout[:LOG_END]}\n--- its log:\n'
                  f'{host.log_text[-LOG_END:]}', file=sys.stderr)


def main():
    words = argparse.ArgumentParser(prog='soak', description=__doc__)
    words.add_argument('--minutes', type=float, default=5)
    words.add_argument('--seed', type=int, default=0, help='0: of chance')
    words.add_argument('--mode', choices=['native', 'generic'], default='native')
    args = words.parse_args()
    seed = args.seed or random.SystemRandom().randrange(1, 1 << 31)
    print(f'soak: seed {seed}', flush=True)
    soak = Soak(seed, args.mode)
    with SoakBed(args.mode, seed) as bed:
        try:
            soak.run(bed, args.minutes)
        except BaseException:
            soak.failed(bed)
            return 1
    return 0


if __name__ == '__main__':
    sys.exit(main())
