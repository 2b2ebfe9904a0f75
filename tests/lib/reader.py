# SPDX-License-Identifier: BSD-2-Clause
"""
Who does what a document says (lib/document.py), on hosts that have sh(), write(), begin() and wait_started()
(lib/beds/machines.py).
"""
from lib.document import not_printed, sessions, swap, whose
from lib.wait import patiently

CONFIG = '/etc/xdp-ipsec/xdp-ipsec.conf'


def follow(chapter, hosts):
    """Everything of a chapter, in its order."""
    for step in chapter.steps:
        names, rest = whose(step)
        if step.kind == 'carry':
            carry(step.text.split(), *(hosts[name] for name, _ in names))
            continue
        begin(step, names, hosts)
        for name, exchanged in names:
            text = swap(step.text) if exchanged else step.text
            try:
                DO[step.kind](hosts[name], text, rest)
            except AssertionError as e:
                raise AssertionError(f'{step.place}: on {name}: {e}{logs(hosts)}') from None


def logs(hosts):
    return ''.join('\n'.join([f'\n---- log of {name}', *host.log().splitlines()[-40:]]) for name, host in hosts.items())


def carry(paths, source, *others):
    for path in paths:
        code, text = source.sh(f'cat {path}')
        assert code == 0, text
        for other in others:
            other.write(path, text)


def write(host, text, rest):
    host.write(rest or CONFIG, text)


def run(host, text, _):
    code, out = host.sh(text)
    assert code == 0, f'exit {code} of\n{text}{out}'


def start(host, text, _):
    """All hosts that are to start begin at once (begin()); here each is waited for."""
    host.wait_started(text)


def begin(step, names, hosts):
    for name, exchanged in names if step.kind == 'start' else ():
        hosts[name].begin(swap(step.text) if exchanged else step.text)


def show(host, text, _):
    found = sessions(text)
    assert found, 'no command with $'
    for command, expected in found:
        _, out = host.sh(command)
        missing = not_printed(expected, out)
        assert missing is None, f'{command}: does not print\n{missing}\nbut\n{out}'


def wait(host, text, _):
    last = []

    def succeeds():
        last[:] = host.sh(text)
        return last[0] == 0

    try:
        patiently(succeeds, text)
    except AssertionError as e:
        raise AssertionError(f'{e}; at last exit {last[0]}\n{last[1]}') from None


DO = {'conf': write, 'run': run, 'hidden run': run, 'start': start, 'shown': show, 'until': wait}
