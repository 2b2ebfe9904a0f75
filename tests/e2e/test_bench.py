# SPDX-License-Identifier: BSD-2-Clause
"""
The bench: whom it cannot measure it tells of, in every table and chart, and goes on with the others; and on a cable of memory it
measures that cable.
"""
import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).resolve().parents[1] / 'bench'))

import cable
import per_queue
import contenders
import flood_report
import parts
from beds import B
from lib.host import BUILD
from others.vpn import Missing
from plots.charts import charts
from plots.tables import blocks

SETTINGS = {'rounds': 2, 'ours': False}


class Bed:
    """Without hosts; it does what it is told, at a rate of its own."""
    mbit_s = 100
    a = None

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        pass

    def counters(self):
        return {}

    def check(self, before):
        return {}

    def wake(self):
        pass

    def rest(self):
        pass

    def version(self):
        return '1.0'


class NotThere(Bed):
    def __init__(self):
        raise Missing('openvpn is not installed: package openvpn')


class FallsOut(Bed):
    mbit_s = 50
    rounds = 0

    def check(self, before):
        self.rounds += 1
        if self.rounds == 2:
            raise AssertionError('its daemon has ended')
        return {}


@pytest.fixture
def beds(monkeypatch):
    """Ours and plaintext, one that cannot be had, one that ends in the second round, one that lasts."""
    made = {**{variant: Bed for variant in parts.ALL}, 'openvpn': NotThere, 'wireguard': FallsOut}
    monkeypatch.setattr(parts, 'BEDS', made)
    part = parts.Part(lambda bed, _: {'mbit_s': bed.mbit_s, 'cpu_s_per_gb': 1}, 'mbit_s', made)
    monkeypatch.setattr(parts, 'BED_PARTS', {'tcp_1': part})
    monkeypatch.setattr(parts, 'features', lambda ns: {})
    monkeypatch.setattr(parts, '_esp_facts', lambda bed: {'aead': 'a', 'mode': 'native', 'zero_copy': False})
    return made


def test_who_cannot_be_measured_has_a_row_that_says_why(beds):
    told = []
    measured, facts = parts.measure(['tcp_1'], SETTINGS, told.append)
    assert len(told) == parts.count(['tcp_1'], SETTINGS) == 2 * len(beds)
    rows = {row['name']: row for row in contenders.rows(measured, facts)}
    assert rows.keys() == {f'beside.{variant}' for variant in beds}
    gone, fell, lasts = (rows[f'beside.{variant}'] for variant in ('openvpn', 'wireguard', 'libipsec'))
    assert gone['missing'] == 'openvpn is not installed: package openvpn' and gone['values']['tcp_1.mbit_s'] is None
    assert fell['missing'] == 'tcp_1: its daemon has ended' and fell['values']['tcp_1.mbit_s']['median'] == 50
    assert lasts['missing'] is None and lasts['values']['tcp_1.mbit_s']['of_plain'] == 1

    result = {'figures': list(rows.values()), 'rounds': measured, 'settings': SETTINGS,
              'facts': {**facts, 'cpus': 2, 'cpu': 'x', 'kernel': '6', 'idle_driver': 'none', 'time': '2000-01-01T00:00:00Z'}}
    for text in contenders.table(list(rows.values())), blocks(result, {})['beside']:
        assert 'openvpn is not installed' in text and 'its daemon has ended' in text
    chart, = charts(result)
    assert [mark.text for mark in chart.panels[0].marks if mark.value is None] == ['not there']
    assert len(chart.rows) == len(beds)


def test_nothing_to_compare_with_ends_it(beds):
    beds['plain'] = NotThere
    with pytest.raises(Missing):
        parts.measure(['tcp_1'], SETTINGS, print)


def row(name, base, target=None, met=None):
    return {'name': name, 'label': name, 'unit': 'ns', 'values': {base: 50, 'esp': 75, 'esp_low': 60}, 'compare': 'ratio', 'compared': 1.5,
            'target': target, 'met': met}


def test_what_is_missed_is_told_so():
    rows = [row('aead.ipsec-mb.open_64', 'raw', ['<=', 1.3], False), row('aead.ipsec-mb.open_256', 'raw'), row('aead.openssl.open_64', 'raw'),
            row('tcp_1.mbit_s', 'plain', ['>=', 0.65], True), row('low.tcp_1.mbit_s', 'plain', ['>=', 2], False)]
    tables = blocks({'figures': rows}, {})
    assert tables.keys() == {'run', 'low'}
    assert tables['run'].splitlines()[2:] == ['| aead.ipsec-mb.open_64 | ns | 50.0 | 75.0 | × 1.50 | ≤ × 1.3, missed |',
                                              '| tcp_1.mbit_s | ns | 50.0 | 75.0 | × 1.50 | ≥ × 0.65 |']
    assert tables['low'].splitlines()[2:] == ['| low.tcp_1.mbit_s | ns | 50.0 | 75.0 | 60.0 | × 1.50 | ≥ × 2, missed |']


@pytest.mark.parametrize('what, aims', [
    ({}, []), ({'share': 0.6}, ['ratio']), ({'lines': 50, 'rss_kb': 1000, 'maps_kb': 1000}, []), ({'lines': 51}, ['log']),
    ({'rss_kb': 2048, 'maps_kb': 1}, ['memory'])])
def test_what_a_flood_has_missed_is_told_so(what, aims):
    """The host's memory after two rounds of two floods each, the lines of the one that had most."""
    calm = {'offered_pps': 1e5, 'share': 1.0, 'rtts': [0.1], 'taken': 1000, 'seconds': 1.0, 'rss_kb': 0, 'maps_kb': 0, 'lines': 0, 'counted': {}}
    memory = {name: n for name, n in what.items() if name in ('rss_kb', 'maps_kb')}
    last = {speed: {'plain': calm, 'esp': {**calm, **what}} for speed in ('highest', 'same')}
    first = {**last, 'highest': {'plain': calm, 'esp': {**calm, **memory}}}
    r = flood_report.row('clear', [first, last])
    assert flood_report.missed(r) == aims and r['met'] == (not aims)
    assert flood_report.table([r]).count('missed') == len(aims)


def ping(bed):
    bed.a.run('ping', '-n', '-q', '-c', 5, '-i', 0.05, B)


def test_what_goes_by_the_cable_is_esp():
    with cable.Cable() as bed:
        (a, b), sent = bed.counters()
        ping(bed)
        bed.check(((a, b), sent))
        after = bed.counters()[0]
        assert [(new['sealed'] - old['sealed'], new['opened'] - old['opened']) for old, new in zip((a, b), after)] == [(5, 5)] * 2


def test_each_lane_has_an_sa_on_the_cable():
    """Two queues, and what each CPU sends is sealed by its own lane."""
    with per_queue.TwoLanes() as bed:
        before = bed.counters(), bed.status()['lanes']
        for cpu in range(per_queue.LANES):
            bed.a.run('taskset', '-c', cpu, 'ping', '-n', '-q', '-c', 5, '-i', 0.05, B)
        bed.check(before[0])
        assert all(now['sealed'] - was['sealed'] >= 5 for was, now in zip(before[1], bed.status()['lanes']))


def test_what_does_not_go_by_the_cable_is_not_told_as_if(monkeypatch):
    """The worker as it is installed sends by the NIC."""
    monkeypatch.setattr(cable.Cable, 'worker', BUILD / 'xdp-ipsec-worker')
    with cable.Cable() as bed:
        before = bed.counters()
        ping(bed)
        with pytest.raises(AssertionError, match='went over the veth'):
            bed.check(before)


def test_what_is_not_sealed_is_not_told_as_if():
    with cable.Cable() as bed, pytest.raises(AssertionError, match='nothing was sealed'):
        bed.check(bed.counters())
