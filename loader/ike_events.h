/* SPDX-License-Identifier: BSD-2-Clause */
/* Events of the datapath that are IKE's to deal with. */
#ifndef LOADER_IKE_EVENTS_H
#define LOADER_IKE_EVENTS_H

#include <stdbool.h>

#include "layout.h"

/* arg is the supervisor. True: IKE has been told, and there is nothing to log. */
bool ike_on_event(void *arg, const struct event *e);

#endif
