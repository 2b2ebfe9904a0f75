/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE
#include "host.h"

#include <string.h>
#include <unistd.h>

/* What one batch may bring, for it is worked on from the cache. */
#define BATCH_BYTES (128 << 10)

int host_open(struct host *h, int fd, bool udp_segments, struct host_reader *reader)
{
	*h = (struct host){.fd = fd, .udp_segments = udp_segments, .reads = reader != NULL, .wanted = 1};
	return reader ? host_ring_open(&h->ring, fd, reader) : 0;
}

void host_close(struct host *h)
{
	if (!h->reads)
		return;
	host_ring_close(&h->ring);
	close(h->fd);
}

/* Bursts grow, so twice what came; but super-packets are a burst of their own. */
static uint32_t want_next(uint32_t got, size_t bytes)
{
	uint32_t n = 2 * got, fit = got ? (uint32_t)(BATCH_BYTES * got / bytes) : 1;

	if (n > fit)
		n = fit;
	if (n > HOST_RING_FRAMES)
		n = HOST_RING_FRAMES;
	return n ? n : 1;
}

static void read_batch(struct host *h)
{
	uint32_t got = 0;
	size_t bytes = 0;

	if (h->memory)
		h->memory->read(h, h->wanted);
	else
		host_ring_read(&h->ring, h->wanted);
	for (uint32_t i = 0; i < h->wanted; i++) {
		got += h->ring.lengths[i] != 0;
		bytes += h->ring.lengths[i];
	}
	h->asked = h->wanted;
	h->next = 0;
	h->wanted = want_next(got, bytes);
}

bool host_next(struct host *h, struct host_frame *frame)
{
	uint32_t i;

	if (host_reads_next(h)) {
		read_batch(h);
		if (host_reads_next(h))
			return false;
	}
	i = h->next++;
	frame->data = host_ring_frame(&h->ring, i);
	frame->len = h->ring.lengths[i] - sizeof(frame->vnet);
	memcpy(&frame->vnet, frame->data - sizeof(frame->vnet), sizeof(frame->vnet));
	return true;
}

bool host_write(struct host *h, const struct virtio_net_hdr *vnet, struct iovec *pieces, int n)
{
	pieces[0] = (struct iovec){(void *)vnet, sizeof(*vnet)};
	if (!h->memory)
		return writev(h->fd, pieces, n) > 0;
	h->memory->write(h, pieces, n);
	return true;
}
