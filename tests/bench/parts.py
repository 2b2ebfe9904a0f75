# SPDX-License-Identifier: BSD-2-Clause
"""What is measured on beds, of which variants, and the rounds in which these take turns."""
import subprocess
from collections import namedtuple
from contextlib import ExitStack

import bare
import cable
import latency
import loads
import machine
import per_queue
import report
import resident
import tcp
import udp
import walls
from beds import NIC, VARIANTS, features
from others import OTHERS

ALL = {**VARIANTS, **OTHERS}
HERE, LOW = ('plain_gso', 'plain', 'esp'), ('plain', 'esp', 'esp_low')
# What a cable of memory is compared with is measured beside it once more.
CABLE = ('plain_gso', 'plain', 'cable', 'bare_cable')
BARE = ('plain', 'esp', 'bare')
# One peer: one SA and one queue, an SA for each lane where there is one lane, and where there are two.
PER_QUEUE = ('cable', 'one_lane', 'two_lanes')
BEDS = {**ALL, 'bare': bare.Bare, 'cable': cable.Cable, 'bare_cable': bare.BareCable, 'one_lane': per_queue.OneLane,
        'two_lanes': per_queue.TwoLanes}
# A machine need not have what these need: one that cannot be had is told with the reason.
OPTIONAL = ('esp_low', *OTHERS)
FAILURES = (AssertionError, OSError, ValueError, subprocess.SubprocessError)

# measure is a function of bed and settings, key that of the sample which is shown as it goes.
Part = namedtuple('Part', 'measure key variants')


def _ping_beside(load):
    return Part(lambda bed, s: latency.measure_beside(load, bed, latency.AWAKE, s['pings']), 'p50_us', LOW)


def _udp(size, flows, variants):
    return Part(lambda bed, s: udp.measure(bed, size, s['udp_s'], flows), 'kpps', variants)


BED_PARTS = {
    'ping': Part(lambda bed, s: latency.measure(bed, latency.AWAKE, s['pings']), 'p50_us', ALL),
    'ping_one_cpu': Part(lambda bed, s: latency.measure_on_one_cpu(bed, latency.AWAKE, s['pings']), 'p50_us', HERE),
    'ping_asleep': Part(lambda bed, s: latency.measure(bed, latency.ASLEEP, s['pings_asleep']), 'p50_us', HERE),
    'ping_tcp': _ping_beside(loads.tcp_stream),
    'ping_udp': _ping_beside(loads.udp_stream),
    'tcp_1': Part(lambda bed, s: tcp.measure(bed, 1, s['tcp_s']), 'mbit_s', ALL),
    'tcp_4': Part(lambda bed, s: tcp.measure(bed, 4, s['tcp_s']), 'mbit_s', ALL),
    'udp_64': _udp(64, 1, ALL),
    'udp_1400': _udp(1400, 1, ALL),
    **{f'udp_{size}_{flows}': _udp(size, flows, LOW) for size in (64, 1400) for flows in (100, 10000)},
    'walls': Part(lambda bed, s: walls.measure(bed, s['walls_s']), 'busy_us_per_packet', HERE),
}
CABLE_PARTS = {f'cable_{part}': BED_PARTS[part]._replace(variants=CABLE)
               for part in ('ping', 'tcp_1', 'tcp_4', 'udp_64', 'udp_1400')}
BARE_PARTS = {f'bare_{part}': BED_PARTS[part]._replace(variants=BARE) for part in ('tcp_1', 'tcp_4')}
PER_QUEUE_PARTS = {f'per_queue_tcp_{n}': Part(lambda bed, s, n=n: per_queue.measure(bed, n, s['tcp_s']), 'mbit_s', PER_QUEUE)
                   for n in (1, 4)}
BED_PARTS.update(PER_QUEUE_PARTS)
BED_PARTS.update(CABLE_PARTS)
BED_PARTS.update(BARE_PARTS)
PARTS = (*BED_PARTS, 'resident')
# Several by one name: what all contenders go through, what goes by a cable of memory, what goes without a cipher, what an SA
# for each lane brings, and what is told of `latency = low`.
GROUPS = {'beside': [name for name, part in BED_PARTS.items() if part.variants is ALL],
          'cable': list(CABLE_PARTS),
          'bare': list(BARE_PARTS),
          'per_queue': list(PER_QUEUE_PARTS),
          'low': [name for name, part in BED_PARTS.items() if 'esp_low' in part.variants]}


def _variants(part, settings):
    return [v for v in BED_PARTS[part].variants if not (settings['ours'] and v in OTHERS)]


def count(parts, settings):
    """How many samples there will be."""
    return (sum(len(_variants(part, settings)) for part in parts if part in BED_PARTS) * settings['rounds'] +
            ('resident' in parts))


class Beds:
    """All variants that the parts want, side by side; `missing` says of each that there is not why."""

    def __init__(self, parts, settings):
        self.missing = {}
        wanted = {v for part in parts for v in _variants(part, settings)} | {'esp'}
        with ExitStack() as undo:
            self.beds = {}
            for variant in (v for v in BEDS if v in wanted):
                try:
                    self.beds[variant] = undo.enter_context(BEDS[variant]())
                except FAILURES as e:
                    self.fail(variant, e)
            self.stack = undo.pop_all()

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.stack.close()

    def fail(self, variant, error):
        """It is out of the run, unless there would be nothing to compare with."""
        if variant not in OPTIONAL:
            raise error
        self.beds.pop(variant, None)
        self.missing[variant] = ' '.join(str(error).split())[:400]

    def facts(self):
        return {'offloads': {variant: features(bed.a) for variant, bed in self.beds.items() if variant in VARIANTS},
                'esp': _esp_facts(self.beds['esp']),
                'versions': {variant: bed.version() for variant, bed in self.beds.items() if variant in OTHERS}}

    def sample(self, variant, part, settings):
        bed = self.beds[variant]
        before = bed.counters()
        bed.wake()
        try:
            measured = BED_PARTS[part].measure(bed, settings)
        finally:
            bed.rest()
        drops = bed.check(before)
        return {**measured, 'drops': drops} if drops else measured

    def one_round(self, part, settings, backwards, tell):
        """A sample of each variant; every other round goes the other way, so a drift favours none."""
        samples = {'background': machine.background()}
        key = BED_PARTS[part].key
        for variant in _variants(part, settings)[::-1 if backwards else 1]:
            if variant in self.missing:
                tell(f'{part} {variant}: missing')
                continue
            try:
                samples[variant] = self.sample(variant, part, settings)
                tell(f'{part} {variant}: {key} {report.number(samples[variant][key])}')
            except FAILURES as e:
                self.fail(variant, f'{part}: {e}' if variant in OPTIONAL else e)
                tell(f'{part} {variant}: failed')
        return samples


def _esp_facts(bed):
    status = bed.status()
    nic = next(i for i in status['interfaces'] if i['name'] == NIC)
    return {'aead': status['worker']['aead'], **{key: nic[key] for key in ('mode', 'zero_copy', 'queues')}}


def measure(parts, settings, tell):
    """part -> its rounds, of all those asked for; and facts of the beds."""
    bed_parts = [part for part in parts if part in BED_PARTS]
    measured = {part: [] for part in bed_parts}
    with Beds(bed_parts, settings) as beds:
        facts = beds.facts()
        for n in range(settings['rounds']):
            for part in bed_parts:
                measured[part].append(beds.one_round(part, settings, n % 2, tell))
        if 'resident' in parts:
            measured['resident'] = [{'background': 0, 'esp': resident.measure(beds.beds['esp'])}]
            tell(f'resident: {report.number(measured["resident"][0]["esp"]["mb"])} MB')
        facts['missing'] = beds.missing
    return measured, facts
