/* SPDX-License-Identifier: BSD-2-Clause */
/* What maps an instance has. */
#ifndef MAPS_MAP_NAMES_H
#define MAPS_MAP_NAMES_H

/* The name of each map, from 0 on, as it is pinned; the first tells the layout. NULL: there are no more. */
const char *maps_name(unsigned number);

#endif
