/* SPDX-License-Identifier: BSD-2-Clause */
#include "service_line.h"

#include "service.h"

static const char *worker_text(const struct worker *w)
{
	if (!worker_is_wanted(w))
		return "and no worker is needed";
	return worker_is_ready(w) ? "the worker serves them" : "and wait for the worker: what they protect is dropped";
}

static const char *ike_text(const struct ike_process *ike, unsigned connections)
{
	return connections && !ike->child.pid ? ": IKE is being started again" : "";
}

void service_tell(const struct nics *nics, const struct worker *worker, const struct ike_process *ike,
		  const struct config *config)
{
	const unsigned connections = config->connection_count;
	unsigned there = 0, all = 0;

	for (unsigned i = 0; i < PORTS_MAX; i++) {
		all += nics->nic[i].used;
		there += nics->nic[i].used && nics->nic[i].present;
	}
	service_status("%u of %u interfaces attached, %s; %u connection%s%s", there, all, worker_text(worker),
		       connections, connections == 1 ? "" : "s", ike_text(ike, connections));
}
