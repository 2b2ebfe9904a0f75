# SPDX-License-Identifier: BSD-2-Clause
"""What is installed, and how a shell helps to type it."""
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from lib.beds.ike import IkePair
from lib.host import BUILD, COMMAND
from lib.netns import run
from lib.pki import Ca, pem
from lib.screen import Screen

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

INSTALLED = ['sbin/xdp-ipsec', 'libexec/xdp-ipsec/xdp-ipsec-worker', 'libexec/xdp-ipsec/xdp-ipsec-iked', 'share/man/man8/xdp-ipsec.8',
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
