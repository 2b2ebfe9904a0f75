/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * ESP that arrives. The SA is found in the SAD by SPI and destination (RFC 4301 section 4.1). A packet that is
 * certainly of no use is dropped here, before it costs any cryptography; the others go to the worker with the slot in
 * their metadata.
 */
#ifndef BPF_ESP_H
#define BPF_ESP_H

#include "count.h"
#include "fragments.h"
#include "policy.h"
#include "sa.h"
#include "xdp.h"

struct esp_header {
	__be32 spi;
	__be32 seq;
};

/* The shortest ESP: header, IV, pad length and next header padded to 4 bytes, ICV (RFC 4303 section 2, RFC 4106). */
#define ESP_SIZE_MIN (sizeof(struct esp_header) + 8 + 4 + 16)

/* Whether ESP without an SA is ours to refuse. Else the kernel may take it. */
static __always_inline bool esp_is_ours(const struct packet *p)
{
	struct locals_key local;

	if (cfg.unknown_spi != UNKNOWN_SPI_AUTO)
		return cfg.unknown_spi == UNKNOWN_SPI_DROP;
	__builtin_memcpy(local.addr, &p->dst, sizeof(local.addr));
	return bpf_map_lookup_elem(&locals, &local) || policy_protects_some(p->dst, p->src);
}

/* The verdict on ESP without an SA: dropped and counted for that reason if it is ours, else passed. */
static __always_inline int esp_unclaimed(const struct packet *p, enum reason reason)
{
	if (!esp_is_ours(p)) {
		count(REASON_ESP_PASSED);
		return XDP_PASS;
	}
	count(reason);
	return XDP_DROP;
}

static __always_inline int esp_unknown_spi(const struct packet *p, __u32 spi)
{
	int verdict = esp_unclaimed(p, REASON_NO_SA);

	if (verdict == XDP_DROP)
		event_unknown_spi(p, spi);
	return verdict;
}

/* Puts the metadata in the 8 bytes before the frame, in place of what another program may have left there. False: the
 * driver has no room. */
static __always_inline bool write_meta(struct xdp_md *ctx, const struct rx_meta *tag)
{
	int others = (int)((void *)(long)ctx->data - (void *)(long)ctx->data_meta);
	struct rx_meta *meta;

	if (bpf_xdp_adjust_meta(ctx, others - (int)sizeof(*meta)))
		return false;
	meta = (void *)(long)ctx->data_meta;
	if ((void *)(meta + 1) > (void *)(long)ctx->data)
		return false;
	*meta = *tag;
	return true;
}

/* Redirects the packet to the socket of its queue. False: no socket serves the queue, because no worker is there, or
 * the NIC has got more queues since. */
static __always_inline bool hand_to_worker(struct xdp_md *ctx, const struct packet *p, __u32 slot, __u32 generation)
{
	struct rx_meta tag = {.slot = slot, .l3_offset = p->l3_offset, .generation = generation};
	__u32 at = p->nic.port * QUEUES_MAX + ctx->rx_queue_index;

	return ctx->rx_queue_index < QUEUES_MAX && write_meta(ctx, &tag) &&
	       bpf_redirect_map(&xsks, at, XDP_DROP) == XDP_REDIRECT;
}

static __always_inline int esp_refuse(struct sa_state *sa, enum reason reason)
{
	count_sa(sa, reason);
	return XDP_DROP;
}

/* Why a first fragment is refused, or REASON_COUNT if it is not. It takes up a datagram's room in the worker's memory,
 * which the SA's peer alone may. */
static __always_inline enum reason first_fragment_fault(const struct packet *p, const struct sad_value *found)
{
	__u32 peer;

	__builtin_memcpy(&peer, found->peer, sizeof(peer));
	if (peer != p->src)
		return REASON_SELECTOR_MISMATCH;
	return p->l4_len < ESP_FIRST_MIN ? REASON_FRAG_INVALID : REASON_COUNT;
}

/* A later fragment has no SPI. The worker waits for the first one of its datagram if that has come this way, or if the
 * fragment is from a peer. */
static __always_inline int esp_later_fragment(struct xdp_md *ctx, const struct packet *p)
{
	if (!fragment_recall_in(p) && !policy_protects_some(p->dst, p->src))
		return esp_unclaimed(p, REASON_NO_SA);
	if (hand_to_worker(ctx, p, SLOT_NONE, 0))
		return XDP_REDIRECT;
	count(REASON_NO_WORKER);
	return XDP_DROP;
}

static __always_inline int esp_of_sa(struct xdp_md *ctx, const struct packet *p, const struct sad_value *found,
				     __u32 seq)
{
	struct sa_state *sa = sa_find(found->slot, found->generation);
	enum reason fault;

	if (!sa) {
		count(REASON_NO_SA);
		return XDP_DROP;
	}
	if (!sa_is_on_this_nic(p, found->ifindex))
		return esp_refuse(sa, REASON_NO_SA);
	fault = p->fragment ? first_fragment_fault(p, found) : REASON_COUNT;
	if (fault != REASON_COUNT)
		return esp_refuse(sa, fault);
	if (p->l4_len < ESP_SIZE_MIN)
		return esp_refuse(sa, REASON_MALFORMED);
	if (sa_is_behind(sa, seq))
		return esp_refuse(sa, REASON_REPLAY);
	if (!sa_is_alive(p, sa, found->slot))
		return esp_refuse(sa, REASON_LIFETIME_EXPIRED);
	if (!hand_to_worker(ctx, p, found->slot, found->generation))
		return esp_refuse(sa, REASON_NO_WORKER);
	if (p->fragment)
		fragment_remember_in(p, SPD_PROTECT, found->slot, found->generation);
	return XDP_REDIRECT;
}

static __always_inline int esp_ingress(struct xdp_md *ctx, const struct packet *p)
{
	struct cursor c = xdp_cursor(ctx);
	const struct esp_header *esp;
	struct sad_value *found;
	struct sad_key key;

	if (!p->first)
		return esp_later_fragment(ctx, p);
	esp = p->l4_len < sizeof(*esp) || !xdp_move_to(&c, p->l4_offset) ? NULL : cursor_take(&c, sizeof(*esp));
	if (!esp)
		return esp_unclaimed(p, REASON_MALFORMED);
	key.spi = bpf_ntohl(esp->spi);
	__builtin_memcpy(key.dst, &p->dst, sizeof(key.dst));
	/* 0 is for use inside a host and never on the wire (RFC 4303 section 2.1). */
	if (key.spi == 0) {
		count(REASON_MALFORMED);
		return XDP_DROP;
	}
	found = bpf_map_lookup_elem(&sad, &key);
	return found ? esp_of_sa(ctx, p, found, bpf_ntohl(esp->seq)) : esp_unknown_spi(p, key.spi);
}

#endif
