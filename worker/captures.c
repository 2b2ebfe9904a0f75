/* SPDX-License-Identifier: BSD-2-Clause */
#include "captures.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void tell_lanes(struct captures *c)
{
	for (uint32_t i = 0; i < c->lane_count; i++) {
		struct lane_order order = {.remove = -1, .captures = true};

		TAILQ_INIT(&order.add);
		order.capture = c->memory ? &c->captures[i] : NULL;
		lane_tell(&c->lanes[i], &order);
	}
}

static void end(struct captures *c)
{
	struct capture_memory *memory = c->memory;

	if (!memory)
		return;
	c->memory = NULL;
	tell_lanes(c);
	capture_memory_unmap(memory, c->lane_count);
	free(c->captures);
	c->captures = NULL;
}

static int begin(struct captures *c, int fd)
{
	struct capture_memory *memory = capture_memory_map(fd, c->lane_count);

	if (!memory)
		return -errno;
	c->captures = calloc(c->lane_count, sizeof(*c->captures));
	if (!c->captures) {
		capture_memory_unmap(memory, c->lane_count);
		return -ENOMEM;
	}
	c->memory = memory;
	for (uint32_t i = 0; i < c->lane_count; i++)
		capture_begin(&c->captures[i], &memory->wants, &memory->rings[i]);
	tell_lanes(c);
	__atomic_store_n(&memory->wants.begun, 1, __ATOMIC_RELEASE);
	return 0;
}

void captures_obey(struct captures *c, int fd, struct worker_answer *answer)
{
	int err = 0;

	*answer = (struct worker_answer){.kind = WORKER_CAPTURE};
	end(c);
	if (fd < 0)
		return;
	err = begin(c, fd);
	close(fd);
	answer->error = -err;
	if (err)
		strncpy(answer->text, strerror(-err), sizeof(answer->text) - 1);
}
