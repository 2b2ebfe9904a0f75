/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What was changed of a NIC's receive side, and what was there before: run_dir/steering:DEV. It is written before each
 * change, so that who comes after a supervisor that was killed can put everything back, and knows our rules from
 * others'.
 */
#ifndef LOADER_ATTACH_STEERING_RECORD_H
#define LOADER_ATTACH_STEERING_RECORD_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/fault.h"

/* Rules of a NIC. An SA that a rekey replaces has its rule beside the next one's for a while; and each rule is a
 * request to the NIC, which may take a millisecond. */
#define STEERING_RULES_MAX 1024

/* Whose it is. */
struct steering_place {
	const char *run_dir;
	const char *dev;  /* as it is attached: the record's name */
	const char *name; /* as it is called now: what ethtool is told */
};

struct steering_record {
	int ifindex;
	uint32_t hash_kind; /* of rx_hash_esp; 0: the hash is as it was */
	uint64_t hash_before;
	uint64_t hash_ours;
	bool rules_were_off; /* the feature ntuple */
	uint32_t spi_count;  /* of rules that are ours, or are about to be */
	uint32_t spis[STEERING_RULES_MAX];
};

/* Reads it. False: there is none; the record is empty then. */
bool steering_record_read(const struct steering_place *at, struct steering_record *record);

/* Writes it in one step, or removes it when there is nothing to be put back. 0 or -errno. */
int steering_record_write(const struct steering_place *at, const struct steering_record *record, struct fault *f);

#endif
