/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE
#include "sandbox.h"

#include <cap-ng.h>
#include <errno.h>
#include <seccomp.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "vault.h"

#define NOBODY 65534

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

static int drop_privileges(struct fault *f)
{
	pid_t parent = getppid();

	capng_clear(CAPNG_SELECT_BOTH);
	if (capng_change_id(NOBODY, NOBODY, CAPNG_DROP_SUPP_GRP | CAPNG_CLEAR_BOUNDING) != 0)
		return fault(f, EPERM, "cannot give up privileges: run as root");
	/* Changing the user made the process dumpable again as the system's default says, and forgot its parent. */
	vault_harden_process();
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		return fault(f, ESRCH, "the supervisor is gone");
	return 0;
}

static int restrict_calls(struct fault *f)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_KILL_PROCESS);
	int err = filter ? 0 : -ENOMEM;

	for (size_t i = 0; i < sizeof(allowed) / sizeof(allowed[0]) && !err; i++)
		err = seccomp_rule_add(filter, SCMP_ACT_ALLOW, allowed[i], 0);
	if (!err)
		err = seccomp_load(filter);
	seccomp_release(filter);
	if (err)
		return fault(f, -err, "seccomp: %s: the kernel needs CONFIG_SECCOMP_FILTER", strerror(-err));
	return 0;
}

int sandbox_enter(struct fault *f)
{
	int err = drop_privileges(f);

	return err ? err : restrict_calls(f);
}
