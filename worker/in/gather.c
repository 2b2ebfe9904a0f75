/* SPDX-License-Identifier: BSD-2-Clause */
#include "gather.h"

/* In front of the packet: room for the metadata, and the packet begins with a cache line. */
#define HEADROOM 64

/* How many of n descriptors belong to the first packet. */
static uint32_t pieces_of_first(const struct xdp_desc *descs, uint32_t n)
{
	uint32_t pieces = 1;

	while (pieces < n && !xdp_queue_is_last(&descs[pieces - 1]))
		pieces++;
	return pieces;
}

static uint64_t length(const struct xdp_desc *descs, uint32_t pieces)
{
	uint64_t len = 0;

	for (uint32_t i = 0; i < pieces; i++)
		len += descs[i].len;
	return len;
}

/* The first frame alone has metadata. */
static struct xdp_desc copy(struct umem *u, uint64_t span, const struct xdp_desc *descs, uint32_t pieces)
{
	struct xdp_desc whole = {.addr = span + HEADROOM};
	uint8_t *to = umem_data(u, whole.addr);

	memcpy(to - sizeof(struct rx_meta), umem_data(u, descs[0].addr) - sizeof(struct rx_meta),
	       sizeof(struct rx_meta));
	for (uint32_t i = 0; i < pieces; i++) {
		memcpy(to + whole.len, umem_data(u, descs[i].addr), descs[i].len);
		whole.len += descs[i].len;
	}
	return whole;
}

static bool gather(struct port_queue *p, const struct xdp_desc *descs, uint32_t pieces, struct xdp_desc *out,
		   enum reason *why)
{
	uint64_t span;

	*why = REASON_MALFORMED;
	if (length(descs, pieces) > SPAN_SIZE - HEADROOM)
		return false;
	*why = REASON_RX_FULL;
	span = umem_take_span(&p->q.umem, 0);
	if (span == UINT64_MAX)
		return false;
	*out = copy(&p->q.umem, span, descs, pieces);
	return true;
}

uint32_t gather_packets(struct port_queue *p, struct xdp_desc *descs, uint32_t n)
{
	uint32_t kept = 0;

	for (uint32_t i = 0, pieces; i < n; i += pieces) {
		struct xdp_desc whole = descs[i];
		enum reason why;
		bool good;

		pieces = pieces_of_first(descs + i, n - i);
		good = pieces == 1 || gather(p, descs + i, pieces, &whole, &why);
		if (!good)
			drop(p->lane, NULL, why, 1);
		for (uint32_t piece = 0; pieces > 1 && piece < pieces; piece++)
			umem_give(&p->q.umem, descs[i + piece].addr);
		if (good)
			descs[kept++] = whole;
	}
	return kept;
}
