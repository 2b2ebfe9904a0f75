# SPDX-License-Identifier: BSD-2-Clause
"""What is installed, and how a shell helps to type it."""
import os
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from lib.beds.ike import IkePair
from lib.beds.pair import NIC, B, Pair
from lib.bpf_programs import SCHED_CLS, program, put_filter
from lib.host import BUILD, COMMAND, is_dead
from lib.netns import run
from lib.pki import Ca, pem
from lib.screen import Screen
from lib.traffic import ping
from lib.wait import until

ROOT = Path(__file__).resolve().parents[2]
COMPLETION = ROOT / 'packaging/completion'


def need(program):
    if not shutil.which(program):
        pytest.skip(f'no {program} here')


# ---- completion ----

def in_bash(*words):
    """What bash offers for the last word, by its own functions."""
    script = f'''. {COMPLETION}/xdp-ipsec.bash
        COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _xdp_ipsec; printf '%s\\n' "${{COMPREPLY[@]}}"'''
    return run('bash', '-c', script, 'bash', COMMAND, *words).stdout.split('\n')[:-1]


def test_completion():
    """Commands, their words, and the values that are words; what was given is not offered again."""
    assert {'run', 'sa', 'policy', 'connection', 'status', 'help'} <= set(in_bash(''))
    assert in_bash('stat') == ['status']
    assert set(in_bash('sa', '')) >= {'add', 'list', 'show', 'del', 'flush'}
    assert in_bash('attach', 'eth0', 'mode', '') == ['auto', 'native', 'generic']
    assert in_bash('attach', 'eth0', 'mode', 'nat') == ['native']
    assert 'mode' not in in_bash('attach', 'eth0', 'mode', 'auto', '') and 'queues' in in_bash('attach', 'eth0', '')
    assert in_bash('policy', 'add', 'action', 'b') == ['bypass']
    assert '--instance' in in_bash('-') and in_bash('help', 'polic') == ['policy']
    assert in_bash('sa', 'add', 'spi', '') == [''] and in_bash('nonsense', '') == ['']


def test_completion_of_files(tmp_path):
    """Also where a directory is wanted, or the path of a file that may not be there yet."""
    (tmp_path / 'my file.conf').touch()
    typed, offered = f'{tmp_path}/my', [f'{tmp_path}/my file.conf']
    for words in ('run', '-c'), ('metrics', 'textfile'), ('pki', 'ca'), ('pki', 'host', 'host1.example'), ('pki', 'revoke'):
        assert in_bash(*words, typed) == offered, words


def test_completion_of_what_there_is():
    """Interfaces of this namespace, and connections and instances that run."""
    with IkePair() as pair:
        pair.psk()
        pair.a.start()
        def complete(*words):
            return [line.split('\t')[0] for line in pair.a.netns.run(COMMAND, 'help', 'complete', *words).stdout.splitlines()]

        instance = '--instance', pair.a.instance
        assert complete(*instance, 'connection', 'initiate', '') == ['core', 'remote']
        assert 'nic0' in complete('attach', '')
        assert pair.a.instance in complete('--instance', '')
        pair.a.stop()
        assert 'core' not in complete(*instance, 'connection', 'initiate', '')


@pytest.fixture
def zsh(tmp_path):
    """zsh on a terminal, with our functions and nobody's settings."""
    need('zsh')
    (tmp_path / '.zshrc').write_text(f"""PS1='ready> '; path=({BUILD} $path); fpath=({COMPLETION} $fpath)
        autoload -Uz compinit && compinit -D -u""")
    with Screen(['zsh', '-i'], width=200, env={'ZDOTDIR': str(tmp_path), 'TERM': 'xterm'}) as screen:
        screen.until('^ready>')
        yield screen


@pytest.mark.parametrize('typed, then', [
    ('xdp-ipsec stat', '^ready> xdp-ipsec status$'),
    ('xdp-ipsec attach x0 mode nat', '^ready> xdp-ipsec attach x0 mode native$'),
    ('xdp-ipsec sa ', '^add +-- add an SA; one is needed each way'),
    (f'xdp-ipsec run -c {ROOT}/packaging/exam', f'^ready> xdp-ipsec run -c {ROOT}/packaging/examples/')])
def test_completion_in_zsh(zsh, typed, then):
    zsh.type('-l', typed)
    zsh.until(f'^ready> {typed}'.rstrip())
    zsh.type('Tab')
    zsh.until(then)


# ---- examples ----

@pytest.mark.parametrize('name', ['psk', 'cert', 'mesh', 'bgp'])
def test_example(native, name):
    """`check` finds nothing wrong with any, on a host that has what they speak of."""
    host = native.a
    ca = Ca()
    cert, key = ca.issue('host1.core.example' if name == 'mesh' else 'host1.example', 'ecdsa')
    files = {'host1.crt': pem(cert), 'host1.key': pem(key), 'ca.crt': pem(ca.cert), 'core1.psk': os.urandom(32).hex(),
             'upstream.psk': os.urandom(32).hex()}
    if name == 'mesh':
        files['ca.crl'] = pem(ca.crl())
    for file, text in files.items():
        (host.dir / file).touch(mode=0o600)
        (host.dir / file).write_text(text)
    text = (ROOT / f'packaging/examples/{name}.conf').read_text().replace('interface eth0', 'interface nic0')
    host.config.write_text(text)
    done = host.cmd('check', '-c', host.config, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


# ---- make install, make deb ----

INSTALLED = ['sbin/xdp-ipsec', 'libexec/xdp-ipsec/xdp-ipsec-worker', 'libexec/xdp-ipsec/xdp-ipsec-iked', 'libexec/xdp-ipsec/end-daemons',
             'share/man/man8/xdp-ipsec.8',
             'share/man/man5/xdp-ipsec.conf.5', 'share/xdp-ipsec/status.schema.json', 'lib/systemd/system/xdp-ipsec.service',
             'lib/systemd/system/xdp-ipsec@.service', 'lib/systemd/system/xdp-ipsec-gate.service', 'lib/sysusers.d/xdp-ipsec.conf',
             'lib/tmpfiles.d/xdp-ipsec.conf', 'share/bash-completion/completions/xdp-ipsec', 'share/zsh/site-functions/_xdp-ipsec',
             'share/doc/xdp-ipsec/examples/mesh.conf']


def make(*args):
    # what is built is there, and is not to be built again for it
    return run('make', '-C', ROOT, '-s', '-o', 'all', f'BUILD={BUILD}', *args)


@pytest.mark.parametrize('tree', ['tree', 'libreswan', 'prometheus', 'deb'])
def test_trees_beside_what_is_built(tmp_path, tree):
    """What Debian has in one is not taken for what gcc says of headers."""
    other = tmp_path / tree / 'usr/sbin/invoke-rc.d'
    other.parent.mkdir(parents=True)
    other.write_text('if true; then\n')
    run('make', '-C', ROOT, '-n', 'clean', f'BUILD={tmp_path}')


def test_what_is_not_there_is_told(tmp_path):
    """By its name and with the remedy, in one line, and nothing is compiled."""
    done = run('make', '-C', ROOT, f'BUILD={tmp_path}/build', 'CLANG=no-such-clang', 'all', check=False)
    said = [line for line in done.stderr.splitlines() if '***' not in line]
    assert done.returncode == 2 and len(said) == 1 and 'not here: no-such-clang: ' in said[0] and 'make deps' in said[0]
    assert not list(tmp_path.rglob('*.o'))


def test_packages_take_root():
    done = run('setpriv', '--reuid', '65534', '--clear-groups', 'make', '-C', ROOT, 'deps', check=False)
    assert done.returncode == 2 and "'sudo make deps'" in done.stderr


def test_install(tmp_path):
    make('install', f'DESTDIR={tmp_path}', 'PREFIX=/usr')
    assert [name for name in INSTALLED if not (tmp_path / 'usr' / name).is_file()] == []
    assert 'ExecStart=/usr/sbin/xdp-ipsec run' in (tmp_path / 'usr/lib/systemd/system/xdp-ipsec.service').read_text()


def test_deb(tmp_path):
    """lintian has nothing to say of it, and it needs what the programs are linked to."""
    need('dpkg-deb')
    make('install', f'DESTDIR={tmp_path}/tree', 'PREFIX=/usr', 'UNITDIR=/lib/systemd/system',
         'ZSHDIR=/usr/share/zsh/vendor-completions')
    run(ROOT / 'packaging/deb/make-deb', tmp_path / 'tree', tmp_path, '0.1.1')
    package = next(tmp_path.glob('xdp-ipsec_0.1.1_*.deb'))
    depends = run('dpkg-deb', '-f', package, 'Depends').stdout
    assert 'libbpf' in depends and 'libssl3' in depends and 'libc6' in depends
    need('lintian')
    done = subprocess.run(['lintian', '--allow-root', '--fail-on', 'error,warning', package], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


# ---- removal ----

END_DAEMONS = '/usr/libexec/xdp-ipsec/end-daemons'


def scripted(host, name, *args, pins=True, run_dir=True, path='', check=True):
    """A script of the package, with the host's directories for those of all, if it is to see them, and without systemd."""
    others = host.dir / 'scripts'
    (others / 'run').mkdir(parents=True, exist_ok=True)
    (others / 'run' / host.instance).unlink(missing_ok=True)
    if run_dir:
        (others / 'run' / host.instance).symlink_to(host.run_dir)
    for stub in 'systemctl', 'deb-systemd-helper', 'deb-systemd-invoke':
        (others / stub).write_text('#!/bin/sh\n')
        (others / stub).chmod(0o755)

    def here(text):
        for theirs, own in (('/sys/fs/bpf/xdp-ipsec', host.pins if pins else others / 'pins'), ('/run/xdp-ipsec', others / 'run'),
                            ('/etc/xdp-ipsec', others / 'etc'), ('/run/systemd/system', others / 'none'),
                            (END_DAEMONS, others / 'end-daemons')):
            text = text.replace(theirs, str(own))
        return text
    (others / 'end-daemons').write_text(here((ROOT / 'packaging/end-daemons').read_text()))
    (others / 'end-daemons').chmod(0o755)
    done = host.netns.run('env', f'PATH={others}:{path or os.environ["PATH"]}', 'sh', '-c', here(removal(name)), name, *args, check=check)
    return done.stdout + done.stderr if check else done


def removal(name):
    """deb/prerm is a file; rpm/%preun is a part of the spec."""
    kind, part = name.split('/')
    if kind == 'deb':
        return (ROOT / 'packaging' / name).read_text()
    spec = (ROOT / 'packaging/rpm/xdp-ipsec.spec').read_text()
    return spec.split(f'\n{part}\n')[1].split('\n%')[0]


BEFORE = [('deb/prerm', 'remove'), ('rpm/%preun', '0')]
EACH_HOOK = ['native-clsact', 'generic-clsact', 'native-tcx']


@pytest.fixture(params=['native-clsact'])
def guarding(request):
    """One whose gate is closed, whom no systemd has started."""
    mode, hook = request.param.split('-')
    with Pair(mode, hook=hook) as pair:
        pair.a.start()
        pair.a.policy_add(B)
        assert not is_open(pair.a)
        yield pair.a


def is_open(host):
    return ping(host.netns, B, deadline=1)


def filters(host, dev=NIC):
    return host.netns.run('tc', 'filter', 'show', 'dev', dev, 'egress').stdout


@pytest.mark.parametrize('guarding', EACH_HOOK, indirect=True)
@pytest.mark.parametrize('script, arg', BEFORE)
def test_removal_ends_whoever_runs(guarding, script, arg):
    """And waits for it; the gate stays closed."""
    said = scripted(guarding, script, arg)
    assert guarding.daemon.wait(timeout=1) == 0 and not guarding.run_dir.exists()
    assert 'still runs' not in said and (guarding.pins / 'links').exists()
    assert not is_open(guarding)


@pytest.mark.parametrize('script, arg', [('deb/prerm', 'upgrade'), ('rpm/%preun', '1')])
def test_upgrade_ends_nobody(guarding, script, arg):
    scripted(guarding, script, arg)
    assert guarding.daemon.poll() is None and guarding.status()


def test_removal_ends_a_worker_alone(guarding):
    """That of a daemon that was killed: it would go on for the next one."""
    worker = guarding.pids()[1]
    guarding.stop(signal.SIGKILL)
    assert not is_dead(worker)
    assert 'still runs' not in scripted(guarding, 'deb/prerm', 'remove')
    until(lambda: is_dead(worker), 'the worker has ended')
    assert not is_open(guarding)


def test_number_of_somebody_else(guarding):
    """What a daemon of another PID namespace has written down is another process here, and is let be."""
    with subprocess.Popen(['sleep', 'infinity']) as other:
        try:
            (guarding.run_dir / 'pid').write_text(f'{other.pid}\n')
            assert 'still runs' in scripted(guarding, 'deb/prerm', 'remove')
            assert other.poll() is None and guarding.daemon.poll() is None
        finally:
            other.kill()


@pytest.mark.parametrize('guarding', EACH_HOOK, indirect=True)
def test_purge_opens(guarding):
    """Filters, which no pin holds, too; and nothing of it is left."""
    scripted(guarding, 'deb/prerm', 'remove')
    guarding.daemon.wait(timeout=15)
    scripted(guarding, 'deb/postrm', 'remove')
    assert not is_open(guarding)
    assert 'the gate is open' in scripted(guarding, 'deb/postrm', 'purge')
    assert not guarding.pins.exists() and is_open(guarding)
    assert 'clsact' not in guarding.netns.run('tc', 'qdisc', 'show', 'dev', NIC).stdout


def test_purge_beside_one_that_runs(guarding):
    """Opens nothing, says so, and can be had again when that has ended."""
    done = scripted(guarding, 'deb/postrm', 'purge', check=False)
    said = done.stdout + done.stderr
    assert done.returncode == 1 and 'a daemon still runs' in said and 'the gate is open' not in said
    assert guarding.status() and not is_open(guarding)
    guarding.stop()
    assert 'the gate is open' in scripted(guarding, 'deb/postrm', 'purge')
    assert not filters(guarding) and is_open(guarding)


def test_purge_of_filters_without_pins(guarding):
    """It says that it has opened these."""
    guarding.kill()
    shutil.rmtree(guarding.pins)
    assert f'{NIC}: ' in scripted(guarding, 'deb/postrm', 'purge')
    assert not filters(guarding) and is_open(guarding)


@pytest.mark.parametrize('name, handle', [('my_tc_egress', '0x1be5'), ('tc_egress', '0x1')])
def test_purge_leaves_what_is_somebody_elses(guarding, name, handle):
    """A qdisc without filters, and a filter that has our place, but not our program's name, or the name and another place."""
    guarding.stop()
    guarding.netns.ip('link', 'add', 'theirs0', 'type', 'veth', 'peer', 'name', 'theirs1')
    guarding.netns.run('tc', 'qdisc', 'add', 'dev', 'theirs0', 'clsact')
    with program(SCHED_CLS, -1, name) as theirs:
        put_filter(guarding.netns, 'theirs1', theirs, handle)
    scripted(guarding, 'deb/postrm', 'purge')
    assert not filters(guarding)
    assert 'clsact' in guarding.netns.run('tc', 'qdisc', 'show', 'dev', 'theirs0').stdout
    assert name in filters(guarding, 'theirs1')


def test_purge_without_tc(guarding):
    """Says what it takes."""
    guarding.stop()
    tools = guarding.dir / 'tools'
    tools.mkdir()
    for tool in 'sh', 'rm', 'rmdir', 'flock', 'true':
        (tools / tool).symlink_to(shutil.which(tool))
    said = scripted(guarding, 'deb/postrm', 'purge', path=tools)
    assert 'tc to be removed' in said and not is_open(guarding)


def test_purge_beside_a_container(guarding):
    """Whose daemon has directories that the script does not see: its filters stay."""
    before = filters(guarding)
    said = scripted(guarding, 'deb/postrm', 'purge', pins=False, run_dir=False)
    assert 'tc_egress' in before and filters(guarding) == before
    assert f'{NIC}: ' in said and 'the gate is open' not in said


def test_purge_beside_a_container_with_the_pins(guarding):
    """It puts back what the purge has taken, and its backstop guards meanwhile."""
    scripted(guarding, 'deb/postrm', 'purge', run_dir=False)
    for _ in range(3):
        assert not is_open(guarding)
    until(lambda: (guarding.pins / 'links').exists() and 'tc_egress' in filters(guarding), 'all is put back')
    assert not is_open(guarding)
