# SPDX-License-Identifier: BSD-2-Clause
"""
What flows between the two hosts, by one process: numbered datagrams both ways, of which none may arrive twice, and a TCP
connection both ways whose octets are known. It is told what to do on stdin, a word a line, and answers with a line of JSON.
"""
import json
import select
import socket
import struct
import sys
import time

from lib.netns import inside

TICK = 0.005
PER_TICK = 2
PORT, STREAM_PORT = 7420, 7421
SIZE = 200
CHUNK = 2048
PERIOD = 251    # what a stream says, by its octets' places
PATTERN = bytes(range(PERIOD)) * (2 * 65536 // PERIOD + 2)
# A connection that has moved nothing for so long is given up: the kernel's own patience doubles, and would outlast a round.
STREAM_PATIENCE = 8.0


class Datagrams:
    """From one host to the other."""

    def __init__(self, ends, addr):
        self.source, self.sink = self._socket(ends[0]), self._socket(ends[1], addr)
        self.to = (addr, PORT)
        self.sent = self.arrived = self.again = self.refused = 0
        self.seen = bytearray(1 << 16)

    @staticmethod
    def _socket(ns, addr=None):
        with inside(ns):
            s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        s.setsockopt(socket.IPPROTO_IP, 15, 1)  # IP_FREEBIND: the address may go and come
        if addr:
            s.bind((addr, PORT))
        s.setblocking(False)
        return s

    def send(self):
        for _ in range(PER_TICK):
            try:
                self.source.sendto(struct.pack('>Q', self.sent).ljust(SIZE, b'\0'), self.to)
                self.sent += 1
            except OSError:
                self.refused += 1  # a closed gate, a NIC that is down

    def listen(self):
        while True:
            try:
                n, = struct.unpack('>Q', self.sink.recv(2048)[:8])
            except BlockingIOError:
                return
            except OSError:
                continue    # what ICMP has to say
            self.arrived += 1
            if n >= len(self.seen):
                self.seen.extend(bytes(n))
            self.again += self.seen[n]
            self.seen[n] = 1

    def counts(self):
        return {'sent': self.sent, 'arrived': self.arrived, 'again': self.again, 'refused': self.refused}


class Stream:
    """A connection from one host to the other, made again when it ends."""

    def __init__(self, ends, addr):
        self.ends, self.addr = ends, addr
        with inside(ends[1]):
            self.listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.setsockopt(socket.IPPROTO_IP, 15, 1)
        self.listener.bind((addr, STREAM_PORT))
        self.listener.listen(4)
        self.listener.setblocking(False)
        self.octets = self.wrong = self.made = self.given_up = 0
        self.out = self.back = None
        self.open()

    def open(self):
        for s in (self.out, self.back):
            if s:
                s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
                s.close()
        with inside(self.ends[0]):
            self.out = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self.out.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 16)
        self.out.setblocking(False)
        self.back, self.said, self.heard, self.moved = None, 0, 0, time.monotonic()
        try:
            self.out.connect((self.addr, STREAM_PORT))
        except OSError:
            pass    # in progress, or refused at once: then there is nothing to write to

    def give_up(self):
        self.given_up += 1
        self.open()

    def accept(self):
        try:
            accepted, sender = self.listener.accept()
        except OSError:
            return
        if sender != self._own():
            accepted.close()    # of one that was given up
            return
        accepted.setblocking(False)
        self.back, self.made = accepted, self.made + 1

    def _own(self):
        try:
            return self.out.getsockname()
        except OSError:
            return None

    def send(self):
        at = self.said % PERIOD
        try:
            self.said += self.out.send(PATTERN[at:at + CHUNK])
        except BlockingIOError:
            pass
        except OSError as e:
            if e.errno not in (32, 107) or time.monotonic() - self.moved > 1:     # EPIPE, ENOTCONN: not yet
                self.give_up()

    def listen(self):
        if self.back is None:
            self.accept()
        elif not self._read():
            self.give_up()
        if time.monotonic() - self.moved > STREAM_PATIENCE:
            self.give_up()

    def _read(self):
        try:
            data = self.back.recv(65536)
        except BlockingIOError:
            return True
        except OSError:
            return False
        at = self.heard % PERIOD
        self.wrong += data != PATTERN[at:at + len(data)]
        self.heard += len(data)
        self.octets += len(data)
        self.moved = time.monotonic()
        return bool(data)

    def is_quiet(self):
        """All that was said is heard."""
        return self.back is not None and self.said == self.heard

    def counts(self):
        return {'octets': self.octets, 'wrong': self.wrong, 'made': self.made, 'given_up': self.given_up}


class Traffic:
    def __init__(self, hosts, addrs):
        ways = (hosts, addrs[1]), (hosts[::-1], addrs[0])
        self.datagrams = [Datagrams(*way) for way in ways]
        self.streams = [Stream(*way) for way in ways]
        self.talks = self.running = True

    # ---- what it can be told ----

    def counts(self):
        return {'datagrams': [d.counts() for d in self.datagrams], 'streams': [s.counts() for s in self.streams]}

    def pause(self):
        self.talks = False
        return self.counts()

    def go_on(self):
        self.talks = True
        return self.counts()

    def is_quiet(self):
        return [s.is_quiet() for s in self.streams]

    def obey(self):
        while select.select([sys.stdin], [], [], 0)[0]:
            word = sys.stdin.readline().strip()
            if not word:
                self.running = False
                return
            print(json.dumps(getattr(self, word)()), flush=True)

    def run(self):
        print(json.dumps('ready'), flush=True)
        due = time.monotonic()
        while self.running:
            for flow in (*self.datagrams, *self.streams):
                if self.talks:
                    flow.send()
                flow.listen()
            self.obey()
            due = max(due + TICK, time.monotonic() - TICK)
            time.sleep(max(0, due - time.monotonic()))


if __name__ == '__main__':
    Traffic(**json.loads(sys.argv[1])).run()
