/* SPDX-License-Identifier: BSD-2-Clause */
/* When the files end by which a connection proves this host and believes its peer. */
#ifndef IKE_CONFIG_FILE_TIMES_H
#define IKE_CONFIG_FILE_TIMES_H

#include "ike_config.h"

/* By their keys in the configuration. */
enum dated_file {
	DATED_CERT, /* with what else is in its chain: the one that ends first */
	DATED_CA,   /* of several the one that ends last: until then somebody can be believed */
	DATED_CRL,  /* of several the one that is out of date first: from then on peers of its CA are refused */
	DATED_FILES,
};

/* Both since the epoch. */
struct file_times {
	int64_t begin, end;
};

/* "cert", "ca", "crl" */
const char *dated_file_name(enum dated_file file);

/* False: the connection has no such file, or it does not say when it ends. */
bool file_times(const struct connection_config *c, enum dated_file file, struct file_times *t);

/* Whether the file is to be renewed: it has ended, or less is left than a month (of a CRL: a week), or than a third of
 * what it is made for. What is made for days is renewed by machines, and is not told of before the last. */
bool file_ends_soon(enum dated_file file, const struct file_times *t, int64_t now);

/* Whole days; 0: less than one, or it has ended. */
int file_days_left(const struct file_times *t, int64_t now);

/* "cert: it expires on 2027-02-13 09:00 UTC, in 29 days: get a new one", also of one that has ended. */
void file_end_tell(enum dated_file file, const struct file_times *t, int64_t now, struct fault *f);

#endif
