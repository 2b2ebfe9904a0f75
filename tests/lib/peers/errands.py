# SPDX-License-Identifier: BSD-2-Clause
"""What either end of the wire can be asked to do: our namespace by guest_bed.Host, the guest by guest.py.

Arguments and results are plain JSON values. Content is made from a seed or an index, so each end
knows what the other must have sent.
"""
import hashlib
import itertools
import random
import select
import socket
import struct
import subprocess
import time

DEADLINE = 20
SO_RCVBUFFORCE = 33
IP_MTU_DISCOVER, IP_PMTUDISC_DO = 10, 2
TCP_TIME_WAIT, TCP_LISTEN = "06", "0A"
ICMP_ECHO_REPLY, ICMP_ECHO_REQUEST = 0, 8
_sockets = {}


def run(argv, text=None, deadline=DEADLINE):
    """Runs a program to its end: {rc, out, err}. A failure is the caller's to judge."""
    p = subprocess.run(argv, input=text, capture_output=True, text=True, timeout=deadline, check=False)
    return {"rc": p.returncode, "out": p.stdout, "err": p.stderr}


def read_file(path):
    with open(path, encoding="ascii") as f:
        return f.read()


def write_file(path, text):
    with open(path, "w", encoding="ascii") as f:
        f.write(text)


def close_all():
    """Closes what listens or is bound."""
    while _sockets:
        _sockets.popitem()[1].close()


# ---- TCP: one connection, one way, compared by digest ----


def tcp_listen(port):
    s = socket.create_server(("0.0.0.0", port))
    s.settimeout(DEADLINE)
    _sockets["tcp", port] = s


def tcp_receive(port):
    """Takes one connection on a port that tcp_listen opened, to its end: {bytes, sha256}."""
    with _sockets.pop(("tcp", port)) as listener:
        conn, _ = listener.accept()
    digest, count = hashlib.sha256(), 0
    with conn:
        conn.settimeout(DEADLINE)
        while data := conn.recv(1 << 16):
            digest.update(data)
            count += len(data)
    return {"bytes": count, "sha256": digest.hexdigest()}


def tcp_send(address, port, size, seed):
    """Sends size bytes made from seed: {bytes, sha256} of what was sent."""
    data = random.Random(seed).randbytes(size)
    with socket.create_connection((address, port), timeout=DEADLINE) as conn:
        conn.sendall(data)
        conn.shutdown(socket.SHUT_WR)
        conn.recv(1)  # until the receiver has everything and closes
    return {"bytes": size, "sha256": hashlib.sha256(data).hexdigest()}


def tcp_settle():
    """Waits until this end has nothing left to send again: no connection but in LISTEN or TIME_WAIT.

    Else the last FIN of a test may turn up in the next one. False if it does not come to that."""
    end = time.monotonic() + 5
    while time.monotonic() < end:
        sockets = read_file("/proc/thread-self/net/tcp").splitlines()[1:]
        if all(line.split()[3] in (TCP_LISTEN, TCP_TIME_WAIT) for line in sockets):
            return True
        time.sleep(0.01)
    return False


# ---- UDP: datagrams that say their index and are filled from it ----


def _readable(sock, end):
    return bool(select.select([sock], [], [], max(0, end - time.monotonic()))[0])


def _datagram(index, size):
    return struct.pack("!I", index) + random.Random(index).randbytes(size - 4)


def udp_bind(port):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 8 << 20)
    s.bind(("0.0.0.0", port))
    _sockets["udp", port] = s


def udp_collect(port, count, answer, deadline=DEADLINE):
    """Takes datagrams until count have come or the deadline passes; answers each with its index if told to.

    {intact: indices in the order they came, damaged: number of those that are not what was sent}"""
    intact, damaged, end = [], 0, time.monotonic() + deadline
    sock = _sockets["udp", port]
    while len(intact) + damaged < count and _readable(sock, end):
        data, sender = sock.recvfrom(1 << 16)
        index = struct.unpack_from("!I", data)[0] if len(data) >= 4 else None
        if index is not None and data == _datagram(index, len(data)):
            intact.append(index)
        else:
            damaged += 1
        if answer:
            sock.sendto(data[:4], sender)
    return {"intact": intact, "damaged": damaged}


def udp_send(address, port, count, sizes, window=0):
    """Sends count datagrams whose sizes go round the list; they bear the indices 0 ... count - 1.

    With a window, no more than that are on their way unanswered: it must fit the smallest buffer there is. The last
    answers are waited for, too: an answer to a socket that is gone is answered by one more packet, an ICMP error."""
    end, answered = time.monotonic() + DEADLINE, 0
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.connect((address, port))

        def answers_but(n):
            nonlocal answered
            while window and answered < n and _readable(s, end):
                s.recv(64)
                answered += 1

        for index in range(count):
            answers_but(index + 1 - window)
            s.send(_datagram(index, sizes[index % len(sizes)]))
        answers_but(count)


# ---- ICMP echo: exactly count requests, each with its own content, and no patience to guess about ----


def _checksum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data[: len(data) & ~1]))
    total += data[-1] << 8 if len(data) % 2 else 0
    total = (total & 0xFFFF) + (total >> 16)
    return ~(total + (total >> 16)) & 0xFFFF


def _echo(kind, ident, seq, size):
    body = struct.pack("!HH", ident, seq) + random.Random(seq).randbytes(size)
    checksum = _checksum(struct.pack("!BBH", kind, 0, 0) + body)
    return struct.pack("!BBH", kind, 0, checksum) + body


def _take_reply(sock, ident, size, missing):
    packet = sock.recv(1 << 16)
    reply = packet[(packet[0] & 15) * 4 :]
    if len(reply) == 8 + size:
        seq = struct.unpack_from("!H", reply, 6)[0]
        if reply == _echo(ICMP_ECHO_REPLY, ident, seq, size):
            missing.discard(seq)


def _echo_each(address, seqs, size, interval, patience):
    ident, sent, missing = random.randrange(1 << 16), 0, set()
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP) as s:
        s.setsockopt(socket.IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DO)
        s.connect((address, 0))
        for sent, seq in enumerate(seqs, 1):
            missing.add(seq)
            s.send(_echo(ICMP_ECHO_REQUEST, ident, seq, size))
            end = time.monotonic() + interval
            while _readable(s, end):
                _take_reply(s, ident, size, missing)
        end = time.monotonic() + patience
        while missing and _readable(s, end):
            _take_reply(s, ident, size, missing)
    return sent, sent - len(missing)


def echo(address, count, size, interval, patience):
    """Sends count requests that may not be fragmented; how many were answered with what was sent.

    Returns with the last answer, or when patience (seconds) has passed since the last request."""
    return _echo_each(address, range(count), size, interval, patience)[1]


def echo_until(stop, address, interval, patience):
    """The same until the event stop is set: (how many were sent, how many were answered)."""
    return _echo_each(address, itertools.takewhile(lambda _: not stop.is_set(), range(1 << 16)), 56, interval, patience)
