/* SPDX-License-Identifier: BSD-2-Clause */
/* By the linker's --wrap: what a sandbox has to leave to a sanitizer's runtime. The rest of it stays. */
#include <errno.h>
#include <seccomp.h>
#include <sys/mman.h>

#include "lib/privileges.h"
#include "sanitized/report.h"

#define ITEMS(a) (sizeof(a) / sizeof((a)[0]))

int __real_service_user_find(struct service_user *user, const char *passwd, struct fault *f);
int __wrap_service_user_find(struct service_user *user, const char *passwd, struct fault *f);
int __real_seccomp_load(const scmp_filter_ctx rules);
int __wrap_seccomp_load(const scmp_filter_ctx rules);

/* What the runtimes call besides what each program may. */
static const int allowed[] = {
	SCMP_SYS(sched_yield),	   /* a lock of theirs is taken */
	SCMP_SYS(sigaltstack),	   /* a thread's end */
	SCMP_SYS(rt_sigprocmask),  /* at which no signal may come */
	SCMP_SYS(gettimeofday),	   /* TSan's clock */
	SCMP_SYS(nanosleep),	   /* pauses of TSan's own thread */
	SCMP_SYS(set_robust_list), /* which may begin only now */
	SCMP_SYS(rseq),
	SCMP_SYS(getpid),	/* whose report it is */
	SCMP_SYS(gettid),	/* and which thread's */
	SCMP_SYS(rt_sigaction), /* what was caught is not caught twice */
	SCMP_SYS(write),	/* the text */
	SCMP_SYS(exit_group),	/* and the end */
};

/* What they ask for in a report, and do well without: files, whether that is a terminal, what can be read. */
static const int refused[] = {
	SCMP_SYS(open), SCMP_SYS(openat), SCMP_SYS(readlink), SCMP_SYS(stat),
	SCMP_SYS(pipe), SCMP_SYS(pipe2),  SCMP_SYS(prctl),    SCMP_SYS(ioctl),
};

static int add(scmp_filter_ctx rules, uint32_t action, const int *calls, size_t count)
{
	int err = 0;

	for (size_t i = 0; i < count && (!err || err == -EEXIST); i++)
		err = seccomp_rule_add(rules, action, calls[i], 0);
	return err == -EEXIST ? 0 : err;
}

int __wrap_seccomp_load(const scmp_filter_ctx rules)
{
	int err = add(rules, SCMP_ACT_ALLOW, allowed, ITEMS(allowed));

	/* Their memory; none that can be run, as in lib/call_filter.h. */
	if (!err)
		err = seccomp_rule_add(rules, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1,
				       SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
	if (!err || err == -EEXIST)
		err = add(rules, SCMP_ACT_ERRNO(EACCES), refused, ITEMS(refused));
	return err ? err : __real_seccomp_load(rules);
}

/* Asked while there still is a file system, by whoever enters a sandbox. */
int __wrap_service_user_find(struct service_user *user, const char *passwd, struct fault *f)
{
	report_learn_lines();
	return __real_service_user_find(user, passwd, f);
}
