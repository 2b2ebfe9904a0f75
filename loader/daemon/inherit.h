/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What one supervisor leaves to the next, however it ends: the service manager keeps a descriptor of the key vault
 * (service.h), or it was handed over (succession.h), and the maps are pinned. So SAs go on, with their counters,
 * windows and sequence numbers, which are in the maps, and no nonce comes twice. The worker goes on meanwhile where its
 * NICs are left, too (left.h).
 */
#ifndef LOADER_DAEMON_INHERIT_H
#define LOADER_DAEMON_INHERIT_H

#include "instance/instance.h"
#include "left.h"
#include "policy/sa.h"
#include "worker_process.h"

struct inheritance {
	bool kept; /* the manager keeps the vault, for the next one */
	bool had;  /* it was kept for this one */
	struct nics_left nics;
	pid_t worker; /* which goes on meanwhile */
	int orders;   /* to it; -1: there is none */
};

#define INHERIT_VAULT "vault"

/* Finds what is left of NICs and worker, and ends a worker that nobody can give orders to, and with it the one whose
 * place that was about to take. 0 or -errno. */
int inherit_datapath(struct inheritance *i, const struct instance *in, struct fault *f);

/* The NICs that go on do. */
void inherit_no_more_nics(struct inheritance *i);

/* The worker that was left is this one's `before`, and what it has of the attached NICs is this one's to go on with. */
void inherit_worker(struct inheritance *i, struct worker *worker, const struct nics *nics);

/* Opens the vault that was kept for this instance and its maps, or makes one, and has it kept. 0 or -errno. */
int inherit_vault(struct inheritance *i, struct vault *vault, const struct instance *in, const struct maps *maps,
		  struct fault *f);

/* Takes over the SAs whose keys are there, and forgets all others, which the log tells. connections: there is IKE for
 * its own. */
void inherit_sas(const struct inheritance *i, struct sa_database *sas, bool connections);

#endif
