# SPDX-License-Identifier: BSD-2-Clause
"""
Where the daemon is started: without a BPF file system, hidden from the host's, in a container, with a file system that
cannot be written, with less than all of root's rights. It works there, or says what it lacks.
"""
import os
import re
import signal
import subprocess
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from lib.beds.bed import HOST, NIC, PEER, new_sa
from lib.beds.ike import order, put, wait_up
from lib.beds.pair import A
from lib.beds.place import BPFFS, LESS_THAN_INIT, NO_BPFFS, Place, PlacedHost, children_of
from lib.host import BUILD, COMMAND, Host
from lib.netns import Netns, run, veth
from lib.wait import until

ROOT = Path(__file__).resolve().parents[2]
SERVICE_ID = 0x78697073
PRIVATE = 'THE GATE OPENS WHEN THE NAMESPACE ENDS'
CAP_IPC_LOCK, CAP_SYS_RESOURCE = 1 << 14, 1 << 24


@pytest.fixture
def ns():
    with Netns('place') as host, Netns('placew') as wire:
        veth(host, NIC, wire, 'wire0')
        host.ip('addr', 'add', f'{HOST}/24', 'dev', NIC)
        yield host


@pytest.fixture
def placed(ns):
    """Makes hosts in places, and takes them down."""
    with ExitStack() as undo:
        def make(prepare=NO_BPFFS, lacks=(), within=()):
            place = undo.enter_context(Place(ns, prepare, lacks))
            host = PlacedHost(place, within)
            undo.callback(host.close)
            host.configure([NIC])
            return host
        yield make


def works(host):
    """SAs and policies are taken, and the worker is there for them."""
    host.start()
    host.policy_add(PEER)
    host.sa_add(new_sa(HOST, PEER))
    assert len(host.status()['sas']) == 1


def pins(host):
    """The links of its gate, in the place's own view of its BPF file system."""
    return sorted(p.name for p in host.netns.root(f'/sys/fs/bpf/xdp-ipsec/{host.instance}/links').glob('*'))


def bpffs(host):
    return host.status()['bpffs']


def refused(host, *words):
    """`run` ends with one line that has the words."""
    host.spawn()
    assert host.daemon.wait(timeout=10) == 1
    host.daemon = None
    said = [line for line in host.log_text.splitlines() if line.startswith('xdp-ipsec run: ')]
    assert len(said) == 1
    for word in words:
        assert word in said[0]


# ---- the BPF file system ----

@pytest.mark.parametrize('lacks', [(), LESS_THAN_INIT], ids=['init', 'init-denied'])
def test_none_is_mounted(placed, lacks):
    """Here it is a container's, so it is mounted, but ends with it: that is said, also by what is left behind."""
    host = placed(lacks=lacks)
    works(host)
    assert bpffs(host) == {'path': '/sys/fs/bpf', 'private': True}
    assert host.netns.root('/sys/fs/bpf').stat().st_mode & 0o777 == 0o700
    assert PRIVATE in host.log_text
    assert PRIVATE in host.cmd('status').stdout
    assert host.stop() == 0
    assert pins(host) == [f'{NIC}-egress', f'{NIC}-xdp']
    assert 'stays blocked only until this mount namespace ends' in host.log_text
    said = host.cmd('status', check=False).stdout
    assert 'stays blocked only until this mount namespace ends' in said and PRIVATE in said


def test_it_is_mounted_once(placed):
    """Whoever looks while `run` begins may be the first to mount it; a second one on top would hide what `run` pins."""
    host = placed()
    for _ in range(5):
        host.spawn()
        looking = [subprocess.Popen(host.argv('status'), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
                   for _ in range(8)]
        host.wait_ready()
        for status in looking:
            status.wait(timeout=10)
        mounts = host.netns.sh('cat /proc/self/mountinfo').stdout.splitlines()
        assert len([mount for mount in mounts if ' /sys/fs/bpf ' in mount]) == 1
        assert host.stop() == 0
        host.netns.sh('umount /sys/fs/bpf')


def test_one_is_there(placed):
    """The container was given it: it is the host's, and nothing is to be said."""
    host = placed(BPFFS)
    works(host)
    assert bpffs(host) == {'path': '/sys/fs/bpf', 'private': False}
    assert host.stop() == 0
    assert 'WHEN THE NAMESPACE ENDS' not in host.log_text + host.cmd('status', check=False).stdout
    assert 'stays blocked: ' in host.log_text


def hide(ns):
    """What hides the host's /sys/fs/bpf from the daemon."""
    unshare = ['unshare', '--mount', 'sh', '-c']
    return {'netns-exec': ['ip', 'netns', 'exec', ns.name],
            'unshare': [*unshare, 'umount /sys/fs/bpf 2>/dev/null; "$@"; exit $?', '-'],
            'unshare-and-mount': [*unshare, 'mount -t bpf bpf /sys/fs/bpf && "$@"; exit $?', '-']}


@pytest.mark.parametrize('how', ['netns-exec', 'unshare'])
@pytest.mark.parametrize('lacks', [(), LESS_THAN_INIT], ids=['init', 'init-denied'])
def test_hidden(placed, ns, lacks, how):
    """The host's is used, and the gate is closed when the daemon and its mount namespace are gone."""
    host = placed(BPFFS, lacks, hide(ns)[how])
    works(host)
    assert bpffs(host)['private'] is False
    assert host.stop() == 0
    assert 'stays blocked: ' in host.log_text and 'WHEN THE NAMESPACE ENDS' not in host.log_text
    assert pins(host) == [f'{NIC}-egress', f'{NIC}-xdp']
    assert 'NOT RUNNING' in host.cmd('status', check=False).stdout


@pytest.mark.parametrize('lacks', [(), LESS_THAN_INIT], ids=['init', 'init-denied'])
def test_hidden_and_none_is_mounted(placed, ns, lacks):
    """It is mounted where it does not end with `ip netns exec`."""
    host = placed(lacks=lacks, within=hide(ns)['netns-exec'])
    works(host)
    assert host.stop() == 0
    assert pins(host) == [f'{NIC}-egress', f'{NIC}-xdp']


@pytest.mark.parametrize('how', ['unshare', 'unshare-and-mount'])
def test_hidden_and_the_host_is_denied(placed, ns, how):
    """Nobody may go into the host's namespace, so one is mounted here, or is here already, and goes with us."""
    host = placed(lacks=[*LESS_THAN_INIT, 'sys_chroot'], within=hide(ns)[how])
    host.spawn()
    until(lambda: 'is ready' in host.log_text, 'the worker is ready')
    for command in 'status', 'metrics':
        done = host.cmd(command, check=False)
        assert done.returncode == 1 and not done.stdout, 'it runs, and is not told to be not running'
        assert 'runs in another mount namespace' in done.stderr
        assert re.search(rf"'nsenter --mount --target \d+ xdp-ipsec {command}'", done.stderr)
    host.within, (host.netns.init,) = [], host.processes('xdp-ipsec')
    assert bpffs(host)['private'] is True
    assert PRIVATE in host.cmd('status').stdout
    host.netns.init, = children_of(host.netns.unshare.pid)
    assert host.stop() == 0
    assert PRIVATE in host.log_text and 'stays blocked only until' in host.log_text
    assert not host.netns.root('/sys/fs/bpf/xdp-ipsec').exists()


class NetnsExecHost(Host):
    def argv(self, *args):
        return ['ip', 'netns', 'exec', self.netns.name, *map(str, [self.command, '--instance', self.instance, *args])]


def test_ip_netns_exec(ns):
    """On this machine as it is: whoever may be looked at, it finds the way out of `ip netns exec`."""
    host = NetnsExecHost(ns)
    try:
        host.configure([NIC])
        works(host)
        assert host.stop() == 0
        assert sorted(p.name for p in (host.pins / 'links').glob('*')) == [f'{NIC}-egress', f'{NIC}-xdp']
    finally:
        host.close()


def test_none_is_mounted_and_none_may_be(placed):
    refused(placed(lacks=['sys_admin']), 'no BPF file system', 'Operation not permitted', 'this root lacks CAP_SYS_ADMIN')


def test_ancestor_ends(placed, ns):
    """Its children are started again and find the maps, though whoever showed the way to them is gone."""
    host = placed(BPFFS, LESS_THAN_INIT, hide(ns)['unshare'])
    put(host, 'psk', 'secret\n')
    host.config.write_text(f'[interface {NIC}]\n[connection c]\nlocal = {HOST}\nremote = {PEER}\n'
                           'auth = psk\npsk-file = psk\nstart = respond\n')
    host.start()
    status = host.status()
    shell, *_ = host.tree()
    supervisor, = host.processes('xdp-ipsec')
    os.kill(shell, signal.SIGKILL)
    for pid in children_of(supervisor):
        os.kill(pid, signal.SIGKILL)

    def restarted():
        now = host.worker_ready()
        return now and now['ike']['restarts'] == 1 and now['ike']['pid'] and now['worker']['restarts'] == 1
    until(restarted, 'worker and IKE are there again')
    until(lambda: host.log_text.count('is ready: 1 connection') == 2, 'IKE is ready again')
    assert status['bpffs']['path'].startswith('/proc/')
    os.kill(supervisor, signal.SIGTERM)
    until(lambda: not Path(f'/proc/{supervisor}/exe').exists(), 'it has ended')
    assert pins(host) == [f'{NIC}-egress', f'{NIC}-xdp']


# ---- file systems ----

TMP = {
    'read-only': 'mount -t tmpfs -o ro tmpfs /tmp',
    'full': 'mount -t tmpfs -o nr_inodes=1 tmpfs /tmp',
    'none': 'mount --bind /dev/null /tmp || mount -t tmpfs -o ro,mode=000 tmpfs /tmp',
}


@contextmanager
def moved(pair, prepare):
    """The first host of the pair, in a place that has been prepared, its files and programs in /mnt."""
    old = pair.a
    old.own_programs()
    old.command = COMMAND
    with Place(old.netns, f'{BPFFS}; mount --bind {old.dir} /mnt; {prepare}') as place:
        host = PlacedHost(place)
        host.config.parent.rmdir()
        host.log, host.config, host.dir = old.log, Path('/mnt/xdp-ipsec.conf'), old.dir
        host.command = '/mnt/programs/xdp-ipsec'
        pair.hosts[0] = pair.a = host
        try:
            yield host
        finally:
            host.close()


@pytest.mark.parametrize('tmp', TMP)
def test_tmp(native, tmp):
    """IKE needs no place to write to."""
    native.psk()
    with moved(native, TMP[tmp]):
        native.start()
        order(native.a, 'initiate', 'core')
        wait_up(*native.hosts)
        native.b.netns.run('ping', '-n', '-c', 1, '-W', 2, A)


@pytest.mark.parametrize('run', ['mount -t tmpfs -o ro tmpfs /run', 'mount -t tmpfs -o nr_inodes=1 tmpfs /run'],
                         ids=['read-only', 'full'])
def test_run_dir(placed, run):
    refused(placed(f'{BPFFS}; {run}'), '/run/xdp-ipsec: ', "'mount -t tmpfs tmpfs /run'")


@pytest.mark.parametrize('gone, about', [('/proc', "'mount -t proc proc /proc'"), ('/sys', "'mount -t sysfs sysfs /sys'")])
def test_kernel_file_systems(placed, gone, about):
    refused(placed(f'mount -t tmpfs tmpfs {gone}'), f'{gone}', about)


def test_installed_in_a_minimal_root(placed, tmp_path):
    """From the installed tree alone, in a root that has the programs, the C library and what a container is given."""
    run('make', '-C', ROOT, f'BUILD={BUILD}', f'DESTDIR={tmp_path}/tree', 'PREFIX=/opt/ipsec', 'install')
    tree = f'{tmp_path}/tree'
    host = placed(f'''{NO_BPFFS}
        mkdir -p {tree}/usr {tree}/etc {tree}/tmp {tree}/dev/net {tree}/proc {tree}/sys {tree}/run {tree}{BUILD} {tree}/old
        for d in bin sbin lib lib64; do [ ! -L /$d ] || ln -s usr/$d {tree}/$d; done
        mount --bind {tree} {tree}; mount --bind /usr {tree}/usr
        mount -t tmpfs -o ro tmpfs {tree}/tmp; mount -t tmpfs tmpfs {tree}/run; mount -t proc proc {tree}/proc
        mount -t sysfs sysfs {tree}/sys; mknod {tree}/dev/net/tun c 10 200; mknod {tree}/dev/null c 1 3
        cp /etc/ld.so.cache {tree}/etc
        cd {tree}; pivot_root . old; umount -l old''')
    host.command = '/opt/ipsec/sbin/xdp-ipsec'
    config, key = host.config, host.key_file
    put_there(host, '/etc/xdp-ipsec.conf', config.read_text())
    host.config = '/etc/xdp-ipsec.conf'
    host.key_file = lambda sa: put_there(host, '/etc/key', key(sa).read_text())
    works(host)
    worker, = host.processes('xdp-ipsec-worker')
    assert os.readlink(f'/proc/{worker}/exe') == '/opt/ipsec/libexec/xdp-ipsec/xdp-ipsec-worker'


def put_there(host, path, text):
    host.netns.sh(f'umask 077; cat >{path}', input=text)
    return path


# ---- rights ----

def test_user_namespace(placed):
    host = placed(BPFFS, within=['unshare', '--user', '--map-root-user', '--mount', '--net'])
    refused(host, 'Operation not permitted', 'not permitted in a user namespace')
    said = host.cmd('check', '-c', host.config, check=False).stdout
    assert re.search(r'^privileges +warn +not permitted in a user namespace', said, re.M)


@pytest.mark.parametrize('cap, line', [
    ('setuid', 'cannot give up privileges: this root lacks CAP_SETUID'),
    ('ipc_lock', "'ulimit -l'"),
])
def test_worker_lacks(placed, cap, line):
    """Without CAP_SYS_RESOURCE no limit can be raised, either."""
    host = placed(f'{BPFFS}; ulimit -l 4096', [cap, 'sys_resource'])
    host.spawn()
    until(lambda: 'xdp-ipsec-worker: ' in host.log_text, 'the worker says why')
    assert line in next(s for s in host.log_text.splitlines() if s.startswith('xdp-ipsec-worker: '))


def test_no_socket_for_the_worker(placed):
    """The supervisor makes them. It says why it cannot, and tries again."""
    host = placed(BPFFS, ['net_raw', 'sys_resource'])
    host.spawn()
    until(lambda: 'AF_XDP: Operation not permitted: this root lacks CAP_NET_RAW' in host.log_text, 'the reason')


def test_supervisor_cannot_end_its_children(placed):
    """They are another user's: they would go on without it."""
    host = placed(BPFFS, ['kill'])
    host.spawn()
    until(lambda: 'this root lacks CAP_KILL, without which worker and IKE would outlive it' in host.log_text, 'the reason')
    until(lambda: not host.processes('xdp-ipsec'), 'the end')


def test_ike_cannot_lock(native):
    """It says so, of each of its processes, and goes on: the page on which keys are handed over is small enough."""
    native.psk()
    with moved(native, 'ulimit -l 4096') as host:
        host.netns.lacks = ['ipc_lock', 'sys_resource']
        host.spawn()
        until(lambda: 'is ready: 1 connection' in host.log_text, 'IKE is ready')
        for process in 'protocol process', 'key holder':
            assert f'xdp-ipsec-iked: {process}: its memory cannot be locked' in host.log_text


def status_of(pid):
    return dict(line.split(':\t', 1) for line in Path(f'/proc/{pid}/status').read_text().splitlines())


def users(passwd):
    """The passwd file of the place, and who the processes are with it."""
    return f'{BPFFS}; echo "{passwd}" >/mnt/passwd; mount --bind /mnt/passwd /etc/passwd'


@pytest.mark.parametrize('passwd, uid, gid', [
    ('root:x:0:0::/root:/bin/sh', SERVICE_ID, SERVICE_ID),
    ('xdp-ipsec:x:4242:4243::/:/bin/false', 4242, 4243),
], ids=['fixed', 'passwd'])
@pytest.mark.parametrize('lacks', [(), ['sys_resource']], ids=['all', 'no-sys-resource'])
def test_who_they_are(native, passwd, uid, gid, lacks):
    """A user of their own, no rights but to lock their memory where no limit can be raised, no files."""
    can_raise = not lacks and int(status_of('self')['CapEff'], 16) & CAP_SYS_RESOURCE
    kept = 0 if can_raise else CAP_IPC_LOCK
    native.psk()
    with moved(native, users(passwd)) as host:
        host.netns.lacks = lacks
        host.start()
        ike = host.processes('xdp-ipsec-iked')      # the protocol process, the key holder, the hands
        assert len(ike) == 3
        worker, = host.processes('xdp-ipsec-worker')
        for pid in (worker, *ike):
            s = status_of(pid)
            assert set(s['Uid'].split()) == {str(uid)} and set(s['Gid'].split()) == {str(gid)}
            assert not s['Groups'].strip()
            assert int(s['CapEff'], 16) == int(s['CapPrm'], 16) == kept
            assert int(s['CapBnd'], 16) == int(s['CapInh'], 16) == int(s['CapAmb'], 16) == 0
            assert s['NoNewPrivs'] == '1' and s['Seccomp'] == '2'
        for pid in ike:
            with pytest.raises((FileNotFoundError, ProcessLookupError)):
                os.listdir(f'/proc/{pid}/root/')
        assert all(int(status_of(pid)['VmLck'].split()[0]) > 1000 for pid in (worker, *ike))
        assert 'cannot be locked' not in host.log_text


def test_root_is_no_service_user(native):
    native.psk()
    with moved(native, users('xdp-ipsec:x:0:0::/:/bin/sh')) as host:
        host.spawn()
        assert host.daemon.wait(timeout=10) == 1
        host.daemon = None
        assert 'user xdp-ipsec is root' in host.log_text
