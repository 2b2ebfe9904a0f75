/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE
#include "capture_session.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "maps/capture_ring.h"

static void remove_ring(const struct capture_session *s)
{
	bpf_map_delete_elem(s->maps->captures, &(uint32_t){0});
}

void capture_session_init(struct capture_session *s, struct worker *worker, const struct maps *maps)
{
	*s = (struct capture_session){.worker = worker, .maps = maps, .memory = -1};
	remove_ring(s);
}

static int put_ring(const struct capture_session *s)
{
	const int fd = bpf_map_create(BPF_MAP_TYPE_RINGBUF, "capture_drops", 0, 0, CAPTURE_DROPS_SIZE, NULL);
	int err = fd < 0 ? -errno : 0;

	if (!err && bpf_map_update_elem(s->maps->captures, &(uint32_t){0}, &fd, BPF_ANY) < 0)
		err = -errno;
	/* The map keeps it. */
	if (fd >= 0)
		close(fd);
	return err;
}

static struct capture_wants wants_of(const cJSON *words)
{
	struct capture_wants wants = {.drops = json_text(words, "drops") != NULL};

	if (!json_text(words, "esp"))
		wants.points |= 1u << CAPTURE_CLEAR;
	if (!json_text(words, "clear"))
		wants.points |= 1u << CAPTURE_ESP;
	return wants;
}

static int begin(struct capture_session *s, const cJSON *words)
{
	const struct capture_wants wants = wants_of(words);
	int err, copy;

	s->memory = capture_memory_make(&wants);
	if (s->memory < 0)
		return s->memory;
	copy = fcntl(s->memory, F_DUPFD_CLOEXEC, 0);
	err = copy < 0 ? -errno : put_ring(s);
	if (!err) {
		worker_capture(s->worker, s->memory);
		return copy;
	}
	if (copy >= 0)
		close(copy);
	return err;
}

int capture_session_begin(struct capture_session *s, const cJSON *words, struct fault *f)
{
	int fd;

	if (s->memory >= 0)
		return fault(f, EBUSY, "another 'capture' of this instance is running: end that one first");
	fd = begin(s, words);
	if (fd >= 0)
		return fd;
	capture_session_end(s);
	return fault(f, -fd, "memory for packets: %s", strerror(-fd));
}

void capture_session_end(void *arg)
{
	struct capture_session *s = arg;

	remove_ring(s);
	if (s->memory < 0)
		return;
	worker_capture(s->worker, -1);
	close(s->memory);
	s->memory = -1;
}
