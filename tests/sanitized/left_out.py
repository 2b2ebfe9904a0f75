# SPDX-License-Identifier: BSD-2-Clause
"""
What programs that are built with a sanitizer cannot be tested for: (how a test's name begins, why). Each is skipped, and told at the
end of the run, as is what cannot be tested on a machine (not_tested.py). Who matches no test is an error: the list is no longer so.
"""
import pytest

SLOW = 'how fast something is: with a sanitizer it is several times slower'
FDS = 'which descriptors a process has: with a sanitizer it has one more, for reports'
MEMORY = 'what is in memory, and how much there is: with a sanitizer it has a shadow of terabytes of addresses, and keeps what was freed'
LOCKED = 'memory that is locked: a sanitizer lets its program lock none, for that shadow'
BARE = 'a root with nothing but the programs: with a sanitizer there has to be a folder for reports'
LITTLE = 'a control group that has little memory left: with a sanitizer a program needs more than what it has'
PACKED = 'a package: to compress programs that are five times as large takes longer than a test waits'
SOON = 'a packet that waits half a second for its key: with a sanitizer the key may take longer'

LEFT_OUT = [
    ('test_faults_memory.py::test_packet_memory_of_another_nic', LITTLE),
    ('test_floods.py::test_flood[informational]', MEMORY),
    ('test_floods.py::test_flood[openings]', MEMORY),
    ('test_floods.py::test_flood[strangers]', MEMORY),
    ('test_ike.py::test_traffic_before_the_answer', SOON),
    ('test_jumbo.py::test_memory', MEMORY),
    ('test_maps.py::test_expanded_keys_go_with_their_sas', MEMORY),
    ('test_packaging.py::test_deb', PACKED),
    ('test_packet_memory.py::test_what_is_said_is_taken', MEMORY),
    ('test_places.py::test_installed_in_a_minimal_root', BARE),
    ('test_places.py::test_who_they_are', LOCKED),
    ('test_rights.py::test_expanded_keys_are_locked', LOCKED),
    ('test_rights.py::test_hands_have_no_key', MEMORY),
    ('test_rights.py::test_keys_of_ike_are_locked', LOCKED),
    ('test_rights.py::test_open', FDS),
    ('test_rights.py::test_secrets_are_locked', LOCKED),
    ('test_secrets.py::test_key_on_its_way_is_locked', LOCKED),
    ('test_secrets.py::test_keys_are_where_they_may_be', MEMORY),
]


def mark(items, whole):
    """Marks them to be skipped; whole: nobody has chosen among the tests of these files."""
    unused = {prefix for prefix, _ in LEFT_OUT if any(item.nodeid.startswith(f'tests/e2e/{prefix.split("::")[0]}') for item in items)}
    for item in items:
        if item.get_closest_marker('alone'):
            item.add_marker(pytest.mark.skip(reason=SLOW))
        for prefix, why in LEFT_OUT:
            if item.nodeid.startswith(f'tests/e2e/{prefix}'):
                unused.discard(prefix)
                item.add_marker(pytest.mark.skip(reason=why))
    if whole and unused:
        raise pytest.UsageError(f'tests/sanitized/left_out.py has names that no test has: {", ".join(sorted(unused))}')
