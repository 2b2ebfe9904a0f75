/* SPDX-License-Identifier: BSD-2-Clause */
/* Keys that the files of strongSwan, libreswan, WireGuard and 'ip xfrm' have, and what stands for them here. */
#ifndef LOADER_CONFIG_FOREIGN_KEYS_H
#define LOADER_CONFIG_FOREIGN_KEYS_H

#include "lib/foreign_word.h"

extern const struct foreign_word connection_foreign_keys[];
extern const struct foreign_word interface_foreign_keys[];
extern const struct foreign_word policy_foreign_keys[];
extern const struct foreign_word daemon_foreign_keys[];

#endif
