# SPDX-License-Identifier: BSD-2-Clause
"""Hooks that somebody else changes: put right and said, and closed meanwhile."""
import subprocess

import pytest

from netns import run
from paced import Both
from pair import NIC, Pair
from wait import until

HOOKS = ['tcx', 'clsact']


@pytest.fixture(params=[(mode, hook) for mode in ('native', 'generic') for hook in HOOKS], ids='-'.join)
def any_pair(request):
    mode, hook = request.param
    with Pair(mode, hook=hook) as pair:
        pair.mode, pair.hook = mode, hook
        pair.start()
        pair.begin()
        yield pair


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


def test_clsact_qdisc_deleted(clsact_pair):
    """Twenty times, under traffic."""
    a = clsact_pair.a.netns
    with Both(clsact_pair) as traffic:
        until(traffic.goes_on(), 'traffic both ways')
        for _ in range(20):
            a.run('tc', 'qdisc', 'del', 'dev', NIC, 'clsact')
            until(lambda: 'tc_egress' in filters(a, 'egress'), 'the filter to be back', timeout=0.7)
            until(traffic.goes_on(20), 'traffic again')
        traffic.closed()
    assert 1 <= said(clsact_pair, f'{NIC}: somebody took the program off egress, the filter or its clsact qdisc') <= 8
    if clsact_pair.mode == 'generic':
        assert 'nic_ingress' in filters(a, 'ingress')


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
        traffic.closed()
