/* SPDX-License-Identifier: BSD-2-Clause */
/* By the linker's --wrap: walls as they are, or not put up. */
#define _GNU_SOURCE
#include <seccomp.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "lib/landlock.h"
#include "lib/privileges.h"
#include "misbehave/misbehave.h"

scmp_filter_ctx __real_seccomp_init(uint32_t action);
scmp_filter_ctx __wrap_seccomp_init(uint32_t action);
int __real_seccomp_attr_set(scmp_filter_ctx rules, enum scmp_filter_attr name, uint32_t value);
int __wrap_seccomp_attr_set(scmp_filter_ctx rules, enum scmp_filter_attr name, uint32_t value);
int __real_seccomp_load(const scmp_filter_ctx rules);
int __wrap_seccomp_load(const scmp_filter_ctx rules);
int __real_landlock_leave_others(struct fault *f);
int __wrap_landlock_leave_others(struct fault *f);
int __real_landlock_leave_files(struct fault *f);
int __wrap_landlock_leave_files(struct fault *f);
int __real_privileges_drop(const struct service_user *user, uint64_t kept, struct fault *f);
int __wrap_privileges_drop(const struct service_user *user, uint64_t kept, struct fault *f);
int __real_chroot(const char *path);
int __wrap_chroot(const char *path);

static uint32_t instead(uint32_t action)
{
	const bool answers = !orders->none && strcmp(orders->kill, "nobody") == 0;

	return answers && action == SCMP_ACT_KILL_PROCESS ? SCMP_ACT_ERRNO(REFUSED_BY_SECCOMP) : action;
}

scmp_filter_ctx __wrap_seccomp_init(uint32_t action)
{
	own_pid = getpid();
	return __real_seccomp_init(instead(action));
}

int __wrap_seccomp_attr_set(scmp_filter_ctx rules, enum scmp_filter_attr name, uint32_t value)
{
	return __real_seccomp_attr_set(rules, name, name == SCMP_FLTATR_ACT_BADARCH ? instead(value) : value);
}

int __wrap_seccomp_load(const scmp_filter_ctx rules)
{
	return is_without("seccomp") ? 0 : __real_seccomp_load(rules);
}

int __wrap_landlock_leave_others(struct fault *f)
{
	return is_without("landlock") ? 0 : __real_landlock_leave_others(f);
}

int __wrap_landlock_leave_files(struct fault *f)
{
	return is_without("landlock") ? 0 : __real_landlock_leave_files(f);
}

int __wrap_privileges_drop(const struct service_user *user, uint64_t kept, struct fault *f)
{
	return is_without("user") ? 0 : __real_privileges_drop(user, kept, f);
}

int __wrap_chroot(const char *path)
{
	return is_without("root") ? 0 : __real_chroot(path);
}
