/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE
#include "sandbox.h"

#include <stdio.h>

#include "lib/call_filter.h"
#include "lib/privileges.h"

/* Every call the worker makes from here on, and what for. No open, no socket, no exec. */
static const int allowed[] = {
	/* packets */
	SCMP_SYS(read),		  /* from the TAP */
	SCMP_SYS(io_uring_enter), /* many of them at once */
	SCMP_SYS(writev),	  /* to the TAP */
	SCMP_SYS(sendto),	  /* makes the kernel send from a TX ring */
	SCMP_SYS(recvfrom),	  /* makes the kernel look at a fill ring */
	SCMP_SYS(ppoll),	  /* waiting */
	SCMP_SYS(getsockopt),	  /* what a socket's rings lost */
	SCMP_SYS(clock_gettime),  /* where the vDSO cannot tell the time */
	/* an SA's first packet: OpenSSL's key schedule is allocated */
	SCMP_SYS(brk),
	SCMP_SYS(mmap),
	SCMP_SYS(munmap),
	SCMP_SYS(futex),
	/* the process */
	SCMP_SYS(write), /* a line to stderr */
	SCMP_SYS(restart_syscall),
	SCMP_SYS(rt_sigreturn), /* SIGTERM's handler */
	SCMP_SYS(exit_group),
};

static int restrict_calls(struct fault *f)
{
	struct call_filter filter = call_filter_new();

	call_filter_allow(&filter, allowed, sizeof(allowed) / sizeof(allowed[0]));
	return call_filter_load(&filter, f);
}

int sandbox_enter(struct fault *f)
{
	struct service_user user;
	uint64_t kept = 0;
	int err = service_user_find(&user, NULL, f);

	/* OpenSSL has expanded keys in memory of its own. Where the limit is too low, sa_cache.h has found room for its
	 * own at least. */
	if (!err && !privileges_lock_memory(&kept))
		fprintf(stderr, "xdp-ipsec-worker: its memory cannot be locked but for the key vault and what it keeps "
				"of it: raise 'ulimit -l', or run with CAP_IPC_LOCK\n");
	if (!err)
		err = privileges_drop(&user, kept, f);
	return err ? err : restrict_calls(f);
}
