# SPDX-License-Identifier: BSD-2-Clause
"""
What may happen in a round, a row each: act(bed, host, dice) does it and leaves it so; what is to be made good at the end of the round
it puts on bed.mending. exact: no packet may be missing from the sum of all counters for it.
"""
import os
import signal
import struct
import subprocess
import time
from dataclasses import dataclass
from typing import Callable

from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import Ether
from scapy.packet import Raw, raw

from lib.beds.ike import order
from lib.beds.pair import A, B, NIC
from lib.host import is_dead
from lib.netns import run
from lib.wire import Tap
from soak.bed import START_SECONDS
from soak.patience import until



@dataclass
class Fault:
    name: str
    act: Callable
    weight: int = 2
    exact: bool = False


FAULTS = []


def fault(weight=2, exact=False):
    def enter(act):
        FAULTS.append(Fault(act.__name__, act, weight, exact))
        return act

    return enter


def addr_of(bed, host):
    return (A, B)[bed.hosts.index(host)]


# ---- processes ----

def start(host):
    host.spawn()
    until(host.ready, f'{host.instance} is ready', timeout=START_SECONDS)


def kill(host, name):
    pid = host.processes()[name]
    if pid:
        os.kill(pid, signal.SIGKILL)
        until(lambda: is_dead(pid), f'{name} is dead', START_SECONDS)


@fault(weight=3)
def worker_killed(_bed, host, _dice):
    kill(host, 'worker')


@fault(exact=True)
def protocol_killed(_bed, host, _dice):
    kill(host, 'protocol')


@fault(exact=True)
def keyholder_killed(_bed, host, _dice):
    kill(host, 'keyholder')


@fault(exact=True)
def hands_killed(_bed, host, _dice):
    kill(host, 'hands')


@fault(weight=1)
def all_killed(_bed, host, dice):
    host.kill()
    time.sleep(dice.uniform(0, 1))
    start(host)


@fault(weight=1)
def terminated(_bed, host, dice):
    host.stop()
    time.sleep(dice.uniform(0, 1))
    start(host)


@fault(weight=1)
def rebooted(bed, host, _dice):
    """Nothing is left of it, and nobody has heard a good-bye; its NIC is down meanwhile."""
    host.netns.ip('link', 'set', NIC, 'down')
    host.kill()
    run('find', host.pins, '-depth', '-delete', check=False)
    run('find', host.run_dir, '-depth', '-delete', check=False)
    start(host)
    host.netns.ip('link', 'set', NIC, 'up')


def stop_for_a_while(bed, pid, dice):
    """What has been killed for it meanwhile needs no SIGCONT."""
    def go_on():
        try:
            os.kill(pid, signal.SIGCONT)
        except ProcessLookupError:
            pass

    if pid:
        os.kill(pid, signal.SIGSTOP)
        bed.mending.append(go_on)
        time.sleep(dice.uniform(0, 4))


@fault(exact=True)
def worker_stopped(bed, host, dice):
    """More comes than its rings hold, and all of that is told of; unless it is killed for it, with what they have."""
    pid = host.processes()['worker']
    stop_for_a_while(bed, pid, dice)
    bed.mending.append(lambda: bed.lose_count(is_dead(pid)))


@fault(exact=True)
def protocol_stopped(bed, host, dice):
    stop_for_a_while(bed, host.processes()['protocol'], dice)


@fault(exact=True)
def keyholder_stopped(bed, host, dice):
    stop_for_a_while(bed, host.processes()['keyholder'], dice)


@fault(exact=True)
def hands_stopped(bed, host, dice):
    stop_for_a_while(bed, host.processes()['hands'], dice)


@fault(exact=True)
def supervisor_stopped(_bed, host, dice):
    """Not longer: what comes next may ask it something."""
    host.daemon.send_signal(signal.SIGSTOP)
    time.sleep(dice.uniform(0, 4))
    host.daemon.send_signal(signal.SIGCONT)


@fault(weight=1, exact=True)
def upgraded(_bed, host, _dice):
    host.cmd('upgrade', check=False)


# ---- orders and files ----

@fault(weight=3, exact=True)
def rekeyed(_bed, host, dice):
    """As fast as it goes: a rekey that crosses the peer's, or another one of ours, may well fail."""
    for _ in range(dice.randint(1, 8)):
        order(host, 'rekey', 'core', dice.choice(['child', 'ike']), check=False)


@fault()
def taken_down(_bed, host, _dice):
    order(host, 'terminate', 'core', check=False)
    order(host, 'initiate', 'core', check=False)


@fault(weight=3, exact=True)
def reloaded(_bed, host, dice):
    """What says nothing new to the peer; one of these is an error."""
    good = host.config.read_text()
    bad = dice.choice([False, False, True])
    extra = 'speed = 9\n' if bad else f'\n[policy p{dice.randrange(9)}]\ndst = 198.51.100.{dice.randrange(256)}\naction = discard\n'
    host.config.write_text(good + extra)
    host.cmd('reload', check=False)
    host.config.write_text(good)
    host.cmd('reload')


@fault()
def reloaded_with_another_time(_bed, host, dice):
    """The connection is another one from then on."""
    lines = host.config.read_text().splitlines()
    lines = [f'dpd-interval = {dice.randint(3, 5)}s' if line.startswith('dpd-interval') else line for line in lines]
    host.config.write_text('\n'.join(lines) + '\n')
    host.cmd('reload')


@fault(exact=True)
def notifications_lost(_bed, host, _dice):
    host.lose_notifications()


# ---- the NIC ----

@fault()
def down_and_up(bed, host, dice):
    host.netns.ip('link', 'set', NIC, 'down')
    time.sleep(dice.uniform(0, 2))
    host.netns.ip('link', 'set', NIC, 'up')


@fault(weight=1)
def nic_made_again(bed, host, dice):
    host.netns.ip('link', 'del', NIC)
    time.sleep(dice.uniform(0, 1))
    bed.connect(host, bed.hosts.index(host))


@fault()
def mtu_changed(bed, host, dice):
    """Never to more than there was: what does not fit is cut, or said to be too big."""
    host.netns.ip('link', 'set', NIC, 'mtu', dice.randint(1280, 1499))
    bed.mending.append(lambda: host.netns.ip('link', 'set', NIC, 'mtu', 1500))


@fault()
def address_gone_and_back(bed, host, dice):
    addr = f'{addr_of(bed, host)}/24'
    host.netns.ip('addr', 'del', addr, 'dev', NIC)
    time.sleep(dice.uniform(0, 1))
    host.netns.ip('addr', 'add', addr, 'dev', NIC)


# ---- the cable ----

@fault(weight=4, exact=True)
def cable_is_bad(bed, _host, dice):
    bed.middle.set(lose=dice.choice([0, 1, 5, 20]), double=dice.choice([0, 1, 10]), late=dice.choice([0, 5, 50]),
                   window=dice.choice([2, 10, 50]))
    bed.mending.append(lambda: bed.middle.set(lose=0, double=0, late=0))


@fault(exact=True)
def cable_is_cut(bed, host, dice):
    bed.middle.block(dice.choice(['all', 'ike', 'esp']), *dice.choice([(), (bed.hosts.index(host),)]))
    bed.mending.append(bed.middle.block)
    time.sleep(dice.uniform(0, 8))


# ---- floods ----

def forged(bed, host, dice):
    """What somebody on the cable can say: in clear, ESP of nobody's and of an SA that is there, IKE of nobody's."""
    here, there = addr_of(bed, host), addr_of(bed, bed.other(host))
    ether = Ether(dst=host.netns.mac(NIC), src='02:00:00:00:00:99')
    spis = [sa['spi'] for sa in host.status()['sas'] if sa['direction'] == 'in'] or [0x1000]
    junk = dice.randbytes(dice.randint(40, 200))
    esp = struct.pack('>II', dice.choice([dice.getrandbits(32), int(str(dice.choice(spis)), 0)]), dice.getrandbits(20)) + junk
    ike = dice.randbytes(16) + bytes([dice.choice([33, 46]), 0x20, dice.randint(34, 37), 8]) + bytes(4) + \
        struct.pack('>I', 28 + len(junk)) + junk
    ip = IP(src=there, dst=here)
    return [raw(ether / packet) for packet in (ip / UDP(sport=7420, dport=7420) / Raw(b'forged' * 10),
                                               IP(src=there, dst=here, proto=50) / Raw(esp),
                                               ip / UDP(sport=500, dport=500) / Raw(ike),
                                               ip / Raw(junk))]


@fault(weight=3)
def flooded(bed, host, dice):
    with Tap(bed.wire, f'port{bed.hosts.index(host)}') as tap:
        for _ in range(dice.randint(1, 20)):
            for frame in forged(bed, host, dice):
                for _ in range(25):
                    try:
                        tap.sock.send(frame)
                    except OSError:
                        pass    # the interface is down, or has no room


@fault()
def two_floods_of_traffic(bed, host, dice):
    """More than goes: super-packets as fast as they can be made."""
    there = addr_of(bed, bed.other(host))
    with host.netns.socket(2, 2, 0) as s:
        s.setsockopt(17, 103, 1000)     # UDP_SEGMENT
        end = time.monotonic() + dice.uniform(0.1, 1)
        while time.monotonic() < end:
            try:
                s.sendto(bytes(40 * 1000), (there, 9))
            except OSError:
                pass


# ---- what reads along ----

@fault(exact=True)
def captured(bed, host, dice):
    """Somebody captures, and goes away without a word."""
    with subprocess.Popen(host.argv('capture', '-w', host.dir / 'captured', 'both'), stdin=subprocess.DEVNULL,
                          stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as capture:
        time.sleep(dice.uniform(0.1, 2))
        capture.send_signal(dice.choice([signal.SIGKILL, signal.SIGINT]))
    (host.dir / 'captured').unlink(missing_ok=True)


@fault(exact=True)
def listened_to(bed, host, dice):
    with subprocess.Popen(host.argv('events'), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                          stderr=subprocess.DEVNULL) as events:
        if dice.random() < 0.5:
            events.send_signal(signal.SIGSTOP)
        time.sleep(dice.uniform(0.1, 1))
        events.kill()


def choose(dice):
    """One to three of them, each with a host."""
    return [(row, dice.randrange(2)) for row in
            dice.choices(FAULTS, [row.weight for row in FAULTS], k=dice.choice([1, 1, 2, 3]))]


