/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE
#include "sandbox.h"

#include <stdio.h>
#include <sys/socket.h>

#include "lib/call_filter.h"
#include "lib/landlock.h"
#include "lib/privileges.h"

/* Every call the worker makes from here on, and what for. No open, no socket, no exec, no io_uring but those it has. */
static const int allowed[] = {
	/* packets */
	SCMP_SYS(read),		  /* from the TAP */
	SCMP_SYS(io_uring_enter), /* many of them at once */
	SCMP_SYS(writev),	  /* to the TAP */
	SCMP_SYS(sendto),	  /* makes the kernel send from a TX ring; an answer to the loader */
	SCMP_SYS(recvfrom),	  /* makes the kernel look at a fill ring */
	SCMP_SYS(ppoll),	  /* waiting */
	SCMP_SYS(getsockopt),	  /* what a socket's rings lost, and where they are */
	SCMP_SYS(clock_gettime),  /* where the vDSO cannot tell the time */
	SCMP_SYS(sched_yield),	  /* a lock's holder is off the CPU */
	/* a NIC comes or goes: its sockets are handed over */
	SCMP_SYS(recvmsg),
	SCMP_SYS(lseek), /* how long the file with its packet memory is */
	SCMP_SYS(bind),
	SCMP_SYS(close),
	SCMP_SYS(clock_nanosleep), /* another worker that has just died still holds the queue */
	SCMP_SYS(getrandom),
	/* memory: of a NIC's packets; of an SA's first packet, as OpenSSL's key schedule is allocated */
	SCMP_SYS(brk),
	SCMP_SYS(munmap),
	SCMP_SYS(madvise),
	SCMP_SYS(futex),
	/* the process */
	SCMP_SYS(write), /* a line to stderr; a lane is woken */
	SCMP_SYS(restart_syscall),
	SCMP_SYS(rt_sigreturn),	  /* SIGTERM's handler */
	SCMP_SYS(rt_sigprocmask), /* a lane's end */
	SCMP_SYS(exit),
	SCMP_SYS(exit_group),
};

static void allow_some(struct call_filter *filter)
{
	if (!filter->err)
		filter->err = seccomp_rule_add(filter->rules, SCMP_ACT_ALLOW, SCMP_SYS(setsockopt), 1,
					       SCMP_A1(SCMP_CMP_EQ, SOL_XDP, 0));
	call_filter_allow_memory(filter, SCMP_SYS(mmap));
}

int sandbox_restrict_calls(struct fault *f)
{
	struct call_filter filter = call_filter_new();

	call_filter_allow(&filter, allowed, sizeof(allowed) / sizeof(allowed[0]));
	allow_some(&filter);
	return call_filter_load(&filter, f);
}

int sandbox_drop_privileges(struct fault *f)
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
	/* Each thread would have to by itself. */
	if (!err)
		err = landlock_leave_others(f);
	return err ? err : landlock_leave_files(f);
}
