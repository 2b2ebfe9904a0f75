/* SPDX-License-Identifier: BSD-2-Clause */
/* Frees what has come to its end (mortal.h): looks once more whether it is really not needed. */
#ifndef IKE_REAP_H
#define IKE_REAP_H

#include "engine_state.h"

/* Only for the tick and for the engine's own end: nothing that runs may hold what is freed here. */
void reap_ended(struct engine *e);

#endif
