# SPDX-License-Identifier: BSD-2-Clause
"""A pair of manual SAs, as both ends are told of them."""
import secrets
from dataclasses import dataclass, field
from typing import Optional


def _spi():
    return secrets.randbelow(0xFFFFFFFF - 0x100) + 0x100  # RFC 4303 section 2.1: 1 ... 255 are reserved


def _key():
    return secrets.token_hex(36)  # RFC 4106 section 8.1: AES-256 key, then the salt


@dataclass
class SaPair:
    """"out" is from the host (us) to the guest, "in" the other way; sequence numbers are the last ones used."""

    esn: bool = True
    window: int = 1024  # ours; the guest's is fixed
    out_seq: int = 0
    in_seq: int = 0
    selector: Optional[tuple[str, int]] = None  # (protocol, port of either end)
    out_spi: int = field(default_factory=_spi)
    in_spi: int = field(default_factory=_spi)
    out_key: str = field(default_factory=_key)
    in_key: str = field(default_factory=_key)
