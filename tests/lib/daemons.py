# SPDX-License-Identifier: BSD-2-Clause
"""Programs of others, as people run them, each in a host's namespace with its files in the host's folder."""
import shutil
import subprocess
from contextlib import contextmanager

import pytest

from lib.netns import run
from lib.wait import until

# Debian's package of each, for who reads why a test was skipped.
PACKAGES = {'bird': 'bird2', 'birdc': 'bird2', 'dropbear': 'dropbear-bin', 'dbclient': 'dropbear-bin',
            'dropbearkey': 'dropbear-bin', 'dnsmasq': 'dnsmasq-base', 'dig': 'bind9-dnsutils', 'iperf3': 'iperf3'}


def needs(*programs):
    """Marks a test that is skipped, aloud, where a program of another package is not installed."""
    missing = sorted({PACKAGES[p] for p in programs if not shutil.which(p)})
    return pytest.mark.skipif(bool(missing), reason=f'not installed: {", ".join(missing)}')


@contextmanager
def daemon(host, *argv):
    """Runs in the foreground of its own; ended with the block."""
    with open(host.dir / f'{argv[0]}.log', 'ab') as log, \
            subprocess.Popen(host.netns.argv(*argv), stdin=subprocess.DEVNULL, stdout=log, stderr=log) as process:
        try:
            yield process
        finally:
            process.terminate()


class Bird:
    """A BGP speaker with one neighbour, to which it announces one route."""

    def __init__(self, host, local, remote, asn, neighbour_asn, route, passive):
        self.host, self.socket, self.config = host, host.dir / 'bird.ctl', host.dir / 'bird.conf'
        self.config.write_text(f'''
            router id {local};
            protocol device {{ }}
            protocol static {{ ipv4; route {route} blackhole; }}
            protocol bgp peer {{
                local {local} as {asn};
                neighbor {remote} as {neighbour_asn};
                passive {'yes' if passive else 'no'};
                connect delay time 1;
                ipv4 {{ import all; export where source = RTS_STATIC; }};
            }}
        ''')

    def run(self):
        return daemon(self.host, 'bird', '-f', '-c', self.config, '-s', self.socket, '-P', self.host.dir / 'bird.pid')

    def ask(self, *words):
        return run('birdc', '-s', self.socket, *words, check=False).stdout

    def established(self):
        return 'Established' in self.ask('show', 'protocols', 'peer')


@contextmanager
def dns_server(host, addr, records):
    """Serves records, a name to its addresses."""
    words = [f'--host-record={name},{a}' for name, addrs in records.items() for a in addrs]
    with daemon(host, 'dnsmasq', '--keep-in-foreground', '--conf-file=/dev/null', '--no-hosts', '--no-resolv',
                '--user=root', '--pid-file=', '--bind-interfaces', f'--listen-address={addr}', *words):
        yield


def resolve(ns, server, name, *words):
    """The addresses that dig gets, sorted."""
    return sorted(ns.run('dig', f'@{server}', '+short', '+tries=1', '+time=2', *words, name, check=False).stdout.split())


@contextmanager
def ssh_server(host, addr, client_key):
    """Lets the bearer of the key in, as root, whose home is a folder of the host's here."""
    run('dropbearkey', '-t', 'ed25519', '-f', host.dir / 'ssh_host')
    public = next(line for line in run('dropbearkey', '-y', '-f', client_key).stdout.splitlines() if line.startswith('ssh-'))
    home = host.dir / 'home'
    (home / '.ssh').mkdir(parents=True, mode=0o700)
    home.chmod(0o700)
    keys = home / '.ssh/authorized_keys'
    keys.write_text(public + '\n')
    keys.chmod(0o600)
    with daemon(host, 'unshare', '--mount', 'sh', '-c', 'mount --bind "$0" ~root && exec dropbear "$@"', home, '-F', '-E', '-s',
                '-r', host.dir / 'ssh_host', '-p', f'{addr}:22', '-P', host.dir / 'ssh.pid'):
        until(lambda: ':22 ' in host.netns.run('ss', '-ltn').stdout, 'the SSH server listens')
        yield


def ssh(ns, key, addr, *command):
    """A session that is open from here on, its input and output pipes."""
    argv = ns.argv('dbclient', '-y', '-y', '-i', key, f'root@{addr}', *command)
    return subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
