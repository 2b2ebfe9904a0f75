# SPDX-License-Identifier: BSD-2-Clause
"""
`machines`: hosts as documents speak of them, on one Ethernet, each with root's shell on it:

    A: eth0 192.0.2.1 --- port0  bridge  port1 --- 192.0.2.2 eth0 :B,  and C with 192.0.2.3 where there are three

Each is a network namespace and a mount namespace, in which /etc is its own. The instance is another one on each, since they
share /sys/fs/bpf and /run; where a document has the path of the default one, that of the host's is meant.
"""
import itertools
import os
import re
import shutil
import subprocess
import tempfile
from contextlib import ExitStack
from pathlib import Path

from lib.host import BUILD, PINS, RUN
from lib.netns import Netns, veth
from lib.wait import patiently

NIC = 'eth0'
_tags = itertools.count()

# An overlay over /etc, so that what is there can be read and nothing of it is changed.
OWN_ETC = '''mount -t tmpfs own {dir} && mkdir {dir}/upper {dir}/work {dir}/home &&
mount -t overlay etc -o lowerdir=/etc,upperdir={dir}/upper,workdir={dir}/work /etc && mkdir -p /etc/xdp-ipsec && echo made && exec sleep infinity'''


class Machine:
    """One host. The caller owns the namespace."""

    def __init__(self, netns):
        self.netns = netns
        self.instance = netns.name
        self.dir = Path(tempfile.mkdtemp(prefix='xdp-ipsec-machine-'))
        self.daemons = []
        self.holder = subprocess.Popen(
            ['unshare', '-m', '--propagation', 'private', *netns.argv('sh', '-c', OWN_ETC.format(dir=self.dir))],
            stdout=subprocess.PIPE, text=True)
        assert self.holder.stdout.readline() == 'made\n'

    def argv(self, script):
        env = [f'PATH={BUILD}:{os.environ["PATH"]}:/usr/sbin:/sbin', f'XDP_IPSEC_INSTANCE={self.instance}', f'HOME={self.dir}/home',
               'LC_ALL=C.UTF-8']
        return ['nsenter', f'--target={self.holder.pid}', '--mount', '--net', 'env', '-C', f'{self.dir}/home', *env, 'bash', '-e', '-u',
                '-o', 'pipefail', '-c', self.own(script)]

    def own(self, script):
        return re.sub(r'(/sys/fs/bpf|/run)/xdp-ipsec/default\b', rf'\1/xdp-ipsec/{self.instance}', script)

    def sh(self, script):
        """Its exit code, and what it has printed to either, with the instance by the name that documents have for it."""
        done = subprocess.run(self.argv(script), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              text=True, timeout=60)
        return done.returncode, done.stdout.replace(self.instance, 'default')

    def write(self, path, text):
        script = f'umask 077; mkdir -p "$(dirname {path})"; cat >{path}'
        subprocess.run(self.argv(script), input=text, text=True, check=True, timeout=10)

    def begin(self, script):
        """A daemon, which is not waited for: what the script's last command is, which takes the shell's place."""
        with open(self.dir / 'log', 'ab') as log:
            daemon = subprocess.Popen(self.argv(f'exec {script.strip()}'), stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self.daemons.append(daemon)

    def wait_started(self, script):
        daemon = self.daemons[-1]
        patiently(lambda: self.is_ready(daemon), f'{script.strip()} is ready')

    def is_ready(self, daemon):
        assert daemon.poll() is None, (self.dir / 'log').read_text()
        return re.search(r'"aead": ?"', self.sh('xdp-ipsec -j status quick')[1])

    def log(self):
        path = self.dir / 'log'
        return path.read_text() if path.exists() else ''

    def close(self):
        for daemon in self.daemons:
            daemon.terminate()
        for daemon in self.daemons:
            daemon.wait(timeout=10)
        self.sh('xdp-ipsec detach all')
        self.holder.kill()
        self.holder.wait()
        self.holder.stdout.close()
        for folder in PINS / self.instance, RUN / self.instance, self.dir:
            shutil.rmtree(folder, ignore_errors=True)


class Machines:
    """By their names in the text."""

    def __init__(self, count=2):
        with ExitStack() as undo:
            tag = f'd{next(_tags)}'
            wire = undo.enter_context(Netns(tag + 'w'))
            wire.ip('link', 'add', 'bridge', 'type', 'bridge', 'forward_delay', 0, 'mcast_snooping', 0)
            wire.ip('link', 'set', 'bridge', 'up')
            self.by_name = {}
            for n, name in enumerate('ABC'[:count]):
                ns = undo.enter_context(Netns(f'{tag}{name.lower()}'))
                veth(ns, NIC, wire, f'port{n}')
                ns.ip('addr', 'add', f'192.0.2.{n + 1}/24', 'dev', NIC)
                wire.ip('link', 'set', f'port{n}', 'master', 'bridge')
                self.by_name[name] = Machine(ns)
                undo.callback(self.by_name[name].close)
            self.stack = undo.pop_all()

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.stack.close()
