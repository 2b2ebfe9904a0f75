/* SPDX-License-Identifier: BSD-2-Clause */
/* The keyholder as a process: keys come from the supervisor, questions from the protocol process. */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/capability.h>
#include <openssl/x509.h>
#include <openssl/pem.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "channel.h"
#include "keyholder_wire.h"
#include "privileges.h"
#include "sandbox.h"

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
	const uint32_t id = (uint32_t)cJSON_GetNumberValue(cJSON_GetObjectItem(message, "id"));

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
	const uint32_t id = (uint32_t)cJSON_GetNumberValue(cJSON_GetObjectItem(message, "id"));

	cJSON_AddBoolToObject(reply, "ok", true);
	if (keyring_is_short(ring, id))
		cJSON_AddStringToObject(
			reply, "note",
			"shorter than 16 bytes, and can be found by trying: 'openssl rand -hex 32' makes "
			"one that cannot");
}

/* False: the supervisor is gone. */
static bool on_control(struct keyring *ring, int control)
{
	struct fault f = {""};
	cJSON *message, *reply;
	int fd, err = channel_receive(control, &message, &fd);

	if (err)
		return err == -EBADMSG || err == -EINTR;
	reply = cJSON_CreateObject();
	if (obey(ring, message, fd, &f))
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

static void answer(const struct keyholder_ops *ops, const struct key_question *q, size_t size, struct key_answer *a)
{
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
		if (q->how > SIG_NONE && q->how <= SIG_RSA_PKCS1_SHA512)
			a->error =
				ops->sign(ops->arg, q->key, (enum sig_scheme)q->how, q->octets, octets, a->data, &room);
		break;
	case ASK_PPK:
		if (octets <= PRF_SIZE_MAX)
			a->error = ops->ppk(ops->arg, q->key, (uint16_t)q->how, q->octets, octets, a->data);
		room = octets;
		break;
	}
	if (!a->error)
		a->size = (uint32_t)room;
}

/* False: the protocol process is gone. */
static bool on_question(const struct keyholder_ops *ops, int questions)
{
	static struct key_question q;
	static struct key_answer a;
	const ssize_t n = recv(questions, &q, sizeof(q), 0);

	if (n < (ssize_t)offsetof(struct key_question, octets))
		return n < 0 && errno == EINTR;
	answer(ops, &q, (size_t)n, &a);
	return send(questions, &a, offsetof(struct key_answer, data) + a.size, MSG_NOSIGNAL) > 0;
}

/*
 * Nothing of what is read here is ever written to a swap device; what comes later must have room to be locked too, so
 * where the limit stays the capability does, and is returned; else -1.
 */
static int lock_memory(void)
{
	const struct lockable can = privileges_raise_memlock();

	if (can.now && mlockall(MCL_CURRENT | MCL_FUTURE) == 0)
		return can.later ? -1 : CAP_IPC_LOCK;
	dprintf(STDERR_FILENO,
		"xdp-ipsec-iked: key holder: its memory cannot be locked, keys may get to a swap device: "
		"raise 'ulimit -l', or run with CAP_IPC_LOCK\n");
	return -1;
}

int keyholder_run(int control, int questions)
{
	struct pollfd fds[2] = {{.fd = control, .events = POLLIN}, {.fd = questions, .events = POLLIN}};
	struct keyring *ring = keyring_new();
	struct keyholder_ops ops;
	struct fault f = {""};
	bool go_on = ring != NULL;

	if (!ring || sandbox_enter_keyholder(lock_memory(), &f)) {
		dprintf(STDERR_FILENO, "xdp-ipsec-iked: key holder: %s\n", f.text);
		return EXIT_FAILURE;
	}
	ops = keyring_ops(ring);
	while (go_on && (poll(fds, 2, -1) >= 0 || errno == EINTR)) {
		if (fds[0].revents)
			go_on = on_control(ring, control);
		if (go_on && fds[1].revents)
			go_on = on_question(&ops, questions);
	}
	keyring_free(ring);
	return EXIT_SUCCESS;
}
