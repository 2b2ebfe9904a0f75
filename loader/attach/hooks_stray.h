/* SPDX-License-Identifier: BSD-2-Clause */
/* clsact filters of ours that nobody holds: they have no links, so that they outlive a pin that somebody deleted, or
 * that a detach took which was killed before it came to them. */
#ifndef LOADER_ATTACH_HOOKS_STRAY_H
#define LOADER_ATTACH_HOOKS_STRAY_H

#include "hook_place.h"

/*
 * Takes such filters off the NIC: ours by handle, priority and the name of their program, and pinned for that NIC by no
 * instance. None is taken where an XDP program is on the NIC, whoever's: it may be that of one whose BPF file system is
 * another. Whether there was any.
 */
bool hooks_remove_stray(const struct hook_place *at);

#endif
