# SPDX-License-Identifier: BSD-2-Clause
"""
The key log: only where the file allows it, only as long as the daemon runs, and Wireshark decrypts by it what a tcpdump on the
wire has seen.
"""
import contextlib
import os
import signal
import subprocess

import pytest

from lib import tshark
from lib.beds.ike import bring_up, connection, order, wait_up
from lib.beds.pair import A, B, Pair
from lib.traffic import ping
from lib.wait import until


def allow(host):
    host.config.write_text('[daemon]\nkeylog = yes\n' + host.config.read_text())


@pytest.fixture
def logged(native):
    """Two hosts with a connection that is up, of which one logs keys."""
    native.psk()
    allow(native.a)
    return native


def files(host):
    return [host.run_dir / 'ike.keylog', host.run_dir / 'esp.keylog']


def refused(host, *words):
    done = host.cmd(*words, check=False)
    assert done.returncode == 1 and not done.stdout
    assert done.stderr.count('\n') == 1, done.stderr
    return done.stderr


def test_only_where_the_file_allows_it(logged):
    bring_up(logged)
    for file in files(logged.a):
        assert file.stat().st_mode & 0o777 == 0o600
    sa = connection(logged.a)['ike'][0]
    assert files(logged.a)[0].read_text().startswith(f'{sa["spi_i"]},{sa["spi_r"]},')
    child = connection(logged.a)['children'][0]
    lines = files(logged.a)[1].read_text()
    assert f'"{A}","{B}","0x{child["spi_out"]:08x}"' in lines and f'"{B}","{A}","0x{child["spi_in"]:08x}"' in lines
    assert not any(file.exists() for file in files(logged.b))
    assert 'no keys are logged' in refused(logged.b, 'keylog', logged.b.dir / 'keys')
    assert not (logged.b.dir / 'keys').exists()


def test_is_loud(logged):
    bring_up(logged)
    assert 'WARNING: keylog = yes' in logged.a.log_text and 'keylog' not in logged.b.log_text
    assert logged.a.status()['keylog'] is True and logged.b.status()['keylog'] is False
    assert 'WARNING: keylog = yes' in logged.a.cmd('status').stdout
    assert 'keylog' not in logged.b.cmd('status').stdout


def test_goes_with_the_daemon(logged):
    bring_up(logged)
    logged.a.stop()
    assert not logged.a.run_dir.exists()
    assert 'no daemon' in refused(logged.a, 'keylog', logged.a.dir / 'keys')


def test_of_a_daemon_that_was_killed_is_gone_with_the_next_start(logged):
    bring_up(logged)
    logged.a.stop(signal.SIGKILL)
    assert all(file.exists() for file in files(logged.a))
    assert 'no daemon' in refused(logged.a, 'keylog', logged.a.dir / 'keys')
    logged.a.config.write_text(logged.a.config.read_text().replace('keylog = yes', 'keylog = no'))
    logged.a.start()
    assert not any(file.exists() for file in files(logged.a))
    for file in files(logged.a):
        assert f'{file}: keys that an earlier daemon has left, which was killed: removed' in logged.a.log_text


def test_goes_on_with_another_ike(logged):
    """IKE that is started again writes behind what is there."""
    bring_up(logged)
    before = [file.read_text() for file in files(logged.a)]
    os.kill(logged.a.status()['ike']['pid'], signal.SIGKILL)
    until(lambda: logged.a.status()['ike']['restarts'] == 1, 'another IKE')
    order(logged.a, 'initiate', 'core')
    for file, text in zip(files(logged.a), before):
        until(lambda: len(file.read_text()) > len(text), 'another line')
        assert file.read_text().startswith(text)


def test_copies_are_for_their_owner_alone(logged, tmp_path):
    """A file gets both tables; a directory each by its name. What had other rights has them no more."""
    bring_up(logged)
    ike, esp = (file.read_text() for file in files(logged.a))
    copy = tmp_path / 'keys'
    copy.touch(mode=0o644)
    logged.a.cmd('keylog', copy)
    assert copy.stat().st_mode & 0o777 == 0o600
    assert copy.read_text() == f'# ikev2_decryption_table\n{ike}# esp_sa\n{esp}'
    logged.a.cmd('keylog', tmp_path)
    for name, text in (('ikev2_decryption_table', ike), ('esp_sa', esp)):
        assert (tmp_path / name).read_text() == text and (tmp_path / name).stat().st_mode & 0o777 == 0o600


def test_no_copy_is_written_into_what_others_have(logged, tmp_path):
    """Who had the file open when anybody could read it reads nothing new, and whose it was has no right to it any more."""
    bring_up(logged)
    copies = [tmp_path / name for name in ('keys', 'ikev2_decryption_table', 'esp_sa')]
    for copy in copies:
        copy.write_text('old')
        copy.chmod(0o644)
        os.chown(copy, 65534, 65534)
    with contextlib.ExitStack() as held:
        before = [held.enter_context(copy.open()) for copy in copies]
        logged.a.cmd('keylog', tmp_path / 'keys')
        logged.a.cmd('keylog', tmp_path)
        assert [file.read() for file in before] == ['old'] * 3
    for copy in copies:
        st = copy.stat()
        assert (st.st_uid, st.st_mode & 0o777) == (0, 0o600) and 'old' not in copy.read_text() and st.st_size > 100
    assert sorted(tmp_path.iterdir()) == sorted(copies)


def test_a_link_is_not_followed(logged, tmp_path):
    target, link = tmp_path / 'target', tmp_path / 'link'
    bring_up(logged)
    for there in False, True:
        if there:
            target.write_text('mine')
        else:
            link.symlink_to(target)
        assert 'a symbolic link' in refused(logged.a, 'keylog', link)
        assert link.is_symlink() and target.exists() == there
    assert target.read_text() == 'mine'


def test_a_pipe_is_written_to_as_it_is(logged, tmp_path):
    bring_up(logged)
    pipe = tmp_path / 'pipe'
    os.mkfifo(pipe, 0o644)
    with subprocess.Popen(['cat', pipe], stdout=subprocess.PIPE, text=True) as reader:
        logged.a.cmd('keylog', pipe)
        assert reader.communicate(timeout=10)[0].startswith('# ikev2_decryption_table\n')
    assert pipe.is_fifo() and pipe.stat().st_mode & 0o777 == 0o644 and list(tmp_path.iterdir()) == [pipe]


def test_a_full_disk_is_told_in_one_line(logged):
    bring_up(logged)
    before = os.stat('/dev/full').st_mode
    assert 'No space left' in refused(logged.a, 'keylog', '/dev/full')
    assert os.stat('/dev/full').st_mode == before


def test_tshark_decrypts_ike_and_esp(logged, tmp_path):
    """Also what comes after a rekey of either; and no packet more is in clear than before."""
    tshark.needs_tshark()
    with logged.capture(snaplen=0) as capture:
        bring_up(logged)
        assert ping(logged.a.netns, B, 3)
        for what in 'child', 'ike':
            order(logged.a, 'rekey', 'core', what)
            wait_up(*logged.hosts)
            assert ping(logged.b.netns, A, 3)
        capture.stop()
        logged.a.cmd('keylog', tmp_path)
        seen = tshark.fields(capture.file, ['icmp.type', 'esp.spi'], 'icmp', tmp_path, ['-o', 'esp.enable_encryption_decode:TRUE'])
        assert len(seen) >= 18 and {kind for kind, _ in seen} == {'0', '8'}
        assert len({spi for _, spi in seen}) >= 4
        # Of IKE each message that is encrypted, with what only its content tells.
        sealed = tshark.fields(capture.file, ['frame.number'], 'isakmp.exchangetype != 34', tmp_path)
        opened = tshark.fields(capture.file, ['frame.number'], 'isakmp.enc.decrypted', tmp_path)
        assert sealed and opened == sealed
        assert tshark.fields(capture.file, ['isakmp.auth.data'], 'isakmp.auth.data', tmp_path)
        assert not tshark.fields(capture.file, ['icmp.type'], 'icmp', tmp_path / 'none')


def test_tshark_decrypts_what_has_keys_by_hand(tmp_path):
    tshark.needs_tshark()
    with Pair('native') as pair:
        allow(pair.a)
        pair.start()
        pair.begin()
        with pair.capture(snaplen=0) as capture:
            assert ping(pair.a.netns, B, 3)
            capture.stop()
            pair.a.cmd('keylog', tmp_path)
            seen = tshark.fields(capture.file, ['icmp.type'], 'icmp', tmp_path, ['-o', 'esp.enable_encryption_decode:TRUE'])
        assert seen == [('8',), ('0',)] * 3
