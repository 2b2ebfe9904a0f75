/* SPDX-License-Identifier: BSD-2-Clause */
#include "keys.h"

#include <arpa/inet.h>
#include <err.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define KEY_SIZE   32
#define SALT_SIZE  4
#define ICV_SIZE   16
#define PACKET_MAX 2048

void keys_init(struct keys *k, const char *const paths[2])
{
	*k = (struct keys){.logs = {{.path = paths[0], .fd = -1}, {.path = paths[1], .fd = -1}}};
}

/* ---- the log ---- */

static void add(struct keys *k, uint32_t spi, const uint8_t keymat[KEYMAT_SIZE])
{
	struct key *key;

	for (uint32_t i = 0; i < k->count; i++) {
		if (memcmp(k->keys[i].keymat, keymat, KEYMAT_SIZE) != 0)
			continue;
		k->again += k->keys[i].spi != spi;
		return;
	}
	if (k->count == k->room) {
		k->room = k->room ? 2 * k->room : 64;
		k->keys = realloc(k->keys, k->room * sizeof(*k->keys));
		if (!k->keys)
			err(2, "keys");
	}
	key = &k->keys[k->count++];
	*key = (struct key){.spi = spi, .cipher = EVP_CIPHER_CTX_new(), .esn = true};
	memcpy(key->keymat, keymat, KEYMAT_SIZE);
	if (!key->cipher || EVP_DecryptInit_ex(key->cipher, EVP_aes_256_gcm(), NULL, keymat, NULL) != 1)
		errx(2, "AES-256-GCM");
}

static void read_line(struct keys *k, const char *line)
{
	uint8_t keymat[KEYMAT_SIZE];
	char digits[2 * KEYMAT_SIZE + 1];
	unsigned spi, octet;

	if (sscanf(line, "\"IPv4\",\"%*[0-9.]\",\"%*[0-9.]\",\"0x%x\",\"%*[^\"]\",\"0x%72[0-9a-f]\"", &spi, digits) !=
		    2 ||
	    strlen(digits) != 2 * KEYMAT_SIZE)
		errx(2, "what line of a key log is this: %s", line);
	for (size_t i = 0; i < KEYMAT_SIZE; i++) {
		sscanf(digits + 2 * i, "%2x", &octet);
		keymat[i] = (uint8_t)octet;
	}
	add(k, spi, keymat);
}

static void read_lines(struct keys *k, struct keys_log *log)
{
	ssize_t n;

	while ((n = read(log->fd, log->rest + log->rest_length, sizeof(log->rest) - 1 - log->rest_length)) > 0) {
		char *line = log->rest, *end;

		log->rest_length += (size_t)n;
		log->rest[log->rest_length] = '\0';
		for (; (end = strchr(line, '\n')); line = end + 1) {
			*end = '\0';
			read_line(k, line);
		}
		log->rest_length -= (size_t)(line - log->rest);
		memmove(log->rest, line, log->rest_length);
	}
}

static void read_log(struct keys *k, struct keys_log *log)
{
	struct stat now;

	if (log->fd >= 0)
		read_lines(k, log);
	if (stat(log->path, &now) < 0 || (log->fd >= 0 && now.st_ino == log->inode))
		return;
	/* All that is left of the old one first. */
	if (log->fd >= 0) {
		read_lines(k, log);
		close(log->fd);
	}
	log->fd = open(log->path, O_RDONLY | O_CLOEXEC);
	log->rest_length = 0;
	if (log->fd >= 0 && fstat(log->fd, &now) == 0) {
		log->inode = now.st_ino;
		read_lines(k, log);
	}
}

bool keys_read(struct keys *k)
{
	const uint32_t before = k->count;

	read_log(k, &k->logs[0]);
	read_log(k, &k->logs[1]);
	return k->count > before;
}

/* ---- packets ---- */

static bool try(const struct key *key, const uint8_t *packet, size_t length, bool esn, uint32_t high)
{
	const struct esp *esp = (const struct esp *)packet;
	const uint32_t aad[] = {esp->spi, esn ? htonl(high) : esp->number, esp->number};
	const uint8_t *sealed = packet + sizeof(*esp);
	const size_t sealed_length = length - sizeof(*esp) - ICV_SIZE;
	uint8_t nonce[SALT_SIZE + sizeof(esp->iv)], plain[PACKET_MAX];
	int n;

	memcpy(nonce, key->keymat + KEY_SIZE, SALT_SIZE);
	memcpy(nonce + SALT_SIZE, &esp->iv, sizeof(esp->iv));
	return EVP_DecryptInit_ex(key->cipher, NULL, NULL, NULL, nonce) == 1 &&
	       EVP_DecryptUpdate(key->cipher, NULL, &n, (const uint8_t *)aad, esn ? 12 : 8) == 1 &&
	       EVP_DecryptUpdate(key->cipher, plain, &n, sealed, (int)sealed_length) == 1 &&
	       EVP_CIPHER_CTX_ctrl(key->cipher, EVP_CTRL_AEAD_SET_TAG, ICV_SIZE, (void *)(sealed + sealed_length)) ==
		       1 &&
	       EVP_DecryptFinal_ex(key->cipher, plain, &n) == 1;
}

/* The upper half of the number is not on the wire: it is the last packet's or the next one, or where SAs begin here. */
static bool opens(struct key *key, const uint8_t *packet, size_t length)
{
	const uint32_t highs[] = {key->high, key->high + 1, 0, 1, UINT32_MAX};

	if (!key->esn || try(key, packet, length, true, key->high)) {
		if (key->esn || try(key, packet, length, false, 0))
			return true;
	}
	for (size_t i = 0; i < sizeof(highs) / sizeof(highs[0]); i++)
		if (try(key, packet, length, true, highs[i])) {
			key->esn = true;
			key->high = highs[i];
			return true;
		}
	key->esn = !try(key, packet, length, false, 0);
	return !key->esn;
}

enum keys_said keys_open(struct keys *k, const uint8_t *packet, size_t length, uint32_t *id)
{
	uint32_t spi;
	bool known = false;

	memcpy(&spi, packet, sizeof(spi));
	if (length < sizeof(struct esp) + ICV_SIZE || length > PACKET_MAX)
		return KEY_REFUSES;
	/* The last ones are those in use. */
	for (uint32_t i = k->count; i-- > 0;) {
		if (k->keys[i].spi != ntohl(spi))
			continue;
		known = true;
		*id = 1 + i;
		if (opens(&k->keys[i], packet, length))
			return KEY_OPENS;
	}
	return known ? KEY_REFUSES : KEY_UNKNOWN;
}

void keys_reach(struct key *key, uint32_t number)
{
	if (number == UINT32_MAX && (!key->esn || key->high == UINT32_MAX))
		key->reached |= REACH_LAST;
	if (key->esn && key->high == 0)
		key->reached |= REACH_LOW;
	if (key->esn && key->high == 1)
		key->reached |= REACH_PAST;
}
