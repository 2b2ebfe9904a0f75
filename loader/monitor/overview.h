/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The page as it is most of the time, from top to bottom:
 *
 *   what the host says of itself (command/host_look.h), and the time
 *   rates of all together; lanes
 *   connections
 *   drops, where there were any in the last minute
 *   events
 *   keys
 */
#ifndef LOADER_MONITOR_OVERVIEW_H
#define LOADER_MONITOR_OVERVIEW_H

#include "page.h"
#include "view.h"

#define HEADLINES_MAX 8
#define HEADLINE_TEXT 512

/* What is said above all. */
struct headlines {
	unsigned count;
	struct headline {
		enum tint tint;
		char text[HEADLINE_TEXT];
	} lines[HEADLINES_MAX];
};

/* lanes: how many there are. now: for the clock. The view learns how many rows there were room for, and scrolls so that
 * the selected one is seen. */
void overview_draw(struct page *p, const struct board *b, struct view *v, const struct headlines *head, unsigned lanes,
		   time_t now);

#endif
