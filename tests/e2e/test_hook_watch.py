# SPDX-License-Identifier: BSD-2-Clause
"""Hooks that somebody else changes: put right and said, and closed meanwhile."""
import contextlib
import json
import os
import signal

import pytest

from lib.beds.paced import Both
from lib.beds.pair import B, NIC, Pair
from lib.bpf_programs import SCHED_CLS, TC_OK, XDP, XDP_PASS, detach, in_front, pin, pinned, program, tcx_order, update
from lib.netns import run
from lib.traffic import ping
from lib.wait import until

# enum gate_kind of maps/layout.h
GATE_ATTACHED, GATE_BROKEN = 1, 5


@pytest.fixture(params=['native', 'generic'])
def clsact_pair(request):
    with Pair(request.param, hook='clsact') as pair:
        pair.mode = request.param
        pair.start()
        pair.begin()
        yield pair


def filters(ns, where):
    return ns.run('tc', 'filter', 'show', 'dev', NIC, where).stdout


def said(pair, text):
    return pair.a.log_text.count(text)


@pytest.mark.alone
def test_clsact_qdisc_deleted(clsact_pair):
    """Twenty times, under traffic."""
    a = clsact_pair.a.netns
    with Both(clsact_pair) as traffic:
        until(traffic.goes_on(), 'traffic both ways')
        for _ in range(20):
            a.run('tc', 'qdisc', 'del', 'dev', NIC, 'clsact')
            until(lambda: 'tc_egress' in filters(a, 'egress'), 'the filter to be back', timeout=0.7)
            until(traffic.goes_on(20), 'traffic again')
        traffic.closed(between=1)
    assert 1 <= said(clsact_pair, f'{NIC}: somebody took the program off egress, the filter or its clsact qdisc') <= 8
    if clsact_pair.mode == 'generic':
        assert 'nic_ingress' in filters(a, 'ingress')


@pytest.mark.alone
def test_clsact_filters_deleted(clsact_pair):
    a = clsact_pair.a.netns
    with Both(clsact_pair) as traffic:
        until(traffic.goes_on(), 'traffic both ways')
        for _ in range(20):
            for where, program in ('egress', 'tc_egress'), ('ingress', 'nic_ingress'):
                a.run('tc', 'filter', 'del', 'dev', NIC, where)
                if where == 'egress' or clsact_pair.mode == 'generic':
                    until(lambda: program in filters(a, where), 'the filter to be back', timeout=0.7)
            until(traffic.goes_on(20), 'traffic again')
        traffic.closed(between=1)


def test_filter_in_front(clsact_pair, foreign_filter):
    """The newest of a priority goes first: ours does again, in the same priority."""
    a = clsact_pair.a.netns
    with Both(clsact_pair) as traffic:
        until(traffic.goes_on(), 'traffic both ways')
        a.run('tc', 'filter', 'add', 'dev', NIC, 'egress', 'prio', 1, 'protocol', 'all', 'bpf', 'direct-action', 'object-pinned',
              foreign_filter)
        until(lambda: said(clsact_pair, 'in front of ours on egress; put right again'), 'a line in the log')
        order = [line for line in filters(a, 'egress').splitlines() if 'handle' in line]
        assert len(order) == 2 and 'tc_egress' in order[0], order
        until(traffic.goes_on(20), 'traffic again')
        traffic.capture.stop()
        assert not traffic.heard()


@pytest.fixture
def foreign_filter(clsact_pair):
    path = f'/sys/fs/bpf/{clsact_pair.a.instance}-theirs'
    with program(SCHED_CLS, TC_OK) as prog:
        pin(prog, path)
        yield path
        os.unlink(path)


def test_tcx_in_front_of_clsact(clsact_pair):
    """No filter comes before it: that is said."""
    with program(SCHED_CLS, -1) as theirs, in_front(clsact_pair.a.netns, NIC, 'egress', theirs):
        until(lambda: said(clsact_pair, "'theirs' in front of ours on egress; it decides first"), 'a line in the log')
        with Both(clsact_pair) as traffic:      # that one lets everything by to the next
            until(traffic.goes_on(), 'traffic both ways')
            traffic.closed()


# ---- tcx ----

def links(pair):
    return ['xdp', 'egress'] + ['ingress'] * (pair.mode == 'generic')


@pytest.fixture(params=['native', 'generic'])
def tcx_pair(request):
    with Pair(request.param, hook='tcx') as pair:
        pair.mode = request.param
        pair.start()
        pair.begin()
        yield pair


def link_of(pair, point):
    return pinned(pair.a.pins / 'links' / f'{NIC}-{point}')


@pytest.mark.parametrize('how', ['detached', 'replaced', 'unpinned'])
def test_link_changed(tcx_pair, how):
    # The driver lets go of XDP some milliseconds before the kernel says so: in native mode forged packets slip in meanwhile.
    with Both(tcx_pair, forge=tcx_pair.mode == 'generic') as traffic, program(SCHED_CLS, TC_OK) as tc, \
            program(XDP, XDP_PASS) as xdp:
        until(traffic.goes_on(), 'traffic both ways')
        for point in links(tcx_pair) * 3:
            with link_of(tcx_pair, point) as link:
                if how == 'detached':
                    detach(link)
                elif how == 'replaced':
                    update(link, xdp if point == 'xdp' else tc)
                else:
                    os.unlink(tcx_pair.a.pins / 'links' / f'{NIC}-{point}')
            until(traffic.goes_on(20), f'traffic again after {point}')
        traffic.closed(between=1)
    for point in links(tcx_pair):
        name = 'XDP' if point == 'xdp' else point
        text = f"'theirs' in place of ours on {name}" if how == 'replaced' else f'somebody took the program off {name}'
        assert said(tcx_pair, text), tcx_pair.a.log_text


@contextlib.contextmanager
def broken_gate(host):
    """As the supervisor leaves the NIC's entry where our programs cannot be put back; it does nothing meanwhile."""
    link, = json.loads(host.netns.ip('-j', 'link', 'show', 'dev', NIC).stdout)
    gates = 'pinned', host.pins / 'gates', 'key', *link['ifindex'].to_bytes(4, 'little')
    host.daemon.send_signal(signal.SIGSTOP)
    try:
        value = [int(byte, 16) for byte in json.loads(run('bpftool', '-j', 'map', 'lookup', *gates).stdout)['value']]
        assert value[0] == GATE_ATTACHED
        run('bpftool', 'map', 'update', *gates, 'value', GATE_BROKEN, *value[1:])
        yield
        run('bpftool', 'map', 'update', *gates, 'value', *value)
    finally:
        host.daemon.send_signal(signal.SIGCONT)


def test_gate_that_cannot_be_closed(tcx_pair):
    """What is protected stays here: the backstop knows that nobody behind it can be trusted."""
    host = tcx_pair.a
    assert ping(host.netns, B)
    before = host.counters()
    with broken_gate(host):
        assert not ping(host.netns, B, deadline=1)
    assert host.counters()['backstop_out'] - before.get('backstop_out', 0) == 1
    assert ping(host.netns, B)


def test_program_in_front(tcx_pair):
    """Nothing tells of it: within a second ours is the first again, and until then the backstop drops."""
    a = tcx_pair.a.netns
    with Both(tcx_pair) as traffic, program(SCHED_CLS, TC_OK) as theirs, contextlib.ExitStack() as stack:
        until(traffic.goes_on(), 'traffic both ways')
        for where in links(tcx_pair)[1:]:
            ours = tcx_order(a, NIC, where)
            stack.enter_context(in_front(a, NIC, where, theirs))
            assert len(tcx_order(a, NIC, where)) == 2
            until(lambda: tcx_order(a, NIC, where)[0] == ours[0], 'ours to be the first')
            until(lambda: said(tcx_pair, f"'theirs' in front of ours on {where}; put right again"), 'a line in the log')
        until(traffic.goes_on(20), 'traffic again')
        traffic.closed(between=1)


def test_program_in_front_on_the_tap(tcx_pair):
    a, tap = tcx_pair.a.netns, f'esp-{NIC}'
    with program(SCHED_CLS, TC_OK) as theirs, in_front(a, tap, 'ingress', theirs):
        until(lambda: said(tcx_pair, "'theirs' in front of ours on its TAP; put right again"), 'a line in the log')
        with Both(tcx_pair) as traffic:
            until(traffic.goes_on(), 'traffic both ways')
            traffic.closed()


def test_fight(tcx_pair):
    """Who comes in front again and again is told of at growing intervals, and everything stays closed."""
    a = tcx_pair.a.netns
    with Both(tcx_pair) as traffic, program(SCHED_CLS, TC_OK) as theirs:
        (ours,) = tcx_order(a, NIC, 'egress')
        for _ in range(6):
            with in_front(a, NIC, 'egress', theirs):
                until(lambda: tcx_order(a, NIC, 'egress')[0] == ours, 'ours to be the first')
        until(traffic.goes_on(20), 'traffic again')
        traffic.closed(between=1)
    assert 1 <= said(tcx_pair, 'in front of ours on egress') <= 4


def test_xdp_program_in_the_place_of_ours(tcx_pair):
    """It is not taken off: what is protected is dropped until somebody does, and then ours is back."""
    a = tcx_pair.a.netns
    flag = 'xdpdrv' if tcx_pair.mode == 'native' else 'xdpgeneric'
    with Both(tcx_pair, forge=tcx_pair.mode == 'generic') as traffic, program(XDP, XDP_PASS) as theirs:
        until(traffic.goes_on(), 'traffic both ways')
        path = f'/sys/fs/bpf/{tcx_pair.a.instance}-theirs'
        pin(theirs, path)
        try:
            with link_of(tcx_pair, 'xdp') as link:
                detach(link)
                a.run('ip', 'link', 'set', NIC, flag, 'pinned', path)
        finally:
            os.unlink(path)
        until(lambda: said(tcx_pair, "where now is program id"), 'a line in the log')
        assert said(tcx_pair, 'what is protected is dropped until that is taken off')
        a.ip('link', 'set', NIC, flag, 'off')
        until(traffic.goes_on(20), 'traffic again')
        traffic.closed()
