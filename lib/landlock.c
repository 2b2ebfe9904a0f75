/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE
#include "landlock.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* As Linux 6.12 has it, whose header knows more than Debian's: a kernel takes a longer structure than its
 * own where the rest is zero. */
struct ruleset {
	uint64_t files, tcp, scoped;
};

#define RULESET_VERSION 1U

/* To bind, to connect. */
#define TCP_ABI 4
#define TCP_ALL 3U
/* Abstract sockets, signals. */
#define SCOPED_ABI 6
#define SCOPED_ALL 3U

/* The rights on files: 13, and so many more in each ABI from the second on. */
static uint64_t files_of(int abi)
{
	const unsigned count = abi < 2 ? 13 : abi < 3 ? 14 : abi < 5 ? 15 : 16;

	return (UINT64_C(1) << count) - 1;
}

int landlock_abi(void)
{
	const long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, RULESET_VERSION);

	return abi > 0 ? (int)abi : 0;
}

/* Without a rule all of it is forbidden. */
static int forbid(const struct ruleset *set, struct fault *f)
{
	const int fd = (int)syscall(SYS_landlock_create_ruleset, set, sizeof(*set), 0);
	int err = fd < 0 ? errno : 0;

	/* Without this the next call is root's alone. */
	if (!err && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		err = errno;
	if (!err && syscall(SYS_landlock_restrict_self, fd, 0) < 0)
		err = errno;
	if (fd >= 0)
		close(fd);
	return err ? fault(f, err, "Landlock: %s", strerror(err)) : 0;
}

int landlock_leave_others(struct fault *f)
{
	const int abi = landlock_abi();
	const struct ruleset set = {.tcp = abi >= TCP_ABI ? TCP_ALL : 0, .scoped = abi >= SCOPED_ABI ? SCOPED_ALL : 0};

	return set.tcp ? forbid(&set, f) : 0;
}

int landlock_leave_files(struct fault *f)
{
	const int abi = landlock_abi();
	const struct ruleset set = {.files = files_of(abi)};

	return abi ? forbid(&set, f) : 0;
}
