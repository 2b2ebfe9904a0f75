/* SPDX-License-Identifier: BSD-2-Clause */
/* What root may do here, and how a program stops being root. */
#ifndef LIB_PRIVILEGES_H
#define LIB_PRIVILEGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "fault.h"

/* The user that worker, IKE and key holder become: this one of /etc/passwd ... */
#define SERVICE_USER "xdp-ipsec"
/* ... or, without it, a number that nobody else gives away: above what Debian, systemd's containers and sssd take for
 * theirs, and below 2^31. In ASCII it reads "xips". Nobody's own 65534 is shared with other services. */
#define SERVICE_ID 0x78697073

struct service_user {
	uid_t uid;
	gid_t gid;
};

/* Reads the passwd file itself, as a name service may ask the network. passwd: NULL for /etc/passwd. -EPERM if the user
 * of that name is root. 0 or -errno. */
int service_user_find(struct service_user *user, const char *passwd, struct fault *f);

/* This process, and what it starts: no core dumps, of no part of its memory; no ptrace by its own user. Every program
 * that can see a key calls it first. */
void privileges_harden(void);

/*
 * Becomes that user, for good: no capability but `kept` (bits, 1 << CAP_*), no other groups, no way to get more, no
 * core dump, and an end when the parent ends. 0 or -errno, and the process is to end then.
 */
int privileges_drop(const struct service_user *user, uint64_t kept, struct fault *f);

/* What try(arg) returns while no capability is in effect; they are back afterwards. -errno if they cannot be put aside.
 */
int privileges_try_without(int (*try)(void *arg), void *arg);

/* Raises RLIMIT_MEMLOCK as far as it goes. Whether any amount can be locked, as long as the capabilities are kept
 * (now), and after they are gone (later). */
struct lockable {
	bool now;
	bool later;
};
struct lockable privileges_raise_memlock(void);

/*
 * Nothing that this process has in memory, now or later, gets to a swap device: each page is locked when it is first
 * touched. *kept gets the bit of CAP_IPC_LOCK where what comes later can't be locked without. False: neither the limit
 * nor the capability allows it, nothing is locked, and *kept is as it was.
 */
bool privileges_lock_memory(uint64_t *kept);

/*
 * What to do about an error of a system call that takes privileges: for EPERM and EACCES what is not permitted and how
 * to get it, for any other error `otherwise`. Valid until the next call.
 */
const char *privileges_remedy(int err, const char *otherwise);

/* Whether what becomes another user ends when this process says so, and with it. 0 or -EPERM. */
int privileges_to_end_children(struct fault *f);

/* Of the capabilities that the programs need together, those that this process lacks: their names, a comma between. */
void privileges_missing(char *text, size_t size);

/* Whether this process is in a user namespace, where root is no root. */
bool privileges_in_user_namespace(void);

#endif
