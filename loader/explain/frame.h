/* SPDX-License-Identifier: BSD-2-Clause */
/* A frame in memory, where the programs can point to it. */
#ifndef LOADER_EXPLAIN_FRAME_H
#define LOADER_EXPLAIN_FRAME_H

#include "packet.h"

/* Bytes that a program may put in front of a frame. */
#define FRAME_HEADROOM 256

/* Makes the packet's frame; *end is behind it. There is one frame: the next one takes its place. NULL: there is no such
 * memory. */
uint8_t *frame_make(const struct datapath_packet *p, uint8_t **end);

#endif
