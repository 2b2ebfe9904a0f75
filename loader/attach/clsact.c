/* SPDX-License-Identifier: BSD-2-Clause */
#include "clsact.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/pkt_cls.h>
#include <linux/rtnetlink.h>
#include <string.h>

#include "lib/privileges.h"
#include "maps/layout.h"
#include "net/netdev.h"
#include "net/netlink.h"

/* A filter keeps its place among those of its priority, the newest is the first: to get there ours takes the other of
 * two. */
#define HANDLE	 0x1be5
#define HANDLE_2 0x1be6

/* ---- looking ---- */

static int on_option(const struct nlattr *a, void *arg)
{
	uint32_t *program = arg;

	if (mnl_attr_get_type(a) == TCA_BPF_ID && mnl_attr_validate(a, MNL_TYPE_U32) == 0)
		*program = mnl_attr_get_u32(a);
	return MNL_CB_OK;
}

static void take_filter(struct clsact_view *view, uint32_t handle, uint32_t priority, uint32_t program)
{
	const bool ours = priority == CLSACT_PRIORITY && (handle == HANDLE || handle == HANDLE_2);

	if (ours && !view->handle) {
		view->handle = handle;
		view->program = program;
		view->first = !view->others;
	}
	if (!ours && !view->handle && !view->others)
		view->in_front = program;
	view->others += !ours;
}

/* The kernel lists filters in the order in which it asks them; before those of a classifier comes a message without
 * options. */
static int on_filter(const struct nlmsghdr *message, void *arg)
{
	const struct tcmsg *tc = mnl_nlmsg_get_payload(message);
	const struct nlattr *a, *options = NULL;
	uint32_t program = 0, chain = 0;

	if (message->nlmsg_type != RTM_NEWTFILTER || mnl_nlmsg_get_payload_len(message) < sizeof(*tc))
		return MNL_CB_OK;
	mnl_attr_for_each(a, message, sizeof(*tc))
	{
		if (mnl_attr_get_type(a) == TCA_OPTIONS)
			options = a;
		else if (mnl_attr_get_type(a) == TCA_CHAIN && mnl_attr_validate(a, MNL_TYPE_U32) == 0)
			chain = mnl_attr_get_u32(a);
	}
	if (!options || chain)
		return MNL_CB_OK;
	mnl_attr_parse_nested(options, on_option, &program);
	take_filter(arg, tc->tcm_handle, tc->tcm_info >> 16, program);
	return MNL_CB_OK;
}

int clsact_look(int ifindex, bool egress, struct clsact_view *view)
{
	char buf[512];
	struct nlmsghdr *m = mnl_nlmsg_put_header(buf);
	struct tcmsg *tc = mnl_nlmsg_put_extra_header(m, sizeof(*tc));
	int err;

	*view = (struct clsact_view){0};
	m->nlmsg_type = RTM_GETTFILTER;
	m->nlmsg_flags = NLM_F_DUMP;
	tc->tcm_ifindex = ifindex;
	tc->tcm_parent = TC_H_MAKE(TC_H_CLSACT, egress ? TC_H_MIN_EGRESS : TC_H_MIN_INGRESS);
	err = netlink_talk(m, on_filter, view);
	/* So says the kernel of a qdisc that is not there. */
	return err == -EINVAL || err == -ENOENT ? 0 : err;
}

/* ---- putting ---- */

static int attach(int ifindex, bool egress, int prog, uint32_t handle)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = ifindex, .attach_point = egress ? BPF_TC_EGRESS : BPF_TC_INGRESS);
	LIBBPF_OPTS(bpf_tc_opts, opts, .prog_fd = prog, .handle = handle, .priority = CLSACT_PRIORITY,
		    .flags = BPF_TC_F_REPLACE);

	return bpf_tc_attach(&hook, &opts);
}

static int detach(int ifindex, bool egress, uint32_t handle)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = ifindex, .attach_point = egress ? BPF_TC_EGRESS : BPF_TC_INGRESS);
	LIBBPF_OPTS(bpf_tc_opts, opts, .handle = handle, .priority = CLSACT_PRIORITY);

	return bpf_tc_detach(&hook, &opts);
}

int clsact_put(int ifindex, bool egress, int prog, struct fault *f)
{
	LIBBPF_OPTS(bpf_tc_hook, qdisc, .ifindex = ifindex, .attach_point = BPF_TC_INGRESS | BPF_TC_EGRESS);
	int err = bpf_tc_hook_create(&qdisc);
	struct clsact_view view = {0};
	bool behind;

	if (err && err != -EEXIST)
		return fault(f, -err, "making the clsact qdisc: %s: %s", strerror(-err),
			     privileges_remedy(-err, "the kernel needs CONFIG_NET_SCH_INGRESS"));
	if (err)
		clsact_look(ifindex, egress, &view);
	behind = view.handle && !view.first;
	err = attach(ifindex, egress, prog, (view.handle == HANDLE_2) != behind ? HANDLE_2 : HANDLE);
	if (err)
		return fault(f, -err, "attaching the %s filter: %s: another filter may have priority %d",
			     egress ? "egress" : "ingress", strerror(-err), CLSACT_PRIORITY);
	if (behind)
		detach(ifindex, egress, view.handle);
	return 0;
}

static void remove_empty_qdisc(int ifindex)
{
	LIBBPF_OPTS(bpf_tc_hook, qdisc, .ifindex = ifindex, .attach_point = BPF_TC_INGRESS | BPF_TC_EGRESS);

	if (!netdev_has_tc_filters(ifindex))
		bpf_tc_hook_destroy(&qdisc);
}

bool clsact_remove(int ifindex, bool egress, unsigned prog_id)
{
	struct clsact_view view;

	if (clsact_look(ifindex, egress, &view) || !view.handle || view.program != prog_id ||
	    detach(ifindex, egress, view.handle))
		return false;
	remove_empty_qdisc(ifindex);
	return true;
}
