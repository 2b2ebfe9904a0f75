/* SPDX-License-Identifier: BSD-2-Clause */
#include "inbound_capture.h"

#define IN_CLEAR(p) .point = CAPTURE_CLEAR, .direction = SA_INBOUND, .ifindex = (p)->shared->ifindex
#define IN_ESP(p)   .point = CAPTURE_ESP, .direction = SA_INBOUND, .ifindex = (p)->shared->ifindex

void inbound_capture_whole(struct port_queue *p, uint8_t *frame, size_t len)
{
	const struct iovec piece = {frame, len};

	capture_add(p->lane->capture, frame, &(struct capture_record){IN_ESP(p)}, &piece, 1);
}

/* As it will be when it is taken out, or with GRE around it. */
static void add_opened(struct port_queue *p, const struct item *item)
{
	const size_t headers = item->l2 + item->ip.header;
	uint8_t top[ETH_LEN_MAX + IP_LEN_MAX];
	const struct iovec pieces[] = {{top, headers}, {esp_of(item) + ESP_HEADER, item->opened.payload_len}};

	memcpy(top, item->frame, headers);
	ip_finish(top + item->l2, item->ip.header, item->ip.header + item->opened.payload_len,
		  item->opened.next_header);
	capture_add(p->lane->capture, item->frame, &(struct capture_record){IN_CLEAR(p), .spi = item->sa->spi}, pieces,
		    2);
}

void inbound_capture_received(struct port_queue *p, const struct xdp_desc *descs, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		inbound_capture_whole(p, umem_data(&p->q.umem, descs[i].addr), descs[i].len);
}

void inbound_capture_opened(struct port_queue *p, const struct item *items, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		add_opened(p, &items[i]);
}

void inbound_capture_dropped(struct port_queue *p, const struct xdp_desc *descs, uint32_t n, enum reason why)
{
	for (uint32_t i = 0; i < n; i++) {
		const struct iovec piece = {umem_data(&p->q.umem, descs[i].addr), descs[i].len};

		capture_add_dropped(p->lane->capture, &(struct capture_record){IN_ESP(p)}, why, &piece, 1);
	}
}

void inbound_capture_refused(struct port_queue *p, const struct iovec *pieces, int n)
{
	capture_add_dropped(p->lane->capture, &(struct capture_record){IN_CLEAR(p)}, REASON_HOST_FULL, pieces, n);
}
