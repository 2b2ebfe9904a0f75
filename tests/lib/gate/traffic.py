# SPDX-License-Identifier: BSD-2-Clause
"""
What flows in a cell of the matrix, and who watches: one process, so that no command of the test holds it up. Every
millisecond it sends

    out     by the stack of the host under test, to the peer: in ESP, or not at all
    honest  by the stack of the peer, to the host: its own daemon seals it
    forged  as a frame straight on the cable, in clear, as if the peer had sent it

and notes what of `out` is a frame on a cable, what of `forged` a socket of the host gets, and what of `out` and `honest` arrives.
It is told what to do on stdin, a JSON list a line, and answers each with a line.
"""
import ctypes
import json
import select
import socket
import struct
import sys
import time

from lib.netns import inside

TICK = 0.001
PORT = 7411
MAGIC = b'GATE'
OUT, HONEST, FORGED = b'O', b'H', b'F'
ETH_P_ALL, ETH_P_IP = 3, 0x0800
PACKET_OUTGOING = 4
PACKET_KIND = 2  # of an AF_PACKET address
SO_ATTACH_FILTER, SO_TIMESTAMPNS = 26, 35
TIMESPEC = struct.Struct('=qq')
# Ethernet, IPv4 without options, UDP.
PAYLOAD_AT = 14 + 20 + 8
# The same in IPv6 with a routing header of one segment.
WRAPPED_AT = PAYLOAD_AT + 40 + 24
SIZE = 64


def datagram(kind, number):
    return (MAGIC + kind + struct.pack('>Q', number)).ljust(SIZE, b'\0')


def forged_head(mac, src, dst):
    """The frame up to its payload. UDP goes without a checksum."""
    ip = struct.pack('>BBHHHBBH4s4s', 0x45, 0, 28 + SIZE, 0, 0, 64, 17, 0, socket.inet_aton(src), socket.inet_aton(dst))
    total = sum(struct.unpack('>10H', ip))
    total = (total & 0xffff) + (total >> 16)
    ip = ip[:10] + struct.pack('>H', ~(total + (total >> 16)) & 0xffff) + ip[12:]
    ether = bytes.fromhex(mac.replace(':', '')) + b'\x02\0\0\0\0\x99' + struct.pack('>H', ETH_P_IP)
    return ether + ip + struct.pack('>HHHH', PORT, PORT, 8 + SIZE, 0)


def watch_cables(ns):
    """
    A socket that gets every frame of ours in the cables' namespace, on whatever interface, also one that is made later: in
    clear, since only then can the filter see that it is ours.
    """
    magic = struct.unpack('>I', MAGIC)[0]
    code = struct.pack('HBBI' * 6, 0x20, 0, 0, PAYLOAD_AT, 0x15, 2, 0, magic, 0x20, 0, 0, WRAPPED_AT, 0x15, 0, 1, magic,
                       0x06, 0, 0, 256, 0x06, 0, 0, 0)
    memory = ctypes.create_string_buffer(code)
    with inside(ns):
        s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
    s.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, struct.pack('HxxxxxxP', 6, ctypes.addressof(memory)))
    s.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
    s.setblocking(False)
    return s


def udp(ns, addr='0.0.0.0', port=0):
    with inside(ns):
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.setsockopt(socket.IPPROTO_IP, 15, 1)  # IP_FREEBIND: the address may come later
    s.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
    s.bind((addr, port))
    s.setblocking(False)
    return s


def received(s):
    """What is there: data, sender, and when the kernel had it, by the monotonic clock."""
    while True:
        try:
            data, ancillary, _, sender = s.recvmsg(256, socket.CMSG_SPACE(TIMESPEC.size))
        except BlockingIOError:
            return
        except OSError:
            continue  # what ICMP, or an interface that went down, has to say
        seconds, nanoseconds = TIMESPEC.unpack(ancillary[0][2])
        yield data, sender, seconds + nanoseconds / 1e9 - time.time() + time.monotonic()


class Traffic:
    def __init__(self, host, peer, cables, peer_addr, addrs, cable_ends):
        """cable_ends: the host's cables as [port, MAC of the host's NIC]; addrs: those of the host that the peer forges for."""
        self.peer_addr = peer_addr
        self.speakers, self.ears = [udp(host)], [udp(host, port=PORT)]
        self.peer_speaker, self.peer_ear = udp(peer), udp(peer, port=PORT)
        self.honest_to = addrs[0]
        self.watch = watch_cables(cables)
        self.forger = self._forger(cables)
        self.forged = [(port, forged_head(mac, peer_addr, addr)) for port, mac in cable_ends for addr in addrs]
        self.ticks = 0
        self.heard = {'out': 0, 'in': 0}
        self.clear = {'out': [], 'in': []}
        self.running = True

    @staticmethod
    def _forger(ns):
        with inside(ns):
            return socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)

    # ---- one tick ----

    def speak(self):
        self.ticks += 1
        for s in self.speakers:
            self._try(s.sendto, datagram(OUT, self.ticks), (self.peer_addr, PORT))
        self._try(self.peer_speaker.sendto, datagram(HONEST, self.ticks), (self.honest_to, PORT))
        for port, head in self.forged:
            self._try(self.forger.sendto, head + datagram(FORGED, self.ticks), (port, ETH_P_IP))

    @staticmethod
    def _try(send, *args):
        try:
            send(*args)
        except OSError:
            pass  # a closed gate, a cable that is out: what is looked at is what gets through

    def listen(self):
        for data, sender, when in received(self.watch):
            if sender[PACKET_KIND] != PACKET_OUTGOING and (MAGIC + OUT) in (data[at:at + 5] for at in (PAYLOAD_AT, WRAPPED_AT)):
                self.clear['out'].append(when)
        for ear in self.ears:
            for data, _, when in received(ear):
                if data.startswith(MAGIC + FORGED):
                    self.clear['in'].append(when)
                else:
                    self.heard['in'] += data.startswith(MAGIC + HONEST)
        for data, _, _ in received(self.peer_ear):
            self.heard['out'] += data.startswith(MAGIC + OUT)

    # ---- what it can be told ----

    def counts(self):
        return {'ticks': self.ticks, **self.heard, 'clear': {way: len(times) for way, times in self.clear.items()}}

    def speak_from(self, ns, addr):
        """By that address, too, which that namespace may not have yet."""
        self.speakers.append(udp(ns, addr))
        return True

    def listen_in(self, ns):
        self.ears.append(udp(ns, port=PORT))
        return True

    def stop(self):
        """All that was sent is there: nothing holds a packet longer than a few ticks, unless it is lost."""
        end = time.monotonic() + 20 * TICK
        while time.monotonic() < end:
            self.listen()
            time.sleep(TICK)
        self.running = False
        return {**self.counts(), 'times': self.clear}

    def obey(self):
        while select.select([sys.stdin], [], [], 0)[0]:
            line = sys.stdin.readline()
            if not line:
                self.running = False
                return
            word, *args = json.loads(line)
            print(json.dumps(getattr(self, word)(*args)), flush=True)

    def run(self):
        print(json.dumps('ready'), flush=True)
        due = time.monotonic()
        while self.running:
            self.speak()
            self.listen()
            self.obey()
            due = max(due + TICK, time.monotonic() - TICK)  # what was missed is not made up for
            time.sleep(max(0, due - time.monotonic()))


if __name__ == '__main__':
    Traffic(**json.loads(sys.argv[1])).run()
