# SPDX-License-Identifier: BSD-2-Clause
"""'events': one line for each thing that happens; a script for each; fields for the journal."""
import json
import os
import re
import select
import signal
import socket
import subprocess

import pytest

from lib.beds.ike import NAMES, bring_up, children, connection, order, put
from lib.beds.pair import A, B, NIC
from lib.hearing import Hearing
from lib.netns import veth
from lib.pki import DAY, now, pem
from lib.traffic import ping
from lib.wait import until


def test_a_connection_from_beginning_to_end(native):
    native.psk()
    native.start()
    with Hearing(native.a) as hearing:
        until(lambda: ping(native.a.netns, B, 1), 'it is up')
        acquire = hearing.first('acquire', connection='core')
        assert [acquire[k] for k in ('src', 'dst', 'proto', 'icmp_type', 'interface')] == [A, B, 'icmp', 8, NIC]
        made = hearing.first('ike_sa_made', connection='core')
        ike = connection(native.a)['ike'][0]
        assert (made['spi_i'], made['spi_r'], made['peer'], made['peer_id'], made['proof'], made['role']) == \
            (ike['spi_i'], ike['spi_r'], B, B, 'PSK', 'initiator')
        child = children(native.a)[0]
        hearing.first('child_sa_made', spi_in=f'{child["spi_in"]:#010x}', spi_out=f'{child["spi_out"]:#010x}', selector='all')
        up = hearing.first('connection_up', connection='core', peer=B)
        assert up['version'] == 1 and up['instance'] == native.a.instance
        assert re.fullmatch(r'\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z', up['time'])
        for what in 'child', 'ike':
            order(native.a, 'rekey', 'core', what)
        hearing.first('child_sa_rekeyed', connection='core')
        hearing.first('child_sa_deleted', replaced=True, spi_in=f'{child["spi_in"]:#010x}')
        hearing.first('ike_sa_rekeyed', old_spi_i=ike['spi_i'])
        hearing.first('ike_sa_deleted', spi_i=ike['spi_i'])
        order(native.a, 'terminate', 'core')
        hearing.first('child_sa_deleted', replaced=False)
        hearing.first('connection_down', connection='core')
        # Each is told of once, and what was told to be made is told to be deleted.
        until(lambda: len(hearing.of('ike_sa_deleted')) == 2, 'both IKE SAs are deleted')
        assert [len(hearing.of(kind)) for kind in ('connection_up', 'connection_down', 'ike_sa_made', 'ike_sa_rekeyed',
                                                   'child_sa_made', 'child_sa_rekeyed', 'child_sa_deleted')] == [1, 1, 1, 1, 1, 1, 2]


def test_a_connection_that_fails(native):
    native.psk()
    put(native.b, 'psk', 'another secret that nobody knows\n')
    native.start()
    with Hearing(native.a) as first, Hearing(native.b) as second:
        order(native.a, 'initiate', 'core', check=False)
        assert 'PSK' in first.first('connection_failed', notify='AUTHENTICATION_FAILED', connection='core')['what']
        assert 'PSK' in second.first('connection_refused', connection='core', peer=A)['what']
        assert not first.of('connection_up', 'ike_sa_made', 'ike_sa_deleted')


def test_a_certificate_that_ends_soon(native, ca):
    """Of each file that does; the CA's of a day is not told of so early."""
    native.certs(ca)
    native.start()
    with Hearing(native.a) as hearing:
        for name, thing in zip(('cert', 'key'), ca.issue(NAMES[0], begin=now() - 30 * DAY, end=now() + 5.5 * DAY)):
            put(native.a, name, pem(thing))
        assert native.a.cmd('reload').returncode == 0
        ends = hearing.first('certificate_ends', connection='core', file='cert')
        assert ends['days_left'] == 5 and re.fullmatch(r'[\d-]{10}T[\d:]{8}Z', ends['ends'])
        assert ends['what'].startswith('cert: it expires on ') and ends['what'].endswith(', in 5 days: get a new one')
        assert len(hearing.of('certificate_ends')) == 1


def test_children_die(native):
    """Of the key holder IKE tells with its last breath."""
    native.psk()
    native.start()
    with Hearing(native.a) as hearing:
        pids = native.a.processes()
        os.kill(pids['worker'], signal.SIGKILL)
        hearing.first('worker_died', signal=9)
        hearing.first('worker_started', restarts=1)
        os.kill(pids['protocol'], signal.SIGKILL)
        hearing.first('ike_died', signal=9)
        hearing.first('ike_started', restarts=1)
        os.kill(native.a.processes()['keyholder'], signal.SIGKILL)
        hearing.first('key_holder_died')
        hearing.first('ike_started', restarts=2)


def test_interfaces_and_drops(own_pair):
    host = own_pair.a
    veth(host.netns, 'nic1', own_pair.b.netns, 'far1')
    with Hearing(host) as hearing:
        host.cmd('attach', 'nic1', 'mode', 'generic')
        assert hearing.first('interface_attached', interface='nic1', mode='generic')['mtu'] == 1500
        hearing.first('gate_closed', interface='nic1')
        host.netns.ip('link', 'del', 'nic1')
        hearing.first('interface_gone', interface='nic1')
        veth(host.netns, 'nic1', own_pair.b.netns, 'far1')
        hearing.first('interface_back', interface='nic1')
        host.cmd('detach', 'nic1')
        hearing.first('interface_detached', interface='nic1')
        hearing.first('gate_opened', interface='nic1')
        host.cmd('sa', 'flush')
        assert not ping(host.netns, B, 2, deadline=2)
        assert hearing.first('acquire', dst=B)['proto'] == 'icmp'
        dropped = hearing.first('drops', reason='no_sa')
        assert dropped['packets'] >= 1 and 'connection list' in dropped['hint']
        assert host.cmd('reload', check=False).returncode == 0
        hearing.first('reloaded', failures=0)
        host.config.write_text('[nonsense]\n')
        host.cmd('reload', check=False)
        assert 'nonsense' in hearing.first('reload_refused')['what']


def select_line(process):
    return select.select([process.stdout], [], [], 0.1)[0]


def test_for_people(native):
    native.psk()
    native.start()
    with subprocess.Popen(native.a.argv('events'), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        until(lambda: native.a.cmd('reload') and select_line(process), 'a line')
        native.a.stop()
        lines, errors = process.communicate(timeout=10)
    assert process.returncode == 1 and 'the daemon has ended' in errors
    assert re.search(r'^[\d-]+T[\d:.]+Z daemon_stops$', lines, re.M)


def test_who_does_not_read_holds_nobody_up(native):
    """What it misses is counted, and told as soon as it reads again; the daemon answers all the while."""
    native.psk()
    native.start()
    slow, quick = control(native.a), control(native.a)
    assert ask(slow, 'events') == {'ok': True}
    native.a.config.write_text(f'[{"x" * 150}]\n')
    for _ in range(1000):
        assert ask(quick, 'reload') == {'ok': True}
    told = []
    while not told or told[-1]['event'] != 'missed':
        told.append(json.loads(slow.recv(65536)))
    assert len(told) > 10 and told[-1]['count'] == 1000 - (len(told) - 1)
    for sock in slow, quick:
        sock.close()


def control(host):
    sock = host.netns.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    sock.settimeout(10)
    sock.connect(str(host.run_dir / 'control'))
    return sock


def ask(sock, command):
    sock.send(json.dumps({'command': command}).encode())
    return json.loads(sock.recv(65536))


# ---- the script ----

SCRIPT = '''#!/bin/sh
{ echo "== $1"; env | sort; echo "stdin: $(cat)"; for fd in /proc/$$/fd/*; do echo "fd: $(readlink "$fd")"; done; } >>DIR/out.tmp
mv DIR/out.tmp DIR/out.$XDP_IPSEC_EVENT
'''


def script(host, text=SCRIPT, mode=0o700):
    path = host.dir / 'script'
    path.write_text(text.replace('DIR', str(host.dir)))
    path.chmod(mode)
    return path


def with_script(host, path):
    host.config.write_text(f'[daemon]\nevent-script = {path}\n' + host.config.read_text())


def test_script(native):
    """With the values in its environment, and nothing else of the daemon's."""
    native.psk()
    with_script(native.a, script(native.a))
    bring_up(native)
    out = native.a.dir / 'out.connection_up'
    until(out.exists, 'it has run')
    lines = out.read_text().splitlines()
    assert lines[0] == '== connection_up'
    env = dict(line.split('=', 1) for line in lines if '=' in line and not line.startswith('=='))
    assert {k: env[k] for k in env if k.startswith('XDP_IPSEC_') and k != 'XDP_IPSEC_TIME'} == {
        'XDP_IPSEC_EVENT': 'connection_up', 'XDP_IPSEC_CONNECTION': 'core', 'XDP_IPSEC_PEER': B, 'XDP_IPSEC_VERSION': '1',
        'XDP_IPSEC_INSTANCE': native.a.instance, 'XDP_IPSEC_MISSED': '0'}
    assert not set(env) - {'PATH', 'PWD', 'SHLVL', '_', 'OLDPWD'} - {k for k in env if k.startswith('XDP_IPSEC_')}
    assert 'stdin: ' in lines
    descriptors = {line.removeprefix('fd: ') for line in lines if line.startswith('fd: ')}
    own = {str(native.a.dir / 'script'), str(native.a.dir / 'out.tmp'), ''}
    assert {fd for fd in descriptors - own if not fd.startswith('pipe:')} <= {'/dev/null', str(native.a.log)}


@pytest.mark.parametrize('wrong, what', [('mode', 'others than root may change it'), ('owner', 'others than root may change it'),
                                         ('folder', 'exchange what is in it'), ('missing', 'No such file'),
                                         ('relative', 'absolute path'), ('not executable', 'chmod u+x')])
def test_script_that_is_not_roots_alone(native, wrong, what):
    """Refused before anything is closed."""
    host = native.a
    native.psk()
    path = script(host, mode={'mode': 0o722, 'not executable': 0o600}.get(wrong, 0o700))
    if wrong == 'owner':
        os.chown(path, 12345, 0)
    elif wrong == 'folder':
        folder = host.dir / 'open'
        folder.mkdir()
        folder.chmod(0o777)
        path = path.rename(folder / 'script')
    elif wrong == 'missing':
        path.unlink()
    with_script(host, 'script' if wrong == 'relative' else path)
    done = host.cmd('run', '-c', host.config, check=False)
    assert done.returncode == 1 and what in done.stderr and done.stderr.count('\n') == 1
    assert not host.pins.exists()


def test_script_given_to_others_meanwhile(native):
    native.psk()
    path = script(native.a)
    with_script(native.a, path)
    native.start()
    until((native.a.dir / 'out.daemon_started').exists, 'it runs')
    path.chmod(0o777)
    native.a.cmd('reload', check=False)
    until(lambda: 'others than root may change it' in native.a.log_text, 'it is refused')
    assert not (native.a.dir / 'out.reloaded').exists()
