/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Reading the headers of a frame in XDP, of which the first buffer can be seen. */
#ifndef BPF_XDP_H
#define BPF_XDP_H

#include <linux/bpf.h>

#include "parse.h"

static __always_inline struct cursor xdp_cursor(const struct xdp_md *ctx)
{
	return (struct cursor){.pos = (void *)(long)ctx->data, .end = (void *)(long)ctx->data_end};
}

/* parse_frame() of a frame of frame_len bytes: enum parsed. p->nic is there before. */
static __always_inline enum parsed parse_xdp(const struct xdp_md *ctx, struct packet *p, __u32 frame_len)
{
	struct cursor c = xdp_cursor(ctx);

	c.frame_len = frame_len;
	/* The compiler would reckon on from the two pointers in 32 bits, which the verifier refuses. */
	asm volatile("" : "+r"(c.frame_len));
	return parse_frame(&c, p);
}

/* Moves to offset, where parse_xdp() has found that L4 begins. False: it is not there, which only the verifier thinks.
 */
static __always_inline bool xdp_move_to(struct cursor *c, __u32 offset)
{
	return offset <= L4_OFFSET_MAX && cursor_take(c, offset);
}

#endif
