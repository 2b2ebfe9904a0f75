/* SPDX-License-Identifier: BSD-2-Clause */
#include "flow_line.h"

#include "command/units.h"

void flow_line(struct page *p, unsigned row, const char *way, const struct flow *flow)
{
	char bits[UNITS_TEXT], packets[UNITS_TEXT];
	const unsigned at =
		page_print(p, row, 0, p->width, TINT_NONE, "%-4s%11s %16s  ", way,
			   si_text(flow->now.bits, "bit/s", bits), si_text(flow->now.packets, "packets/s", packets));

	page_spark(p, row, at, p->width > at ? p->width - at : 0, TINT_GOOD, &flow->bits);
}
