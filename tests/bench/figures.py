# SPDX-License-Identifier: BSD-2-Clause
"""What is told, what it has to reach, and how rounds become one figure: medians, and pairs of one round compared."""
import statistics
from collections import namedtuple

import memory
from beds import VARIANTS

# part and key say where the samples are; compare is 'ratio' (ESP / plaintext), 'difference' (ESP - plaintext) or
# None; target is an operator and a limit for that, or for the ESP figure itself where nothing is compared. variant is what
# stands for ESP there, and base what for plaintext.
Figure = namedtuple('Figure', 'part key label unit compare target variant base', defaults=['esp', 'plain'])

FLOWS = (('', '1 flow'), ('_100', '100 flows'), ('_10000', '10,000 flows'))

FIGURES = (
    Figure('tcp_1', 'mbit_s', 'TCP, one stream', 'Mbit/s', 'ratio', ('>=', 0.65)),
    Figure('tcp_4', 'mbit_s', 'TCP, four streams', 'Mbit/s', 'ratio', ('>=', 0.65)),
    Figure('udp_64', 'kpps', 'UDP 64 B, < 1 % lost', 'kpps', 'ratio', ('>=', 0.8)),
    Figure('udp_1400', 'kpps', 'UDP 1400 B, < 1 % lost', 'kpps', 'ratio', None),
    *(Figure(f'udp_{size}{part}', 'overload_ratio', f'UDP {size} B, {flows}, in overload ÷ best', '', None, ('>=', 0.95))
      for size in (64, 1400) for part, flows in FLOWS),
    Figure('ping', 'p50_us', 'ping p50', 'µs', 'difference', ('<=', 80)),
    Figure('ping', 'hand_overs_p50_us', '  its hand-overs, bare', 'µs', None, None),
    Figure('ping', 'p99_us', 'ping p99', 'µs', 'difference', None),
    Figure('ping_one_cpu', 'p50_us', 'ping p50, all on one CPU', 'µs', 'difference', ('<=', 80)),
    Figure('ping_asleep', 'p50_us', 'ping p50, CPUs asleep', 'µs', 'difference', None),
    Figure('ping_asleep', 'p99_us', 'ping p99, CPUs asleep', 'µs', 'difference', None),
    Figure('tcp_1', 'cpu_s_per_gb', 'CPU, one TCP stream', 's/GB', 'ratio', None),
    Figure('tcp_1', 'own_cpu_s_per_gb', '  of it our own code', 's/GB', None, None),
    Figure('tcp_4', 'cpu_s_per_gb', 'CPU, four TCP streams', 's/GB', 'ratio', None),
    Figure('walls', 'busy_us_per_packet', 'CPU, UDP 64 B at 40 kpps', 'µs/packet', 'ratio', None),
    Figure('walls', 'backstop_percent', 'backstop, of all CPU, 64 B', '%', None, ('<', 2)),
    Figure('walls', 'gate_percent', 'NIC programs, of all CPU, 64 B', '%', None, None),
    Figure('resident', 'mb', 'worker, 1 queue, 1000 SAs', 'MB', None, ('<', 64)),
)

# With `latency = low` and without, by what else goes by: the row's comparison is of low.
LOW_FIGURES = (
    Figure('ping', 'p50_us', 'ping p50, idle', 'µs', 'difference', ('<=', 40), 'esp_low'),
    Figure('ping', 'hand_overs_p50_us', '  its hand-overs, bare', 'µs', None, None, 'esp_low'),
    Figure('ping', 'p99_us', 'ping p99, idle', 'µs', 'difference', None, 'esp_low'),
    *(Figure(part, f'p{p}_us', f'ping p{p}, beside {load}', 'µs', 'difference', None, 'esp_low')
      for part, load in (('ping_tcp', 'a TCP stream'), ('ping_udp', '100 kpps of UDP')) for p in (50, 99)),
    Figure('ping_tcp', 'p50_us', '  p50 beside it, ÷ that without low', 'µs', 'ratio', ('<=', 0.5), 'esp_low', 'esp'),
    Figure('ping_tcp', 'load_mbit_s', '  the TCP stream meanwhile', 'Mbit/s', 'ratio', None, 'esp_low'),
    Figure('tcp_1', 'mbit_s', 'TCP, one stream', 'Mbit/s', 'ratio', None, 'esp_low'),
    Figure('tcp_4', 'mbit_s', 'TCP, four streams', 'Mbit/s', 'ratio', None, 'esp_low'),
    *(Figure(f'udp_{size}{part}', key, f'UDP {size} B, {flows}, {label}', 'kpps', 'ratio', None, 'esp_low')
      for size in (64, 1400) for part, flows in FLOWS
      for key, label in (('kpps', '< 1 % lost'), ('overload_kpps', 'overload'))),
)

# Of hosts whose workers have no cipher: what even a cipher that took no time would leave.
BARE_FIGURES = tuple(Figure(f'bare_{part}', key, label, unit, 'ratio', None, 'bare') for part, key, label, unit in (
    ('tcp_1', 'mbit_s', 'TCP, one stream', 'Mbit/s'),
    ('tcp_4', 'mbit_s', 'TCP, four streams', 'Mbit/s'),
    ('tcp_1', 'cpu_s_per_gb', 'CPU, one TCP stream', 's/GB'),
))

# Of hosts with a cable of memory between their workers.
CABLE_FIGURES = tuple(Figure(f'cable_{part}', key, label, unit, compare, target, variant) for part, key, label, unit, compare, target, variant in (
    ('tcp_1', 'mbit_s', 'TCP, one stream', 'Mbit/s', 'ratio', ('>=', 1.0), 'cable'),
    ('tcp_1', 'mbit_s', '  TCP, one stream, no cipher', 'Mbit/s', 'ratio', None, 'bare_cable'),
    ('tcp_4', 'mbit_s', 'TCP, four streams', 'Mbit/s', 'ratio', None, 'cable'),
    ('tcp_4', 'mbit_s', '  TCP, four streams, no cipher', 'Mbit/s', 'ratio', None, 'bare_cable'),
    ('tcp_1', 'cpu_s_per_gb', 'CPU, one TCP stream', 's/GB', 'ratio', None, 'cable'),
    ('tcp_1', 'own_cpu_s_per_gb', '  of it our own code', 's/GB', None, None, 'cable'),
    ('udp_64', 'kpps', 'UDP 64 B, < 1 % lost', 'kpps', 'ratio', None, 'cable'),
    ('udp_1400', 'kpps', 'UDP 1400 B, < 1 % lost', 'kpps', 'ratio', None, 'cable'),
    ('ping', 'p50_us', 'ping p50', 'µs', 'difference', None, 'cable'),
    ('ping', 'p99_us', 'ping p99', 'µs', 'difference', None, 'cable'),
))

# One peer on a cable of memory: with an SA for each lane, as many times what it is with one lane and one SA.
PER_QUEUE_FIGURES = tuple(Figure(f'per_queue_{part}', key, label, unit, 'ratio', target, variant, 'cable')
                          for part, key, label, unit, target, variant in (
    ('tcp_4', 'mbit_s', 'TCP, four streams, two lanes', 'Mbit/s', ('>=', 1.4), 'two_lanes'),
    ('tcp_4', 'mbit_s', 'TCP, four streams, one lane', 'Mbit/s', ('>=', 0.9), 'one_lane'),
    ('tcp_1', 'mbit_s', 'TCP, one stream, two lanes', 'Mbit/s', None, 'two_lanes'),
    ('tcp_1', 'mbit_s', 'TCP, one stream, one lane', 'Mbit/s', ('>=', 0.9), 'one_lane'),
    ('tcp_4', 'cpu_s_per_gb', 'CPU, four TCP streams, two lanes', 's/GB', None, 'two_lanes'),
    ('tcp_4', 'own_cpu_s_per_gb', '  of it our own code', 's/GB', None, 'two_lanes'),
    ('tcp_4', 'busy_percent', '  of the CPUs there are, in use', '%', None, 'two_lanes'),
))

# Of the handshakes that group 20 and the signatures alone would allow; bytes of an IKE SA with its child.
IKE_TARGET = ('>=', 0.7)
IKE_BYTES_TARGET = ('<', 16384)

# On two CPUs, of the handshakes on one; and how long a peer that is up may wait for those of a hundred others, in ms.
IKE_CORES_TARGET = ('>=', 1.7)
IKE_BESIDE_TARGET = ('<=', 20)

# What whole hosts do: part and key of ike_hosts.
IKE_HOST_FIGURES = (
    Figure('peers', 'seconds', '1,008 peers, from cold', 's', None, ('<', 60)),
    Figure('rekeys', 'lost', '50 rekeys at 100 Mbit/s, lost', 'packets', None, ('<=', 0)),
    Figure('half_open', 'seconds', 'up in 10,000 forged openings', 's', None, ('<', 5)),
    Figure('half_open', 'growth_kb', '  memory that IKE grew by', 'kB', None, ('<', 1024)),
)

# Of a file of thousands of connections, beside one of ten: to start, to take one change, and to answer.
FILE_FIGURES = (('start_s', 'start', 's', ('<=', 10)), ('reload_s', 'reload of one change', 's', ('<=', 1)),
                ('status_s', "'status'", 's', None), ('list_s', "'connection list'", 's', None),
                ('policies_s', "'policy list'", 's', None), ('check_s', "'check'", 's', None),
                ('ike_mb', 'memory of IKE', 'MB', None))
# Of thousands of peers, both ends on this machine.
MESH_FIGURES = (('seconds', 'from cold', 's', ('<=', 90)), ('failed', 'attempts that failed', '', ('<=', 0)),
                ('bytes_per_peer', 'memory of IKE for each', 'B', None))

# Many SAs or prefixes, beside few.
SAS_FIGURES = {'setup': ('setting up a pair', ('<=', 1.5)), 'orphans': ('taking away what an earlier run has left with a peer', None),
               'clear': ('clear packet past prefixes', ('<=', 1.5)),
               'clear-near': ('clear packet past prefixes of its /16', ('<=', 1.5)), 'protected': ('protected packet among prefixes', None)}
SAS_BYTES_TARGET = ('<=', 3000)

# Memory to memory, Mpps by the clock on the wall of one lane, sealing and opening each: what one core of DPDK's ipsec-secgw
# does, which seals or opens. And what two lanes are to do of one's, in each direction.
MEMORY_TARGETS = {64: ('>=', 9), 1400: ('>=', 5)}
LANES_TARGET = ('>=', 1.8)
# What is left of one SA's rate where each packet is another's, of so many.
SAS_TARGETS = {100_000: ('>=', 0.8)}

# Times the raw AEAD call of the same backend, at most, by size of the payload. Other sizes are only told.
AEAD_TARGETS = {'seal': {64: 1.15, 512: 1.15, 1440: 1.04}, 'open': {64: 1.30, 512: 1.20, 1440: 1.08}}
AEAD_TARGET_BACKEND = 'ipsec-mb'

OPERATORS = {'>=': lambda a, b: a >= b, '<=': lambda a, b: a <= b, '<': lambda a, b: a < b}
COMPARE = {'ratio': lambda esp, plain: esp / plain if plain else None, 'difference': lambda esp, plain: esp - plain}


def _median(values):
    values = [v for v in values if v is not None]
    return statistics.median(values) if values else None


def _met(value, target):
    if target is None:
        return None
    op, limit = target
    return value is not None and OPERATORS[op](value, limit)


def _row(figure, values, compared, rounds):
    value = compared if figure.compare else values[figure.variant]
    return {
        'name': f'{figure.part}.{figure.key}',
        'label': figure.label,
        'unit': figure.unit,
        'values': values,
        'compare': figure.compare,
        'compared': compared,
        'compared_by_round': rounds,
        'target': figure.target,
        'met': _met(value, figure.target),
    }


def _bed_row(figure, rounds):
    """rounds: one dict of variant -> sample each. Of a variant that could not be had nothing is asked."""
    if not any(figure.variant in r for r in rounds):
        figure = figure._replace(target=None)
    values = {v: _median(r[v].get(figure.key) for r in rounds if v in r) for v in (*VARIANTS, 'bare', 'cable', 'bare_cable', 'one_lane', 'two_lanes')}
    if not figure.compare:
        return _row(figure, values, None, [])
    pairs = [COMPARE[figure.compare](r[figure.variant][figure.key], r[figure.base][figure.key]) for r in rounds
             if figure.variant in r and figure.base in r]
    return _row(figure, values, _median(pairs), pairs)


def _streams_row(measured):
    """Four streams beside one of the same round, by what they have together."""
    def ratios(variant):
        return [four[variant]['mbit_s'] / one[variant]['mbit_s'] for one, four in zip(measured['tcp_1'], measured['tcp_4'])]

    figure = Figure('tcp_4', 'of_tcp_1', 'TCP, four streams ÷ one', '', None, ('>=', 1.0))
    return _row(figure, {variant: _median(ratios(variant)) for variant in ('plain', 'esp')}, None, ratios('esp'))


def bed_rows(measured):
    """A row for each figure whose part was measured: part -> rounds."""
    def rows(table, prefix=''):
        found = [_bed_row(figure, measured[figure.part]) for figure in table if figure.part in measured]
        return [{**row, 'name': prefix + row['name']} for row in found]

    streams = [_streams_row(measured)] if {'tcp_1', 'tcp_4'} <= measured.keys() else []
    return (rows(FIGURES) + streams + rows(LOW_FIGURES, 'low.') + rows(BARE_FIGURES, 'bare.') + rows(CABLE_FIGURES, 'cable.') +
            rows(PER_QUEUE_FIGURES, 'per_queue.'))


# Beside what else than the bare call on the payload: as many bytes as ESP encrypts, and what no ESP can do without.
RAW_LABELS = {'same': '  raw with the trailer', 'least': '  and header, trailer touched'}


def _aead_row(backend, op, runs, raw='raw'):
    """runs: the same size of the same backend, from each run. raw: a key of RAW_LABELS, or 'raw'."""
    size = runs[0]['bytes']
    values = {'raw': _median(r[f'{raw}_{op}_ns'] for r in runs), 'esp': _median(r[f'esp_{op}_ns'] for r in runs)}
    ratios = [r[f'esp_{op}_ns'] / r[f'{raw}_{op}_ns'] for r in runs]
    limit = AEAD_TARGETS[op].get(size) if backend == AEAD_TARGET_BACKEND and raw == 'raw' else None
    name, label = (f'{op}_{size}', f'{op} {size} B, {backend}') if raw == 'raw' else (f'{op}_{size}_{raw}', RAW_LABELS[raw])
    figure = Figure(f'aead.{backend}', name, label, 'ns', 'ratio', ('<=', limit) if limit else None)
    return _row(figure, values, _median(ratios), ratios)


def aead_rows(runs):
    """runs: what esp_bench printed, several times: backends -> sizes."""
    rows = []
    for b, backend in enumerate(runs[0]):
        for n in range(len(backend['sizes'])):
            same = [run[b]['sizes'][n] for run in runs]
            rows += [_aead_row(backend['backend'], op, same, raw) for op in ('seal', 'open') for raw in ('raw', *RAW_LABELS)]
    return rows


def _memory_ratios(case, rounds):
    """Beside the case's baseline, in each round: the direction that does worse."""
    base = memory.baseline(case)
    return [min(r[case][way]['mpps'] / r[base][way]['mpps'] for way in memory.WAYS) for r in rounds]


def _memory_row(case, rounds):
    samples = [r[case] for r in rounds]
    values = {way: _median(s[way]['mpps'] for s in samples) for way in (*memory.WAYS, 'both', 'cipher')}
    clocks = {f'{way}_clocks': _median(s[way]['clocks'] for s in samples) for way in memory.WAYS}
    rates = [s['both']['mpps'] for s in samples]
    alone = memory.baseline(case) is None
    target = MEMORY_TARGETS.get(case.size) if alone else LANES_TARGET if case.lanes > 1 else SAS_TARGETS.get(case.sas)
    figure = Figure('memory', f'{case.size}_bytes_{case.lanes}_lanes_{case.sas}_sas', memory.label(case), 'Mpps',
                    None if alone else 'ratio', target)
    ratios = [] if alone else _memory_ratios(case, rounds)
    worst = min(values[way] for way in memory.WAYS)
    if case.lanes > 1:
        # What no lane can pass: two CPUs that do nothing but the cipher, beside one.
        base = memory.baseline(case)
        values['bound'] = _median(r[case]['cipher']['mpps'] / r[base]['cipher']['mpps'] for r in rounds)
    row = _row(figure, {'esp': worst, **values, **clocks}, _median(ratios), ratios)
    return {**row, 'spread_percent': 100 * (max(rates) - min(rates)) / values['both']}


def memory_rows(rounds):
    """rounds: what memory.measure() did."""
    return [_memory_row(case, rounds) for case in memory.CASES] if rounds else []


def _ike_rows(runs):
    """runs: the same proof, from each run."""
    auth = runs[0]['auth']
    values = {'raw': _median(r['raw_per_s'] for r in runs), 'esp': _median(r['handshakes_per_s'] for r in runs)}
    ratios = [r['handshakes_per_s'] / r['raw_per_s'] for r in runs]
    rate = Figure('ike', f'{auth}_handshakes', f'responder, {auth}', '/s', 'ratio', IKE_TARGET)
    size = Figure('ike', f'{auth}_bytes', f'IKE SA and child, {auth}', 'B', None, IKE_BYTES_TARGET)
    return [_row(rate, values, _median(ratios), ratios),
            _row(size, {'raw': None, 'esp': _median(r['bytes_per_sa'] for r in runs)}, None, [])]


def ike_rows(runs):
    """runs: what ike_bench printed, several times: one entry for each way of proof."""
    return [row for n in range(len(runs[0])) for row in _ike_rows([run[n] for run in runs])] if runs else []


def _ike_cores_rows(proof, rounds):
    """rounds: what that proof had in each."""
    def values(key, base):
        return {'raw': _median(r[base][key] for r in rounds), 'esp': _median(r['two'][key] for r in rounds)}

    ratios = [r['two']['handshakes_per_s'] / r['one']['handshakes_per_s'] for r in rounds]
    return [_row(Figure('ike_cores', f'{proof}_handshakes', f'responder, {proof}, two CPUs beside one', '/s', 'ratio',
                        IKE_CORES_TARGET), values('handshakes_per_s', 'one'), _median(ratios), ratios),
            _row(Figure('ike_cores', f'{proof}_beside', f'  behind 100, {proof}, beside no hands', 'ms', None,
                        IKE_BESIDE_TARGET), values('beside_ms', 'alone'), None, [])]


def ike_cores_rows(rounds):
    """rounds: what ike_cores.measure() did."""
    return [row for proof in rounds[0] for row in _ike_cores_rows(proof, [r[proof] for r in rounds])] if rounds else []


def ike_host_rows(found):
    """found: what ike_hosts.measure() did."""
    return [_row(f._replace(part=f'ike.{f.part}'), {'raw': None, 'esp': found[f.part][f.key]}, None, [])
            for f in IKE_HOST_FIGURES if f.part in found]


def sas_rows(found):
    """found: what sas.measure() did. The fewest beside the most."""
    rows = []
    for what, (label, target) in SAS_FIGURES.items() if found else ():
        few, many = found[what][0], found[what][-1]
        rows.append(_row(Figure('sas', what, f'{label}, {many["number"]:,} beside {few["number"]:,}', 'ns', 'ratio', target),
                         {'raw': few['ns'], 'esp': many['ns']}, many['ns'] / few['ns'], []))
    if found:
        largest = found['memory'][-1]
        rows.append(_row(Figure('sas', 'bytes', 'maps and all processes, an idle pair', 'B', None, SAS_BYTES_TARGET),
                         {'raw': None, 'esp': largest['pair_maps'] + sum(largest['pair'].values())}, None, []))
    return rows


def file_rows(found):
    """found: what file.measure() did. The fewest connections beside the most."""
    return [_row(Figure(f'file.{proof}', key, f'{label}, {samples[-1]["connections"]:,} connections, {proof}', unit, None, target),
                 {'raw': samples[0][key], 'esp': samples[-1][key]}, None, [])
            for proof, samples in found.items() for key, label, unit, target in FILE_FIGURES]


def mesh_rows(samples):
    """samples: what mesh.measure() did. The fewest peers beside the most."""
    return [_row(Figure('mesh', key, f'{samples[-1]["peers"]:,} peers, {label}', unit, None, target),
                 {'raw': None if key == 'bytes_per_peer' else samples[0][key], 'esp': samples[-1][key]}, None, [])
            for key, label, unit, target in MESH_FIGURES if samples]
