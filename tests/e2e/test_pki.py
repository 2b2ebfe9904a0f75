# SPDX-License-Identifier: BSD-2-Clause
"""`pki`: a CA and hosts' certificates that OpenSSL finds strictly right, and our daemon takes, until they are revoked."""
import datetime
import json
import shutil
import signal

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, ExtensionOID

from lib.beds.ike import NAMES, bring_up, order, wait_up
from lib.host import COMMAND
from lib.netns import run
from lib.pki import now
from lib.traffic import ping
from lib.wait import until

DAY = datetime.timedelta(days=1)


def pki(*words, **kw):
    return run(COMMAND, 'pki', *words, **kw)


def refused(words, *about, code=1):
    done = pki(*words, check=False)
    assert done.returncode == code and not done.stdout and done.stderr.count('\n') == 1, done
    for word in about:
        assert str(word) in done.stderr, done.stderr


def load(path):
    return x509.load_pem_x509_certificate(path.read_bytes())


def extension(cert, oid):
    return cert.extensions.get_extension_for_oid(oid)


def mode(path):
    return path.stat().st_mode & 0o777


@pytest.fixture
def ca(tmp_path):
    folder = tmp_path / 'ca'
    pki('ca', folder)
    return folder


def lasts(cert, days):
    return cert.not_valid_before < now() - datetime.timedelta(minutes=55) and \
        abs(cert.not_valid_after - now() - days * DAY) < datetime.timedelta(minutes=1)


def test_authority(ca):
    cert = load(ca / 'ca.crt')
    assert mode(ca) == 0o700 and mode(ca / 'ca.key') == 0o600
    assert isinstance(cert.public_key().curve, ec.SECP384R1) and isinstance(cert.signature_hash_algorithm, hashes.SHA384)
    constraints, usage = (extension(cert, oid) for oid in (ExtensionOID.BASIC_CONSTRAINTS, ExtensionOID.KEY_USAGE))
    assert constraints.critical and constraints.value.ca and constraints.value.path_length == 0
    assert usage.critical and usage.value.key_cert_sign and usage.value.crl_sign and not usage.value.digital_signature
    assert lasts(cert, 3650) and 100 < cert.serial_number.bit_length() <= 159


def test_host(ca):
    pki('host', 'h1.example,192.0.2.1,ops@h1.example', ca)
    cert = load(ca / 'h1.example.crt')
    assert mode(ca / 'h1.example.key') == 0o600
    assert isinstance(cert.public_key().curve, ec.SECP384R1) and isinstance(cert.signature_hash_algorithm, hashes.SHA384)
    assert cert.subject.rfc4514_string() == 'CN=h1.example' and lasts(cert, 365)
    names = [str(name.value) for name in extension(cert, ExtensionOID.SUBJECT_ALTERNATIVE_NAME).value]
    assert names == ['h1.example', '192.0.2.1', 'ops@h1.example']
    usage = extension(cert, ExtensionOID.KEY_USAGE)
    assert usage.critical and usage.value.digital_signature and not usage.value.key_cert_sign
    assert list(extension(cert, ExtensionOID.EXTENDED_KEY_USAGE).value) == [ExtendedKeyUsageOID.IPSEC_IKE]
    assert not extension(cert, ExtensionOID.BASIC_CONSTRAINTS).value.ca


def verify(ca, name, *words):
    return run('openssl', 'verify', '-x509_strict', '-CAfile', ca / 'ca.crt', *words, ca / f'{name}.crt', check=False)


def test_openssl_finds_it_strictly_right(ca):
    for name in 'h1.example', 'h2.example':
        pki('host', name, ca)
        assert verify(ca, name).returncode == 0
    pki('revoke', ca / 'h1.example.crt', ca)
    for name, code in (('h1.example', 2), ('h2.example', 0)):
        done = verify(ca, name, '-crl_check', '-CRLfile', ca / 'ca.crl')
        assert done.returncode == code and ('certificate revoked' in done.stderr) == bool(code), done


def test_crl_keeps_what_was_in_it(ca):
    """Each has a greater number; revoking twice is no mistake; 'crl' makes it good for longer."""
    for name in 'h1.example', 'h2.example':
        pki('host', name, ca)
        pki('revoke', ca / f'{name}.crt', ca, 'days', 3)
    assert 'revoked already' in pki('revoke', ca / 'h1.example.crt', ca).stdout
    pki('crl', ca, 'days', 30)
    crl = x509.load_pem_x509_crl((ca / 'ca.crl').read_bytes())
    assert {entry.serial_number for entry in crl} == {load(ca / f'{name}.crt').serial_number for name in ('h1.example', 'h2.example')}
    assert len(list(crl)) == 2 and extension(crl, ExtensionOID.CRL_NUMBER).value.crl_number == 4
    assert abs(crl.next_update - now() - 30 * DAY) < datetime.timedelta(minutes=1)


def test_nothing_is_overwritten(ca):
    pki('host', 'h1.example', ca)
    before = {path: path.read_bytes() for path in ca.iterdir()}
    refused(['ca', ca], 'ca.key is there already')
    refused(['host', 'h1.example', ca], 'h1.example.key is there already')
    (ca / 'h1.example.key').unlink()
    refused(['host', 'h1.example', ca], 'h1.example.crt is there already')
    (ca / 'ca.key').rename(ca / 'elsewhere')
    refused(['ca', ca], 'ca.crt is there already')
    (ca / 'elsewhere').rename(ca / 'ca.key')
    after = {path: path.read_bytes() for path in ca.iterdir()}
    assert after == {path: data for path, data in before.items() if path.name != 'h1.example.key'}


def test_here(tmp_path):
    """Without DIR it is the working directory, and days and name may be chosen."""
    pki('ca', 'name', 'Example CA', 'days', '20', cwd=tmp_path)
    refused_here = pki('host', 'h1.example', 'days', '21', cwd=tmp_path, check=False)
    assert 'the CA ends before' in refused_here.stderr and refused_here.returncode == 1
    pki('host', 'h1.example', cwd=tmp_path)
    pki('host', 'h2.example', 'days', '5', cwd=tmp_path)
    assert load(tmp_path / 'ca.crt').subject.rfc4514_string() == 'CN=Example CA'
    assert load(tmp_path / 'h1.example.crt').not_valid_after <= load(tmp_path / 'ca.crt').not_valid_after
    assert lasts(load(tmp_path / 'h2.example.crt'), 5)


@pytest.mark.parametrize('words, about, code', [
    (['host', 'h1.example', '/nonexistent'], "'xdp-ipsec pki ca /nonexistent' makes one", 1),
    (['revoke', '/nonexistent'], '/nonexistent: No such file', 1),
    (['show', '/dev/null'], 'neither a certificate nor a CRL', 1),
    (['ca', '/nonexistent/ca'], '/nonexistent/ca: No such file', 1),
    (['ca', 'days', '0'], 'a number from 1 to 36500', 2),
    (['ca', 'name', 'x' * 65], '1 to 64 characters', 2),
    (['host'], 'NAME[,NAME...] is missing', 2),
], ids=lambda value: '-'.join(map(str, value))[:30] if isinstance(value, list) else '')
def test_mistakes(words, about, code, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    refused(words, about, code=code)
    assert not any(tmp_path.iterdir())


def test_names_that_are_none(ca):
    for name in '../../etc/passwd', '*.example', 'CN=h1', '::1', 'a,,b':
        refused(['host', name, ca], name.split(',,')[0] if name != 'a,,b' else "''")
    assert {path.name for path in ca.iterdir()} == {'ca.crt', 'ca.key'}


def test_authority_that_is_not_whole(ca, tmp_path):
    pki('ca', tmp_path / 'other')
    pki('host', 'h1.example', tmp_path / 'other')
    refused(['revoke', tmp_path / 'other/h1.example.crt', ca], 'is not issued by the CA')
    refused(['revoke', ca / 'ca.crt', ca], 'is the CA itself')
    pki('crl', tmp_path / 'other')
    shutil.copy(tmp_path / 'other/ca.crl', ca)
    refused(['crl', ca], 'ca.crl is not signed by this CA')
    (ca / 'ca.key').chmod(0o640)
    refused(['host', 'h2.example', ca], 'others may read or change it')
    (ca / 'ca.key').chmod(0o600)
    (ca / 'ca.key').write_bytes((tmp_path / 'other/ca.key').read_bytes())
    refused(['host', 'h2.example', ca], 'the private key is not that of')


def test_show(ca):
    shown = json.loads(pki('host', 'h1.example,192.0.2.1', ca, '-j').stdout)
    assert (shown['file'], shown['key_file']) == (str(ca / 'h1.example.crt'), str(ca / 'h1.example.key'))
    again = json.loads(pki('show', '-j', ca / 'h1.example.crt').stdout)
    assert {**again, 'days_left': None} == {**{key: shown[key] for key in again}, 'days_left': None}
    assert again['names'] == 'h1.example, 192.0.2.1' and again['days_left'] in (364, 365) and not again['ca']
    assert again['use'] == 'digitalSignature, ipsecIKE' and 'secp384r1' in again['key']
    text = pki('show', ca / 'h1.example.crt').stdout
    assert all(line in text for line in ('subject    CN=h1.example\n', f"sha256     {again['sha256']}\n", 'ca         no\n'))
    pki('revoke', ca / 'h1.example.crt', ca)
    assert f"revoked    {again['serial']} since 20" in pki('show', ca / 'ca.crl').stdout


def configured(native, ca):
    """Both hosts by what `pki host` prints, pasted, with the files beside it."""
    for host, name, peer in zip(native.hosts, NAMES, reversed(NAMES)):
        host.pki_words = pki('host', name, ca).stdout
        for file in f'{name}.crt', f'{name}.key', 'ca.crt':
            shutil.copy2(ca / file, host.dir)
    native.connections()
    for host, peer in zip(native.hosts, reversed(NAMES)):
        host.config.write_text(f'{host.config.read_text()}{host.pki_words}remote-id = {peer}\n')


def test_two_hosts(native, ca):
    """What is printed is pasted; who is revoked comes in no more, and the CRL is read without a restart."""
    configured(native, ca)
    done = native.a.cmd('check', '-c', native.a.config)
    assert 'FAIL' not in done.stdout
    bring_up(native)
    assert ping(native.a.netns, '192.0.2.2', 1)
    words = pki('revoke', ca / f'{NAMES[0]}.crt', ca).stdout
    shutil.copy(ca / 'ca.crl', native.b.dir)
    native.b.config.write_text(native.b.config.read_text() + words)
    order(native.a, 'terminate', 'core')
    native.b.daemon.send_signal(signal.SIGHUP)
    until(lambda: order(native.a, 'initiate', 'core', check=False).returncode and 'has been revoked' in native.b.log_text,
          'it is refused')
    assert f"certificate 'CN={NAMES[0]}' has been revoked" in native.b.log_text
    for file in f'{NAMES[0]}.crt', f'{NAMES[0]}.key':
        (ca / file).rename(ca / f'old-{file}')
        (native.a.dir / file).unlink()
    pki('host', NAMES[0], ca)
    for file in f'{NAMES[0]}.crt', f'{NAMES[0]}.key':
        shutil.copy2(ca / file, native.a.dir)
    native.a.daemon.send_signal(signal.SIGHUP)
    until(lambda: order(native.a, 'initiate', 'core', check=False).returncode == 0, 'with another it is taken')
    wait_up(*native.hosts)
