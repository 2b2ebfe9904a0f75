/* SPDX-License-Identifier: BSD-2-Clause */
#include "capture_source.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "maps/counts.h"

/* ---- what the BPF programs drop ---- */

static bool has_room(struct capture_waiting *w)
{
	if (!w->frame)
		w->frame = malloc(CAPTURED_MAX);
	return w->frame;
}

/* What these programs have not looked into: ESP is what says that it is. */
static uint8_t point_of(const struct capture_waiting *w)
{
	const struct captured c = {.record = w->record, .frame = w->frame};
	struct captured_headers h;

	return captured_headers_of(&c, &h) && h.proto == 50 ? CAPTURE_ESP : CAPTURE_CLEAR;
}

static int on_drop(void *arg, void *data, size_t size)
{
	struct capture_waiting *w = &((struct capture_source *)arg)->dropped;
	const struct capture_drop *drop = data;

	if (size < sizeof(*drop) || drop->record.caplen > sizeof(drop->frame) || drop->record.reason > REASON_COUNT ||
	    !has_room(w))
		return 0;
	w->record = drop->record;
	memcpy(w->frame, drop->frame, drop->record.caplen);
	w->record.point = point_of(w);
	w->there = true;
	/* One at a time: libbpf stops behind this one. */
	return -EAGAIN;
}

static uint64_t count_drops_lost(const struct maps *maps)
{
	struct counts sum;

	counts_read_bpf(maps, &sum);
	return sum.capture_lost;
}

/* The supervisor has put it there a moment ago. */
static int open_drops(struct capture_source *s, struct fault *f)
{
	uint32_t id;
	int fd = bpf_map_lookup_elem(s->maps->captures, &(uint32_t){0}, &id) < 0 ? -1 : bpf_map_get_fd_by_id(id);

	if (fd >= 0)
		s->drops = ring_buffer__new(fd, on_drop, s, NULL);
	if (!s->drops)
		fault(f, errno, "map captures: %s", strerror(errno));
	if (fd >= 0)
		close(fd);
	return s->drops ? 0 : -EIO;
}

/* ---- both ---- */

int capture_source_open(struct capture_source *s, int memory, const struct maps *maps, struct fault *f)
{
	int err;

	*s = (struct capture_source){.maps = maps, .drops_lost = count_drops_lost(maps)};
	s->memory = capture_memory_map(memory, LANES_MAX);
	if (!s->memory)
		return fault(f, errno, "memory for packets: %s", strerror(errno));
	err = open_drops(s, f);
	if (err)
		capture_source_close(s);
	return err;
}

static void fill_lane(struct capture_source *s, uint32_t lane)
{
	struct capture_waiting *w = &s->lanes[lane];
	struct capture_ring *ring = &s->memory->rings[lane];
	int err = 0;

	/* Room for a frame takes who has written one. */
	if (__atomic_load_n(&ring->head, __ATOMIC_RELAXED) == ring->tail || !has_room(w))
		return;
	do
		w->there = capture_ring_take(ring, &w->record, w->frame, CAPTURED_MAX, &err);
	while (w->there && w->record.point == CAPTURE_NOWHERE);
	s->nonsense |= err != 0;
}

static void fill(struct capture_source *s)
{
	for (uint32_t i = 0; i < LANES_MAX; i++)
		if (!s->lanes[i].there)
			fill_lane(s, i);
	if (!s->dropped.there)
		ring_buffer__consume(s->drops);
}

static struct capture_waiting *oldest(struct capture_source *s)
{
	struct capture_waiting *first = s->dropped.there ? &s->dropped : NULL;

	for (uint32_t i = 0; i < LANES_MAX; i++)
		if (s->lanes[i].there && (!first || s->lanes[i].record.time_ns < first->record.time_ns))
			first = &s->lanes[i];
	return first;
}

bool capture_source_next(struct capture_source *s, struct captured *c)
{
	struct capture_waiting *w;

	fill(s);
	w = oldest(s);
	if (!w)
		return false;
	w->there = false;
	*c = (struct captured){.record = w->record, .frame = w->frame};
	return true;
}

void capture_source_missed(const struct capture_source *s, uint64_t missed[CAPTURE_POINTS])
{
	missed[CAPTURE_ESP] = 0;
	missed[CAPTURE_CLEAR] = count_drops_lost(s->maps) - s->drops_lost;
	for (uint32_t i = 0; i < LANES_MAX; i++)
		for (int point = 0; point < CAPTURE_POINTS; point++)
			missed[point] += __atomic_load_n(&s->memory->rings[i].lost[point], __ATOMIC_RELAXED);
}

void capture_source_close(struct capture_source *s)
{
	for (uint32_t i = 0; i < LANES_MAX; i++)
		free(s->lanes[i].frame);
	free(s->dropped.frame);
	if (s->drops)
		ring_buffer__free(s->drops);
	capture_memory_unmap(s->memory, LANES_MAX);
	*s = (struct capture_source){0};
}
