# SPDX-License-Identifier: BSD-2-Clause
"""
What must hold when it is calm again: both ends have one connection with one child, nothing is left over of all that was, every
packet is told of, and nothing was in clear or came twice. Each of these raises AssertionError with what is wrong.
"""
import json
import os
import struct
import time
from collections import Counter

from lib.beds.ike import connection
from lib.beds.pair import NIC
from lib.host import PASSED
from lib.netns import run
from lib.pinned import SA_STATE_SIZE, mapped
from soak.bed import SA_MAX
from soak.patience import until

# From when all is made good again. A process that hangs has ten seconds, and twice that where it is the hands; then there is a
# worker that starts, and a peer that has to be found again; and the machine may be busy.
BACK_SECONDS = 120
SETTLED_SECONDS = 60
# A lane asks the kernel once a second what its ring had no room for.
COUNTED_SECONDS = 1.5
# What a process may take more than it did when it was first seen at rest: what allocators keep, and the room for statuses.
MEMORY_MORE = 6 << 20
FDS_MORE = 2
# Of one connection with one child.
NOTHING_ELSE = {'SAs': 2, 'slots': 2, 'sad': 1, 'sad_out': 1}
# What an ESP packet that came in may end as.
ENDS_IN = ('opened', 'replay', 'auth_failed', 'malformed', 'rx_full', 'host_full', 'no_sa', 'selector_mismatch', 'dummy')


def is_up(host):
    """One IKE SA and one child are up. What a peer has begun and gave up goes by itself, half a minute later; and one that is just being
    started tells less."""
    try:
        c = connection(host)
        return c['state'] == 'up' and [ike['state'] for ike in c['ike'] if ike['state'] != 'half_open'] == ['up'] and \
            [child['state'] for child in c['children']] == ['up']
    except (AssertionError, IndexError, KeyError, TypeError):
        return False


def wait_back(bed):
    """Up at both ends, and traffic of every kind goes both ways."""
    until(lambda: all(is_up(host) for host in bed.hosts), 'both are up', timeout=BACK_SECONDS)
    before = bed.traffic.ask('counts')

    def goes_on():
        now = bed.traffic.ask('counts')
        return all(n['arrived'] > b['arrived'] + 50 for n, b in zip(now['datagrams'], before['datagrams'])) and \
            all(n['octets'] > b['octets'] + 20000 for n, b in zip(now['streams'], before['streams']))

    until(goes_on, 'traffic both ways', timeout=BACK_SECONDS)


def never(bed):
    """Whatever happens."""
    bed.closed()
    counts = bed.traffic.ask('counts')
    for n, flow in enumerate(counts['datagrams']):
        assert not flow['again'], f'{flow["again"]} datagrams were taken twice by host {"ba"[n]}'
    for stream in counts['streams']:
        assert not stream['wrong'], 'a stream has said what was not said to it'


# ---- nothing is left over ----

def entries(host, name):
    return len(json.loads(run('bpftool', '-j', 'map', 'dump', 'pinned', host.pins / name).stdout))


def slots_in_use(host):
    """By their generations, which are odd (maps/slots.h)."""
    with mapped(host.pins / 'sa_state', SA_MAX * SA_STATE_SIZE) as table:
        return sum(struct.unpack_from('=I', table, slot * SA_STATE_SIZE)[0] & 1 for slot in range(SA_MAX))


def nothing_left_over(host):
    """Between two rekeys: of an SA that was replaced nothing stays longer than its three seconds."""
    def told():
        return {'SAs': len(host.status()['sas']), 'slots': slots_in_use(host), 'sad': entries(host, 'sad'),
                'sad_out': entries(host, 'sad_out')}

    seen = {}
    try:
        until(lambda: seen.update(told()) or seen == NOTHING_ELSE, f'{host.instance} has two SAs and nothing else',
              timeout=SETTLED_SECONDS)
    except AssertionError as e:
        raise AssertionError(f'{e}: {seen}') from None


def own_memory(pid):
    """Bytes that are its own: what it shares of maps and packets is touched as it is used."""
    with open(f'/proc/{pid}/status') as f:
        return next(int(line.split()[1]) for line in f if line.startswith('RssAnon:')) << 10


def descriptors(pid):
    """What it has open, by kind."""
    kinds = Counter()
    for fd in os.listdir(f'/proc/{pid}/fd'):
        try:
            kinds[os.readlink(f'/proc/{pid}/fd/{fd}').split(':[')[0]] += 1
        except FileNotFoundError:
            pass    # between the two
    return kinds


class Growth:
    """Of each process: what it had when it was first seen at rest, and what it has now."""

    def __init__(self):
        self.first, self.rounds = {}, Counter()
        self.most_memory, self.oldest = Counter(), Counter()

    def look(self, host):
        for name, pid in host.processes().items():
            assert pid, f'{host.instance}: there is no {name}'
            key = host.instance, name, pid
            self.rounds[key] += 1
            memory, fds = own_memory(pid), descriptors(pid)
            if self.rounds[key] == 2:   # what it takes to be in use is in it
                self.first[key] = memory, fds
            if key not in self.first:
                continue
            more = memory - self.first[key][0]
            self.most_memory[name] = max(self.most_memory[name], more)
            self.oldest[name] = max(self.oldest[name], self.rounds[key])
            assert more < MEMORY_MORE, f'{host.instance}: {name}: {more >> 10} kB more after {self.rounds[key]} rounds'
            grown = fds - self.first[key][1]
            assert sum(grown.values()) <= FDS_MORE, f'{host.instance}: {name}: more descriptors: {dict(grown)}'


# ---- every packet is told of ----

class Ledger:
    """All that is counted, at one instant when nothing is under way."""

    def __init__(self, bed):
        self.bed = bed
        bed.traffic.ask('pause')
        self.now, self.moved = self._read(), time.monotonic()
        until(self._is_quiet, 'all that was sent has come, or is lost', timeout=SETTLED_SECONDS)

    def _read(self):
        middle, app = self.bed.middle.count(), self.bed.traffic.ask('counts')
        return {'hosts': [host.counters() for host in self.bed.hosts], 'middle': middle['sides'], 'app': app['datagrams'],
                'waiting': middle['waiting'], 'near': [self._lost_before(n) for n in range(2)],
                'far': [self._lost_behind(n) for n in range(2)]}

    @staticmethod
    def _dropped(ns, dev, way):
        return json.loads(ns.ip('-s', '-j', 'link', 'show', 'dev', dev).stdout)[0]['stats64'][way]['dropped']

    def _lost_before(self, n):
        """What the veth from a host to the middle had no room for."""
        return self._dropped(self.bed.hosts[n].netns, NIC, 'tx') + self._dropped(self.bed.wire, f'port{n}', 'rx')

    def _lost_behind(self, n):
        """And the one from the middle to it."""
        return self._dropped(self.bed.wire, f'port{n}', 'tx') + self._dropped(self.bed.hosts[n].netns, NIC, 'rx')

    def _is_quiet(self):
        """No ESP has moved for so long that all of it is counted."""
        before, self.now = self._esp(self.now), self._read()
        if before != self._esp(self.now) or self.now['waiting'] or not all(self.bed.traffic.ask('is_quiet')):
            self.moved = time.monotonic()
        return time.monotonic() > self.moved + COUNTED_SECONDS

    @staticmethod
    def _esp(read):
        return [[counters.get(reason, 0) for reason in ('sealed', *ENDS_IN)] for counters in read['hosts']] + \
            [[side['esp'], side['esp_passed']] for side in read['middle']]

    def go_on(self):
        self.bed.traffic.ask('go_on')

    def balance(self, before):
        """Sent = received + dropped by reason, on both ways, since `before`. What each way had."""
        return [self._way(before, n) for n in range(2)]

    def _moved(self, before, n):
        now, then = self.now['hosts'][n], before.now['hosts'][n]
        return {reason: now[reason] - then.get(reason, 0) for reason in now if now[reason] != then.get(reason, 0)}

    def _way(self, before, n):
        out, back = self._moved(before, n), self._moved(before, 1 - n)
        side = {name: value - before.now['middle'][n][name] for name, value in self.now['middle'][n].items() if name != 'first_clear'}
        near = self.now['near'][n] - before.now['near'][n] + side['missed']
        far = self.now['far'][1 - n] - before.now['far'][1 - n]
        sealed, ended = out.get('sealed', 0), sum(back.get(reason, 0) for reason in ENDS_IN)
        told = f'{"ab"[n]} to {"ba"[n]}: sender {out}, cable {side}, its ends lost {near} and {far}, receiver {back}'
        assert sealed - near <= side['esp'] <= sealed, f'sealed {sealed}, on the wire {side["esp"]}; {told}'
        # What has no SA on its way out is counted by the same name.
        assert side['esp_passed'] - far <= ended and ended - back.get('no_sa', 0) <= side['esp_passed'], \
            f'to the host {side["esp_passed"]}, told of {ended}; {told}'
        return side['esp'], ended


def datagrams_balance(ledger, before):
    """Where nothing was dropped, what an application sent another has received."""
    for n, (now, then) in enumerate(zip(ledger.now['app'], before.now['app'])):
        dropped = sum(value for end in range(2) for reason, value in ledger._moved(before, end).items() if reason not in PASSED)
        cable = sum(sum(l.now['near'] + l.now['far']) * sign for l, sign in ((ledger, 1), (before, -1)))
        missing = (now['sent'] - then['sent']) - (now['arrived'] - then['arrived'])
        assert 0 <= missing <= dropped + cable, f'{missing} datagrams of host {"ab"[n]} are missing, {dropped} drops are told of'
