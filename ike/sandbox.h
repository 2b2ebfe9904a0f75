/* SPDX-License-Identifier: BSD-2-Clause */
/* From here on no privileges, no file system, and only the system calls that are needed. */
#ifndef IKE_SANDBOX_H
#define IKE_SANDBOX_H

#include "fault.h"

/* The protocol process: everything it needs is open. map: `sad`, or -1 for one that has no maps. 0 or -errno. */
int sandbox_enter_protocol(int map, struct fault *f);

/* The key holder. kept: the capability that it goes on with, or -1. 0 or -errno. */
int sandbox_enter_keyholder(int kept, struct fault *f);

/*
 * The capability that looking into a map takes here: CAP_BPF where kernel.unprivileged_bpf_disabled keeps everybody
 * else from bpf() (before Linux 5.19), -1 where having the map's descriptor is enough. Found out by doing it:
 * lookup(arg) returns 0 or -errno, and is called with no capability in effect.
 */
int sandbox_bpf_capability(int (*lookup)(void *arg), void *arg);

#endif
