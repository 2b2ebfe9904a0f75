/* SPDX-License-Identifier: BSD-2-Clause */
/* The line that 'systemctl status' shows of a running daemon. */
#ifndef LOADER_DAEMON_SERVICE_LINE_H
#define LOADER_DAEMON_SERVICE_LINE_H

#include "attach/nics.h"
#include "ike_process.h"
#include "worker_process.h"

/* Tells the service manager (service.h) whether NICs are attached and served, and IKE runs: after that has changed. */
void service_tell(const struct nics *nics, const struct worker *worker, const struct ike_process *ike,
		  const struct config *config);

#endif
