#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""
What an honest stream keeps while somebody on the wire floods the host that it goes to, with whatever can be sent without a key: beside
what it keeps in clear, between the same two without xdp-ipsec, under the same flood at the same rate.

In each round each flood comes four times, in clear and protected: as fast as it goes, and once more at the lower of the two rates.
What is compared is the second, and the median of the rounds is told. Exit 1 if a target is missed. As root.
"""
import argparse
import contextlib
import functools
import json
import os
import re
import signal
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

HERE = Path(__file__).resolve().parent
# What makes hosts in namespaces is the tests'.
sys.path[:0] = [str(HERE), str(HERE.parent)]
sys.dont_write_bytecode = True

import flood_report
import machine
import report
import udp
from flood_report import WAYS
from lib.beds import floods
from lib.beds.flooded import Flood, Flooded, Unprotected, map_bytes, processes, resident_all
from lib.beds.pair import A
from lib.host import BUILD
from lib.wait import until

ROUNDS, CELL_S = 3, 1.0
# The honest stream: 200 Mbit/s of what is in the UDP datagrams.
MBIT_S, SIZE = 200, 1400
PACKETS_S = MBIT_S * 1e6 / 8 / SIZE
PING_S = 0.02
# How long counters may move after a flood, and what is as good as all of it.
SETTLE_S, COUNTED = 1.5, 0.999
RTT = re.compile(r'time=([\d.]+) ms')
# What the honest stream is counted as, and its answers.
HONEST = {'opened', 'sealed'}


# ---- one cell: one bed, one flood, one rate ----

def stream(pair, seconds):
    """The honest stream from b to a, beside a ping: which share of what was due has come, round trips in ms, pings lost."""
    with ExitStack() as ends:
        receiver = ends.enter_context(subprocess.Popen(pair.a.netns.argv(udp.RECEIVER, A), stdout=subprocess.PIPE, text=True))
        ends.callback(receiver.terminate)
        port = receiver.stdout.readline().strip()
        count = round(seconds / PING_S)
        ping = ends.enter_context(subprocess.Popen(pair.b.netns.argv('ping', '-n', '-i', PING_S, '-c', count, '-W', 1, A),
                                                   stdout=subprocess.PIPE, text=True))
        pair.b.netns.run(udp.SENDER, A, port, SIZE, PACKETS_S, seconds)
        receiver.terminate()
        received = json.loads(receiver.stdout.read())['received']
        rtts = [float(ms) for ms in RTT.findall(ping.stdout.read())]
    return {'share': received / (PACKETS_S * seconds), 'rtts': rtts, 'pings_lost': count - len(rtts)}


def under_flood(pair, frames, rate):
    """The flood goes on until the stream is over."""
    with Flood(pair, frames, rate, 10 * CELL_S) as flood:
        found = stream(pair, CELL_S)
    return {**found, 'offered_pps': flood.offered / flood.seconds, 'taken_pps': flood.taken / flood.seconds, 'taken': flood.taken,
            'seconds': flood.seconds}


def held(host):
    return {'rss': resident_all(host), 'maps': map_bytes(host), 'pids': sorted(processes(host).items()),
            'lines': host.log_text.count('\n'), 'counters': host.counters()}


def settle(host, before, reasons, taken):
    """What a ring had no room for is counted within a second, what is incomplete later."""
    def counted():
        now = host.counters()
        return sum(now.get(reason, 0) - before.get(reason, 0) for reason in reasons) >= COUNTED * taken

    if reasons:
        with contextlib.suppress(AssertionError):
            until(counted, 'all is counted', timeout=SETTLE_S)


def protected_under_flood(pair, frames, rate, reasons):
    """The same, and what the flood has left at the host."""
    before = held(pair.a)
    found = under_flood(pair, frames, rate)
    settle(pair.a, before['counters'], reasons, found['taken'])
    after = held(pair.a)
    if before['pids'] != after['pids']:
        raise AssertionError(f'processes ended: {before["pids"]} are {after["pids"]} now; the log:\n{pair.a.log_text[-2000:]}')
    counted = {reason: n - before['counters'].get(reason, 0) for reason, n in after['counters'].items()}
    return {**found, 'rss_kb': (after['rss'] - before['rss']) >> 10, 'maps_kb': (after['maps'] - before['maps']) >> 10,
            'lines': after['lines'] - before['lines'],
            'counted': {reason: n for reason, n in counted.items() if n and reason not in HONEST}}


# ---- rounds ----

def one_round(beds, kind, backwards, tell):
    """way -> the cell at the flood's highest rate, and the cell at the rate that both have."""
    frames = floods.KINDS[kind].make(floods.Wire(beds['esp']))
    lines = {'esp': frames, 'plain': floods.readdressed(frames, beds['plain'])}
    protected = functools.partial(protected_under_flood, reasons=floods.KINDS[kind].reasons)
    cell = {'esp': protected, 'plain': under_flood}
    order = WAYS[::-1] if backwards else WAYS
    highest = {way: cell[way](beds[way], lines[way], 0) for way in order}
    rate, same = min(found['offered_pps'] for found in highest.values()), {}
    # A flood that is paced may come to less where the host takes longer: clear gets what ours has had, or what is next to it.
    for way in ('esp', 'plain'):
        same[way] = cell[way](beds[way], lines[way], rate)
        rate = same[way]['offered_pps']
    tell(f'{kind}: ' + ', '.join(f'{way} {same[way]["share"]:.0%} at {same[way]["offered_pps"] / 1e3:.0f} kpps' for way in WAYS))
    return {'highest': highest, 'same': same}


def measure(kinds, rounds, tell):
    """kind -> its rounds."""
    measured = {kind: [] for kind in kinds}
    with Unprotected() as plain, Flooded() as esp:
        esp.come_up()
        beds = {'plain': plain, 'esp': esp}
        idle = stream(plain, CELL_S)['share'], stream(esp, CELL_S)['share']
        if min(idle) < 0.95:
            raise AssertionError(f'without a flood {idle[0]:.0%} and {idle[1]:.0%} of the stream come: the machine is too busy')
        for n in range(rounds):
            for kind in kinds:
                measured[kind].append(one_round(beds, kind, n % 2, tell))
    return measured


# ---- the command ----

def parse_arguments():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('kinds', nargs='*', metavar='FLOOD', help=f'{", ".join(floods.KINDS)} (default: all)')
    p.add_argument('--rounds', type=int, default=ROUNDS, help='how often each (default: %(default)s)')
    p.add_argument('--json', type=Path, default=BUILD / 'floods.json', help='where the figures go (default: %(default)s)')
    p.add_argument('--add', action='store_true', help='the floods that are measured take their places in that file, the others stay')
    args = p.parse_args()
    for kind in set(args.kinds) - set(floods.KINDS):
        p.error(f'{kind} is no flood: {", ".join(floods.KINDS)}')
    args.kinds = [kind for kind in floods.KINDS if kind in (args.kinds or floods.KINDS)]
    return args


def kept(path, but):
    """Rows of an earlier run, of other floods."""
    rows = json.loads(path.read_text(encoding='utf-8'))['floods'] if path.exists() else []
    return [r for r in rows if r['name'] not in but]


def main():
    args = parse_arguments()
    if os.geteuid() != 0:
        sys.exit('floods: makes network namespaces: run it as root')
    # An end like any other: what was made is taken away.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    facts = machine.facts()
    measured = measure(args.kinds, args.rounds, lambda text: print(text, file=sys.stderr, flush=True))
    rows = [flood_report.row(kind, rounds) for kind, rounds in measured.items()] + (kept(args.json, args.kinds) if args.add else [])
    rows.sort(key=lambda r: list(floods.KINDS).index(r['name']))
    args.json.write_text(json.dumps({'facts': facts, 'floods': rows}, indent=1, ensure_ascii=False) + '\n', encoding='utf-8')
    print(report.machine_line(facts) + '\n\n' + flood_report.table(rows) + f'\n\nall of it: {args.json}')
    return not all(r['met'] for r in rows)


if __name__ == '__main__':
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
    except AssertionError as e:
        sys.exit(f'floods: {e}')
