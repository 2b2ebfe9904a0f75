/* SPDX-License-Identifier: BSD-2-Clause */
#include "clsact.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <string.h>

#include "netdev.h"
#include "privileges.h"

/* First of all filters: one in front of ours that says "pass" would open the gate. */
#define PRIORITY 1
#define HANDLE	 0x1be5

int clsact_put(int ifindex, bool egress, int prog, struct fault *f)
{
	LIBBPF_OPTS(bpf_tc_hook, qdisc, .ifindex = ifindex, .attach_point = BPF_TC_INGRESS | BPF_TC_EGRESS);
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = ifindex, .attach_point = egress ? BPF_TC_EGRESS : BPF_TC_INGRESS);
	LIBBPF_OPTS(bpf_tc_opts, opts, .prog_fd = prog, .handle = HANDLE, .priority = PRIORITY,
		    .flags = BPF_TC_F_REPLACE);
	int err = bpf_tc_hook_create(&qdisc);

	if (err && err != -EEXIST)
		return fault(f, -err, "making the clsact qdisc: %s: %s", strerror(-err),
			     privileges_remedy(-err, "the kernel needs CONFIG_NET_SCH_INGRESS"));
	err = bpf_tc_attach(&hook, &opts);
	if (err)
		return fault(f, -err, "attaching the %s filter: %s: another filter may have priority %d",
			     egress ? "egress" : "ingress", strerror(-err), PRIORITY);
	return 0;
}

static void remove_empty_qdisc(int ifindex)
{
	LIBBPF_OPTS(bpf_tc_hook, qdisc, .ifindex = ifindex, .attach_point = BPF_TC_INGRESS | BPF_TC_EGRESS);

	if (!netdev_has_tc_filters(ifindex))
		bpf_tc_hook_destroy(&qdisc);
}

void clsact_remove(int ifindex, bool egress, unsigned prog_id)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = ifindex, .attach_point = egress ? BPF_TC_EGRESS : BPF_TC_INGRESS);
	LIBBPF_OPTS(bpf_tc_opts, there, .handle = HANDLE, .priority = PRIORITY);
	LIBBPF_OPTS(bpf_tc_opts, ours, .handle = HANDLE, .priority = PRIORITY);

	if (bpf_tc_query(&hook, &there) || there.prog_id != prog_id)
		return;
	bpf_tc_detach(&hook, &ours);
	remove_empty_qdisc(ifindex);
}
