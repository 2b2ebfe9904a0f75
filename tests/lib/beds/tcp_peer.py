# SPDX-License-Identifier: BSD-2-Clause
"""The least of TCP that a kernel will talk to, behind ESP: it accepts, acknowledges, and checks every segment."""
import threading

from scapy.layers.inet import IP, TCP

from lib.beds.bed import HOST, PEER
from lib.packets import checksums_right, parts

WINDOW = 65535


class TcpPeer:
    """One connection that the host opens to PEER. bad: segments whose checksum was wrong."""

    ISN = 7_000_000

    def __init__(self, bed, in_sa, out_sa):
        self.bed, self.in_sa, self.out_sa = bed, in_sa, out_sa
        self.segments, self.bad, self.data = 0, [], b''

    def _next(self):
        packet, _ = self.bed.next_opened(self.out_sa)
        if not checksums_right(packet):
            self.bad.append(packet.summary())
        return packet

    def _send(self, flags):
        tcp = TCP(sport=self.port, dport=self.host_port, flags=flags, seq=self.ISN + (flags != 'SA'), ack=self.expected,
                  window=WINDOW, options=[('MSS', 1460)] if 'S' in flags else [])
        self.bed.send_sealed(self.in_sa, IP(src=PEER, dst=HOST) / tcp)

    def accept(self):
        syn = self._next()
        assert syn[TCP].flags == 'S'
        self.port, self.host_port = syn[TCP].dport, syn[TCP].sport
        self.start = self.expected = syn[TCP].seq + 1 & 0xffffffff
        self._send('SA')

    def take(self, sock, data):
        """Lets the host send data on sock; what arrived here, in order."""
        writer = threading.Thread(target=sock.sendall, args=(data,))
        writer.start()
        while len(self.data) < len(data):
            self._on_segment(self._next())
        writer.join()
        return self.data

    def _on_segment(self, packet):
        _, l4 = parts(packet)
        payload = l4[packet[TCP].dataofs * 4:]
        if not payload:
            return
        self.segments += 1
        if packet[TCP].seq == self.expected:
            self.data += payload
            self.expected = self.expected + len(payload) & 0xffffffff
        self._send('A')
