# SPDX-License-Identifier: BSD-2-Clause
"""`xdp-ipsec capture` while it runs, and a reader of what it writes: pcapng by its draft, of little-endian machines."""
import signal
import struct
import subprocess
from dataclasses import dataclass, field

from lib.wait import until

SECTION, INTERFACE, STATISTICS, PACKET = 0x0a0d0d0a, 1, 5, 6
DIRECTIONS = {0: None, 1: 'in', 2: 'out'}


@dataclass
class Packet:
    interface: str
    time: int  # ns since 1970
    frame: bytes
    length: int
    comment: str
    direction: str


@dataclass
class File:
    interfaces: list = field(default_factory=list)
    packets: list = field(default_factory=list)
    missed: dict = field(default_factory=dict)

    def on(self, interface):
        return [p for p in self.packets if p.interface == interface]


def options(data):
    found = {}
    while data:
        code, size = struct.unpack_from('<HH', data)
        if code == 0:
            break
        found[code] = data[4:4 + size]
        data = data[4 + (size + 3 & ~3):]
    return found


def blocks(data):
    """Whole ones; each says twice how long it is."""
    at = 0
    while len(data) - at >= 12:
        kind, size = struct.unpack_from('<II', data, at)
        end = at + size
        if end > len(data):
            return
        assert size % 4 == 0 and struct.unpack_from('<I', data, end - 4)[0] == size
        yield kind, data[at + 8:end - 4]
        at = end


def parse(data):
    file = File()
    for kind, body in blocks(data):
        if kind == SECTION:
            assert struct.unpack_from('<IHH', body) == (0x1a2b3c4d, 1, 0)
        elif kind == INTERFACE:
            assert struct.unpack_from('<H', body)[0] == 1
            said = options(body[8:])
            assert said[9] == b'\x09'
            file.interfaces.append(said[2].decode())
        elif kind == PACKET:
            interface, high, low, caplen, length = struct.unpack_from('<5I', body)
            said = options(body[20 + (caplen + 3 & ~3):])
            file.packets.append(Packet(file.interfaces[interface], high << 32 | low, body[20:20 + caplen], length,
                                       said[1].decode(), DIRECTIONS[struct.unpack('<I', said[2])[0]]))
        elif kind == STATISTICS:
            said = options(body[12:])
            file.missed[file.interfaces[struct.unpack_from('<I', body)[0]]] = struct.unpack('<Q', said[5])[0]
        else:
            raise AssertionError(f'block {kind:#x}')
    return file


class Capture:
    """The command on a host, from when it captures on. words: what else it is told."""

    def __init__(self, host, *words, path=None, **kw):
        self.path = path or host.dir / 'pcapng'
        self.proc = subprocess.Popen(host.argv('capture', '-w', self.path, *words), stderr=subprocess.PIPE, text=True, **kw)
        self.first = self.proc.stderr.readline()
        assert 'capturing' in self.first, self.first + self.proc.stderr.read()

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        if self.proc.poll() is None:
            self.proc.kill()
        self.proc.wait()
        self.proc.stderr.close()

    def read(self):
        return parse(self.path.read_bytes())

    def until(self, condition, what='packets'):
        """Once what is in the file satisfies that; the file as it is then."""
        return until(lambda: file if condition(file := self.read()) else None, f'{what} in the capture')

    def stop(self):
        """All of it, with figures."""
        self.proc.send_signal(signal.SIGINT)
        self.said = self.proc.communicate(timeout=10)[1]
        assert self.proc.returncode == 0, self.said
        return self.read()

    def end(self):
        """It ends by itself, with one line that is no figure: that line."""
        code = self.proc.wait(timeout=10)
        lines = self.proc.stderr.read().splitlines()
        assert code == 1 and lines[-1].startswith('xdp-ipsec capture: '), (code, lines)
        assert sum(line.startswith('xdp-ipsec') for line in lines) == 1, lines
        return lines[-1]
