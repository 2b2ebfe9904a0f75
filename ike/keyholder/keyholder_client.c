/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "keyholder_wire.h"
#include "maps/vault.h"

/* A signature takes milliseconds. Who does not answer by then never will. */
#define ANSWER_S 10

struct keyholder_client {
	int socket;
	uint8_t *keymat; /* the page that is shared */
	void (*on_lost)(void);
	uint32_t watched; /* keyholder_client_watch's last question */
	struct key_question q;
	struct key_answer a;
};

int keyholder_client_new(struct keyholder_client **client, int questions, uint8_t *keymat, void (*on_lost)(void))
{
	const struct timeval timeout = {.tv_sec = ANSWER_S};

	*client = calloc(1, sizeof(**client));
	if (!*client)
		return -ENOMEM;
	(*client)->socket = questions;
	(*client)->keymat = keymat;
	(*client)->on_lost = on_lost;
	if (setsockopt(questions, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout)) == 0)
		return 0;
	free(*client);
	*client = NULL;
	return -errno;
}

int keyholder_client_socket(const struct keyholder_client *client)
{
	return client->socket;
}

/* The next answer, in c->a. 0 or -errno. */
static int receive(struct keyholder_client *c, int flags)
{
	ssize_t n;

	do
		n = recv(c->socket, &c->a, sizeof(c->a), flags);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno == EAGAIN ? -ETIMEDOUT : -errno;
	if (n < (ssize_t)offsetof(struct key_answer, data) ||
	    (size_t)n != offsetof(struct key_answer, data) + c->a.size)
		return -EPIPE;
	return 0;
}

/* The answer to c->q, in c->a. 0 or -errno. */
static int wait_for_answer(struct keyholder_client *c)
{
	int err;

	do
		err = receive(c, 0);
	while (!err && c->a.number != c->q.number);
	return err;
}

/* 0 or -errno. */
static int send_question(struct keyholder_client *c, enum key_question_kind what, size_t size, int flags)
{
	c->q.number++;
	c->q.what = what;
	if (send(c->socket, &c->q, offsetof(struct key_question, octets) + size, MSG_NOSIGNAL | flags) < 0)
		return -errno;
	return 0;
}

/* 0 with the answer in c->a. */
static int ask(struct keyholder_client *c, enum key_question_kind what, uint32_t key, uint32_t how,
	       const uint8_t *octets, size_t size)
{
	int err;

	if (size > OCTETS_MAX)
		return -EMSGSIZE;
	c->q.key = key;
	c->q.how = how;
	if (size)
		memcpy(c->q.octets, octets, size);
	err = send_question(c, what, size, 0);
	explicit_bzero(c->q.octets, size);
	if (!err)
		err = wait_for_answer(c);
	if (err && c->on_lost)
		c->on_lost();
	return err ? err : c->a.error;
}

/* Answers come in the order of the questions, so that to a later one will do. */
bool keyholder_client_watch(struct keyholder_client *c)
{
	const uint32_t watched = c->watched;

	while (receive(c, MSG_DONTWAIT) == 0)
		;
	if ((int32_t)(c->a.number - watched) < 0 || send_question(c, ASK_NOTHING, 0, MSG_DONTWAIT))
		return false;
	c->watched = c->q.number;
	return true;
}

static int psk_auth(void *arg, uint32_t key, uint16_t prf, const uint8_t *octets, size_t size, uint8_t *out)
{
	struct keyholder_client *c = arg;
	int err = ask(c, ASK_PSK_AUTH, key, prf, octets, size);

	if (!err && c->a.size != prf_size(prf))
		err = -EPROTO;
	if (!err)
		memcpy(out, c->a.data, c->a.size);
	return err;
}

static int sign(void *arg, uint32_t key, enum sig_scheme scheme, const uint8_t *octets, size_t size, uint8_t *out,
		size_t *out_size)
{
	struct keyholder_client *c = arg;
	int err = ask(c, ASK_SIGN, key, scheme, octets, size);

	if (!err && c->a.size > *out_size)
		err = -EPROTO;
	if (err)
		return err;
	memcpy(out, c->a.data, c->a.size);
	*out_size = c->a.size;
	return 0;
}

static int ppk(void *arg, uint32_t key, uint16_t prf, const uint8_t *in, size_t size, uint8_t *out)
{
	struct keyholder_client *c = arg;
	int err = ask(c, ASK_PPK, key, prf, in, size);

	if (!err && c->a.size != size)
		err = -EPROTO;
	if (!err)
		memcpy(out, c->a.data, size);
	explicit_bzero(c->a.data, sizeof(c->a.data));
	return err;
}

static int store(void *arg, uint32_t slot, uint32_t generation, const uint8_t *keymat)
{
	struct keyholder_client *c = arg;

	memcpy(c->keymat, keymat, ESP_KEYMAT_SIZE);
	return ask(c, ASK_STORE, slot, generation, NULL, 0);
}

static int wipe(void *arg, uint32_t slot)
{
	return ask(arg, ASK_WIPE, slot, 0, NULL, 0);
}

struct vault_ops keyholder_client_vault(struct keyholder_client *client)
{
	return (struct vault_ops){.store = store, .wipe = wipe, .arg = client};
}

struct keyholder_ops keyholder_client_ops(struct keyholder_client *client)
{
	return (struct keyholder_ops){.psk_auth = psk_auth, .sign = sign, .ppk = ppk, .arg = client};
}

void keyholder_client_free(struct keyholder_client *client)
{
	if (!client)
		return;
	close(client->socket);
	explicit_bzero(client, sizeof(*client));
	free(client);
}
