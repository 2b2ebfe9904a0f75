/* SPDX-License-Identifier: BSD-2-Clause */
#include "open.h"

#include <string.h>

#include "task.h"

struct ike_sa *peer_open(struct peer *p, unsigned selector)
{
	struct path path = {.local_port = IKE_PORT, .remote_port = IKE_PORT};
	struct ike_sa *sa;
	struct task *task;

	memcpy(path.local, p->connection->config->local, 4);
	memcpy(path.remote, p->remote, 4);
	sa = ike_sa_new(p->connection->engine, p, &path, true, 0);
	task = sa ? task_queue(sa, TASK_INIT) : NULL;
	if (!task) {
		peer_log(p, "no memory to open an IKE SA");
		if (sa)
			ike_sa_free(sa);
		mortal_end(&p->connection->engine->ending, &p->mortal);
		return NULL;
	}
	task->children = true;
	task->selector = selector;
	return sa;
}
