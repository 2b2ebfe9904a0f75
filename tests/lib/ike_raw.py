# SPDX-License-Identifier: BSD-2-Clause
"""IKE messages of somebody who has no key: written down from RFC 7296, for floods. Nothing in them is proven."""
import os
import struct

from cryptography.hazmat.primitives.asymmetric import ec

PORT = 500
IKE_SA_INIT, IKE_AUTH, INFORMATIONAL = 34, 35, 37
INITIATOR = 0x08
PAYLOAD_SA, PAYLOAD_KE, PAYLOAD_IDI, PAYLOAD_NONCE, PAYLOAD_NOTIFY, PAYLOAD_SK = 33, 34, 35, 40, 41, 46
COOKIE = 16390
HEADER = 28
# Where the SPIs are in a message, and, of one that is sealed, what is another each time: its IV.
SPI_I, SPI_R, IV = 0, 8, HEADER + 4
IV_BITS = SPI_BITS = 64


def header(spi_i, spi_r, first, exchange, message_id, size, flags=INITIATOR):
    """RFC 7296 section 3.1."""
    return struct.pack('>QQBBBBII', spi_i, spi_r, first, 0x20, exchange, flags, message_id, HEADER + size)


def payload(following, data):
    return struct.pack('>BBH', following, 0, 4 + len(data)) + data


def transform(last, kind, number, attributes=b''):
    return struct.pack('>BBHBBH', 0 if last else 3, 0, 8 + len(attributes), kind, 0, number) + attributes


# ENCR_AES_GCM_16 of 256 bits, PRF_HMAC_SHA2_384, group 20.
TRANSFORMS = (transform(False, 1, 20, struct.pack('>HH', 0x800e, 256)) + transform(False, 2, 6) + transform(True, 4, 20))
PROPOSAL = struct.pack('>BBHBBBB', 0, 0, 8 + len(TRANSFORMS), 1, 1, 0, 3) + TRANSFORMS


def key_exchange():
    """A fresh point of the curve."""
    point = ec.generate_private_key(ec.SECP384R1()).public_key().public_numbers()
    return struct.pack('>HH', 20, 0) + point.x.to_bytes(48, 'big') + point.y.to_bytes(48, 'big')


class Opening:
    """An IKE_SA_INIT request as an honest initiator would send it, and again with the cookie that it was asked for."""

    def __init__(self):
        self.spi_i = int.from_bytes(os.urandom(8), 'big') | 1
        self.payloads = (payload(PAYLOAD_KE, PROPOSAL) + payload(PAYLOAD_NONCE, key_exchange()) + payload(0, os.urandom(32)))

    def request(self, cookie=None):
        if cookie is None:
            return header(self.spi_i, 0, PAYLOAD_SA, IKE_SA_INIT, 0, len(self.payloads)) + self.payloads
        notify = payload(PAYLOAD_SA, struct.pack('>BBH', 0, 0, COOKIE) + cookie)
        return header(self.spi_i, 0, PAYLOAD_NOTIFY, IKE_SA_INIT, 0, len(notify) + len(self.payloads)) + notify + self.payloads


def cookie_in(answer):
    """The cookie that an answer asks for; None: it does not."""
    first, body = answer[16], answer[HEADER:]
    if first != PAYLOAD_NOTIFY or struct.unpack_from('>H', body, 6)[0] != COOKIE:
        return None
    return body[8:struct.unpack_from('>H', body, 2)[0]]


def spis(answer):
    return struct.unpack_from('>QQ', answer)


def sealed(spi_i, spi_r, exchange, size=160, message_id=1):
    """What looks like a sealed message, and is garbage."""
    sk = payload(PAYLOAD_IDI if exchange == IKE_AUTH else 0, os.urandom(size))
    return header(spi_i, spi_r, PAYLOAD_SK, exchange, message_id, len(sk)) + sk
