/* SPDX-License-Identifier: BSD-2-Clause */
/* What is due. Each kind of timer has one function, in one table: so an object sets a timer, and need not know what is
 * done then. */
#ifndef IKE_ENGINE_TICK_H
#define IKE_ENGINE_TICK_H

#include "engine_state.h"

/* Does all that is due by now. */
void tick_timers(struct engine *e);

#endif
