# SPDX-License-Identifier: BSD-2-Clause
"""What goes by beside a ping: one TCP stream, as fast as it gets, or UDP of 64 bytes at a steady rate."""
import json
import subprocess
import time
from contextlib import contextmanager

import tcp
import udp
from beds import NIC
from lib.wait import until

UDP_SIZE, UDP_PPS = 64, 100_000
# Ended by whoever measures beside it, long before.
SECONDS = 600
# The stream has left its slow start behind.
FLOWING_PACKETS = 5000


@contextmanager
def _running(argv):
    with subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            yield process
            if process.poll() is not None:
                raise AssertionError(f'{argv[2]}: ended with {process.returncode} before what was measured beside it')
        finally:
            process.terminate()


def _received(bed):
    """Bytes and packets that b's NIC has taken from the wire."""
    link, = json.loads(bed.b.ip('-s', '-j', 'link', 'show', 'dev', NIC).stdout)
    return link['stats64']['rx']['bytes'], link['stats64']['rx']['packets']


@contextmanager
def tcp_stream(bed):
    with tcp.server(bed), _running(bed.a.argv('iperf3', '-c', bed.to, '-p', tcp.PORT, '-t', SECONDS)):
        yield


@contextmanager
def udp_stream(bed):
    with udp.receiver(bed) as process:
        port = process.stdout.readline().strip()
        with _running(bed.a.argv(udp.SENDER, bed.to, port, UDP_SIZE, UDP_PPS, SECONDS)):
            yield


def beside(load, bed, measure):
    """What measure() finds beside the load, and how much of that there was on the wire meanwhile."""
    before = _received(bed)[1]
    with load(bed):
        until(lambda: _received(bed)[1] > before + FLOWING_PACKETS, 'the load flows')
        start, since = _received(bed), time.monotonic()
        found = measure()
        seconds = time.monotonic() - since
        octets, packets = (now - then for now, then in zip(_received(bed), start))
    return {**found, 'load_mbit_s': octets * 8e-6 / seconds, 'load_kpps': packets * 1e-3 / seconds}
