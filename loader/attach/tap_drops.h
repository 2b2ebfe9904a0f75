/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the host sent and the kernel dropped, because the TAP's queues were full: the worker reads them, and had not the
 * CPU to do so. It is the kernel's own count, of the TAP as an interface; what has come to it since the last look is
 * added to tap_full. The count goes with its TAP, so a TAP is looked at before it is taken away.
 */
#ifndef LOADER_ATTACH_TAP_DROPS_H
#define LOADER_ATTACH_TAP_DROPS_H

#include "maps/maps.h"

/* A NIC's, whose entry in `ports` names the TAP; where it names none nothing is done. */
void tap_drops_count(const struct maps *maps, struct port *p);

#endif
