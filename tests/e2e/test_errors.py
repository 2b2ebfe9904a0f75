# SPDX-License-Identifier: BSD-2-Clause
"""Each mistake is one clear line on stderr and an exit code, and leaves no half-made state."""
import os
import re
import shutil
import signal

import pytest

from lib.beds.bed import HOST, NIC, PEER, new_sa
from lib.host import COMMAND, Host
from lib.netns import Netns, run, veth
from lib.wait import until


@pytest.fixture
def host():
    """A host with a NIC and no daemon."""
    with Netns('errh') as ns, Netns('errw') as wire:
        veth(ns, NIC, wire, 'wire0')
        ns.ip('addr', 'add', f'{HOST}/24', 'dev', NIC)
        host = Host(ns)
        host.configure([NIC])
        try:
            yield host
        finally:
            host.close()


@pytest.fixture
def running(host):
    host.start()
    yield host


def run_fails(host, *about, code=1):
    """`run` ends by itself with that code and one line that names all of `about`, behind what it may have logged."""
    host.spawn()
    assert host.daemon.wait(timeout=10) == code, host.log_text
    host.daemon = None
    one_line(''.join(line for line in host.log_text.splitlines(True) if line.startswith('xdp-ipsec run:')), about)


def one_line(text, about):
    assert text.count('\n') == 1 and text.startswith('xdp-ipsec'), text
    for word in about:
        assert str(word).lower() in text.lower(), text


def command_fails(host, args, about, code=1):
    done = host.cmd(*args, check=False)
    assert (done.returncode, done.stdout) == (code, ''), done
    one_line(done.stderr, about)


def untouched(host):
    """No TAP, no XDP program, no tc program, no pins, no run directory."""
    assert host.netns.links() == {'lo', NIC}
    link = host.netns.ip('link', 'show', 'dev', NIC).stdout
    assert 'xdp' not in link, link
    assert 'clsact' not in host.netns.run('tc', 'qdisc', 'show', 'dev', NIC).stdout
    assert not host.pins.exists() or not any(host.pins.rglob('*'))
    assert not (host.run_dir / 'control').exists()


# ---- run ----

def test_second_run(running):
    """The first goes on undisturbed."""
    second = running.cmd('run', '-c', running.config, check=False)
    assert second.returncode == 1
    one_line(second.stderr, [running.instance, 'running'])
    assert running.worker_ready()
    running.sa_add(new_sa(PEER, HOST))


def open_files(host, limit):
    """From now on `run` may have so many: SOFT:HARD."""
    host.argv = lambda *args: host.netns.argv('prlimit', f'--nofile={limit}', host.command, '--instance', host.instance, *args)


@pytest.mark.parametrize('limit', [4, 8, 16, 24, 30, 36, 48])
def test_too_few_open_files(host, limit):
    """It is said, and not taken for an old kernel, wherever in the start they come to an end."""
    open_files(host, f'{limit}:{limit}')
    run_fails(host, 'too many open files', "'ulimit -n'")
    assert 'Linux' not in host.log_text


def test_few_open_files_that_may_be_more(host):
    open_files(host, '8:1024')
    host.start()


def test_foreign_xdp_program(host, foreign_program):
    host.netns.run('ip', 'link', 'set', NIC, 'xdpgeneric', 'pinned', foreign_program)
    run_fails(host, NIC, 'xdp')
    assert 'xdp' in host.netns.ip('link', 'show', 'dev', NIC).stdout
    host.netns.ip('link', 'set', NIC, 'xdpgeneric', 'off')
    untouched(host)


@pytest.fixture
def foreign_program(host):
    """An XDP program of somebody else: our own object under another pin will do, for nothing of it is ours."""
    obj, pin = COMMAND.parent / 'bpf' / 'datapath.bpf.o', f'/sys/fs/bpf/{host.instance}-foreign'
    run('bpftool', 'prog', 'loadall', obj, pin)
    yield f'{pin}/xdp_ingress'
    for name in os.listdir(pin):
        os.unlink(f'{pin}/{name}')
    os.rmdir(pin)


@pytest.mark.parametrize('args', [['run', '-c', '/dev/null'], ['attach', NIC], ['sa', 'list'], ['policy', 'flush'], ['status']],
                         ids=lambda a: a[0])
def test_not_root(host, readable_command, args):
    done = run('setpriv', '--reuid=65534', '--regid=65534', '--clear-groups', '--bounding-set=-all', readable_command,
               '--instance', host.instance, *args, check=False)
    assert done.returncode == 1
    one_line(done.stderr, ['root'])


@pytest.fixture
def readable_command(host):
    """The build directory may be where nobody else may look."""
    host.dir.chmod(0o755)
    path = host.dir / 'xdp-ipsec'
    path.write_bytes(COMMAND.read_bytes())
    path.chmod(0o755)
    return path


@pytest.mark.parametrize('text, about', [
    ('[interface nic0]\nmode = fast\n', [':2', 'fast']),
    ('[interface nic0]\n\nspeed = 9\n', [':3', 'speed']),
    ('[interface nic0]\nqueues = 0\n', [':2', 'queues']),
    ('[interface nic0]\nqueues = many\n', [':2', 'many']),
    ('[interface nic0]\nmode\n', [':2']),
    ('mode = auto\n', [':1']),
    ('[daemon]\nunknown-spi = maybe\n', [':2', 'maybe']),
    ('[daemon]\nmark = 0\n', [':2', 'mark']),
    ('[interface nic0]\n\n[interface nic0]\n', [':3', 'nic0']),
    ('[nic nic0]\nmode = auto\n', [':1', 'nic']),
    ('[interface lo]\nmode = auto\n', ['lo', 'loopback']),
    ('[interface a-name-that-is-too-long]\nmode = auto\n', ['a-name-that-is-too-long']),
], ids=['mode', 'unknown-key', 'queues-0', 'queues-word', 'no-value', 'no-section', 'unknown-spi', 'mark-0',
        'interface-twice', 'unknown-section', 'loopback', 'long-name'])
def test_bad_configuration(host, text, about):
    host.config.write_text(text)
    run_fails(host, *about)
    untouched(host)
    done = host.cmd('check', '-c', host.config, check=False)
    assert done.returncode == 1
    one_line(done.stderr, [])
    assert all(str(word).lower() in (done.stdout + done.stderr).lower() for word in about)


def test_no_control_socket(host):
    """What nobody could talk to is not attached either."""
    (host.run_dir / 'control/something').mkdir(parents=True)
    run_fails(host, 'control')
    shutil.rmtree(host.run_dir)
    untouched(host)


def test_missing_configuration(host):
    host.config.unlink()
    run_fails(host, host.config)
    untouched(host)


def test_check_is_a_dry_run(host):
    done = host.cmd('check', '-c', host.config)
    assert NIC in done.stdout and done.stderr == ''
    untouched(host)


def test_more_queues_than_the_nic_has(host):
    host.configure([NIC], queues=7)
    run_fails(host, NIC, 'queue')
    untouched(host)


# ---- without a daemon ----

@pytest.mark.parametrize('args', [['sa', 'list'], ['sa', 'flush'], ['policy', 'list'], ['status'], ['attach', NIC]],
                         ids=lambda a: '-'.join(a))
def test_no_daemon(host, args):
    command_fails(host, args, ['run'], 3 if args == ['status'] else 1)
    untouched(host)


# ---- usage ----

USAGE = {
    'nothing': [],
    'unknown-command': ['frobnicate'],
    'half-a-command': ['sa'],
    'unknown-subcommand': ['sa', 'frobnicate'],
    'unknown-word': ['status', 'loudly'],
    'missing-words': ['sa', 'add', 'src', HOST],
    'word-twice': ['sa', 'add', 'src', HOST, 'src', HOST],
    'value-missing': ['policy', 'add', 'dst'],
    'instance-missing': ['--instance'],
}


# What those who come from ipsec(8), swanctl, wg or `ip xfrm` type, and who knows the words but not their order.
HABITS = {
    'up': "'xdp-ipsec run' starts the daemon",
    'up core': "'xdp-ipsec connection initiate NAME'",
    'stop': 'the gate stays closed until',
    'restart': "'xdp-ipsec reload'",
    'state list': "'xdp-ipsec sa add'",
    'ca': "'xdp-ipsec pki ca'",
    'conn': "'xdp-ipsec connection list'",
    '-c x.conf run': "'xdp-ipsec run -c FILE'",
    'connection up core': 'connection has list, initiate, terminate, rekey',
    'conection list': "did you mean 'connection list'?",
    'sa lst': "did you mean 'sa list'?",
    'add sa src 192.0.2.1': "did you mean 'sa add'?",
    'list policy': "did you mean 'policy list'?",
    'Status': "did you mean 'status'?",
    'run x.conf': "did you mean '-c x.conf'?",
    'policy add dst 192.0.2.2 protect': "did you mean 'action protect'?",
    'policy add dst 192.0.2.2 dir out': 'a policy acts both ways',
    'policy add 192.0.2.2': 'it has dst PREFIX',
    'sa add src 192.0.2.1 key 0xabcdef': "'key-file FILE'",
    'explain 192.0.2.1 host2': 'names are not looked up',
    'explain 192.0.2.1 192.0.2.2 179': 'give tcp, with port 179, or udp',
    'explain 192.0.2.1 192.0.2.2 ssh': 'give tcp, with port 22',
    'explain 192.0.2.1 192.0.2.2 tcp/179': 'its port as the next word',
    'policy add dst 192.0.2.2 proto 179 action protect': 'give tcp, with port 179, or udp',
}


@pytest.mark.parametrize('line, about', HABITS.items(), ids=HABITS.keys())
def test_habits(line, about):
    done = run(COMMAND, *line.split(), check=False)
    assert (done.returncode, done.stdout) == (2, '')
    one_line(done.stderr, [about, 'help'])
    assert 'abcdef' not in done.stderr


@pytest.mark.parametrize('args', USAGE.values(), ids=USAGE.keys())
def test_usage(args):
    done = run(COMMAND, *args, check=False)
    assert (done.returncode, done.stdout) == (2, '')
    one_line(done.stderr, ['help'])


@pytest.mark.parametrize('args', [['--help'], ['help'], ['help', 'sa', 'add'], ['sa', 'add', '--help'], ['-V']])
def test_help(args):
    done = run(COMMAND, *args)
    assert done.stdout and not done.stderr


@pytest.mark.parametrize('name', ['../x', 'a/b', '.hidden', '', 'x' * 40], ids=['up', 'slash', 'dot', 'empty', 'long'])
def test_instance_names(name):
    """They become part of paths. Empty means default, as an unset variable does."""
    done = run(COMMAND, '--instance', name, 'sa', 'list', check=False)
    assert done.returncode == 1
    one_line(done.stderr, ['instance'] if name else ['run'])


# ---- words whose values make no sense (2: a usage error), and things that are refused (1) ----

def sa_words(**changes):
    words = {'src': PEER, 'dst': HOST, 'spi': '0x1000', 'key-file': 'KEY', **changes}
    return ['sa', 'add', *(w for pair in words.items() for w in pair)]


BAD_SAS = {
    'spi-0': ({'spi': '0'}, ['spi'], 1),
    'spi-reserved': ({'spi': '255'}, ['0x000000ff'], 1),
    'spi-word': ({'spi': 'abc'}, ['abc'], 2),
    'spi-33-bits': ({'spi': '0x100000000'}, ['0x100000000'], 2),
    'address': ({'src': '192.0.2'}, ['192.0.2'], 2),
    'ipv6': ({'src': '2001:db8::1'}, ['2001:db8::1'], 2),
    'loopback': ({'src': '127.0.0.1'}, ['127.0.0.1'], 1),
    'loopback-dst': ({'dst': '127.0.0.2'}, ['127.0.0.2'], 1),
    'multicast': ({'src': '224.0.0.5'}, ['224.0.0.5'], 1),
    'neither-is-local': ({'dst': '192.0.2.99'}, ['192.0.2.99'], 1),
    'esn-maybe': ({'esn': 'maybe'}, ['maybe'], 2),
    'window-63': ({'replay-window': '63'}, ['63', '64'], 2),
    'window-8193': ({'replay-window': '8193'}, ['8193', '8192'], 2),
    'seq-word': ({'seq': '-1'}, ['-1'], 2),
    'seq-33-bits-no-esn': ({'esn': 'off', 'seq': '0x100000000'}, ['seq'], 2),
    'selector': ({'sel': 'udp/70000'}, ['udp/70000'], 2),
    'selector-gre-port': ({'sel': 'gre/8'}, ['gre/8', 'has no ports'], 2),
    'selector-esp': ({'sel': 'esp'}, ['esp'], 1),
    'dev': ({'dev': 'nic7'}, ['nic7'], 1),
}


@pytest.fixture(scope='module')
def shared_running():
    with Netns('ersh') as ns, Netns('ersw') as wire:
        veth(ns, NIC, wire, 'wire0')
        ns.ip('addr', 'add', f'{HOST}/24', 'dev', NIC)
        host = Host(ns)
        host.configure([NIC])
        try:
            host.start()
            yield host
        finally:
            host.close()


@pytest.mark.parametrize('changes, about, code', BAD_SAS.values(), ids=BAD_SAS.keys())
def test_bad_sa(shared_running, changes, about, code):
    host, sa = shared_running, new_sa(PEER, HOST)
    command_fails(host, sa_words(**{'key-file': str(host.key_file(sa)), **changes}), about, code)
    assert not host.status()['sas']


def test_another_instance_runs(shared_running):
    """Who has forgotten --instance is told that it was."""
    for args in ['sa', 'list'], ['reload']:
        done = run(COMMAND, '--instance', f'{shared_running.instance}x', *args, check=False)
        assert done.returncode == 1
        one_line(done.stderr, ["give '--instance NAME' for one that runs (", 'run'])


def test_sa_that_no_policy_needs(shared_running):
    """It is added, and protects nothing: which is said, until a policy does."""
    host, note = shared_running, f"'policy add dst {PEER} action protect'"
    for sa in new_sa(PEER, HOST), new_sa(HOST, PEER):
        assert note in host.sa_add(sa).stderr
    host.cmd('policy', 'add', 'dst', PEER, 'src', HOST, 'proto', 'tcp', 'action', 'protect')
    assert not host.sa_add(new_sa(HOST, PEER)).stderr
    host.cmd('policy', 'flush')
    host.cmd('sa', 'flush')


@pytest.mark.parametrize('mode', [0o644, 0o640, 0o604])
def test_key_file_others_can_read(shared_running, mode):
    host, sa = shared_running, new_sa(PEER, HOST)
    path = host.key_file(sa, mode)
    command_fails(host, sa_words(**{'key-file': path}), [path])
    assert not host.status()['sas']


KEYS = {
    'short': 'ab' * 35,
    'long': 'ab' * 37,
    'not-hex': 'xy' * 36,
    'empty': '',
    'two-lines': 'ab' * 36 + '\n' + 'ab' * 36,
    'binary': '\0' * 72,
}


@pytest.mark.parametrize('text', KEYS.values(), ids=KEYS.keys())
def test_bad_key(shared_running, text):
    """The line never shows what was read."""
    host, sa = shared_running, new_sa(PEER, HOST)
    path = host.key_file(sa)
    path.write_text(text)
    done = host.cmd(*sa_words(**{'key-file': path}), check=False)
    assert done.returncode == 1
    one_line(done.stderr, [path, '72'])
    assert 'abab' not in done.stderr and 'xyxy' not in done.stderr


def test_key_file_missing(shared_running):
    command_fails(shared_running, sa_words(**{'key-file': '/nonexistent/key'}), ['/nonexistent/key'])


def test_key_from_stdin(shared_running):
    host, sa = shared_running, new_sa(PEER, HOST)
    host.cmd(*sa_words(**{'key-file': '-', 'spi': hex(sa.spi)}), input=sa.keymat.hex() + '\n')
    assert host.sa_status(sa.spi)
    host.cmd('sa', 'del', 'spi', hex(sa.spi), 'dst', HOST)


def test_same_sa_twice(shared_running):
    host, sa = shared_running, new_sa(PEER, HOST)
    host.sa_add(sa)
    done = host.sa_add(sa, check=False)
    assert done.returncode == 1
    one_line(done.stderr, [f'{sa.spi:#010x}'])
    host.cmd('sa', 'flush')


def test_delete_what_is_not_there(shared_running):
    command_fails(shared_running, ['sa', 'del', 'spi', '0x1234', 'dst', HOST], ['0x00001234'])
    command_fails(shared_running, ['sa', 'show', 'spi', '0x1234'], ['0x00001234'])
    command_fails(shared_running, ['policy', 'del', 'dst', PEER], [PEER])


BAD_POLICIES = {
    'prefix': (['dst', '192.0.2.0/33', 'action', 'protect'], ['192.0.2.0/33'], 2),
    'host-bits': (['dst', '192.0.2.7/24', 'action', 'protect'], ['192.0.2.7/24'], 2),
    'action': (['dst', PEER, 'action', 'permit'], ['permit'], 2),
    'port-without-protocol': (['dst', PEER, 'dport', '5', 'action', 'protect'], ['proto'], 2),
    'port-of-icmp': (['dst', PEER, 'proto', 'icmp', 'dport', '5', 'action', 'protect'], ['icmp'], 2),
    'port': (['dst', PEER, 'proto', 'udp', 'dport', '65536', 'action', 'protect'], ['65536'], 2),
    'protocol': (['dst', PEER, 'proto', '256', 'action', 'protect'], ['256'], 2),
    'esp': (['dst', PEER, 'proto', 'esp', 'action', 'protect'], ['esp'], 1),
    'loopback': (['dst', '127.0.0.0/8', 'action', 'protect'], ['127.0.0.0/8'], 1),
    'ipv6': (['dst', '::1', 'action', 'protect'], ['::1'], 2),
}


@pytest.mark.parametrize('words, about, code', BAD_POLICIES.values(), ids=BAD_POLICIES.keys())
def test_bad_policy(shared_running, words, about, code):
    command_fails(shared_running, ['policy', 'add', *words], about, code)


# ---- attach and detach ----

def test_attach_and_detach(running):
    with Netns('errx') as other:
        veth(running.netns, 'nic1', other, 'wire1')
        running.cmd('attach', 'nic1', 'mode', 'generic')
        modes = {i['name']: i['mode'] for i in running.status()['interfaces']}
        assert modes == {NIC: 'native', 'nic1': 'generic'}
        until(running.worker_ready, 'the worker with both NICs')
        running.cmd('detach', 'nic1')
        assert [i['name'] for i in running.status()['interfaces']] == [NIC]
        assert 'xdp' not in running.netns.ip('link', 'show', 'dev', 'nic1').stdout
        running.netns.ip('link', 'del', 'nic1')


def test_attach_errors(shared_running):
    command_fails(shared_running, ['attach', 'nic7'], ['nic7'])
    command_fails(shared_running, ['attach', 'lo'], ['lo', 'loopback'])
    command_fails(shared_running, ['attach', NIC], [NIC])
    command_fails(shared_running, ['detach', 'nic7'], ['nic7'])


def test_nic_that_comes_back_too_large(host):
    """It is not attached, and those that are do not notice, whatever else happens to it."""
    with Netns('errx') as other:
        veth(host.netns, 'nic1', other, 'wire0')
        host.configure([NIC, 'nic1'])
        host.start()
        host.netns.ip('link', 'del', 'nic1')
        until(lambda: 'nic1: is gone' in host.log_text and host.worker_ready(), 'the worker without it')
        worker = host.status()['worker']
        host.netns.ip('link', 'add', 'nic1', 'mtu', 9500, 'type', 'veth', 'peer', 'name', 'far')
        until(lambda: 'nic1: is back, but cannot be attached' in host.log_text, 'the attempt')
        host.netns.ip('link', 'set', 'nic1', 'up')
        until(lambda: host.log_text.count('cannot be attached') > 1, 'another attempt')
        assert host.status()['worker'] == worker


def test_nic_that_comes_back_to_another_run(running):
    """It was attached by command; who starts without it waits for it."""
    with Netns('errx') as other:
        veth(running.netns, 'nic1', other, 'wire0')
        running.cmd('attach', 'nic1')
        assert running.stop(signal.SIGKILL) == -signal.SIGKILL
        running.netns.ip('link', 'del', 'nic1')
        running.start()
        veth(running.netns, 'nic1', other, 'wire0')
        until(lambda: 'prog/xdp' in running.netns.ip('link', 'show', 'dev', 'nic1').stdout, 'it is attached')
        running.cmd('detach', 'nic1')


def test_attach_too_large_mtu(running):
    with Netns('errx') as other:
        veth(running.netns, 'nic1', other, 'wire1', mtu=9217)
        command_fails(running, ['attach', 'nic1'], ['nic1', '9217', "'ip link set dev nic1 mtu 9216'"])
        for netns, dev in ((running.netns, 'nic1'), (other, 'wire1')):
            netns.ip('link', 'set', dev, 'mtu', 9216)
        running.cmd('attach', 'nic1')
        assert running.status()['interfaces'][1]['mtu'] == 9216


def test_end_and_detach_leave_nothing(running):
    assert running.stop(signal.SIGTERM) == 0
    running.cmd('detach', NIC)
    untouched(running)


def test_run_after_everything(running):
    """End, detach, and again: nothing left behind is in the way."""
    for _ in range(2):
        assert running.stop(signal.SIGTERM) == 0
        running.cmd('detach', NIC)
        running.start()


@pytest.mark.parametrize('typed, meant', [
    (['statsu'], 'status'), (['explian'], 'explain'), (['polic', 'lst'], 'policy list'), (['hlep'], 'help'),
    (['--verison'], '--version'), (['--instanse', 'a', 'status'], '--instance'), (['status', '--jsno'], '--json'),
    (['policy', 'add', 'dts', PEER], 'dst')])
def test_nearest_word(bed, typed, meant):
    done = bed.host.cmd(*typed, check=False)
    assert done.returncode == 2 and f"did you mean '{meant}'?" in done.stderr and done.stderr.count('\n') == 1


@pytest.mark.parametrize('typed', [['xyzzy'], ['policy', 'add', 'xyzzy', PEER]])
def test_no_word_is_near(bed, typed):
    assert 'did you mean' not in bed.host.cmd(*typed, check=False).stderr


def test_short_and_other_words(bed):
    """As in iproute2; but what opens a gate, or could be two, is to be spelt out."""
    bed.host.policy_add(PEER)
    listed = bed.host.cmd('policy', 'list').stdout
    for words in (['policy', 'show'], ['policy', 'ls'], ['pol', 'l'], ['pol', 'show']):
        assert bed.host.cmd(*words).stdout == listed
    for words in (['det', NIC], ['policy', 'f'], ['pol', 'flu'], ['de', NIC], ['policy', ''], ['c']):
        assert bed.host.cmd(*words, check=False).returncode == 2
    assert bed.host.cmd('policy', 'list').stdout == listed
    bed.host.cmd('policy', 'delete', 'dst', PEER)
    assert bed.host.cmd('policy', 'list').stdout == ''
    for words in (['help'], ['help', 'help'], ['policy', 'add', 'help']):
        assert 'usage:' in bed.host.cmd(*words).stdout
    assert 'policy flush' in bed.host.cmd('policy', 'help').stdout
    # A second may have begun in between.
    shown, listed = (re.sub(r'\b\d+s\b', 'age', bed.host.cmd('sa', word).stdout) for word in ('show', 'list'))
    assert shown == listed and 'age' in listed
