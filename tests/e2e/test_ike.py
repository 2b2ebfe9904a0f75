# SPDX-License-Identifier: BSD-2-Clause
"""IKEv2 between two hosts of ours: keys come, are changed under traffic, and go."""
import json
import os
import re
import signal
import subprocess
import threading
from contextlib import contextmanager

import pytest
from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import Ether
from scapy.packet import raw

from lib.beds.ike import NAMES, bring_up, children, connection, is_up, order, put, wait_up
from lib.beds.ike_load import rekey_under_traffic
from lib.beds.pair import A, B, NIC, proven
from lib.host import unprivileged
from lib.netns import run
from lib.pki import pem
from lib.traffic import BETWEEN_PINGS, UdpFlow, knock, ping
from lib.wait import until
from lib.wire import Tap, ip_of

# Where the header of IKE has them, and what they may be: RFC 7296 section 3.1.
NEXT_PAYLOAD, EXCHANGE = 16, 18
SA_PAYLOAD, IKE_SA_INIT, IKE_AUTH = 33, 34, 35


@pytest.fixture
def pair(ike_pair):
    return ike_pair


def without_ike(capture):
    return [p for p in capture.stop() if not p.ike]


def test_trap(pair):
    """The first packet brings it up; what goes over the wire is IKE and ESP."""
    pair.psk(start='trap')
    pair.start()
    assert connection(pair.a)['state'] == 'trap'
    with pair.capture() as capture:
        knock(pair.a.netns, B)
        wait_up(*pair.hosts)
        assert ping(pair.a.netns, B, 3)
        packets = without_ike(capture)
    proven(packets)


def test_initiate_at_start(pair):
    pair.psk({'start': 'initiate'}, {'start': 'respond'})
    pair.start()
    wait_up(*pair.hosts)
    assert ping(pair.b.netns, A, 3)


def nothing_in(folder):
    try:
        return os.listdir(folder) == []
    except OSError:
        return True


def test_no_process_has_privileges(native):
    """Nor files: they live in a folder that is gone."""
    native.psk()
    native.a.start()
    processes = native.a.processes()
    for name in ('protocol', 'keyholder', 'hands'):
        unprivileged(processes[name])
        root = f'/proc/{processes[name]}/root'
        assert not os.path.exists(os.readlink(root)) and nothing_in(root)


def test_both_initiate(native):
    """Both at once: in the end there is one IKE SA and traffic flows."""
    native.psk(start='initiate')
    native.start()
    until(lambda: all(connection(h)['state'] == 'up' and len(connection(h)['ike']) == 1 for h in native.hosts),
          'one IKE SA', timeout=20)
    assert ping(native.a.netns, B, 3) and ping(native.b.netns, A, 3)


@pytest.mark.parametrize('kind', ['ecdsa', 'rsa'])
def test_certificates(native, ca, kind):
    native.certs(ca, kind)
    bring_up(native)
    assert ping(native.a.netns, B, 3)
    assert connection(native.a)['ike'][0]['peer_id'] == NAMES[1]


def test_ppk(native):
    for host in native.hosts:
        put(host, 'ppk', '0x' + '5a' * 32)
    native.psk(ppk_id='quantum', ppk_file='ppk', ppk_required='yes')
    bring_up(native)
    assert connection(native.a)['ike'][0]['ppk'] is True
    assert ping(native.a.netns, B, 3)


@pytest.mark.parametrize('side', [0, 1])
@pytest.mark.parametrize('what', ['child', 'ike'])
def test_rekey_under_traffic(pair, what, side):
    """A flow each way, five rekeys: nothing is lost, no nonce comes twice, the SPIs are others."""
    pair.psk()
    bring_up(pair)
    host = pair.hosts[side]
    before = children(host)[0]['spi_in']
    with pair.capture() as capture, UdpFlow(pair.a.netns, pair.b.netns, B) as forth, \
            UdpFlow(pair.b.netns, pair.a.netns, A) as back:
        for _ in range(5):
            so_far = forth.arrived(), back.arrived()
            order(host, 'rekey', 'core', what)
            until(lambda: forth.arrived() > so_far[0] + 100 and back.arrived() > so_far[1] + 100, 'traffic')
        packets = without_ike(capture)
    proven(packets)
    assert (forth.lost(), back.lost()) == (0, 0)
    wait_up(*pair.hosts)
    assert (children(host)[0]['spi_in'] != before) == (what == 'child')
    for h in pair.hosts:
        drops = {r: n for r, n in h.status()['drops'].items() if n}
        assert not drops, drops


def ike_spi(host):
    return connection(host)['ike'][0]['spi_i']


def reload(host):
    before = host.log_text.count('reloaded')
    host.daemon.send_signal(signal.SIGHUP)
    until(lambda: host.log_text.count('reloaded') > before, 'reloaded')


@pytest.mark.parametrize('what', ['reauth-time', 'certificate'])
def test_new_proof_loses_no_ping(native, ca, what):
    """A new IKE SA from scratch, because of its time or of a renewed certificate, while packets go both ways."""
    native.certs(ca, **({'reauth_time': '33s'} if what == 'reauth-time' else {}))
    bring_up(native)
    assert ping(native.a.netns, B)
    before = ike_spi(native.a)
    flood = subprocess.Popen(native.a.netns.argv('ping', '-q', '-i', BETWEEN_PINGS, B), text=True, stdout=subprocess.PIPE)
    with native.capture() as capture:
        if what == 'certificate':
            cert, key = ca.issue(NAMES[1])
            put(native.b, 'cert', pem(cert))
            put(native.b, 'key', pem(key))
            reload(native.b)
            assert 'have been renewed' in native.b.log_text
        until(lambda: ike_spi(native.a) != before, 'the old IKE SA is gone', 60)
        wait_up(*native.hosts)
        proven(without_ike(capture))
    flood.send_signal(signal.SIGINT)
    sent, received = map(int, re.search(r'(\d+) packets transmitted, (\d+) received', flood.communicate()[0]).groups())
    assert sent > 300 and sent - received <= 1  # the last one may be on its way
    for host in native.hosts:
        assert host.log_text.count(': up with ') == 2
        drops = {r: n for r, n in host.status()['drops'].items() if n}
        assert not drops, drops


def test_renewed_crl(native, ca):
    """One that has nothing against the peer is no reason to touch what is up; one that has ends it."""
    leaf = ca.issue(NAMES[0])
    put(native.b, 'crl', pem(ca.crl()))
    native.certs(ca, leafs={0: leaf}, second={'crl': 'crl'})
    bring_up(native)
    before = ike_spi(native.b), children(native.b)[0]['spi_in']
    put(native.b, 'crl', pem(ca.crl(ca.issue(NAMES[0])[0])))
    reload(native.b)
    assert (ike_spi(native.b), children(native.b)[0]['spi_in']) == before
    assert ping(native.a.netns, B, 3)
    assert 0 < connection(native.b)['ike'][0]['auth_expires_in_s'] <= 86400
    put(native.b, 'crl', pem(ca.crl(leaf[0])))
    reload(native.b)
    for host in native.hosts:
        until(lambda: not children(host), 'no child is left')
    assert 'has been revoked' in native.b.log_text
    assert not ping(native.a.netns, B, 1, deadline=1)


def test_rekey_loses_no_ping(native):
    native.psk()
    bring_up(native)
    assert ping(native.a.netns, B)
    flood = subprocess.Popen(native.a.netns.argv('ping', '-q', '-i', BETWEEN_PINGS, '-c', '300', '-w', '30', B), text=True,
                             stdout=subprocess.PIPE)
    while flood.poll() is None:
        for host, what in ((native.a, 'child'), (native.b, 'child'), (native.a, 'ike'), (native.b, 'ike')):
            order(host, 'rekey', 'core', what)
    assert '300 packets transmitted, 300 received' in flood.stdout.read()


HOLD_BACK = """
table netdev hold {
    chain back {
        type filter hook ingress device port1 priority 0;
        udp sport 500 @th,208,8 35 drop
    }
}
"""  # IKE_AUTH, the byte 18 of IKE's header, from B


def ike_of(frame, src, exchange):
    p = Ether(frame)
    return ip_of(frame, proto=17, src=src) and p[UDP].sport == 500 and raw(p[UDP].payload)[EXCHANGE] == exchange and p


@pytest.mark.alone
def test_traffic_before_the_answer(native):
    """B's first packet overtakes its IKE_AUTH, without which A has no key: it waits in A's worker."""
    native.psk()
    native.start()
    native.wire.run('nft', '-f', '-', input=HOLD_BACK)
    with Tap(native.wire, 'port1') as behind, native.attacker(native.a) as before:
        asked = subprocess.Popen(native.a.argv('connection', 'initiate', 'core'))
        answer = behind.find(lambda f: ike_of(f, B, IKE_AUTH), 'the answer')
        until(lambda: is_up(native.b), 'B is up')
        assert not native.a.status()['sas']
        echo = subprocess.Popen(native.b.netns.argv('ping', '-q', '-c', '1', '-W', '5', A), stdout=subprocess.DEVNULL)
        # It waits half a second: less than it may take to ask for counters.
        del answer[IP].chksum, answer[UDP].chksum
        behind.find(lambda f: ip_of(f, proto=50, src=B), 'a packet that waits')
        before.send(answer)
        assert asked.wait(5) == 0 and echo.wait(10) == 0
    counters = native.a.counters()
    assert counters['parked'] == counters['opened'] == 1 and 'no_sa' not in counters


@pytest.mark.alone
def test_fifty_rekeys_at_100_mbit(native):
    """UDP at 100 Mbit/s: what one end sealed the other has opened, all of it, through 50 rekeys of child and IKE SA."""
    native.psk()
    bring_up(native)
    told = rekey_under_traffic(native, 50)
    assert told['lost'] == 0 and not any(told['drops']), told
    assert told['mbit_s'] > 90 and told['sealed'] >= told['sent']


def test_rekey_by_packets(native):
    native.psk(rekey_packets=200, start='trap')
    bring_up(native)
    before = children(native.a)[0]['spi_out']
    with UdpFlow(native.a.netns, native.b.netns, B) as flow:
        until(lambda: flow.arrived() > 600, 'traffic')
        until(lambda: all(c['spi_out'] != before for c in children(native.a)), 'another SA')


WRONG_PEERS = {
    'cor': "'cor': there is no connection of that name: did you mean 'core'?",
    f'core remote {B}': f'not within its \'remote\', {A}/32',
    'core remote host1': 'names are not looked up',
}


def test_terminate(native):
    """Down on both ends; then what is protected is dropped, not sent in clear; the next packet brings it up again."""
    native.psk({'start': 'trap'}, {'start': 'respond'})
    bring_up(native)
    for words, about in WRONG_PEERS.items():
        done = native.b.cmd('connection', 'terminate', *words.split(), check=False)
        assert done.returncode == 1 and about in done.stderr, done
    order(native.b, 'terminate', 'core')
    until(lambda: not connection(native.a)['ike'] and not native.a.status()['sas'], 'down')
    with native.capture() as capture:
        assert not ping(native.b.netns, A, 1, deadline=1)
        assert not without_ike(capture)
    knock(native.a.netns, B)
    wait_up(*native.hosts)
    assert ping(native.a.netns, B, 2)


@pytest.mark.alone      # the peer binds its half a turn after its answer has left, which takes long where it waits for a CPU
def test_comes_and_goes_in_haste(native):
    """As soon as it is up the first packet has its reply; what has ended keeps nobody out."""
    native.psk(start='trap')
    native.start()
    for _ in range(12):
        order(native.a, 'initiate', 'core')
        assert ping(native.a.netns, B, 1)
        order(native.a, 'terminate', 'core')
    assert not any(h.counters().get('no_sa') for h in native.hosts)


def test_iked_killed(native):
    """SAs go on without it; the new one replaces them, and the other end hears of it."""
    native.psk({'start': 'initiate'}, {'start': 'respond'})
    native.start()
    wait_up(*native.hosts)
    before = native.a.status()['ike']
    os.kill(before['pid'], signal.SIGKILL)
    assert ping(native.a.netns, B, 3)
    until(lambda: native.a.status()['ike']['restarts'] == 1 and is_up(native.a), 'another IKE')
    until(lambda: len(native.a.status()['sas']) == 2 and len(native.b.status()['sas']) == 2, 'the old SAs are gone')
    assert ping(native.a.netns, B, 3) and ping(native.b.netns, A, 3)


def test_iked_killed_while_it_is_asked(native):
    """Who asked is told; the next IKE knows nothing of it."""
    native.psk()
    native.a.start()
    with subprocess.Popen(native.a.argv('connection', 'initiate', 'core'), stderr=subprocess.PIPE, text=True) as asking:
        try:
            until(lambda: native.a.status()['connections'][0]['state'] == 'connecting', 'the peer is asked for')
            os.kill(native.a.status()['ike']['pid'], signal.SIGKILL)
            assert asking.wait(timeout=10) == 1
            assert 'IKE has ended before it was done' in asking.stderr.read()
        finally:
            asking.kill()


def inbound_spis(host):
    """Of all that have a slot, be it reserved and without a key."""
    found = json.loads(run('bpftool', '-j', 'map', 'dump', 'pinned', host.pins / 'sad').stdout)
    return {entry['formatted']['key']['spi'] for entry in found}


def test_iked_killed_between_slot_and_key(native):
    """A rekey has reserved a slot, and its answer never comes: nobody has to wait for new SAs, or the next start, for it."""
    native.psk({'start': 'initiate'}, {'start': 'respond'})
    native.start()
    wait_up(*native.hosts)
    before, peer = inbound_spis(native.a), native.b.status()['ike']['pid']
    os.kill(peer, signal.SIGSTOP)
    try:
        with subprocess.Popen(native.a.argv('connection', 'rekey', 'core'), stderr=subprocess.DEVNULL) as asking:
            until(lambda: len(inbound_spis(native.a)) == 2, 'a slot is reserved')
            os.kill(native.a.status()['ike']['pid'], signal.SIGKILL)
            until(lambda: inbound_spis(native.a) == before, 'it is given back')
            assert asking.wait(timeout=10) == 1
        assert ping(native.a.netns, B, 3)
    finally:
        os.kill(peer, signal.SIGCONT)
    until(lambda: is_up(native.a) and len(native.a.status()['sas']) == 2, 'new SAs, and the old ones are gone')


@pytest.mark.parametrize('remote', [A, '192.0.2.0/24'], ids=['host', 'mesh'])
def test_iked_of_responder_killed(native, remote):
    """Who was to wait for the peer, one or any of a mesh, opens what was up; traffic does not notice."""
    native.psk({'start': 'initiate'}, {'start': 'respond', 'remote': remote})
    native.start()
    wait_up(*native.hosts)
    assert ping(native.a.netns, B)
    before = {sa['spi'] for sa in native.b.status()['sas']}
    flood = subprocess.Popen(native.a.netns.argv('ping', '-q', '-i', BETWEEN_PINGS, '-c', '400', '-w', '30', B), text=True,
                             stdout=subprocess.PIPE)
    os.kill(native.b.status()['ike']['pid'], signal.SIGKILL)
    until(lambda: native.b.status()['ike']['restarts'] == 1 and is_up(native.b), 'another IKE')
    assert connection(native.b)['ike'][0]['role'] == 'initiator'
    assert '400 packets transmitted, 400 received' in flood.communicate()[0]
    until(lambda: all(len(h.status()['sas']) == 2 for h in native.hosts), 'the old SAs are gone')
    assert not before & {sa['spi'] for sa in native.b.status()['sas']}
    wait_up(*native.hosts)


def test_iked_killed_and_peer_gone(native):
    """The SAs that it left end in their time, and then the next packet is a trap."""
    native.psk({'start': 'trap', 'lifetime': '10s', 'rekey_time': '8s'}, {'start': 'respond'})
    bring_up(native)
    native.b.daemon.kill()
    native.b.daemon.wait()
    os.kill(native.a.status()['ike']['pid'], signal.SIGKILL)
    until(lambda: native.a.try_status() and native.a.status()['ike']['restarts'] == 1, 'another IKE')
    assert native.a.status()['sas']
    until(lambda: not native.a.status()['sas'], 'they have come to their end', timeout=30)
    assert 'SAs of an earlier run have come to their end' in native.a.log_text
    native.b.start()
    until(lambda: knock(native.a.netns, B), 'traffic again', timeout=60)


def test_asked_before_it_has_its_configuration(native):
    """The answer waits for that: who is told that there is no such connection gives up."""
    native.psk({'start': 'initiate'}, {'start': 'trap'})
    with Tap(native.wire, 'port0') as tap:
        native.a.start()
        question = tap.find(lambda f: ike_of(f, A, IKE_SA_INIT), 'a first message')
        del question[UDP].chksum  # which the NIC was to fill in
        native.a.stop()
    with Tap(native.wire, 'port1') as tap:  # not by A's own NIC, whose gate is shut
        with repeating(lambda: tap.send(question)):
            native.b.start()
            answer = tap.find(lambda f: ike_of(f, B, IKE_SA_INIT), 'an answer')
    assert raw(answer[UDP].payload)[NEXT_PAYLOAD] == SA_PAYLOAD


@contextmanager
def repeating(act):
    """act() again and again beside the block."""
    done = threading.Event()

    def repeat():
        while not done.wait(0.0005):
            act()

    thread = threading.Thread(target=repeat)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def test_host_restarted(native):
    """All of A is killed: B still has its SAs, and takes A's new ones for them."""
    native.psk({'start': 'initiate'}, {'start': 'respond'})
    native.start()
    wait_up(*native.hosts)
    native.a.daemon.kill()
    native.a.daemon.wait()
    native.a.start()
    wait_up(*native.hosts)
    assert ping(native.a.netns, B, 3) and ping(native.b.netns, A, 3)


def test_peer_gone(native):
    """Liveness finds out that B's end of the cable is out, trap waits, and traffic comes back with the cable."""
    native.psk({'start': 'trap', 'dpd_interval': '1s'}, {'start': 'respond', 'dpd_interval': '1s'})
    bring_up(native)
    native.wire.ip('link', 'set', 'port1', 'down')
    until(lambda: connection(native.a)['state'] == 'down', 'A has noticed', timeout=40)
    assert connection(native.a)['failures'][0]['what'].startswith('no answer to liveness from 192.0.2.2 after 6 tries')
    native.wire.ip('link', 'set', 'port1', 'up')
    until(lambda: knock(native.a.netns, B), 'traffic again', timeout=40)


def test_address_gone_and_back(native):
    """Without its address a connection is down; with it, it is up again."""
    native.psk({'start': 'initiate'}, {'start': 'respond'})
    native.start()
    wait_up(*native.hosts)
    native.a.netns.ip('addr', 'del', f'{A}/24', 'dev', NIC)
    until(lambda: connection(native.a)['state'] == 'down', 'down')
    native.a.netns.ip('addr', 'add', f'{A}/24', 'dev', NIC)
    until(lambda: is_up(native.a), 'up again')
    assert ping(native.a.netns, B, 3)


def test_address_gone_and_back_unheard(native):
    """Where the kernel has no room to tell of it, too."""
    native.psk({'start': 'initiate'}, {'start': 'respond'})
    native.start()
    wait_up(*native.hosts)
    for verb, state in ('del', 'down'), ('add', 'up'):
        native.a.lose_notifications(lambda: native.a.netns.ip('addr', verb, f'{A}/24', 'dev', NIC))
        until(lambda: connection(native.a)['state'] == state, state)
    assert ping(native.a.netns, B, 3)


def test_reload_touches_only_what_changed(native):
    native.psk()
    bring_up(native)
    before = children(native.a)[0]['spi_in']
    native.a.daemon.send_signal(signal.SIGHUP)
    until(lambda: 'reloaded' in native.a.log_text, 'reloaded')
    assert children(native.a)[0]['spi_in'] == before
    native.a.config.write_text(native.a.config.read_text() + 'rekey-time = 30m\n')
    native.a.daemon.send_signal(signal.SIGHUP)
    until(lambda: native.a.log_text.count('reloaded') == 2, 'reloaded again')
    until(lambda: before not in [c['spi_in'] for c in children(native.a)], 'the old child is gone')
    order(native.a, 'initiate', 'core')
    wait_up(*native.hosts)
    assert ping(native.a.netns, B, 2)


def test_mesh(native):
    """The peer's section is a prefix: any host in it that proves itself."""
    native.psk({'start': 'trap'}, {'remote': '192.0.2.0/24', 'start': 'trap'})
    native.start()
    knock(native.a.netns, B)
    until(lambda: connection(native.a)['state'] == 'up', 'A is up')
    assert ping(native.a.netns, B, 3)
    assert connection(native.b)['peer'] == A


def test_only_bgp(native):
    """protect = tcp/179: the rest goes in clear, BGP from either side does not."""
    native.psk(protect='tcp/179', start='trap')
    native.start()
    assert ping(native.a.netns, B, 2)
    assert not native.a.status()['sas']
    for here, there, addr in ((native.a, native.b, B), (native.b, native.a, A)):
        server = subprocess.Popen(there.netns.argv('nc', '-l', '-N', '-W', '1', '179'), stdin=subprocess.DEVNULL)
        until(lambda: there.netns.run('ss', '-Hlnt', 'sport = :179').stdout, 'a listener')
        client = subprocess.Popen(here.netns.argv('nc', '-N', '-w', '10', addr, '179'), stdin=subprocess.PIPE)
        client.communicate(b'OPEN', timeout=20)
        assert server.wait(20) == 0
    assert native.a.counters()['sealed'] and native.a.counters()['opened']
