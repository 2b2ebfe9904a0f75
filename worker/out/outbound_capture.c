/* SPDX-License-Identifier: BSD-2-Clause */
#include "outbound_capture.h"

/* The SPI of the SA that tc egress chose; 0: there is no such SA any more. */
static uint32_t spi_of_tag(const struct port_queue *p, const struct tx_tag *tag)
{
	const struct sa_cache *sas = &p->lane->sas;

	return sa_cache_tagged(sas, tag) ? sas->maps->sa[tx_tag_slot(tag)].spi : 0;
}

/* The frame at hand as it left the host, with its own address in place of the tag. */
static struct capture_record frame_pieces(const struct port_queue *p, const struct host_frame *f,
					  struct iovec pieces[3])
{
	const struct port *port = p->shared;
	uint8_t *frame = f->data;
	const size_t rest = ETH_SRC + sizeof(port->mac);
	struct tx_tag tag;

	memcpy(&tag, frame + ETH_SRC, sizeof(tag));
	pieces[0] = (struct iovec){frame, ETH_SRC};
	pieces[1] = (struct iovec){(void *)port->mac, sizeof(port->mac)};
	pieces[2] = (struct iovec){frame + rest, f->len - rest};
	return (struct capture_record){
		.point = CAPTURE_CLEAR,
		.direction = SA_OUTBOUND,
		.ifindex = port->ifindex,
		.spi = spi_of_tag(p, &tag),
	};
}

void outbound_capture_taken(const struct port_queue *p, const struct host_frame *f)
{
	struct capture *capture = p->lane->capture;
	struct capture_record record;
	struct iovec pieces[3];

	if (f->len < ETH_LEN)
		return;
	record = frame_pieces(p, f, pieces);
	capture_add(capture, f->data, &record, pieces, 3);
	capture_choose(capture, f->data);
}

void outbound_capture_sent(const struct port_queue *p)
{
	const struct capture_record record = {
		.point = CAPTURE_ESP, .direction = SA_OUTBOUND, .ifindex = p->shared->ifindex};
	struct capture *capture = p->lane->capture;
	struct iovec pieces[SPAN_FRAMES];
	uint32_t at = 0;
	int n;

	while ((n = xdp_queue_next_unkicked(&p->q, &at, pieces)))
		capture_add(capture, NULL, &record, pieces, n);
	capture_publish(capture);
}

void outbound_capture_given_up(const struct port_queue *p, const struct host_frame *f, struct tx_tag tag,
			       enum reason why)
{
	struct capture *capture = p->lane->capture;
	const struct capture_record record = {
		.point = CAPTURE_CLEAR,
		.direction = SA_OUTBOUND,
		.ifindex = p->shared->ifindex,
		.spi = spi_of_tag(p, &tag),
	};
	const struct iovec piece = {f->data, f->len};

	if (!capture_choose(capture, f->data))
		capture_add_dropped(capture, &record, why, &piece, 1);
}
