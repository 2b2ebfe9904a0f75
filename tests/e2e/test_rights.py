# SPDX-License-Identifier: BSD-2-Clause
"""What each process can touch, as docs/security.md has it: its descriptors, what it has mapped, what of it is locked."""
import contextlib
import ctypes
import json
import os
import re
import signal
import socket
from collections import Counter
from pathlib import Path

import pytest

from lib import security
from lib.beds.bed import Bed
from lib.beds.ike import IkePair, connection, is_up, order, wait_up
from lib.beds.pair import B
from lib.host import CAP_IPC_LOCK, service_user, unprivileged
from lib.netns import QUEUES, run
from lib.traffic import ping
from lib.wait import until

SECRET = b'a secret that nobody knows'
PAGE = os.sysconf('SC_PAGESIZE')


@pytest.fixture(scope='module')
def host():
    """With a connection that is up, by a daemon that logs SK_e."""
    with IkePair('native') as pair:
        pair.psk()
        for h in pair.hosts:
            h.config.write_text('[daemon]\nkeylog = yes\n' + h.config.read_text())
        pair.start()
        order(pair.a, 'initiate', 'core')
        wait_up(*pair.hosts)
        assert ping(pair.a.netns, B)
        pair.a.pair = pair
        yield pair.a


# ---- descriptors ----

def map_of(host, fd_info):
    """The pinned map's name."""
    number = re.search(r'^map_id:\s+(\d+)', fd_info, re.M)
    shown = json.loads(run('bpftool', '-j', 'map', 'show', 'id', number[1]).stdout)
    pinned = json.loads(run('bpftool', '-j', 'map', 'show', 'pinned', host.pins / shown['name']).stdout)
    assert pinned['id'] == shown['id']
    return shown['name']


def bound(ns, inode):
    """The local port of a UDP socket."""
    lines = ns.run('cat', '/proc/net/udp').stdout.splitlines()[1:]
    return next((int(line.split()[1].split(':')[1], 16) for line in lines if line.split()[9] == inode), None)


AF_XDP = 44
SYS_PIDFD_GETFD = 438


def domain_of(pid, fd):
    """Of a socket that no file of /proc/net lists."""
    process = os.pidfd_open(pid)
    try:
        got = ctypes.CDLL(None).syscall(SYS_PIDFD_GETFD, process, int(fd), 0)
        # What is said of it keeps Python from asking for its name, which not all have.
        with socket.socket(socket.AF_UNSPEC, socket.SOCK_RAW, 0, fileno=got) as own:
            return own.getsockopt(socket.SOL_SOCKET, socket.SO_DOMAIN)
    finally:
        os.close(process)


def kind_of(host, pid, fd):
    link = os.readlink(f'/proc/{pid}/fd/{fd}')
    if link == 'anon_inode:bpf-map':
        return 'map ' + map_of(host, Path(f'/proc/{pid}/fdinfo/{fd}').read_text())
    if link.startswith('socket:'):
        inode = link[8:-1]
        if inode in run('cat', f'/proc/{pid}/net/unix').stdout.split():
            return 'unix socket'
        port = bound(host.netns, inode)
        if port:
            return f'UDP port {port}'
        return 'XDP socket' if domain_of(pid, fd) == AF_XDP else link
    return {'/dev/null': 'null', str(host.log): 'log', f'{host.run_dir}/ike.keylog': 'key log',
            f'{host.run_dir}/esp.keylog': 'key log'}.get(
        link, re.sub(r':\[\d+\]$', '', link))


def descriptors(host, pid):
    return Counter(kind_of(host, pid, fd) for fd in os.listdir(f'/proc/{pid}/fd'))


def lanes_of(pid):
    """Its threads but the one that listens to the supervisor."""
    return len(os.listdir(f'/proc/{pid}/task')) - 1


# ---- the table of docs/security.md ----

TABLE = security.table('| | supervisor |')
WHO = security.PROCESSES[1:]


def plain(host, kind):
    """As the table has it."""
    return 'run/worker' if kind == str(host.run_dir / 'worker') else re.sub(r'anon_inode:\[?([\w-]+)\]?', r'\1', kind)


def status(pid):
    return dict(line.split(':\t', 1) for line in Path(f'/proc/{pid}/status').read_text().splitlines() if ':\t' in line)


def is_empty(folder):
    """What is in /proc of a process that has ended cannot even be listed."""
    try:
        return not os.listdir(folder)
    except (FileNotFoundError, ProcessLookupError):
        return True


@pytest.mark.parametrize('who', WHO)
def test_open(host, who):
    pid = host.processes()[who]
    assert who != 'worker' or lanes_of(pid) == len(host.status()['lanes'])
    expected = security.counted(TABLE['open'][who], lane=lanes_of(pid), queue=QUEUES)
    if who == 'protocol':
        expected['key log'] = 2     # this daemon logs keys
    had = Counter({plain(host, kind): n for kind, n in descriptors(host, pid).items()})
    if 'io_uring' not in had:
        del expected['io_uring']    # this kernel does not let it have any
    assert had == expected


@pytest.mark.parametrize('who', security.PROCESSES)
def test_user_and_rights(host, who):
    """More than the table has is whatever this test itself may: who runs it may be in a container's filter."""
    pid = host.processes()[who]
    is_own, own = status(pid), status('self')
    name, none = TABLE['user'][who], '0' * 16
    assert set(is_own['Uid'].split()) == {'0' if name == 'root' else str(service_user()[0])}
    assert set(is_own['Gid'].split()) == {'0' if name == 'root' else str(service_user()[1])}
    if TABLE['capabilities'][who] == 'none':
        unprivileged(pid)
        assert {is_own[cap] for cap in ('CapInh', 'CapAmb')} == {none} and not is_own['Groups'].strip()
    for row, field, restricted, word in (('more rights by exec', 'NoNewPrivs', '1', 'never'), ('other system calls', 'Seccomp', '2', 'kill it')):
        assert is_own[field] == (restricted if TABLE[row][who] == word else own[field]), row
        assert TABLE[row][who] in (word, 'may')


@pytest.mark.parametrize('who', security.PROCESSES)
def test_namespaces_root_and_dumps(host, who):
    pid, supervisor = host.processes()[who], host.daemon.pid
    assert ("the supervisor's" in TABLE['namespaces'][who]) == (who != 'supervisor')
    for namespace in os.listdir(f'/proc/{supervisor}/ns'):
        assert os.readlink(f'/proc/{pid}/ns/{namespace}') == os.readlink(f'/proc/{supervisor}/ns/{namespace}')
    if TABLE['root directory'][who] == 'empty':
        assert is_empty(f'/proc/{pid}/root/.') and is_empty(f'/proc/{pid}/cwd/.')
    else:
        assert os.path.samestat(os.stat(f'/proc/{pid}/root/.'), os.stat('/'))
    assert TABLE['dumps core'][who] == 'never'
    assert re.search(r'^Max core file size +0 +', Path(f'/proc/{pid}/limits').read_text(), re.M)
    assert int(Path(f'/proc/{pid}/coredump_filter').read_text(), 16) == 0


@pytest.mark.parametrize('who', WHO)
def test_mapped_maps(host, who):
    """By their sizes: what is mapped has no other name in /proc."""
    mapped = shared(host.processes()[who])
    for row, writes in (('maps, mapped to be written', True), ('and to be read alone', False)):
        names = list(security.counted(TABLE[row][who]))
        assert mapped.get(('anon_inode:bpf-map', writes), []) == sizes(host, *names), row


def test_system_calls_of_the_documentation():
    assert security.calls_of_documentation() == {who: security.calls_of_sources(who) for who in WHO}


# ---- descriptors ----

def test_worker_keeps_nothing_of_a_nic_that_was_detached(host):
    """Nor does one more thread run: of what came with it every descriptor is closed."""
    pid = host.processes()['worker']
    before = descriptors(host, pid)
    host.netns.ip('link', 'add', 'nic9', 'numrxqueues', 4, 'numtxqueues', 2, 'type', 'veth', 'peer', 'name', 'far9',
                  'numrxqueues', 2, 'numtxqueues', 4)
    host.netns.ip('link', 'set', 'nic9', 'up')
    host.cmd('attach', 'nic9')
    until(lambda: descriptors(host, pid)['/dev/net/tun'] == 2 * (QUEUES + 2), 'it serves the NIC')
    assert descriptors(host, pid).total() == before.total() + 4 + 2 * 2 + 1
    host.cmd('detach', 'nic9')
    assert descriptors(host, pid) == before
    host.netns.ip('link', 'del', 'nic9')


# ---- mappings ----

def sizes(host, *names):
    """As mapped, of the pinned arrays."""
    found = [json.loads(run('bpftool', '-j', 'map', 'show', 'pinned', host.pins / name).stdout) for name in names]
    return sorted((m['bytes_value'] * m['max_entries'] + PAGE - 1) // PAGE * PAGE for m in found)


def shared(pid):
    """Of each object that is mapped and not a process's alone the size of each mapping, and whether it can be written."""
    found = {}
    for line in Path(f'/proc/{pid}/maps').read_text().splitlines():
        where, access, _, _, _, *name = line.split(None, 5)
        if access[3] == 's':
            start, end = (int(x, 16) for x in where.split('-'))
            name = re.sub(r':\[\d+\]$', '', name[0]) if name else 'nameless'
            found.setdefault((name, access[1] == 'w'), []).append(end - start)
    return {key: sorted(mapped) for key, mapped in found.items()}


SECRET_MEMORY = '/secretmem (deleted)'
# A head (maps/vault.h) and an entry for each slot.
VAULT = PAGE + 8192 * 64


def needs_secret_memory(host):
    if (SECRET_MEMORY, True) not in shared(host.daemon.pid):
        pytest.skip('no memfd_secret here')


def test_mappings_of_the_protocol_process(host):
    """What makes an SA; of secret memory a page to leave keys on, and not the vault."""
    needs_secret_memory(host)
    assert shared(host.processes()['protocol']) == {
        ('anon_inode:bpf-map', True): sizes(host, 'sa_state', 'replay', 'replay_wide', 'turns', 'free_slots'), (SECRET_MEMORY, True): [PAGE]}


def test_mappings_of_the_key_holder(host):
    needs_secret_memory(host)
    assert shared(host.processes()['keyholder']) == {(SECRET_MEMORY, True): [PAGE, VAULT]}


def test_mappings_of_the_hands(host):
    assert shared(host.processes()['hands']) == {}


def test_mappings_of_the_worker(host):
    """It reads keys, and writes none; nor what the supervisor believes of NICs."""
    needs_secret_memory(host)
    mapped = shared(host.processes()['worker'])
    assert mapped[SECRET_MEMORY, False] == [VAULT] and (SECRET_MEMORY, True) not in mapped
    assert mapped['anon_inode:bpf-map', True] == sizes(host, 'sa_state', 'replay', 'replay_wide', 'turns', 'free_slots', 'stats_worker')
    assert mapped['anon_inode:bpf-map', False] == sizes(host, 'ports')
    # of packets, in a tmpfs of nobody else's, or where that cannot be had in a memfd
    packets = {name for name, writes in mapped if writes and re.fullmatch(r'/#\d+ \(deleted\)|/memfd:packets \(deleted\)', name)}
    assert len(packets) == 1
    assert {name for name, _ in mapped} == packets | {SECRET_MEMORY, 'anon_inode:bpf-map', 'anon_inode:[io_uring]', 'socket'}


# ---- memory ----

def places(pid, wanted):
    """The flags of each mapping of the process that has one of these in it."""
    found = []
    with open(f'/proc/{pid}/mem', 'rb', 0) as mem:
        for line in Path(f'/proc/{pid}/smaps').read_text().splitlines():
            if match := re.match(r'([0-9a-f]+)-([0-9a-f]+) r', line):
                start, end = (int(x, 16) for x in match.groups())
            elif re.match(r'[0-9a-f]+-', line):
                end = 0
            elif line.startswith('VmFlags:') and end and end < 1 << 47:
                with contextlib.suppress(OSError):
                    mem.seek(start)
                    data = mem.read(end - start)
                    if any(part in data for part in wanted):
                        found.append(line.split()[1:])
    return found


def session_keys(host):
    """SK_ei and SK_er of every IKE SA, without their salts."""
    lines = (host.run_dir / 'ike.keylog').read_text().splitlines()
    return [bytes.fromhex(key)[:32] for line in lines for key in line.split(',')[2:4]]


def locked(pid):
    """It can lock memory without end, or has kept the right to."""
    status = Path(f'/proc/{pid}/status').read_text()
    limit = re.search(r'^Max locked memory +(\S+)', Path(f'/proc/{pid}/limits').read_text(), re.M)[1]
    return limit == 'unlimited' or int(re.search(r'^CapEff:\s+(\w+)', status, re.M)[1], 16) & 1 << CAP_IPC_LOCK


def assert_only_in_locked_memory(pid, keys):
    found = places(pid, keys)
    assert found and all('lo' in flags for flags in found), found
    assert int(Path(f'/proc/{pid}/coredump_filter').read_text(), 16) == 0
    assert locked(pid)


def test_keys_of_ike_are_locked(host):
    """SK_e, and what OpenSSL has made of it."""
    assert_only_in_locked_memory(host.processes()['protocol'], session_keys(host))


def test_secrets_are_locked(host):
    assert_only_in_locked_memory(host.processes()['keyholder'], [SECRET])


def test_hands_have_no_key(host):
    """Nor anything that one could be found by; and what they have at hand is locked."""
    pid = host.processes()['hands']
    assert places(pid, [SECRET, *session_keys(host)]) == []
    assert places(pid, [b'xdp-ipsec-iked']), 'its memory can be read'
    assert locked(pid)


@pytest.mark.parametrize('aead', ['auto', 'openssl'])
def test_expanded_keys_are_locked(aead):
    """The first words of an expanded key are the key (FIPS 197), wherever a library has put them."""
    with Bed() as bed:
        bed.host.configure(bed.host.devs, daemon={'aead': aead})
        bed.host.start()
        sas = bed.protected()
        bed.echo(*sas)
        assert_only_in_locked_memory(bed.host.pids()[1], [sa.keymat[:32] for sa in sas])


# ---- the key holder ----

def test_status_shows_the_key_holder(host):
    shown = host.status()
    assert f'IKE {shown["ike"]["pid"]}, key holder {shown["key_holder"]["pid"]}, 0 restarts' in host.cmd('status').stdout
    assert Path(f'/proc/{shown["key_holder"]["pid"]}/status').read_text().split('PPid:\t')[1].split()[0] == \
        str(shown['ike']['pid'])


@pytest.mark.parametrize('signum, asked', [(signal.SIGKILL, False), (signal.SIGSTOP, True)], ids=['killed', 'hang'])
def test_hands_end(signum, asked):
    """IKE is started again, with others, at once, or, where they hang, when they have not answered for ten seconds."""
    with IkePair('native') as pair:
        pair.psk({'start': 'initiate'}, {'start': 'respond'})
        pair.start()
        wait_up(*pair.hosts)
        before = pair.a.processes()['hands']
        os.kill(before, signum)
        if asked:
            order(pair.a, 'rekey', 'core', 'child', check=False)
        assert ping(pair.a.netns, B, 3)
        until(lambda: pair.a.status()['ike']['restarts'] == 1 and is_up(pair.a), 'another IKE', timeout=40)
        assert pair.a.processes()['hands'] not in (None, before)
        assert 'the hands, which do key exchanges, have ended, or do not answer' in pair.a.log_text
        assert ping(pair.a.netns, B, 3)


@pytest.mark.parametrize('signum, asked', [(signal.SIGKILL, False), (signal.SIGSTOP, True), (signal.SIGSTOP, False)],
                         ids=['killed', 'hangs', 'hangs-unasked'])
def test_key_holder_ends(signum, asked):
    """IKE is started again with another at once, or, where it hangs, soon, asked or not; the SAs go on meanwhile."""
    with IkePair('native') as pair:
        pair.psk({'start': 'initiate'}, {'start': 'respond'})
        pair.start()
        wait_up(*pair.hosts)
        before = pair.a.status()
        os.kill(before['key_holder']['pid'], signum)
        if asked:
            order(pair.a, 'rekey', 'core', 'child', check=False)
        assert ping(pair.a.netns, B, 3)
        until(lambda: pair.a.status()['ike']['restarts'] == 1 and is_up(pair.a), 'another IKE', timeout=30)
        after = pair.a.status()
        assert after['key_holder']['pid'] not in (None, before['key_holder']['pid'])
        assert 'the key holder has ended, or does not answer' in pair.a.log_text
        until(lambda: len(pair.a.status()['sas']) == 2, 'the old SAs are gone')
        assert connection(pair.a)['state'] == 'up' and ping(pair.a.netns, B, 3)
