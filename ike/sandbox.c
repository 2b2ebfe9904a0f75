/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE
#include "sandbox.h"

#include <cap-ng.h>
#include <errno.h>
#include <linux/bpf.h>
#include <seccomp.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <stdlib.h>
#include <unistd.h>

#include "vault.h"

#define NOBODY 65534

/* What both processes need to live. */
static const int common[] = {
	SCMP_SYS(brk), /* memory */
	SCMP_SYS(mmap),
	SCMP_SYS(munmap),
	SCMP_SYS(mremap),
	SCMP_SYS(madvise),
	SCMP_SYS(mprotect),
	SCMP_SYS(mlock),     /* OpenSSL's secure memory */
	SCMP_SYS(futex),     /* OpenSSL's locks */
	SCMP_SYS(getrandom), /* nonces, keys, SPIs */
	SCMP_SYS(getpid),    /* OpenSSL looks whether it was forked */
	SCMP_SYS(gettid),
	SCMP_SYS(clock_gettime),
	SCMP_SYS(gettimeofday),
	SCMP_SYS(time),
	SCMP_SYS(recvmsg), /* messages of the supervisor */
	SCMP_SYS(sendmsg),
	SCMP_SYS(recvfrom), /* questions and answers */
	SCMP_SYS(sendto),
	SCMP_SYS(pread64), /* a memfd or a key file that came with a message */
	SCMP_SYS(fstat),
	SCMP_SYS(newfstatat), /* how the C library asks for fstat */
	SCMP_SYS(close),
	SCMP_SYS(write), /* a line to stderr */
	SCMP_SYS(restart_syscall),
	SCMP_SYS(rt_sigreturn),
	SCMP_SYS(rt_sigprocmask),
	SCMP_SYS(exit),
	SCMP_SYS(exit_group),
};

static const int keyholder[] = {
	SCMP_SYS(poll), /* waiting */
	SCMP_SYS(ppoll),
};

static const int protocol[] = {
	SCMP_SYS(recvmmsg),							/* datagrams */
	SCMP_SYS(epoll_wait),							/* waiting */
	SCMP_SYS(epoll_pwait),	SCMP_SYS(epoll_ctl), SCMP_SYS(timerfd_settime), /* libevent's precise timers */
	SCMP_SYS(read),								/* libevent's signal pipe */
	SCMP_SYS(memfd_create),							/* status goes out in one */
};

/* Which bpf() calls: entries of the two maps that publish an SA; no program, no map is made. */
static const int bpf_commands[] = {BPF_MAP_LOOKUP_ELEM, BPF_MAP_UPDATE_ELEM, BPF_MAP_DELETE_ELEM};

/* An empty directory that is not there any more: nothing can be opened, nothing can be made. */
static int leave_file_system(struct fault *f)
{
	char path[] = "/tmp/xdp-ipsec-iked.XXXXXX";

	if (!mkdtemp(path))
		return fault(f, errno, "%s: %s", path, strerror(errno));
	if (chdir(path) < 0 || rmdir(path) < 0 || chroot(".") < 0)
		return fault(f, errno, "chroot: %s", strerror(errno));
	return 0;
}

static int drop_privileges(struct fault *f)
{
	pid_t parent = getppid();

	capng_clear(CAPNG_SELECT_BOTH);
	if (capng_change_id(NOBODY, NOBODY, CAPNG_DROP_SUPP_GRP | CAPNG_CLEAR_BOUNDING) != 0)
		return fault(f, EPERM, "cannot give up privileges: run as root");
	/* Changing the user made the process dumpable again as the system's default says, and forgot its parent. */
	vault_harden_process();
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		return fault(f, ESRCH, "the parent is gone");
	return 0;
}

static int allow(scmp_filter_ctx filter, const int *calls, size_t count)
{
	int err = 0;

	for (size_t i = 0; i < count && !err; i++)
		err = seccomp_rule_add(filter, SCMP_ACT_ALLOW, calls[i], 0);
	return err;
}

static int allow_bpf(scmp_filter_ctx filter)
{
	int err = 0;

	for (size_t i = 0; i < sizeof(bpf_commands) / sizeof(bpf_commands[0]) && !err; i++) {
		const struct scmp_arg_cmp is = {.arg = 0, .op = SCMP_CMP_EQ, .datum_a = (scmp_datum_t)bpf_commands[i]};

		err = seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, SCMP_SYS(bpf), 1, &is);
	}
	return err;
}

static int load(scmp_filter_ctx filter, int err, struct fault *f)
{
	/* What the libraries may ask for and do well without is refused, not fatal. */
	if (!err)
		err = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(openat), 0);
	if (!err)
		err = seccomp_load(filter);
	seccomp_release(filter);
	if (err)
		return fault(f, -err, "seccomp: %s: the kernel needs CONFIG_SECCOMP_FILTER", strerror(-err));
	return 0;
}

int sandbox_enter_protocol(struct fault *f)
{
	scmp_filter_ctx filter;
	int err = leave_file_system(f);

	if (!err)
		err = drop_privileges(f);
	if (err)
		return err;
	filter = seccomp_init(SCMP_ACT_KILL_PROCESS);
	err = filter ? allow(filter, common, sizeof(common) / sizeof(common[0])) : -ENOMEM;
	if (!err)
		err = allow(filter, protocol, sizeof(protocol) / sizeof(protocol[0]));
	if (!err)
		err = allow_bpf(filter);
	return load(filter, err, f);
}

int sandbox_enter_keyholder(struct fault *f)
{
	scmp_filter_ctx filter;
	int err = leave_file_system(f);

	if (!err)
		err = drop_privileges(f);
	if (err)
		return err;
	filter = seccomp_init(SCMP_ACT_KILL_PROCESS);
	err = filter ? allow(filter, common, sizeof(common) / sizeof(common[0])) : -ENOMEM;
	if (!err)
		err = allow(filter, keyholder, sizeof(keyholder) / sizeof(keyholder[0]));
	return load(filter, err, f);
}
