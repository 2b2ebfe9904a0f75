/* SPDX-License-Identifier: BSD-2-Clause */
#include "signers.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "keyholder_wire.h"

static EVP_PKEY *take_key(struct signers *s, uint32_t id)
{
	EVP_PKEY *key;

	pthread_mutex_lock(&s->lock);
	key = keyring_private(s->ring, id);
	pthread_mutex_unlock(&s->lock);
	return key;
}

static void answer(struct signers *s, const struct key_question *q, size_t size, struct key_answer *a)
{
	EVP_PKEY *key = q->what == ASK_SIGN ? take_key(s, q->key) : NULL;
	size_t room = sizeof(a->data);

	a->number = q->number;
	a->error = q->what == ASK_SIGN ? -ENOENT : -EINVAL;
	if (key)
		a->error = keyring_sign(key, (enum sig_scheme)q->how, q->octets,
					size - offsetof(struct key_question, octets), a->data, &room);
	a->size = a->error ? 0 : (uint32_t)room;
	EVP_PKEY_free(key);
}

/* The kernel gives each question to one of those who wait. False: the protocol process is gone. */
static bool answer_next(struct signers *s, struct key_question *q)
{
	const ssize_t n = recv(s->socket, q, sizeof(*q), 0);
	struct key_answer a;

	if (n < (ssize_t)offsetof(struct key_question, octets))
		return n < 0 && errno == EINTR;
	answer(s, q, (size_t)n, &a);
	return send(s->socket, &a, offsetof(struct key_answer, data) + a.size, MSG_NOSIGNAL) > 0;
}

void signers_work(void *signers)
{
	struct key_question *q = malloc(sizeof(*q));

	while (q && answer_next(signers, q))
		continue;
}
