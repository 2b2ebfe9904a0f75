# SPDX-License-Identifier: BSD-2-Clause
"""What either end of the wire can be asked to do: our namespace by bed.Host, the guest by guest.py.

Arguments and results are plain JSON values. Content is made from a seed or an index, so each end
knows what the other must have sent.
"""
import hashlib
import random
import select
import socket
import struct
import subprocess
import time

DEADLINE = 20
SO_RCVBUFFORCE = 33
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


# ---- UDP: datagrams that say their index and are filled from it ----


def _datagram(index, size):
    return struct.pack("!I", index) + random.Random(index).randbytes(size - 4)


def udp_bind(port):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 8 << 20)
    s.bind(("0.0.0.0", port))
    _sockets["udp", port] = s


def udp_collect(port, count, deadline=DEADLINE):
    """Takes datagrams until count have come or the deadline passes.

    {intact: indices in the order they came, damaged: number of those that are not what was sent}"""
    intact, damaged, end = [], 0, time.monotonic() + deadline
    sock = _sockets["udp", port]
    while len(intact) + damaged < count and select.select([sock], [], [], max(0, end - time.monotonic()))[0]:
        data = sock.recv(1 << 16)
        index = struct.unpack_from("!I", data)[0] if len(data) >= 4 else None
        if index is not None and data == _datagram(index, len(data)):
            intact.append(index)
        else:
            damaged += 1
    return {"intact": intact, "damaged": damaged}


def udp_send(address, port, count, sizes, per_second=5000):
    """Sends count datagrams whose sizes go round the list; they bear the indices 0 ... count - 1."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        start = time.monotonic()
        for index in range(count):
            s.sendto(_datagram(index, sizes[index % len(sizes)]), (address, port))
            ahead = start + (index + 1) / per_second - time.monotonic()
            if ahead > 0.01:
                time.sleep(ahead)
