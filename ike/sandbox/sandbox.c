/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE
#include "sandbox.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/call_filter.h"
#include "lib/landlock.h"
#include "lib/privileges.h"
#include "maps/layout.h"

#define ITEMS(a) (sizeof(a) / sizeof((a)[0]))

/* What each process needs to live. */
static const int life[] = {
	SCMP_SYS(brk), /* memory */
	SCMP_SYS(munmap),
	SCMP_SYS(mremap),
	SCMP_SYS(madvise),
	SCMP_SYS(mlock),       /* OpenSSL's secure memory */
	SCMP_SYS(futex),       /* OpenSSL's locks */
	SCMP_SYS(sched_yield), /* those of a sanitizer's memory */
	SCMP_SYS(getrandom),   /* nonces, keys, SPIs */
	SCMP_SYS(getpid),      /* OpenSSL looks whether it was forked */
	SCMP_SYS(gettid),
	SCMP_SYS(clock_gettime),
	SCMP_SYS(gettimeofday),
	SCMP_SYS(time),
	SCMP_SYS(recvfrom), /* questions and answers */
	SCMP_SYS(sendto),
	SCMP_SYS(close),
	SCMP_SYS(write), /* a line to stderr */
	SCMP_SYS(restart_syscall),
	SCMP_SYS(rt_sigreturn),
	SCMP_SYS(rt_sigprocmask),
	SCMP_SYS(exit),
	SCMP_SYS(exit_group),
};

/* What those need besides who hear the supervisor. */
static const int common[] = {
	SCMP_SYS(recvmsg),			 /* messages of the supervisor */
	SCMP_SYS(sendmsg), SCMP_SYS(pread64),	 /* a memfd or a key file that came with a message */
	SCMP_SYS(fstat),   SCMP_SYS(newfstatat), /* how the C library asks for fstat */
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

/* Which bpf() calls: entries of the maps that it has open, by which SAs are published. No program, no map is made. */
static const int bpf_commands[] = {BPF_MAP_LOOKUP_ELEM, BPF_MAP_UPDATE_ELEM, BPF_MAP_DELETE_ELEM};

/*
 * The root becomes a directory that is empty and can be nothing else: /proc/PID/fdinfo of a process that has ended. It
 * takes no file system that can be written, and no mount. The child shares what is root and cwd with its parent.
 */
static int leave_file_system(struct fault *f)
{
	const pid_t child = (pid_t)syscall(SYS_clone, CLONE_FS | SIGCHLD, 0, 0, 0, 0);
	int status = 0, err;

	if (child < 0)
		return fault(f, errno, "fork: %s", strerror(errno));
	if (child == 0)
		_exit(chroot("/proc/self/fdinfo") < 0 || chdir("/") < 0 ? errno : 0);
	while (waitpid(child, &status, 0) < 0)
		if (errno != EINTR)
			return fault(f, errno, "waiting for a child: %s", strerror(errno));
	err = WIFEXITED(status) ? WEXITSTATUS(status) : EIO;
	if (err)
		return fault(f, err, "chroot to /proc/self/fdinfo: %s: %s", strerror(err),
			     privileges_remedy(err, "'mount -t proc proc /proc'"));
	return 0;
}

static void lock_memory(const char *who, uint64_t *kept)
{
	if (!privileges_lock_memory(kept))
		dprintf(STDERR_FILENO,
			"xdp-ipsec-iked: %s: its memory cannot be locked, keys may get to a swap device: raise "
			"'ulimit -l', or run with CAP_IPC_LOCK\n",
			who);
}

/* The user is looked up while there still is a file system. */
static int leave(const char *who, uint64_t kept, struct fault *f)
{
	struct service_user user;
	int err = service_user_find(&user, NULL, f);

	lock_memory(who, &kept);
	if (!err)
		err = leave_file_system(f);
	if (!err)
		err = privileges_drop(&user, kept, f);
	/* Before there are threads, of which each would have to. */
	return err ? err : landlock_leave_files(f);
}

uint64_t sandbox_bpf_capability(int (*lookup)(void *arg), void *arg)
{
	return privileges_try_without(lookup, arg) == -EPERM ? 1ULL << CAP_BPF : 0;
}

static int look_up(void *map)
{
	const struct sad_key key = {0};
	struct sad_value value;

	return bpf_map_lookup_elem(*(const int *)map, &key, &value) < 0 ? -errno : 0;
}

static void allow_bpf(struct call_filter *filter)
{
	for (size_t i = 0; i < ITEMS(bpf_commands) && !filter->err; i++) {
		const struct scmp_arg_cmp is = {.arg = 0, .op = SCMP_CMP_EQ, .datum_a = (scmp_datum_t)bpf_commands[i]};

		filter->err = seccomp_rule_add_array(filter->rules, SCMP_ACT_ALLOW, SCMP_SYS(bpf), 1, &is);
	}
}

static int load(struct call_filter *filter, struct fault *f)
{
	call_filter_allow_memory(filter, SCMP_SYS(mmap));
	call_filter_allow_memory(filter, SCMP_SYS(mprotect));
	/* What the libraries may ask for and do well without is refused, not fatal. */
	if (!filter->err)
		filter->err = seccomp_rule_add(filter->rules, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(openat), 0);
	return call_filter_load(filter, f);
}

int sandbox_enter_protocol(int map, struct fault *f)
{
	struct call_filter filter;
	int err = leave("protocol process", map < 0 ? 0 : sandbox_bpf_capability(look_up, &map), f);

	if (err)
		return err;
	filter = call_filter_new();
	call_filter_allow(&filter, life, ITEMS(life));
	call_filter_allow(&filter, common, ITEMS(common));
	call_filter_allow(&filter, protocol, ITEMS(protocol));
	allow_bpf(&filter);
	return load(&filter, f);
}

/* What each of the others needs besides. */
static const struct {
	const char *who;
	struct {
		const int *calls;
		size_t count;
	} lists[2];
} others[] = {
	[SANDBOX_KEYHOLDER] = {"key holder", {{common, ITEMS(common)}, {keyholder, ITEMS(keyholder)}}},
	[SANDBOX_HANDS] = {.who = "hands"},
};

int sandbox_enter(enum sandbox_of who, sandbox_last *last, void *arg, struct fault *f)
{
	struct call_filter filter;
	int err = leave(others[who].who, 0, f);

	if (!err)
		err = last(arg, f);
	if (err)
		return err;
	filter = call_filter_new();
	call_filter_allow(&filter, life, ITEMS(life));
	for (size_t i = 0; i < ITEMS(others[who].lists); i++)
		call_filter_allow(&filter, others[who].lists[i].calls, others[who].lists[i].count);
	return load(&filter, f);
}
