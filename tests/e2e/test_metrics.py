# SPDX-License-Identifier: BSD-2-Clause
"""Metrics for Prometheus: what they tell is so, and what collects them can do no harm."""
import datetime
import os
import re
import select
import shutil
import signal
import socket
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest

from lib.beds.ike import NAMES, bring_up, order, put
from lib.beds.pair import B
from lib.host import BUILD, resident, unprivileged
from lib.prometheus import Metrics
from lib.traffic import ping
from lib.pki import pem
from lib.wait import until


def metrics(host, *words, code=0):
    done = host.cmd('metrics', *words, check=False)
    assert (done.returncode, done.stderr) == (code, ''), done
    # It is one of several on this machine.
    return Metrics(done.stdout.replace(f'xdp_ipsec_instance="{host.instance}",', '')
                   .replace(f'{{xdp_ipsec_instance="{host.instance}"}}', ''))


def test_nobody_runs(native):
    """Nor ever has: that is told, too, and is what status says."""
    told = metrics(native.a, code=3)
    assert told.get('up') == 0 and told.names() == {'xdp_ipsec_up', 'xdp_ipsec_build_info'}


def test_each_instance_is_told_apart(native):
    done = native.a.cmd('metrics', check=False)
    assert f'xdp_ipsec_up{{xdp_ipsec_instance="{native.a.instance}"}} 0\n' in done.stdout


def test_what_is_told_is_so(native):
    """Values move with traffic; a connection that is down is there with 0, before it ever was up and after."""
    native.psk(start='respond', monitor='1s')
    native.start()
    told = metrics(native.a)
    assert told.get('up') == told.get('worker_up') == told.get('ike_up') == told.get('key_holder_up') == 1
    assert told.get('connection_state', connection='core', state='down') == 1
    assert told.get('connection_child_sas', connection='core') == 0
    order(native.a, 'initiate', 'core')
    before = metrics(native.a)
    assert ping(native.a.netns, B, 5)
    told = metrics(native.a)
    assert told.get('connection_state', connection='core', state='up') == 1
    assert told.get('connection_state', connection='core', state='down') == 0
    for reason in 'sealed', 'opened':
        assert told.get('passed_total', reason=reason) >= before.get('passed_total', reason=reason) + 5
    assert told.get('gate_closed', interface='nic0') == told.get('interface_up', interface='nic0') == 1
    assert told.get('connection_sequence_numbers_left', connection='core') > 1.8e19
    until(lambda: metrics(native.a).get('connection_rtt_seconds', connection='core') or 0 > 0, 'a round trip')
    order(native.a, 'terminate', 'core')
    until(lambda: metrics(native.a).get('connection_state', connection='core', state='down') == 1, 'it is down')
    assert metrics(native.a).get('connection_state', connection='core', state='up') == 0


def test_no_counter_goes_back(native):
    """Over rekeys of both kinds, and an end; what is told in the middle lacks nothing that was told before."""
    native.psk(monitor='1s')
    bring_up(native)
    told = metrics(native.a)
    for act in ('rekey', 'core', 'child'), ('rekey', 'core', 'ike'), ('rekey', 'core', 'child'), ('terminate', 'core'):
        assert ping(native.a.netns, B, 4)
        sent = metrics(native.a)
        assert sent.get('connection_packets_total', connection='core', direction='out') >= \
            told.get('connection_packets_total', connection='core', direction='out') + 4
        order(native.a, *act)
        told = metrics(native.a)
        for before, after in (told, sent), (sent, told):
            assert before.counters().keys() == after.counters().keys()
        assert not [key for key, value in sent.counters().items() if told.counters()[key] < value]
    assert told.get('connection_rekeys_total', connection='core', sa='ike') == 1
    until(lambda: metrics(native.a).get('connection_rekeys_total', connection='core', sa='child') == 2, 'both were replaced')


def test_an_open_gate(own_pair):
    own_pair.a.cmd('detach', 'nic0')
    assert metrics(own_pair.a).get('gate_closed', interface='nic0') == 0


def test_what_goes_wrong(native):
    native.psk(start='respond')
    put(native.b, 'psk', 'another secret\n')
    native.start()
    assert metrics(native.a).get('connection_error_tries', connection='core', kind='failed') == 0
    order(native.a, 'initiate', 'core', check=False)
    told = metrics(native.a)
    assert told.get('connection_error_tries', connection='core', kind='failed') >= 1
    now = float(native.a.netns.run('date', '+%s').stdout)
    assert abs(told.get('connection_last_error_timestamp_seconds', connection='core', kind='failed') - now) < 10


def test_sas_when_they_are_asked_for(pair):
    """Who has keys by hand has nothing else."""
    assert not [name for name in metrics(pair.a).names() if name.startswith('xdp_ipsec_sa_')]
    assert ping(pair.a.netns, B, 2)
    told = metrics(pair.a, 'sas')
    packets = {dict(labels)['direction']: n for (name, labels), n in told.samples.items() if name == 'xdp_ipsec_sa_packets_total'}
    assert packets['in'] >= 2 and packets['out'] >= 2


def test_a_file_for_node_exporter(native, tmp_path):
    """It is replaced as a whole, readable by anybody, and nothing is left beside it. That nobody runs is no error here."""
    native.psk()
    native.start()
    path = tmp_path / 'xdp-ipsec.prom'
    put_before = path.write_text('old') and path.stat().st_ino
    path.chmod(0o600)
    os.umask(0o077)
    native.a.cmd('metrics', 'textfile', path)
    assert path.stat().st_ino != put_before and path.stat().st_mode & 0o777 == 0o644
    assert 'xdp_ipsec_up{' in path.read_text() and os.listdir(tmp_path) == [path.name]
    native.a.stop()
    native.a.cmd('metrics', 'textfile', path)
    assert f'xdp_ipsec_up{{xdp_ipsec_instance="{native.a.instance}"}} 0' in path.read_text()
    (tmp_path / 'folder.prom').mkdir()
    done = native.a.cmd('metrics', 'textfile', tmp_path / 'folder.prom', check=False)
    assert done.returncode == 1 and done.stderr.count('\n') == 1 and len(os.listdir(tmp_path)) == 2
    done = native.a.cmd('metrics', 'textfile', tmp_path / 'xdp-ipsec.txt', check=False)
    assert done.returncode == 2 and "ends in '.prom'" in done.stderr and len(os.listdir(tmp_path)) == 2


def test_usage(native):
    done = native.a.cmd('-j', 'metrics', check=False)
    assert done.returncode == 2 and "'status -j'" in done.stderr


# ---- over HTTP ----

# A little more than KEPT_NS.
KEPT_SECONDS = 1.1


class Server:
    """`metrics listen` in the host's namespace, on a port that is free."""

    def __init__(self, host, *words):
        self.host = host
        self.process = subprocess.Popen(host.argv('metrics', 'listen', '127.0.0.1:0', *words), stderr=subprocess.PIPE, text=True)
        self.port = int(self.process.stderr.readline().rsplit(':', 1)[1].split('/')[0])
        self.child = until(self._child, 'the child')

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.process.terminate()
        self.process.wait()
        self.process.stderr.close()

    def _child(self):
        pids = Path(f'/proc/{self.process.pid}/task/{self.process.pid}/children').read_text().split()
        return int(pids[0]) if pids else None

    def connect(self, source='127.0.0.1', timeout=15):
        s = self.host.netns.socket(socket.AF_INET, socket.SOCK_STREAM)
        s.settimeout(timeout)
        s.bind((source, 0))
        s.connect(('127.0.0.1', self.port))
        return s

    def ask(self, text=b'GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n', **kw):
        """The whole answer; b'' if the connection was closed without one."""
        with self.connect(**kw) as s:
            try:
                s.sendall(text)
                return b''.join(iter(lambda: s.recv(65536), b''))
            except ConnectionError:
                return b''

    def get(self, path='/metrics', method='GET', **kw):
        head, _, body = self.ask(f'{method} {path} HTTP/1.1\r\nHost: a\r\n\r\n'.encode(), **kw).partition(b'\r\n\r\n')
        return int(head.split()[1]), head.decode(), body.decode()


def test_over_http(native):
    """What stdout has, to who asks for it, from a process that can do nothing else; and that the daemon comes and goes."""
    native.psk()
    native.start()
    with Server(native.a) as server:
        code, head, body = server.get()
        unprivileged(server.child)
        assert code == 200 and 'Content-Type: text/plain; version=0.0.4' in head
        assert Metrics(body).samples.keys() == Metrics(native.a.cmd('metrics').stdout).samples.keys()
        assert [server.get(*words)[0] for words in (['/'], ['/x'], ['/metrics', 'POST'], ['/metrics', 'HEAD'])] == [200, 404, 405, 405]
        native.a.stop()
        gone = f'xdp_ipsec_up{{xdp_ipsec_instance="{native.a.instance}"}} 0\n'
        until(lambda: gone in server.get()[2], 'it tells that nobody runs')
        native.a.start()
        until(lambda: gone not in server.get()[2], 'it tells that it runs')


def test_asked_again_and_again_it_keeps_nothing_open(native):
    """Whether somebody runs or not. What is asked for within a second of the last time is told from memory."""
    native.psk()

    def held():
        assert server.get()[0] == 200
        return len(os.listdir(f'/proc/{server.process.pid}/fd'))

    with Server(native.a) as server:
        for begin in (lambda: None, native.start):
            begin()
            counts = []
            for _ in range(4):
                counts.append(held())
                time.sleep(KEPT_SECONDS)
            assert counts[-1] == counts[1], counts


def test_a_daemon_that_hangs_is_waited_for(native):
    """Who asks is told, in time, and the next one gets what is then."""
    native.psk()
    native.start()
    with Server(native.a) as server:
        os.kill(native.a.daemon.pid, signal.SIGSTOP)
        try:
            assert server.get()[0] == 503
        finally:
            os.kill(native.a.daemon.pid, signal.SIGCONT)
        until(lambda: server.get()[0] == 200, 'an answer')


GARBAGE = [b'\0' * 100, os.urandom(5000), b'GET ' + b'/' * 100000, b'GET /metrics HTTP/9.9\r\n\r\n', b'\r\n' * 1000,
           b'GET /metrics HTTP/1.1\r\n' + b'A: b\r\n' * 20000 + b'\r\n', b'GET /\xff%00%2e%2e/etc/passwd HTTP/1.1\r\nHost: a\r\n\r\n',
           b'POST /metrics HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999\r\n\r\n',
           b'GET /metrics HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffff\r\n']


def drip(server):
    """A byte now and then is no silence; how long that is let go on."""
    begin = time.monotonic()
    with server.connect('127.0.0.9') as s, suppress(ConnectionError):
        for byte in b'GET /metrics HTTP/1.1\r\nX: ' + b'x' * 1000:
            s.sendall(bytes([byte]))
            if select.select([s], [], [], 0.5)[0]:
                break
    return time.monotonic() - begin


def test_what_is_hostile_does_no_harm(native):
    """Who says nothing, too little, too slowly or too much keeps nobody else from it, nor anything for long."""
    with Server(native.a) as server, ThreadPoolExecutor(1) as pool:
        slow = pool.submit(drip, server)
        for garbage in GARBAGE:
            assert server.ask(garbage)[:5] in (b'', b'HTTP/')
        many = [server.connect('127.0.0.2') for _ in range(100)]
        for s in many:
            with suppress(ConnectionError):
                s.send(b'GET /met')
        begin = time.monotonic()
        assert server.get(source='127.0.0.3')[0] == 200
        assert time.monotonic() - begin < 3
        memory = resident(server.child)
        assert memory < 50 << 20
        for s in many:
            s.close()
        assert slow.result() < 13
        assert server.get()[0] == 200 and server.child == server._child()


def ends(thing):
    end = getattr(thing, 'next_update', None) or thing.not_valid_after
    return int(end.replace(tzinfo=datetime.timezone.utc).timestamp())


def test_when_files_end(native, ca):
    """Of whoever has certificates, before anybody is up; those of the end that has no CRL are two."""
    leaf, crl = ca.issue(NAMES[0]), ca.crl()
    put(native.a, 'crl', pem(crl))
    native.certs(ca, leafs={0: leaf}, first={'crl': 'crl'}, start='respond')
    native.start()
    name = 'connection_valid_until_timestamp_seconds'
    until(lambda: metrics(native.a).get(name, connection='core', file='cert'), 'IKE tells')
    told = metrics(native.a)
    assert [told.get(name, connection='core', file=f) for f in ('cert', 'ca', 'crl')] == [ends(leaf[0]), ends(ca.cert), ends(crl)]
    assert metrics(native.b).get(name, connection='core', file='crl') is None


# ---- what is made of it ----

DOCS = Path(__file__).parents[2] / 'docs'
RULES = DOCS / 'prometheus/xdp-ipsec.rules.yml'
PROMTOOL = shutil.which('promtool') or next((str(p) for p in [BUILD / 'prometheus/usr/bin/promtool'] if p.exists()), None)
needs_promtool = pytest.mark.skipif(not PROMTOOL, reason='not there: promtool ("make promtool")')


def promtool(*words, **kw):
    done = subprocess.run([PROMTOOL, *map(str, words)], text=True, capture_output=True, check=False, **kw)
    assert done.returncode == 0, done.stdout + done.stderr


@needs_promtool
def test_rules_are_raised_as_they_say():
    promtool('check', 'rules', RULES)
    promtool('test', 'rules', RULES.with_suffix('.test.yml'))


def test_alerts_and_dashboard_know_no_other_names(native, ca):
    """Each is told by a host with all that there can be; and Prometheus' own checker finds nothing wrong with any of them."""
    put(native.a, 'crl', pem(ca.crl()))
    native.certs(ca, first={'crl': 'crl'}, monitor='1s')
    bring_up(native)
    until(lambda: metrics(native.a).get('connection_rtt_seconds', connection='core'), 'a round trip')
    told = metrics(native.a)
    for file in RULES, DOCS / 'grafana/xdp-ipsec.json':
        named = set(re.findall(r'xdp_ipsec_\w+', file.read_text()))
        assert len(named) > 10 and named <= told.names(), named - told.names()
    if PROMTOOL:
        promtool('check', 'metrics', input=native.a.cmd('metrics', 'sas').stdout)
