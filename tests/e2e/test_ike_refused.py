# SPDX-License-Identifier: BSD-2-Clause
"""IKEv2: who proves nothing, or is another, is refused with a reason, and `check` says so of one's own files before."""
import datetime
import signal

import pytest

from lib.beds.ike import NAMES, bring_up, connection, is_up, order, put
from lib.beds.pair import A, B, NIC
from lib.pki import DAY, Ca, now, pem
from lib.traffic import knock, ping
from lib.wait import until


def test_wrong_psk(native):
    native.psk()
    put(native.b, 'psk', 'another secret\n')
    native.start()
    done = order(native.a, 'initiate', 'core', check=False)
    assert done.returncode == 1 and 'AUTHENTICATION_FAILED' in done.stderr
    assert 'its PSK is another one' in native.b.log_text
    assert not native.a.status()['sas'] and not native.b.status()['sas']
    order(native.a, 'initiate', 'core', check=False)
    ours, theirs = (connection(host)['failures'][0] for host in native.hosts)
    assert (ours['kind'], ours['notify'], ours['from'], ours['tries']) == ('failed', 'AUTHENTICATION_FAILED', B, 2)
    assert 'the PSKs differ' in ours['what'] and ours['first_s'] >= ours['last_s'] and not ours['over']
    assert (theirs['kind'], theirs['from'], theirs['tries']) == ('refused', A, 2) and 'its PSK is another' in theirs['what']


def test_trap_that_failed_is_down(native):
    """Until it is up; the next packet tries again as before."""
    native.psk(start='trap')
    put(native.b, 'psk', 'another secret\n')
    native.start()
    assert connection(native.a)['state'] == 'trap'
    until(lambda: knock(native.a.netns, B) or connection(native.a)['state'] == 'down', 'it has failed')
    assert native.a.cmd('status', check=False).returncode == 4
    native.psk(start='trap')
    native.b.daemon.send_signal(signal.SIGHUP)
    until(lambda: knock(native.a.netns, B) and is_up(native.a), 'up')
    assert connection(native.a)['failures'][0]['over'] and native.a.cmd('status').returncode == 0


def test_no_answer(native):
    """Nobody is there: what is waited for is to be seen at once, and why it was given up in the end."""
    native.psk(start='trap')
    native.a.start()
    knock(native.a.netns, B)
    until(lambda: [ike for ike in connection(native.a)['ike'] if ike['awaits'] == 'IKE_SA_INIT' and ike['tries'] > 1], 'asked again')
    assert connection(native.a)['state'] == 'connecting'
    until(lambda: f'no answer from {B} yet: is that its address' in connection(native.a).get('note', ''), 'what it may come of, too')
    assert 'UDP port 500' in native.a.cmd('connection', 'list').stdout
    until(lambda: connection(native.a)['failures'], 'given up', timeout=40)
    failure = connection(native.a)['failures'][0]
    assert failure['what'].startswith(f'no answer to IKE_SA_INIT from {B} after 6 tries') and 'UDP port 500' in failure['what']
    assert failure['notify'] is None and connection(native.a)['state'] == 'down' and 'note' not in connection(native.a)


@pytest.mark.parametrize('break_it, why', [
    (lambda host: host.netns.ip('link', 'set', NIC, 'down'), "'local' is not an address of this host, or there is no route"),
    (lambda host: host.netns.ip('addr', 'flush', 'dev', NIC), "'local' is not an address of this host, or there is no route"),
    (lambda host: host.netns.run('nft', 'add table ip f; add chain ip f o { type filter hook output priority 0; };'
                                        'add rule ip f o udp dport 500 drop'), 'a firewall rule of this host forbids it'),
], ids=['down', 'address', 'firewall'])
def test_cannot_even_be_sent(native, break_it, why):
    """It is this host that is at fault: nobody is to look for a firewall on the way."""
    native.psk(start='initiate')
    break_it(native.a)
    native.a.start()
    until(lambda: connection(native.a).get('note', '').startswith(f'no answer from {B} yet: it cannot be sent: {why}'), 'it is told')
    until(lambda: f'yet after 3 tries: it cannot be sent: {why}' in native.a.log_text, 'in the log, too')
    assert 'does IKE run there' not in native.a.log_text


def test_peer_protects_less(native):
    """Up, and nothing that was meant can pass: said at both ends."""
    native.psk({'protect': 'tcp/179'}, {'protect': 'tcp/22'})
    native.start()
    order(native.a, 'initiate', 'core')
    until(lambda: connection(native.b)['state'] == 'up', 'up')
    assert "the peer protects less than this host: 'tcp sport 22 dport 179' of 'tcp dport 179'" in connection(native.a)['note']
    assert "set 'protect' to the same on both" in native.b.cmd('connection', 'list').stdout


def test_peer_protects_the_same(native):
    native.psk({'protect': 'tcp/179'}, {'protect': 'tcp/179'})
    native.start()
    order(native.a, 'initiate', 'core')
    until(lambda: connection(native.b)['state'] == 'up', 'up')
    assert not any('note' in connection(host) for host in native.hosts)


def test_refused_child(native):
    """What was asked for is said."""
    native.psk({'protect': 'tcp/179'}, {'protect': 'udp/53'})
    native.start()
    done = order(native.a, 'initiate', 'core', check=False)
    assert done.returncode == 1
    assert "TS_UNACCEPTABLE: the peer refuses the child: asked for was 'tcp dport 179'" in done.stderr, done.stderr
    assert connection(native.a)['failures'][0]['notify'] == 'TS_UNACCEPTABLE'
    assert connection(native.b)['failures'][0]['kind'] == 'refused'


def test_both_respond(native):
    native.psk(start='respond')
    native.start()
    assert "if the peer's is start = respond, too, nobody does" in connection(native.a)['note']
    assert 'core: waits for the peer to begin' in native.a.cmd('connection', 'list').stdout
    until(lambda: knock(native.a.netns, B) or connection(native.a)['failures'], 'it is told')
    assert 'set start = trap or initiate' in connection(native.a)['failures'][0]['what']
    assert "core: packets wait for the peer to begin, as 'start = respond' says" in native.a.log_text


def test_wrong_identity(native, ca):
    native.certs(ca, second={'remote_id': 'somebody.example'})
    native.start()
    assert order(native.a, 'initiate', 'core', check=False).returncode == 1
    assert "remote-id is 'somebody.example': refused" in native.b.log_text


def refused(native, reason):
    native.start()
    assert order(native.a, 'initiate', 'core', check=False).returncode == 1
    assert reason in native.b.log_text, native.b.log_text
    assert not native.b.status()['sas']


def test_wrong_ca(native, ca):
    native.certs(ca, leafs={0: Ca('Another CA').issue(NAMES[0])})
    refused(native, 'is not issued by the CA')


def test_expired(native, ca):
    native.certs(ca, leafs={0: ca.issue(NAMES[0], begin=now() - 3 * DAY, end=now() - datetime.timedelta(hours=1))})
    refused(native, 'has expired')


def test_revoked(native, ca):
    leaf = ca.issue(NAMES[0])
    put(native.b, 'crl', pem(ca.crl(leaf[0])))
    native.certs(ca, leafs={0: leaf}, second={'crl': 'crl'})
    refused(native, 'has been revoked')


def checked(native):
    done = native.a.cmd('check', '-c', native.a.config, check=False)
    assert 'ike' not in (native.a.try_status() or {})
    return done


def check_says(native, *words):
    """`check` has one failure, which names the file, the line of the section, and more."""
    done = checked(native)
    assert done.returncode == 1 and done.stderr.count('\n') == 1 and 'failed, as shown: core' in done.stderr
    lines = [line for line in done.stdout.splitlines() if line.split(None, 2)[1] == 'FAIL']
    assert len(lines) == 1, done.stdout
    for word in (f'{native.a.config}:4: [connection core]: ', *words):
        assert word in lines[0], lines[0]


def test_check_finds_nothing(native, ca):
    for configure in (native.psk, lambda: native.certs(ca), lambda: native.certs(ca, 'rsa')):
        configure()
        done = checked(native)
        assert done.returncode == 0 and not done.stderr, done.stderr
        assert ' with ' in done.stdout and 'FAIL' not in done.stdout


@pytest.mark.parametrize('text, words', [('', ('psk: empty', 'xdp-ipsec genkey psk')), ('0xabc\n', ('psk', 'pairs of hex digits'))])
def test_check_of_psk(native, text, words):
    native.psk()
    put(native.a, 'psk', text)
    check_says(native, *words)


def test_short_psk_is_a_warning(native):
    """It can be guessed by who has seen an exchange, and is not for us to refuse."""
    native.psk()
    for host in native.hosts:
        put(host, 'psk', 'short\n')
    done = checked(native)
    assert done.returncode == 0 and not done.stderr, done.stderr
    assert '[connection core]: psk: shorter than 16 bytes' in done.stdout and 'xdp-ipsec genkey psk' in done.stdout
    bring_up(native)
    for host in native.hosts:
        assert '[connection core]: psk: shorter than 16 bytes' in host.log_text


@pytest.mark.parametrize('name, words', [('cert', ('cert cert: there is no certificate in it',)),
                                         ('key', ('key: there is no private key in it',)),
                                         ('ca', ('ca ca: there is no CA certificate in it',))])
def test_check_of_what_is_no_pem(native, ca, name, words):
    native.certs(ca)
    put(native.a, name, 'no PEM at all\n')
    check_says(native, *words)


def test_check_of_times(native, ca):
    hour = datetime.timedelta(hours=1)
    native.certs(ca, leafs={0: ca.issue(NAMES[0], begin=now() - 3 * DAY, end=now() - hour)})
    check_says(native, 'cert cert: it expired on 20', 'get a new one')
    native.certs(ca, leafs={0: ca.issue(NAMES[0], begin=now() + hour, end=now() + DAY)})
    check_says(native, 'cert cert: it is valid from 20', 'compare the clock')


def test_check_of_crl(native, ca):
    leaf = ca.issue(NAMES[0])
    put(native.a, 'crl', pem(ca.crl(leaf[0])))
    native.certs(ca, leafs={0: leaf}, first={'crl': 'crl'})
    check_says(native, 'cert cert: ', 'has been revoked')
    put(native.a, 'crl', 'no PEM\n')
    check_says(native, 'crl crl: there is no CRL in it')


def test_check_of_a_crl_that_ends_soon(native, ca):
    """It holds, and so does the connection."""
    put(native.a, 'crl', pem(ca.crl(begin=now() - 10 * DAY, end=now() + 1.5 * DAY)))
    native.certs(ca, first={'crl': 'crl'})
    done = checked(native)
    assert done.returncode == 0 and not done.stderr, done
    assert 'crl: it is out of date from 20' in done.stdout and 'in 1 day, and every peer would be refused' in done.stdout


def test_check_of_key_and_identity(native, ca):
    native.certs(ca)
    put(native.a, 'key', pem(ca.issue(NAMES[0])[1]))
    check_says(native, 'key key: the private key is not that of the certificate')
    native.certs(ca, first={'local_id': 'somebody.example'})
    check_says(native, "local-id 'somebody.example' is not in its certificate")


def test_check_of_another_ca(native, ca):
    """The peer may trust that one: it works if so, and is said."""
    native.certs(ca, leafs={0: Ca('Another CA').issue(NAMES[0])})
    done = checked(native)
    assert done.returncode == 0 and not done.stderr
    assert 'is not issued by the CA that is configured: the peer must trust another CA' in done.stdout


def test_run_warns_of_expired(native, ca):
    native.certs(ca, leafs={0: ca.issue(NAMES[0], begin=now() - 3 * DAY, end=now() - datetime.timedelta(hours=1))})
    native.a.start()
    until(lambda: 'core: cert: it expired on' in native.a.log_text, 'the line')


def test_key_of_another_certificate(native, ca):
    native.certs(ca)
    put(native.a, 'key', pem(ca.issue(NAMES[0])[1]))
    done = native.a.cmd('run', '-c', native.a.config, check=False)
    assert done.returncode == 1
    assert 'the private key is not that of the certificate' in done.stderr


def test_key_file_of_others(native):
    native.psk()
    (native.a.dir / 'psk').chmod(0o644)
    done = native.a.cmd('run', '-c', native.a.config, check=False)
    assert done.returncode == 1
    assert 'others may read or change it' in done.stderr and '[connection core]' in done.stderr


def test_start_that_fails_keeps_the_policies(native):
    """What an earlier run protects stays closed, whatever a file says that cannot be used; what that would protect is, too."""
    native.psk()
    native.a.start()
    assert native.a.stop() == 0
    (native.a.dir / 'psk').chmod(0o644)
    native.a.config.write_text(native.a.config.read_text().replace(B, '192.0.2.99'))
    assert native.a.cmd('run', '-c', native.a.config, check=False).returncode == 1
    policies = native.a.cmd('policy', 'list').stdout
    assert f'{B}/32' in policies and '192.0.2.99/32' in policies
    assert not ping(native.a.netns, B, 1, deadline=1)
    (native.a.dir / 'psk').chmod(0o600)
    native.a.start()
    assert f'{B}/32' not in native.a.cmd('policy', 'list').stdout
