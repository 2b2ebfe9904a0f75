/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What a netfilter program reads of the kernel's own structures; offsets come from the running kernel's BTF (CO-RE). */
#ifndef BPF_KERNEL_H
#define BPF_KERNEL_H

#include <linux/if_ether.h>
#include <linux/types.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

/* Of enum bpf_xdp_mode, IFF_LOOPBACK, of enum nf_inet_hooks, NFPROTO_IPV6, LWTUNNEL_STATE_XMIT_REDIRECT: their headers
 * want all of the C library, or are none. */
enum { XDP_MODE_DRIVER = 1 };
/* Asked for by name: its number is the kernel's own affair. */
enum netdev_priv_flags { IFF_L3MDEV_MASTER = 1 };
#define LOOPBACK 8
enum { NF_INET_PRE_ROUTING = 0, NF_INET_LOCAL_IN = 1, NF_INET_FORWARD = 2, NF_INET_POST_ROUTING = 4 };
#define FAMILY_IPV6   10
#define XMIT_REDIRECT 4
/* Of enum ip_conntrack_status, and of enum ip_conntrack_info, which is in the lowest bits of _nfct. */
enum { IPS_SRC_NAT = 1 << 4, IPS_DST_NAT = 1 << 5 };
enum { IP_CT_IS_REPLY = 3, CT_INFO_MASK = 7 };

struct bpf_prog_aux {
	__u32 id;
};

struct bpf_prog {
	struct bpf_prog_aux *aux;
};

struct bpf_link {
	struct bpf_prog *prog;
};

struct bpf_xdp_link {
	struct bpf_link link;
};

struct bpf_xdp_entity {
	struct bpf_xdp_link *link;
};

/* The tcx programs of a hook, in the order in which they run. */
struct bpf_mprog_fp {
	struct bpf_prog *prog;
};

struct bpf_mprog_entry {
	struct bpf_mprog_fp fp_items[1];
	struct bpf_mprog_bundle *parent;
};

struct bpf_mprog_bundle {
	struct bpf_mprog_entry a;
};

/* And after them the filters of a clsact qdisc. */
struct tcf_proto {
	void *root; /* the classifier's own */
	__u32 prio;
};

struct list_head {
	struct list_head *next;
};

struct mini_Qdisc {
	struct tcf_proto *filter_list;
};

struct tcx_entry {
	struct mini_Qdisc *miniq;
	struct bpf_mprog_bundle bundle;
};

struct net_device {
	int ifindex;
	unsigned int flags; /* IFF_LOOPBACK ... */
	/* of a struct tcx_entry: programs, and a clsact qdisc; neither: NULL */
	struct bpf_mprog_entry *tcx_egress;
	struct bpf_mprog_entry *tcx_ingress;
	struct bpf_xdp_entity xdp_state[3];
	unsigned int priv_flags; /* enum netdev_priv_flags; of some kernels a bit field */
	struct {
		struct list_head lower; /* of struct netdev_adjacent: what it stands on, ports of a bridge */
	} adj_list;
};

struct netdev_adjacent {
	struct net_device *dev;
	struct list_head list;
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
	__u32 mark;
	char cb[48];	     /* while IPv4 has the packet: a struct inet_skb_parm */
	int skb_iif;	     /* where it came in; 0: it is this host's own */
	unsigned long _nfct; /* struct nf_conn *, and how the packet stands to it; 0: not tracked */
	struct sock *sk;     /* the sender's; NULL of what is forwarded */
	/* Headers by their distance from head; mac_len is what was before the network header when it came in. */
	unsigned char *head;
	unsigned int end; /* behind which struct skb_shared_info is */
	__u16 mac_len;
	__u16 mac_header;
	__u16 network_header;
	__be16 inner_protocol;
	unsigned long _skb_refdst; /* struct dst_entry *, and in the lowest bit how it is held */
};

struct skb_shared_info {
	__u16 gso_segs; /* 0 of one packet; and of a super-packet whose sender has not said */
};

struct inet_skb_parm {
	int iif;	     /* by which IPv4 got it, also when a VRF has become its device since */
	__u16 frag_max_size; /* 0: it came whole */
};

/* A conversation that conntrack follows, and how its packets look where they come in: of who began it, and answers. */
struct nf_conntrack_tuple {
	struct {
		union {
			__be32 ip;
		} u3;
		union {
			__be16 all; /* the port */
		} u;
	} dst;
};

struct nf_conntrack_tuple_hash {
	struct nf_conntrack_tuple tuple;
};

struct nf_conn {
	struct nf_conntrack_tuple_hash tuplehash[2];
	unsigned long status;
};

/* To the kernel's verifier no more than a word, an address and a port. */
struct rlimit___kernel {
	unsigned long rlim_cur;
};

struct in_addr___kernel {
	__be32 s_addr;
};

struct udphdr___kernel {
	__be16 source;
};

/* What a route with 'encap' has: a light-weight tunnel. */
struct lwtunnel_state {
	__u16 flags; /* XMIT_REDIRECT: it takes packets behind POST_ROUTING; seg6 does before */
};

struct dst_entry {
	struct lwtunnel_state *lwtstate;
};

struct ethhdr___kernel {
	__be16 h_proto;
};

struct nf_hook_state {
	__u8 hook; /* enum nf_inet_hooks */
	__u8 pf;
	struct net_device *in;
	struct net_device *out;
	struct sock *sk; /* by which the packet leaves, a tunnel's, too; NULL of what is forwarded */
};

struct bpf_nf_ctx {
	const struct nf_hook_state *state;
	struct sk_buff *skb;
};

#pragma clang attribute pop

/* Linux 6.2: what is there is read as a structure of that kind; a pointer that leads nowhere yields zeros. */
extern void *bpf_rdonly_cast(const void *obj, __u32 btf_id) __ksym;

static __always_inline const struct tcx_entry *tcx_entry_of(const struct bpf_mprog_entry *entry)
{
	const void *at = (const char *)entry->parent - bpf_core_field_offset(struct tcx_entry, bundle);

	return bpf_rdonly_cast(at, bpf_core_type_id_kernel(struct tcx_entry));
}

/*
 * The first program of a bpf classifier, which may be a module: the kernel's types do not tell of its structures. Its
 * root begins with the list of its filters, and in a filter the program stands in front of the list's node (since
 * Linux 4.0). A classifier of another kind has no pointer there to a program of that id.
 */
static __always_inline const struct bpf_prog *first_filter(const struct tcf_proto *proto)
{
	const struct list_head *list = bpf_rdonly_cast(proto->root, bpf_core_type_id_kernel(struct list_head));
	const void *at = (const char *)list->next - sizeof(void *);
	const struct bpf_mprog_fp *filter = bpf_rdonly_cast(at, bpf_core_type_id_kernel(struct bpf_mprog_fp));

	return filter->prog;
}

static __always_inline const struct netdev_adjacent *adjacent_of(const struct list_head *node)
{
	const void *at = (const char *)node - bpf_core_field_offset(struct netdev_adjacent, list);

	return bpf_rdonly_cast(at, bpf_core_type_id_kernel(struct netdev_adjacent));
}

/* A kernel that does not know the flag has no VRFs. */
static __always_inline bool is_vrf(const struct net_device *dev)
{
	if (!bpf_core_enum_value_exists(enum netdev_priv_flags, IFF_L3MDEV_MASTER))
		return false;
	/* NOLINTNEXTLINE(clang-analyzer-core.uninitialized.Assign): of sizes that no field has */
	return BPF_CORE_READ_BITFIELD(dev, priv_flags) & bpf_core_enum_value(enum netdev_priv_flags, IFF_L3MDEV_MASTER);
}

/* Whether the packet's route makes it another behind POST_ROUTING. A kernel without such routes may not have the type.
 */
static __always_inline bool is_rewritten_later(const struct sk_buff *skb)
{
	const void *at = (const void *)(skb->_skb_refdst & ~1UL);
	const struct dst_entry *dst = bpf_rdonly_cast(at, bpf_core_type_id_kernel(struct dst_entry));
	const struct lwtunnel_state *tunnel = dst->lwtstate;

	return tunnel && bpf_core_field_exists(tunnel->flags) && tunnel->flags & XMIT_REDIRECT;
}

/* How many packets there are in what may be a super-packet. */
static __always_inline __u32 segments_in(const struct sk_buff *skb)
{
	const struct skb_shared_info *shared =
		bpf_rdonly_cast(skb->head + skb->end, bpf_core_type_id_kernel(struct skb_shared_info));

	return shared->gso_segs ? shared->gso_segs : 1;
}

static __always_inline bool was_in_fragments(const struct sk_buff *skb)
{
	return ((const struct inet_skb_parm *)skb->cb)->frag_max_size;
}

/*
 * What conntrack knows of a packet. Its structures may be a module's, whose types cannot be named: what is wanted of
 * them is read as one of the kernel's own.
 */
static __always_inline bool conntrack_is_known(const struct sk_buff *skb)
{
	return bpf_core_field_exists(skb->_nfct) && bpf_core_field_exists(struct nf_conn, status);
}

static __always_inline const char *conversation_of(const struct sk_buff *skb)
{
	return (const char *)(skb->_nfct & ~(unsigned long)CT_INFO_MASK);
}

static __always_inline bool is_answer(const struct sk_buff *skb)
{
	return (skb->_nfct & CT_INFO_MASK) >= IP_CT_IS_REPLY;
}

/* Whether NAT gives the packet another source than it came with, or has given it another destination. */
static __always_inline bool is_translated(const struct sk_buff *skb, bool source)
{
	const void *at = conversation_of(skb) + bpf_core_field_offset(struct nf_conn, status);
	const struct rlimit___kernel *status = bpf_rdonly_cast(at, bpf_core_type_id_kernel(struct rlimit___kernel));

	/* An answer is turned the other way. */
	return status->rlim_cur & (source != is_answer(skb) ? IPS_SRC_NAT : IPS_DST_NAT);
}

/* The packet as it came in, of a conversation that is known. */
static __always_inline const char *tuple_of(const struct sk_buff *skb)
{
	return conversation_of(skb) + (is_answer(skb) ? bpf_core_field_offset(struct nf_conn, tuplehash[1].tuple)
						      : bpf_core_field_offset(struct nf_conn, tuplehash[0].tuple));
}

/* Its destination then; of an error by ICMP that of the conversation it is about. */
static __always_inline __be32 destination_before_nat(const struct sk_buff *skb)
{
	const void *at = tuple_of(skb) + bpf_core_field_offset(struct nf_conntrack_tuple, dst.u3.ip);
	const struct in_addr___kernel *addr = bpf_rdonly_cast(at, bpf_core_type_id_kernel(struct in_addr___kernel));

	return addr->s_addr;
}

/* Its port, of TCP, UDP and SCTP. */
static __always_inline __be16 port_before_nat(const struct sk_buff *skb)
{
	const void *at = tuple_of(skb) + bpf_core_field_offset(struct nf_conntrack_tuple, dst.u.all);
	const struct udphdr___kernel *port = bpf_rdonly_cast(at, bpf_core_type_id_kernel(struct udphdr___kernel));

	return port->source;
}

/*
 * Whether the packet is not as it came to PRE_ROUTING, but was taken out of one by a route (seg6local): the header in
 * front of it is no longer where it was.
 */
static __always_inline bool is_taken_out(const struct sk_buff *skb)
{
	return skb->network_header - skb->mac_header != skb->mac_len;
}

/* Whether what is IPv6 now was IPv4 when it came in. Without an Ethernet header, who wrapped it has left word. */
static __always_inline bool came_as_ipv4(const struct sk_buff *skb)
{
	const struct ethhdr___kernel *eth;

	if (skb->mac_len < sizeof(struct ethhdr))
		return skb->inner_protocol == bpf_htons(ETH_P_IP);
	eth = bpf_rdonly_cast(skb->head + skb->mac_header, bpf_core_type_id_kernel(struct ethhdr___kernel));
	return eth->h_proto == bpf_htons(ETH_P_IP);
}

#endif
