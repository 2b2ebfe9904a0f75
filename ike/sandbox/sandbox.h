/* SPDX-License-Identifier: BSD-2-Clause */
/* From here on no privileges, no file system, and only the system calls that are needed. */
#ifndef IKE_SANDBOX_SANDBOX_H
#define IKE_SANDBOX_SANDBOX_H

#include <stdint.h>

#include "lib/fault.h"

/*
 * All lock their memory first, in which there are keys. Where that can't be done they say so on stderr, and go on.
 * 0 or -errno.
 */

/* The protocol process: everything it needs is open. map: `sad`, or -1 for one that has no maps. */
int sandbox_enter_protocol(int map, struct fault *f);

enum sandbox_of {
	SANDBOX_KEYHOLDER,
	SANDBOX_HANDS, /* who have no key of the host's, and hear the protocol process alone */
};

/*
 * What is done last, when no privilege is left, and only then are the system calls few: threads begin (threads.h). 0 or
 * -errno.
 */
typedef int sandbox_last(void *arg, struct fault *f);

int sandbox_enter(enum sandbox_of who, sandbox_last *last, void *arg, struct fault *f);

/*
 * The capability that looking into a map takes here, as a bit: CAP_BPF where kernel.unprivileged_bpf_disabled keeps
 * everybody else from bpf() (before Linux 5.19), 0 where having the map's descriptor is enough. Found out by doing it:
 * lookup(arg) returns 0 or -errno, and is called with no capability in effect.
 */
uint64_t sandbox_bpf_capability(int (*lookup)(void *arg), void *arg);

#endif
