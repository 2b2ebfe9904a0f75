/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What a netfilter program reads of the kernel's own structures; offsets come from the running kernel's BTF (CO-RE). */
#ifndef BPF_KERNEL_H
#define BPF_KERNEL_H

#include <linux/types.h>

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct bpf_mprog_entry;
struct bpf_xdp_link;

/* Of enum bpf_xdp_mode, IFF_LOOPBACK, of enum nf_inet_hooks: their headers want all of the C library, or are none. */
enum { XDP_MODE_DRIVER = 1 };
#define LOOPBACK 8
enum { NF_INET_POST_ROUTING = 4 };

struct bpf_xdp_entity {
	struct bpf_xdp_link *link;
};

struct net_device {
	int ifindex;
	unsigned int flags; /* IFF_LOOPBACK ... */
	/* tcx programs, and since 6.6 those of a clsact qdisc as well; none: NULL */
	struct bpf_mprog_entry *tcx_egress;
	struct bpf_mprog_entry *tcx_ingress;
	struct bpf_xdp_entity xdp_state[3];
};

typedef struct {
	__s64 counter;
} atomic64_t;

struct sock_common {
	/* what getsockopt(SO_COOKIE) tells; 0 as long as nobody has asked */
	atomic64_t skc_cookie;
};

struct sock {
	struct sock_common __sk_common;
};

struct sk_buff {
	unsigned int len;
	struct sock *sk; /* the sender's; NULL of what is forwarded */
};

struct nf_hook_state {
	__u8 hook; /* enum nf_inet_hooks */
	struct net_device *in;
	struct net_device *out;
};

struct bpf_nf_ctx {
	const struct nf_hook_state *state;
	struct sk_buff *skb;
};

#pragma clang attribute pop

#endif
