/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The process that does what takes long (job.h), with a thread for each CPU. It has no key of this host's, no map, no
 * network; what it has of secrets are the keys of group 20 that it is at work on.
 *
 *   protocol process --jobs--> hands, which take one at a time each
 *
 * One process, since its threads have nothing to keep from each other: each is given what is hostile, and gives back
 * what the engine believes. It dies with the protocol process, and the protocol process with it.
 */
#ifndef IKE_HANDS_HANDS_H
#define IKE_HANDS_HANDS_H

#include "job.h"

/* A job on its way; behind it are its data. Before the data of its answer is a struct answer_head (keyholder_wire.h).
 */
struct job_head {
	uint32_t number;
	uint32_t kind;
};

/* The largest answer: a chain of certificates, and what is said of it. */
#define ANSWER_MAX 80000

/*
 * Runs so many hands until the socket (SOCK_SEQPACKET) is closed. Sandboxes itself first, and then writes the line
 * KEYHOLDER_READY (keyholder.h) to `ready`; without that it has said why. Returns an exit status, unless another thread has ended the
 * process by then.
 */
int hands_run(int jobs, int ready, unsigned count);

#endif
