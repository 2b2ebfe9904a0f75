/* SPDX-License-Identifier: BSD-2-Clause */
#include "call_filter.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "privileges.h"

struct call_filter call_filter_new(void)
{
	scmp_filter_ctx rules = seccomp_init(SCMP_ACT_KILL_PROCESS);
	struct call_filter c = {.rules = rules, .err = rules ? 0 : -ENOMEM};

	if (!c.err)
		c.err = seccomp_attr_set(rules, SCMP_FLTATR_CTL_TSYNC, 1);
	/* By the numbers of another architecture, too: else that would end the one thread that tries. */
	if (!c.err)
		c.err = seccomp_attr_set(rules, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
	return c;
}

void call_filter_allow(struct call_filter *c, const int *calls, size_t count)
{
	for (size_t i = 0; i < count && !c->err; i++)
		c->err = seccomp_rule_add(c->rules, SCMP_ACT_ALLOW, calls[i], 0);
}

void call_filter_allow_memory(struct call_filter *c, int call)
{
	if (!c->err)
		c->err = seccomp_rule_add(c->rules, SCMP_ACT_ALLOW, call, 1, SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
}

int call_filter_load(struct call_filter *c, struct fault *f)
{
	const int err = c->err ? c->err : seccomp_load(c->rules);

	seccomp_release(c->rules);
	if (err)
		return fault(f, -err, "seccomp: %s: %s", strerror(-err),
			     privileges_remedy(-err, "the kernel needs CONFIG_SECCOMP_FILTER"));
	return 0;
}
