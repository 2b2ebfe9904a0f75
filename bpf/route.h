/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the kernel's routes say of two addresses. They are asked, because a list of this host's own addresses would
 * always be behind. */
#ifndef BPF_ROUTE_H
#define BPF_ROUTE_H

#include <linux/bpf.h>
#include <linux/types.h>
#include <stdbool.h>
#include <bpf/bpf_helpers.h>

/* Of <sys/socket.h>, which cannot be had here. */
#ifndef AF_INET
#define AF_INET 2
#endif

/*
 * Where a packet from one address to another would go that comes by an interface: BPF_FIB_LKUP_RET_..., or -errno. ctx:
 * XDP's, or the skb.
 *   BPF_FIB_LKUP_RET_NOT_FWDED     'to' is this host's own, or there is no way
 *   BPF_FIB_LKUP_RET_FWD_DISABLED  nothing is routed that comes by that interface
 */
static __always_inline long route_ask(void *ctx, __u32 ifindex, __u32 from, __u32 to, __u8 proto)
{
	struct bpf_fib_lookup way = {.family = AF_INET, .ifindex = ifindex, .l4_protocol = proto};

	way.ipv4_src = from;
	way.ipv4_dst = to;
	return bpf_fib_lookup(ctx, &way, sizeof(way), 0);
}

/* Whether 'to' is certainly another host's. */
static __always_inline bool route_is_to_another(void *ctx, __u32 ifindex, __u32 from, __u32 to, __u8 proto)
{
	const long way = route_ask(ctx, ifindex, from, to, proto);

	return way >= 0 && way != BPF_FIB_LKUP_RET_NOT_FWDED && way != BPF_FIB_LKUP_RET_FWD_DISABLED;
}

#endif
