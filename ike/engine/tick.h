/* SPDX-License-Identifier: BSD-2-Clause */
/* What is due: for each kind of timer who sees to it. */
#ifndef IKE_TICK_H
#define IKE_TICK_H

#include "engine_state.h"

/* Does it all. */
void tick_timers(struct engine *e);

#endif
