# SPDX-License-Identifier: BSD-2-Clause
"""`genkey`: what it makes is taken as it is, nobody else can read it, and nothing that is there is overwritten."""
import os
import pty
import re
import subprocess

import pytest

from lib.beds.bed import HOST, PEER, new_sa
from lib.beds.ike import bring_up
from lib.host import COMMAND
from lib.netns import run

DIGITS = {'psk': 64, 'manual': 72}
KINDS = pytest.mark.parametrize('kind', DIGITS)


def genkey(*words, **kw):
    return run(COMMAND, 'genkey', *words, **kw)


def refused(words, *about, stdout=subprocess.PIPE, code=1):
    done = subprocess.run([COMMAND, 'genkey', *map(str, words)], stdout=stdout, stderr=subprocess.PIPE, text=True, timeout=10)
    assert done.returncode == code and not done.stdout and done.stderr.count('\n') == 1, done
    for word in about:
        assert str(word) in done.stderr, done.stderr


@KINDS
def test_file_is_its_owners_alone(kind, tmp_path):
    path = tmp_path / 'key'
    done = genkey(kind, path)
    assert not done.stdout and not done.stderr
    assert re.fullmatch(f'[0-9a-f]{{{DIGITS[kind]}}}\n', path.read_text()) and path.stat().st_mode & 0o777 == 0o600
    before = path.read_text()
    refused([kind, path], path, 'is not overwritten')
    assert path.read_text() == before


@KINDS
def test_pipe(kind):
    first, second = genkey(kind).stdout, genkey(kind, '-').stdout
    assert re.fullmatch(f'[0-9a-f]{{{DIGITS[kind]}}}\n', first) and len(second) == len(first) and first != second


def test_file_of_the_shells(tmp_path):
    """As after `>`: with umask 077 it is good, with 022 others may read it."""
    path = tmp_path / 'key'
    for mode, good in ((0o600, True), (0o644, False), (0o640, False)):
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), 'w') as out:
            path.chmod(mode)
            if good:
                run_to(out)
                assert len(path.read_text()) == 65
            else:
                refused(['psk'], f'mode {mode:03o}', "'genkey psk FILE'", stdout=out)
                assert not path.read_text()


def run_to(out):
    subprocess.run([COMMAND, 'genkey', 'psk'], stdout=out, check=True, timeout=10)


def test_terminal(tmp_path):
    ours, theirs = pty.openpty()
    try:
        refused(['psk'], 'on a terminal', "'genkey psk FILE'", "'genkey psk -'", stdout=theirs)
        subprocess.run([COMMAND, 'genkey', 'psk', '-'], stdout=theirs, check=True, timeout=10)
        assert re.fullmatch(rb'[0-9a-f]{64}\r\n', os.read(ours, 4096))
    finally:
        os.close(ours)
        os.close(theirs)


@pytest.mark.parametrize('words, about, code', [
    (['psk', '/nonexistent/key'], '/nonexistent/key: No such file', 1),
    (['wireguard'], "'wireguard' is no kind of key: psk", 2),
    ([], 'psk|manual is missing', 2),
], ids=['nowhere', 'kind', 'nothing'])
def test_mistakes(words, about, code):
    refused(words, about, code=code)


def test_full_disk():
    with open('/dev/full', 'w') as full:
        refused(['psk'], 'No space left', stdout=full)


def test_psk_brings_a_connection_up(native):
    native.connections(auth='psk', psk_file='core.psk')
    genkey('psk', native.a.dir / 'core.psk')
    for host in native.hosts:
        (host.dir / 'core.psk').touch(mode=0o600)
        (host.dir / 'core.psk').write_bytes((native.a.dir / 'core.psk').read_bytes())
    bring_up(native)
    assert 'WARNING' not in native.a.log_text + native.b.log_text


@pytest.mark.parametrize('bed', ['native'], indirect=True)
def test_manual_key_is_an_sas(bed, tmp_path):
    genkey('manual', tmp_path / 'key')
    sa = new_sa(PEER, HOST)
    bed.host.cmd('sa', 'add', 'src', PEER, 'dst', HOST, 'spi', hex(sa.spi), 'key-file', tmp_path / 'key')
    assert bed.host.sa_status(sa.spi)
