/* SPDX-License-Identifier: BSD-2-Clause */
#include "crew.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <unistd.h>

/* For each of them the one it is at, and some, so that none has nothing to do before the engine comes by: with one more
 * a tenth less gets done on two CPUs. What is urgent waits for all of these, two milliseconds. */
#define ON_THE_WAY 4

/* What may wait, in bytes: each half-open IKE SA can have one (engine_state.h), of some hundred bytes, or with
 * certificates of some thousand. */
#define WAITING_MAX (16 << 20)

struct waiting {
	TAILQ_ENTRY(waiting) of_list;
	bool seen; /* by crew_watch, on its way */
	size_t size;
	struct job_head head; /* and behind it the data */
};

TAILQ_HEAD(waiting_list, waiting);

struct crew {
	int socket;
	unsigned most; /* on their way */
	crew_done *done;
	void *arg;
	struct waiting_list ranks[JOB_RANKS];
	struct waiting_list on_the_way;
	unsigned out;
	size_t bytes;
	union {
		struct answer_head head;
		uint8_t bytes[sizeof(struct answer_head) + ANSWER_MAX];
	} answer;
};

/* ---- a job ---- */

static struct waiting *waiting_new(struct crew *c, const struct job *job)
{
	const size_t size = sizeof(struct job_head) + job->data.size;
	struct waiting *w = malloc(sizeof(*w) + job->data.size);

	if (!w)
		return NULL;
	w->seen = false;
	w->size = size;
	w->head = (struct job_head){job->number, job->kind};
	memcpy(&w->head + 1, job->data.data, job->data.size);
	c->bytes += size;
	return w;
}

/* There may be a private value in it. */
static void waiting_free(struct crew *c, struct waiting *w)
{
	c->bytes -= w->size;
	explicit_bzero(&w->head, w->size);
	free(w);
}

static void free_all(struct crew *c, struct waiting_list *list)
{
	struct waiting *w;

	while ((w = TAILQ_FIRST(list))) {
		TAILQ_REMOVE(list, w, of_list);
		waiting_free(c, w);
	}
}

/* ---- life ---- */

struct crew *crew_new(int socket, unsigned count, crew_done *done, void *arg)
{
	const int room = 2 * JOB_MAX;
	struct crew *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->socket = socket;
	c->most = count * ON_THE_WAY;
	c->done = done;
	c->arg = arg;
	TAILQ_INIT(&c->on_the_way);
	for (int i = 0; i < JOB_RANKS; i++)
		TAILQ_INIT(&c->ranks[i]);
	/* As much as is allowed is enough for most. */
	setsockopt(socket, SOL_SOCKET, SO_SNDBUF, &room, sizeof(room));
	return c;
}

void crew_free(struct crew *c)
{
	if (!c)
		return;
	free_all(c, &c->on_the_way);
	for (int i = 0; i < JOB_RANKS; i++)
		free_all(c, &c->ranks[i]);
	close(c->socket);
	explicit_bzero(c, sizeof(*c));
	free(c);
}

int crew_socket(const struct crew *c)
{
	return c->socket;
}

/* ---- out ---- */

static int send_out(struct crew *c, struct waiting *w)
{
	ssize_t n;

	do
		n = send(c->socket, &w->head, w->size, MSG_NOSIGNAL | MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	TAILQ_INSERT_TAIL(&c->on_the_way, w, of_list);
	c->out++;
	return 0;
}

static struct waiting_list *next_rank(struct crew *c)
{
	for (int i = 0; i < JOB_RANKS; i++)
		if (!TAILQ_EMPTY(&c->ranks[i]))
			return &c->ranks[i];
	return NULL;
}

/* Which the socket does not take: the one who waits for it does it. */
static void refuse(struct crew *c, struct waiting *w, int err)
{
	const struct job_answer answer = {.error = err};
	const uint32_t number = w->head.number;

	waiting_free(c, w);
	c->done(c->arg, number, &answer);
}

/* As long as something is on its way, its answer brings us here again. */
static void send_what_waits(struct crew *c)
{
	struct waiting_list *list;

	while (c->out < c->most && (list = next_rank(c))) {
		struct waiting *w = TAILQ_FIRST(list);
		int err;

		TAILQ_REMOVE(list, w, of_list);
		err = send_out(c, w);
		if (err == -EAGAIN && c->out) {
			TAILQ_INSERT_HEAD(list, w, of_list);
			return;
		}
		if (err)
			refuse(c, w, err);
	}
}

int crew_give(struct crew *c, const struct job *job)
{
	struct waiting *w = c->bytes + job->data.size > WAITING_MAX ? NULL : waiting_new(c, job);
	int err = w ? -EAGAIN : -ENOMEM;

	if (!w)
		return err;
	if (c->out < c->most)
		err = send_out(c, w);
	if (err == -EAGAIN && c->out) {
		TAILQ_INSERT_TAIL(&c->ranks[job->rank], w, of_list);
		return 0;
	}
	if (err)
		waiting_free(c, w);
	return err;
}

/* ---- back ---- */

static bool take_back(struct crew *c, uint32_t number)
{
	struct waiting *w;

	TAILQ_FOREACH(w, &c->on_the_way, of_list) {
		if (w->head.number != number)
			continue;
		TAILQ_REMOVE(&c->on_the_way, w, of_list);
		waiting_free(c, w);
		c->out--;
		return true;
	}
	return false;
}

/* What is no answer to a job that is on its way is nonsense, and so is who says it. */
static bool on_answer(struct crew *c, size_t size)
{
	const struct answer_head *head = &c->answer.head;
	const struct job_answer answer = {head->error, {c->answer.bytes + sizeof(*head), size - sizeof(*head)}};
	const bool right = size >= sizeof(*head) && size - sizeof(*head) == head->size && head->error <= 0 &&
			   take_back(c, head->number);

	if (right)
		c->done(c->arg, head->number, &answer);
	explicit_bzero(c->answer.bytes, size);
	return right;
}

bool crew_hear(struct crew *c)
{
	bool there = true;

	while (there) {
		const ssize_t n = recv(c->socket, c->answer.bytes, sizeof(c->answer.bytes), MSG_DONTWAIT);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			break;
		there = n > 0 && on_answer(c, (size_t)n);
		if (there)
			send_what_waits(c);
	}
	return there;
}

bool crew_watch(struct crew *c)
{
	struct waiting *w;
	bool hangs = false;

	TAILQ_FOREACH(w, &c->on_the_way, of_list) {
		hangs |= w->seen;
		w->seen = true;
	}
	return !hangs;
}
