# SPDX-License-Identifier: BSD-2-Clause
"""
The table of the matrix: what happens to a host, and what keeps its gate closed meanwhile. Each row's act(bed) makes it happen
under traffic; `PYTHONPATH=tests python3 -m lib.gate.events` prints the table for docs/security.md.

Where an event begins: `up`, with SAs and traffic both ways; `cold`, on a host on which nothing of this program has ever run, and
which is in clear until its gate closes: within CLOSE_SECONDS, and before a start that fails has failed.
"""
import os
import signal
from dataclasses import dataclass
from typing import Callable

import pytest

from lib.gate.bed import HOST, HOST2, HOST3, MODES, NIC, NIC1, PEER, PEER_MAC, SHUT
from lib.host import is_dead
from lib.netns import Netns, run
from lib.traffic import udp_socket
from lib.wait import until

CLOSED, OPEN, CLOSES = 'closed', 'open', 'closes'
TCX = ('native', 'generic')
# Of Linux that has BPF programs at netfilter's hooks.
BACKSTOP = (6, 4)


@dataclass
class Event:
    name: str
    keeps: str  # what keeps the gate closed
    act: Callable
    begin: str = 'up'
    modes: tuple = tuple(MODES)
    resumes: bool = True  # traffic goes on when act() is over
    queues: int = 1
    since: tuple = (5, 15)  # Linux
    programs: tuple = ()
    gate: str = CLOSED


EVENTS = []


def event(name, keeps, **how):
    def enter(act):
        EVENTS.append(Event(name, keeps, act, **how))
        return act

    return enter


def cold(name, keeps, **how):
    return event(name, keeps, begin='cold', gate=CLOSES, **how)


# ---- starts ----

@cold('cold start', 'policies and gate come before everything else')
def cold_start(bed):
    bed.step('run')
    bed.start()


def fails(bed, *words):
    """A start that is to fail, and says so; the gate is closed, and stays so for a while."""
    bed.step('run')
    bed.a.spawn()
    assert bed.end() == 1, bed.a.log_text
    bed.step(SHUT)
    for word in words:
        assert word in bed.a.log_text, bed.a.log_text
    bed.watch()


@cold('start that fails: PSK file that others can read', 'the gate is closed before a secret is read')
def psk_for_all(bed):
    psk = bed.a.dir / 'psk'
    psk.chmod(0o644)
    fails(bed, 'others may read or change it')
    psk.chmod(0o600)
    bed.step('run again')
    bed.start()


@cold('start that fails: UDP port 500 is taken', 'the gate is closed before IKE starts')
def port_taken(bed):
    with udp_socket(bed.a.netns, '0.0.0.0', 500):
        fails(bed, '500')
    bed.step('run again')
    bed.start()


@cold('start without the worker program', 'the gate needs no worker: protected traffic is dropped as no_worker')
def no_worker(bed):
    program = bed.a.own_programs() / 'xdp-ipsec-worker'
    good = program.with_suffix('.good')
    program.rename(good)
    program.write_text('#!/nowhere\n')
    program.chmod(0o755)
    bed.step('run')
    bed.a.spawn()
    until(lambda: 'reinstall' in bed.a.log_text, 'it is said')
    bed.step(SHUT)
    bed.watch()
    good.rename(program)
    bed.step('the worker is there')
    if bed.a.daemon.poll() is not None:
        bed.start()
    else:
        until(bed.a.worker_ready, 'it is started')


@cold('start with one of two NICs absent, which appears', 'the first NIC is attached, the second the moment it is there; '
      'the backstop until then', since=BACKSTOP)
def one_nic_absent(bed):
    bed.configure(NIC, NIC1)
    bed.step('run')
    bed.start()
    bed.step(SHUT)
    bed.wait_for_traffic('traffic by the first NIC')
    second_nic_appears(bed)


@cold("'gate' before there is a NIC", 'the backstop knows no NIC', since=BACKSTOP)
def gate_without_a_daemon(bed):
    bed.a.netns.ip('link', 'del', NIC)
    bed.step('gate')
    bed.a.cmd('gate', '-c', bed.a.config)
    bed.step(SHUT)
    bed.step('the NIC appears')
    bed.plug(NIC)
    bed.watch()
    bed.step('run')
    bed.start()


@event('start again with an error in the file', 'pinned programs and policies stay as they are')
def bad_file_at_start(bed):
    assert bed.a.stop() == 0
    good = bed.a.config.read_text()
    for bad, said in (good + 'speed = 9\n', 'speed'), ('', 'policies of a file are in force'):
        bed.a.config.write_text(bad)
        fails(bed, said)
    bed.a.config.write_text(good)
    bed.step('run again')
    bed.start()


@event('start again with UDP port 500 taken', 'pinned programs and policies stay as they are')
def port_taken_at_restart(bed):
    assert bed.a.stop() == 0
    with udp_socket(bed.a.netns, '0.0.0.0', 500):
        fails(bed, '500')
    bed.step('run again')
    bed.start()


@event('start again with another peer in the file, which fails', 'what is protected stays so until a start succeeds')
def other_peer(bed):
    assert bed.a.stop() == 0
    good, psk = bed.a.config.read_text(), bed.a.dir / 'psk'
    bed.a.config.write_text(good.replace(PEER, '192.0.2.99'))
    psk.chmod(0o644)
    fails(bed, 'others may read or change it')
    bed.a.config.write_text(good)
    psk.chmod(0o600)
    bed.step('run again')
    bed.start()


@event('start again with a second NIC that cannot be attached', 'what was attached stays so', since=BACKSTOP)
def second_nic_fails(bed):
    """Whether it then goes on without that NIC or ends."""
    assert bed.a.stop() == 0
    bed.plug(NIC1, HOST2)
    bed.a.config.write_text(bed.a.config.read_text() + f'[interface {NIC1}]\nqueues = 7\n')
    bed.step('run')
    bed.a.spawn()
    until(lambda: bed.a.daemon.poll() is not None or bed.a.worker_ready(), 'it has ended, or goes on')
    bed.watch()
    bed.a.stop()
    bed.configure()
    bed.step('run again')
    bed.start()


# ---- reloads ----

def reload(bed, said):
    before = bed.a.log_text.count(said)
    bed.step('reload')
    bed.a.daemon.send_signal(signal.SIGHUP)
    until(lambda: bed.a.log_text.count(said) > before, f'"{said}" in the log')


@event('reload', 'entries of the SPD are replaced whole')
def good_reload(bed):
    for n in range(5):
        bed.configure(**{f'policy p{n}': {'dst': f'192.0.2.{8 * n}/29', 'proto': 'tcp', 'action': 'discard'}})
        reload(bed, ': reloaded')


@event('reload of a file with an error', 'all goes on as before')
def bad_reload(bed):
    good = bed.a.config.read_text()
    for bad in good.replace('local', 'lokal'), '', '\0' * len(good):
        bed.a.config.write_text(bad)
        reload(bed, 'going on as before')


def second_nic_appears(bed):
    bed.step(f'{NIC1} appears')
    bed.plug(NIC1, HOST2)
    bed.route(NIC1, 'src', HOST)
    bed.watch()


@event('reload that names an absent NIC, which appears', 'it is attached the moment it is there; the backstop until then',
       since=BACKSTOP)
def nic_by_reload(bed):
    bed.configure(NIC, NIC1)
    reload(bed, ': reloaded')
    second_nic_appears(bed)


# ---- deaths ----

def kill(bed, *names):
    """SIGKILL, and back when they are dead."""
    pids = bed.a.processes()
    bed.step(f'{", ".join(names)} killed')
    for name in names:
        os.kill(pids[name], signal.SIGKILL)
    if 'supervisor' in names:
        bed.a.daemon.wait(10)
        names = set(names) | set(pids) - {'worker'}     # which goes on alone
    until(lambda: all(is_dead(pids[name]) for name in names), 'they are dead')
    return pids


@event('supervisor killed and started again', 'programs, policies and backstop are pinned')
def supervisor_killed(bed):
    kill(bed, 'supervisor')
    bed.watch()
    bed.step('run')
    bed.start()


@event('worker killed', 'the kernel empties its socket map: protected traffic is dropped as no_worker')
def worker_killed(bed):
    before = kill(bed, 'worker')['worker']
    until(lambda: (s := bed.a.worker_ready()) and s['worker']['pid'] != before, 'another')


@event('IKE protocol process killed', 'SAs and policies are in the maps')
def protocol_killed(bed):
    before = kill(bed, 'protocol')['protocol']
    until(lambda: bed.a.status()['ike']['pid'] not in (0, before), 'another')


@event('key holder killed', 'SAs and policies are in the maps')
def keyholder_killed(bed):
    """The keys are needed when the peers have to prove themselves again."""
    before = kill(bed, 'keyholder')['keyholder']
    until(lambda: bed.a.processes()['keyholder'] not in (None, before), 'another')
    bed.a.cmd('connection', 'terminate', 'core')
    bed.a.cmd('connection', 'initiate', 'core')


@event('hands killed', 'SAs and policies are in the maps')
def hands_killed(bed):
    """They are needed for the key exchange, by which the peers have to prove themselves again."""
    before = kill(bed, 'hands')['hands']
    until(lambda: bed.a.processes()['hands'] not in (None, before), 'others')
    bed.a.cmd('connection', 'terminate', 'core')
    bed.a.cmd('connection', 'initiate', 'core')


@event('all of them killed at once and started again', 'programs, policies and backstop are pinned')
def all_killed(bed):
    kill(bed, 'supervisor', 'worker', 'protocol', 'keyholder', 'hands')
    bed.watch()
    bed.step('run')
    bed.start()


@event('SIGTERM and started again', 'only detach opens a gate')
def terminated(bed):
    bed.step('SIGTERM')
    assert bed.a.stop() == 0
    bed.watch()
    bed.step('run')
    bed.start()


# ---- the NIC ----

def unplug(bed, nic=NIC):
    bed.step(f'{nic} gone')
    bed.a.netns.ip('link', 'del', nic)


@event('NIC down and up', 'its programs stay on it')
def down_and_up(bed):
    bed.step('down')
    bed.a.netns.ip('link', 'set', NIC, 'down')
    bed.watch(50)
    bed.step('up')
    bed.address(bed.a.netns, NIC)


@event('NIC gone and back', 'the backstop, until it is attached', since=BACKSTOP)
def gone_and_back(bed):
    unplug(bed)
    bed.step('back')
    bed.plug(NIC)
    bed.watch()


@event('NIC gone and back while nobody runs', 'the backstop is pinned', since=BACKSTOP)
def back_without_a_daemon(bed):
    assert bed.a.stop(signal.SIGKILL) == -signal.SIGKILL
    unplug(bed)
    bed.step('back')
    bed.plug(NIC)
    bed.watch()
    bed.step('run')
    bed.start()


def rename(bed, old, new):
    bed.step(f'{old} is {new}')
    bed.a.netns.ip('-batch', '-', input=f'link set {old} down\nlink set {old} name {new}\n')
    bed.a.netns.ip('link', 'set', new, 'up')
    bed.watch()


@event('NIC renamed, and back', 'its programs stay on it, whatever it is called')
def renamed(bed):
    rename(bed, NIC, 'other')
    bed.wait_for_traffic('traffic by its new name')
    rename(bed, 'other', NIC)


def move(bed, source, target):
    bed.step(f'{NIC} moves to {target.name}')
    source.ip('link', 'set', NIC, 'netns', target.name)


@event('NIC moved to another namespace, and back', 'programs of tcx and XDP stay on it; the backstop, where they do not',
       since=BACKSTOP)
def moved(bed):
    other = bed.undo.enter_context(Netns('gm'))
    move(bed, bed.a.netns, other)
    bed.watch()
    move(bed, other, bed.a.netns)
    bed.step('back')
    bed.address(bed.a.netns, NIC, HOST)
    bed.watch()


@event('NIC used in the namespace that it was moved to',
       'programs of tcx and XDP stay on it, and have nobody to hand a packet to', modes=TCX, resumes=False)
def used_elsewhere(bed):
    """Also where another interface has the number that the TAP has at home."""
    other = bed.undo.enter_context(Netns('gm'))
    tap = bed.a.status()['interfaces'][0]['tap_ifindex']
    other.ip('link', 'add', 'trap', 'index', tap, 'type', 'veth', 'peer', 'name', 'trapped', 'netns', bed.cables.name)
    for ns, dev in (other, 'trap'), (bed.cables, 'trapped'):
        ns.ip('link', 'set', dev, 'up')
    bed.traffic.ask('speak_from', other.path, '0.0.0.0')
    bed.traffic.ask('listen_in', other.path)
    move(bed, bed.a.netns, other)
    bed.step('used there')
    bed.address(other, NIC, HOST)
    bed.watch()


# ---- routes and addresses ----

def there_and_back(bed, src):
    bed.plug(NIC1, HOST2)
    bed.step('failover')
    bed.route(NIC1, 'src', src)
    bed.watch()
    bed.step('back')
    bed.a.netns.ip('route', 'del', f'{PEER}/32')


@event('route to the peer by an unattached NIC, and back', 'the backstop knows no NIC', since=BACKSTOP)
def failover(bed):
    there_and_back(bed, HOST)


@event("the same, from that NIC's own address", 'the backstop, and policies that are for any local address', since=BACKSTOP)
def failover_address(bed):
    there_and_back(bed, HOST2)


@event('route to the peer that encapsulates, and back', 'the backstop, which looks into what a route has wrapped',
       since=BACKSTOP)
def encapsulated(bed):
    ns, segment = bed.a.netns, 'fc00::9'
    for name, value in ('all', 0), ('default', 1):
        ns.sysctl(f'net.ipv6.conf.{name}.disable_ipv6', value)
    ns.ip('addr', 'add', 'fc00::1/64', 'dev', NIC, 'nodad')
    ns.ip('-6', 'neigh', 'replace', segment, 'lladdr', PEER_MAC, 'dev', NIC, 'nud', 'permanent')
    bed.step('encapsulated')
    encap = ('encap', 'seg6', 'mode', 'encap', 'segs', segment)
    if ns.ip('route', 'add', PEER, *encap, 'dev', NIC, 'src', HOST, check=False).returncode:
        pytest.skip('this kernel has no seg6 routes')
    bed.watch()
    bed.step('back')
    ns.ip('route', 'del', f'{PEER}/32')


@event('another local address as source', 'policies are for any local address')
def second_address(bed):
    bed.traffic.ask('speak_from', bed.a.netns.path, HOST2)
    bed.step('the address is there')
    bed.address(bed.a.netns, NIC, HOST2)
    bed.watch()


@event('address changed, and back', 'policies are for any local address')
def readdressed(bed):
    ns = bed.a.netns
    bed.step('changed')
    ns.ip('-batch', '-', input=f'addr add {HOST3}/24 dev {NIC}\naddr del {HOST}/24 dev {NIC}\n')
    ns.ip('addr', 'replace', f'{HOST3}/24', 'dev', NIC)
    bed.watch()
    bed.step('back')
    ns.ip('addr', 'del', f'{HOST3}/24', 'dev', NIC)
    bed.address(ns, NIC, HOST)


# ---- what others do ----

@event('more queues, and as few again', 'the programs are for the NIC; the backstop, where a driver forgets a new queue',
       queues=4, since=BACKSTOP, programs=('ethtool',))
def other_queues(bed):
    """Where the new ones have got sockets meanwhile, they cannot be taken away."""
    bed.step('4 queues')
    bed.set_queues(4)
    bed.watch()
    bed.step('1 queue')
    bed.set_queues(1, check=False)


@event('upgrade to another layout of the maps', 'new maps beside the old, programs replaced under the pinned links',
       programs=('bpftool',))
def upgraded(bed):
    assert bed.a.stop() == 0
    bed.step('another layout')
    for layout in bed.a.pins.rglob('layout'):
        run('bpftool', 'map', 'update', 'pinned', layout, 'key', 0, 0, 0, 0, 'value', 'hex', 'ff', 'ff', *['00'] * 14)
    bed.watch()
    bed.step('run')
    bed.start()


@event("somebody's 'tc qdisc del dev NIC clsact'", 'the backstop, until the programs are put back', modes=('clsact',),
       since=BACKSTOP, programs=('tc',))
def qdisc_deleted(bed):
    bed.step('tc qdisc del')
    bed.a.netns.run('tc', 'qdisc', 'del', 'dev', NIC, 'clsact')
    bed.watch()


@event('detach', 'nothing: this is what opens it', gate=OPEN, resumes=False)
def detached(bed):
    bed.step('detach')
    assert 'the gate is open' in bed.a.cmd('detach', NIC).stdout
    bed.watch()


# ---- the table ----

def words(e):
    """A row's cells, as docs/security.md has them."""
    return [e.name, e.gate, e.gate, 'all' if e.modes == tuple(MODES) else ', '.join(e.modes), e.keeps]


def table():
    rows = [['event', 'out', 'in', 'modes', 'what keeps it closed'], ['---'] * 5, *map(words, EVENTS)]
    return [f'| {" | ".join(row)} |' for row in rows]


if __name__ == '__main__':
    print('\n'.join(table()))
