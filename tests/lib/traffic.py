# SPDX-License-Identifier: BSD-2-Clause
"""Real sockets in the hosts' namespaces: ears that must stay deaf, and bulk that must arrive whole."""
import contextlib
import hashlib
import random
import select
import socket
import struct
import threading
import time
from concurrent.futures import ThreadPoolExecutor

from scapy.layers.inet import IP
from scapy.packet import raw

from lib.wait import DEADLINE
from lib.wire import Tap, ip_of

UDP_SEGMENT = 103
CHUNK = 256 * 1024


def udp_socket(netns, addr='0.0.0.0', port=0):
    s = netns.socket(socket.AF_INET, socket.SOCK_DGRAM, 0)
    s.settimeout(DEADLINE)
    s.bind((addr, port))
    return s


def send_ip(netns, packet):
    """A whole IPv4 packet into the host's output path. IP_HDRINCL: only length and header checksum are the kernel's."""
    packet = raw(packet)
    with netns.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW) as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        s.sendto(packet, (socket.inet_ntoa(packet[16:20]), 0))


def ping(netns, dst, count=1, size=56, deadline=5):
    """
    Sends that many echo requests, one after the other; whether each was answered within the deadline in seconds.
    One ping each: after its first answer ping waits for the others no longer than two round trips, whatever -W says.
    """
    return all(netns.run('ping', '-n', '-q', '-c', '1', '-W', deadline, '-s', size, dst, check=False).returncode == 0
               for _ in range(count))


# Seconds between two of many echo requests: for the last 10 ms before one is due ping does not sleep, and takes a CPU for
# itself, unless the answer came earlier than that.
BETWEEN_PINGS = 0.015


def knock(netns, dst):
    """A packet for a trap to go off. Nobody waits for its answer, which may be lost; whether there was one."""
    return ping(netns, dst, deadline=0.2)


class Ears:
    """
    Raw sockets for every protocol of interest, and tcpdump's view of a NIC: what of a sender's traffic reached the
    host.

    The view of the NIC is left out where the packet may be seen there and go no further: with generic XDP the
    cleartext check is at tc ingress, behind tcpdump.
    """
    PROTOS = (1, 6, 17, 47, 50, 59)

    def __init__(self, netns, nic, watch_nic):
        self.raw = [netns.socket(socket.AF_INET, socket.SOCK_RAW, proto) for proto in self.PROTOS]
        self.nic = Tap(netns, nic) if watch_nic else None

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        for s in self.raw:
            s.close()
        if self.nic:
            self.nic.sock.close()

    def packets(self):
        """What arrived since the last call; twice what a socket and the NIC saw."""
        packets = [IP(s.recv(65535)) for s in self.raw for _ in iter(lambda s=s: select.select([s], [], [], 0)[0], [])]
        return packets + ([p for p in map(ip_of, self.nic.drain()) if p] if self.nic else [])

    def heard(self, but_from=()):
        """A line for each packet that arrived, but for those from addresses that may speak."""
        return [p.summary() for p in self.packets() if p.src not in but_from]


def tcp_listener(netns, addr='0.0.0.0', port=0):
    s = netns.socket(socket.AF_INET, socket.SOCK_STREAM, 0)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.settimeout(DEADLINE)
    s.bind((addr, port))
    s.listen(16)
    return s


def tcp_client(netns, addr, timeout=DEADLINE):
    s = netns.socket(socket.AF_INET, socket.SOCK_STREAM, 0)
    s.settimeout(timeout)
    s.connect(addr)
    return s


def abortive(sock):
    """
    The socket, with a deadline, and closed by a reset: a connection whose peer is not a kernel would go on
    retransmitting its end into the tests that come after.
    """
    sock.settimeout(DEADLINE)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
    return sock


def _send(sock, size, seed):
    digest, source = hashlib.sha256(), random.Random(seed)
    while size:
        chunk = source.randbytes(min(size, CHUNK))
        sock.sendall(chunk)
        digest.update(chunk)
        size -= len(chunk)
    sock.shutdown(socket.SHUT_WR)
    return digest.hexdigest()


def _receive(sock):
    digest = hashlib.sha256()
    while chunk := sock.recv(CHUNK):
        digest.update(chunk)
    return digest.hexdigest()


def tcp_bulk(sender, receiver, addr, size, streams=1, timeout=60):
    """Sends `size` random bytes on each of `streams` connections; pairs of SHA-256 (sent, received)."""
    with tcp_listener(receiver, addr) as listener, ThreadPoolExecutor(2 * streams) as pool:
        sums = []
        ends = []
        for n in range(streams):
            out = tcp_client(sender, listener.getsockname())
            back, _ = listener.accept()
            out.settimeout(timeout)
            back.settimeout(timeout)
            ends += [out, back]
            sums.append((pool.submit(_send, out, size, n), pool.submit(_receive, back)))
        pairs = [(sent.result(), received.result()) for sent, received in sums]
        for end in ends:
            end.close()
    return pairs


class InThread:
    """_run() goes on in a thread of its own during the block, until `stopping` is set at its end."""

    def __init__(self):
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self._run)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *exc):
        self.stopping.set()
        self.thread.join()


class UdpFlow(InThread):
    """
    Numbered datagrams from one namespace to another in the background, a window at a time, until stopped.
    arrived() counts the different ones received so far.
    """
    PATIENCE = 1.0  # after the end, for what is still on its way
    PAUSE = 0.002   # after a window: what matters is that it goes on, and each packet has to be looked at in the capture

    def __init__(self, sender, receiver, addr, size=200, window=64, patience=PATIENCE):
        super().__init__()
        self.patience = patience
        self.sink = udp_socket(receiver, addr)
        self.sink.settimeout(0.05)
        self.source = udp_socket(sender)
        self.source.connect(self.sink.getsockname())
        self.size, self.window = size, window
        self.sent, self.seen = 0, set()

    def __exit__(self, *exc):
        super().__exit__(*exc)
        self.source.close()
        self.sink.close()

    def _run(self):
        while not self.stopping.is_set():
            for _ in range(self.window):
                self._send_one()
            self._collect()
            time.sleep(self.PAUSE)
        self.sink.settimeout(self.patience)
        while self.lost() and self._collect():
            pass

    def _send_one(self):
        self.sent += 1
        try:
            self.source.send(struct.pack('>Q', self.sent).ljust(self.size, b'\0'))
        except OSError:
            pass  # while the gate is closed or the NIC down the host may say so; the test looks at what arrives

    def _collect(self):
        """Until a window's worth came in, or the wire has been silent; whether anything came."""
        for n in range(self.window):
            try:
                self.seen.add(struct.unpack('>Q', self.sink.recv(2048)[:8])[0])
            except OSError:
                return n > 0
        return True

    def lost(self):
        """How many never arrived; meant for after the block."""
        return self.sent - self.arrived()

    def arrived(self):
        return len(self.seen)


class PacedFlow(UdpFlow):
    """The same at so many datagrams a second, whether they arrive or not. longest(): seconds in which none came."""

    def __init__(self, sender, receiver, addr, rate=1000, **how):
        super().__init__(sender, receiver, addr, **how)
        self.rate, self.gap = rate, 0.0
        self.sink.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)

    def _send_all(self):
        begun = time.monotonic()
        while not self.stopping.is_set():
            while self.sent < (time.monotonic() - begun) * self.rate:
                self._send_one()
            time.sleep(0.001)

    def _run(self):
        sending = threading.Thread(target=self._send_all)
        sending.start()
        last = time.monotonic()
        while not self.stopping.is_set() or (self.lost() and time.monotonic() - last < self.patience):
            if self._collect():
                now = time.monotonic()
                self.gap, last = max(self.gap, now - last), now
        sending.join()

    def _collect(self):
        try:
            self.seen.add(struct.unpack('>Q', self.sink.recv(2048)[:8])[0])
        except OSError:
            return False
        return True

    def longest(self):
        return self.gap


@contextlib.contextmanager
def flood(sender, receiver, addr, senders=2):
    """As much as goes, until the end of the block: super-packets of 40 datagrams, from so many sockets."""
    stopping = threading.Event()

    def blast(source):
        while not stopping.is_set():
            with contextlib.suppress(OSError):
                source.send(bytes(40 * 1000))

    with udp_socket(receiver, addr) as sink, contextlib.ExitStack() as ends:
        threads = []
        for _ in range(senders):
            source = ends.enter_context(udp_socket(sender))
            source.setsockopt(socket.IPPROTO_UDP, UDP_SEGMENT, 1000)
            source.connect(sink.getsockname())
            threads.append(threading.Thread(target=blast, args=(source,)))
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            stopping.set()
            for thread in threads:
                thread.join()
