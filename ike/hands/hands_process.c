/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "hands.h"
#include "sandbox/sandbox.h"
#include "sandbox/threads.h"

/* What one thread has at hand. */
struct bench {
	struct hand *hand;
	union {
		struct job_head head;
		uint8_t bytes[sizeof(struct job_head) + JOB_MAX];
	} job;
	union {
		struct answer_head head;
		uint8_t bytes[sizeof(struct answer_head) + ANSWER_MAX];
	} answer;
};

static size_t do_job(struct bench *b, size_t size)
{
	const struct chunk data = {b->job.bytes + sizeof(b->job.head), size - sizeof(b->job.head)};
	struct job_answer a;

	hand_do(b->hand, b->job.head.kind, data, &a);
	if (a.data.size > ANSWER_MAX)
		a = (struct job_answer){.error = -EMSGSIZE};
	b->answer.head = (struct answer_head){b->job.head.number, a.error, (uint32_t)a.data.size};
	if (a.data.size)
		memcpy(b->answer.bytes + sizeof(b->answer.head), a.data.data, a.data.size);
	hand_forget(b->hand);
	return sizeof(b->answer.head) + a.data.size;
}

/* The kernel gives each job to one of those who wait. */
static bool do_next(struct bench *b, int jobs)
{
	const ssize_t n = recv(jobs, b->job.bytes, sizeof(b->job.bytes), 0);
	size_t size;
	bool sent;

	if (n < (ssize_t)sizeof(b->job.head))
		return n < 0 && errno == EINTR;
	size = do_job(b, (size_t)n);
	sent = send(jobs, b->answer.bytes, size, MSG_NOSIGNAL) > 0;
	explicit_bzero(b->job.bytes, (size_t)n);
	explicit_bzero(b->answer.bytes, size);
	return sent;
}

static void work(void *jobs)
{
	struct bench *b = calloc(1, sizeof(*b));

	if (b)
		b->hand = hand_new();
	while (b && b->hand && do_next(b, *(int *)jobs))
		continue;
/* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): the process ends with its jobs */
}

struct start {
	int jobs;
	unsigned count;
};

static int start_hands(void *arg, struct fault *f)
{
	struct start *s = arg;
	int err = threads_start(s->count, work, &s->jobs, f);

	threads_give_way();
	return err;
}

int hands_run(int jobs, int ready, unsigned count)
{
	/* This thread is one of them. */
	static struct start s;
	struct fault f = {""};

	s = (struct start){jobs, count - 1};
	if (sandbox_enter(SANDBOX_HANDS, start_hands, &s, &f)) {
		dprintf(STDERR_FILENO, "xdp-ipsec-iked: hands: %s\n", f.text);
		return EXIT_FAILURE;
	}
	if (write(ready, KEYHOLDER_READY, strlen(KEYHOLDER_READY)) != (ssize_t)strlen(KEYHOLDER_READY))
		return EXIT_FAILURE;
	close(ready);
	work(&s.jobs);
	return EXIT_SUCCESS;
}
