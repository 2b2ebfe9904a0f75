/* SPDX-License-Identifier: BSD-2-Clause */
/* The keyholder as a process: keys come from the supervisor, questions from the protocol process. */
#define _GNU_SOURCE
#include <errno.h>
#include <openssl/x509.h>
#include <openssl/pem.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/channel.h"
#include "lib/json.h"
#include "keyholder_wire.h"
#include "sandbox/sandbox.h"
#include "sandbox/threads.h"
#include "signers.h"
#include "maps/vault.h"

struct keyholder {
	struct keyring *ring;
	struct keyholder_ops ops;
	struct vault vault; /* entries NULL: none */
	uint8_t *keymat;
	struct signers signers;
};

/* ---- keys ---- */

static const char *const kind_names[] = {[KEY_PSK] = "psk", [KEY_PRIVATE] = "private", [KEY_PPK] = "ppk"};

static enum key_kind kind_of(const char *name)
{
	for (int kind = KEY_PSK; name && kind <= KEY_PPK; kind++)
		if (strcmp(name, kind_names[kind]) == 0)
			return (enum key_kind)kind;
	return 0;
}

/* The file as far as it goes; one that is longer than any key is none. */
static ssize_t read_file(int fd, char *text, size_t room)
{
	ssize_t n, have = 0;

	while ((n = pread(fd, text + have, room - (size_t)have, have)) > 0)
		have += n;
	return n < 0 ? -errno : have;
}

static int add_key(struct keyring *ring, uint32_t id, const char *kind, int fd, struct fault *f)
{
	char *text = malloc(KEY_FILE_MAX);
	const ssize_t n = text ? read_file(fd, text, KEY_FILE_MAX) : -ENOMEM;
	int err = (int)(n < 0 ? n : 0);

	if (err)
		fault(f, -err, "%s", strerror(-err));
	else if (!kind_of(kind) || n == KEY_FILE_MAX)
		err = fault(f, EINVAL, "not a key file");
	else
		err = keyring_add(ring, id, kind_of(kind), text, (size_t)n, f);
	if (text)
		explicit_bzero(text, KEY_FILE_MAX);
	free(text);
	return err;
}

static int match_key(const struct keyring *ring, uint32_t id, int fd, struct fault *f)
{
	char *pem = channel_unpack(fd);
	BIO *bio = pem ? BIO_new_mem_buf(pem, -1) : NULL;
	X509 *cert = bio ? PEM_read_bio_X509(bio, NULL, NULL, NULL) : NULL;
	unsigned char *spki = NULL;
	const int size = cert ? i2d_X509_PUBKEY(X509_get_X509_PUBKEY(cert), &spki) : -1;
	int err = 0;

	if (!cert)
		err = fault(f, EINVAL, "cert: there is no certificate in it: PEM is expected");
	else if (size <= 0 || !keyring_matches(ring, id, spki, (size_t)size))
		err = fault(f, EINVAL,
			    "key: the private key is not that of the certificate: take the one it was made with");
	OPENSSL_free(spki);
	X509_free(cert);
	BIO_free(bio);
	free(pem);
	return err;
}

static int obey(struct keyring *ring, const cJSON *message, int fd, struct fault *f)
{
	const char *command = cJSON_GetStringValue(cJSON_GetObjectItem(message, "command"));
	const uint32_t id = (uint32_t)json_u64(message, "id");

	if (!command || !id)
		return fault(f, EINVAL, "not a command");
	if (strcmp(command, "key") == 0)
		return add_key(ring, id, cJSON_GetStringValue(cJSON_GetObjectItem(message, "kind")), fd, f);
	if (strcmp(command, "matches") == 0)
		return match_key(ring, id, fd, f);
	if (strcmp(command, "forget") != 0)
		return fault(f, EINVAL, "not a command");
	keyring_remove(ring, id);
	return 0;
}

static void add_ok(cJSON *reply, const struct keyring *ring, const cJSON *message)
{
	const uint32_t id = (uint32_t)json_u64(message, "id");

	const char *weakness = keyring_weakness(ring, id);
	char note[160];

	cJSON_AddBoolToObject(reply, "ok", true);
	if (weakness)
		snprintf(note, sizeof(note),
			 "%s, and can be found by trying: 'xdp-ipsec genkey psk' makes one that cannot", weakness);
	else if (keyring_has_tail(ring, id))
		snprintf(note, sizeof(note),
			 "it ends with a blank or a carriage return, which belongs to the secret: without it at the "
			 "peer the PSKs differ");
	else
		return;
	cJSON_AddStringToObject(reply, "note", note);
}

/* False: the supervisor is gone. */
static bool on_control(struct keyholder *k, int control)
{
	struct keyring *ring = k->ring;
	struct fault f = {""};
	cJSON *message, *reply;
	int fd, err = channel_receive(control, &message, &fd);

	if (err)
		return err == -EBADMSG || err == -EINTR;
	reply = cJSON_CreateObject();
	pthread_mutex_lock(&k->signers.lock);
	err = obey(ring, message, fd, &f);
	pthread_mutex_unlock(&k->signers.lock);
	if (err)
		cJSON_AddStringToObject(reply, "error", f.text);
	else
		add_ok(reply, ring, message);
	err = channel_send(control, reply, -1);
	cJSON_Delete(reply);
	cJSON_Delete(message);
	if (fd >= 0)
		close(fd);
	return !err;
}

/* ---- questions ---- */

/*
 * Which slot and what generation is for the protocol process to say: one of its own that it spoils is its own loss. But
 * one that has a key of somebody else's is none of its own.
 */
static int check_slot(const struct keyholder *k, uint32_t slot)
{
	const struct vault_entry *e;

	if (!k->vault.entries || slot >= k->vault.slots)
		return -EINVAL;
	e = &k->vault.entries[slot];
	return __atomic_load_n(&e->generation, __ATOMIC_ACQUIRE) && e->owner != OWNER_IKE ? -EPERM : 0;
}

static int store(struct keyholder *k, const struct key_question *q)
{
	int err = check_slot(k, q->key);

	/* A key from IKE is used once, so the IV is the sequence number itself. */
	if (!err)
		vault_store(&k->vault, q->key, q->how, OWNER_IKE, k->keymat, 0);
	if (k->keymat)
		explicit_bzero(k->keymat, ESP_KEYMAT_SIZE);
	return err;
}

static int wipe(struct keyholder *k, const struct key_question *q)
{
	int err = check_slot(k, q->key);

	if (!err)
		vault_wipe(&k->vault, q->key);
	return err;
}

static void answer(struct keyholder *k, const struct key_question *q, size_t size, struct key_answer *a)
{
	const struct keyholder_ops *ops = &k->ops;
	const size_t octets = size - offsetof(struct key_question, octets);
	size_t room = sizeof(a->data);

	a->number = q->number;
	a->size = 0;
	a->error = -EINVAL;
	switch (q->what) {
	case ASK_PSK_AUTH:
		a->error = ops->psk_auth(ops->arg, q->key, (uint16_t)q->how, q->octets, octets, a->data);
		room = prf_size((uint16_t)q->how);
		break;
	case ASK_SIGN:
		a->error = ops->sign(ops->arg, q->key, (enum sig_scheme)q->how, q->octets, octets, a->data, &room);
		break;
	case ASK_PPK:
		if (octets <= PRF_SIZE_MAX)
			a->error = ops->ppk(ops->arg, q->key, (uint16_t)q->how, q->octets, octets, a->data);
		room = octets;
		break;
	case ASK_STORE:
		a->error = store(k, q);
		room = 0;
		break;
	case ASK_WIPE:
		a->error = wipe(k, q);
		room = 0;
		break;
	case ASK_NOTHING:
		a->error = 0;
		room = 0;
		break;
	}
	if (!a->error)
		a->size = (uint32_t)room;
}

/* False: the protocol process is gone. */
static bool on_question(struct keyholder *k, int questions)
{
	static struct key_question q;
	static struct key_answer a;
	const ssize_t n = recv(questions, &q, sizeof(q), 0);
	bool sent;

	if (n < (ssize_t)offsetof(struct key_question, octets))
		return n < 0 && errno == EINTR;
	answer(k, &q, (size_t)n, &a);
	sent = send(questions, &a, offsetof(struct key_answer, data) + a.size, MSG_NOSIGNAL) > 0;
	/* With a PPK both are keys. */
	explicit_bzero(&q, (size_t)n);
	explicit_bzero(&a, sizeof(a));
	return sent;
}

/* ---- its life ---- */

struct start {
	struct keyholder *k;
	const struct keyholder_ends *ends;
};

static int start_signers(void *arg, struct fault *f)
{
	const struct start *s = arg;
	struct signers *signers = &s->k->signers;

	if (!s->ends->signers)
		return 0;
	signers->socket = s->ends->signatures;
	signers->ring = s->k->ring;
	return threads_start(s->ends->signers, signers_work, signers, f);
}

static int prepare(struct keyholder *k, const struct keyholder_ends *ends, struct fault *f)
{
	struct start start = {k, ends};
	int err = 0;

	*k = (struct keyholder){.ring = keyring_new(),
				.vault.fd = -1,
				.keymat = ends->keymat,
				.signers.lock = PTHREAD_MUTEX_INITIALIZER};
	if (!k->ring)
		return fault(f, ENOMEM, "%s", strerror(ENOMEM));
	k->ops = keyring_ops(k->ring);
	if (ends->vault >= 0)
		err = vault_map(&k->vault, ends->vault, true, f);
	return err ? err : sandbox_enter(SANDBOX_KEYHOLDER, start_signers, &start, f);
}

static bool say_ready(int ready)
{
	const bool said = write(ready, KEYHOLDER_READY, strlen(KEYHOLDER_READY)) == (ssize_t)strlen(KEYHOLDER_READY);

	close(ready);
	return said;
}

int keyholder_run(const struct keyholder_ends *ends)
{
	struct pollfd fds[2] = {{.fd = ends->control, .events = POLLIN}, {.fd = ends->questions, .events = POLLIN}};
	static struct keyholder k;
	struct fault f = {""};
	bool go_on;

	if (prepare(&k, ends, &f)) {
		dprintf(STDERR_FILENO, "xdp-ipsec-iked: key holder: %s\n", f.text);
		return EXIT_FAILURE;
	}
	go_on = say_ready(ends->ready);
	while (go_on && (poll(fds, 2, -1) >= 0 || errno == EINTR)) {
		if (fds[0].revents)
			go_on = on_control(&k, ends->control);
		if (go_on && fds[1].revents)
			go_on = on_question(&k, ends->questions);
	}
	/* Signers are kept from it until the process ends; what one has at hand it has a share of. */
	pthread_mutex_lock(&k.signers.lock);
	keyring_free(k.ring);
	vault_close(&k.vault);
	return EXIT_SUCCESS;
}
