/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The IP ID of an ESP packet that is cut into fragments.
 *
 * Who knows the next IDs can send fragments with them beforehand, and what they
 * meet at the receiver is lost. So to each destination they are a permutation of 16
 * bits of its own, under a secret key, of a counter: nobody can tell the next, also not
 * a peer who sees those that go to it, and none comes again before 65,536 datagrams.
 */
#ifndef WORKER_IP_ID_H
#define WORKER_IP_ID_H

#include <stdint.h>

#include "lib/fault.h"

struct ip_ids {
	uint64_t key[2];
	uint16_t counter;
};

/* With a new key. 0 or -errno. */
int ip_id_init(struct ip_ids *ids, struct fault *f);

/* The ID for the next datagram to that address. No system call. */
uint16_t ip_id_next(struct ip_ids *ids, const uint8_t dst[4]);

#endif
