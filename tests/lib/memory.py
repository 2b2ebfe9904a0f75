# SPDX-License-Identifier: BSD-2-Clause
"""What is in the memory of a process, as root sees it by /proc/PID/mem, and in files; and the forms that a key may be there in."""
import base64
import os
import re
import struct
from pathlib import Path

PAGE = os.sysconf('SC_PAGESIZE')
# Shared memory is read as a whole up to here; of what is larger, and of a process's own, the pages that are there.
WHOLE = 1 << 26
PRESENT, SWAPPED = 1 << 63, 1 << 62


# ---- forms ----

def _sbox():
    """FIPS 197 section 5.1.1: the inverse in GF(2^8), then an affine map."""
    p = q = 1
    box = [0x63] * 256
    while True:
        p ^= (p << 1) ^ (0x11b if p & 0x80 else 0)
        q ^= q << 1
        q ^= q << 2
        q ^= q << 4
        q &= 0xff
        if q & 0x80:
            q ^= 0x09
        box[p] = 0x63 ^ q ^ _turn(q, 1) ^ _turn(q, 2) ^ _turn(q, 3) ^ _turn(q, 4)
        if p == 1:
            return box


def _turn(byte, n):
    return (byte << n | byte >> (8 - n)) & 0xff


SBOX = _sbox()


def round_keys(key):
    """All 15 of AES-256 (FIPS 197 section 5.2), the first two of which are the key."""
    words, rcon = [key[i:i + 4] for i in range(0, 32, 4)], 1
    for i in range(8, 60):
        word = words[-1]
        if i % 8 == 0:
            word = bytes(SBOX[b] for b in word[1:] + word[:1])
            word = bytes([word[0] ^ rcon]) + word[1:]
            rcon <<= 1
        elif i % 8 == 4:
            word = bytes(SBOX[b] for b in word)
        words.append(bytes(a ^ b for a, b in zip(word, words[i - 8])))
    return [b''.join(words[i:i + 4]) for i in range(0, 60, 4)]


def in_base64(secret):
    """What is in any base64 of any text that has it, wherever it stands in that: one for each way the bits may fall."""
    for before in range(3):
        text = base64.b64encode(bytes(before) + secret)
        yield text[(0, 2, 3)[before]:(before + len(secret)) // 3 * 4]


def forms(secret, aes=False):
    """Either half of it, so that a part is found, too: as it is, turned round as a number is, in hex, in base64."""
    half = len(secret) // 2
    found = set()
    for part in (secret[:half], secret[half:]):
        found |= {part, part[::-1], part.hex().encode(), part.hex().upper().encode(), *in_base64(part)}
    if aes:
        found |= set(round_keys(secret)[2:4])
    return found


# ---- where ----

def mappings(pid):
    """(start, end, access, name, flags) of each."""
    found = []
    for line in Path(f'/proc/{pid}/smaps').read_text().splitlines():
        if match := re.match(r'([0-9a-f]+)-([0-9a-f]+) (....) \S+ \S+ \S+ *(.*)', line):
            found.append([int(match[1], 16), int(match[2], 16), match[3], match[4], []])
        elif line.startswith('VmFlags:'):
            found[-1][4] = line.split()[1:]
    return found


def _runs(pid, start, end):
    """(start, end) of what is there, in memory or swapped out."""
    count = (end - start) // PAGE
    with open(f'/proc/{pid}/pagemap', 'rb', 0) as pagemap:
        entries = struct.unpack(f'={count}Q', os.pread(pagemap.fileno(), 8 * count, start // PAGE * 8))
    runs = []
    for n, entry in enumerate(entries):
        if entry & (PRESENT | SWAPPED):
            at = start + n * PAGE
            if runs and runs[-1][1] == at:
                runs[-1][1] = at + PAGE
            else:
                runs.append([at, at + PAGE])
    return runs


def image(pid):
    """(name of the mapping, its flags, bytes) of all that it has, bytes None where nobody but itself can read; without programs and
    libraries as they are on disk."""
    with open(f'/proc/{pid}/mem', 'rb', 0) as mem:
        for start, end, access, name, flags in mappings(pid):
            if start >= 1 << 47 or (access[3] == 'p' and access[1] != 'w' and name.startswith('/')) or name in ('[vvar]', '[vdso]', '[vvar_vclock]'):
                continue
            whole = access[3] == 's' and end - start <= WHOLE
            for a, b in [(start, end)] if whole else _runs(pid, start, end):
                try:
                    yield name, flags, os.pread(mem.fileno(), b - a, a)
                except OSError:
                    yield name, flags, None


def places(pid, needles):
    """{name of a needle: names of the mappings that have one of its forms}; needles: {name: forms}."""
    found = {}
    for name, _, data in image(pid):
        for what in among(data or b'', needles):
            found.setdefault(what, set()).add(re.sub(r':\[\d+\]$', '', name) or 'nameless')
    return found


def among(data, needles):
    """The names of those that are in the data."""
    return {name for name, all_forms in needles.items() if any(form in data for form in all_forms)}


def unreadable(pid):
    """The mappings that root cannot read."""
    return {name for name, _, data in image(pid) if data is None}
