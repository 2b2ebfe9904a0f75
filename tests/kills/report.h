/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the recorder and who kills tell each other, in a file that both map: a word each, in this order
 * (tests/lib/beds/killed.py reads the names here). Of two words the first is host a's and the second b's.
 */
#ifndef TESTS_KILLS_REPORT_H
#define TESTS_KILLS_REPORT_H

#include <stdint.h>

struct report {
	/* who kills */
	uint64_t again; /* when it changes, what went by last is sent once more */
	uint64_t stop; /* not 0: nothing more is sent, and the recorder ends when it has heard all that is on its way */

	/* the recorder */
	uint64_t running;
	uint64_t lost;	      /* frames that it had no room for, and so did not look at */
	uint64_t recorded;    /* ESP packets that a host sent */
	uint64_t opened;      /* by the key of their SPI */
	uint64_t refused;     /* not by that one */
	uint64_t without_key; /* whose key nobody has told yet */
	uint64_t keys;
	uint64_t key_again;    /* that were told of two SPIs */
	uint64_t iv_again;     /* key and IV as before, and something else in the packet */
	uint64_t number_again; /* key and sequence number as before, and something else in the packet */
	uint64_t packet_again; /* the same packet */
	uint64_t clear;	       /* between the hosts, and neither ESP nor IKE */
	uint64_t ike;
	uint64_t wrapped;	/* keys with ESN under which numbers were seen below 2^32 and from there on */
	uint64_t exhausted;	/* keys without ESN of which the last number was seen, 2^32 - 1 */
	uint64_t exhausted_esn; /* with ESN, 2^64 - 1 */
	uint64_t injected;	/* what was recorded, sent once more */
	uint64_t forged;	/* in clear, as if the other host had sent it */
	uint64_t sent[2];	/* datagrams, numbered from 1 on */
	uint64_t arrived[2];	/* different ones */
	uint64_t last[2];	/* the highest that arrived */
	uint64_t twice[2];	/* arrived, and not for the first time */
	uint64_t forged_arrived[2];
};

#endif
