/* SPDX-License-Identifier: BSD-2-Clause */
#include "question.h"

bool message_has(const struct message *m, payload_set set)
{
	for (unsigned i = 0; i < m->count; i++)
		if (m->payloads[i].type < 64)
			set &= ~HAS(m->payloads[i].type);
	return !set;
}
