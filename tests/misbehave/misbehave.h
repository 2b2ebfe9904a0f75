/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A worker and an IKE in which each process, once it is at work, tries what it must not be able to, and says on stderr
 * how that came out:
 *
 *   misbehave WHO: ATTEMPT: done | SIGSYS | EPERM | ...
 *
 * What is to be tried, and which walls are not put up, is in the file `misbehave` beside the program (orders.c).
 * Seccomp answers with an error of its own instead of death, so that the process goes on to the next attempt; with
 * `kill WHO` it kills, as it does in the programs themselves, and that one process makes one attempt.
 */
#ifndef TESTS_MISBEHAVE_MISBEHAVE_H
#define TESTS_MISBEHAVE_MISBEHAVE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* What no call fails with. */
#define REFUSED_BY_SECCOMP 250

struct orders {
	bool none; /* there is no file: it behaves */
	char without[80];
	char kill[20];
	pid_t victim;	      /* of the same user as who misbehaves, and not protected by anything but their sandbox */
	unsigned long secret; /* where that has 8 bytes */
	unsigned listens;     /* its abstract socket is of this name, in decimal */
	unsigned map;	      /* the id of a map that is nobody's here, an array of 4 bytes */
	char pin[160];	      /* a map's */
};

extern const struct orders *const orders;

/* Which it may not ask for later. */
extern pid_t own_pid;

/* Whether that wall is not put up: "seccomp", "landlock", "user", "root", "read-only". */
bool is_without(const char *wall);

struct attempt {
	const char *name;
	int (*act)(void); /* 0, or -errno of what kept it from it */
};

/* Ends with one that has no name. */
extern const struct attempt attempts[];

/* All attempts, or what else has been ordered of who; the second time nothing. more: of this program alone, or NULL. */
void misbehave(const char *who, const struct attempt *more);

#endif
