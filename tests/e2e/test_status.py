# SPDX-License-Identifier: BSD-2-Clause
"""`status` and the lists: for people on a narrow screen, with colours and without; for machines by the schema in docs/."""
import json
import os
import pty
import signal
import subprocess
import time
from pathlib import Path

import jsonschema

from lib.beds.ike import bring_up, connection, order, put
from lib.beds.pair import B
from lib.traffic import ping
from lib.wait import until

COMMANDS = [['status'], ['connection', 'list'], ['sa', 'list'], ['policy', 'list']]


SCHEMA = json.loads((Path(__file__).parents[2] / 'docs/status.schema.json').read_text())


def validate(document, part=None):
    """Against the schema, or that part of it; what it does not have is an error, too."""
    schema = SCHEMA if part is None else {'$defs': SCHEMA['$defs'], 'type': 'array', 'items': {'$ref': f'#/$defs/{part}'}}
    errors = [f'{error.json_path}: {error.message}' for error in jsonschema.Draft202012Validator(schema).iter_errors(document)]
    assert not errors, errors


def valid(host, *words):
    document = json.loads(host.cmd('-j', 'status', *words, check=False).stdout)
    validate(document)
    return document


def properties(schema):
    """Each property that is described somewhere in the schema, with its name."""
    if isinstance(schema, dict):
        yield from schema.get('properties', {}).items()
        for part in schema.values():
            yield from properties(part)


def objects(schema):
    if isinstance(schema, dict):
        if 'properties' in schema:
            yield schema
        for part in schema.values():
            yield from objects(part)


def test_schema():
    """It is one, says what each thing is, and requires nothing that it does not have."""
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    assert not [name for name, about in properties(SCHEMA) if not about.get('description')]
    for schema in objects(SCHEMA):
        assert schema['additionalProperties'] is False and set(schema['required']) <= set(schema['properties'])


def test_json_of_what_is_by_hand(bed):
    document = valid(bed.host)
    assert document['version'] == 1 and document['running'] and document['sas']
    assert abs(time.time() - time.mktime(time.strptime(document['time'], '%Y-%m-%dT%H:%M:%SZ')) + time.timezone) < 60
    assert document['rates'] and document['sas'][0]['rate'] and document['sas'][0]['connection'] is None
    assert valid(bed.host, 'quick')['rates'] is None
    validate(json.loads(bed.host.cmd('-j', 'sa', 'list').stdout), 'sa')


def test_json_of_connections(native):
    """Each of its states; and SAs bear the name of the connection."""
    native.psk(monitor='1s', rekey_bytes='1000000')
    native.start()
    assert valid(native.a)['connections'][0]['state'] == 'trap'
    order(native.a, 'initiate', 'core')
    until(lambda: connection(native.a)['monitor']['received'], 'an answer')
    document = valid(native.a)
    assert {sa['connection'] for sa in document['sas']} == {'core'} and document['connections'][0]['state'] == 'up'
    assert {sa['connection'] for sa in json.loads(native.a.cmd('-j', 'sa', 'list').stdout)} == {'core'}
    validate(json.loads(native.a.cmd('-j', 'connection', 'list').stdout), 'connection')
    validate(json.loads(native.a.cmd('-j', 'policy', 'list').stdout), 'policy')
    order(native.a, 'rekey', 'core', 'ike')
    valid(native.a)
    native.b.stop(signal.SIGKILL)
    native.b.start()
    put(native.b, 'psk', 'another secret\n')
    order(native.a, 'terminate', 'core')
    native.b.daemon.send_signal(signal.SIGHUP)
    until(lambda: order(native.a, 'initiate', 'core', check=False) and valid(native.a)['connections'][0]['failures'], 'refused')
    os.kill(native.a.status()['ike']['pid'], signal.SIGSTOP)
    assert valid(native.a)['connections'][0]['note'] == 'IKE does not answer'
    native.a.stop()
    assert not valid(native.a)['running']


def test_stranger(native):
    """Who is refused since nobody knows the address is told of, with what was wrong."""
    native.psk(second={'remote': '192.0.2.77'})
    native.start()
    order(native.a, 'initiate', 'core', check=False)
    stranger = valid(native.b)['stranger']
    assert (stranger['from'], stranger['notify'], stranger['kind']) == ('192.0.2.1', 'NO_PROPOSAL_CHOSEN', 'refused')
    assert 'refused: NO_PROPOSAL_CHOSEN to 192.0.2.1, ' in native.b.cmd('status', check=False).stdout


def shown(host, *words, columns=80):
    return host.cmd(*words, check=False, env={**os.environ, 'COLUMNS': str(columns)}).stdout


def assert_fits(host, columns=80):
    for words in COMMANDS:
        text = shown(host, *words, columns=columns)
        assert text or words == ['sa', 'list']
        assert all(len(line) <= columns for line in text.splitlines()), text


def test_fits_80_columns(native):
    """Up, refused, and with nobody there any more."""
    native.psk(monitor='1s', rekey_packets=100000)
    bring_up(native)
    assert ping(native.a.netns, B, 3)
    until(lambda: connection(native.a)['monitor']['received'], 'an answer')
    assert_fits(native.a)
    text = shown(native.a, 'status')
    for part in ('connection core: up for ', '  peer         192.0.2.2, by PSK\n', '  child SA     all: up, ', '  monitor      up: round trip '):
        assert part in text, text
    put(native.b, 'psk', 'another secret\n')
    native.b.stop()
    native.b.start()
    until(lambda: order(native.a, 'initiate', 'core', check=False) and connection(native.a)['state'] == 'down', 'refused')
    assert_fits(native.a)
    assert 'last error   AUTHENTICATION_FAILED from 192.0.2.2, ' in shown(native.a, 'status')
    assert 'core: AUTHENTICATION_FAILED from 192.0.2.2, ' in shown(native.a, 'connection', 'list')
    native.a.stop()
    assert max(map(len, shown(native.a, 'status').splitlines())) <= 80


def on_terminal(host, *words, **env):
    """What a command writes to a terminal."""
    master, slave = pty.openpty()
    try:
        subprocess.run(host.argv(*words), stdout=slave, env={**os.environ, 'TERM': 'xterm', **env}, timeout=60)
        return os.read(master, 65536).decode()
    finally:
        os.close(slave)
        os.close(master)


def test_colours_on_a_terminal_alone(native):
    native.psk(start='respond')
    native.a.start()
    assert '\x1b[1;31mdown\x1b[0m' in on_terminal(native.a, 'connection', 'list')
    for text in (on_terminal(native.a, 'connection', 'list', NO_COLOR='1'), on_terminal(native.a, 'connection', 'list', TERM='dumb'),
                 native.a.cmd('connection', 'list').stdout):
        assert 'down' in text and '\x1b' not in text


def test_who_waits_is_told_what_for(native):
    """On a terminal, while nobody answers; a script has one line, in the end."""
    native.psk()
    native.a.start()
    master, slave = pty.openpty()
    with subprocess.Popen(native.a.argv('connection', 'initiate', 'core'), stderr=slave) as waiting:
        assert 'core: connecting, for ' in (text := os.read(master, 65536).decode()) and 'answer to IKE_SA_INIT, asked ' in text
        waiting.kill()
    os.close(slave)
    os.close(master)
