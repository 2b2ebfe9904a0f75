/* SPDX-License-Identifier: BSD-2-Clause */
#include "xfrm_policies.h"

#include <errno.h>
#include <linux/xfrm.h>
#include <string.h>
#include <sys/socket.h>

#include "lib/fault.h"
#include "net/netlink.h"

struct search {
	struct report *report;
	const struct config *config;
};

/* Whether the two have an address in common. */
static bool overlap(const struct prefix *a, const struct prefix *b)
{
	return a->len <= b->len ? prefix_covers(a, b->addr) : prefix_covers(b, a->addr);
}

static struct prefix prefix_of(const xfrm_address_t *addr, uint8_t len)
{
	struct prefix p = {.len = len <= 32 ? len : 32};

	memcpy(p.addr, &addr->a4, sizeof(p.addr));
	return p;
}

/* What it does with packets; NULL: nothing that is in our way. */
static const char *deed_of(const struct xfrm_userpolicy_info *policy, const struct nlmsghdr *message)
{
	const struct nlattr *a;

	if (policy->action == XFRM_POLICY_BLOCK)
		return "blocks";
	mnl_attr_for_each(a, message, sizeof(*policy))
	{
		if (mnl_attr_get_type(a) == XFRMA_TMPL && mnl_attr_get_payload_len(a) >= sizeof(struct xfrm_user_tmpl))
			return "is for";
	}
	return NULL;
}

static void compare(const struct search *s, const struct xfrm_userpolicy_info *policy, const char *deed)
{
	const struct prefix src = prefix_of(&policy->sel.saddr, policy->sel.prefixlen_s);
	const struct prefix dst = prefix_of(&policy->sel.daddr, policy->sel.prefixlen_d);
	const bool out = policy->dir == XFRM_POLICY_OUT;
	char src_text[PREFIX_TEXT], dst_text[PREFIX_TEXT];
	struct fault f;

	for (unsigned i = 0; i < s->config->connection_count; i++) {
		const struct connection_config *c = &s->config->connections[i];
		const struct prefix local = {.len = 32, .addr = {c->local[0], c->local[1], c->local[2], c->local[3]}};

		if (!overlap(out ? &src : &dst, &local) || !overlap(out ? &dst : &src, &c->remote))
			continue;
		fault(&f, EBUSY, "the kernel's policy '%s' (%s > %s) %s packets of this connection, and goes first",
		      out ? "out" : "in", prefix_text(&src, src_text), prefix_text(&dst, dst_text), deed);
		report_say(s->report, LEVEL_FAIL, c->name, f.text,
			   "stop the IPsec that made it, as strongSwan; 'ip xfrm policy' lists them, 'ip xfrm policy "
			   "flush' takes them away");
	}
}

static int on_policy(const struct nlmsghdr *message, void *arg)
{
	const struct xfrm_userpolicy_info *policy = mnl_nlmsg_get_payload(message);
	const char *deed;

	/* Those of a socket have other directions, and are for what that sends. */
	if (message->nlmsg_type != XFRM_MSG_NEWPOLICY || mnl_nlmsg_get_payload_len(message) < sizeof(*policy) ||
	    policy->sel.family != AF_INET || (policy->dir != XFRM_POLICY_IN && policy->dir != XFRM_POLICY_OUT))
		return MNL_CB_OK;
	deed = deed_of(policy, message);
	if (deed)
		compare(arg, policy, deed);
	return MNL_CB_OK;
}

void check_xfrm_policies(struct report *r, const struct config *config)
{
	struct search search = {r, config};
	char buf[256];
	struct nlmsghdr *m = mnl_nlmsg_put_header(buf);

	mnl_nlmsg_put_extra_header(m, sizeof(struct xfrm_userpolicy_id));
	m->nlmsg_type = XFRM_MSG_GETPOLICY;
	m->nlmsg_flags = NLM_F_DUMP;
	/* A kernel without XFRM has none. */
	netlink_ask(NETLINK_XFRM, m, on_policy, &search);
}
