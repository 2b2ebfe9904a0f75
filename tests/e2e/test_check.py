# SPDX-License-Identifier: BSD-2-Clause
"""`check` finds what would keep two hosts from speaking, says each once, with what to do, and changes nothing."""
import json
import os
import shutil
import socket
import subprocess
from concurrent.futures import ThreadPoolExecutor

import pytest

from lib.beds.ike import IkePair, put
from lib.beds.pair import A, B, NIC
from lib.netns import QUEUES, Netns, veth
from lib.nftables import rules_in
from lib.wait import until


@pytest.fixture(scope='module')
def module_pair():
    with IkePair('native') as pair:
        yield pair


@pytest.fixture
def host(module_pair):
    module_pair.psk()
    put(module_pair.a, 'psk', '7b0e4f6c1d2a9385c4e7f60b1a2d3c4e\n')
    yield module_pair.a


def both_forms(host):
    """What `check` tells machines and people, asked for at once: most of its time the kernel verifies programs."""
    words = 'check', '-c', host.config
    with ThreadPoolExecutor(2) as pool:
        return pool.map(lambda options: host.cmd(*options, *words, check=False), (['-j'], []))


def document(done):
    """The document, which has in JSON what people see."""
    said = json.loads(done.stdout)
    assert (done.returncode == 0) == said['works'] and said['version'] == 1
    assert all(set(row) == {'level', 'what', 'text', 'remedy'} for row in said['checks'])
    return said


def check(host):
    return document(host.cmd('-j', 'check', '-c', host.config, check=False))


def rows(host, level, what, said=None):
    return [row for row in (said or check(host))['checks'] if row['level'] == level and row['what'] == what]


def found(host, level, what, *about):
    """One row of that level says all of it, and is nowhere said again."""
    for_machines, for_people = both_forms(host)
    said = rows(host, level, what, document(for_machines))
    assert len(said) == 1, said
    text = f'{said[0]["text"]}: {said[0]["remedy"]}'
    for word in about:
        assert word in text, text
    assert for_people.stdout.count(said[0]['text']) == 1 and said[0]['text'] not in for_people.stderr
    if level == 'fail':
        assert for_people.returncode == 1 and for_people.stderr.count('\n') == 1 and what in for_people.stderr


def test_nothing_is_wrong(host):
    said = check(host)
    assert said['works'] and not [row for row in said['checks'] if row['level'] == 'fail']
    assert [row['text'] for row in said['checks'] if row['what'] == 'IKE ports'] == ['UDP 500 and 4500 are free']
    # Of two queues it is told that one peer stays on one.
    of_nic = 'ok' if QUEUES == 1 else 'warn'
    assert [row['level'] for row in said['checks'] if row['what'] in ('core', NIC, 'configuration', 'clock')] == ['ok', of_nic, 'ok']
    assert any('MTU 1500: 1466 for a packet that is protected' in row['text'] for row in said['checks'])


@pytest.mark.parametrize('family, address', [(socket.AF_INET, '0.0.0.0'), (socket.AF_INET, A)])
def test_port_is_taken(host, family, address):
    """By this process, which it names."""
    with host.netns.socket(family, socket.SOCK_DGRAM) as taken:
        taken.bind((address, 4500))
        with open('/proc/self/comm') as comm:
            found(host, 'fail', 'IKE ports', f'UDP port 4500 is taken by {comm.read().strip()} (pid {os.getpid()})', 'stop it')


@pytest.fixture
def another_daemon(host, tmp_path):
    """A program of that name in the host's namespace."""
    shutil.copy('/bin/sleep', tmp_path / 'charon')
    daemon = subprocess.Popen(host.netns.argv(tmp_path / 'charon', '60'))
    yield daemon
    daemon.kill()
    daemon.wait()


def test_another_ike_daemon(host, another_daemon):
    until(lambda: rows(host, 'warn', 'other IKE'), 'it is seen')
    found(host, 'warn', 'other IKE', f'charon runs too (pid {another_daemon.pid})')


POLICY = ['src', A, 'dst', B, 'dir', 'out', 'tmpl', 'src', A, 'dst', B, 'proto', 'esp', 'mode', 'transport']


@pytest.mark.parametrize('words, about', [
    (POLICY, f'{A}/32 > {B}/32) is for packets of this connection'),
    (['src', '192.0.2.0/24', 'dst', A, 'dir', 'in', 'action', 'block'], f'192.0.2.0/24 > {A}/32) blocks packets'),
], ids=['protect', 'block'])
def test_kernel_has_a_policy(host, words, about):
    host.netns.ip('xfrm', 'policy', 'add', *words)
    try:
        found(host, 'fail', 'core', about, 'ip xfrm policy flush')
    finally:
        host.netns.ip('xfrm', 'policy', 'flush')


@pytest.mark.parametrize('words', [
    ['src', A, 'dst', '192.0.2.77', 'dir', 'out', 'tmpl', 'src', A, 'dst', '192.0.2.77', 'proto', 'esp', 'mode', 'transport'],
    ['src', A, 'dst', B, 'dir', 'out'],
], ids=['another-host', 'in-clear'])
def test_policies_of_the_kernel_that_are_no_harm(host, words):
    host.netns.ip('xfrm', 'policy', 'add', *words)
    try:
        assert not rows(host, 'fail', 'core')
    finally:
        host.netns.ip('xfrm', 'policy', 'flush')


@pytest.fixture
def nft(host):
    with rules_in(host.netns) as rules:
        yield rules


DROPPING = '''table inet filter {{
  chain input {{ type filter hook input priority 0; policy drop; ct state established,related accept; iifname lo accept; {}; }}
}}'''


def firewall(host):
    return [row['text'] for row in rows(host, 'warn', 'core')]


def test_firewall_without_a_rule_for_us(host, nft):
    """What may be of an established connection is not said to be dropped; a peer that begins is."""
    nft(DROPPING.format('tcp dport 22 accept'))
    found(host, 'warn', 'core', 'chain input of table inet filter drops IKE from the peer', f'ip saddr {B}/32 udp dport 500 accept')


def test_firewall_with_the_remedies(host, nft):
    nft(DROPPING.format(f'ip saddr {B} udp dport 500 accept; meta mark 0x1be5 accept'))
    assert not firewall(host)


def test_firewall_drops_what_comes_out_of_esp(host, nft):
    nft('table ip f { chain pre { type filter hook prerouting priority -300; meta mark 0x1be5 drop; }; }')
    found(host, 'warn', 'core', 'chain pre of table ip f drops what comes out of ESP (all)', 'meta mark 0x1be5 accept')


def test_firewall_on_the_way_out(host, nft):
    nft(f'table ip f {{ chain out {{ type filter hook output priority 0; ip daddr {B} udp sport 500 reject; }}; }}')
    found(host, 'warn', 'core', 'chain out of table ip f drops IKE to the peer')


@pytest.mark.parametrize('remote, about', [
    ('192.0.2.255', 'is the broadcast address'), ('192.0.2.0', 'is a network, and no host'), ('192.0.2.77', "is this host's own")])
def test_remote_that_is_no_peer(module_pair, host, remote, about):
    host.netns.ip('addr', 'replace', '192.0.2.77/24', 'dev', NIC)
    try:
        module_pair.connections(auth='psk', psk_file='psk', first={'remote': remote})
        found(host, 'fail', 'core', f'remote = {remote} {about}')
    finally:
        host.netns.ip('addr', 'del', '192.0.2.77/24', 'dev', NIC)


def test_files_that_others_may_change(host):
    """The configuration, and a directory above: of anybody it is a failure, of a group it is said."""
    host.config.chmod(0o666)
    found(host, 'fail', 'configuration', f'{host.config}: anybody may change it', f'chmod go-w {host.config}')
    host.config.chmod(0o644)
    os.chown(host.dir, 0, 65534)
    host.dir.chmod(0o770)
    try:
        found(host, 'warn', 'directory', f'{host.dir}: its group may put others in the place of the files', f'chmod g-w {host.dir}')
        assert not rows(host, 'warn', 'configuration') and not rows(host, 'warn', 'core')
    finally:
        os.chown(host.dir, 0, 0)
        host.dir.chmod(0o700)
    assert not rows(host, 'warn', 'directory')


@pytest.mark.parametrize('name', ['ca', 'cert'])
def test_certificates_that_others_may_change(module_pair, host, ca, name):
    """Who may put another CA there can be every peer."""
    module_pair.certs(ca)
    (host.dir / name).chmod(0o646)
    try:
        found(host, 'fail', 'core', f'{host.dir / name}: anybody may change it', f'chmod go-w {host.dir / name}')
    finally:
        (host.dir / name).chmod(0o600)


def test_reverse_path(host):
    """The address is on one NIC, the route to the peer by another, and the first is strict."""
    with Netns('chkx') as other:
        veth(host.netns, 'nic1', other, 'far')
        host.config.write_text(host.config.read_text() + '[interface nic1]\nmode = native\n')
        host.netns.ip('route', 'add', f'{B}/32', 'dev', 'nic1', 'src', A)
        try:
            found(host, 'warn', 'core', f'{NIC} has the local address {A}, but packets to the peer leave by nic1',
                  f'net.ipv4.conf.{NIC}.rp_filter=2')
            for name in 'all', NIC:
                host.netns.sysctl(f'net.ipv4.conf.{name}.rp_filter', 2)
            assert not rows(host, 'warn', 'core')
        finally:
            for name in 'all', NIC:
                host.netns.sysctl(f'net.ipv4.conf.{name}.rp_filter', 1)
            host.netns.ip('link', 'del', 'nic1')


def test_no_route(module_pair, host):
    module_pair.connections(auth='psk', psk_file='psk', first={'remote': '198.51.100.1'})
    found(host, 'warn', 'core', 'there is no route to 198.51.100.1/32 now')


def test_cpu_that_is_not_there(host):
    host.config.write_text(f'{host.config.read_text()}[daemon]\ncpus = 0,1000\n')
    found(host, 'fail', 'cpus', 'there is no CPU 1000 here')


def test_policy_of_another_host(host):
    host.config.write_text(f'{host.config.read_text()}[policy odd]\ndst = 10.0.0.0/8\nsrc = {B}\naction = protect\n')
    found(host, 'warn', 'odd', f'src = {B} is no address of this host now')


def test_clock_of_before_the_build(host):
    before = host.command
    folder = host.own_programs()
    try:
        os.utime(host.command, (4e9, 4e9))
        found(host, 'warn', 'clock', 'when this program was not built yet', 'NTP')
    finally:
        host.command = before
        shutil.rmtree(folder)
