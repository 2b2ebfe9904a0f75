/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the kernel's routes say of two addresses. They are asked, because a list of this host's own addresses would
 * always be behind. */
#ifndef BPF_ROUTE_H
#define BPF_ROUTE_H

#include <linux/bpf.h>
#include <linux/types.h>
#include <bpf/bpf_helpers.h>

/* Of <sys/socket.h>, which cannot be had here. */
#ifndef AF_INET
#define AF_INET 2
#endif

/* Whether a packet from one address to another that comes by an interface goes on to another host: 'to' is none of this
 * host's addresses, and there is a way. ctx: XDP's, or the skb. */
static __always_inline bool route_leads_on(void *ctx, __u32 ifindex, __u32 from, __u32 to, __u8 proto)
{
	struct bpf_fib_lookup way = {.family = AF_INET, .ifindex = ifindex, .l4_protocol = proto};

	way.ipv4_src = from;
	way.ipv4_dst = to;
	switch (bpf_fib_lookup(ctx, &way, sizeof(way), 0)) {
	case BPF_FIB_LKUP_RET_SUCCESS:
	case BPF_FIB_LKUP_RET_NO_NEIGH:
	case BPF_FIB_LKUP_RET_UNSUPP_LWT:
	case BPF_FIB_LKUP_RET_FRAG_NEEDED:
		return true;
	}
	return false;
}

#endif
