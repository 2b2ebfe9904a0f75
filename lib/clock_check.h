/* SPDX-License-Identifier: BSD-2-Clause */
/* Whether the clock of everything that lasts (clock.h) is also the BPF programs', which know no time namespace. */
#ifndef LIB_CLOCK_CHECK_H
#define LIB_CLOCK_CHECK_H

#include "fault.h"

/* 0, or -EINVAL where a time namespace has it set off, with what to do. */
int clock_check(struct fault *f);

#endif
