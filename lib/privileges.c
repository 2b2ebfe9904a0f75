/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE
#include "privileges.h"

#include <cap-ng.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <pwd.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

/* ---- the user ---- */

int service_user_find(struct service_user *user, const char *passwd, struct fault *f)
{
	FILE *file = fopen(passwd ? passwd : "/etc/passwd", "re");
	const struct passwd *entry = NULL;

	*user = (struct service_user){SERVICE_ID, SERVICE_ID};
	while (file && (entry = fgetpwent(file)))
		if (strcmp(entry->pw_name, SERVICE_USER) == 0)
			break;
	if (entry)
		*user = (struct service_user){entry->pw_uid, entry->pw_gid};
	if (file)
		fclose(file);
	if (user->uid == 0 || user->gid == 0)
		return fault(f, EPERM,
			     "/etc/passwd: user " SERVICE_USER " is root: give it a uid and a gid of its own");
	return 0;
}

/* ---- dropping ---- */

/* What is in no kind of mapping that a dump has is in no dump, whoever takes it. It stays so across fork and exec. */
static void dump_nothing(void)
{
	const int fd = open("/proc/self/coredump_filter", O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	/* Without it there is still the limit of 0. */
	if (write(fd, "0", 1) != 1)
		errno = 0;
	close(fd);
}

void privileges_harden(void)
{
	const struct rlimit none = {0, 0};

	dump_nothing();
	setrlimit(RLIMIT_CORE, &none);
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

static int change_failed(const struct service_user *user, int err, struct fault *f)
{
	if (err == EINVAL)
		return fault(
			f, EPERM,
			"uid %u or gid %u is not mapped in this user namespace: map it, or make a user " SERVICE_USER
			" that is",
			user->uid, user->gid);
	return fault(f, EPERM, "cannot give up privileges: %s", privileges_remedy(EPERM, "run as root"));
}

int privileges_drop(const struct service_user *user, uint64_t kept, struct fault *f)
{
	const pid_t parent = getppid();

	capng_clear(CAPNG_SELECT_BOTH);
	for (unsigned cap = 0; cap <= CAP_LAST_CAP; cap++)
		if (kept & 1ULL << cap)
			capng_update(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED, cap);
	errno = 0;
	if (capng_change_id((int)user->uid, (int)user->gid, CAPNG_DROP_SUPP_GRP | CAPNG_CLEAR_BOUNDING) != 0)
		return change_failed(user, errno, f);
	/* Changing the user made the process dumpable again as the system's default says, and forgot its parent. */
	privileges_harden();
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		return fault(f, ESRCH, "the parent is gone");
	return 0;
}

int privileges_try_without(int (*try)(void *arg), void *arg)
{
	struct __user_cap_header_struct self = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct all[2], none[2];
	int result;

	if (syscall(SYS_capget, &self, all) < 0)
		return -errno;
	memcpy(none, all, sizeof(none));
	none[0].effective = none[1].effective = 0;
	if (syscall(SYS_capset, &self, none) < 0)
		return -errno;
	result = try(arg);
	return syscall(SYS_capset, &self, all) < 0 ? -errno : result;
}

/* ---- locked memory ---- */

struct lockable privileges_raise_memlock(void)
{
	const struct rlimit unlimited = {RLIM_INFINITY, RLIM_INFINITY};
	struct rlimit limit;

	if (setrlimit(RLIMIT_MEMLOCK, &unlimited) == 0)
		return (struct lockable){true, true};
	/* To go beyond the hard limit takes CAP_SYS_RESOURCE. */
	if (getrlimit(RLIMIT_MEMLOCK, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_MEMLOCK, &limit);
	}
	return (struct lockable){.now = capng_get_caps_process() == 0 &&
					capng_have_capability(CAPNG_EFFECTIVE, CAP_IPC_LOCK)};
}

void privileges_raise_files(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

bool privileges_lock_memory(uint64_t *kept)
{
	const struct lockable can = privileges_raise_memlock();

	if (!can.now || mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT) < 0)
		return false;
	if (!can.later)
		*kept |= 1ULL << CAP_IPC_LOCK;
	return true;
}

/* ---- what is not permitted ---- */

bool privileges_in_user_namespace(void)
{
	FILE *map = fopen("/proc/self/uid_map", "re");
	unsigned inside = 0, outside = 0, count = UINT32_MAX;
	const bool read = map && fscanf(map, "%u %u %u", &inside, &outside, &count) == 3;

	if (map)
		fclose(map);
	return read && (inside || outside || count != UINT32_MAX);
}

/* What the programs together need of root's rights. */
static const unsigned needed[] = {CAP_NET_ADMIN, CAP_NET_RAW, CAP_NET_BIND_SERVICE, CAP_BPF,
				  CAP_PERFMON,	 CAP_KILL,    CAP_SYS_ADMIN,	    CAP_SYS_CHROOT,
				  CAP_SETUID,	 CAP_SETGID,  CAP_SETPCAP};

/* CAP_SYS_ADMIN was all of BPF before Linux 5.8, and still is. */
static bool has_capability(unsigned capability)
{
	const bool bpf = capability == CAP_BPF || capability == CAP_PERFMON;

	return capng_have_capability(CAPNG_EFFECTIVE, capability) ||
	       (bpf && capng_have_capability(CAPNG_EFFECTIVE, CAP_SYS_ADMIN));
}

void privileges_missing(char *text, size_t size)
{
	size_t at = 0;

	text[0] = '\0';
	if (capng_get_caps_process() < 0)
		return;
	for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]) && at < size; i++)
		if (!has_capability(needed[i]))
			at += (size_t)snprintf(text + at, size - at, "%sCAP_%s", at ? ", " : "",
					       capng_capability_to_name(needed[i]));
	for (char *c = text; *c; c++)
		if (*c >= 'a' && *c <= 'z')
			*c -= 'a' - 'A';
}

/* Signals to another user's process take it, and so does the one that a child is sent when its parent dies. */
int privileges_to_end_children(struct fault *f)
{
	if (capng_get_caps_process() < 0 || has_capability(CAP_KILL))
		return 0;
	return fault(f, EPERM, "this root lacks CAP_KILL, without which worker and IKE would outlive it: give it that");
}

const char *privileges_remedy(int err, const char *otherwise)
{
	static char text[320];
	char missing[240];

	if (err == EMFILE)
		return "too few descriptors may be open: raise 'ulimit -n'";
	if (err == EAGAIN)
		return "no more processes are allowed: raise 'TasksMax=' of the service, 'pids.max' of the control "
		       "group or "
		       "'ulimit -u'";
	if (err == ENFILE)
		return "too many descriptors are open on this machine: raise the sysctl fs.file-max";
	if (err != EPERM && err != EACCES)
		return otherwise;
	if (privileges_in_user_namespace())
		return "not permitted in a user namespace: run as root outside of it, a container as privileged and "
		       "not "
		       "rootless";
	if (geteuid())
		return "run as root";
	privileges_missing(missing, sizeof(missing));
	if (!missing[0])
		return "root is kept from it by a seccomp filter or a security module: see what runs this, a container "
		       "as privileged";
	snprintf(text, sizeof(text), "this root lacks %s: give it that, a container as privileged", missing);
	return text;
}
