# SPDX-License-Identifier: BSD-2-Clause
"""'reload': what changed and what failed, thing by thing; a file that is refused changes nothing."""
import json
import os
import re
import signal
import subprocess
from pathlib import Path

import pytest

from lib.beds.ike import bring_up, children, order, put
from lib.beds.pair import A, NIC
from lib.host import section
from lib.netns import veth
from lib.wait import until

# PORTS_MAX
NICS_MAX = 16
REFUSED = {'policy again': {'dst': '10.9.0.0/16', 'action': 'protect', 'colour': 'blue'}}


def reload(host, *options, code=0):
    done = host.cmd(*options, 'reload', check=False)
    assert done.returncode == code, done
    return done


def lines(host):
    done = reload(host)
    assert done.stderr == ''
    return done.stdout.splitlines()


def write(host, text, **sections):
    host.config.write_text(text + ''.join(section(name.replace('_', ' '), values) for name, values in sections.items()))


def stays(name):
    return f"interface {name}: not in the file any more, and stays: only 'detach' gives it up"


def test_each_change_is_named(native):
    """Connections, policies, interfaces, keys of [daemon]; and what did not change goes on."""
    native.psk()
    bring_up(native)
    host, text = native.a, native.a.config.read_text()
    before = children(host)[0]['spi_in']
    assert lines(host) == ['nothing has changed']
    bgp = {'local': A, 'remote': '192.0.2.77', 'auth': 'psk', 'psk-file': 'psk', 'protect': 'tcp/179'}
    ten = {'dst': '10.9.0.0/16', 'action': 'discard'}
    write(host, text, connection_bgp=bgp, policy_ten=ten, interface_later={}, daemon={'lanes': 2, 'ike-dscp': 48})
    assert lines(host) == ['connection bgp: added', 'policy ten: added',
                           '[daemon] lanes: changed, and counts from the next start on', '[daemon] ike-dscp: changed',
                           'interface later: not there: attached when it appears']
    assert 'connection bgp: added' in host.log_text and ': reloaded' in host.log_text
    write(host, text, connection_bgp={**bgp, 'protect': 'tcp/180'},
          policy_ten={**ten, 'action': 'protect'}, interface_later={}, daemon={'lanes': 2, 'ike-dscp': 48})
    assert lines(host) == ['connection bgp: changed', 'policy ten: changed',
                           '[daemon] lanes: changed, and counts from the next start on']
    write(host, text)
    assert lines(host) == ['connection bgp: removed', 'policy ten: removed', '[daemon] ike-dscp: changed', stays('later')]
    assert children(host)[0]['spi_in'] == before


def test_other_secrets_are_noticed(native):
    """The file says the same, and what it names is another."""
    native.psk()
    bring_up(native)
    for host in native.hosts:
        put(host, 'psk', 'another secret that nobody knows\n')
        assert lines(host) == ['connection core: changed']
        assert lines(host) == ['nothing has changed']
    order(native.a, 'initiate', 'core')


def test_renewed_certificates_are_noticed(native, ca):
    native.certs(ca)
    bring_up(native)
    before = children(native.b)[0]['spi_in']
    put(native.b, 'ca', native.b.dir.joinpath('ca').read_text() * 2)
    assert lines(native.b) == ['connection core: other certificates, CA or CRL; what is up stays up']
    assert before in [c['spi_in'] for c in children(native.b)]


def test_a_file_that_is_refused_changes_nothing(native):
    native.psk()
    native.start()
    host, text = native.a, native.a.config.read_text()
    write(host, text, policy_good={'dst': '10.8.0.0/16', 'action': 'protect'}, **REFUSED)
    done = reload(host, code=1)
    assert done.stdout == '' and done.stderr.count('\n') == 1
    assert "has no key 'colour'" in done.stderr and done.stderr.endswith('going on as before\n')
    assert '10.8.0.0' not in host.cmd('policy', 'list').stdout
    outcome = json.loads(reload(host, '-j', code=1).stdout)
    assert outcome['version'] == 1 and outcome['taken'] is False and outcome['changes'] == []
    assert [(f['what'], f['name']) for f in outcome['failures']] == [('file', str(host.config))]
    # What only IKE can tell.
    write(host, text, connection_more={'local': A, 'remote': '192.0.2.78', 'auth': 'psk', 'psk-file': 'none'})
    assert 'none' in reload(host, code=1).stderr
    assert [c['name'] for c in host.status()['connections']] == ['core']


def waits(pid):
    """Whether the process has nothing to do until something comes, by how often it has."""
    return re.search(r'State:\s+S', Path(f'/proc/{pid}/status').read_text())


@pytest.mark.parametrize('ends', ['by itself', 'as it hangs'])
def test_ike_that_ends_meanwhile_is_no_failure(native, ends):
    """The next one is told the new file; one that hangs is ended when it has had its time to answer."""
    native.psk()
    bring_up(native)
    host, text = native.a, native.a.config.read_text()
    before = host.processes()['protocol']
    os.kill(before, signal.SIGSTOP)
    write(host, text, policy_ten={'dst': '10.9.0.0/16', 'action': 'discard'}, connection_more={
        'local': A, 'remote': '192.0.2.78', 'auth': 'psk', 'psk-file': 'psk'})
    asked = subprocess.Popen(host.argv('reload'), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    until(lambda: waits(asked.pid) and waits(host.daemon.pid), 'the supervisor asks IKE')
    if ends == 'by itself':
        os.kill(before, signal.SIGKILL)
    told = asked.communicate(timeout=40)
    assert (asked.returncode, told) == (0, ('connection more: added\npolicy ten: added\n', ''))
    assert host.processes()['protocol'] not in (None, before)
    assert {c['name'] for c in host.status()['connections']} == {'core', 'more'}
    assert '10.9.0.0/16' in host.cmd('policy', 'list').stdout
    until(lambda: host.status()['connections'][0]['state'] == 'up', 'the connection is up again')


@pytest.mark.parametrize('ike', ['hangs', 'is dead', 'has orphans'])
def test_without_connections_nothing_of_ikes_is_left(native, ike):
    """Also of one that can take nothing away: it is not there, or does not know yet whose they are."""
    native.psk()
    bring_up(native)
    host, peer = native.a, native.b.processes()['protocol']
    os.kill(peer, signal.SIGSTOP)
    os.kill(host.processes()['protocol'], signal.SIGSTOP if ike == 'hangs' else signal.SIGKILL)
    if ike == 'has orphans':
        until(lambda: host.status()['ike']['restarts'] == 1, 'another IKE')
    try:
        assert len(host.status()['sas']) == 2
        host.config.write_text(section(f'interface {NIC}', {'mode': 'native'}))
        assert lines(host) == ['connection core: removed']
        assert host.status()['sas'] == []
    finally:
        os.kill(peer, signal.SIGCONT)


def test_interfaces(native):
    """Attached, attached anew, gone from the file; and one that cannot be is a failure, beside what was done."""
    native.psk()
    native.start()
    host, text = native.a, native.a.config.read_text()
    veth(host.netns, 'nic1', native.b.netns, 'far1')
    write(host, text, interface_nic1={'mode': 'generic'}, interface_lo={})
    done = reload(host, code=1)
    assert done.stdout == 'interface nic1: attached\n'
    assert 'lo: ' in done.stderr and done.stderr.count('\n') == 1
    outcome = json.loads(reload(host, '-j', code=1).stdout)
    assert outcome['taken'] is True and outcome['changes'] == []
    assert [(f['what'], f['name']) for f in outcome['failures']] == [('interface', 'lo')]
    write(host, text.replace('mode = native', 'mode = generic'), interface_nic1={'mode': 'generic'})
    assert lines(host) == [f'interface {NIC}: attached anew, with other settings', stays('lo')]
    host.cmd('detach', 'lo')
    assert {i['name']: i['mode'] for i in host.status()['interfaces']}[NIC] == 'generic'
    write(host, text.replace('mode = native', 'mode = generic'))
    for _ in range(2):
        assert lines(host) == [stays('nic1')]
    host.cmd('detach', 'nic1')
    assert lines(host) == ['nothing has changed']
    write(host, '')
    assert 'interface' in reload(host, code=1).stderr


def test_settings_of_a_nic_that_is_not_there(native):
    """Those of the file that was read last are what it is attached by."""
    native.psk()
    native.start()
    host, text = native.a, native.a.config.read_text()
    write(host, text, interface_nic1={'mode': 'native'})
    assert lines(host) == ['interface nic1: not there: attached when it appears']
    assert lines(host) == ['nothing has changed']
    write(host, text, interface_nic1={'mode': 'generic'})
    assert lines(host) == ['interface nic1: not there: attached when it appears']
    assert lines(host) == ['nothing has changed']
    veth(host.netns, 'nic1', native.b.netns, 'far1')
    until(lambda: [i['state'] for i in host.status()['interfaces']] == ['up', 'up'], 'it is attached')
    assert {i['name']: i['mode'] for i in host.status()['interfaces']}['nic1'] == 'generic'
    assert lines(host) == ['nothing has changed']


def test_settings_of_a_nic_that_cannot_be_attached_yet(native):
    """It is there, and too large: what the file says meanwhile counts when it is not any more."""
    native.psk()
    native.start()
    host, text = native.a, native.a.config.read_text()
    veth(host.netns, 'nic1', native.b.netns, 'far1', mtu=9500)
    for mode in 'native', 'generic':
        write(host, text, interface_nic1={'mode': mode})
        assert 'nic1: ' in reload(host, code=1).stderr
    host.netns.ip('link', 'set', 'nic1', 'mtu', 1500)
    until(lambda: [i['state'] for i in host.status()['interfaces']] == ['up', 'up'], 'it is attached')
    assert {i['name']: i['mode'] for i in host.status()['interfaces']}['nic1'] == 'generic'


def test_more_nics_than_there_is_room_for(native):
    """One that will never be attached is not said to be expected."""
    native.psk()
    host, text = native.a, native.a.config.read_text()
    absent = {f'interface_away{n}': {} for n in range(NICS_MAX - 1)}
    write(host, text, **absent)
    native.start()
    assert lines(host) == ['nothing has changed']
    del absent['interface_away0']
    write(host, text, **absent, interface_more={})
    done = reload(host, code=1)
    assert done.stdout == stays('away0') + '\n'
    assert f'more: {NICS_MAX} NICs are attached' in done.stderr and done.stderr.count('\n') == 1
    host.cmd('detach', 'away0')
    assert lines(host) == ['interface more: not there: attached when it appears']


def test_without_a_daemon(native):
    native.psk()
    assert 'no daemon' in reload(native.a, code=1).stderr


def test_log_level(native):
    """By command and by the file; IKE heeds it as the supervisor does."""
    native.psk()
    native.start()
    host = native.a
    assert host.cmd('log-level').stdout == 'info\n'
    assert json.loads(host.cmd('-j', 'log-level').stdout) == {'level': 'info'}
    host.cmd('log-level', 'debug')
    order(host, 'initiate', 'core')
    assert 'asked for: connection initiate' in host.log_text
    assert re.search(r'xdp-ipsec-iked: to 192\.0\.2\.2:500: exchange 34, request 0, \d+ bytes', host.log_text)
    assert re.search(r'xdp-ipsec-iked: from 192\.0\.2\.2:500: exchange 34, response 0, \d+ bytes', host.log_text)
    assert 'asked for' not in native.b.log_text
    host.cmd('log-level', 'warning')
    host.log.write_text('')
    order(host, 'terminate', 'core')
    order(host, 'initiate', 'core')
    assert reload(host).returncode == 0
    assert host.log_text == ''
    # One that is started again, too; and what fails is told.
    os.kill(host.status()['ike']['pid'], signal.SIGKILL)
    until(lambda: host.status()['ike']['restarts'] == 1, 'another IKE')
    order(host, 'initiate', 'core')
    assert 'was ended by signal 9' in host.log_text and 'is ready' not in host.log_text and 'up with' not in host.log_text
    put(native.b, 'psk', 'another secret that nobody knows\n')
    reload(native.b)
    order(host, 'terminate', 'core')
    order(host, 'initiate', 'core', check=False)
    assert 'AUTHENTICATION_FAILED' in host.log_text
    # The file's counts when it says something else than before.
    assert lines(host) == ['nothing has changed'] and host.cmd('log-level').stdout == 'warning\n'
    write(host, host.config.read_text(), daemon={'log-level': 'debug'})
    assert lines(host) == ['[daemon] log-level: changed'] and host.cmd('log-level').stdout == 'debug\n'
    assert host.cmd('log-level', 'loud', check=False).returncode == 2
