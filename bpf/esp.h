/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * ESP that arrives: the SAD finds the SA by SPI and destination (RFC 4301
 * section 4.1), what is certainly useless is dropped here, and the rest goes to
 * the worker with the slot in the metadata.
 */
#ifndef BPF_ESP_H
#define BPF_ESP_H

#include "count.h"
#include "fragments.h"
#include "policy.h"
#include "sa.h"

struct esp_header {
	__be32 spi;
	__be32 seq;
};

/* Header, IV, the least ciphertext (pad length and next header, padded to 4), ICV: RFC 4303 section 2, RFC 4106. */
#define ESP_SIZE_MIN (sizeof(struct esp_header) + 8 + 4 + 16)
/* A first fragment is a multiple of 8. With less in it, a later one would bring the rest of the headers. */
#define ESP_FIRST_MIN 40

/* Whether ESP that no SA claims is ours to refuse, and not the kernel's to take. */
static __always_inline bool esp_is_ours(const struct packet *p)
{
	struct locals_key local;

	if (cfg.unknown_spi != UNKNOWN_SPI_AUTO)
		return cfg.unknown_spi == UNKNOWN_SPI_DROP;
	__builtin_memcpy(local.addr, &p->dst, sizeof(local.addr));
	return bpf_map_lookup_elem(&locals, &local) || policy_may_protect(p->dst, p->src);
}

/* ESP without an SA, for a reason that holds if it is ours. */
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

/* Puts the slot in the 8 bytes before the frame, also where another program left metadata of its own. */
static __always_inline bool write_meta(struct xdp_md *ctx, const struct rx_meta *tag)
{
	int others = (void *)(long)ctx->data - (void *)(long)ctx->data_meta;
	struct rx_meta *meta;

	if (bpf_xdp_adjust_meta(ctx, others - (int)sizeof(*meta)))
		return false;
	meta = (void *)(long)ctx->data_meta;
	if ((void *)(meta + 1) > (void *)(long)ctx->data)
		return false;
	*meta = *tag;
	return true;
}

/* False if no socket serves the queue: nobody is there to open it, or the NIC was given queues since. */
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

/* A first fragment opens a datagram in the worker's memory, which only the peer may. Why not, or REASON_COUNT. */
static __always_inline enum reason first_fragment_fault(const struct packet *p, const struct sad_value *found)
{
	__u32 peer;

	__builtin_memcpy(&peer, found->peer, sizeof(peer));
	if (peer != p->src)
		return REASON_SELECTOR_MISMATCH;
	return p->l4_len < ESP_FIRST_MIN ? REASON_FRAG_INVALID : REASON_COUNT;
}

/* It has no SPI. If its first has not come, it has to be from a peer, for the worker to wait for that. */
static __always_inline int esp_later_fragment(struct xdp_md *ctx, const struct packet *p)
{
	if (!fragment_recall(&fragments_in, p) && !policy_may_protect(p->dst, p->src))
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
		fragment_remember(&fragments_in, p, SPD_PROTECT, found->slot, found->generation);
	return XDP_REDIRECT;
}

static __always_inline int esp_ingress(struct xdp_md *ctx, struct cursor *c, const struct packet *p)
{
	const struct esp_header *esp;
	struct sad_value *found;
	struct sad_key key;

	if (!p->first)
		return esp_later_fragment(ctx, p);
	esp = p->l4_len < sizeof(*esp) ? NULL : cursor_take(c, sizeof(*esp));
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
