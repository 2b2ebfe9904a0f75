# SPDX-License-Identifier: BSD-2-Clause
"""
Keys are where docs/security.md says, and nowhere else: two hosts with keys by hand, a PSK and certificates, of which every
process and every file is searched for each key, as it is and in the forms that it might be written in.
"""
import contextlib
import os
import re
import resource
import signal
import stat
import subprocess
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from lib import kernel, memory, security
from lib.beds.bed import new_sa
from lib.beds.ike import IkePair, order, put
from lib.beds.pair import NIC
from lib.host import is_dead
from lib.netns import run
from lib.wait import until

# By certificates, by PSK, by hand.
CERT, PSK, HAND = ('192.0.2.1', '192.0.2.2'), ('192.0.2.11', '192.0.2.12'), ('192.0.2.21', '192.0.2.22')
KEY = '/memfd:xdp-ipsec-key'
VAULT = '/memfd:xdp-ipsec-vault (deleted)'


def second_connection(host, local, remote):
    return (f'\n[connection second]\nlocal = {local}\nremote = {remote}\nauth = psk\npsk-file = psk\n'
            f'local-id = {local}\nremote-id = {remote}\nppk-id = quantum\nppk-file = ppk\nppk-required = yes\n')


def configure(pair, ca, secret, ppk):
    """b logs keys, by which those of a are known, too."""
    leafs = {n: ca.issue(name) for n, name in enumerate(('host-a.example', 'host-b.example'))}
    pair.certs(ca, leafs=leafs)
    for n, host in enumerate(pair.hosts):
        put(host, 'psk', secret + '\n')
        put(host, 'ppk', '0x' + ppk.hex() + '\n')
        for addrs in (PSK, HAND):
            host.netns.ip('addr', 'add', f'{addrs[n]}/24', 'dev', NIC)
        text = host.config.read_text() + second_connection(host, PSK[n], PSK[1 - n])
        host.config.write_text(f'[daemon]\nsa-max = 128\nlanes = 1\nkeylog = {"yes" if n else "no"}\n' + text)
    return [key for _, key in leafs.values()]


def by_hand(pair):
    sas = [new_sa(*HAND), new_sa(*reversed(HAND))]
    for n, host in enumerate(pair.hosts):
        for sa in sas:
            host.sa_add(sa)
        host.policy_add(HAND[1 - n])
    return sas


def logged(host):
    """SK_ei and SK_er of every IKE SA, and the keys of every ESP SA, without their salts."""
    ike, esp = ((host.run_dir / f'{name}.keylog').read_text().splitlines() for name in ('ike', 'esp'))
    return ({bytes.fromhex(key)[:32] for line in ike for key in line.split(',')[2:4]},
            {bytes.fromhex(re.search(r'"0x([0-9a-f]{72})"', line)[1])[:32] for line in esp})


def bring_up(pair):
    order(pair.a, 'initiate', 'core')
    order(pair.a, 'initiate', 'second')
    until(lambda: all(c['state'] == 'up' for host in pair.hosts for c in host.status()['connections']), 'both are up')
    for n, host in enumerate(pair.hosts):
        for addrs in (CERT, PSK, HAND):
            until(lambda: host.netns.run('ping', '-n', '-q', '-c', '1', '-W', '2', '-I', addrs[n], addrs[1 - n], check=False).returncode == 0,
                  'an answer from there')


def needles(keys, secret, ppk, sas, host):
    """{name: forms} of all that nobody else may have."""
    session, esp = logged(host)
    hand = {sa.key for sa in sas}
    assert len(session) == len(esp - hand) == 4 and hand < esp
    found = {'PSK': memory.forms(secret.encode()), 'PPK': memory.forms(ppk)}
    for kind, secrets in (('private key', [key.private_numbers().private_value.to_bytes(48, 'big') for key in keys]),
                          ('by hand', hand), ('child', esp - hand), ('IKE', session)):
        found |= {f'{kind} {n}': memory.forms(key, aes=kind != 'private key') for n, key in enumerate(secrets)}
    return found


def kind(name):
    return re.sub(r' \d+$', '', name)


def searched(host, wanted):
    """{process: {kind of key: 'own' for its own memory, 'vault'}}."""
    result = {}
    for who, pid in host.processes().items():
        result[who] = {}
        for name, where in memory.places(pid, wanted).items():
            result[who].setdefault(kind(name), set()).update('vault' if place == VAULT else 'own' for place in where)
    return result


@contextlib.contextmanager
def world(ca, readable):
    """Up, and used. readable: the kernel has no memfd_secret, so that the vault can be read."""
    secret, ppk = os.urandom(24).hex(), os.urandom(32)
    how = {'preexec_fn': kernel.lacking(kernel.MEMFD_SECRET)} if readable else {}
    with IkePair('native') as pair:
        begun = time.time()
        keys = configure(pair, ca, secret, ppk)
        for host in pair.hosts:
            host.spawn(**how)
        for host in pair.hosts:
            host.wait_ready()
        sas = by_hand(pair)
        bring_up(pair)
        yield SimpleNamespace(pair=pair, begun=begun, sas=sas, readable=readable, needles=needles(keys, secret, ppk, sas, pair.b))


def look_into_memory(world):
    """As the table of docs/security.md has it. Whoever has a key is found to have it: else the search would prove nothing."""
    table = security.table('| key | supervisor |')
    expected = {who: {} for who in security.PROCESSES}
    for key, cells in table.items():
        for who, cell in cells.items():
            if places := set(security.counted(cell)) - (set() if world.readable else {'vault'}):
                expected[who][key] = places
    for host in world.pair.hosts:
        assert searched(host, world.needles) == expected
    # What root cannot read of them is the vault and its page.
    for who, pid in world.pair.a.processes().items():
        assert memory.unreadable(pid) <= {'/secretmem (deleted)', 'anon_inode:[io_uring]'}


def look_into_proc(world):
    for host in world.pair.hosts:
        for pid in host.processes().values():
            for file in ('cmdline', 'environ', 'status', 'maps', 'stack', 'syscall', 'wchan'):
                assert not memory.among(Path(f'/proc/{pid}/{file}').read_bytes(), world.needles), file


def dumped(pin):
    """All that is in a map, key by key."""
    text = run('bpftool', '-j', 'map', 'dump', 'pinned', pin, check=False).stdout
    return bytes.fromhex(''.join(re.findall(r'"0x([0-9a-f]{2})"', text)))


def look_into_maps(world):
    for host in world.pair.hosts:
        pins = sorted(pin for pin in host.pins.iterdir() if pin.is_file())
        sizes = {pin.name: len(data) for pin in pins if (data := dumped(pin)) is not None}
        assert sizes['sa_state'] and sizes['sad'] and sizes['spd']
        for pin in pins:
            assert not memory.among(dumped(pin), world.needles), pin


def changed_since(begun, *folders):
    for folder in folders:
        for path in (Path(where, name) for where, _, names in os.walk(folder) for name in names):   # others' come and go
            with contextlib.suppress(OSError):
                st = path.lstat()
                if stat.S_ISREG(st.st_mode) and st.st_mtime >= begun and st.st_size < 1 << 24:
                    yield path


def look_into_files(world):
    """Where the test itself has put them, and in the key log that it has asked for; nowhere else that was written since."""
    found = {}
    for path in changed_since(world.begun, Path('/tmp'), Path('/run'), Path('/var/lib'), Path('/var/log'), Path.cwd()):
        with contextlib.suppress(OSError):
            for name in memory.among(path.read_bytes(), world.needles):
                found.setdefault(kind(name), set()).add(path)
    a, b = world.pair.hosts
    logs = {b.run_dir / 'esp.keylog', b.run_dir / 'ike.keylog'}
    assert found == {
        'PSK': {host.dir / 'psk' for host in (a, b)}, 'PPK': {host.dir / 'ppk' for host in (a, b)},
        'private key': {host.dir / 'key' for host in (a, b)},
        'by hand': {host.dir / f'key-{sa.spi:08x}' for host in (a, b) for sa in world.sas} | {b.run_dir / 'esp.keylog'},
        'child': {b.run_dir / 'esp.keylog'}, 'IKE': {b.run_dir / 'ike.keylog'}}
    assert all(log.exists() for log in logs)


def look_after_the_end(world):
    """Of SAs that have ended no key is in anybody's memory; of a connection that the file no longer has no secret."""
    a = world.pair.a
    before = a.config.read_text()
    a.config.write_text(re.sub(r'\n\[connection second\].*', '', before, flags=re.S))
    a.cmd('reload')
    order(a, 'terminate', 'core')
    a.cmd('sa', 'flush')
    until(lambda: not a.status()['sas'], 'no SA is left')
    gone = {name: forms for name, forms in world.needles.items() if kind(name) != 'private key'}
    until(lambda: not any(searched(a, gone).values()), 'no key is left', timeout=15)
    assert searched(a, world.needles)['keyholder'] == {'private key': {'own'}}


@pytest.mark.parametrize('readable', [False, True], ids=['secret memory', 'none'])
def test_keys_are_where_they_may_be(ca, readable):
    """Once as it is, once where the kernel has no memfd_secret: then what is in the vault is seen to be found there."""
    if not readable and not kernel.has_secret_memory():
        pytest.skip('no memfd_secret here')
    with world(ca, readable) as made:
        look_into_memory(made)
        look_into_proc(made)
        look_into_maps(made)
        look_into_files(made)
        look_after_the_end(made)


def key_descriptor(pid, key):
    for fd in Path(f'/proc/{pid}/fd').iterdir():
        with contextlib.suppress(OSError):
            if os.readlink(fd).startswith(KEY) and fd.read_bytes() == key:
                return fd
    return None


@contextlib.contextmanager
def adding(host, sa, **how):
    """`sa add`, whose key is on its way to a daemon that is stopped; with the path of its descriptor."""
    os.kill(host.processes()['supervisor'], signal.SIGSTOP)
    words = ['src', sa.src, 'dst', sa.dst, 'spi', hex(sa.spi), 'key-file', host.key_file(sa)]
    with subprocess.Popen(host.argv('sa', 'add', *words), stderr=subprocess.PIPE, text=True, **how) as proc:
        try:
            yield proc, until(lambda: key_descriptor(proc.pid, sa.keymat), 'the key is there')
        finally:
            proc.kill()


def key_mapping(pid):
    """Of the memory that the key is in: {name: value}, empty if it is not mapped."""
    text = Path(f'/proc/{pid}/smaps').read_text()
    found = re.search(rf'^\S+ \S+ \S+ \S+ \S+ +{re.escape(KEY)}.*\n((?:\w+:.*\n)+)', text, re.M)
    return dict(re.findall(r'^(\w+): +(.*?) *$', found[1], re.M)) if found else {}


def test_key_on_its_way_is_locked(native):
    """What is not wiped by a daemon that dies, its sender wipes."""
    host = native.a
    host.start()
    supervisor = host.processes()['supervisor']
    with adding(host, new_sa(*CERT)) as (proc, fd):
        until(lambda: 'lo' in key_mapping(proc.pid).get('VmFlags', '').split(), 'it is locked')
        mapping = key_mapping(proc.pid)
        assert mapping['Locked'] == mapping['Rss'] == '4 kB'
        with fd.open('rb') as key:
            os.kill(supervisor, signal.SIGKILL)
            proc.communicate(timeout=10)
            assert proc.returncode == 1 and key.read() == bytes(36)


def no_locking():
    resource.setrlimit(resource.RLIMIT_MEMLOCK, (0, 0))


def test_key_that_cannot_be_locked(native):
    """It is said, and the SA is added all the same."""
    host, sa = native.a, new_sa(*CERT)
    host.start()
    done = host.netns.run('setpriv', '--bounding-set', '-ipc_lock,-sys_resource', host.command, '--instance', host.instance, 'sa', 'add',
                          'src', sa.src, 'dst', sa.dst, 'spi', hex(sa.spi), 'key-file', host.key_file(sa), preexec_fn=no_locking)
    assert done.stderr.count('may get to a swap device') == 1, done.stderr
    assert [int(str(one['spi']), 0) for one in host.status()['sas']] == [sa.spi]


def unlimited():
    resource.setrlimit(resource.RLIMIT_CORE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


def abort(pid):
    os.kill(pid, signal.SIGABRT)
    until(lambda: is_dead(pid), 'it has ended')


def test_no_core(native, tmp_path):
    """Of a process of others there is one, in the same folder and with the same limit."""
    pattern = Path('/proc/sys/kernel/core_pattern').read_text().strip()
    if pattern[0] in '/|' or resource.getrlimit(resource.RLIMIT_CORE)[1] != resource.RLIM_INFINITY:
        pytest.skip(f'cores are not written into the folder of a process here: {pattern}')
    how = {'cwd': tmp_path, 'preexec_fn': unlimited}
    with subprocess.Popen(['sleep', '60'], **how) as other:
        until(lambda: (Path(f'/proc/{other.pid}/comm').read_text() == 'sleep\n'), 'it runs')
        other.send_signal(signal.SIGABRT)
    cores = list(tmp_path.iterdir())
    assert len(cores) == 1
    native.psk()
    native.a.start(**how)
    for who in ('worker', 'hands', 'protocol', 'keyholder', 'supervisor'):
        until(lambda: native.a.processes()[who], f'{who} is there')
        abort(native.a.processes()[who])
        until(lambda: who == 'supervisor' or (native.a.worker_ready() and native.a.status()['ike']['pid']), 'others are there')
    assert list(tmp_path.iterdir()) == cores
