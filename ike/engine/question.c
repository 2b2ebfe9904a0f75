/* SPDX-License-Identifier: BSD-2-Clause */
#include "question.h"

payload_set message_payloads(const struct message *m)
{
	payload_set set = 0;

	for (unsigned i = 0; i < m->count; i++)
		if (m->payloads[i].type < 64)
			set |= HAS(m->payloads[i].type);
	return set;
}
