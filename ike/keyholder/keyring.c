/* SPDX-License-Identifier: BSD-2-Clause */
/* The secrets themselves, and what may be asked of them. */
#include <ctype.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "keyholder.h"
#include "crypto/prf.h"
#include "real_message.h"
#include "crypto/sig_scheme.h"
#include "weak_secret.h"
#include "wire/wire.h"

#define RSA_BITS_MIN 2048

/* The supervisor counts: these are filled alike, and with 10,000 keys ten stand in each. */
#define CHAINS 1024

struct secret {
	LIST_ENTRY(secret) of_chain;
	uint32_t id;
	enum key_kind kind;
	EVP_PKEY *key; /* KEY_PRIVATE */
	size_t size;   /* KEY_PSK, KEY_PPK */
	size_t room;
	uint8_t data[];
};

struct keyring {
	LIST_HEAD(, secret) chains[CHAINS];
};

struct keyring *keyring_new(void)
{
	return calloc(1, sizeof(struct keyring));
}

static struct secret *find(const struct keyring *ring, uint32_t id, enum key_kind kind)
{
	struct secret *s;

	LIST_FOREACH(s, &ring->chains[id % CHAINS], of_chain)
		if (s->id == id && (!kind || s->kind == kind))
			return s;
	return NULL;
}

static void secret_free(struct secret *s)
{
	LIST_REMOVE(s, of_chain);
	EVP_PKEY_free(s->key);
	explicit_bzero(s, sizeof(*s) + s->room);
	free(s);
}

void keyring_remove(struct keyring *ring, uint32_t id)
{
	struct secret *s = find(ring, id, 0);

	if (s)
		secret_free(s);
}

void keyring_free(struct keyring *ring)
{
	for (size_t i = 0; ring && i < CHAINS; i++)
		while (!LIST_EMPTY(&ring->chains[i]))
			/* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): LIST_REMOVE() has put the next one there */
			secret_free(LIST_FIRST(&ring->chains[i]));
	free(ring);
}

const char *keyring_weakness(const struct keyring *ring, uint32_t id)
{
	const struct secret *s = find(ring, id, KEY_PSK);

	return s ? weak_secret(s->data, s->size) : NULL;
}

bool keyring_has_tail(const struct keyring *ring, uint32_t id)
{
	const struct secret *s = find(ring, id, KEY_PSK);

	if (!s || s->size == 0 || !isspace(s->data[s->size - 1]))
		return false;
	for (size_t i = 0; i < s->size; i++)
		if (!isprint(s->data[i]) && !isspace(s->data[i]))
			return false;
	return true;
}

/* ---- reading ---- */

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)tolower((unsigned char)c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static int read_hex(struct secret *s, const char *text, size_t size, struct fault *f)
{
	if (size == 0 || size % 2)
		return fault(f, EINVAL, "behind 0x there must be pairs of hex digits");
	for (size_t i = 0; i < size; i += 2) {
		const int high = hex_value(text[i]), low = hex_value(text[i + 1]);

		if (high < 0 || low < 0)
			return fault(f, EINVAL, "behind 0x there must be hex digits alone");
		s->data[s->size++] = (uint8_t)(high << 4 | low);
	}
	return 0;
}

/* Text, or 0x and hex; one newline at the end is the editor's. */
static int read_secret(struct secret *s, const char *text, size_t size, struct fault *f)
{
	if (size && text[size - 1] == '\n')
		size--;
	if (size == 0 || size > SECRET_MAX)
		return fault(f, EINVAL,
			     size ? "longer than 4096 bytes" : "empty: 'xdp-ipsec genkey psk' makes a secret");
	if (size > 2 && text[0] == '0' && text[1] == 'x')
		return read_hex(s, text + 2, size - 2, f);
	memcpy(s->data, text, size);
	s->size = size;
	return 0;
}

static int check_private(const EVP_PKEY *key, struct fault *f)
{
	const int bits = EVP_PKEY_get_bits(key), type = EVP_PKEY_get_base_id(key);

	if (type == EVP_PKEY_RSA && bits < RSA_BITS_MIN)
		return fault(f, EINVAL, "an RSA key of %d bits: at least %d", bits, RSA_BITS_MIN);
	if (type == EVP_PKEY_RSA || (type == EVP_PKEY_EC && (bits == 256 || bits == 384)))
		return 0;
	return fault(f, EINVAL, "not a key of a kind used here: RSA, EC P-384 or EC P-256");
}

/* An encrypted one is not asked a password for: nobody is there to answer. */
static int no_password(char *buf, int size, int write, void *arg)
{
	(void)buf;
	(void)size;
	(void)write;
	(void)arg;
	return -1;
}

static int read_private(struct secret *s, const void *pem, size_t size, struct fault *f)
{
	BIO *bio = BIO_new_mem_buf(pem, (int)size);

	if (bio)
		s->key = PEM_read_bio_PrivateKey(bio, NULL, no_password, NULL);
	BIO_free(bio);
	ERR_clear_error();
	if (!s->key)
		return fault(f, EINVAL,
			     "there is no private key in it that can be read: PEM without a password is expected");
	return check_private(s->key, f);
}

int keyring_add(struct keyring *ring, uint32_t id, enum key_kind kind, const void *content, size_t size,
		struct fault *f)
{
	/* Neither text nor what is read of hex is longer than the file. */
	const size_t room = kind == KEY_PRIVATE ? 0 : size;
	struct secret *s = calloc(1, sizeof(*s) + room);
	int err;

	if (!s)
		return fault(f, ENOMEM, "%s", strerror(ENOMEM));
	s->id = id;
	s->kind = kind;
	s->room = room;
	err = kind == KEY_PRIVATE ? read_private(s, content, size, f) : read_secret(s, content, size, f);
	if (!err)
		keyring_remove(ring, id);
	LIST_INSERT_HEAD(&ring->chains[id % CHAINS], s, of_chain);
	if (err)
		secret_free(s);
	return err;
}

bool keyring_matches(const struct keyring *ring, uint32_t id, const uint8_t *spki, size_t size)
{
	const struct secret *s = find(ring, id, KEY_PRIVATE);
	const uint8_t *at = spki;
	EVP_PKEY *other = d2i_PUBKEY(NULL, &at, (long)size);
	const bool same = s && other && EVP_PKEY_eq(s->key, other) == 1;

	EVP_PKEY_free(other);
	ERR_clear_error();
	return same;
}

/* ---- the three questions ---- */

static int psk_auth(void *arg, uint32_t id, uint16_t prf, const uint8_t *octets, size_t size, uint8_t *out)
{
	static const char pad[] = "Key Pad for IKEv2";
	const struct secret *s = find(arg, id, KEY_PSK);
	const struct chunk text = {pad, sizeof(pad) - 1}, in = {octets, size};
	uint8_t key[PRF_SIZE_MAX];
	int err;

	if (!s)
		return -ENOENT;
	/* The peer's own proof is computed here, too. */
	if (!prf_size(prf) || !is_auth_octets(octets, size, prf, false))
		return -EINVAL;
	err = prf_compute(prf, (struct chunk){s->data, s->size}, &text, 1, key);
	if (!err)
		err = prf_compute(prf, (struct chunk){key, prf_size(prf)}, &in, 1, out);
	explicit_bzero(key, sizeof(key));
	prf_forget();
	return err;
}

/* Whoever takes signatures of RFC 7427 by RSA takes PSS (section 5 of it, and RFC 8247 section 3.2). */
static bool may_sign(enum sig_scheme scheme)
{
	switch (scheme) {
	case SIG_ECDSA_SHA256:
	case SIG_ECDSA_SHA384:
	case SIG_ECDSA_SHA512:
	case SIG_RSA_PSS_SHA256:
	case SIG_RSA_PSS_SHA384:
	case SIG_RSA_PSS_SHA512:
		return true;
	default:
		return false;
	}
}

EVP_PKEY *keyring_private(const struct keyring *ring, uint32_t id)
{
	const struct secret *s = find(ring, id, KEY_PRIVATE);

	return s && EVP_PKEY_up_ref(s->key) == 1 ? s->key : NULL;
}

int keyring_sign(EVP_PKEY *key, enum sig_scheme scheme, const uint8_t *octets, size_t size, uint8_t *out,
		 size_t *out_size)
{
	if (!may_sign(scheme) || !is_auth_octets(octets, size, 0, true))
		return -EINVAL;
	return sig_sign(key, scheme, octets, size, out, out_size);
}

static int sign(void *arg, uint32_t id, enum sig_scheme scheme, const uint8_t *octets, size_t size, uint8_t *out,
		size_t *out_size)
{
	const struct secret *s = find(arg, id, KEY_PRIVATE);

	return s ? keyring_sign(s->key, scheme, octets, size, out, out_size) : -ENOENT;
}

static int ppk(void *arg, uint32_t id, uint16_t prf, const uint8_t *in, size_t size, uint8_t *out)
{
	const struct secret *s = find(arg, id, KEY_PPK);
	const struct chunk seed = {in, size};
	int err;

	if (!s)
		return -ENOENT;
	/* SK_d, SK_pi and SK_pr are as long as the PRF's output, and become no longer. */
	if (!prf_size(prf) || size != prf_size(prf))
		return -EINVAL;
	err = prf_plus(prf, (struct chunk){s->data, s->size}, &seed, 1, out, size);
	prf_forget();
	return err;
}

struct keyholder_ops keyring_ops(struct keyring *ring)
{
	return (struct keyholder_ops){.psk_auth = psk_auth, .sign = sign, .ppk = ppk, .arg = ring};
}
