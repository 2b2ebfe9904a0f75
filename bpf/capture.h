/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What is dropped here, for a capture (maps/capture.h): it never gets to the worker, which tells of the rest. Only a
 * program whose verdict is a drop asks whether there is a capture: one is there while the map `captures` has a ring
 * buffer. The reason is the last that this CPU has counted.
 */
#ifndef BPF_CAPTURE_H
#define BPF_CAPTURE_H

#include "cfg.h"
#include "count.h"

/* Room in the capture's ring buffer for a packet of `len` bytes. NULL: nothing is captured, or there is no room, which
 * is counted. */
static __always_inline struct capture_drop *capture_reserve(__u32 len, __u32 ifindex, __u8 direction)
{
	const __u32 only = 0;
	void *ring = bpf_map_lookup_elem(&captures, &only);
	struct counts *counts = bpf_map_lookup_elem(&stats, &only);
	struct capture_drop *drop;

	if (!ring || !counts)
		return NULL;
	drop = bpf_ringbuf_reserve(ring, sizeof(*drop), 0);
	if (!drop) {
		add_here(&counts->capture_lost, 1);
		return NULL;
	}
	drop->record = (struct capture_record){
		.time_ns = bpf_ktime_get_boot_ns(),
		.len = len,
		.ifindex = ifindex,
		.direction = direction,
		.reason = counts->last,
	};
	return drop;
}

/* The reader looks now and then, and is not woken for each. */
static __always_inline void capture_submit(struct capture_drop *drop, __u32 caplen, long err)
{
	drop->record.caplen = caplen;
	if (err)
		bpf_ringbuf_discard(drop, BPF_RB_NO_WAKEUP);
	else
		bpf_ringbuf_submit(drop, BPF_RB_NO_WAKEUP);
}

static __always_inline __u32 capture_caplen(__u32 len)
{
	/* For the verifier, which would forget what it knows of one register when another is used. */
	asm volatile("" : "+r"(len));
	return len < CAPTURE_DROP_BYTES ? len : CAPTURE_DROP_BYTES;
}

/* Global functions, which the verifier checks by themselves (policy.h). Of a packet in several buffers the first is
 * kept. */
__noinline int capture_xdp(struct xdp_md *ctx, __u32 len)
{
	const void *data = (void *)(long)ctx->data;
	const __u32 caplen = capture_caplen((__u32)((void *)(long)ctx->data_end - data));
	struct capture_drop *drop = capture_reserve(len, ctx->ingress_ifindex, SA_INBOUND);

	if (drop)
		capture_submit(drop, caplen, bpf_probe_read_kernel(drop->frame, caplen, data));
	return 0;
}

__noinline int capture_skb(struct __sk_buff *skb, __u32 direction)
{
	const __u32 caplen = capture_caplen(skb->len);
	struct capture_drop *drop = capture_reserve(skb->len, nic_of(skb->ifindex).ifindex, direction);

	if (drop)
		capture_submit(drop, caplen, !caplen || bpf_skb_load_bytes(skb, 0, drop->frame, caplen));
	return 0;
}

#endif
