/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The IP ID of an ESP packet that is cut into fragments (RFC 791 section 3.2).
 *
 * IDs cannot be foretold, and to one destination none comes again before 65,536 datagrams. Whoever foretold an ID could
 * send a forged fragment beforehand, and the receiver would lose the datagram that the fragment meets. So an ID is a
 * counter under a permutation of 16 bits that depends on a secret key and on the destination: the IDs that a peer sees
 * tell it nothing of those that others will see, or of its own next. Lanes have one counter: with one each, the
 * IDs of a lane would come again sooner.
 */
#ifndef WORKER_PACKET_IP_ID_H
#define WORKER_PACKET_IP_ID_H

#include <stdint.h>

#include "lib/fault.h"

struct ip_ids {
	uint64_t key[2];
	uint16_t counter;
};

/* With a new key. 0 or -errno. */
int ip_id_init(struct ip_ids *ids, struct fault *f);

/*
 * The ID for the next datagram to that address, which the caller stores in network order. Any number of threads may
 * ask. No system call.
 */
uint16_t ip_id_next(struct ip_ids *ids, const uint8_t dst[4]);

#endif
