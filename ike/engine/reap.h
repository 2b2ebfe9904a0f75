/* SPDX-License-Identifier: BSD-2-Clause */
/* Frees what has come to its end (mortal.h). Each kind of object has one function, in one table, which looks whether
 * the object is really not needed any more. */
#ifndef IKE_ENGINE_REAP_H
#define IKE_ENGINE_REAP_H

#include "engine_state.h"

/* For the tick and the engine's own end alone, when no other function runs that may hold what is freed. */
void reap_ended(struct engine *e);

#endif
