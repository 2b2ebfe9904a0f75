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

/*
 * Finds the user in the passwd file, which is read as a file because a name service may ask the network; SERVICE_ID if
 * there is no such user. passwd: its path, NULL for /etc/passwd. 0, or -EPERM if the user of that name is root.
 */
int service_user_find(struct service_user *user, const char *passwd, struct fault *f);

/* Makes sure that neither this process nor what it starts dumps core, with any part of its memory, or can be traced by
 * its own user. Every program that can see a key calls it first. */
void privileges_harden(void);

/*
 * Becomes that user, for good: no capability but `kept` (a bit for each, 1ULL << CAP_*), no other groups, no way to get
 * more, no core dump, and killed when the parent ends. 0 or -errno; after an error the process has to end.
 */
int privileges_drop(const struct service_user *user, uint64_t kept, struct fault *f);

/* Calls try(arg) while no capability is in effect, puts the capabilities back, and returns what try returned. -errno if
 * they cannot be put aside or back. */
int privileges_try_without(int (*try)(void *arg), void *arg);

/* Whether any amount of memory can be locked. */
struct lockable {
	bool now;   /* with the capabilities that this process has */
	bool later; /* and without them, by the limit alone */
};

/* Raises RLIMIT_MEMLOCK as far as that is allowed, and tells what can be locked then. */
struct lockable privileges_raise_memlock(void);

/* As many open descriptors as the hard limit allows. */
void privileges_raise_files(void);

/*
 * Keeps all memory of this process, present and future, from swap devices: each page is locked when it is first
 * touched. Where memory of later can only be locked with CAP_IPC_LOCK, that bit is added to *kept, for
 * privileges_drop(). False: neither limit nor capability allow it; nothing is locked, and *kept is as it was.
 */
bool privileges_lock_memory(uint64_t *kept);

/*
 * What to do about an error (errno) of a system call that takes privileges: of EPERM and EACCES what is lacking and how
 * to get it, of EMFILE, ENFILE and EAGAIN which limit to raise, of any other error `otherwise`. The text is good until
 * the next call.
 */
const char *privileges_remedy(int err, const char *otherwise);

/* Whether this process can end children that have become another user, and whether they end with it: both take
 * CAP_KILL. 0 or -EPERM. */
int privileges_to_end_children(struct fault *f);

/* Writes the capabilities that the programs need and this process lacks: "CAP_BPF, CAP_KILL", or "" if it has all. */
void privileges_missing(char *text, size_t size);

/* Whether this process is in a user namespace, where root is no root. */
bool privileges_in_user_namespace(void);

#endif
