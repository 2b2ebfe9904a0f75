/* SPDX-License-Identifier: BSD-2-Clause */
/* Receive-side scaling of ESP by SPI: what a NIC's driver can, and having it done, so that it can be undone. */
#ifndef LOADER_ATTACH_STEERING_HASH_H
#define LOADER_ATTACH_STEERING_HASH_H

#include "steering_record.h"

enum steering_hash {
	STEERING_HASH_NEVER, /* not by SPI, and that cannot be had */
	STEERING_HASH_MAYBE, /* not by SPI; whether the driver takes it is known when it is tried */
	STEERING_HASH_SPI,
};

/* What it is now, without changing anything. */
enum steering_hash steering_hash_look(const char *name);

/*
 * Has ESP hashed by SPI, besides the addresses. record, which is the NIC's and as it is on disk, gets what was there
 * before, and is on disk before anything changes. A driver that does something else, or something more, is told to go
 * back. 0, or -errno with why not and everything as it was.
 */
int steering_hash_take(const struct steering_place *at, struct steering_record *record, struct fault *f);

/* Puts back what was there before, unless somebody has changed it since; the record on disk is the caller's to renew.
 * 0, or -errno: it is still as we have set it. */
int steering_hash_give_back(const char *name, struct steering_record *record);

#endif
