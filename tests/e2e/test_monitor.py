# SPDX-License-Identifier: BSD-2-Clause
"""`monitor`, as whoever sits before it sees it: rates that move, what fails, drops, events, every size, and the terminal's return."""
import os
import re
import signal
import subprocess

import pytest

from lib.beds.ike import IkePair, bring_up, connection, order, put
from lib.beds.pair import A, B, Pair
from lib.screen import Screen
from lib.traffic import BETWEEN_PINGS, ping
from lib.wait import until

ROW = r'^core +up +\d+[smh]\S* +'


def watch(host, *words, **how):
    return Screen(host.argv('monitor', *words), **how)


def flood(host, dst):
    """Pings, so many a second, until it is killed."""
    return subprocess.Popen(host.netns.argv('ping', '-q', '-i', BETWEEN_PINGS, dst), stdout=subprocess.DEVNULL)


@pytest.fixture(scope='module')
def up():
    """For all that only look at it: whoever breaks it mends it."""
    with IkePair('native') as pair:
        pair.psk({'monitor': '200ms'})
        bring_up(pair)
        until(lambda: connection(pair.a)['monitor']['received'], 'an answer')
        yield pair


@pytest.fixture
def idle(started):
    """Nothing goes between the two. A terminal is one in any mode of a NIC."""
    return started(Pair, 'native', Pair.start)


def test_rates_move(up):
    """Both ways, of the connection and of all; with the round trip, and a picture; and everything of one connection."""
    with watch(up.a) as screen:
        screen.until(ROW + r'.* 0\.\d{3} +0$')
        pings = flood(up.a, B)
        try:
            screen.until(ROW + r'(\d\S*k +[1-9]\d\d? +){2}.*[▂▃▄▅▆▇█]')
            screen.until(r'^in +[1-9]\S* kbit/s +[1-9]\d+ packets/s .*█')
            screen.type('d')
            screen.until(r'^connection core: up for ')
            screen.until(r'  child SA     all: up, ')
            screen.until(r'^out +[1-9]\S* kbit/s .*█')
        finally:
            pings.kill()
            pings.wait()
        screen.type('Escape')
        screen.until(ROW)
        screen.type('q')
        screen.until_ended()


def test_every_size(up):
    """From a large screen to a very small one and back: the connection and the keys are on it, each line ends in time."""
    with watch(up.a, width=200, height=60) as screen:
        screen.until(ROW)
        for width, height in ((140, 50), (80, 24), (60, 16), (40, 10), (20, 5), (5, 2), (1, 1), (80, 24)):
            screen.resize(width, height)
            if height >= 10:
                screen.until(r'^core +up ')
                until(lambda: len(screen.lines()) == height and screen.lines()[-1].startswith('q quit  ? help'), f'{width} x {height}')
        screen.until(ROW)
        screen.type('?')
        screen.until('^  d or Enter ')
        screen.type('q')
        screen.until_ended()


def test_what_fails_and_what_is_dropped(native):
    """Why a connection is down stands in its row, and among the events; and so do reasons of drops, with what they come of."""
    native.psk()
    bring_up(native)
    with watch(native.a, width=110, height=40) as screen:
        screen.until(ROW)
        put(native.b, 'psk', 'another secret\n')
        native.b.stop()
        native.b.start()
        order(native.a, 'initiate', 'core', check=False)
        screen.until(r'^core +down +\S+ +AUTHENTICATION_FAILED from 192\.0\.2\.2, \d')
        screen.until(r'^\d\d:\d\d:\d\d  core: connection_failed ')
        attacker = native.attacker(native.a)
        with attacker:
            for n in range(10):
                attacker.send_clear(B, n + 1)
            screen.until(r'^ +\d+ +\d+  cleartext_protected +.*█')
        screen.until(r'the peer sends in clear: its end is not up')
        screen.until(r'^\d\d:\d\d:\d\d  drops .*cleartext_protected')
        screen.type('q')
        screen.until_ended()


def test_sort_and_filter(up):
    with watch(up.a) as screen:
        screen.until(ROW)
        screen.type('s')
        screen.until('s sort: traffic')
        screen.type('/', 'nobody')
        screen.until('^filter: nobody_')
        screen.until('^nothing matches')
        screen.type('Escape')
        screen.until(ROW)
        screen.type('f', B, 'Enter')
        screen.until(f'filter: {re.escape(B)}')
        screen.until(ROW)
        screen.type('q')
        screen.until_ended()


def test_daemon_goes_and_comes(up):
    """Stopped, it is told so, and keys work; gone, that is said; and when there is one again, all is there again."""
    with watch(up.a, height=30) as screen:
        screen.until(ROW)
        up.a.daemon.send_signal(signal.SIGSTOP)
        screen.until(r'^the daemon has not answered for \d+ s')
        screen.until(ROW)
        screen.type('?')
        screen.until('^  d or Enter ')
        screen.type('?')
        up.a.daemon.send_signal(signal.SIGCONT)
        screen.until_not('has not answered')
        worker = up.a.status()['worker']['pid']
        os.kill(worker, signal.SIGKILL)
        screen.until(r'^\d\d:\d\d:\d\d  worker_died')
        up.a.stop(signal.SIGKILL)
        screen.until('NOT RUNNING')
        screen.until('the daemon has ended')
        screen.until_not(ROW)
        up.a.start()
        screen.until_not('NOT RUNNING')
        screen.until('^core ')
        assert ping(up.a.netns, B)
        screen.until(ROW)
        screen.type('q')
        screen.until_ended()


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_signals_give_the_terminal_back(idle, number):
    with watch(idle.a) as screen:
        screen.until('q quit')
        os.kill(screen.child(), number)
        screen.until_ended()


def test_stopped_and_continued(idle):
    """By ^Z: the terminal is the shell's meanwhile."""
    with watch(idle.a) as screen:
        screen.until('q quit')
        screen.type('C-z')
        until(lambda: not screen.flag('alternate_on'), 'given back')
        os.kill(screen.child(), signal.SIGCONT)
        screen.until('q quit')
        screen.type('q')
        screen.until_ended()


def test_sas_by_hand(pair):
    with watch(pair.a) as screen:
        screen.until(rf'^{pair.sas[0].spi:#010x} out +by hand')
        pings = flood(pair.a, B)
        try:
            screen.until(rf'^{pair.sas[1].spi:#010x} in +by hand +\S+ +\d\S*k ')
        finally:
            pings.kill()
            pings.wait()
        screen.type('d')
        screen.until(rf'^SA {pair.sas[0].spi:#010x} ')
        screen.type('q')
        screen.until_ended()


def test_colours_only_where_wanted(idle):
    """Neither with NO_COLOR nor on a terminal that has none; and letters in place of blocks where there is no UTF-8."""
    def escapes(*env):
        with Screen(['env', *env, *idle.a.argv('monitor')]) as screen:
            screen.until('^out .*[▁_]$')
            return screen.text('-e')

    def is_coloured(text):
        return re.search(r'\x1b\[[0-9;]*3[0-7]m', text)

    assert is_coloured(escapes())
    assert not is_coloured(escapes('NO_COLOR=1')) and not is_coloured(escapes('TERM=vt100'))
    assert re.search('^out .*_$', escapes('LC_ALL=C', 'NO_COLOR=1'), re.MULTILINE)


def test_refused(idle):
    """What is no screen gets one line; so does a terminal that cannot do it."""
    done = idle.a.cmd('monitor', check=False)
    assert done.returncode == 1 and len(done.stderr.splitlines()) == 1 and 'is no terminal' in done.stderr
    done = idle.a.cmd('-j', 'monitor', check=False)
    assert done.returncode == 2 and len(done.stderr.splitlines()) == 1 and "'xdp-ipsec -j status'" in done.stderr
    for term, why in ('dumb', 'has no places'), ('nonsense', 'is not known'):
        with Screen(['env', f'TERM={term}', *idle.a.argv('monitor')], width=150) as screen:
            screen.until(f"^xdp-ipsec monitor: .*{term}.*{why}")
            screen.until_ended(1)
