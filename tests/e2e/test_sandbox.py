# SPDX-License-Identifier: BSD-2-Clause
"""
What each process can do from inside: a worker and an IKE that misbehave (tests/misbehave/) once they are at work, with all walls
up, with some, and with none, where each attempt succeeds.
"""
import json
import os
import re
import shutil
import signal
import subprocess
from contextlib import ExitStack, contextmanager

import pytest

from lib import kernel
from lib.beds.ike import IkePair, is_up, wait_up
from lib.host import BUILD, PINS, is_dead, service_user, unprivileged
from lib.netns import run
from lib.pki import Ca
from lib.wait import until

MISBEHAVING = BUILD / 'tests/misbehave'
IKE = ['protocol', 'keyholder', 'signer', 'hands']
EVERYBODY = ['worker', 'lane', *IKE]
# Of each the attempt that it makes last, where that is not the same.
LAST = {'worker': 'write into the vault', 'lane': 'open a directory by its io_uring'}

# What which wall answers, behind seccomp. A user without rights:
RIGHTS = dict.fromkeys((
    'packet socket', 'write another map', 'make a map', 'load a program', 'become root', "become root's group", 'leave all groups',
    'take a capability', 'mount', 'another network', "another's network", 'another root'), 'EPERM') | {'open a pinned map': 'EACCES'}
# Landlock:
REACH = dict.fromkeys(('abstract socket', "read another's memory", "write another's memory", 'trace another', 'signal another',
                       "take another's descriptor"), 'EPERM') | dict.fromkeys(('TCP connect', 'TCP bind'), 'EACCES')
FILES = dict.fromkeys(('open a directory', 'open a file', 'make a file', "open another's memory", 'run a program',
                       'open a directory by its io_uring'), 'EACCES')
# A root that is the folder of a process which has ended, and in which there can be no user namespace either.
EMPTY_ROOT = dict.fromkeys(('open a directory', 'open a file', 'make a file', "open another's memory", 'run a program', 'open a pinned map',
                            'another root'), 'ESRCH') | {'a user namespace': 'EPERM'}
# Memory that is mapped to be read alone.
MEMORY = dict.fromkeys(('write into the map of ports', 'write into the vault'), 'EFAULT')
# A ring that may do nothing but read.
RING = {'open a directory by its io_uring': 'EACCES'}

VICTIM = """
import ctypes, socket, sys
own = ctypes.create_string_buffer(b'8 bytes of its own')
listens = socket.socket(socket.AF_UNIX)
listens.bind(chr(0) + sys.argv[1])
listens.listen()
print(ctypes.addressof(own), flush=True)
sys.stdin.read()
"""


def needs_landlock():
    if kernel.landlock_abi() < 6:
        pytest.skip(f'Landlock of this kernel: ABI {kernel.landlock_abi()}, of 6')


@contextmanager
def victim(ns):
    """A process that nothing protects from its own user: (pid, where it has 8 bytes, the name that it listens by)."""
    uid, gid = service_user()
    argv = ns.argv('setpriv', f'--reuid={uid}', f'--regid={gid}', '--clear-groups', '/usr/bin/python3', '-c', VICTIM, os.getpid())
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process.pid, int(process.stdout.readline()), os.getpid()
        finally:
            process.stdin.close()


@contextmanager
def pinned_map(name):
    """Nobody's here: (its id, its pin)."""
    pin = PINS.parent / f'test-{name}'
    run('bpftool', 'map', 'create', pin, 'type', 'array', 'key', 4, 'value', 4, 'entries', 1, 'name', 'other')
    try:
        yield json.loads(run('bpftool', '-j', 'map', 'show', 'pinned', pin).stdout)['id'], pin
    finally:
        pin.unlink()


def give_orders(pair, without, kill='nobody'):
    """For processes of a's that are started from now on."""
    (pair.a.command.parent / 'misbehave').write_text(f'without {without} kill {kill} {pair.marks}\n')


@contextmanager
def misbehaving(without='nothing'):
    """A pair that is up, of which a's processes misbehave; without those walls."""
    with IkePair('native') as pair, ExitStack() as stack:
        pair.certs(Ca(), start='initiate')
        pid, secret, listens = stack.enter_context(victim(pair.a.netns))
        number, pin = stack.enter_context(pinned_map(pair.a.instance))
        pair.marks = f'victim {pid} secret {secret} listens {listens} map {number} pin {pin}'
        folder = pair.a.own_programs()
        for program in ('xdp-ipsec-worker', 'xdp-ipsec-iked'):
            shutil.copy2(MISBEHAVING / program, folder)
        give_orders(pair, without)
        pair.start()
        wait_up(*pair.hosts)
        yield pair


def outcomes(host):
    """{who: {attempt: how it came out}}, once everybody has come to the end."""
    def read():
        found = {who: {} for who in EVERYBODY}
        for who, attempt, how in re.findall(r'^misbehave (\w+): (.+): (\w+)$', host.log_text, re.M):
            found[who][attempt] = how
        return all(LAST.get(who, 'ioctl') in found[who] for who in EVERYBODY) and found
    found = until(read, 'all attempts are made', timeout=30)
    assert all(tried.pop('nothing') == 'done' for tried in found.values())
    return found


def assert_refused(found, expected, of_worker, of_ike):
    """expected: of everybody, {attempt: how}; what is not in one of these succeeds."""
    for who, tried in found.items():
        wanted = {**dict.fromkeys(tried, 'done'), **expected, **(of_ike if who in IKE else of_worker)}
        assert tried == {attempt: wanted[attempt] for attempt in tried}, who


def test_all_walls():
    """Whatever is tried seccomp kills for; but where IKE's libraries ask for a file they go on without, and the other two see no calls."""
    opened = ('open a directory', 'open a file', 'make a file', "open another's memory")
    with misbehaving() as pair:
        found = outcomes(pair.a)
        for who, tried in found.items():
            refusals = {**dict.fromkeys(tried, 'SIGSYS'), **(dict.fromkeys(opened, 'EPERM') if who in IKE else {**MEMORY, **RING})}
            assert tried == {attempt: refusals[attempt] for attempt in tried}, who
        # Where it answers by an error of its own, so that all could be tried, it kills.
        for who in EVERYBODY:
            assert_killed(pair, who)


def test_without_seccomp():
    """The other walls hold what is about files, other processes, the network and rights."""
    needs_landlock()
    with misbehaving('seccomp') as pair:
        assert_refused(outcomes(pair.a), {**RIGHTS, **REACH}, {**FILES, **MEMORY}, EMPTY_ROOT)


def test_without_seccomp_and_landlock():
    """A user without rights, and an empty root: who is of the same user is not safe, nor are files that all can read."""
    with misbehaving('seccomp,landlock') as pair:
        assert_refused(outcomes(pair.a), RIGHTS, MEMORY, EMPTY_ROOT)


def test_without_walls():
    """All of it can be done: else the others would prove nothing."""
    with misbehaving('seccomp,landlock,user,root,read-only') as pair:
        assert_refused(outcomes(pair.a), {}, {}, {})


def assert_killed(pair, who):
    """One that is started now makes one attempt, and has ended."""
    said = pair.a.log_text
    give_orders(pair, 'nothing', kill=who)
    os.kill(pair.a.processes()['worker' if who in ('worker', 'lane') else 'protocol'], signal.SIGKILL)
    pid = int(until(lambda: re.search(rf'^misbehave {who}: (\d+) tries: done$', pair.a.log_text[len(said):], re.M), f'{who} tries', timeout=30)[1])
    give_orders(pair, 'nothing', kill='none')
    until(lambda: is_dead(pid), 'it is killed')
    assert f'misbehave {who}: it survives' not in pair.a.log_text
    until(lambda: pair.a.worker_ready() and pair.a.status()['ike']['pid'] and all(is_up(h) for h in pair.hosts), 'others go on', timeout=30)


def test_ends_with_its_parent(native):
    """Also who hangs: the signal is the kernel's, and Landlock lets it by among those of IKE."""
    native.psk()
    native.a.start()
    before = native.a.processes()
    for who in ('keyholder', 'hands'):
        os.kill(before[who], signal.SIGSTOP)
    os.kill(before['protocol'], signal.SIGKILL)
    until(lambda: all(is_dead(before[who]) for who in ('keyholder', 'hands')), 'they have ended')


@pytest.mark.parametrize('has', [True, False], ids=['Landlock', 'none'])
def test_kernel_without_landlock(native, has):
    """It is said once, to who asks for it, and all goes on."""
    if has:
        needs_landlock()
    native.psk({'start': 'initiate'})
    native.a.config.write_text('[daemon]\nlog-level = debug\n' + native.a.config.read_text())
    native.b.start()
    native.a.start(**({} if has else {'preexec_fn': kernel.lacking(kernel.LANDLOCK_CREATE_RULESET)}))
    wait_up(*native.hosts)
    assert native.a.log_text.count('this kernel has no Landlock') == (0 if has else 1)
    for who, pid in native.a.processes().items():
        assert who == 'supervisor' or unprivileged(pid) is None
